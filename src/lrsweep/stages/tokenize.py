"""tokenize: trains the byte-level BPE on the training text and encodes both texts."""

from lrsweep import files
from lrsweep.config.params import Params
from lrsweep.store import artifacts
from lrsweep.text import tokens


def run(params: Params) -> None:
    """Writes tokenizer.json, train.bin, valid.bin and tokens.json."""
    folder, corpus = artifacts.folder("tokenize"), artifacts.RESULTS / "corpus"
    tokenizer = tokens.train_tokenizer(corpus / "train.txt", params.tokenize.vocab_size)
    files.write_text(folder / "tokenizer.json", tokenizer.to_str())
    counts = {name: tokens.encode_file(tokenizer, corpus / f"{name}.txt", folder / f"{name}.bin") for name in ("train", "valid")}
    artifacts.write_json(folder / "tokens.json", counts)
