"""The same shape in `transformers`: the reference of the model's tests, and the peer of the benchmarks."""

import os
from typing import TYPE_CHECKING

from lrsweep.trainers.builtin.settings import Model

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM

# Our name of each weight in a block, and Llama's.
LLAMA_NAMES = {
    "attention_norm": "input_layernorm",
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "attention.out": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "ffn.down": "mlp.down_proj",
}


def llama(section: Model, vocab_size: int) -> "LlamaForCausalLM":
    """Llama with the shape of our model, weights drawn by `transformers`."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=section.d_model,
        intermediate_size=section.d_ff,
        num_hidden_layers=section.n_layers,
        num_attention_heads=section.n_heads,
        num_key_value_heads=section.n_heads,
        max_position_embeddings=section.context_length,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": section.rope_theta},
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LlamaForCausalLM(config).eval()


def llama_layout(section: Model, name: str, weight: "Tensor") -> "Tensor":
    """Rows of q and k from our order (pairs are neighbours) to Llama's (pairs are half a head apart)."""
    if name not in ("q", "k"):
        return weight
    return weight.unflatten(0, (section.n_heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def llama_weights(section: Model, tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Our tensors, by our names, as Llama's state dict; it holds for gradients too."""
    named = {"model.embed_tokens.weight": tensors["embedding.weight"], "model.norm.weight": tensors["norm.weight"]}
    named["lm_head.weight"] = tensors["head.weight"]
    for layer in range(section.n_layers):
        of_layer = dict(zip("qkv", tensors[f"blocks.{layer}.attention.qkv.weight"].chunk(3), strict=True))
        of_layer |= dict(zip(("gate", "up"), tensors[f"blocks.{layer}.ffn.gate_up.weight"].chunk(2), strict=True))
        of_layer |= {name: tensors[f"blocks.{layer}.{name}.weight"] for name in LLAMA_NAMES if name not in of_layer}
        for ours, theirs in LLAMA_NAMES.items():
            weight = llama_layout(section, ours, of_layer[ours])
            named[f"model.layers.{layer}.{theirs}.weight"] = weight.contiguous()
    return named
