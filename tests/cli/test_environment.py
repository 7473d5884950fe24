"""Variables of the environment with a wrong value: one line that names them, exit code 2, and nothing done."""

import pytest

from lrsweep.cli import environment
from lrsweep.errors import UserError
from lrsweep.trainers import devices
from tests.pipeline import clone, run


@pytest.fixture
def project(tmp_path):
    return clone(tmp_path / "project")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("LRSWEEP_DEVICE", value) for value in ("cuda:7", "mps", "CUDA", "gpu")),
        *(("LRSWEEP_THREADS", value) for value in ("two", "0", "-1", "1.5", "²")),
        *(("LRSWEEP_WORK", value) for value in ("", " ", "~/work", __file__)),
    ],
)
def test_a_wrong_value_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"^{name}: found .* in the environment, expected .*; correct it, or unset it") as refused:
        environment.check()
    assert repr(value) in str(refused.value)


def test_right_values_and_none(monkeypatch, tmp_path):
    for name, values in {
        devices.VARIABLE: ("", "cpu", "cuda"),
        "LRSWEEP_THREADS": ("", "12"),
        "LRSWEEP_WORK": (str(tmp_path), "new/folder"),
    }.items():
        for value in values:
            monkeypatch.setenv(name, value)
            environment.check()
        monkeypatch.delenv(name)
    environment.check()


@pytest.mark.parametrize("command", [("lrsweep", "check"), ("snakemake", "--cores", "1", "-n")])
def test_it_is_said_before_any_work(project, command):
    done = run(project, *command, LRSWEEP_DEVICE="mps")
    assert done.returncode == 2 and "LRSWEEP_DEVICE: found 'mps'" in done.stderr and "Traceback" not in done.stderr
    assert not (project / "results/check").exists() and not (project / "work").exists()


def test_a_torch_without_cuda_is_said_by_check(project):
    import torch

    if torch.version.cuda or torch.version.hip:
        pytest.skip("this torch has CUDA")
    for command in (("lrsweep", "check"), ("snakemake", "--cores", "1")):
        done = run(project, *command, LRSWEEP_DEVICE="cuda")
        assert done.returncode == 2 and "LRSWEEP_DEVICE: found cuda and a torch without it" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and not (project / "work").exists()
