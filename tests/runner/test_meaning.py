"""What code means: words to people change nothing, and what decides a number does."""

from pathlib import Path

import pytest

from lrsweep.runner import meaning
from lrsweep.runner.identity import ROOMS, STUDY, TRAINING

SOURCE = '''"""Rungs of a study."""

RATE = 0.1  # of a step


class Kept(Section):
    """What is kept."""

    share: float
    """share of the trials [-]"""


def rungs(first: int, eta: int = 2) -> int:
    """Give the next rung."""
    if first < 1:
        raise UserError(f"first_rung: found {first}, expected 1 or more; raise it")
    return generator(seed, "rungs/draw").round(first * eta, 4)
'''


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("# of a step", "# of each step"),
        ("  # of a step", ""),
        ("Rungs of a study.", "The rungs of a study."),
        ("What is kept.", "Kept."),
        ("share of the trials [-]", "share of all trials [-] (the write-up)"),
        ("expected 1 or more; raise it", "expected at least 1; set it to 1"),
        ("    return generator", "\n    return generator"),
        ('"""Give the next rung."""', '"""Next."""'),
        ('"""Give the next rung."""\n', "\n"),
    ],
)
def test_words_to_people_mean_nothing(was, now):
    assert was in SOURCE
    assert meaning.meaning(SOURCE.replace(was, now)) == meaning.meaning(SOURCE)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("RATE = 0.1", "RATE = 0.2"),
        ("first * eta", "first + eta"),
        ("eta: int = 2", "eta: int = 3"),
        (", 4)", ", 5)"),
        ("first < 1", "first <= 1"),
        ('"rungs/draw"', '"rungs/draws"'),
        ("share: float", "share: int"),
    ],
)
def test_what_decides_a_number_means_something(was, now):
    assert was in SOURCE
    assert meaning.meaning(SOURCE.replace(was, now)) != meaning.meaning(SOURCE)


def names(roots):
    found = {path for root in roots for path in meaning.closure(root, frozenset(ROOMS))}
    return {path.relative_to(meaning.PACKAGE).as_posix() for path in found}


def test_a_trial_depends_on_what_trains_and_a_study_on_what_proposes_too():
    trained = names((*TRAINING, "trainers.builtin.trainer"))
    assert {"trainers/builtin/model.py", "trainers/builtin/schedule.py", "text/batches.py", "seeding.py"} <= trained
    assert "search/multifidelity.py" not in trained
    proposed = names((*TRAINING, *STUDY))
    assert {"search/multifidelity.py", "search/stopping.py", "search/settings.py", "space/dimension.py"} <= proposed


def test_nothing_that_shows_or_keeps_counts():
    rooms = {Path(name).parts[0] for name in names((*TRAINING, *STUDY, "trainers.builtin.trainer"))}
    assert rooms <= {"runner", "space", "search", "trainers", "text", "seeding.py"}
