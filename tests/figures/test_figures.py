"""The data behind the figures, and that every figure is drawn, with the same bytes, from good and from poor data."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from lrsweep import figures
from lrsweep.analysis.crossings import AFTER, CURVATURE, WARM_UP
from lrsweep.config import checking
from lrsweep.figures.drawing import LRS
from lrsweep.figures.edge import RISE
from lrsweep.provenance.figure_metadata import carried, describe, lineage
from lrsweep.provenance.pipeline import Stage
from lrsweep.search.study import Summary
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from lrsweep.space import Space
from lrsweep.store.columns import TABLES, VALUES
from lrsweep.store.results import table_of
from lrsweep.store.tables import space_of
from tests.found import ABLATIONS, EDGE, MEASURED, NOTHING_ABLATED, NOTHING_SCALED, SCALING, a_choice, an_importance
from tests.spaces import OPEN, PHASE_1, USUAL, drawn, held

RUNGS = (40, 80, 160)


def columns_of(name: str, space: Space) -> list[str]:
    """The columns of the table `name`, where its configurations are of this space."""
    return [one for column in TABLES[name] for one in (space if column == VALUES else [column.rstrip("?")])]


def frame(name: str, rows: list[dict], space: Space) -> pd.DataFrame:
    """The table `name` as it is read back."""
    return held(pd.DataFrame(rows, columns=columns_of(name, space)), space)


def empty(space: Space = USUAL) -> dict[str, pd.DataFrame]:
    """Every table without a row."""
    return {name: frame(name, [], space) for name in TABLES}


def tables(n: int = 12, space: Space = USUAL) -> dict[str, pd.DataFrame]:
    """Every table that the figures and the report read, of a study of n trials."""
    rng = np.random.default_rng(0)
    lrs = np.geomspace(1e-3, 0.1, n)
    fixed = {"beta2": 0.97, "weight_decay": 0.01}
    configurations = [
        {**one, "lr": lr, **(fixed if space is USUAL else {})} for one, lr in zip(drawn(space, n), lrs, strict=True)
    ]
    states = [DIVERGED if k == n - 1 else PRUNED if k % 3 else COMPLETE for k in range(n)]
    lengths = [{COMPLETE: 300, PRUNED: RUNGS[k % 3], DIVERGED: 30}[state] for k, state in enumerate(states)]
    trials, evals, rungs = [], [], []
    for k, (values, state, steps) in enumerate(zip(configurations, states, lengths, strict=True)):
        lr = values["lr"]
        level = 2 + (np.log(lr) - np.log(0.01)) ** 2 / 10
        losses = [level + 4 * np.exp(-step / 60) for step in range(0, steps + 1, 10)]
        evals += [
            {"trial": k, "step": 10 * i, "loss_nats": loss, "m_u": -loss if i > 5 else None} for i, loss in enumerate(losses)
        ]
        final = losses[-1] if state == COMPLETE else None
        trial = {"trial": k, "state": state, "steps": steps, **values, "seed": k}
        trials.append({**trial, "last_loss_nats": losses[-1], "final_loss_nats": final, "metric": losses[-1], "m_u": 1.0})
        for rung in [r for r in RUNGS if r <= steps and state != DIVERGED]:
            stopped = state == PRUNED and rung == steps
            rungs.append({"trial": k, "rung": rung, "value": level, "references": 5, "threshold": 3.0, "stopped": stopped})
    bins = [
        {"stage": stage, "lr_low": lr, "lr_high": 1.5 * lr, "n_steps": 9, "grad_norm_p05": lr * 50, "grad_norm_p50": lr * 99,
         "grad_norm_p95": lr * 300, "spike_rate": 0.1}
        for stage in ("warm-up", "decay") for lr in np.geomspace(1e-4, 0.1, 9)
    ]  # fmt: skip
    correlations = [
        {"metric": metric, "rung": rung, "n": 8, "spearman": value, "spearman_low": value - 0.1, "spearman_high": value + 0.1,
         "kendall": value / 2, "kendall_low": 0.0, "kendall_high": 0.5}
        for metric, value in (("loss", 0.8), ("m_u", -0.7)) for rung in RUNGS
    ]  # fmt: skip
    audited = [
        {"trial": k, "stands_for": 2.0, "final_loss_nats": None if k == 4 else 3.0 + k, "step": step, "loss_nats": 3.0}
        for k in (1, 4) for step in (80, 300)
    ]  # fmt: skip
    replay = [
        {"rule": rule, "metric": metric, "order": order, "steps": 1000, "stopped": 3,
         "best_loss_nats": 2.3 if rule != "none" and order == 2 else 2.0}
        for rule in ("none", "hyperband") for metric in ("loss", "m_u") for order in range(3)
    ]  # fmt: skip
    replicates = [
        {"replicate": 3 * c + s, "candidate": c, "trial": None if c == 0 else c, "round": s, "stays": c < 2,
         **configurations[c % n], "seed": s, "state": COMPLETE, "final_loss_nats": 2.5 - 0.1 * c + 0.01 * s}
        for c in range(3) for s in range(3)
    ]  # fmt: skip
    replicates += [
        {**replicates[3 * c], "replicate": 9 + 2 * s + c, "round": None, "seed": 9 + s,
         "final_loss_nats": 2.5 - 0.1 * c + 0.02 * s}
        for s in range(2) for c in range(2)
    ]  # fmt: skip
    profiles = [
        {"proxy": p, "run": r, "steps": steps, **configurations[0], "lr": 0.01 * 2**r, "seed": r, "state": COMPLETE,
         "final_loss_nats": 3.0 - 0.5 * p + 0.05 * (r - 1) ** 2}
        for p, steps in enumerate((150, 600)) for r in range(4)
    ]  # fmt: skip
    ablated = [
        {"variant": one.name, "run": r, "purpose": "ladder", **configurations[0], "lr": 0.002 * 3**r, "seed": r,
         "state": DIVERGED if r == 4 else COMPLETE, "broken": r == 4, "final_loss_nats": None if r == 4 else 2.0 + 0.1 * r}
        for one in ABLATIONS.variants for r in range(5)
    ]  # fmt: skip
    refined = [
        {"run": k, "about": "best LR", "lr": 0.005 * 2**k, "seed": k, "state": DIVERGED if k == 3 else COMPLETE,
         "final_loss_nats": None if k == 3 else 2.0, "unstable": k == 3}
        for k in range(4)
    ]  # fmt: skip
    survivors = [k for k, state in enumerate(states) if state == COMPLETE]
    assignments = [{"trial": k, "cluster": i % 2, "silhouette": 0.5} for i, k in enumerate(survivors)]
    final_evals = [{"step": step, "lr": 0.01, "loss_nats": 6 * np.exp(-step / 50)} for step in range(0, 101, 20)]
    final_steps = [
        {"step": step, "lr": 0.01, "loss_nats": 6 * np.exp(-step / 50) + 0.1 * rng.random(), "grad_norm": 1.0}
        for step in range(1, 101)
    ]
    proposals = [
        {**{name: trial[name] for name in ("trial", *space, "seed")},
         "sampler": "gp" if k > 4 else "sobol", "n_complete": 1, "n_pruned": 1, "n_diverged": 0, "n_pending": 0,
         "expected_gain": 0.1 / k if k > 4 else None, "noise": 0.02 if k > 4 else None}
        for k, trial in enumerate(trials)
    ]  # fmt: skip
    probes = [
        {"trial": k, "part": part, "max_lr": lr, "step": 5, "lr": lr, "loss_nats": 3.0, "grad_norm": 1.0, "clip": 1.0,
         "critical_low_lr": lr, "critical_high_lr": 2 * lr, "critical_lr": 1.5 * lr, "eigenvalue": 20 / lr,
         "eigenvalue_error": 0.1, "products": 9, "threshold": 38 / lr}
        for k, (part, lr) in enumerate([(WARM_UP, 0.01), (AFTER, 0.2)])
    ]  # fmt: skip
    shapes = [
        {"trial": k, "rank": k + 1, "final_loss_nats": 2.0, "warmup_flatness": 0.8, "steepest_nats_per_step": 0.1,
         "steepest_step": 15.0, "convexity": None} for k in range(2)
    ]  # fmt: skip
    rows = {
        "trials": trials, "proposals": proposals, "probes": probes, "shapes": shapes,
        "evals": evals, "rungs": rungs, "bins": bins, "correlations": correlations, "audited": audited, "replay": replay,
        "replicates": replicates, "profiles": profiles, "refined": refined, "ablated_profiles": ablated,
        "assignments": assignments,
        "final_evals": final_evals, "final_steps": final_steps,
    }  # fmt: skip
    return {name: frame(name, table, space) for name, table in rows.items()}


def prepare(t, edge=EDGE, choice=None):
    """The data of every figure, from the tables by their names."""
    space = space_of(t["trials"])
    summary = Summary(3, 1, 1, int(t["trials"]["steps"].sum()), len(t["trials"]), "ending", 0.5, 2)
    known = {
        **t,
        "summary": summary,
        "edge": edge,
        "choice": choice or a_choice(space),
        "crossings": MEASURED,
        "importance": an_importance(space),
        "ablations": ABLATIONS if len(t["ablated_profiles"]) else NOTHING_ABLATED,
        "law": SCALING if len(t["profiles"]) else NOTHING_SCALED,
    }
    phase_1 = held(t["trials"].drop(columns=[name for name in space if name != "lr"]), PHASE_1)

    def value(path):
        name = Path(path).stem
        if path == "sweep_uniform/trials.parquet":
            return phase_1
        return known[table_of(path) if path.endswith(".parquet") else name]

    return {name: figure.prepare(*map(value, figure.inputs)) for name, figure in figures.FIGURES.items()}


def test_the_data_is_what_the_tables_say():
    t = tables()
    data = prepare(t)
    assert tuple(data) == figures.NAMES
    assert data["lr_grad_norm"]["series"].value_counts().to_dict() == {"warm-up": 9, "decay": 9} | dict.fromkeys((*LRS, RISE), 1)
    found = data["loss_by_lr"].set_index("series")
    assert found["lr"][[*LRS, "band"]].tolist() == [0.02, 0.3, 0.005, 0.012]
    assert found.loc["probability of a break", "probability"].tolist() == [0.0, 0.5]
    assert found["runs"].value_counts()["refining"] == len(t["refined"])
    assert data["curves"].query("series == 'rung'")["step"].tolist() == list(RUNGS)
    assert data["replay"].groupby("rule")["cost_nats"].mean().to_dict() == {"none": 0.0, "hyperband": pytest.approx(0.1)}
    assert data["choice"]["series"].value_counts().to_dict() == {"run": 9, "confirming": 4, "mean": 1}
    assert data["clusters"].groupby("cluster")["trials"].max().tolist() == [2, 2]
    complete = t["trials"][t["trials"]["state"] == COMPLETE]
    assert data["proposals"]["best_nats"].iloc[-1] == complete["final_loss_nats"].min()
    assert data["proposals"]["best_nats"].is_monotonic_decreasing


def test_the_best_so_far_ignores_stopped_trials():
    trials = tables()["trials"]
    trials.loc[1, "last_loss_nats"] = 0.1
    assert figures.FIGURES["proposals"].prepare(trials)["best_nats"].min() > 0.1


@pytest.mark.parametrize("space", [USUAL, OPEN], ids=["usual", "six names"])
@pytest.mark.parametrize("name", figures.NAMES)
def test_the_same_data_gives_the_same_bytes(name, space):
    data = prepare(tables(space=space))[name]
    figure = figures.FIGURES[name]
    first, again = figure.render(data, {"Title": name}), figure.render(data.copy(), {"Title": name})
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
    "poor",
    [tables(1), diverged(), empty(), tables(1, OPEN), empty(OPEN)],
    ids=["one trial", "all diverged", "empty", "one of six names", "empty of six names"],
)
@pytest.mark.filterwarnings("error")
def test_poor_data_is_drawn_too(poor):
    edge = replace(
        EDGE, best_lr=None, near_optimal_lr=None, band_low_lr=None, band_high_lr=None, max_stable_lr=None, break_curve=()
    )
    alone = replace(a_choice(USUAL).candidates[0], mean_nats=None)
    for name, data in prepare(poor, edge, replace(a_choice(USUAL), candidates=(alone,), trial=None, loss=None)).items():
        svg, png = figures.FIGURES[name].render(data, {"Title": name})
        assert svg and png, name


def test_figures_do_without_torch():
    code = "import sys, lrsweep.figures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_dvc_lists_the_inputs_and_the_files_of_every_figure():
    stage = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())["stages"]["figures"]
    assert {dep for dep in stage["deps"] if dep.startswith("results/")} == {
        f"results/{path}" for figure in figures.FIGURES.values() for path in figure.inputs
    }
    files = {f"results/figures/{name}.{kind}" for name in figures.NAMES for kind in ("svg", "png", "csv")}
    assert set(stage["outs"]) == files | {"results/figures/provenance.json"}


def test_the_distance_is_to_the_best_trial_before():
    t = tables(4)
    t["trials"] = t["trials"].assign(
        state=COMPLETE,
        lr=[0.001, 0.01, 0.1, 0.001],
        beta2=[0.95, 0.95, 0.99, 0.95],
        weight_decay=0.01,
        final_loss_nats=[3.0, 2.0, 2.5, 1.0],
    )
    data = figures.FIGURES["exploration"].prepare(t["trials"], t["proposals"])
    assert data["distance"].isna().tolist() == [True, False, False, False]
    # the best before trials 1, 2, 3 are trials 0, 1, 1: half the LR range, then half and all of beta2's, then half
    assert data["distance"][1:].tolist() == pytest.approx([np.sqrt(0.25 / 3), np.sqrt(1.25 / 3), np.sqrt(0.25 / 3)])
    assert data["best_before_nats"][1:].tolist() == [3.0, 2.0, 2.0]


def test_isolation_gives_quartiles_of_slices_with_equally_many_trials():
    t = tables(8)
    losses = [2.0, 2.1, 2.2, 2.3, 3.0, 3.1, 3.2, 3.3]
    trials = t["trials"].assign(state=COMPLETE, lr=[0.001, 0.002, 0.003, 0.004, 0.05, 0.06, 0.07, 0.08], final_loss_nats=losses)
    data = figures.FIGURES["isolation"].prepare(trials)
    assert data.query("hyperparameter == 'lr' and series == 'trial'")["final_loss_nats"].tolist() == losses
    slices = data.query("hyperparameter == 'lr' and series == 'slice'")
    assert slices[["value", "low_nats", "final_loss_nats", "high_nats"]].to_numpy() == pytest.approx(
        np.array([[0.0025, 2.075, 2.15, 2.225], [0.065, 3.075, 3.15, 3.225]])
    )
    assert len(data.query("hyperparameter == 'beta2' and series == 'slice'")) == 1, "all have the same: one slice"
    assert "differ by up to 1.000 nats over maximum learning rate, 0.000 nats over beta2" in figures.FIGURES["isolation"].shows(
        data
    )


def test_the_final_curve_lies_beside_that_of_the_chosen_trial():
    t = tables()
    prepare_curve = figures.FIGURES["final_curve"].prepare
    data = prepare_curve(t["final_evals"], t["final_steps"], t["evals"], replace(a_choice(USUAL), trial=3))
    chosen = data[data["series"] == "chosen trial"]
    assert chosen["step"].tolist() == t["evals"].query("trial == 3 and step > 0")["step"].tolist()
    default = prepare_curve(t["final_evals"], t["final_steps"], t["evals"], replace(a_choice(USUAL), trial=None))
    assert "chosen trial" not in set(default["series"])


TRIALS = "results/sweep_uniform/trials.parquet"
STAGES = {
    "sweep_uniform": Stage("sweep_uniform", "", (), ("seed", "corpus.separator"), (TRIALS,)),
    "edge": Stage("edge", "", (TRIALS, "src/x.py"), ("edge.bins", "corpus.url"), ("results/edge/edge.json",)),
    "cluster": Stage("cluster", "", (), ("cluster",), ()),
}


def test_a_figure_carries_its_lineage_in_both_files():
    loaded = checking.load(Path(__file__).parents[2] / "params.yaml")

    def params(corpus, cluster):
        return loaded.model_copy(
            update={"corpus": loaded.corpus.model_copy(update=corpus), "cluster": loaded.cluster.model_copy(update=cluster)}
        )

    inputs = {"sweep_uniform/trials.parquet": "ab" * 32, "edge/edge.json": "cd" * 32}
    found = lineage("loss_by_lr", inputs, STAGES, params({"url": "<&>"}, {}))
    own = {"seed": 0, "corpus.separator": loaded.corpus.separator}  # of sweep_uniform, which wrote an input too
    assert (found["stage"], found["parameters"]) == ("edge", {**own, "edge.bins": 40, "corpus.url": "<&>"})
    assert found["inputs"] == {f"results/{path}": digest for path, digest in inputs.items()}
    svg, png = figures.FIGURES["loss_by_lr"].render(prepare(tables())["loss_by_lr"], describe(found))
    assert carried(svg) == carried(png) == found
    assert json.loads(Image.open(io.BytesIO(png)).text["Description"]) == found

    def digest_of(corpus, cluster):
        return lineage("loss_by_lr", inputs, STAGES, params({"url": "<&>", **corpus}, cluster))["parameters_sha256"]

    assert digest_of({"separator": "---"}, {}) != found["parameters_sha256"]  # of a stage before it
    assert digest_of({}, {"k_min": 3}) == found["parameters_sha256"]  # of no stage before it


def test_runs_that_broke_are_marked_and_those_that_diverged_stay_so():
    data = prepare(tables())["loss_by_lr"]
    assert data.loc[data["series"] == "broke", "trial"].tolist() == [1]
    assert data.query("runs == 'refining' and series == 'DIVERGED'")["trial"].tolist() == [3]


def test_probes_are_drawn_as_ratios_to_what_is_stable():
    data = prepare(tables())["sharpness"]
    probes = data[data["series"].isin([WARM_UP, AFTER])]
    assert probes["curvature_ratio"].tolist() == pytest.approx([20 / 38] * 2)
    assert probes["step_ratio"].tolist() == pytest.approx([1 / 1.5] * 2)
    crossing = data[data["series"] == f"{CURVATURE} {AFTER}, crossing"]
    assert crossing["lr"].tolist() == [0.05, 0.1], "the open end has no row"


def test_the_best_curves_are_drawn_as_differences_to_the_median_of_all_complete_ones():
    t = tables()
    t["shapes"] = frame(
        "shapes", [{"trial": k, "rank": r, "final_loss_nats": 2.0} for r, k in enumerate((3, 0, 6), start=1)], USUAL
    )
    data = prepare(t)["shapes"]
    at = data[(data["series"] == "curve") & (data["step"] == 300)].set_index("trial")
    middle = at["loss_nats"].median()
    assert (
        at["above_nats"].to_dict() == pytest.approx((at["loss_nats"] - middle).to_dict()) and (at["above_nats"] != 0).sum() == 2
    )
    assert (data["series"] == "shape").sum() == 3


def test_complete_curves_are_a_median_in_a_band_and_the_others_stand_alone():
    t = tables()
    data, evals = prepare(t)["curves"], t["evals"].set_index("trial")
    complete = t["trials"].query("state == 'COMPLETE'")["trial"].tolist()
    row = data[(data["series"] == COMPLETE) & (data["step"] == 300)].iloc[0]
    ends = [evals.loc[k].set_index("step")["loss_nats"][300] for k in complete]
    assert row[["low_nats", "loss_nats", "high_nats"]].tolist() == pytest.approx(np.quantile(ends, [0.05, 0.5, 0.95]).tolist())
    alone = data[data["series"].isin([PRUNED, DIVERGED])]
    assert set(alone["trial"]) == set(t["trials"]["trial"]) - set(complete)


@pytest.mark.parametrize(
    ("flatness", "convexity", "says"),
    [
        (0.4, 0.3, ("are not flat in warm-up, where 60% of their", "at step 15, and are convex after that (convexity 0.30).")),
        (0.9, -0.4, ("are flat in warm-up, where 10% of their drop comes. They", "at step 15, and are concave after that")),
    ],
)  # fmt: skip
def test_the_caption_of_the_shapes_says_what_is_drawn(flatness, convexity, says):
    t = tables()
    t["shapes"] = t["shapes"].assign(warmup_flatness=flatness, convexity=convexity)
    shapes = figures.FIGURES["shapes"]
    assert all(part in shapes.shows(prepare(t)["shapes"]) for part in says)
    assert shapes.shows(prepare(empty())["shapes"]) == "" and "steep drop" not in shapes.caption


def test_the_halves_of_a_metric_are_those_of_all_trials_at_the_rung():
    """M_u is first there at step 80; trial 1, which was stopped, is shown by its audited curve; trial 4 diverged in its audit."""
    t = tables()
    data = prepare(t)["by_median"]
    assert set(data["rung"]) == {80} and set(data["metric"]) == {"loss", "M_u"}
    complete = t["trials"].query("state == 'COMPLETE'")["trial"].tolist()
    loss = data[data["metric"] == "loss"].set_index("trial")
    assert loss["series"].to_dict() == {**dict.fromkeys(complete, "complete"), 1: "audited"}
    assert loss.loc[1, ["value", "final_loss_nats"]].tolist() == [3.0, 4.0]
    assert loss["median"].iloc[0] == pytest.approx(t["evals"].query("step == 80")["loss_nats"].median())
    said = figures.FIGURES["by_median"].shows(data)
    good = loss[loss["value"] <= loss["median"]]["final_loss_nats"]
    assert f"Trials up to the median of loss end at {good.median():.3f} nats (median of {len(good)})" in said


@pytest.mark.filterwarnings("error")
def test_runs_of_a_default_that_is_better_than_every_candidate_are_drawn():
    found = prepare(tables())["choice"]
    found.loc[found["candidate"] == 0, "loss_nats"] -= 100
    figures.FIGURES["choice"].render(found, {})


def test_the_race_gives_means_over_the_seeds_so_far():
    data = prepare(tables())["race"].set_index(["candidate", "round"])
    assert data.loc[(1, 0), "mean_nats"] == pytest.approx(2.4) and data.loc[(1, 2), "mean_nats"] == pytest.approx(2.41)
    assert data.loc[(1, 2), "seeds"] == 3 and not data.loc[(2, 0), "stays"]


def test_every_name_has_its_panel_its_bar_and_its_column():
    data = prepare(tables(space=OPEN))
    assert list(dict.fromkeys(data["isolation"]["hyperparameter"])) == list(data["importance"]["hyperparameter"]) == list(OPEN)
    for name in ("exploration", "proposals"):
        assert set(OPEN) <= set(data[name])
    scales = dict(zip(data["isolation"]["hyperparameter"], data["isolation"]["scale"], strict=True))
    assert scales == {
        "lr": "log", "beta1": "linear", "warmup_steps": "linear", "batch_size": "log", "optimizer": "choice", "schedule": "choice"
    }  # fmt: skip
    _, png = figures.FIGURES["isolation"].render(data["isolation"], {})
    _, usual = figures.FIGURES["isolation"].render(prepare(tables())["isolation"], {})
    (width, height), (as_wide, row) = (Image.open(io.BytesIO(one)).size for one in (png, usual))
    assert width == as_wide and abs(height - 2 * row) <= 2, "six panels stand in two rows of three"


@pytest.mark.parametrize("n", [1, 2, 4, 5, 7])
def test_any_number_of_names_is_drawn(n):
    space = Space(dict(list(({**OPEN.dimensions, "eps": OPEN["lr"]}).items())[:n]))
    data = prepare(tables(space=space))["isolation"]
    svg, _ = figures.FIGURES["isolation"].render(data, {})
    assert svg.count(b'<g id="axes_') == n


def test_the_distance_counts_another_choice_as_the_whole_range():
    space = Space({name: OPEN[name] for name in ("lr", "batch_size", "optimizer")})
    t = tables(3, space)
    trials = t["trials"].assign(
        state=COMPLETE,
        lr=[0.001, 0.01, 0.1],
        batch_size=[8, 16, 32],
        optimizer=["adamw", "adamw", "muon"],
        final_loss_nats=[1.0, 2.0, 3.0],
    )
    data = figures.FIGURES["exploration"].prepare(held(trials, space), t["proposals"])
    assert data["distance"][1:].tolist() == pytest.approx([np.sqrt((0.25 + 0.25) / 3), 1.0])


def test_each_choice_is_a_slice():
    t = tables(4, OPEN)
    trials = t["trials"].assign(state=COMPLETE, schedule=["wsd", "wsd", "cosine", "wsd"], final_loss_nats=[2.0, 1.9, 3.0, 2.1])
    data = figures.FIGURES["isolation"].prepare(held(trials, OPEN)).query("hyperparameter == 'schedule'")
    assert data.query("series == 'trial'")["choice"].tolist() == ["cosine", "wsd", "wsd", "wsd"], "in the order of the space"
    slices = data.query("series == 'slice'").set_index("choice")["final_loss_nats"]
    assert slices.to_dict() == {"cosine": 3.0, "wsd": 2.0} and data["value"].isna().all()
