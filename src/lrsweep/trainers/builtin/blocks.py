"""The blocks of the model: attention with its cache, the feed-forward part, and how both are added to the stream.

Shapes: B batch, T tokens, D model, H heads, K width of a head, P pairs of a head, F inner width.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from lrsweep.trainers.builtin.layers import Linear, RMSNorm, rotate
from lrsweep.trainers.builtin.settings import Model


class Cache:
    """Keys and values of the tokens so far, for generation: each layer has two tensors with room for the whole context."""

    def __init__(self, context_length: int) -> None:
        self.context_length = context_length
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        self.length = 0  # tokens

    def extend(self, layer: int, k_BTHK: Tensor, v_BTHK: Tensor) -> tuple[Tensor, Tensor]:
        """Add the newest tokens' keys and values; return those of all tokens."""
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


class Attention(nn.Module):
    """Causal attention of several heads (Vaswani et al. 2017, arXiv 1706.03762).

    Scores are divided by sqrt(K), under muP by K, since queries and keys align as training goes on (Yang et al. 2022, arXiv
    2203.03466, definition 4.1).
    """

    def __init__(self, section: Model, layer: int) -> None:
        super().__init__()
        self.layer, self.n_heads = layer, section.n_heads
        self.scale = section.n_heads / section.d_model if section.parametrization == "mup" else None  # None is 1 / sqrt(K)
        self.qkv, self.out = Linear(section.d_model, section.d_model, 3), Linear(section.d_model, section.d_model)

    def forward(self, x_BTD: Tensor, turns_TP: Tensor | None, cache: Cache | None) -> Tensor:
        """Let each token attend to itself and those before it, B x T x D. Without turns_TP no position is told."""
        heads = self.qkv(x_BTD).unflatten(-1, (3 * self.n_heads, -1))
        to_turn, v_BTHK = heads.split([2 * self.n_heads, self.n_heads], dim=2)
        q_BTHK, k_BTHK = (to_turn if turns_TP is None else rotate(to_turn, turns_TP)).chunk(2, dim=2)
        if cache is not None:
            k_BTHK, v_BTHK = cache.extend(self.layer, k_BTHK, v_BTHK)
        q_BHTK, k_BHTK, v_BHTK = (x_BTHK.transpose(1, 2) for x_BTHK in (q_BTHK, k_BTHK, v_BTHK))
        # A single query is the newest token and sees every key; Transformer.forward admits no other query beside a filled cache.
        out_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=x_BTD.shape[1] > 1, scale=self.scale)
        return self.out(out_BHTK.transpose(1, 2).flatten(2))


class SwiGLU(nn.Module):
    """W2 (SiLU(W1 x) · W3 x) (Shazeer 2020, arXiv 2002.05202, equation 6)."""

    def __init__(self, section: Model) -> None:
        super().__init__()
        self.gate_up = Linear(section.d_model, section.d_ff, 2)  # CS336: w1, w3
        self.down = Linear(section.d_ff, section.d_model)  # CS336: w2

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Transform each token by itself; the shape stays."""
        gate, up = self.gate_up(x_BTD).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class SiLU(nn.Module):
    """W2 SiLU(W1 x), with an inner width of 3/2 d_ff, rounded down, and so with as many parameters as SwiGLU."""

    def __init__(self, section: Model) -> None:
        super().__init__()
        inner_width = 3 * section.d_ff // 2
        self.up, self.down = Linear(section.d_model, inner_width), Linear(inner_width, section.d_model)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Transform each token by itself; the shape stays."""
        return self.down(F.silu(self.up(x_BTD)))


FFNS: dict[str, Callable[[Model], nn.Module]] = {"swiglu": SwiGLU, "silu": SiLU}


def norm(section: Model) -> nn.Module:
    """Make an RMSNorm over the stream, or the identity where the model has no norms."""
    return nn.Identity() if section.norm == "none" else RMSNorm(section.d_model)


class Block(nn.Module):
    """Attention, then the feed-forward part, each added to the stream.

    Where section.norm is pre, a part F turns the stream x into x + F(norm(x)). Where it is post, into norm(x + F(x)) (Xiong et
    al. 2020, arXiv 2002.04745, table 1).
    """

    def __init__(self, section: Model, layer: int) -> None:
        super().__init__()
        self.is_post = section.norm == "post"
        self.attention_norm, self.ffn_norm = norm(section), norm(section)
        self.attention, self.ffn = Attention(section, layer), FFNS[section.ffn](section)

    def forward(self, x_BTD: Tensor, turns_TP: Tensor | None, cache: Cache | None) -> Tensor:
        """Give the stream B x T x D after this block; a cache takes in the keys and values of the new tokens."""
        if self.is_post:
            x_BTD = self.attention_norm(x_BTD + self.attention(x_BTD, turns_TP, cache))
            return self.ffn_norm(x_BTD + self.ffn(x_BTD))
        x_BTD = x_BTD + self.attention(self.attention_norm(x_BTD), turns_TP, cache)
        return x_BTD + self.ffn(self.ffn_norm(x_BTD))
