"""What a line advises gets a person further: each remedy that needs no thought is followed, and its mistake is gone."""

import re
import shlex
import subprocess
import sys

import pytest

from lrsweep.cli import main as cli
from tests.bad_input import CASES
from tests.config.test_bad_input import project, url, write  # noqa: F401 (fixtures)
from tests.pipeline import nodes, replaced, with_value

KEY = re.compile(r"lrsweep: params\.yaml: ([\w.]+): found")


def said_by(command, monkeypatch, capfd):
    """Run a command in this process, and give its exit code and its lines."""
    monkeypatch.setattr(sys, "argv", ["lrsweep", *shlex.split(command)])
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    return code, [line for line in said.err.splitlines() if line.startswith("lrsweep: ")]


def remedies(line, command, params):
    """Give what a line advises, each as the next command and the next params.yaml."""
    key = match[1] if (match := KEY.match(line)) else None
    for words in re.finditer(r"\bset (?:it|([a-z_]+(?:\.\w+)+)) to ([\w.-]*\w|\[\])", line):
        if target := words[1] or key:
            yield command, with_value(params, target, words[2])
    if key and (words := re.search(r"; write ([\w.-]+)$", line)):
        yield command, with_value(params, key, words[1])
    if key and (words := re.search(r"\(nearest: (\w+)\); correct its name", line)):
        yield command, replaced(params, nodes(params, key)[0], words[1])
    if words := re.search(r"; write '(data/.*)'", line):
        yield command, with_value(params, "corpus.paths", f"[{words[1]}]")
    for words in re.finditer(r"--(?:leave-out|overlap|name) (?:'[^']+'|[^\s,;()]+)", line):
        if command.startswith("import") and "THEIRS" not in words[0]:
            yield f"{command} {words[0]}", params
    if words := re.search(r"convert it: (.* > (\S+))$", line):
        subprocess.run(words[1], shell=True, check=True)
        yield command.replace(words[2].replace("-new", ""), words[2]), params
    for words in re.finditer(r"`lrsweep ([^`]+)`|\blrsweep ((?:[\w-]+ )*--help)", line):
        if not re.search("[A-Z]{3}|bayes$", words[1] or words[2]):
            yield words[1] or words[2], params


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_each_remedy_gets_further(case, project, url, monkeypatch, capfd):  # noqa: F811
    write(project, case, url)
    before = (project / "params.yaml").read_text()
    _, lines = said_by(case.command, monkeypatch, capfd)
    for line in lines:
        for command, params in remedies(line, case.command, before):
            (project / "params.yaml").write_text(params)
            code, after = said_by(command, monkeypatch, capfd)
            (project / "params.yaml").write_text(before)
            assert code == 0 or not any(one.partition(", expected")[0] == line.partition(", expected")[0] for one in after), (
                f"{line}\nfollowed by {command} says\n" + "\n".join(after)
            )


def test_remedies_are_found():
    """Of each kind, so that the test above follows some."""
    params = "lr: null\nseed: 0\nsweep_bayes:\n  stopping:\n    first_rung: 4\ncorpus: {paths: []}\n"
    lines = {
        "lrsweep: params.yaml: seed: found 1.0, expected integer; write 1": "seed: 1\n",
        "lrsweep: params.yaml: lr: found 1, expected less; lower it, or set sweep_bayes.stopping.first_rung to 8": "rung: 8\n",
        "lrsweep: params.yaml: seed: found 3, expected 4; set it to 4": "seed: 4\n",
        "lrsweep: params.yaml: seed: found 3, expected a known key (nearest: seeds); correct its name or remove": "seeds: 0\n",
        "lrsweep: corpus.paths[0]: found 'data', which is a folder; write 'data/*.txt'": "[data/*.txt]",
    }
    for line, changed in lines.items():
        ((command, new),) = remedies(line, "check", params)
        assert command == "check" and changed in new, line
    said = "lrsweep: x: found a cut run; wait for it, or leave it out: --leave-out 'my run'"
    ((command, _),) = remedies(said, "import wandb a", params)
    assert command == "import wandb a --leave-out 'my run'"
    assert [one for one, _ in remedies("lrsweep: x; see lrsweep import wandb --help", "check", params)] == ["import wandb --help"]
