"""Every command says what it does and what its words mean, with an example that can be typed; the shell completes them."""

import shlex
import sys
from pathlib import Path

import pytest
import typer

from lrsweep.cli import main as cli
from lrsweep.provenance import pipeline

ROOT = Path(__file__).parents[2]


def leaves(command, path=("lrsweep",)):
    """Each command with the words that call it; groups come before their commands."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, (*path, name))


TREE = typer.main.get_command(cli.app)
COMMANDS = dict(leaves(TREE))


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["lrsweep", *words])
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code
    return capsys.readouterr().out


def test_every_stage_is_a_command():
    assert {("lrsweep", stage) for stage in pipeline.load()} <= COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_has_its_help_and_an_example(path, monkeypatch, capsys):
    command = COMMANDS[path]
    assert len(command.help) > 20
    assert command.epilog.startswith("Example: ")
    silent = [one.name for one in command.params if not one.help]
    assert silent == [], "arguments and options without help"
    monkeypatch.setenv("COLUMNS", "200")
    shown = run(monkeypatch, capsys, *path[1:], "--help")
    assert "Example: " in shown and command.help.split()[0] in shown


@pytest.mark.parametrize("path", [path for path, one in COMMANDS.items() if not hasattr(one, "commands")], ids=" ".join)
def test_each_example_can_be_typed(path):
    words = shlex.split(COMMANDS[path].epilog.removeprefix("Example: "))
    assert tuple(words[: len(path)]) == path
    COMMANDS[path].make_context(path[-1], words[len(path) :])


def test_no_words_at_all_show_the_help(monkeypatch, capsys):
    assert "Usage: lrsweep" in run(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("lrsweep rep", ["report", "replay"]),
        ("lrsweep explain sweep_bayes.st", ["sweep_bayes.steps", "sweep_bayes.stopping", "sweep_bayes.stopping.first_rung"]),
        ("lrsweep preset ti", ["tiny", "tinystories"]),
        ("lrsweep import wandb sweep_", ["sweep_uniform", "sweep_bayes"]),
        ("lrsweep estimate --st", ["--steps"]),
    ],
)
def test_the_shell_completes(typed, found, monkeypatch, capsys):
    monkeypatch.setenv("_LRSWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    assert set(found) <= set(run(monkeypatch, capsys).split())


def test_the_shell_can_be_told_so(monkeypatch, capsys):
    assert {"--install-completion", "--show-completion"} <= {name for one in TREE.params for name in one.opts}
    monkeypatch.setenv("_LRSWEEP_COMPLETE", "source_bash")
    assert "complete -o default" in run(monkeypatch, capsys)
