"""Our study as params.yaml has it, and variants of it."""

from pathlib import Path

from benchmarks.ours import Variant
from benchmarks.ours import play as play  # replay's way to time a study that is made in trial order
from lrsweep import checking
from lrsweep.proposing import propose

_SECTION = checking.load(Path("params.yaml")).sweep_bayes


def _variant(objective: str | None = None, **changes) -> Variant:
    rung = changes.pop("first_rung", _SECTION.stopping.first_rung)
    section = _SECTION.model_copy(update={"stopping": _SECTION.stopping.model_copy(update={"first_rung": rung}), **changes})
    metric = section.metric.model_copy(update={"name": objective or section.metric.name})
    return Variant(propose, section.model_copy(update={"metric": metric}), section)


_M_U = _SECTION.metric.model_copy(update={"name": "m_u"})
CONTESTANTS = {
    "ours": _variant(),
    "ours, lag 4": _variant(lag=4),
    "ours, lag 2": _variant(lag=2),
    "ours, multi-fidelity GP": _variant(sampler="mfgp"),
    "ours, multi-fidelity GP, lag 4": _variant(sampler="mfgp", lag=4),
    "ours, multi-fidelity GP, block 8": _variant(sampler="mfgp", first_block=8),
    "ours, multi-fidelity GP, block 8, lag 4": _variant(sampler="mfgp", first_block=8, lag=4),
    "ours, multi-fidelity GP, told of 64 trials": _variant(sampler="mfgp", most_told=64),
    "ours, multi-fidelity GP, told of all": _variant(sampler="mfgp", most_told=100_000),
    "ours, told of 64 trials": _variant(most_told=64),
    "ours, told of all": _variant(most_told=100_000),
    # M_u has no term up to eval 5, so that all four begin at step 80
    "ours, rung 80, objective loss, stopped by loss": _variant(first_rung=80),
    "ours, rung 80, objective M_u, stopped by loss": _variant(first_rung=80, objective="m_u"),
    "ours, rung 80, objective loss, stopped by M_u": _variant(first_rung=80, objective="loss", metric=_M_U),
    "ours, rung 80, objective M_u, stopped by M_u": _variant(first_rung=80, metric=_M_U),
}
