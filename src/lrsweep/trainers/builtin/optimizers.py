"""The optimizers of a model: what they keep for each weight, and how they make a step."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

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

    Under muP the matrices of the blocks have 1 / m of the LR at m times the base width (Yang et al. 2022, arXiv 2203.03466, table
    8), and m times the weight decay, so that AdamW averages over 1 / (lr · weight_decay) steps at any width (Wang and Aitchison
    2024, arXiv 2405.13698). Muon's rule would be another, and config refuses it there.
    """

    def __init__(self, model: Transformer, section: Optimizer) -> None:
        assert model.width_ratio == 1 or section.optimizer == "adamw", "muP is for AdamW"
        hidden = model.hidden if section.optimizer == "muon" else {}
        self.section = section
        self.muon = Muon(hidden, section.weight_decay, section.muon_momentum) if hidden else None
        self.others = {name: weight for name, weight in model.named_parameters() if name not in hidden}
        self.width_ratios = {name: model.width_ratio if name in model.hidden else 1.0 for name in self.others}
        self.moments: dict[str, dict[str, Tensor]] = {name: _fresh(weight) for name, weight in self.others.items()}
        if self.muon is not None:
            self.moments |= {name: {"momentum": buffer} for name, buffer in self.muon.momentum.items()}

    def step(self, lr: float) -> None:
        """Update the weights from their gradients at a learning rate: Muon's is lr · muon_lr_ratio."""
        for ratio in dict.fromkeys(self.width_ratios.values()):
            self._step_adamw([name for name in self.others if self.width_ratios[name] == ratio], lr, ratio)
        if self.muon is not None:
            for group in self.muon.param_groups:
                group["lr"] = lr * self.section.muon_lr_ratio
            self.muon.step()

    @torch.no_grad()
    def _step_adamw(self, names: Sequence[str], lr: float, width_ratio: float) -> None:
        """Make a step of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) with these weights.

        torch's function, and not its class: to make one of these imports torch.compile, which takes a second.
        """
        weights, kept = [self.others[name] for name in names], [self.moments[name] for name in names]
        first, second, steps = ([moments[key] for moments in kept] for key in ("exp_avg", "exp_avg_sq", "step"))
        adamw(
            weights,
            [weight.grad for weight in weights],
            first,
            second,
            [],
            steps,
            fused=True,  # 0.5 ms a step faster than foreach at the default scale
            amsgrad=False,
            beta1=self.section.beta1,
            beta2=self.section.beta2,
            lr=lr / width_ratio,
            weight_decay=self.section.weight_decay * width_ratio,
            eps=self.section.eps,
            maximize=False,
        )


def _fresh(weight: Tensor) -> dict[str, Tensor]:
    """Give the moments of AdamW before its first step."""
    zero = torch.zeros((), device=weight.device)
    return {"exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight), "step": zero}
