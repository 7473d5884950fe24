"""The optimizers of a model: what they keep for each weight, and how they make a step."""

from collections.abc import Mapping

import torch
from torch import Tensor

from lrsweep.trainers.builtin.layers import Linear
from lrsweep.trainers.builtin.model import Transformer
from lrsweep.trainers.builtin.settings import Optimizer


class Muon(torch.optim.Muon):
    """Muon (Jordan et al. 2024) on stacked matrices, each of which is orthogonalized by itself.

    torch's Muon steps on views: the rows of one matrix in the weight, its gradient and its momentum. Each update is as large as
    AdamW's, 0.2 sqrt(max(rows, columns)) times the orthogonal matrix (Liu et al. 2025, arXiv 2502.16982, section 2.2), so that
    both can share an LR.
    """

    def __init__(self, joined: Mapping[str, Linear], weight_decay: float, momentum: float) -> None:
        self.joined = [(module.weight, module.weight.detach().chunk(module.n_matrices)) for module in joined.values()]
        matrices = [matrix for _, parts in self.joined for matrix in parts]
        super().__init__(matrices, lr=0.0, weight_decay=weight_decay, momentum=momentum, adjust_lr_fn="match_rms_adamw")
        self.momentum = {name: torch.zeros_like(module.weight) for name, module in joined.items()}
        for (_, parts), buffer in zip(self.joined, self.momentum.values(), strict=True):
            for matrix, rows in zip(parts, buffer.chunk(len(parts)), strict=True):
                self.state[matrix]["momentum_buffer"] = rows

    def step(self, closure: None = None) -> None:
        """Update the weights from their gradients."""
        for weight, parts in self.joined:
            for matrix, rows in zip(parts, weight.grad.chunk(len(parts)), strict=True):
                matrix.grad = rows
        super().step(closure)
        self.zero_grad()


class Optimizers:
    """AdamW for all weights of a model, or Muon for the matrices of its blocks and AdamW for embeddings, head and gains.

    All weights decay, embeddings and gains too, as in CS336. Many recipes leave out weights of fewer than two dimensions.
    """

    def __init__(self, model: Transformer, section: Optimizer) -> None:
        hidden = model.hidden if section.optimizer == "muon" else {}
        others = {name: weight for name, weight in model.named_parameters() if name not in hidden}
        self.muon_lr_ratio = section.muon_lr_ratio
        self.muon = Muon(hidden, section.weight_decay, section.muon_momentum) if hidden else None
        self.adamw = torch.optim.AdamW(  # Loshchilov and Hutter 2019, arXiv 1711.05101
            others.values(),
            lr=0.0,  # set at every step
            betas=(section.beta1, section.beta2),
            eps=section.eps,
            weight_decay=section.weight_decay,
            fused=True,  # 0.5 ms a step faster than foreach at the default scale
        )
        for weight in others.values():
            # AdamW would make these at its first step. Made here, a state can be saved and loaded before that step too.
            zero = torch.zeros((), device=weight.device)
            self.adamw.state[weight] = {"exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight), "step": zero}
        self.moments: dict[str, dict[str, Tensor]] = {name: self.adamw.state[weight] for name, weight in others.items()}
        if self.muon is not None:
            self.moments |= {name: {"momentum": buffer} for name, buffer in self.muon.momentum.items()}

    def step(self, lr: float) -> None:
        """Update the weights from their gradients at a learning rate: Muon's is lr · muon_lr_ratio."""
        self._step(self.adamw, lr)
        if self.muon is not None:
            self._step(self.muon, lr * self.muon_lr_ratio)

    @staticmethod
    def _step(optimizer: torch.optim.Optimizer, lr: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
