"""Bad input gets one line with the place, what was found, what was expected and what to do; exit code 2; nothing is written."""

import json
import shlex
import shutil
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from lrsweep.cli import main as cli
from tests.bad_input import CASES
from tests.pipeline import ROOT, clone, nodes, replaced, run, with_value

DEFAULT = (ROOT / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """What a command reads of the project, in a folder that nobody has written to."""
    for name in ("params.yaml", "params.schema.json", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "workflow/presets", tmp_path / "workflow/presets")
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of a file with the text `hello`."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "text").write_text("hello")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/text"
        server.shutdown()


def write(folder, case, url):
    content = case.params if isinstance(case.params, str) else DEFAULT
    for key, new in () if isinstance(case.params, str) else case.params.items():
        content = with_value(content, key, new.replace("{url}", url))
    if case.renamed:
        content = replaced(content, nodes(content, case.renamed[0])[0], case.renamed[1])
    (folder / "params.yaml").write_text(content, encoding="utf-8")
    for name, data in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())


def listing(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_the_line(said, case):
    (found,) = [line for line in said.splitlines() if line.startswith("lrsweep: ")]
    assert found.startswith(f"lrsweep: {case.place}") or case.place.endswith(".json:"), found
    for part in (case.place, case.found, case.expected, case.remedy):
        assert part in found, f"{part!r} is missing in: {found}"
    assert "Traceback" not in said
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_one_line_and_nothing_written(case, project, url, monkeypatch, capfd):
    write(project, case, url)
    before = listing(project)
    monkeypatch.setattr(sys, "argv", ["lrsweep", *shlex.split(case.command)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capfd.readouterr()
    assert end.value.code == 2, said.err
    assert assert_the_line(said.err, case) == said.err.removesuffix("\n"), "nothing but the line"
    assert said.out == ""
    assert listing(project) == before


def test_two_mistakes_have_a_line_each(project, url, monkeypatch, capsys):
    write(project, CASES[0]._replace(params={"seed": "-1", "lr": "-1"}), url)
    monkeypatch.setattr(sys, "argv", ["lrsweep", "check"])
    with pytest.raises(SystemExit):
        cli.main()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("lrsweep: params.yaml: lr: ") and second.startswith("lrsweep: params.yaml: seed: ")


def test_every_case_is_another_one():
    assert len(CASES) >= 60 and len({case.name for case in CASES}) == len(CASES)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A clone whose runs are real processes."""
    return clone(tmp_path_factory.mktemp("clone") / "project")


def corpus_of(folder, name, data):
    """Has the corpus read from data/NAME alone."""
    (folder / "data" / name).write_bytes(data)
    quoted = json.dumps(f"data/{name}", ensure_ascii=False)
    content = (folder / "params.yaml").read_text()
    for key, new in {"corpus.source": "files", "corpus.paths": f"[{quoted}]"}.items():
        content = with_value(content, key, new)
    (folder / "params.yaml").write_text(content)


@pytest.fixture
def restored(tree):
    """The clone, with its params.yaml as it was after the test."""
    content = (tree / "params.yaml").read_text()
    yield tree
    (tree / "params.yaml").write_text(content)


@pytest.mark.parametrize("command", ["lrsweep check", "snakemake --cores 1", "snakemake --cores 1 -n"])
def test_processes_refuse_a_wrong_params_yaml(command, restored):
    content = (restored / "params.yaml").read_text()
    (restored / "params.yaml").write_text(with_value(content, "model.n_heads", "3"))
    before = {name: data for name, data in listing(restored).items() if not name.startswith(".snakemake")}
    done = run(restored, *command.split())
    assert done.returncode == 2, done.stderr
    (case,) = [one for one in CASES if one.name == "heads that do not divide d_model"]
    assert_the_line(done.stderr, case)
    assert {name: data for name, data in listing(restored).items() if not name.startswith(".snakemake")} == before


def test_snakemake_refuses_a_binary_corpus_before_any_work(restored):
    corpus_of(restored, "in.txt", b"one\n\n\0")
    done = run(restored, "snakemake", "--cores", "1")
    assert done.returncode == 2 and not (restored / "results").exists()
    (case,) = [one for one in CASES if one.name == "before any work"]
    assert_the_line(done.stderr, case)


def test_any_name_of_a_text_is_good(restored):
    name = """it's "mine" [b] * %s ünd $HOME.txt"""
    corpus_of(restored, name, b"one\n\ntwo\n\nthree")
    done = run(restored, "snakemake", "--cores", "1", "--", "results/corpus/corpus.json")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((restored / "results/corpus/corpus.json").read_text())["sources"][0]["path"] == f"data/{name}"


def test_values_behind_config_are_refused_with_the_command_that_takes_them(restored):
    done = run(restored, "snakemake", "--cores", "1", "-n", "--config", "seed=3")
    assert done.returncode == 2 and "--config: found seed=3" in done.stderr and "dvc exp run -S seed=3" in done.stderr


def test_a_colon_in_the_name_of_the_folder_is_one_line(tree, tmp_path):
    project = shutil.copytree(tree, tmp_path / "a:b")
    done = run(project, "lrsweep", "check", PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 2 and "found a ':' in the name" in done.stderr and len(done.stderr.splitlines()) == 1
