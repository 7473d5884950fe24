"""Proposals: propose(records, k) is a pure function of the study's parameters and of the records in sight.

The first block, and later trials while too few records can be fitted, are points of a scrambled Sobol sequence. After that the
sampler, ours or Optuna's, is rebuilt from the records for each trial, in trial order, and seeded from (seed, study, k): a live
sampler gives other answers than a rebuilt one, so there is none.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from lrsweep.config.params import VARIED
from lrsweep.search.curves import values_by_step
from lrsweep.search.multifidelity import observe, suggest
from lrsweep.search.settings import SweepBayes
from lrsweep.search.smoothing import smooth
from lrsweep.search.trial import Proposal, Record
from lrsweep.seeding import derive_seed, generator
from lrsweep.store import artifacts

Told = tuple[Proposal, float]  # a trial, and what it counts as

SIGNIFICANT_DIGITS = 4  # rounding makes the GP's answer the same under another BLAS path
SMOOTH_DIGITS = 8  # what is told is rounded too, before it goes through a second fit
FEWEST_TOLD = 4  # finite records below which there is nothing to fit


def uniform(seed: int, study: str, trial: int, lr: Range, beta2: float, weight_decay: float) -> Proposal:
    """A trial of phase 1: its LR drawn uniformly from `lr`, in itself or in its logarithm, the rest fixed."""
    draw = generator(seed, f"{study}/proposal", trial).random()
    return _proposal(trial, {"lr": _round(lr.at(draw), lr), "beta2": beta2, "weight_decay": weight_decay}, "uniform", [], 0, 0)


def propose(
    records: Sequence[Record], pending: Sequence[Proposal], k: int, section: SweepBayes, lr: Range, seed: int
) -> Proposal:
    """The values of trial k.

    Args:
        records: those in sight: the prior's, the first block's and, in trial order, those of trials up to k - lag.
        pending: the proposals of the earlier trials that are not in sight, in trial order.
        k: number of the trial.
        section: the study's parameters.
        lr: the LR range, where the section says auto.
        seed: the study's seed.
    """
    ranges = {"lr": lr, "beta2": section.beta2, "weight_decay": section.weight_decay}
    if section.sampler != "mfgp":  # Optuna's know no place outside the ranges
        records = [record for record in records if _inside(record.proposal, ranges)]
    values = [] if k < section.first_block else tell(records, section)
    if len(values) < FEWEST_TOLD:
        sobol_seed = derive_seed(seed, "sweep_bayes/sobol")
        return _proposal(k, _sobol(k, ranges, sobol_seed), "sobol", records, len(pending), sobol_seed)
    kept = bounded(values, section.most_told)
    sampler_seed = derive_seed(seed, "sweep_bayes/proposal", k) % 2**32
    if section.sampler == "mfgp":
        answer = _suggest([records[i] for i in kept], pending, ranges, section, sampler_seed)
    else:
        told = [(records[i].proposal, values[i]) for i in kept]
        told = smoothed(told, ranges) if section.sampler == "gp" else told
        answer = _ask(told, pending, ranges, section.sampler, sampler_seed)
    return _proposal(k, answer, section.sampler, records, len(pending), sampler_seed)


def tell(records: Sequence[Record], section: SweepBayes) -> list[float]:
    """What each record counts as for the sampler, in the metric's unit; nothing where no trial is complete.

    A complete trial counts as its metric at the end; a pruned one as its metric at its last rung plus the complete trials'
    median change from that rung to the end. All are capped at the `cap_quantile` of these, and a diverged one counts as the
    cap: an uncapped divergence bends the GP's fit everywhere.
    """
    complete = [values_by_step(r, section.metric) for r in records if r.state == artifacts.COMPLETE]
    if not complete:
        return []
    values = np.full(len(records), np.nan)
    changes: dict[int, float] = {}
    for i, record in enumerate(records):
        own = values_by_step(record, section.metric)
        if record.state == artifacts.COMPLETE:
            values[i] = own[section.steps]
        elif record.state == artifacts.PRUNED:
            if record.steps not in changes:
                changes[record.steps] = float(np.median([other[section.steps] - other[record.steps] for other in complete]))
            values[i] = own[record.steps] + changes[record.steps]
    cap = np.nanquantile(values, section.cap_quantile)
    return np.fmin(values, cap).tolist()


def bounded(values: Sequence[float], limit: int) -> list[int]:
    """The places of at most `limit` of these, rising: those of the better half of the limit, and every so many-th of the others.

    The time of a GP grows with the cube of their number. Without the others it would know nothing of the poor regions, and
    explore them again.
    """
    if len(values) <= limit:
        return list(range(len(values)))
    ranked = sorted(range(len(values)), key=lambda i: (values[i], i))
    best, rest = ranked[: limit // 2], sorted(ranked[limit // 2 :])
    n = limit - len(best)
    return sorted([*best, *(rest[j * len(rest) // n] for j in range(n))])


def smoothed(told: list[Told], ranges: Mapping[str, Range]) -> list[Told]:
    """What is told without its noise, which the GP sampler's expected improvement takes no account of."""
    means = smooth(_places([p for p, _ in told], ranges), np.array([value for _, value in told]))
    return [(p, _digits(value, SMOOTH_DIGITS)) for (p, _), value in zip(told, means.tolist(), strict=True)]


def _proposal(
    k: int, values: Mapping[str, float], sampler: str, records: Sequence[Record], n_pending: int, seed: int
) -> Proposal:
    states = [record.state for record in records]
    return Proposal(
        trial=k,
        **{name: values[name] for name in VARIED},
        sampler=sampler,
        n_complete=states.count(artifacts.COMPLETE),
        n_pruned=states.count(artifacts.PRUNED),
        n_diverged=states.count(artifacts.DIVERGED),
        n_pending=n_pending,
        seed=seed,
    )


def _digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _round(value: float, interval: Range) -> float:
    """The value in SIGNIFICANT_DIGITS, and never outside the interval."""
    return min(max(_digits(value, SIGNIFICANT_DIGITS), interval.min), interval.max)


def _sobol(k: int, ranges: Mapping[str, Range], seed: int) -> dict[str, float]:
    """Point k of a scrambled Sobol sequence (Sobol 1967, scrambled after Owen 1998)."""
    import torch

    engine = torch.quasirandom.SobolEngine(dimension=len(ranges), scramble=True, seed=seed % 2**32)
    point = engine.fast_forward(k).draw(1, dtype=torch.float64)[0].tolist()
    return {name: _round(interval.at(u), interval) for u, (name, interval) in zip(point, ranges.items(), strict=True)}


def _inside(proposal: Proposal, ranges: Mapping[str, Range]) -> bool:
    return all(interval.min <= getattr(proposal, name) <= interval.max for name, interval in ranges.items())


def _places(proposals: Sequence[Proposal], ranges: Mapping[str, Range]) -> np.ndarray:
    """Points N x D in [0, 1]."""
    rows = [[ranges[name].share(getattr(proposal, name)) for name in VARIED] for proposal in proposals]
    return np.array(rows).reshape(len(proposals), len(VARIED))


def _suggest(
    records: Sequence[Record],
    pending: Sequence[Proposal],
    ranges: Mapping[str, Range],
    section: SweepBayes,
    seed: int,
) -> dict[str, float]:
    """What the multi-fidelity GP proposes, told of these records at every rung that they reached."""
    found = [values_by_step(record, section.metric) for record in records]
    curves = np.array([[values.get(step, np.nan) for step in section.levels] for values in found])
    diverged = np.array([record.state == artifacts.DIVERGED for record in records])
    seen = observe(_places([record.proposal for record in records], ranges), curves, diverged, section.cap_quantile)
    point = suggest(seen, _places(pending, ranges), np.random.Generator(np.random.PCG64(seed)))
    return {name: _round(r.at(u), r) for u, (name, r) in zip(point.tolist(), ranges.items(), strict=True)}


def _ask(
    told: Sequence[Told], pending: Sequence[Proposal], ranges: Mapping[str, Range], sampler: str, seed: int
) -> dict[str, float]:
    """What a fresh Optuna sampler proposes after these; pending trials count as running."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spaces = {name: optuna.distributions.FloatDistribution(r.min, r.max, log=r.scale == "log") for name, r in ranges.items()}

    def frozen(proposal: Proposal, value: float | None) -> optuna.trial.FrozenTrial:
        states = optuna.trial.TrialState
        return optuna.trial.create_trial(
            state=states.RUNNING if value is None else states.COMPLETE,
            params={name: getattr(proposal, name) for name in VARIED},
            distributions=spaces,
            value=value,
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna marks both options as experimental
        if sampler == "gp":
            engine = optuna.samplers.GPSampler(seed=seed, n_startup_trials=0, deterministic_objective=False)
        else:
            engine = optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)
        study = optuna.create_study(sampler=engine, direction="minimize")
        study.add_trials([*(frozen(p, v) for p, v in told), *(frozen(p, None) for p in pending)])
        answer = study.ask(spaces).params
    return {name: _round(answer[name], interval) for name, interval in ranges.items()}
