"""The language model: a decoder-only transformer as in CS336, with RMSNorm before each part, RoPE and SwiGLU.

Shapes: B batch, T tokens, D model, H heads, K width of a head, F inner width, V vocabulary.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lrsweep import params
from lrsweep.seeding import derive_seed

RMS_EPS = 1e-5  # as in CS336 and Llama


class RMSNorm(nn.Module):
    """x / rms(x) · gain (Zhang and Sennrich 2019, arXiv 1910.07467, equation 4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, RMS_EPS)


def rotary_tables(context_length: int, head_width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of RoPE (Su et al. 2021, arXiv 2104.09864, equation 34), each T x K; the halves of a head are pairs."""
    frequencies = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angles = torch.outer(torch.arange(context_length, dtype=torch.float64), frequencies)
    doubled = torch.cat([angles, angles], dim=-1)
    return doubled.cos().float(), doubled.sin().float()


def rotate(x_BHTK: Tensor, cos_TK: Tensor, sin_TK: Tensor) -> Tensor:
    """Turns each pair of a head by its position's angle."""
    left, right = x_BHTK.chunk(2, dim=-1)
    return x_BHTK * cos_TK + torch.cat([-right, left], dim=-1) * sin_TK


class Cache:
    """Keys and values of the tokens so far, one pair a layer, for generation."""

    def __init__(self) -> None:
        self.keys: dict[int, Tensor] = {}
        self.values: dict[int, Tensor] = {}
        self.length = 0

    def extend(self, layer: int, k_BHTK: Tensor, v_BHTK: Tensor) -> tuple[Tensor, Tensor]:
        if layer in self.keys:
            k_BHTK = torch.cat([self.keys[layer], k_BHTK], dim=2)
            v_BHTK = torch.cat([self.values[layer], v_BHTK], dim=2)
        self.keys[layer], self.values[layer] = k_BHTK, v_BHTK
        return k_BHTK, v_BHTK


class Block(nn.Module):
    """Attention and SwiGLU, each behind a norm and added to the stream."""

    def __init__(self, section: params.Model, layer: int) -> None:
        super().__init__()
        self.layer, self.n_heads = layer, section.n_heads
        self.attention_norm, self.ffn_norm = RMSNorm(section.d_model), RMSNorm(section.d_model)
        self.qkv = nn.Linear(section.d_model, 3 * section.d_model, bias=False)
        self.out = nn.Linear(section.d_model, section.d_model, bias=False)
        self.gate_up = nn.Linear(section.d_model, 2 * section.d_ff, bias=False)
        self.down = nn.Linear(section.d_ff, section.d_model, bias=False)

    def forward(self, x_BTD: Tensor, cos_TK: Tensor, sin_TK: Tensor, cache: Cache | None) -> Tensor:
        x_BTD = x_BTD + self._attend(self.attention_norm(x_BTD), cos_TK, sin_TK, cache)
        gate_BTF, up_BTF = self.gate_up(self.ffn_norm(x_BTD)).chunk(2, dim=-1)
        return x_BTD + self.down(F.silu(gate_BTF) * up_BTF)

    def _attend(self, x_BTD: Tensor, cos_TK: Tensor, sin_TK: Tensor, cache: Cache | None) -> Tensor:
        n_batch, n_tokens, width = x_BTD.shape
        heads = self.qkv(x_BTD).view(n_batch, n_tokens, 3, self.n_heads, width // self.n_heads)
        q_BHTK, k_BHTK, v_BHTK = heads.permute(2, 0, 3, 1, 4)
        q_BHTK, k_BHTK = rotate(q_BHTK, cos_TK, sin_TK), rotate(k_BHTK, cos_TK, sin_TK)
        if cache is not None:
            k_BHTK, v_BHTK = cache.extend(self.layer, k_BHTK, v_BHTK)
        # With a cache the first call is causal and later ones have a single query that sees all keys.
        out_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=n_tokens > 1)
        return self.out(out_BHTK.transpose(1, 2).reshape(n_batch, n_tokens, width))


class Transformer(nn.Module):
    """Token ids to logits. Weights are uninitialized until init_weights or load_state_dict."""

    def __init__(self, section: params.Model, vocab_size: int) -> None:
        super().__init__()
        self.context_length = section.context_length
        self.embedding = nn.Embedding(vocab_size, section.d_model)
        self.blocks = nn.ModuleList(Block(section, layer) for layer in range(section.n_layers))
        self.norm = RMSNorm(section.d_model)
        self.head = nn.Linear(section.d_model, vocab_size, bias=False)
        cos_TK, sin_TK = rotary_tables(section.context_length, section.d_model // section.n_heads, section.rope_theta)
        self.register_buffer("cos_TK", cos_TK, persistent=False)
        self.register_buffer("sin_TK", sin_TK, persistent=False)

    def forward(self, ids_BT: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits B x T x V. With a filled cache, ids_BT is the one next token."""
        start = cache.length if cache is not None else 0
        stop = start + ids_BT.shape[1]
        cos_TK, sin_TK = self.cos_TK[start:stop], self.sin_TK[start:stop]
        x_BTD = self.embedding(ids_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, cos_TK, sin_TK, cache)
        if cache is not None:
            cache.length = stop
        return self.head(self.norm(x_BTD))


def init_weights(model: Transformer, seed: int) -> None:
    """CS336's initialization: linear weights from a normal of variance 2 / (in + out) and embeddings of 1, cut at 3 sigma."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "init"))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            sigma = math.sqrt(2.0 / (module.in_features + module.out_features))
            nn.init.trunc_normal_(module.weight, 0.0, sigma, -3 * sigma, 3 * sigma, generator=generator)
        elif isinstance(module, nn.Embedding):
            nn.init.trunc_normal_(module.weight, 0.0, 1.0, -3.0, 3.0, generator=generator)
