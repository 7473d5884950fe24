"""Our study as params.yaml has it, and variants of it."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.ours import Start, Variant, whole
from benchmarks.ours import play as play  # replay's way to time a study that is made in trial order
from benchmarks.world import World
from lrsweep.config import checking, yamlfile
from lrsweep.config.params import Params
from lrsweep.search.proposing import propose

PARAMS: Params = checking.load(Path("params.yaml"))
WIDE = Path("workflow/presets/wide.yaml")


def variant(objective: str | None = None, start: Callable[[World, int], Start] = whole, **changes) -> Variant:
    """The study of params.yaml with other values in its section; `objective` names the metric of the sampler alone."""
    section, stopping = PARAMS.sweep_bayes, {name: changes.pop(name) for name in ("first_rung", "slack") if name in changes}
    section = section.model_copy(update={"stopping": section.stopping.model_copy(update=stopping), **changes})
    metric = section.metric.model_copy(update={"name": objective or section.metric.name})
    return Variant(propose, section.model_copy(update={"metric": metric}), section, start)


_M_U = PARAMS.sweep_bayes.metric.model_copy(update={"name": "m_u"})
CONTESTANTS = {
    "ours": variant(),
    "ours, preset wide": variant(**yamlfile.parse(yamlfile.read(WIDE), WIDE)["sweep_bayes"]),
    "ours, lag 32": variant(lag=32),
    "ours, lag 4": variant(lag=4),
    "ours, lag 2": variant(lag=2),
    "ours, block 16": variant(first_block=16),
    "ours, no slack": variant(slack=0.0),
    # M_u has no term up to eval 5, so that all four begin at step 80
    "ours, rung 80, objective loss, stopped by loss": variant(first_rung=80),
    "ours, rung 80, objective M_u, stopped by loss": variant(first_rung=80, objective="m_u"),
    "ours, rung 80, objective loss, stopped by M_u": variant(first_rung=80, objective="loss", metric=_M_U),
    "ours, rung 80, objective M_u, stopped by M_u": variant(first_rung=80, metric=_M_U),
}
