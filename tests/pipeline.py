"""The tiny pipeline in a clone of the working tree: for the tests that run it for real."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv*",
    ".snakemake",
    "work",
    "results",
    ".pytest_cache",
    ".mypy_cache",
    ".coverage*",
    "__pycache__",
    ".dvc",
    "dvc.lock",
)


def environment(**more):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {name: value for name, value in os.environ.items() if name != "LRSWEEP_WORK"} | {"PATH": path, **more}


def run(folder, *command, **more):
    return subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=900)


def clone(target):
    shutil.copytree(ROOT, target, ignore=LEFT_OUT)
    done = run(target, "lrsweep", "preset", "tiny")
    assert done.returncode == 0, done.stderr
    return target


def artifacts(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted((folder / "results").rglob("*")) if path.is_file()
    }
