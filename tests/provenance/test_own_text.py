"""An own text that DVC keeps: the line that a temporary workspace ends with, followed, and what DVC sees of data/."""

import re
import shutil
import subprocess

import pytest
from scmrepo.git import Git

from lrsweep.experiments import left_behind, why_missing
from tests.pipeline import ROOT, clone, configured, run


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """The workspace of an experiment, and the project that it is of; a stage there depends on data/."""
    project, here = tmp_path / "project", tmp_path / "project/.dvc/tmp/exps/standalone/tmp0"
    for folder in (project / "data/my own", project / "data/it's [1]", here / ".dvc", here / "data"):
        folder.mkdir(parents=True)
    (here / "dvc.yaml").write_text("stages: {check: {cmd: a, deps: [params.yaml, data, src]}}")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize(
    ("name", "is_glob", "advice"),
    [
        ("data/a.txt", True, "`dvc add data/a.txt && git add data/a.txt.dvc && git commit` in the project"),
        ("data/my own/*.txt", True, "`dvc add --glob 'data/my own/*.txt' && git add 'data/my own'/*.dvc && git commit`"),
        ("data/it's [1]", True, """`dvc add 'data/it'"'"'s [1]' && git add 'data/it'"'"'s [1].dvc' && git commit`"""),
        ("data/it [1]", False, "`dvc add 'data/it [1]' && git add 'data/it [1].dvc' && git commit`"),
        ("imports/mine", False, "`git add -f imports/mine && git commit` in the project"),
        ("../mine", False, "put it into the project, name it so in params.yaml"),
        ("data/../../mine", False, "put it into the project, name it so in params.yaml"),
        ("data/pulled", False, "run `dvc pull data/pulled.dvc` in the project"),
    ],
)
def test_how_what_is_named_comes_into_a_workspace(workspace, name, is_glob, advice):
    (workspace / "data/pulled.dvc").write_text("outs:")
    assert advice in why_missing(name, is_glob)[1]


def test_files_of_a_glob_that_a_workspace_lacks_are_named(workspace):
    project = workspace.parents[4]
    for name in ("a.txt", "b.txt", "c.txt", "a.txt.dvc"):
        (project / "data" / name).touch()
    (workspace / "data/a.txt").touch()
    said = left_behind("data/*")
    assert said.startswith("data/b.txt and 1 more of the project are not in this workspace, so not read; keep it in DVC")
    (workspace / "data/b.txt").touch()
    assert left_behind("data/*").startswith("data/c.txt of the project is not")
    assert left_behind("data/a.txt") is None


def test_dvc_puts_into_a_workspace_what_a_stage_depends_on_alone(workspace):
    (workspace / "dvc.yaml").write_text("stages:\n  check:\n    deps:\n    - database\n    - train.py\n")
    assert "`git add -f data/mine && git commit`" in why_missing("data/mine")[1]


def test_what_the_line_of_a_temporary_workspace_advises_gets_further(tmp_path):
    project = configured(clone(tmp_path / "project"), {"corpus": {"source": "files", "paths": ["data/deep/*.txt"]}})
    (project / "data/deep").mkdir()
    (project / "data/deep/my own.txt").write_text("\n\n".join(f"Story {number}." for number in range(40)))
    shutil.copytree(ROOT / ".dvc", project / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache", "config.local"))
    for words in ("init -q", "config user.name Test", "config user.email test@localhost", "add -A", "commit -qm A"):
        assert run(project, "git", *words.split()).returncode == 0
    experiment = ("dvc", "exp", "run", "--temp", "-S", "seed=1", "corpus")
    failed = run(project, *experiment)
    said = re.search(r"lrsweep: corpus\.paths\[0\]: .*`(dvc add .*) && git commit`", failed.stdout + failed.stderr)
    assert failed.returncode and said, failed.stdout + failed.stderr
    assert run(project, "bash", "-c", f"{said[1]} && git commit -qm B").returncode == 0
    done = run(project, *experiment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("data/", False),
        ("data/deep/", False),
        ("data/a.txt", True),
        ("data/name without an ending", True),
        ("data/deep/a.txt", True),
        ("data/sweep/trials/000000.json", True),
        ("data/README.md", False),
        ("data/a.txt.dvc", False),
        ("data/deep/a.txt.dvc", False),
        ("results/edge/edge.json", True),
    ],
)
def test_git_and_dvc_read_the_same_of_what_is_ignored(tmp_path, path, ignored):
    """DVC takes no *.dvc from a folder that it reads as ignored, without a word."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    (tmp_path / "data/deep").mkdir(parents=True)
    by_git = subprocess.run(["git", "-C", tmp_path, "check-ignore", "-q", path]).returncode == 0
    assert (by_git, Git(tmp_path).is_ignored(str(tmp_path / path) + "/" * path.endswith("/"))) == (ignored, ignored)
