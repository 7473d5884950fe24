"""An imported study of which one file is no longer what was imported: one line that names it, wherever it is met first."""

import json
from pathlib import Path

import pytest

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.search.settings import Imported
from lrsweep.stages import check, exchange, sweep_uniform
from lrsweep.store import imported
from lrsweep.store.results import Results
from lrsweep.tracking.sources import SOURCES
from tests.pipeline import ROOT, configured, run
from tests.tracking.runs import NOTHING, PARAMS, a_run, written


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Parameters with an import of two runs in data/mine, in the folder of a project."""
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "runs.jsonl", a_run("a"), a_run("b", lr=0.02))
    exchange.take(PARAMS, "sweep_uniform", SOURCES["wandb"], [path], tmp_path / "data/mine", NOTHING, [], "refuse")
    return of(PARAMS)


def of(params, folder="data/mine"):
    section = Imported(folder=folder, sha256=files.digest(Path(folder, "import.json")))
    return params.model_copy(update={"sweep_uniform": params.sweep_uniform.model_copy(update={"imported": section})})


def changed(path):
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


def emptied(path):
    path.write_bytes(b"")


def removed(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_dead_link(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("damage", [changed, emptied, removed, a_folder, a_dead_link])
@pytest.mark.parametrize("name", ["00001.json", "00001.safetensors"])
def test_a_record_or_curve_that_is_not_what_was_imported_is_named(study, name, damage, tmp_path):
    path = tmp_path / "data/mine/000" / name
    damage(path)
    lines = set()
    for meets in (
        lambda: check.run(study, Results(tmp_path / "results")),
        lambda: sweep_uniform.run(study, Results(tmp_path / "results")),
        lambda: list(imported.load("sweep_uniform", study.sweep_uniform)),
    ):
        with pytest.raises(UserError) as error:
            meets()
        lines.add(str(error.value))
    (line,) = lines
    assert line.startswith(f"data/mine/000/{name}: found ") and ", expected sha256 " in line
    assert line.endswith("or import the sweep again") and "\n" not in line and "trained" not in line


@pytest.mark.parametrize(
    "content", ["{}", "[]", "1", '{"study": "sweep_uniform", "steps": 40, "warmup_steps": 4, "eval_every": 10}']
)
def test_a_list_of_records_that_says_too_little_is_named(study, content, tmp_path):
    """Its digest may have been set as the line about the digest says."""
    (tmp_path / "data/mine/import.json").write_text(content)
    with pytest.raises(UserError, match=r"data/mine/import.json: found no .*, expected what an import has written; import"):
        imported.listed("sweep_uniform", of(study).sweep_uniform)


def test_snakemake_refuses_it_before_any_work(study, tmp_path):
    for name in ("params.yaml", "params.schema.json", "dvc.yaml", "Snakefile", "workflow", "src"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "params.yaml").unlink()
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text)
    budget = {"steps": 40, "warmup_steps": 4, "eval_every": 10, "imported": study.sweep_uniform.imported.model_dump()}
    configured(tmp_path, {"sweep_uniform": budget, "sharpness": None})
    assert run(tmp_path, "lrsweep", "check").returncode == 0
    changed(tmp_path / "data/mine/000/00001.safetensors")
    for command in ("lrsweep check", "snakemake --cores 1 -n", "snakemake --cores 1"):
        done = run(tmp_path, *command.split())
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("lrsweep: ")]
        assert done.returncode == 2 and "data/mine/000/00001.safetensors: found other content" in line, done.stderr
    assert json.loads((tmp_path / "data/mine/import.json").read_text())["study"] == "sweep_uniform"
