"""Generation: tokens a second with a key-value cache on one thread, against `generate` of `transformers` on the same weights.

    python -m benchmarks.generation [--rounds 9]

Both continue one prompt up to the end of the context, greedily and with nucleus sampling; the greedy completions must be the
same.
"""

from collections.abc import Callable
from functools import partial

import torch
from tests.llama import llama, llama_weights
from transformers import GenerationConfig, LlamaForCausalLM

from benchmarks.frame import Comparison, alternate, rate
from benchmarks.step import at_scales, settings
from lrsweep.config.params import Params
from lrsweep.trainers.builtin.generation import generate
from lrsweep.trainers.builtin.model import Transformer, init_weights
from lrsweep.trainers.builtin.settings import Model

PROMPT = [1, 2, 3, 4]
AT_LEAST_S = 1.0  # of one measurement
NEVER = -1  # a stop id that no token has
GOAL = 2.0


def ours(model: Transformer, count: int, temperature: float, top_p: float) -> list[int]:
    return generate(model, PROMPT, count, temperature, top_p, 0, NEVER)


def theirs(model: LlamaForCausalLM, count: int, temperature: float, top_p: float) -> list[int]:
    """The same through `transformers`; greedy at temperature 0, top_k off."""
    sampling = (
        {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0} if temperature else {"do_sample": False}
    )
    config = GenerationConfig(max_new_tokens=count, use_cache=True, pad_token_id=0, **sampling)
    ids_BT = torch.tensor([PROMPT])
    torch.manual_seed(0)
    out_BT = model.generate(ids_BT, attention_mask=torch.ones_like(ids_BT), generation_config=config)
    return out_BT[0, len(PROMPT) :].tolist()


def compare(name: str, section: Model, params: Params, rounds: int) -> list[Comparison]:
    settings(ours=False)  # the pipeline's stage uses the same kernels: there is no gradient
    model = Transformer(section, params.tokenize.vocab_size).eval()
    init_weights(model, params.seed)
    other = llama(section, params.tokenize.vocab_size)
    other.load_state_dict(llama_weights(section, model.state_dict()))
    ids_BT = torch.randint(0, params.tokenize.vocab_size, (1, section.context_length), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(model(ids_BT), other(ids_BT).logits, atol=1e-4, rtol=1e-4)
    count = section.context_length - len(PROMPT)
    rows = []
    for kind, sampling in {"greedy": (0.0, 1.0), "nucleus": (params.generate.temperature, params.generate.top_p)}.items():
        first, second = ours(model, count, *sampling), theirs(other, count, *sampling)
        assert len(first) == len(second) == count and (kind != "greedy" or first == second), "not the same work"

        def measured(complete: Callable[[], list[int]]) -> float:
            return rate(lambda: len(complete()), AT_LEAST_S)

        contenders = {
            "ours": partial(measured, partial(ours, model, count, *sampling)),
            "transformers": partial(measured, partial(theirs, other, count, *sampling)),
        }
        found = alternate(contenders, rounds)
        rows.append(
            Comparison(
                f"{kind} completion, {name}", "tokens/s", "more", "transformers", found["ours"], found["transformers"], GOAL
            )
        )
    return rows


if __name__ == "__main__":
    at_scales("generation", __doc__, compare)
