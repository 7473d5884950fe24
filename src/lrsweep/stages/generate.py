"""generate: completions from the final weights."""

import json

from safetensors.torch import load_file

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.seeding import derive_seed
from lrsweep.store import artifacts
from lrsweep.text.corpus import END_OF_TEXT
from lrsweep.text.tokens import decode, encode, load_tokenizer
from lrsweep.trainers.builtin import training
from lrsweep.trainers.builtin.generation import generate, require_fit
from lrsweep.trainers.builtin.model import Transformer


def run(params: Params) -> None:
    """Writes completions.jsonl; after a training that diverged the completions are empty.

    Raises:
        UserError: a prompt has more tokens than the context; nothing is generated then.
    """
    training.use_one_thread()
    tokenizer = load_tokenizer(artifacts.RESULTS / "tokenize/tokenizer.json")
    prompts = [encode(tokenizer, prompt) for prompt in params.generate.prompts]
    for number, ids in enumerate(prompts):
        require_fit(f"generate.prompts[{number}]", ids, params.model.context_length)
    model = Transformer(params.model, params.tokenize.vocab_size)
    weights = artifacts.RESULTS / "train/model.safetensors"
    model.load_state_dict(load_file(weights))
    if artifacts.says_simulated(weights):
        artifacts.mark_simulated()
    stop_id = tokenizer.token_to_id(END_OF_TEXT)
    sound = artifacts.read_json(artifacts.RESULTS / "train/metrics.json")["state"] == artifacts.COMPLETE
    lines = []
    for number, (prompt, ids) in enumerate(zip(params.generate.prompts, prompts, strict=True)):
        seed = derive_seed(params.seed, "generate", number)
        section = params.generate
        sampling = (section.max_tokens, section.temperature, section.top_p, seed, stop_id)
        new = generate(model, ids, *sampling) if sound else []
        text = decode(tokenizer, [token for token in new if token != stop_id])
        line = artifacts.marked({"prompt": prompt, "completion": text, "tokens": len(new), "seed": seed})
        lines.append(json.dumps(line, ensure_ascii=False))
    files.write_text(artifacts.folder("generate") / "completions.jsonl", "\n".join(lines) + "\n")
