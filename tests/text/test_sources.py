"""One file is read once, whatever names lead to it, and nothing is read whose changes a runner would not see."""

import os

import pytest

from lrsweep.errors import UserError
from lrsweep.text.sources import is_inside, source_files
from tests.text.test_corpus import of_files


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/deep").mkdir(parents=True)
    (tmp_path / "data/a.txt").write_text("one\n\ntwo")
    (tmp_path / "data/deep/b.txt").write_text("three\n\nfour")
    return tmp_path / "data"


def names(*patterns):
    return [str(path) for path in source_files(of_files(*patterns))]


def test_links_hard_links_and_loops_lead_to_one_file(data):
    (data / "loop").symlink_to(".")
    (data / "link.txt").symlink_to("a.txt")
    os.link(data / "deep/b.txt", data / "deep/hard.txt")
    assert names("data/**/*.txt") == ["data/a.txt", "data/deep/b.txt"]
    assert names("data/loop/deep/b.txt", "data/deep/b.txt") == ["data/deep/b.txt"]


def test_a_link_to_a_file_elsewhere_is_followed_and_one_to_a_folder_is_not(data, tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far/c.txt").write_text("five")
    (data / "c.txt").symlink_to(tmp_path / "far/c.txt")
    assert names("data/*.txt") == ["data/a.txt", "data/c.txt"]
    (data / "c.txt").unlink()
    (data / "far").symlink_to(tmp_path / "far")
    with pytest.raises(UserError, match=r"data/far/c.txt: found behind the link data/far, .*link the files one by one"):
        names("data/**/*.txt")


def test_what_a_run_writes_is_no_text(data, tmp_path):
    (tmp_path / "results/corpus").mkdir(parents=True)
    (tmp_path / "results/corpus/train.txt").write_text("one")
    (data / "train.txt").symlink_to("../results/corpus/train.txt")
    with pytest.raises(UserError, match=r"data/train.txt: found a file of results/"):
        names("data/*.txt")


def test_a_name_that_is_not_utf_8_is_refused(data):
    (data / os.fsdecode(b"caf\xe9.txt")).write_text("one")
    with pytest.raises(UserError, match=r"data/caf\\udce9.txt: found a name that is not UTF-8"):
        names("data/*.txt")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "texts/a", "data/../a", "data/../data/a", "./results/a", "**/*.txt", "data2/a"]
)
def test_paths_outside(path):
    assert not is_inside(path) and is_inside("data/a") and is_inside("./data/**/*.txt")


def test_in_the_workspace_of_an_experiment_the_line_says_what_git_does_not_know(data, tmp_path, monkeypatch):
    """tests/provenance/test_own_text.py has what else it may say."""
    here = tmp_path / ".dvc/tmp/exps/one"
    (here / ".dvc").mkdir(parents=True)
    (here / "dvc.yaml").write_text("stages: {check: {deps: [data]}}")
    monkeypatch.chdir(here)
    with pytest.raises(UserError) as error:
        names("data/*.txt")
    assert "which is not in this workspace of an experiment" in str(error.value)
    assert "keep it in DVC (`dvc add --glob 'data/*.txt' && git add data/*.dvc && git commit` in the project)" in str(error.value)


def test_a_text_that_dvc_has_and_has_not_put_here(data):
    (data / "own.txt.dvc").write_text("outs: []")
    with pytest.raises(UserError, match=r"'data/own.txt', which DVC keeps .*run `dvc pull data/own.txt.dvc`"):
        names("data/own.txt")
