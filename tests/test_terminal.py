"""Names and values from files, printed: none steers a terminal, and none is too foreign for it."""

import io
import json
import os
import subprocess
import sys

import pytest

from lrsweep import errors, terminal
from lrsweep.errors import UserError
from lrsweep.stages import exchange
from lrsweep.tracking.sources import SOURCES
from tests.pipeline import ROOT, environment
from tests.tracking.runs import PARAMS, a_run, rows, written

RED = "\x1b]0;own\x07\x1b[31mred\u202e"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\rb\x9b\x7f", r"a\rb\x9b\x7f"),
        ("\u202e\u2028\u200b", r"\u202e\u2028\u200b"),
        (os.fsdecode(b"r\xff"), r"r\udcff"),
        ("zwölf \u2013 十二 🙂 ²\nnext", "zwölf \u2013 十二 🙂 ²\nnext"),
    ],
)
def test_what_cannot_be_printed_is_an_escape(text, shown):
    assert terminal.plain(text) == shown


def test_a_message_is_plain_and_has_a_line_for_each_problem(capsys):
    def command():
        raise UserError(f"{RED}: found \x85\u2028, expected none\nsecond")

    assert errors.exit_code(command) == 2
    said = capsys.readouterr().err
    assert said == "lrsweep: \\x1b]0;own\\x07\\x1b[31mred\\u202e: found \\x85\\u2028, expected none\nlrsweep: second\n"


@pytest.mark.parametrize("found", [f"found {'k' * 50_000}", f"found {'a column, ' * 5000}"])
def test_a_message_is_short_whatever_it_names(found, capsys):
    text = f"{found}, expected none; remove it"
    terminal.complain(text)
    said = capsys.readouterr().err
    assert len(said) < 2200 and said.startswith(f"lrsweep: {text[:60]}") and said.endswith(", expected none; remove it\n")


def test_an_import_keeps_a_long_name_as_it_is_shown(tmp_path):
    long = "n" * 50_000
    said = taken(tmp_path, a_run(long, data=long), a_run("b", data="other"))
    source = json.loads((tmp_path / "new" / "import.json").read_text())["source"]
    assert all(len(text) < 1000 for text in (*source["runs"].values(), *source["notes"], said))


def taken(folder, *runs, into="new"):
    path = written(folder / "runs.jsonl", *runs)
    return exchange.take(PARAMS, "sweep_uniform", SOURCES["wandb"], [path], folder / into, [], [], "refuse")


def test_an_import_keeps_names_as_they_are_shown(tmp_path):
    """So the page, trace and status, which read them there, show them so as well."""
    taken(tmp_path, a_run(RED, data=RED), a_run("\ud800", data="other"))
    source = json.loads((tmp_path / "new" / "import.json").read_text())["source"]
    assert list(source["runs"].values()) == [terminal.plain(RED), r"\ud800"]
    assert r"\x1b" in source["notes"][0] and all(note.isprintable() for note in source["notes"])


def test_the_name_of_a_run_adds_no_line_to_be_pasted(tmp_path):
    said = taken(tmp_path, a_run("a\nseed: 1", data="a\nseed: 2"), a_run("b", data="c"))
    assert "seed" in said and not any(line.startswith("seed") for line in said.split("\n"))


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", os.fsdecode(b"\xff")])
def test_an_import_goes_into_a_folder_that_params_can_name(tmp_path, name):
    with pytest.raises(UserError, match=r"--into: found [^,]*, expected a name of printable characters"):
        taken(tmp_path, a_run("a"), into=name)
    assert [path.name for path in tmp_path.iterdir()] == ["runs.jsonl"]


def test_a_broken_run_with_such_a_name_is_named(tmp_path, capsys):
    broken = a_run(RED, history=rows(0.01, end=7))
    assert errors.exit_code(lambda: taken(tmp_path, a_run("a"), broken)) == 2
    said = capsys.readouterr().err
    assert r"run \x1b]0;own\x07" in said and said.replace("\n", "").isprintable()


@pytest.mark.parametrize("length", [300, 5000])
def test_a_path_that_is_too_long_is_one_line(length, capsys):
    assert errors.exit_code((ROOT / ("a" * length)).stat) == 2
    said = capsys.readouterr().err
    assert (
        "…" in said
        and "a: found file name too long, expected a path that the system takes; correct it" in said
        and len(said) < 300
    )


def test_an_encoding_that_lacks_a_character_gets_its_escape(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", out)
    terminal.take_any_character()
    terminal.say("1e\u22125 ü")
    assert out.buffer.getvalue() == b"1e\\u22125 \xfc\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_every_key_and_the_help_are_shown_in_any_encoding(encoding):
    for command in (["explain"], ["explain", "importance"], ["--help"]):
        here = environment(PYTHONIOENCODING=encoding, LC_ALL="C", HOME="/proc/none")
        done = subprocess.run(["lrsweep", *command], cwd=ROOT, env=here, capture_output=True, encoding=encoding)
        assert done.returncode == 0 and done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        ("explain 2>&-", 0, "lr ", ""),
        ("chek 2>&-", 2, "", ""),
        ("chek 2>/dev/full", 2, "", ""),
        ("chek 2> >(exec 0<&-)", 2, "", ""),
        ("explain >&- 2>&- <&-", 0, "", ""),
        ("explain | head -1", 0, "lr ", ""),
        ("explain > /dev/full", 2, "", "lrsweep: stdout: found no space left on device, expected room to write; free some"),
    ],
)
def test_a_stream_that_is_closed_broken_or_full_changes_no_exit_code(words, code, out, err):
    command = f"lrsweep {words}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == code and done.stdout.startswith(out)
    assert done.stderr.startswith(err) and done.stderr.count("\n") == bool(err)


def test_a_closed_stream_gives_its_number_to_no_file_of_ours():
    look = (
        "import os; from lrsweep.cli import entry, main; main.main = lambda: print(os.readlink('/proc/self/fd/2')); entry.main()"
    )
    words = ["bash", "-c", f'{sys.executable} -c "{look}" 2>&-']
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.stdout == "/dev/null\n"
