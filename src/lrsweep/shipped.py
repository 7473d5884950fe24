"""The files of the project that come with the package: params.yaml and dvc.yaml to start from, the workflow's rules.

A wheel holds them in lrsweep/shipped/, as setup.py puts them there; in a checkout they are where they are edited.
"""

from pathlib import Path

PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Give the path of such a file or folder, by its path in the checkout: workflow/rules."""
    inside = PACKAGE / "shipped" / name
    return inside if inside.exists() else PACKAGE.parents[1] / name
