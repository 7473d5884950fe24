"""corpus: get the text from the built-in stories, from files or from a download, and split it by document."""

from lrsweep.config.params import Params
from lrsweep.store.results import Results, work
from lrsweep.text.corpus import write_corpus


def run(params: Params, results: Results) -> None:
    """Write train.txt, valid.txt and corpus.json."""
    train, valid = (results.path(f"corpus/{side}.txt") for side in ("train", "valid"))
    results.write_json("corpus/corpus.json", write_corpus(params.corpus, params.seed, train, valid, work() / "downloads"))
