"""What a script may import: a trial in two lines, its types, and the callback of Lightning (see also examples/hf.py)."""

import json
import subprocess
import sys

import pytest

from lrsweep import reporting
from tests.pipeline import ROOT

TRIAL = {"values": {"lr": 0.01}, "until": 4, "steps": 12, "seed": 7, "eval_every": 2}
TYPED = """
from pathlib import Path
import lrsweep
trial: lrsweep.Trial = lrsweep.trial()
place: Path = trial.dir
numbers: list[int] = [trial.until, trial.steps, trial.seed, trial.eval_every]
value: float | int | str = trial.values["lr"]
trial.report(3, 0.5, lr=0.1, grad_norm=1.0)
"""
WRONG = """
trial.report(3, "0.5")
trial.until = 3
trial.untill
"""


@pytest.fixture
def begin(tmp_path, monkeypatch):
    def make(**other):
        (tmp_path / "trial.json").write_text(json.dumps({**TRIAL, **other, "dir": str(tmp_path)}))
        monkeypatch.setenv(reporting.VARIABLE, str(tmp_path / "trial.json"))
        return reporting.trial()

    return make


def rows(trial):
    return [json.loads(line) for line in (trial.dir / reporting.LOG).read_text().splitlines()]


def test_a_trial_has_its_values_and_logs_what_the_curve_of_params_yaml_names(begin, monkeypatch):
    trial = begin()
    assert trial.values["lr"] == 0.01 and (trial.until, trial.steps, trial.seed, trial.eval_every) == (4, 12, 7, 2)
    trial.report(1, lr=0.01, grad_norm=2)
    trial.report(2, float("nan"))
    monkeypatch.setenv("RANK", "1")
    trial.report(3, 1.0)
    assert str(rows(trial)) == str([{"step": 1, "lr": 0.01, "grad_norm": 2.0}, {"step": 2, "val_loss": float("nan")}])


def test_without_a_study_it_says_so(monkeypatch):
    monkeypatch.delenv(reporting.VARIABLE, raising=False)
    with pytest.raises(RuntimeError, match="found no trial, expected a script that a study starts"):
        reporting.trial()


def test_it_needs_the_standard_library_alone_and_little_of_that():
    code = "import sys; before = set(sys.modules); import lrsweep.callbacks; print(*sorted(set(sys.modules) - before))"
    call = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); {code}"]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    own = {"lrsweep", "lrsweep.reporting", "lrsweep.callbacks"}
    found = set(done.stdout.split())
    assert own <= found and not found & {"json", "pathlib", "dataclasses", "inspect"}, found
    assert {name.split(".")[0] for name in found - own} <= sys.stdlib_module_names


def test_a_type_checker_knows_its_types(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(TYPED + WRONG)
    call = ["mypy", "--strict", "--no-error-summary", "--config-file", "/dev/null", "--cache-dir", str(tmp_path), str(script)]
    done = subprocess.run([sys.executable, "-m", *call], cwd=ROOT / "src", capture_output=True, text=True)
    lines = [int(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith(str(script))]
    first = TYPED.count("\n") + 2
    assert lines == [first, first + 1, first + 2], done.stdout + done.stderr
    assert (ROOT / "src/lrsweep/py.typed").exists()


def test_lightning_ends_at_until_goes_on_and_reports_every_step(begin):
    pytest.importorskip("lightning", reason="lightning is in no lock: its callback is for those who have it")
    import torch
    from lightning.pytorch import LightningModule, Trainer, seed_everything

    from lrsweep.callbacks import lightning

    class Line(LightningModule):
        def __init__(self, trial):
            super().__init__()
            self.trial, self.layer = trial, torch.nn.Linear(1, 1)

        def training_step(self, batch):
            return self.layer(batch[0]).square().sum()

        def validation_step(self, batch):
            self.log("val_loss", self.training_step(batch))

        def configure_optimizers(self):
            optimizer = torch.optim.SGD(self.parameters(), lr=self.trial.values["lr"])
            schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, self.trial.steps)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(12, 1)))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    for until in (4, 8):
        trial = begin(until=until)
        seed_everything(trial.seed)
        evals = {"check_val_every_n_epoch": None, "val_check_interval": trial.eval_every}
        trainer = Trainer(accelerator="cpu", max_steps=trial.steps, callbacks=[lightning(trial)], **evals, **quiet)
        last = trial.dir / "last.ckpt"
        trainer.fit(Line(trial), data, data, ckpt_path=last if last.exists() else None)
        assert trainer.global_step == until
    found = rows(trial)
    assert [row["step"] for row in found if "val_loss" in row] == [2, 4, 6, 8]
    steps = {row["step"]: row for row in found if "lr" in row}
    assert list(steps) == list(range(1, 9)) and all(row["grad_norm"] > 0 for row in steps.values())
    assert [row["lr"] for row in steps.values()] == pytest.approx([0.01 * (1 - n / 12) for n in range(8)])
