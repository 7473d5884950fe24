"""Completions: nucleus sampling with a key-value cache."""

import math
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lrsweep.errors import UserError
from lrsweep.trainers.builtin.blocks import Cache
from lrsweep.trainers.builtin.model import Transformer
from lrsweep.trainers.builtin.process import use_one_thread
from lrsweep.trainers.builtin.settings import Model


def load_model(weights: Path, section: Model, vocab_size: int) -> Transformer:
    """Set the process up for the CPU and read a trained model, as the final training wrote it.

    Raises:
        UserError: the file is missing or damaged.
    """
    use_one_thread("cpu")
    model = Transformer(section, vocab_size)
    try:
        model.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else f"damaged ({error})"
        raise UserError(f"{weights}: {found}, expected the weights of the final training; `lrsweep train` writes them") from None
    return model


@torch.inference_mode()
def generate(
    model: Transformer, prompt: list[int], max_tokens: int, temperature: float, top_p: float, seed: int, stop_id: int
) -> list[int]:
    """Draw the ids that follow a prompt, up to max_tokens or stop_id (included); an empty prompt starts after stop_id.

    Of a prompt that is longer than the context its last tokens are read. When the context is full, its later half is read again
    into a fresh cache, so that RoPE's positions stay in the trained range. Each token of a long text is then drawn from at least
    the context_length / 2 tokens before it.

    Raises:
        UserError: the weights come from a run that diverged.
    """
    generator = torch.Generator().manual_seed(seed)
    new: list[int] = []
    # What the model sees, and the part of it that is not in the cache yet.
    window = unread = (prompt or [stop_id])[-model.context_length :]
    cache = Cache(model.context_length)
    while len(new) < max_tokens:
        logits_V = model(torch.tensor([unread]), cache)[0, -1]
        if not math.isfinite(logits_V.sum()):
            raise UserError("lr: found weights that diverged in training, expected finite ones; lower lr and train again")
        token = sample(logits_V, temperature, top_p, generator)
        new.append(token)
        if token == stop_id:
            break
        window, unread = [*window, token], [token]
        if len(window) > model.context_length:
            window = unread = window[-(model.context_length // 2) :]
            cache = Cache(model.context_length)
    return new


def sample(logits_V: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> int:
    """Draw a token from the smallest set of likeliest ones with a mass of top_p (Holtzman et al. 2020, arXiv 1904.09751)."""
    if temperature == 0:
        return int(logits_V.argmax())
    # The maximum is subtracted first, and the rest is done in 64 bits, so that no temperature overflows.
    scaled_V = (logits_V - logits_V.max()).double() / temperature
    shares_V, order_V = torch.softmax(scaled_V, dim=-1).sort(descending=True, stable=True)
    before_V = shares_V.cumsum(0) - shares_V
    kept_V = torch.where(before_V < top_p, shares_V, 0.0)
    return int(order_V[torch.multinomial(kept_V, 1, generator=generator)])
