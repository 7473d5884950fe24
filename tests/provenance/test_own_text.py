"""An own text that DVC keeps: the line that a temporary workspace ends with, followed, and what DVC sees of data/."""

import re
import shutil
import subprocess

import pytest
from scmrepo.git import Git

from tests.pipeline import ROOT, clone, configured, run


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
