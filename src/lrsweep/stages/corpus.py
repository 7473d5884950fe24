"""corpus: text from the built-in stories, from files or from a download, split by document."""

from lrsweep.config.params import Params
from lrsweep.provenance import lineage
from lrsweep.store import artifacts
from lrsweep.text.corpus import write_corpus


def run(params: Params) -> None:
    """Writes train.txt, valid.txt and corpus.json."""
    folder = artifacts.folder("corpus")
    summary = write_corpus(params.corpus, params.seed, folder / "train.txt", folder / "valid.txt", lineage.work() / "downloads")
    artifacts.write_json(folder / "corpus.json", summary)
