"""Our study as params.yaml has it, and variants of it."""

from pathlib import Path

from benchmarks.ours import Variant
from benchmarks.ours import play as play  # replay's way to time a study that is made in trial order
from lrsweep import checking
from lrsweep.params import Params, Range
from lrsweep.proposing import propose

_PARAMS = checking.load(Path("params.yaml"))
_SECTION = _PARAMS.sweep_bayes


def _variant(objective: str | None = None, phase_1: Params | None = None, **changes) -> Variant:
    stopping = {name: changes.pop(name) for name in ("first_rung", "slack") if name in changes}
    section = _SECTION.model_copy(update={"stopping": _SECTION.stopping.model_copy(update=stopping), **changes})
    metric = section.metric.model_copy(update={"name": objective or section.metric.name})
    return Variant(propose, section.model_copy(update={"metric": metric}), section, phase_1)


_TOLD = {"phase_1": _PARAMS, "prior": "sweep_uniform", "first_block": 0}
_WHOLE = Range(min=1e-4, max=1.0, scale="log")
_M_U = _SECTION.metric.model_copy(update={"name": "m_u"})
CONTESTANTS = {
    "ours": _variant(),
    "ours, lag 32": _variant(lag=32),
    "ours, lag 4": _variant(lag=4),
    "ours, lag 2": _variant(lag=2),
    "ours, block 16": _variant(first_block=16),
    "ours, no slack": _variant(slack=0.0),
    # phase 1's steps are not counted: the pipeline trains it for the edge, with or without these
    "ours, in the range of phase 1": _variant(phase_1=_PARAMS),
    "ours, in the range of phase 1 and told of it": _variant(**_TOLD),
    "ours, told of phase 1": _variant(**_TOLD, lr=_WHOLE),
    # M_u has no term up to eval 5, so that all four begin at step 80
    "ours, rung 80, objective loss, stopped by loss": _variant(first_rung=80),
    "ours, rung 80, objective M_u, stopped by loss": _variant(first_rung=80, objective="m_u"),
    "ours, rung 80, objective loss, stopped by M_u": _variant(first_rung=80, objective="loss", metric=_M_U),
    "ours, rung 80, objective M_u, stopped by M_u": _variant(first_rung=80, metric=_M_U),
}
