"""corpus: get the text from the built-in stories, from files or from a download, and split it by document."""

from lrsweep.config.params import Params
from lrsweep.store.results import Results, work
from lrsweep.text.corpus import write_corpus


def run(params: Params, results: Results) -> None:
    """Write train.txt, valid.txt, test.txt and corpus.json."""
    found = write_corpus(params.corpus, params.seed, results.path("corpus"), work() / "downloads")
    results.write_json("corpus/corpus.json", found)
