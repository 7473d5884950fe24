"""Words of the page that depend on what was trained: a script's study has other ones than the built-in model's."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from lrsweep.analysis.rules import FORMULAS, Rule
from lrsweep.analysis.scaling import Scaling
from lrsweep.analysis.words import listed
from lrsweep.figures.drawing import label

Setting = Mapping[str, Any]


def the_default(setting: Setting) -> str:
    """Name what the selected configuration is compared with."""
    return "the default of params.yaml" if setting["trainer"] else "the library's default"


def warm_ups(setting: Setting, names: Iterable[str], trained: Mapping[str, Any], imported: Container[str]) -> dict[str, str]:
    """Give what is said of the warm-up of each stage, from its comma on; nothing where it is not known.

    The command of a script does not have the warm-up of params.yaml, and imported runs need not have had it. Where phase 2
    searches the warm-up, the final training has the selected one.
    """
    searched = any("warmup" in name.lower().replace("_", "").replace("-", "") for name in names)
    own = {stage: setting[stage]["warmup_steps"] for stage in ("sweep_uniform", "sweep_bayes", "train")}
    own["train"] = trained.get("warmup_steps") if searched else own["train"]
    said = {}
    for stage, steps in own.items():
        known = steps is not None and not setting["trainer"] and stage not in imported
        said[stage] = f", {steps} of {'its steps' if stage == 'train' else 'them'} warm-up" if known else ""
    return {**said, "sweep_bayes": ", with a warm-up that is searched"} if searched else said


def drawn(setting: Setting) -> str:
    """Say how phase 1 draws its learning rates."""
    return "log-uniformly" if setting["sweep_uniform"]["lr"]["scale"] == "log" else "uniformly"


def applying(rules: Iterable[Rule], setting: Setting) -> tuple[Rule, ...]:
    """Give the rules for the final training's LR without the published ones, where a script is trained and they say nothing."""
    published = {formula.name for formula in FORMULAS}
    return tuple(one for one in rules if one.values or not setting["trainer"] or one.name not in published)


def known_columns(rows: Sequence[Mapping[str, Any]], columns: Iterable[list[str]]) -> list[list[str]]:
    """Give the columns of a table without those in which no row has a value; all of them where there is no row."""
    return [column for column in columns if not rows or any(pd.notna(row[column[1]]) for row in rows)]


def at_ends(scaling: Scaling) -> str | None:
    """Say which proxies have their best LR at an end of the LRs tried; None where no proxy has."""
    if scaling.law is None:
        ended = any(one.profile.at_border for one in scaling.proxies)
        return "The best LR of the proxy lies at an end of the LRs tried, so the best may lie beyond it" if ended else None
    found = [
        "the proxy of " + ", ".join(f"{label(name)} {size:g}" for name, size in one.sizes.items())
        for one in scaling.law.proxies
        if one.profile.at_border
    ]
    if not found:
        return None
    return f"The best LR of {listed(found)} lies at an end of the LRs tried, so the best may lie beyond it"
