"""Made-up curves: what comes of them says so wherever it is read, and never meets what was trained."""

import pytest
import yaml
from lrsweep.provenance.lineage import study_folder

from lrsweep.config import checking
from lrsweep.store import artifacts
from tests.pipeline import ROOT, clone, run

PARAMS = checking.load(ROOT / "params.yaml")


def test_several_trials_at_once_give_the_same_records(simulated):
    found = {path: path.read_bytes() for path in simulated.glob("work/*/sweep_uniform/trials/*/*")}
    assert len(found) == 12
    for path in found:
        path.unlink()
    text = (simulated / "params.yaml").read_text()
    (simulated / "params.yaml").write_text(text.replace("trials_at_once: 1", "trials_at_once: 2"))
    done = run(simulated, "lrsweep", "trials", "sweep_uniform", "0", "5")
    (simulated / "params.yaml").write_text(text)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in simulated.glob("work/*/sweep_uniform/trials/*/*")} == found


def test_made_up_trials_have_a_folder_of_their_own():
    simulated = PARAMS.model_copy(update={"simulate": True})
    assert study_folder("sweep_bayes", simulated).parent.name.startswith("simulated-")
    assert study_folder("sweep_bayes", simulated) != study_folder("sweep_bayes", PARAMS)


def test_what_is_made_from_a_marked_file_is_marked_too(tmp_path, monkeypatch):
    row = {"step": 1, "lr": 0.1, "loss_nats": 2.0}
    monkeypatch.setattr(artifacts, "_marked", False)
    artifacts.write_json(tmp_path / "real.json", {"lr": 1})
    artifacts.write_table(tmp_path / "real.parquet", "final_evals", [row])
    artifacts.read_table(tmp_path / "real.parquet", "final_evals")
    assert not artifacts.is_marked()
    artifacts.mark_simulated()
    artifacts.write_table(tmp_path / "made.parquet", "final_evals", [row])
    monkeypatch.setattr(artifacts, "_marked", False)
    table = artifacts.read_table(tmp_path / "made.parquet", "final_evals")
    assert list(table.columns) == list(row)
    artifacts.write_json(tmp_path / "made.json", {"lr": 1})
    assert artifacts.read_json(tmp_path / "made.json") == {"lr": 1}
    says = {path.name: artifacts.says_simulated(path) for path in tmp_path.iterdir()}
    assert says == {"real.json": False, "real.parquet": False, "made.json": True, "made.parquet": True}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """The tiny pipeline with made-up curves."""
    project = clone(tmp_path_factory.mktemp("simulated") / "project")
    tree = yaml.safe_load((project / "params.yaml").read_text())
    tree["simulate"] = True
    tree["execution"]["trials_per_job"] = 16  # starting processes is all that takes time here
    (project / "params.yaml").write_text(yaml.safe_dump(tree))
    done = run(project, "snakemake", "--cores", "2")
    assert done.returncode == 0, done.stderr[-4000:]
    return project


def test_all_that_a_simulated_run_writes_says_so(simulated):
    unmarked = {
        str(path.relative_to(simulated / "results"))
        for suffix in ("json", "parquet", "safetensors")
        for path in (simulated / "results").rglob(f"*.{suffix}")
        if not artifacts.says_simulated(path)
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
