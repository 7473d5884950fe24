"""The gain of the final training on the library's default at its own length, split by hyperparameter.

A chain of configurations leads from the default to the final training, and all of them are trained for as long and over the same
seeds. The gain of a step is the mean loss before it minus the mean loss after it, so the gains of all steps add up to the whole.
How the whole is split depends on the order: a hyperparameter is worth what it adds to those that were changed before it. The
learning rate comes first, as the one that is searched for. Losses are in nats.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lrsweep.analysis.noise import Noise
from lrsweep.search.racing import mean
from lrsweep.space import Value, Values

Losses = tuple[float | None, ...]  # over seeds, None where a run diverged


@dataclass(frozen=True)
class Link:
    """A configuration of the chain, by plain names. changed: what differs from the one before it, nothing in the default."""

    changed: tuple[str, ...]
    values: Values
    losses_nats: Losses
    gain_nats: float | None

    @property
    def mean_nats(self) -> float | None:
        """The mean over seeds; None where a run diverged."""
        return mean_of(self.losses_nats)


@dataclass(frozen=True)
class Comparison:
    """What the final training is compared with; no links where nothing is (`train.compare: null`).

    text: what the losses are measured on, `test` or, where a trainer knows no such text, `validation`. noise_nats: 95 % of the
    differences between two such means of equally good configurations lie within it, by the noise between seeds in the race,
    whose trials have another length; None where that is not known. rules: the losses of other rules for the LR, by their names.
    """

    text: str
    links: tuple[Link, ...]
    gain_nats: float | None
    noise_nats: float | None
    rules: Mapping[str, Losses]

    @property
    def gain_interval_nats(self) -> tuple[float, float] | None:
        """The 95 % interval of the gain, by the noise; None where one of the two is not known."""
        if self.gain_nats is None or self.noise_nats is None:
            return None
        return self.gain_nats - self.noise_nats, self.gain_nats + self.noise_nats


def chain(default: Values, chosen: Values, each: bool) -> list[tuple[tuple[str, ...], dict[str, Value]]]:
    """Give the configurations from the default to the chosen one, each after the names that it changes; the LR comes first.

    default, chosen: values of the same names. each: whether the others change one at a time, in the order of `chosen`, or all at
    once. A name that is equal in both makes no step.

    >>> [changed for changed, _ in chain({"lr": 0.1, "a": 1, "b": 2}, {"lr": 0.2, "a": 3, "b": 2}, each=True)]
    [(), ('lr',), ('a',)]
    """
    others = [name for name in chosen if name != "lr"]
    steps: list[tuple[tuple[str, ...], dict[str, Value]]] = [((), dict(default))]
    for names in (["lr"], *([[name] for name in others] if each else [others])):
        changed = tuple(name for name in names if chosen[name] != default[name])
        if changed:
            steps.append((changed, {**steps[-1][1], **{name: chosen[name] for name in changed}}))
    return steps


def compare(
    steps: Sequence[tuple[tuple[str, ...], Values]],
    losses: Callable[[int], Losses],
    text: str,
    noise: Noise,
    rules: Mapping[str, Losses],
) -> Comparison:
    """Split the gain over the steps of a chain; `losses` gives those of a step by its number."""
    links, before = list[Link](), None
    for number, (changed, values) in enumerate(steps):
        found = losses(number)
        after = mean_of(found)
        links.append(Link(changed, dict(values), found, _minus(before, after) if changed else None))
        before = after
    if not links:
        return Comparison(text, (), None, None, rules)
    n = len(links[0].losses_nats)
    return Comparison(text, tuple(links), _minus(links[0].mean_nats, before), noise.reach(n, n), rules)


def mean_of(losses: Losses) -> float | None:
    """Give the mean loss; None where a run diverged, or there is none."""
    known = [loss for loss in losses if loss is not None]
    return mean(known) if known and len(known) == len(losses) else None


def best_of(rules: Mapping[str, Losses]) -> str | None:
    """Name the rule with the least mean loss; None where nothing was trained to its end."""
    known = [(found, name) for name, losses in rules.items() if (found := mean_of(losses)) is not None]
    return min(known)[1] if known else None


def _minus(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second
