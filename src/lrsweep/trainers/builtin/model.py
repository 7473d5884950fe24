"""The language model: a decoder-only transformer as in Stanford's CS336 (assignment 1), with RMSNorm, RoPE and SwiGLU.

Shapes: B batch, T tokens, D model, H heads, K width of a head, P = K / 2 pairs of a head, F inner width, V vocabulary.

A step at the default scale (one thread with AVX-512, 16 x 64 tokens, 10.4 ms): forward 3.4, backward 6.7, clipping 0.3, AdamW
0.3. Alternatives that were measured: products by way of oneDNN's own tensors +1.0 ms, by MKL +4; matrices of the same input
not joined +0.5; RoPE on q and k apart +0.3, on the halves of a head +0.7, by `roll` +0.5, where it is a complex product here; a
gradient written by hand, which has no second derivative, of RMSNorm -0.2, of SwiGLU -0.1, of the loss 0; the loss in chunks of
the batch +1. torch.compile gained nothing on products by oneDNN, and 2 of 29 ms on MKL's, with AVX2, for 21 s of compiling.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lrsweep.config import params
from lrsweep.seeding import derive_seed

RMS_EPS = 1e-5  # as in CS336 assignment 1 and Llama 2
AVX512 = torch.backends.cpu.get_cpu_capability() == "AVX512"


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) · gain over the last axis (Zhang and Sennrich 2019, arXiv 1910.07467, equation 4, and eps)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """The normed x, of the same shape."""
        return F.rms_norm(x, self.weight.shape, self.weight, RMS_EPS)


class Linear(nn.Linear):
    """Matrices of one shape that take the same input, one below the other, without bias: one product is faster than several."""

    def __init__(self, n_in: int, n_out: int, n_matrices: int = 1, device: str | None = None) -> None:
        super().__init__(n_in, n_matrices * n_out, bias=False, device=device)
        self.n_out = n_out

    def forward(self, x: Tensor) -> Tensor:
        """The product of x B x T x in, B x T x out.

        torch hands plain matrices to MKL, which leaves AVX-512 unused on AMD's processors: there oneDNN makes the product, as a
        convolution of one pixel. One thread of an EPYC with AVX-512: 250 GFLOP/s, MKL 115. With AVX2 MKL is faster, 75 beside 57.
        A single row is left to MKL.
        """
        onednn = AVX512 and torch.backends.mkldnn.enabled and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        if not onednn or x.shape[-2] == 1:
            return F.linear(x, self.weight)
        # pixels whose channels are neighbours in memory: neither x nor the result is copied
        pixels_BDT1 = x.unsqueeze(-2).permute(0, 3, 1, 2)
        return F.conv2d(pixels_BDT1, self.weight[:, :, None, None]).permute(0, 2, 3, 1).squeeze(-2)


@contextmanager
def twice_differentiable() -> Iterator[None]:
    """Only kernels that have a second derivative: the fused ones of attention have none, nor have oneDNN's products."""
    enabled = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # its flags() sets more, and warns of it
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mkldnn.enabled = enabled


def linear(n_in: int, n_out: int, n_matrices: int = 1) -> nn.Linear:
    """Matrices without values: nn.Linear alone would draw them from the global generator."""
    return nn.utils.skip_init(Linear, n_in, n_out, n_matrices)


def rotations(context_length: int, head_width: int, theta: float) -> Tensor:
    """RoPE's turns e^(i t theta^(-2p/K)), complex64, T x P (Su et al. 2021, arXiv 2104.09864, equation 15)."""
    frequencies_P = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angles_TP = torch.outer(torch.arange(context_length, dtype=torch.float64), frequencies_P)
    return torch.polar(torch.ones_like(angles_TP), angles_TP).to(torch.complex64)


def rotate(x_BTHK: Tensor, turns_TP: Tensor) -> Tensor:
    """Turns each pair (2p, 2p + 1) of a head by its position's angle: neighbours are pairs, as in CS336.

    Llama in `transformers` pairs p with p + K/2 instead: the same function with the rows of q and k in another order.
    """
    pairs_BTHP = torch.view_as_complex(x_BTHK.float().unflatten(-1, (-1, 2)))  # there is no complex bfloat16
    return torch.view_as_real(pairs_BTHP * turns_TP[:, None]).flatten(-2).type_as(x_BTHK)


class Cache:
    """Rotated keys and values of the tokens so far, for generation: of each layer two tensors with room for the whole context."""

    def __init__(self, context_length: int) -> None:
        self.context_length = context_length
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        self.length = 0  # tokens

    def extend(self, layer: int, k_BTHK: Tensor, v_BTHK: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the newest tokens' keys and values; returns those of all tokens."""
        n_newest = k_BTHK.shape[1]
        if layer not in self.layers:
            n_sequences, _, *head = k_BTHK.shape
            room = n_sequences, self.context_length, *head
            self.layers[layer] = k_BTHK.new_empty(room), v_BTHK.new_empty(room)
        keys_BTHK, values_BTHK = self.layers[layer]
        keys_BTHK.narrow(1, self.length, n_newest).copy_(k_BTHK)
        values_BTHK.narrow(1, self.length, n_newest).copy_(v_BTHK)
        n_all = self.length + n_newest
        return keys_BTHK.narrow(1, 0, n_all), values_BTHK.narrow(1, 0, n_all)


class Block(nn.Module):
    """Causal attention, then SwiGLU (Shazeer 2020, arXiv 2002.05202), each behind a norm and added to the stream."""

    def __init__(self, section: params.Model, layer: int) -> None:
        super().__init__()
        self.layer, self.n_heads = layer, section.n_heads
        self.attention_norm, self.ffn_norm = RMSNorm(section.d_model), RMSNorm(section.d_model)
        self.qkv, self.out = linear(section.d_model, section.d_model, 3), linear(section.d_model, section.d_model)
        self.gate_up = linear(section.d_model, section.d_ff, 2)  # CS336: w1, w3
        self.down = linear(section.d_ff, section.d_model)  # CS336: w2

    def forward(self, x_BTD: Tensor, turns_TP: Tensor, cache: Cache | None) -> Tensor:
        """The stream B x T x D behind this block; a cache takes in the keys and values of the new tokens."""
        x_BTD = x_BTD + self._attend(self.attention_norm(x_BTD), turns_TP, cache)
        normed_BTD = self.ffn_norm(x_BTD)
        gate, up = self.gate_up(normed_BTD).chunk(2, dim=-1)
        return x_BTD + self.down(F.silu(gate) * up)

    def _attend(self, x_BTD: Tensor, turns_TP: Tensor, cache: Cache | None) -> Tensor:
        heads = self.qkv(x_BTD).unflatten(-1, (3 * self.n_heads, -1))
        to_turn, v_BTHK = heads.split([2 * self.n_heads, self.n_heads], dim=2)
        q_BTHK, k_BTHK = rotate(to_turn, turns_TP).chunk(2, dim=2)
        if cache is not None:
            k_BTHK, v_BTHK = cache.extend(self.layer, k_BTHK, v_BTHK)
        q_BHTK, k_BHTK, v_BHTK = (x_BTHK.transpose(1, 2) for x_BTHK in (q_BTHK, k_BTHK, v_BTHK))
        # A single query is the newest token and sees every key; Transformer.forward admits no other query beside a filled cache.
        out_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=x_BTD.shape[1] > 1)
        return self.out(out_BHTK.transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """Token ids to logits. Weights have no values until init_weights or load_state_dict."""

    def __init__(self, section: params.Model, vocab_size: int) -> None:
        super().__init__()
        self.context_length = section.context_length
        self.embedding = nn.utils.skip_init(nn.Embedding, vocab_size, section.d_model)
        self.blocks = nn.ModuleList(Block(section, layer) for layer in range(section.n_layers))
        self.norm = RMSNorm(section.d_model)
        self.head = linear(section.d_model, vocab_size)  # not tied to the embedding
        turns_TP = rotations(section.context_length, section.d_model // section.n_heads, section.rope_theta)
        self.register_buffer("turns_TP", turns_TP, persistent=False)

    def forward(self, ids_BT: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits B x T x V of the tokens that follow each of ids_BT; beside a filled cache ids_BT is the one newest token."""
        n_tokens, start = ids_BT.shape[1], cache.length if cache is not None else 0
        assert start + n_tokens <= self.context_length, "positions end at the context length"
        assert start == 0 or n_tokens == 1, "a filled cache takes one token at a time"
        turns_TP = self.turns_TP[start : start + n_tokens]
        x_BTD = self.embedding(ids_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, turns_TP, cache)
        if cache is not None:
            cache.length += n_tokens
        return self.head(self.norm(x_BTD))


def init_weights(model: Transformer, seed: int) -> None:
    """CS336's initialization, from (seed, "init") alone; the gains of the norms stay 1.

    Matrices: normal of variance 2 / (in + out) (Glorot and Bengio 2010), embeddings: of variance 1; both cut at 3 sigma.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "init"))
    for module in model.modules():
        if isinstance(module, Linear):
            sigma = math.sqrt(2.0 / (module.in_features + module.n_out))
        elif isinstance(module, nn.Embedding):
            sigma = 1.0
        else:
            continue
        nn.init.trunc_normal_(module.weight, 0.0, sigma, -3 * sigma, 3 * sigma, generator=generator)
