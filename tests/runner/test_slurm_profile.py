"""The SLURM profile without SLURM: it names the rules that there are, and a second start clears what a killed one has left."""

import re
import sys

import pytest
import yaml

from lrsweep.errors import UserError
from lrsweep.runner import orphans
from tests.pipeline import ROOT

QUEUE = """\
11|rule_sweep_uniform_trials_wildcards_000_0_1|{here}
12_[1-3]|rule_train|{here}
13|rule_train|/elsewhere
14||{here}
"""


def test_each_rule_that_trains_has_memory_time_and_gpus():
    profile = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())
    rules = re.findall(r"^rule (\w+):", (ROOT / "workflow/rules/study.smk").read_text(), re.MULTILINE)
    trains = {*rules, "train"}
    found = profile["set-resources"]
    assert found.keys() == trains | {"sharpness"}  # which trains a few trials again, on the same device
    assert all({"mem_mb", "runtime", "gpu"} <= asked.keys() for asked in found.values())
    assert all("* attempt" in found[name][key] for name in found for key in ("mem_mb", "runtime"))
    assert profile["retries"] >= 1 and profile["jobs"] > 0


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A squeue that shows the file `queue`, and a scancel that empties it unless it is told that the jobs do not end."""
    (tmp_path / "queue").write_text(QUEUE.format(here=tmp_path))
    for name, text in {
        "squeue": "print(open('queue').read(), end='')",
        "scancel": "import os, sys\nopen('cancelled', 'w').write(' '.join(sys.argv[1:]))\n"
        "os.path.exists('stuck') or open('queue', 'w').close()",
    }.items():
        (tmp_path / name).write_text(f"#!{sys.executable}\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_what_a_killed_run_has_left_is_cancelled(queue, capsys):
    orphans.cancel()
    assert (queue / "cancelled").read_text() == "11 12_[1-3]"
    assert "are cancelled: 11, 12_[1-3]" in capsys.readouterr().err
    (queue / "cancelled").unlink()
    orphans.cancel()
    assert not (queue / "cancelled").exists() and capsys.readouterr().err == ""


def test_what_does_not_end_is_named(queue, monkeypatch):
    (queue / "stuck").touch()
    monkeypatch.setattr(orphans, "LIMIT_S", 0.0)
    with pytest.raises(UserError, match=r"found 11, 12_\[1-3\] of an earlier run"):
        orphans.cancel()


def test_without_slurm_nothing_is_asked(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    orphans.cancel()
