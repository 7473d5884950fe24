"""ablate: train a profile of each variant of the selected configuration, and compare each at its own best LR."""

from collections.abc import Iterator, Mapping
from typing import Any

from lrsweep.analysis import ablations, breaking
from lrsweep.analysis.ablations import Setting, Tried
from lrsweep.config.params import Params
from lrsweep.runner.ablating import Ablation
from lrsweep.runner.trainer import completed
from lrsweep.runner.worker import complete
from lrsweep.space import Choice, Float, Space, Value
from lrsweep.store.results import Results
from lrsweep.trainers.command.settings import ARGUMENTS

Row = Mapping[str, Any]


def run(params: Params, results: Results) -> None:
    """Train what is missing; write profiles.parquet and ablations.json. Where ablate is null, both are empty."""
    study = complete(Ablation(params, results))
    results.simulated |= params.simulate
    rows = list(_rows(study))
    results.write_rows("ablate/profiles.parquet", rows, _space(study, rows))
    setting = None
    if study.variants:
        lrs = [study.run(entry).lr for entry in study.entries(0)][: len(study.section.ladder)]
        ladder = (min(lrs), max(lrs))
        setting = Setting(lrs[0], ladder, study.limit_nats, study.untrained_nats)
    tried = [
        Tried(one.name, one.overrides, one.parts, [study.run(entry) for entry in study.entries(number)])
        for number, one in enumerate(study.variants)
    ]
    results.write_json("ablate/ablations.json", ablations.compare(tried, setting, params.seed))


def _rows(study: Ablation) -> Iterator[Row]:
    """Give the rows of profiles.parquet; each has a value for every name that phase 2 varied or a variant changes."""
    names = _names(study)
    for number, variant in enumerate(study.variants):
        for entry in study.entries(number):
            found = study.record(entry)
            yield {
                "variant": variant.name,
                "run": entry.repeat,
                "purpose": study.purpose(entry),
                **_completed(study, found.proposal.values, names),
                "seed": found.seed,
                "state": found.state,
                "broken": breaking.is_broken(study.run(entry), study.limit_nats),
                "final_loss_nats": found.final_loss_nats,
            }


def _names(study: Ablation) -> list[str]:
    varied = ("lr", *study.params.sweep_bayes.space)
    return list(dict.fromkeys([*varied, *(name for one in study.variants for name in one.overrides)]))


def _completed(study: Ablation, values: Mapping[str, Value], names: list[str]) -> dict[str, Value]:
    """Give a configuration in these names; one without words of its own adds none to the command of a script."""
    none = {ARGUMENTS: ""} if ARGUMENTS in names else {}
    return {**none, **completed(study.params, {**none, **values}, names, study.budget)}


def _space(study: Ablation, rows: list[Row]) -> Space:
    """Give the space of the table: what phase 2 varied, the LRs tried, and the values of what else the variants change."""
    lrs = [float(row["lr"]) for row in rows] or [float(study.selected["lr"])]
    varied = study.params.sweep_bayes.space_with(Float(min=min(lrs), max=max(lrs), scale="log"))
    others = [name for name in _names(study) if name not in varied.dimensions]
    tried = {name: tuple(dict.fromkeys(row[name] for row in rows)) for name in others}
    return Space({**varied.dimensions, **{name: Choice(choices=values) for name, values in tried.items()}})
