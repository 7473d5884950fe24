"""The layers of the model: norm, matrix product, rotary positions.

Shapes: B batch, T tokens, D model, H heads, K width of a head, P = K / 2 pairs of a head.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lrsweep.trainers.devices import takes_onednn

RMS_EPS = 1e-5  # as in CS336 assignment 1 and Llama 2
ONEDNN = takes_onednn()


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) · gain over the last axis (Zhang and Sennrich 2019, arXiv 1910.07467, equation 4, and eps)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Norm x; the shape stays."""
        return F.rms_norm(x, self.weight.shape, self.weight, RMS_EPS)


class Linear(nn.Linear):
    """Matrices of one shape that take the same input, stacked in one weight without bias: one product is faster than several."""

    def __init__(self, n_in: int, n_out: int, n_matrices: int = 1) -> None:
        super().__init__(n_in, n_matrices * n_out, bias=False)
        self.n_out, self.n_matrices = n_out, n_matrices

    def reset_parameters(self) -> None:
        """Leave the weight without values: they would be drawn from the global generator."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiply x B x T x in with the matrices, to B x T x out.

        torch hands plain matrices to MKL, which leaves AVX-512 unused on AMD's processors. So oneDNN makes the product there, as
        a convolution of one pixel: 250 GFLOP/s on one thread of an EPYC with AVX-512, against MKL's 115. With AVX2 MKL is faster
        (75 against 57), and so it is for a single row. On a Xeon with AVX-512 a step takes MKL 22.9 ms and oneDNN 26.0 ms.
        """
        onednn = ONEDNN and torch.backends.mkldnn.enabled and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        if not onednn or x.shape[-2] == 1:
            return F.linear(x, self.weight)
        # pixels whose channels are neighbours in memory: neither x nor the result is copied
        pixels_BDT1 = x.unsqueeze(-2).permute(0, 3, 1, 2)
        return F.conv2d(pixels_BDT1, self.weight[:, :, None, None]).permute(0, 2, 3, 1).squeeze(-2)


@contextmanager
def twice_differentiable() -> Iterator[None]:
    """Use only kernels that have a second derivative. Fused attention and oneDNN's products have none."""
    enabled = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # its flags() sets more, and warns of it
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mkldnn.enabled = enabled


def rotations(context_length: int, head_width: int, theta: float) -> Tensor:
    """Give RoPE's turns e^(i t theta^(-2p/K)), complex64, T x P (Su et al. 2021, arXiv 2104.09864, equation 15)."""
    frequencies_P = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angles_TP = torch.outer(torch.arange(context_length, dtype=torch.float64), frequencies_P)
    return torch.polar(torch.ones_like(angles_TP), angles_TP).to(torch.complex64)


def rotate(x_BTHK: Tensor, turns_TP: Tensor) -> Tensor:
    """Turn each pair (2p, 2p + 1) of a head by its position's angle: neighbours are pairs, as in CS336.

    Llama in `transformers` pairs p with p + K/2 instead: the same function with the rows of q and k in another order.
    """
    pairs_BTHP = torch.view_as_complex(x_BTHK.float().unflatten(-1, (-1, 2)))  # there is no complex bfloat16
    return torch.view_as_real(pairs_BTHP * turns_TP[:, None]).flatten(-2).type_as(x_BTHK)
