"""The jobs of the race: a round's training runs are found from the records of the rounds before it, and from nothing else.

A place of a round that stays empty trains nothing: how many runs a round has is known only when the one before it has ended.
"""

from pathlib import Path
from typing import Any

from lrsweep.config.params import VARIED
from lrsweep.errors import UserError
from lrsweep.runner import receipts
from lrsweep.search import racing
from lrsweep.search.racing import Entry
from lrsweep.search.repeats import candidates
from lrsweep.search.trial import Proposal, Record
from lrsweep.seeding import derive_seed
from lrsweep.stages.job import Job
from lrsweep.stages.trials import study_trials, train_whole
from lrsweep.store import records


class Race:
    """The candidates of a study, and the records of their training runs."""

    def __init__(self, job: Job) -> None:
        self.job, self.candidates = job, candidates(study_trials(), job.params.select)

    def path(self, entry: Entry) -> Path:
        """Where the record of a training run lies."""
        return self.job.path(entry.trial)

    def planned(self, entry: Entry) -> tuple[Proposal, int]:
        """The configuration of a training run, and its seed, which is none of the study's."""
        row: dict[str, Any] = self.candidates[entry.candidate]
        seed = derive_seed(self.job.params.seed, f"select/candidate {entry.candidate}", entry.repeat)
        return Proposal.known(entry.trial, {name: row[name] for name in VARIED}, "repeat"), seed

    def record(self, entry: Entry) -> Record:
        """The record of a training run that has ended.

        Raises:
            UserError: it is that of another candidate, as a shared folder of trials may keep it.
        """
        record = records.load(self.path(entry), self.job.context)
        if (record.proposal, record.seed) != self.planned(entry):
            raise UserError(
                f"{self.path(entry)}: trained for another candidate, expected candidate {entry.candidate};"
                " remove it and run again"
            )
        return record

    def loss(self, entry: Entry) -> float | None:
        """The final loss of a training run that has ended, in nats; None where it diverged."""
        return self.record(entry).final_loss_nats

    def rounds(self) -> list[racing.Round]:
        """The whole race, from the records."""
        return list(racing.run(len(self.candidates), self.job.params.select, self.loss))


def run_race(job: Job, number: int, first: int, last: int) -> None:
    """Trains the places first … last of a round that have no record yet, and writes the receipt."""
    job.open()
    race, section = Race(job), job.params.select
    entries = racing.entries_of(number, len(race.candidates), section, race.loss)[first : last + 1]
    for entry in entries:
        train_whole(job, race.path(entry), *race.planned(entry))
    receipt = receipts.path(job.study, receipts.race_kind(section, number), first, last)
    receipts.write(receipt, job.folder, [race.path(entry) for entry in entries])
