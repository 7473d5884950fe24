"""Made-up curves: what comes of them says so wherever it is read, and never meets what was trained."""

import pytest

from lrsweep.config import checking
from lrsweep.runner.catalogue import study_of
from lrsweep.store.results import Results
from tests.made_up import says_simulated
from tests.pipeline import clone, configured, run


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """The tiny pipeline with made-up curves."""
    project = configured(clone(tmp_path_factory.mktemp("simulated") / "project"), {"simulate": True})
    done = run(project, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    return project


def test_made_up_trials_have_a_folder_of_their_own(simulated, monkeypatch):
    monkeypatch.chdir(simulated)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    params, results = checking.load(simulated / "params.yaml"), Results(simulated / "results")
    trained = params.model_copy(update={"simulate": False})
    made_up, real = (study_of("sweep_bayes", one, results).identity.folder for one in (params, trained))
    assert made_up.parent.name.startswith("simulated-") and made_up.is_dir()
    assert made_up != real and not real.exists()


def test_all_that_a_simulated_run_writes_says_so(simulated):
    unmarked = {
        str(path.relative_to(simulated / "results"))
        for suffix in ("json", "parquet", "safetensors")
        for path in (simulated / "results").rglob(f"*.{suffix}")
        if not says_simulated(path)
    }
    assert {name for name in unmarked if not name.startswith(("corpus/", "tokenize/"))} == set()
    page = (simulated / "results/report/index.html").read_text()
    assert "<title>Simulated, not a result." in page
    assert page.index("No model was trained") < page.index("<h1>")
    lines = (simulated / "results/generate/completions.jsonl").read_text().splitlines()
    assert all('"simulated": true' in line for line in lines)


def test_a_simulated_run_is_whole_and_evidence_of_nothing(simulated):
    again = run(simulated, "snakemake", "--cores", "2")
    assert "Nothing to be done" in again.stderr, again.stderr[-2000:]
    for command in ("verify", "record"):
        refused = run(simulated, "lrsweep", command)
        assert refused.returncode == 1, refused.stderr
        assert "results/sweep_uniform: found made from curves that no training gave" in refused.stdout + refused.stderr
