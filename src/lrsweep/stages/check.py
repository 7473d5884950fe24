"""check: check params.yaml as a whole, and the texts that it names; print nothing where all is in order."""

from lrsweep.config.params import Params
from lrsweep.store.results import Results
from lrsweep.text.corpus import read_beginnings


def run(params: Params, results: Results) -> None:
    """Write passed.txt, always the same: `dvc repro` begins here when params.yaml has changed, and runs nothing else for it."""
    read_beginnings(params.corpus)
    results.write_text("check/passed.txt", "params.yaml has passed its check\n")
