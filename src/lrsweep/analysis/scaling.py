"""The LR for the final training: a law through the profiles of its proxies or, where no law can be had, the nearest profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrsweep.analysis.law import Law, Proxy, law_of, role_of
from lrsweep.analysis.profile import Profile, Run, are_enough, profile_of
from lrsweep.analysis.rules import Rule
from lrsweep.space import Values


@dataclass(frozen=True)
class Known:
    """The profile of a proxy, by its number."""

    proxy: int
    profile: Profile


@dataclass(frozen=True)
class Scaling:
    """The answer of the proxies. lr is None where nothing was trained, or nothing of it came to an end; `message` says why.

    values: the configuration for the target, rules: what else a person might take; none where no proxies were asked for.
    """

    lr: float | None
    target: Mapping[str, float]
    proxies: tuple[Known, ...]
    law: Law | None
    message: str | None
    values: Values | None
    rules: tuple[Rule, ...]


def scale(proxies: Sequence[tuple[Mapping[str, float], Sequence[Run]]], target: Mapping[str, float], seed: int) -> Scaling:
    """Carry the best LR to a target.

    proxies: each with its sizes and its runs. target: the same sizes of the run that matters.
    """
    known = tuple(Known(number, profile_of(runs, seed)) for number, (_, runs) in enumerate(proxies) if are_enough(runs))
    if not known:
        why = "No proxy has three LRs that trained to their end: the selected LR is taken as it is" if proxies else None
        return Scaling(None, target, (), None, why, None, ())
    sizes = [proxies[one.proxy][0] for one in known]
    names = independent([*sizes, target])
    if len({tuple(own.values()) for own in sizes}) == 1:
        why = "One proxy alone has a profile: its best LR is taken as it is"
        return Scaling(_rounded(known[0].profile.lr.value), target, known, None, why, None, ())
    kept = [Proxy({name: own[name] for name in names}, one.profile) for one, own in zip(known, sizes, strict=True)]
    law = law_of(kept, {name: target[name] for name in names}, seed, len(proxies) - len(known))
    return Scaling(_rounded(law.lr.value), target, known, law, None, None, ())


def _rounded(lr: float) -> float:
    return float(f"{lr:.4g}")


def independent(sizes: Sequence[Mapping[str, float]]) -> list[str]:
    """Give the names that a law needs to tell sizes apart: those whose logs are no sum of multiples of the ones before.

    Names of which the law knows more come first, so that of sizes which grow together it is the width.

    >>> independent([{"steps": 100.0, "d_ff": 96.0, "d_model": 32.0}, {"steps": 100.0, "d_ff": 192.0, "d_model": 64.0}])
    ['d_model']
    """
    columns, names = [np.ones(len(sizes))], list[str]()
    for name in sorted(sizes[0], key=lambda name: role_of(name) == "other"):
        more = [*columns, np.log([one[name] for one in sizes])]
        if np.linalg.matrix_rank(np.column_stack(more), tol=1e-6) == len(more):
            columns, names = more, [*names, name]
    return names
