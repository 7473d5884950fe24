"""What the search benchmark says of its goals: it must not claim one that was not reached."""

import pytest
from benchmarks import frame, standings


def outcomes(contestant, steps, workers=8):
    """An outcome a seed; None missed."""
    return [
        {"contestant": contestant, "workers": workers, "seed": seed, "steps": n, "time": n, "true_nats": {"3000": 2.9}}
        for seed, n in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ([1_000] * 50, "goal met"),
        ([1_001] * 50, "goal missed"),
        ([1_000] * 49, "goal open: 49 of 50 seeds"),
        ([1_000] * 49 + [None], "goal missed"),
        ([None] * 50, "goal missed"),
    ],
)
def test_a_goal_needs_the_ratio_all_seeds_and_none_missed(ours, said):
    rivals = outcomes("W&B bayes", [9_000] * 12) + outcomes("W&B bayes, Hyperband", [4_000, 5_000, None])
    goals = standings.goals("stories", standings.grouped(outcomes("ours", ours) + rivals))
    assert [(goal.peer, standings.verdict(goal), goal.row()["met"]) for goal in goals if goal.measure.startswith("steps")] == [
        ("W&B bayes, Hyperband", said, "yes" if said == "goal met" else "no")
    ]


def test_the_goals_are_asked_of_the_study_alone_and_of_the_one_that_is_told_of_phase_1():
    alone, told = (outcomes(name, [steps] * 50) for name, steps in zip(standings.ASKED, (2_000, 500), strict=True))
    goals = standings.goals("stories", standings.grouped(alone + told + outcomes("Optuna GP", [3_000] * 50)))
    said = {goal.work: standings.verdict(goal) for goal in goals if goal.measure.startswith("steps")}
    assert said == {
        "search on stories, 8 workers": "goal missed",
        "search told of phase 1 on stories, 8 workers": "goal met",
    }


def test_pools_may_have_other_contestants_and_the_text_around_the_tables_stays(tmp_path, monkeypatch):
    for module in (standings, frame):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "search.md").write_text(f"before\n{standings.BEGIN}\nold\n{standings.END}\nafter\n")
    first = outcomes("ours", [3_000, 2_000, None]) + outcomes("Optuna GP", [4_000]) + outcomes("Optuna GP", [2_000], 32)
    for _ in range(2):
        standings.write_all({"tinystories": first, "stories": outcomes("random", [None])})
    text = (tmp_path / "search.md").read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert text.count("| ours | 3, 33% | 0 | 3,000 | 2,000 to missed |") == 1
    assert text.count("| random | 1, 100% | 0 | missed |") == 1
    assert (tmp_path / "search.svg").exists()
