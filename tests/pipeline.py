"""The tiny pipeline in a clone of the working tree: for the tests that run it for real."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".snakemake", "work", "results", ".pytest_cache", "__pycache__", ".dvc", "dvc.lock"
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


def different(first, second):
    """The artifacts that one of two runs lacks or has with other bytes; both as `artifacts` gives them."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def trained(folder):
    """How often each training run was done, by study, trial and the step that it started from."""
    runs = [(log.parent.name, line) for log in folder.glob("work/*/*/trained.log") for line in log.read_text().splitlines()]
    return Counter((study, *line.split(" to ")[0].split()[1::2]) for study, line in runs)
