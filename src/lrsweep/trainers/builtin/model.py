"""The language model: a decoder-only transformer as in Stanford's CS336 (assignment 1), with the switches of its ablations.

Shapes: B batch, T tokens, D model, P pairs of a head, V vocabulary.

A step at the default scale (one thread with AVX-512, 16 x 64 tokens, 10.4 ms): forward 3.4, backward 6.7, clipping 0.3, AdamW
0.3. Alternatives were measured, in ms more or less a step:
- products through oneDNN's own tensors +1.0, by MKL +4; the matrices of one input not stacked +0.5;
- RoPE, a complex product here, on q and k apart +0.3, on the halves of a head +0.7, by `roll` +0.5;
- gradients written by hand, which have no second derivative: of RMSNorm -0.2, of SwiGLU -0.1, of the loss 0;
- the loss in chunks of the batch +1; torch.compile 0 with oneDNN's products, -2 of 29 with MKL's on AVX2, for 21 s of compiling.
"""

import math

import torch
from torch import Tensor, nn

from lrsweep.seeding import derive_seed
from lrsweep.trainers.builtin.blocks import Block, Cache, norm
from lrsweep.trainers.builtin.layers import Linear, rotations
from lrsweep.trainers.builtin.settings import Model


class Transformer(nn.Module):
    """Token ids to logits. Weights have no values until init_weights or load_state_dict."""

    def __init__(self, section: Model, vocab_size: int) -> None:
        super().__init__()
        self.context_length = section.context_length
        # Without values and not by skip_init, which imports torch.compile: that takes a second
        self.embedding = nn.Embedding.from_pretrained(torch.empty(vocab_size, section.d_model), freeze=False)
        self.blocks = nn.ModuleList(Block(section, layer) for layer in range(section.n_layers))
        # A post-norm block ends with a norm, so that none follows the last block (Xiong et al. 2020, arXiv 2002.04745, table 1).
        self.norm = nn.Identity() if section.norm == "post" else norm(section)
        self.head = Linear(section.d_model, vocab_size)  # not tied to the embedding
        self.width_ratio = section.width_ratio
        turns_TP = rotations(section.context_length, section.d_model // section.n_heads, section.rope_theta)
        self.register_buffer("turns_TP", turns_TP if section.position == "rope" else None, persistent=False)

    def forward(self, ids_BT: Tensor, cache: Cache | None = None) -> Tensor:
        """Give the logits B x T x V of the token after each of ids_BT; with a filled cache ids_BT is the newest token alone."""
        n_tokens, start = ids_BT.shape[1], cache.length if cache is not None else 0
        assert start + n_tokens <= self.context_length, "positions end at the context length"
        assert start == 0 or n_tokens == 1, "a filled cache takes one token at a time"
        turns_TP = None if self.turns_TP is None else self.turns_TP[start : start + n_tokens]
        x_BTD = self.embedding(ids_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, turns_TP, cache)
        if cache is not None:
            cache.length += n_tokens
        x_BTD = self.norm(x_BTD)
        return self.head(x_BTD if self.width_ratio == 1 else x_BTD / self.width_ratio)

    @property
    def hidden(self) -> dict[str, Linear]:
        """The matrices of the blocks, by the names of their weights."""
        modules = self.blocks.named_modules(prefix="blocks")
        return {f"{name}.weight": module for name, module in modules if isinstance(module, Linear)}


def init_weights(model: Transformer, seed: int) -> None:
    """Draw CS336's initial weights, from (seed, "init") alone; the gains of the norms stay 1.

    Matrices: normal of variance 2 / (in + out) (Glorot and Bengio 2010), embeddings: of variance 1; both cut at 3 sigma. Under
    muP the head has the variance of its base width, as what it gives is divided by the width ratio (Yang et al. 2022, table 8).
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "init"))
    for module in model.modules():
        if isinstance(module, Linear):
            n_in = module.in_features / model.width_ratio if module is model.head else module.in_features
            sigma = math.sqrt(2.0 / (n_in + module.n_out))
        elif isinstance(module, nn.Embedding):
            sigma = 1.0
        else:
            continue
        nn.init.trunc_normal_(module.weight, 0.0, sigma, -3 * sigma, 3 * sigma, generator=generator)
