"""The model against transformers' Llama with the same weights; its cache, its initial weights."""

import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save

from lrsweep.config import params
from lrsweep.trainers.builtin.model import Cache, Transformer, init_weights
from tests.llama import llama, llama_weights

SECTION = params.Model(d_model=32, n_layers=2, n_heads=4, d_ff=48, context_length=24, rope_theta=10000.0)
VOCAB = 50


@pytest.fixture
def model():
    return build(SECTION, seed=3)


@pytest.fixture
def ids_BT():
    return torch.randint(0, VOCAB, (3, 24), generator=torch.Generator().manual_seed(0))


def build(section, seed):
    model = Transformer(section, VOCAB)
    init_weights(model, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():  # gains that are all 1 would hide a norm in the wrong place
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    return model


@pytest.mark.parametrize("avx512", [False, True])  # either way of a product, whatever this processor has
def test_the_same_logits_and_gradients_as_llama(model, ids_BT, avx512, monkeypatch):
    monkeypatch.setattr("lrsweep.model.AVX512", avx512)
    other = llama(SECTION, VOCAB)
    other.load_state_dict(llama_weights(SECTION, model.state_dict()))
    ours_BTV, theirs_BTV = model(ids_BT), other(ids_BT).logits
    torch.testing.assert_close(ours_BTV, theirs_BTV, atol=1e-5, rtol=0)
    for logits_BTV in (ours_BTV, theirs_BTV):
        F.cross_entropy(logits_BTV[:, :-1].flatten(0, 1), ids_BT[:, 1:].flatten()).backward()
    ours = llama_weights(SECTION, {name: weight.grad for name, weight in model.named_parameters()})
    theirs = {name: weight.grad for name, weight in other.named_parameters()}
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-5, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}")


def test_a_token_does_not_see_later_ones(model, ids_BT):
    changed_BT = ids_BT.clone()
    changed_BT[:, 12:] = (changed_BT[:, 12:] + 1) % VOCAB
    with torch.no_grad():
        before_BTV, after_BTV = model(ids_BT), model(changed_BT)
    torch.testing.assert_close(before_BTV[:, :12], after_BTV[:, :12])
    assert (before_BTV[:, 12:] - after_BTV[:, 12:]).abs().amax(-1).min() > 1e-3


def test_attention_sees_distances_and_no_positions(model):
    block, x_BTD = model.blocks[0], torch.randn(1, 6, SECTION.d_model, generator=torch.Generator().manual_seed(1))
    unturned_TP = torch.ones_like(model.turns_TP[:6])
    with torch.no_grad():
        here, later, without = (
            block(x_BTD, turns_TP, None) for turns_TP in (model.turns_TP[:6], model.turns_TP[9:15], unturned_TP)
        )
    torch.testing.assert_close(here, later, atol=1e-5, rtol=0)
    assert (here - without).abs().max() > 1e-3


@pytest.mark.parametrize("n_prompt", [1, 10, 24])
def test_the_cache_changes_nothing(model, ids_BT, n_prompt):
    cache = Cache(model.context_length)
    with torch.no_grad():
        parts = [model(ids_BT[:, :n_prompt], cache), *(model(ids_BT[:, t : t + 1], cache) for t in range(n_prompt, 24))]
        torch.testing.assert_close(torch.cat(parts, dim=1), model(ids_BT), atol=1e-5, rtol=1e-5)
    assert cache.length == 24


def test_misuse_of_the_cache_is_a_bug(model, ids_BT):
    cache = Cache(model.context_length)
    model(ids_BT[:, :22], cache)
    with pytest.raises(AssertionError, match="one token at a time"):
        model(ids_BT[:, 22:], cache)
    with pytest.raises(AssertionError, match="positions end"):
        model(torch.cat([ids_BT, ids_BT], dim=1))


def test_initial_weights_come_from_the_seed_alone():
    torch.manual_seed(99)
    before = torch.get_rng_state()
    models = [Transformer(SECTION, VOCAB) for _ in range(3)]
    for model, seed in zip(models, (3, 3, 4), strict=True):
        init_weights(model, seed)
    assert torch.equal(torch.get_rng_state(), before), "the global generator was used"
    for first, again, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(first, again) and (first.dim() == 1 or not torch.equal(first, other))


def test_initial_weights_have_the_spread_of_cs336():
    model = Transformer(SECTION.model_copy(update={"d_model": 128, "d_ff": 384}), 512)
    init_weights(model, 0)
    cut = 0.9866  # standard deviation of a normal that is cut at 3 sigma
    for name, weight in model.named_parameters():
        if "norm" in name:
            assert torch.equal(weight, torch.ones_like(weight))
            continue
        for matrix in weight.chunk({"qkv": 3, "gate_up": 2}.get(name.split(".")[-2], 1)):
            sigma = 1.0 if "embedding" in name else math.sqrt(2 / sum(matrix.shape))
            assert matrix.std().item() == pytest.approx(cut * sigma, rel=0.02), name
            assert matrix.abs().max() <= 3 * sigma and abs(matrix.mean().item()) < 0.03 * sigma, name


def test_weights_survive_safetensors(model, ids_BT):
    other = Transformer(SECTION, VOCAB)
    other.load_state_dict(load(save(model.state_dict())))
    with torch.no_grad():
        assert torch.equal(model(ids_BT), other(ids_BT))
