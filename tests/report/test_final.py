"""What the page says of the final training: the stated loss, and the gain at its length."""

from dataclasses import replace

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
    assert "After these 100 steps the loss is 0.580 nats below that of the library's default: 0.500 nats by" in page
    assert "0.080 nats by beta2" in page and "A difference up to 0.063 may be noise" in page  # 2.228 · 0.02 · sqrt(2)
    assert "Selected minus default" not in page
    without = words(render(without_comparison(content())))
    assert "Selected minus default" in without and "train.compare: null" in without and "final training it ends" not in without


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
