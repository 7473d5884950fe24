"""scale: carry the LR to the final training, by profiles of shorter or smaller runs and a law through them."""

from lrsweep.config.params import Params
from lrsweep.runner.scaling import Scale
from lrsweep.runner.sweeps import SweepBayes
from lrsweep.runner.trainer import trained_values
from lrsweep.runner.worker import complete
from lrsweep.space import Int, Space
from lrsweep.store.results import Results


def run(params: Params, results: Results) -> None:
    """Train what is missing; write profiles.parquet and law.json. Where scale is null, both are empty."""
    study = complete(Scale(params, results))
    results.simulated |= params.simulate
    rows = []
    for number, proxy in enumerate(study.proxies):
        for entry in study.entries(number):
            found = study.record(entry)
            rows.append(
                {
                    "proxy": number,
                    "run": entry.repeat,
                    "steps": proxy.budget.steps,
                    **found.proposal.values,
                    **trained_values(params, found.proposal.values, proxy.budget),
                    "seed": found.seed,
                    "state": found.state,
                    "final_loss_nats": found.final_loss_nats,
                }
            )
    results.write_rows("scale/profiles.parquet", rows, _space(study, SweepBayes(params, results).space))
    results.write_json("scale/law.json", study.answer)


def _space(study: Scale, varied: Space) -> Space:
    """Give the space of the proxies: what phase 2 varied, with the ranges of sizes and batches."""
    each = {name: [proxy.values[name] for proxy in study.proxies] for name in (study.proxies[0].values if study.proxies else ())}
    ranges = {name: Int(type="int", min=min(values), max=max(values), scale="log") for name, values in each.items()}
    return Space({**varied.dimensions, **ranges})
