"""What people type behind `lrsweep init`: taken as it is, or one line and nothing written."""

import sys

import pytest

from lrsweep.cli import main as cli
from lrsweep.config import checking

GOOD = {"command": "python t.py --lr {lr} --to {until}", "curve": "file={dir}/log.jsonl,loss=val", "read": "t.py"}


@pytest.fixture
def init(tmp_path, monkeypatch, capfd):
    """Calls init in a folder with a script; gives the exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.py").write_text("")

    def call(**options):
        words = [word for name, said in {**GOOD, **options}.items() for word in (f"--{name.replace('_', '-')}", said)]
        monkeypatch.setattr(sys, "argv", ["lrsweep", "init", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, capfd.readouterr().err

    return call


@pytest.mark.parametrize(
    "command",
    [
        "python 'a b.py' {lr} {until} ünï 十 🙂",
        "python t.py {lr}\n{until}",
        "python t.py {lr}\t{until} \x1b[31m \x07 \x7f",
        "python t.py {lr} {until} \u2028\x85\ufeff\u200b",
        "python t.py {lr} {until} # c: d",
        "python t.py {lr} {until} 'trainer: x' null ~ {{a}}",
    ],
)
def test_a_command_is_kept_to_the_character(init, command, tmp_path):
    assert init(command=command) == (0, "")
    assert checking.load(tmp_path / "params.yaml").trainer.command == command


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"command": "python t.py {lr} {until} \udcff"}, "--command: found"),
        ({"command": f"python t.py {{lr}} {{until}} {'x' * 300_000}"}, "init: found options that make a params.yaml of"),
        ({"curve": "pattern=(?P<step>.)(?P<loss>\udcff)"}, "--curve: found"),
        ({"read": "\udcff"}, "--read: found"),
        *(
            ({"read": said}, f"trainer.reads[0]: found '{said}', which names no file")
            for said in (".", "/", "", "***", "/etc/passwd")
        ),
        *(
            ({"space": f"x={said}"}, "sweep_bayes.space.x")
            for said in ("-1:1:log", "2:1", "1:1", "-1e308:1e308", "5e-324:1e308:log")
        ),
        ({"space": f"x=1:{'9' * 400}:int"}, "sweep_bayes.space.x"),
        ({"space": "x=\udcff,b"}, "--space: found"),
        ({"steps": "10000000000000000000000"}, "init: --steps: found"),
        ({"eval_every": "10000000000000000000000"}, "init: --eval-every: found"),
        *(
            ({"curve": f"pattern={said}"}, "trainer.curve")
            for said in ("(" * 2000 + ")" * 2000, "(?P<step>x{99999999999})(?P<loss>y)", "(?P<loss>x)(?P<loss>y)", "(")
        ),
        *(
            ({"curve": f"file={said}"}, "--curve: found")
            for said in ("{dir}/a.jsonl,loss=", "{dir}/a.jsonl,loss=a,loss=b", ",loss=a", "{dir}/a.jsonl,loss=a,step=")
        ),
        *(
            ({"curve": f"file={said},loss=a"}, "trainer.curve.file: found")
            for said in ("a.jsonl", "/tmp/a.jsonl", "{dir}/{lr}.jsonl", "{nope}/a.jsonl", "{{dir}}/a.jsonl")
        ),
    ],
    ids=lambda case: ascii(case)[:60] if isinstance(case, dict) else "",
)
def test_one_line_and_nothing_written(init, options, place, tmp_path):
    command = GOOD["command"] + (" --x {x}" if "space" in options else "")
    code, said = init(**{"command": command, **options})
    assert code == 2 and said.startswith(f"lrsweep: {place}") and ", expected " in said, said
    assert [path.name for path in tmp_path.iterdir()] == ["t.py"]


def test_a_long_trial_of_a_prime_length_is_answered_at_once(init):
    code, said = init(steps="999999937")
    assert code == 2 and "--steps: found 999999937, expected a rounder number" in said


def test_a_choice_that_is_no_finite_number_stays_a_word(init, tmp_path):
    assert init(space="x=inf,nan,1e3,2", command=GOOD["command"] + " {x}")[0] == 0
    assert checking.load(tmp_path / "params.yaml").sweep_bayes.space["x"].choices == ("inf", "nan", 1000.0, 2)
