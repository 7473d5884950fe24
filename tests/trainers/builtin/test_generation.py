"""Completions: the cache, the sliding window, nucleus sampling, what ends them."""

import pytest
import torch
from safetensors.torch import save_file

from lrsweep.errors import UserError
from lrsweep.trainers.builtin.generation import generate, load_model, sample
from lrsweep.trainers.builtin.model import Transformer, init_weights
from tests.trainers.builtin.tiny import MODEL

SECTION = MODEL.model_copy(update={"n_heads": 4, "context_length": 24})
NEVER = -1  # a stop_id that no token has


@pytest.fixture
def model():
    model = Transformer(SECTION, 50)
    init_weights(model, 3)
    return model


def greedy_without_cache(model, prompt, max_tokens):
    """The same window, read anew for every token."""
    window, new = list(prompt), []
    for _ in range(max_tokens):
        with torch.no_grad():
            new.append(int(model(torch.tensor([window]))[0, -1].argmax()))
        window.append(new[-1])
        if len(window) > SECTION.context_length:
            window = window[-(SECTION.context_length // 2) :]
    return new


@pytest.mark.parametrize("prompt", [[7], [1, 2, 3], list(range(24))])
def test_greedy_completions_slide_past_the_context_as_without_a_cache(model, prompt):
    new = generate(model, prompt, 60, 0.0, 1.0, 0, NEVER)
    assert new == greedy_without_cache(model, prompt, 60)


def test_completions_follow_the_seed_alone(model):
    first, again, other = (generate(model, [1], 60, 1.0, 0.9, seed, NEVER) for seed in (5, 5, 6))
    assert len(first) == 60 and first == again != other


def test_a_completion_ends_with_the_stop_token(model):
    free = generate(model, [1], 40, 1.0, 1.0, 5, NEVER)
    stop = free[20]
    assert generate(model, [1], 40, 1.0, 1.0, 5, stop) == free[: free.index(stop) + 1]


def test_an_empty_prompt_starts_after_the_stop_token(model):
    assert generate(model, [], 5, 0.0, 1.0, 0, 9) == generate(model, [9], 5, 0.0, 1.0, 0, 9)
    assert generate(model, [], 5, 0.0, 1.0, 0, 9) != generate(model, [8], 5, 0.0, 1.0, 0, 9)


def test_the_prompt_is_left_as_it_was(model):
    prompt = [1, 2, 3]
    generate(model, prompt, 40, 1.0, 1.0, 0, NEVER)
    assert prompt == [1, 2, 3]


def test_weights_that_were_written_complete_the_same(model, tmp_path):
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    read = load_model(tmp_path / "model.safetensors", SECTION, 50)
    assert generate(read, [1], 20, 1.0, 1.0, 5, NEVER) == generate(model, [1], 20, 1.0, 1.0, 5, NEVER)


def draws(logits, temperature, top_p, n=4000):
    generator = torch.Generator().manual_seed(0)
    tokens = [sample(torch.tensor(logits), temperature, top_p, generator) for _ in range(n)]
    return torch.bincount(torch.tensor(tokens), minlength=len(logits)) / n


LOGITS = torch.tensor([0.1, 0.5, 0.15, 0.25]).log().tolist()


@pytest.mark.parametrize(
    ("temperature", "top_p", "shares"),
    [
        (1.0, 1.0, [0.1, 0.5, 0.15, 0.25]),
        (1.0, 0.7, [0, 2 / 3, 0, 1 / 3]),  # 0.5 is not enough, 0.75 is
        (1.0, 0.4, [0, 1, 0, 0]),  # the likeliest token always stays
        (0.5, 1.0, [0.01 / 0.345, 0.25 / 0.345, 0.0225 / 0.345, 0.0625 / 0.345]),  # squares, normalized
        (0.0, 1.0, [0, 1, 0, 0]),
        (1e-300, 1.0, [0, 1, 0, 0]),
    ],
)
def test_tokens_are_drawn_from_the_nucleus(temperature, top_p, shares):
    assert draws(LOGITS, temperature, top_p).tolist() == pytest.approx(shares, abs=0.03)


def test_of_a_prompt_longer_than_the_context_the_end_is_read(model):
    prompt = [number % 50 for number in range(31)]
    assert generate(model, prompt, 5, 1.0, 1.0, 0, NEVER) == generate(model, prompt[-24:], 5, 1.0, 1.0, 0, NEVER)
    assert generate(model, prompt, 5, 0.0, 1.0, 0, NEVER) != generate(model, prompt[:24], 5, 0.0, 1.0, 0, NEVER)


def test_weights_that_diverged_are_named(model):
    with torch.no_grad():
        model.head.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="lr: found weights that diverged"):
        generate(model, [1], 5, 1.0, 1.0, 0, NEVER)
