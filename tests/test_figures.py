"""The data behind the figures, and that every figure is drawn, with the same bytes, from good and from poor data."""

import subprocess
import sys

import pytest
from synthetic import RUNGS, empty, tables

from lrsweep import figures
from lrsweep.artifacts import COMPLETE, DIVERGED, TABLES

MEANS = [{"candidate": c, "loss_nats": 2.5 - 0.1 * c, "low_nats": 2.4 - 0.1 * c, "high_nats": 2.6 - 0.1 * c} for c in range(3)]


def prepare(t, edge=0.02, low=0.01, high=0.03, means=MEANS):
    return {
        "lr_grad_norm": figures.prepare_lr_grad_norm(t["bins"], edge),
        "loss_by_lr": figures.prepare_loss_by_lr(t["trials"], edge, low, high),
        "proposals": figures.prepare_proposals(t["trials"]),
        "curves": figures.prepare_curves(t["trials"], t["evals"], t["rungs"]),
        "clusters": figures.prepare_clusters(t["assignments"], t["evals"]),
        "correlations": figures.prepare_correlations(t["correlations"]),
        "replay": figures.prepare_replay(t["replay"]),
        "choice": figures.prepare_choice(t["replicates"], means),
        "final_curve": figures.prepare_final_curve(t["final_evals"], t["final_steps"]),
    }


def test_the_data_is_what_the_tables_say():
    t = tables()
    data = prepare(t)
    assert tuple(data) == figures.NAMES
    assert data["lr_grad_norm"]["series"].value_counts().to_dict() == {"warm-up": 9, "decay": 9, "edge": 1}
    assert data["loss_by_lr"].set_index("series")["lr"][["edge", "edge low", "edge high"]].tolist() == [0.02, 0.01, 0.03]
    assert data["curves"].query("series == 'rung'")["step"].tolist() == list(RUNGS)
    assert set(data["replay"]["best_loss_nats"]) == {2.1}
    assert (data["choice"]["series"] == "mean").sum() == 3
    assert data["clusters"].groupby("cluster")["trials"].max().tolist() == [2, 2]
    complete = t["trials"][t["trials"]["state"] == COMPLETE]
    assert data["proposals"]["best_nats"].iloc[-1] == complete["final_loss_nats"].min()
    assert data["proposals"]["best_nats"].is_monotonic_decreasing


def test_the_best_so_far_ignores_stopped_trials():
    trials = tables()["trials"]
    trials.loc[1, "last_loss_nats"] = 0.1
    assert figures.prepare_proposals(trials)["best_nats"].min() > 0.1


@pytest.mark.parametrize("name", figures.NAMES)
def test_the_same_data_gives_the_same_bytes(name):
    data = prepare(tables())[name]
    first, again = figures.render(name, data), figures.render(name, data.copy())
    assert first == again
    assert first[0].startswith(b"<?xml") and first[1].startswith(b"\x89PNG")
    assert b"<dc:date>" not in first[0]


def diverged():
    t = tables(4)
    t["trials"] = t["trials"].assign(state=DIVERGED, last_loss_nats=None, final_loss_nats=None)
    t["replicates"] = t["replicates"].assign(state=DIVERGED, final_loss_nats=None)
    t["correlations"] = t["correlations"].assign(spearman=float("nan"))
    t["bins"] = t["bins"].assign(grad_norm_p50=float("nan"))
    return t


@pytest.mark.parametrize(
    "poor", [tables(1), diverged(), {name: empty(name) for name in TABLES}], ids=["one trial", "all diverged", "empty"]
)
@pytest.mark.filterwarnings("error")
def test_poor_data_is_drawn_too(poor):
    means = [{"candidate": 0, "loss_nats": None, "low_nats": None, "high_nats": None}]
    for name, data in prepare(poor, None, None, None, means).items():
        svg, png = figures.render(name, data)
        assert svg and png, name


def test_figures_do_without_torch():
    code = "import sys, lrsweep.figures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
