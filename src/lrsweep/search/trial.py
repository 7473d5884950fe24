"""A trial as data: what was proposed, what was seen, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lrsweep.space import Value, Values

COMPLETE, PRUNED, DIVERGED = "COMPLETE", "PRUNED", "DIVERGED"


@dataclass(frozen=True)
class EvalPoint:
    """One eval of a curve. A non-finite loss is None, as JSON has no NaN; only the last eval of a DIVERGED trial can have it."""

    step: int
    lr: float | None  # None where the trainer does not say it
    loss_nats: float | None


@dataclass(frozen=True)
class RungPoint:
    """One comparison at a rung; see stopping.Verdict."""

    rung: int
    value: float
    references: int
    threshold: float | None
    stopped: bool


@dataclass(frozen=True)
class Proposal:
    """The configuration of a trial, the number of records that it was proposed from, and what its sampler expected of it.

    `expected_gain` is the expected improvement of the true value at the end on the best one so far, and `noise` the standard
    deviation between seeds, both in the unit of the metric; None where the sampler has no such expectation.
    """

    trial: int
    values: Values
    sampler: str
    n_complete: int
    n_pruned: int
    n_diverged: int
    n_pending: int
    seed: int
    expected_gain: float | None
    noise: float | None

    @classmethod
    def known(cls, trial: int, values: Mapping[str, Value], sampler: str) -> "Proposal":
        """Make the proposal of a configuration that no records were needed for."""
        counts = {"n_complete": 0, "n_pruned": 0, "n_diverged": 0, "n_pending": 0}
        return cls(trial, dict(values), sampler, **counts, seed=0, expected_gain=None, noise=None)

    @property
    def promise(self) -> float | None:
        """The expected gain in shares of the noise between seeds."""
        return self.expected_gain / self.noise if self.expected_gain is not None and self.noise else None

    @property
    def lr(self) -> float:
        """The maximum learning rate."""
        return float(self.values["lr"])


@dataclass(frozen=True)
class Record:
    """One trial: its proposal, its training seed, its state, and its curve up to where it ended."""

    identity: str  # digest of all that the trials of its study depend on, beside their proposals
    proposal: Proposal
    seed: int
    state: str
    steps: int
    evals: tuple[EvalPoint, ...]
    rungs: tuple[RungPoint, ...]

    def __hash__(self) -> int:
        """Hash what tells records apart; hashing every eval would take longer than the lookups save."""
        return hash((self.identity, self.proposal.trial, self.steps))

    @property
    def trial(self) -> int:
        """The number of the trial in its study."""
        return self.proposal.trial

    @property
    def final_loss_nats(self) -> float | None:
        """The loss at the end; None unless the trial was trained to its end."""
        return self.evals[-1].loss_nats if self.state == COMPLETE else None

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> "Record":
        """Make a record from the result of dataclasses.asdict."""
        return cls(
            **{
                **tree,
                "proposal": Proposal(**tree["proposal"]),
                "evals": tuple(EvalPoint(**point) for point in tree["evals"]),
                "rungs": tuple(RungPoint(**point) for point in tree["rungs"]),
            }
        )
