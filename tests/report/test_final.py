"""What the page says of the final training: the stated loss, and the gain at its length."""

from dataclasses import replace

from lrsweep.analysis.comparison import chain, compare
from lrsweep.analysis.noise import Noise
from tests.found import NOTHING_COMPARED
from tests.report.test_report import content, held_out, render, words


def test_the_stated_final_loss_is_the_one_on_the_test_text():
    """Validation chose the configuration, so its loss is the better one; where there is no test text it is all there is."""
    page = words(render(content()))
    assert "1.500 nats on the test text (1.700 in validation); perplexity 4.48" in page
    without = words(render(replace(content(), final=replace(content().final, test_loss_nats=None))))
    assert "1.700 nats perplexity 4.48" in without and "nats on the test text" not in without


def without_comparison(page):
    setting = {**page.setting, "train": {**page.setting["train"], "compare": None}}
    return replace(page, setting=setting, comparison=NOTHING_COMPARED)


def test_the_headline_gain_is_the_one_at_the_final_length_split_by_hyperparameter():
    page = words(render(content()))
    assert (
        "After these 100 steps the loss is 0.580 nats below that of the library's default at 0.001 (95 % interval 0.517 to 0.643"
        in page
    )
    assert "0.500 nats by maximum learning rate; 0.080 nats by beta2" in page  # noise: 2.228 · 0.02 · sqrt(2) = 0.063
    assert "0.580 nats 95 % interval 0.517 to 0.643;" in page and "may be noise" not in page
    assert "Selected minus default" not in page
    without = words(render(without_comparison(content())))
    assert "Selected minus default" in without and "train.compare: null" in without and "final training it ends" not in without


def test_the_gain_of_a_final_training_at_another_learning_rate_is_said_to_be_of_that():
    whole = content()
    page = words(render(replace(whole, final=replace(whole.final, lr=0.003))))
    assert "The final training here was at 0.003, set by hand: after 100 steps its loss is 0.580 nats below" in page
    assert "After these 100 steps" not in page and "Gain on the default, after 100 steps at 0.003" in page
    assert "set by hand: after" not in words(render(whole))


def test_a_part_of_the_gain_within_the_noise_says_so():
    steps = chain({"lr": 0.001, "beta2": 0.999}, {"lr": 0.01, "beta2": 0.97}, each=False)
    found = compare(steps, lambda number: ((2.08,), (1.58,), (1.53,))[number], "test", Noise(0.02, 10), {})
    page = words(render(replace(content(), comparison=found)))
    assert "0.500 nats by maximum learning rate; 0.050 nats by beta2, which may be noise." in page
    unknown = words(render(replace(content(), comparison=replace(found, noise_nats=None))))
    assert "0.550 nats below that of the library's default at 0.001: 0.500" in unknown and "which may be noise" not in unknown


def test_a_default_that_diverges_at_the_final_length_leaves_no_gain():
    whole = content()
    first, second, last = whole.comparison.links
    links = (replace(first, losses_nats=(None,)), replace(second, gain_nats=None), last)
    page = words(render(replace(whole, comparison=replace(whole.comparison, links=links, gain_nats=None))))
    assert "the library's default 1 diverged" in page and "final training it ends" not in page and "Together they" not in page


def test_repeated_documents_are_a_warning_on_the_page():
    page = render(replace(content(), held_out=held_out(valid=3, test=2)))
    assert "3 of 12 validation documents stand in the training text too" in page
    assert "2 of 12 test documents stand in the training text too" in page
    assert "documents stand in" not in render(content())
