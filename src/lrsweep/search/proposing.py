"""Proposals: propose(records, k) is a pure function of the study's parameters and of the records in sight.

The first block, and later trials while too few records can be fitted, are points of a scrambled Sobol sequence. After that the
sampler, ours or Optuna's, is rebuilt from the records for each trial, in trial order, and seeded from (seed, study, k). It is
never kept alive between trials, since a live sampler gives other answers than a rebuilt one.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrsweep.search.evals import LARGEST, values_by_step
from lrsweep.search.multifidelity import Suggestion, observe, suggest
from lrsweep.search.settings import SweepBayes
from lrsweep.search.smoothing import smooth
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED, Proposal, Record
from lrsweep.seeding import derive_seed
from lrsweep.space import Choice, Dimension, Float, Int, Space, Value, Values
from lrsweep.space.dimension import SIGNIFICANT_DIGITS

Told = tuple[Proposal, float]  # a trial, and the value that the sampler is told for it

SMOOTH_DIGITS = 8  # smoothed values are rounded before they enter a second fit
SOBOL = "sobol"
FEWEST_TOLD = 4  # finite records below which there is nothing to fit


def propose(
    records: Sequence[Record], pending: Sequence[Proposal], k: int, section: SweepBayes, space: Space, seed: int
) -> Proposal:
    """Propose trial k.

    Args:
        records: the records in sight: of the prior, of the first block and, in trial order, of trials up to k - lag.
        pending: the proposals of the earlier trials that are not in sight, in trial order.
        k: number of the trial.
        section: the study's parameters.
        space: what the study varies: `section.space` with the range of the LR.
        seed: the study's seed.
    """
    if section.sampler != "mfgp":  # Optuna's samplers take no point outside the space
        records = [record for record in records if space.contains(record.proposal.values)]
    values = [] if k < section.first_block else tell(records, section)
    if len(values) < FEWEST_TOLD:
        sobol_seed = derive_seed(seed, "sweep_bayes/sobol")
        return _proposal(k, _sobol(k, space, sobol_seed), SOBOL, records, len(pending), sobol_seed)
    kept = bounded(values, section.most_told)
    sampler_seed = derive_seed(seed, "sweep_bayes/proposal", k) % 2**32
    expected: tuple[float | None, float | None] = (None, None)
    if section.sampler == "mfgp":
        found = _suggest([records[i] for i in kept], pending, space, section, sampler_seed)
        answer, expected = found.values, (_rounded(found.gain), _rounded(found.noise))
    else:
        told = [(records[i].proposal, values[i]) for i in kept]
        told = smoothed(told, space) if section.sampler == "gp" else told
        answer = _ask(told, pending, space, section.sampler, sampler_seed)
    return _proposal(k, answer, section.sampler, records, len(pending), sampler_seed, expected)


def tell(records: Sequence[Record], section: SweepBayes) -> list[float]:
    """Give the value of each record for the sampler, in the metric's unit; nothing where no trial is complete.

    A complete trial has its metric at the end. A pruned one has its metric at its last rung plus the complete trials' median
    change from there to the end. All are capped at their `cap_quantile`, and a diverged trial has the cap, since one uncapped
    divergence would bend the GP's fit everywhere.
    """
    complete = [values_by_step(r, section.metric) for r in records if r.state == COMPLETE]
    if not complete:
        return []
    values = np.full(len(records), np.nan)
    changes: dict[int, float] = {}
    for i, record in enumerate(records):
        own = values_by_step(record, section.metric)
        if record.state == COMPLETE:
            values[i] = own[section.steps]
        elif record.state == PRUNED:
            if record.steps not in changes:
                changes[record.steps] = float(np.median([other[section.steps] - other[record.steps] for other in complete]))
            values[i] = own[record.steps] + changes[record.steps]
    values = np.clip(values, -LARGEST, LARGEST)
    cap = np.nanquantile(values, section.cap_quantile)
    return np.fmin(values, cap).tolist()


def bounded(values: Sequence[float], limit: int) -> list[int]:
    """Give the sorted indices of at most `limit` values: the best limit / 2 of them, and the others evenly.

    The time of a GP grows with the cube of their number. Without poor values it would explore the poor regions again.
    """
    if len(values) <= limit:
        return list(range(len(values)))
    ranked = sorted(range(len(values)), key=lambda i: (values[i], i))
    best, rest = ranked[: limit // 2], sorted(ranked[limit // 2 :])
    n = limit - len(best)
    return sorted([*best, *(rest[j * len(rest) // n] for j in range(n))])


def smoothed(told: list[Told], space: Space) -> list[Told]:
    """Smooth what is told, since the expected improvement of the sampler `gp` ignores noise."""
    means = smooth(_points([p for p, _ in told], space), np.array([value for _, value in told]))
    return [(p, float(f"{value:.{SMOOTH_DIGITS}g}")) for (p, _), value in zip(told, means.tolist(), strict=True)]


def _proposal(
    k: int,
    values: Values,
    sampler: str,
    records: Sequence[Record],
    n_pending: int,
    seed: int,
    expected: tuple[float | None, float | None] = (None, None),
) -> Proposal:
    states = [record.state for record in records]
    return Proposal(
        trial=k,
        values=values,
        sampler=sampler,
        n_complete=states.count(COMPLETE),
        n_pruned=states.count(PRUNED),
        n_diverged=states.count(DIVERGED),
        n_pending=n_pending,
        seed=seed,
        expected_gain=expected[0],
        noise=expected[1],
    )


def _rounded(value: float) -> float:
    """Round to the digits that proposed values have, since the last ones differ between machines."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _sobol(k: int, space: Space, seed: int) -> dict[str, Value]:
    """Give point k of a scrambled Sobol sequence (Sobol 1967, scrambled after Matoušek 1998)."""
    from scipy.stats import qmc

    engine = qmc.Sobol(len(space), scramble=True, rng=np.random.Generator(np.random.PCG64(seed)))
    if k:  # it cannot go forward by 0
        engine.fast_forward(k)
    return space.draw(engine.random(1)[0].tolist())


def _points(proposals: Sequence[Proposal], space: Space) -> np.ndarray:
    """Give coordinates N x E."""
    return space.encode_all([proposal.values for proposal in proposals])


def _suggest(records: Sequence[Record], pending: Sequence[Proposal], space: Space, section: SweepBayes, seed: int) -> Suggestion:
    """Ask the multi-fidelity GP, which is told these records at every rung that they reached."""
    found = [values_by_step(record, section.metric) for record in records]
    curves_TL = np.array([[values.get(step, np.nan) for step in section.levels] for values in found])
    diverged_T = np.array([record.state == DIVERGED for record in records])
    points_TE = _points([record.proposal for record in records], space)
    drawn_T = np.array([record.proposal.sampler == SOBOL for record in records])
    seen = observe(points_TE, tuple(space.slices.values()), curves_TL, diverged_T, drawn_T, section.cap_quantile)
    return suggest(seen, _points(pending, space), space, np.random.Generator(np.random.PCG64(seed)))


def _ask(told: Sequence[Told], pending: Sequence[Proposal], space: Space, sampler: str, seed: int) -> dict[str, Value]:
    """Ask a fresh Optuna sampler; pending trials count as running."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spaces = {name: _distribution(space[name]) for name in space}

    def frozen(proposal: Proposal, value: float | None) -> optuna.trial.FrozenTrial:
        states = optuna.trial.TrialState
        return optuna.trial.create_trial(
            state=states.RUNNING if value is None else states.COMPLETE,
            params={name: proposal.values[name] for name in space},
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
    return {name: one.round(answer[name]) if isinstance(one := space[name], Float) else answer[name] for name in space}


def _distribution(dimension: Dimension) -> Any:
    """Give a dimension as Optuna has it."""
    from optuna import distributions

    if isinstance(dimension, Choice):
        return distributions.CategoricalDistribution(dimension.choices)
    kind = distributions.IntDistribution if isinstance(dimension, Int) else distributions.FloatDistribution
    return kind(dimension.min, dimension.max, log=dimension.is_log)
