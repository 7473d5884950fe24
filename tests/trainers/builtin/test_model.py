"""The model against transformers' Llama and, with its switches, a plain one; its cache, its initial weights."""

import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save

from lrsweep.trainers.builtin.blocks import Cache
from lrsweep.trainers.builtin.model import Transformer, init_weights
from tests.llama import llama, llama_weights
from tests.trainers.builtin.tiny import MODEL

SECTION = MODEL.model_copy(update={"n_heads": 4, "context_length": 24})
SWITCHES = [
    {"norm": norm, "position": position, "ffn": ffn}
    for norm in ("pre", "post", "none")
    for position in ("rope", "none")
    for ffn in ("swiglu", "silu")
]
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


@pytest.mark.parametrize("onednn", [False, True])  # either way of a product, whatever this processor has
def test_the_same_logits_and_gradients_as_llama(model, ids_BT, onednn, monkeypatch):
    monkeypatch.setattr("lrsweep.trainers.builtin.layers.ONEDNN", onednn)
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


def plain_norm(x, gain):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * gain


def plain_attention(x_TD, qkv, out, n_heads, theta):
    """A head and a token at a time; theta None turns nothing."""
    heads_TD = []
    width = x_TD.shape[1] // n_heads
    for head in range(n_heads):
        q_TK, k_TK, v_TK = (x_TD @ matrix[head * width : (head + 1) * width].T for matrix in qkv.chunk(3))
        if theta is not None:
            q_TK, k_TK = (torch.stack([plain_turn(x_K, t, theta) for t, x_K in enumerate(x_TK)]) for x_TK in (q_TK, k_TK))
        rows = []
        for t, q_K in enumerate(q_TK):
            scores = torch.tensor([q_K @ k_TK[s] / math.sqrt(width) for s in range(t + 1)], dtype=x_TD.dtype)
            rows.append(torch.softmax(scores, 0) @ v_TK[: t + 1])
        heads_TD.append(torch.stack(rows))
    return torch.cat(heads_TD, dim=1) @ out.T


def plain_turn(x_K, position, theta):
    turned = x_K.clone()
    for p in range(len(x_K) // 2):
        angle = position * theta ** (-2 * p / len(x_K))
        cos, sin = math.cos(angle), math.sin(angle)
        turned[2 * p], turned[2 * p + 1] = cos * x_K[2 * p] - sin * x_K[2 * p + 1], sin * x_K[2 * p] + cos * x_K[2 * p + 1]
    return turned


def plain_ffn(x_TD, weights, ffn):
    """W2 (SiLU(W1 x) · W3 x) or W2 SiLU(W1 x), where SiLU(z) = z / (1 + e^-z)."""
    if ffn == "swiglu":
        gate, up = weights["gate_up"].chunk(2)
        z = x_TD @ gate.T
        return (z / (1 + (-z).exp()) * (x_TD @ up.T)) @ weights["down"].T
    z = x_TD @ weights["up"].T
    return z / (1 + (-z).exp()) @ weights["down"].T


def plain_model(section, weights, ids_T):
    """Logits T x V in 64 bits, by the formulas of CS336 and of its ablations."""
    weights = {name: weight.detach().double() for name, weight in weights.items()}
    x = weights["embedding.weight"][ids_T]
    theta = section.rope_theta if section.position == "rope" else None
    for layer in range(section.n_layers):
        of_layer = {n.removeprefix(f"blocks.{layer}."): w for n, w in weights.items() if n.startswith(f"blocks.{layer}.")}
        feed = {n.split(".")[1]: w for n, w in of_layer.items() if n.startswith("ffn.")}

        def attend(y, of_layer=of_layer):
            qkv, out = of_layer["attention.qkv.weight"], of_layer["attention.out.weight"]
            return plain_attention(y, qkv, out, section.n_heads, theta)

        parts = [("attention_norm", attend), ("ffn_norm", lambda y, feed=feed: plain_ffn(y, feed, section.ffn))]
        for gain, part in parts:
            if section.norm == "none":
                x = x + part(x)
            elif section.norm == "pre":
                x = x + part(plain_norm(x, of_layer[f"{gain}.weight"]))
            else:
                x = plain_norm(x + part(x), of_layer[f"{gain}.weight"])
    x = plain_norm(x, weights["norm.weight"]) if section.norm == "pre" else x
    return x @ weights["head.weight"].T


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda switches: "-".join(switches.values()))
def test_every_switch_gives_the_model_of_its_formula(switches, ids_BT):
    section = SECTION.model_copy(update=switches)
    model = build(section, seed=3)
    with torch.no_grad():
        ours_BTV = model(ids_BT)
    theirs_TV = plain_model(section, dict(model.named_parameters()), ids_BT[0])
    scale = theirs_TV.abs().max().item()
    torch.testing.assert_close(ours_BTV[0].double(), theirs_TV, atol=1e-5 * scale, rtol=0)


def test_the_feed_forward_parts_have_equal_numbers_of_parameters():
    sizes = {
        ffn: sum(weight.numel() for weight in Transformer(SECTION.model_copy(update={"ffn": ffn}), VOCAB).parameters())
        for ffn in ("swiglu", "silu")
    }
    assert sizes["swiglu"] == sizes["silu"]


def test_a_model_without_norms_has_no_gains():
    names = {
        norm: [n for n, _ in build(SECTION.model_copy(update={"norm": norm}), 3).named_parameters()] for norm in ("none", "post")
    }
    assert not any("norm" in name for name in names["none"])
    assert [name for name in names["post"] if "norm" in name and not name.startswith("blocks")] == []


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


@pytest.mark.parametrize("switches", [SWITCHES[0], SWITCHES[-1], {"norm": "post"}])
@pytest.mark.parametrize("n_prompt", [1, 10, 24])
def test_the_cache_changes_nothing(ids_BT, n_prompt, switches):
    model = build(SECTION.model_copy(update=switches), 3)
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
