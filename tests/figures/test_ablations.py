"""What the figures of ablations draw."""

import pandas as pd

from lrsweep.figures.ablations import BORROWED, EACH, OWN, ablation_curves, ablation_differences
from tests.found import ABLATIONS, NOTHING_ABLATED


def profiles():
    rows = [
        {"variant": one.name, "run": run, "lr": 0.002 * 10**run, "final_loss_nats": None if run == 2 else 2.0 + run}
        for one in ABLATIONS.variants
        for run in range(3)
    ]
    return pd.DataFrame(rows)


def test_the_baseline_stands_in_every_panel():
    data = ablation_curves.prepare(profiles(), ABLATIONS)
    panels = data.groupby("panel")["variant"].unique()
    assert [list(one) for one in panels] == [[one.name for one in ABLATIONS.variants]], "four variants fit into one"
    more = [one for _ in range(EACH) for one in ABLATIONS.variants[1:2]]
    twice = ablation_curves.prepare(profiles(), type(ABLATIONS)(ABLATIONS.setting, 0, (*ABLATIONS.variants, *more), ()))
    assert [one[0] for one in twice.groupby("panel")["variant"].unique()] == ["baseline", "baseline"]


def test_curves_hold_every_run_the_best_lr_and_where_training_breaks():
    data = ablation_curves.prepare(profiles(), ABLATIONS)
    own = data[data["variant"] == "no_norm"].set_index("series")
    assert own.loc["run", "lr"].tolist() == [0.002, 0.02, 0.2] and own.loc["run", "loss_nats"].isna().tolist() == [
        False,
        False,
        True,
    ]
    (worse,) = [one for one in ABLATIONS.variants if one.name == "no_norm"]
    assert own.loc["best", "lr"] == worse.profile.lr.value and own.loc["best", "lr_high"] == worse.profile.lr.high
    assert own.loc["breaks", "lr"] == worse.breaks_lr.lr
    assert set(data.loc[data["variant"] == "broken <b>", "series"]) == {"run"}, "it has no best LR"


def test_differences_stand_beside_those_at_the_baselines_lr():
    data = ablation_differences.prepare(ABLATIONS)
    assert data.groupby("variant")["where"].apply(list)["no_norm"] == [OWN, BORROWED]
    assert "broken <b>" not in set(data["variant"]) and "baseline" not in set(data["variant"])
    assert ablation_differences.prepare(NOTHING_ABLATED).empty
