"""generate: write completions with the final weights."""

import json

from lrsweep.config.params import Params
from lrsweep.search.trial import COMPLETE
from lrsweep.seeding import derive_seed
from lrsweep.store.results import Results, says_simulated
from lrsweep.text.corpus import END_OF_TEXT
from lrsweep.text.tokens import decode, encode, load_tokenizer
from lrsweep.trainers.builtin.generation import generate, load_model
from lrsweep.trainers.builtin.settings import Model, over


def run(params: Params, results: Results) -> None:
    """Write completions.jsonl; the completions are empty after a training that diverged or was made up."""
    section, weights = params.generate, results.path("train/model.safetensors")
    tokenizer = load_tokenizer(results.path("tokenize/tokenizer.json"))
    prompts = [encode(tokenizer, prompt) for prompt in section.prompts]
    results.simulated |= says_simulated(weights)
    trained = results.read_json("train/metrics.json")
    model = None
    if trained["state"] == COMPLETE and not results.simulated:
        model = load_model(weights, over(params.model, Model, trained), params.tokenize.vocab_size)
    stop_id, lines = tokenizer.token_to_id(END_OF_TEXT), []
    for number, (prompt, ids) in enumerate(zip(section.prompts, prompts, strict=True)):
        seed = derive_seed(params.seed, "generate", number)
        sampling = (section.max_tokens, section.temperature, section.top_p, seed, stop_id)
        new = generate(model, ids, *sampling) if model else []
        text = decode(tokenizer, [token for token in new if token != stop_id])
        line = results.mark({"prompt": prompt, "completion": text, "tokens": len(new), "seed": seed})
        lines.append(json.dumps(line, ensure_ascii=False))
    results.write_text("generate/completions.jsonl", "\n".join(lines) + "\n")
