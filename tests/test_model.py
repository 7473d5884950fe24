"""The model against transformers' Llama with the same weights, and generation with its cache."""

import os

import pytest
import torch

from lrsweep import params
from lrsweep.errors import UserError
from lrsweep.generation import generate
from lrsweep.model import Cache, Transformer, init_weights

SECTION = params.Model(d_model=32, n_layers=2, n_heads=4, d_ff=48, context_length=24, rope_theta=10000.0)
VOCAB = 50


@pytest.fixture
def model():
    model = Transformer(SECTION, VOCAB)
    init_weights(model, 3)
    return model


@pytest.fixture
def ids_BT():
    return torch.randint(0, VOCAB, (3, 24), generator=torch.Generator().manual_seed(0))


def llama(model):
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=24,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=False,
    )
    other = LlamaForCausalLM(config).eval()
    weights = {"model.embed_tokens.weight": model.embedding.weight, "model.norm.weight": model.norm.weight}
    weights["lm_head.weight"] = model.head.weight
    for i, block in enumerate(model.blocks):
        at = f"model.layers.{i}"
        parts = zip(("q", "k", "v"), block.qkv.weight.chunk(3), strict=True)
        weights |= {f"{at}.self_attn.{name}_proj.weight": part for name, part in parts}
        gate, up = block.gate_up.weight.chunk(2)
        weights |= {f"{at}.mlp.gate_proj.weight": gate, f"{at}.mlp.up_proj.weight": up}
        weights |= {f"{at}.self_attn.o_proj.weight": block.out.weight, f"{at}.mlp.down_proj.weight": block.down.weight}
        weights |= {f"{at}.input_layernorm.weight": block.attention_norm.weight}
        weights |= {f"{at}.post_attention_layernorm.weight": block.ffn_norm.weight}
    other.load_state_dict(weights)
    return other


def test_the_same_logits_as_llama(model, ids_BT):
    with torch.no_grad():
        torch.testing.assert_close(model(ids_BT), llama(model)(ids_BT).logits, atol=1e-5, rtol=0)


def test_a_token_does_not_see_later_ones(model, ids_BT):
    changed = ids_BT.clone()
    changed[:, 12:] = 0
    with torch.no_grad():
        torch.testing.assert_close(model(ids_BT)[:, :12], model(changed)[:, :12])


def test_weights_come_from_the_seed_alone(model):
    torch.manual_seed(99)
    other = Transformer(SECTION, VOCAB)
    init_weights(other, 3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_the_cache_changes_nothing(model, ids_BT):
    cache = Cache()
    with torch.no_grad():
        parts = [model(ids_BT[:, :10], cache), *(model(ids_BT[:, t : t + 1], cache) for t in range(10, 24))]
        torch.testing.assert_close(torch.cat(parts, dim=1), model(ids_BT), atol=1e-5, rtol=1e-5)


def test_greedy_completions_are_the_likeliest_tokens(model):
    new = generate(model, [1, 2, 3], 6, 0.0, 1.0, 0, stop_id=-1)
    ids = [1, 2, 3]
    for token in new:
        assert token == int(model(torch.tensor([ids]))[0, -1].argmax())
        ids.append(token)


def test_completions_go_past_the_context_and_follow_the_seed(model):
    first, again, other = (generate(model, [1], 60, 1.0, 0.9, seed, stop_id=-1) for seed in (5, 5, 6))
    assert len(first) == 60 and first == again != other


def test_a_prompt_longer_than_the_context_is_refused(model):
    with pytest.raises(UserError, match=r"generate\.prompts: found a prompt of 25 tokens"):
        generate(model, [1] * 25, 5, 1.0, 1.0, 0, stop_id=0)
