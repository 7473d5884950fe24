"""Completions: nucleus sampling with a key-value cache."""

import torch
from torch import Tensor

from lrsweep.errors import UserError
from lrsweep.model import Cache, Transformer


@torch.inference_mode()
def generate(
    model: Transformer, prompt: list[int], max_tokens: int, temperature: float, top_p: float, seed: int, stop_id: int
) -> list[int]:
    """The ids that follow a prompt, up to max_tokens or stop_id (included); an empty prompt starts after stop_id.

    Where the context is full, its later half is read again into a fresh cache, so that positions stay in the trained range.

    Raises:
        UserError: the prompt has more tokens than the context.
    """
    if len(prompt) > model.context_length:
        found, expected = f"a prompt of {len(prompt)} tokens", f"at most model.context_length ({model.context_length})"
        raise UserError(f"generate.prompts: found {found}, expected {expected}; shorten it")
    generator = torch.Generator().manual_seed(seed)
    ids, cache = prompt or [stop_id], Cache()
    window, new = list(ids), []
    logits_V = model(torch.tensor([window]), cache)[0, -1]
    while len(new) < max_tokens:
        token = sample(logits_V, temperature, top_p, generator)
        new.append(token)
        if token == stop_id:
            break
        window.append(token)
        if len(window) > model.context_length:
            window, cache = window[-(model.context_length // 2) :], Cache()
            logits_V = model(torch.tensor([window]), cache)[0, -1]
        else:
            logits_V = model(torch.tensor([[token]]), cache)[0, -1]
    return new


def sample(logits_V: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> int:
    """A token from the smallest set of likeliest ones with a mass of top_p (Holtzman et al. 2020, arXiv 1904.09751)."""
    if temperature == 0:
        return int(logits_V.argmax())
    shares_V, order_V = torch.softmax(logits_V / temperature, dim=-1).sort(descending=True, stable=True)
    before_V = shares_V.cumsum(0) - shares_V
    kept_V = torch.where(before_V < top_p, shares_V, 0.0)
    return int(order_V[torch.multinomial(kept_V, 1, generator=generator)])
