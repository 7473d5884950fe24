"""Puts the files that people start from into the wheel; all else about the package stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("params.yaml", "dvc.yaml", "params.schema.json", "workflow/rules", "profiles/default", "workflow/profiles/slurm")


class BuildWithShipped(build_py):
    """Builds the package with lrsweep/shipped/."""

    def run(self) -> None:
        """Build, and copy what is shipped."""
        super().run()
        if self.editable_mode:
            return
        for name in SHIPPED:
            source, target = Path(name), Path(self.build_lib) / "lrsweep/shipped" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)


setup(cmdclass={"build_py": BuildWithShipped})
