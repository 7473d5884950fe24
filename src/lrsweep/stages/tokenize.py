"""tokenize: train the byte-level BPE on the training text, and encode all texts with it."""

from lrsweep.config.params import Params
from lrsweep.store.results import Results
from lrsweep.text import tokens
from lrsweep.text.batches import need_a_window
from lrsweep.text.settings import HELD_OUT

WORDS = {"train": "training", **HELD_OUT}


def run(params: Params, results: Results) -> None:
    """Write tokenizer.json, train.bin, valid.bin, test.bin and tokens.json.

    Raises:
        UserError: a text gives too few tokens for the vocabulary, or is no longer than a context.
    """
    tokenizer = tokens.train_tokenizer(results.path("corpus/train.txt"), params.tokenize.vocab_size)
    results.write_text("tokenize/tokenizer.json", tokenizer.to_str())
    sides = {side: (results.path(f"corpus/{side}.txt"), results.path(f"tokenize/{side}.bin")) for side in WORDS}
    counts = {side: tokens.encode_file(tokenizer, text, target) for side, (text, target) in sides.items()}
    for side, word in WORDS.items():
        need_a_window(counts[side]["tokens"], params.model.context_length, word)
    results.write_json("tokenize/tokens.json", counts)
