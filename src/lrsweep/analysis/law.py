"""Law: the best LR as a function of size, horizon and batch, from profiles, and what it says of a target.

    log lr* = a + sum over columns of b log(column) + what the law misses + the error of the profile

It is a mixed linear model. What the law misses has a part that all profiles with the same size, or the same horizon, share (two
models of one size are off in the same direction), and a part of each profile's own. Their deviations are averaged over a grid, by
the likelihood. The exponents b start from what is published and move as far as the profiles ask.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, NamedTuple

import numpy as np

from lrsweep.analysis.profile import BAND, Interval, Profile
from lrsweep.analysis.words import counted
from lrsweep.seeding import generator

Role = Literal["size", "width", "width in muP", "horizon", "batch", "other"]

MUP_WIDTH = "mup_width"  # the column of a width of muP models
DRAWS = 4000
SHARED = (0.0, 0.05, 0.1, 0.2, 0.4)  # deviations, in log LR, of what profiles of one size or horizon share
OWN = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0)  # deviations of what a profile has of its own
SCATTER_PRIOR = 0.2  # deviation that both have before any profile is seen
STRETCHES = {1.0: 0.9, 4.0: 0.1}  # times the deviations of the published exponents, with their chances: a recipe may be another
LEVEL_PRIOR = 10.0  # deviation of the constant a
FAR = 8.0  # times beyond the proxies from which a target is far outside
CONTRADICTED = np.log(2)  # profiles that lie further from the law than this factor of LR, in the root mean square, contradict it


class Exponent(NamedTuple):
    """What is published of an exponent: mean and standard deviation."""

    mean: float
    sd: float


# With the other columns held. size: -0.71 (Step Law, arXiv 2503.04715), -0.23 (Bjorck et al., arXiv 2409.19913), -1/2 to -1/3
# (muP's 1/width, arXiv 2203.03466). horizon at a fixed batch: -0.32 (Bjorck et al.), +0.02 (Step Law's 0.307 less a batch that
# grows as D^0.571, at the square root of it). batch: 1/2 (Malladi et al., arXiv 2205.10287), 0 beyond the critical batch
# (McCandlish et al., arXiv 1812.06162). DeepSeek's -0.125 for compute, with a batch that grows as C^0.327 (arXiv 2401.02954),
# lies between. muP is there for a best LR that is the same at any width (arXiv 2203.03466, figure 1).
PRIORS: Mapping[Role, Exponent] = {
    "size": Exponent(-0.45, 0.2),
    "width": Exponent(-1.0, 0.3),
    "width in muP": Exponent(0.0, 0.15),
    "horizon": Exponent(-0.15, 0.2),
    "batch": Exponent(0.4, 0.2),
    "other": Exponent(0.0, 0.5),
}
NAMES: Mapping[Role, frozenset[str]] = {
    "size": frozenset({"n", "params", "parameters", "n_params", "num_params", "size", "model_size"}),
    "width": frozenset({"width", "d_model", "h", "hidden", "hidden_size", "m"}),
    "width in muP": frozenset({MUP_WIDTH}),
    "horizon": frozenset({"d", "tokens", "n_tokens", "steps", "max_steps", "horizon", "iterations"}),
    "batch": frozenset({"b", "bs", "batch", "batch_size", "batch_tokens", "global_batch_size"}),
}


def role_of(column: str) -> Role:
    """Guess what a column holds from its name; `other` has a prior that says little."""
    return next((role for role, names in NAMES.items() if column.lower() in names), "other")


@dataclass(frozen=True)
class Proxy:
    """A profile, and its sizes by column."""

    sizes: Mapping[str, float]
    profile: Profile


@dataclass(frozen=True)
class Law:
    """The law, asked for a target.

    lr: the best LR there, with the 95 % interval of a profile's own best. band: the LRs within profile.BAND of the best loss,
    around it. exponents: by column. roles: what each column was taken for, which gives its prior. followed: whether lr is the
    law's, and not that of the nearest proxy. scatter: root mean square distance of the proxies from the law, in log LR. warnings:
    a sentence each.
    """

    target: Mapping[str, float]
    lr: Interval
    band: tuple[float, float]
    exponents: Mapping[str, Interval]
    roles: Mapping[str, Role]
    followed: bool
    scatter: float
    nearest: Proxy
    proxies: tuple[Proxy, ...]
    warnings: tuple[str, ...]


def law_of(proxies: Sequence[Proxy], target: Mapping[str, float], seed: int, left_out: int) -> Law:
    """Fit the law to the profiles, and ask it for the target.

    proxies: with the columns of the target; at least two differ in one of them. left_out: how many sizes had too few runs for a
    profile.
    """
    used = [proxy for proxy in proxies if not proxy.profile.at_border]
    used = used if len({tuple(proxy.sizes.values()) for proxy in used}) > 1 else list(proxies)
    model = _Model(used, tuple(target))
    at = np.log([target[name] for name in target])
    answers, exponents = model.ask(at, seed)
    nearest = used[int(np.argmin(model.distances(at)))]
    profiles = [proxy.profile for proxy in used]
    low = float(np.exp(np.mean(np.log([one.band_low.value / one.lr.value for one in profiles]))))
    high = float(np.exp(np.mean(np.log([one.band_high.value / one.lr.value for one in profiles]))))
    followed = bool(model.scatter < CONTRADICTED)
    if not followed:
        near = np.log(nearest.profile.lr.value)
        answers = near + np.hypot(model.scatter, nearest.profile.log_lr_sd) * (answers - answers.mean()) / answers.std()
    lr = Interval.of(np.exp(answers))
    return Law(
        target=dict(target),
        lr=lr,
        band=(lr.value * low, lr.value * high),
        exponents={name: Interval.of(exponents[:, i]) for i, name in enumerate(target)},
        roles={name: role_of(name) for name in target},
        followed=followed,
        scatter=model.scatter,
        nearest=nearest,
        proxies=tuple(proxies),
        warnings=(
            *(
                [f"{counted(left_out, 'size')} with too few LRs that did not diverge {'is' if left_out == 1 else 'are'} left out"]
                if left_out
                else []
            ),
            *_warnings(proxies, used, target, model.scatter, followed),
        ),
    )


class _Model:
    """The mixed model over P profiles and C columns, on the logs of the columns about their means."""

    def __init__(self, used: Sequence[Proxy], columns: tuple[str, ...]) -> None:
        self.logs_PC = np.log([[proxy.sizes[name] for name in columns] for proxy in used])
        self.centre_C = self.logs_PC.mean(0)
        self.best_P = np.log([proxy.profile.lr.value for proxy in used])
        self.errors_P = np.array([proxy.profile.log_lr_sd for proxy in used])
        self.batch_C = np.array([role_of(name) == "batch" for name in columns])
        priors = [PRIORS[role_of(name)] for name in columns]
        self.mean_B = np.array([self.best_P.mean(), *(prior.mean for prior in priors)])
        self.sds_B = np.array([LEVEL_PRIOR, *(prior.sd for prior in priors)])
        self.weight_P = 1 + self._above_best(np.log([proxy.profile.loss_nats.value for proxy in used])) / BAND
        design_PB = self._design(self.logs_PC)
        self.fits = [self._fit(design_PB, *deviations) for deviations in product(STRETCHES, SHARED, OWN)]
        chances = np.exp([fit.log_likelihood - max(fit.log_likelihood for fit in self.fits) for fit in self.fits])
        self.chances = chances / chances.sum()
        mean_B = sum(chance * fit.mean_B for chance, fit in zip(self.chances, self.fits, strict=True))
        squares_P = np.maximum((self.best_P - design_PB @ mean_B) ** 2 - self.errors_P**2, 0)
        self.scatter = float(np.sqrt(np.average(squares_P, weights=self.weight_P**-2.0)))

    def _design(self, logs_TC: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(logs_TC)), logs_TC - self.centre_C])

    def _above_best(self, losses_P: np.ndarray) -> np.ndarray:
        """Give each profile's log loss above the best of its size and horizon, as a bad batch tells little of a good one."""
        others_PC = self.logs_PC[:, ~self.batch_C]
        same_PP = (others_PC[:, None] == others_PC[None]).all(2)
        return losses_P - np.where(same_PP, losses_P, np.inf).min(1)

    def _shared(self, logs_TC: np.ndarray) -> np.ndarray:
        """Count the columns, without batches, in which each of T points agrees with each profile: T x P."""
        return (logs_TC[:, None, ~self.batch_C] == self.logs_PC[None][:, :, ~self.batch_C]).sum(2)

    def _fit(self, design_PB: np.ndarray, stretch: float, shared: float, own: float) -> "_Fit":
        covariance_PP = shared**2 * self._shared(self.logs_PC) + np.diag(self.errors_P**2 + (own * self.weight_P) ** 2)
        inverse_PP = np.linalg.inv(covariance_PP)
        sds_B = self.sds_B * np.where(np.arange(len(self.sds_B)), stretch, 1.0)
        precision_BB = design_PB.T @ inverse_PP @ design_PB + np.diag(sds_B**-2)
        rest_P = self.best_P - design_PB @ self.mean_B
        cov_BB = np.linalg.inv(precision_BB)
        moved_B = cov_BB @ design_PB.T @ inverse_PP @ rest_P
        misfit = rest_P @ inverse_PP @ (rest_P - design_PB @ moved_B)
        volume = np.linalg.slogdet(covariance_PP)[1] + np.linalg.slogdet(precision_BB)[1] + 2 * np.log(sds_B).sum()
        prior = (shared / SCATTER_PRIOR) ** 2 + (own / SCATTER_PRIOR) ** 2 - 2 * np.log(STRETCHES[stretch])
        return _Fit(-0.5 * (misfit + volume + prior), shared, own, self.mean_B + moved_B, cov_BB, inverse_PP)

    def ask(self, at_C: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw the log of the best LR at a point, DRAWS, and the exponents, DRAWS x C."""
        draws, at_B = generator(seed, "law"), self._design(at_C[None])[0]
        design_PB, alike_P = self._design(self.logs_PC), self._shared(at_C[None])[0]
        answers, exponents = [], []
        for fit, count in zip(self.fits, draws.multinomial(DRAWS, self.chances), strict=True):
            drawn_DB = draws.multivariate_normal(fit.mean_B, fit.covariance_BB, size=count, method="cholesky")
            covariance_P = fit.shared**2 * alike_P
            known_P = fit.inverse_PP @ covariance_P
            variance = fit.shared**2 * (~self.batch_C).sum() - covariance_P @ known_P + fit.own**2
            mean_D = drawn_DB @ at_B + (self.best_P - drawn_DB @ design_PB.T) @ known_P
            answers.append(mean_D + np.sqrt(max(variance, 0.0)) * draws.standard_normal(count))
            exponents.append(drawn_DB[:, 1:])
        return np.concatenate(answers), np.concatenate(exponents)

    def distances(self, at_C: np.ndarray) -> np.ndarray:
        """Give the distance of each profile from a point, in logs."""
        return np.sqrt(((self.logs_PC - at_C) ** 2).sum(1))


class _Fit(NamedTuple):
    """The exponents for one pair of deviations: their mean and covariance, the constant first."""

    log_likelihood: float
    shared: float
    own: float
    mean_B: np.ndarray
    covariance_BB: np.ndarray
    inverse_PP: np.ndarray


def _warnings(
    proxies: Sequence[Proxy], used: Sequence[Proxy], target: Mapping[str, float], scatter: float, followed: bool
) -> list[str]:
    found = []
    if dropped := len(proxies) - len(used):
        have = "has its best LR at a border and is" if dropped == 1 else "have their best LR at a border and are"
        found.append(f"{dropped} of {len(proxies)} profiles {have} left out: try more LRs there")
    for name, value in target.items():
        known = sorted({proxy.sizes[name] for proxy in used})
        if len(known) == 1:
            if value != known[0]:
                found.append(f"{name} is {known[0]:g} in every profile: its exponent is the literature's alone")
        elif value > FAR * known[-1] or value < known[0] / FAR:
            found.append(
                f"{name} {value:g} is far outside the profiles, {known[0]:g} to {known[-1]:g}: trust the interval, not the LR"
            )
    if all(min(p.sizes[n] for p in used) <= v <= max(p.sizes[n] for p in used) for n, v in target.items()):
        found.append("the target lies inside the profiles: this interpolates, and says nothing of larger runs")
    if not followed:
        found.append(
            f"the profiles contradict the law (they lie a factor of {np.exp(scatter):.2g} from it): the nearest one answers"
        )
    return found
