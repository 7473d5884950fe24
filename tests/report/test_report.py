"""The report: the answer is named, text is escaped, wrong rankings are warned of, the same content gives the same page."""

from html import unescape
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from lrsweep import figures, report
from lrsweep.analysis import assessment
from lrsweep.config import checking
from lrsweep.figures.drawing import LABELS
from lrsweep.provenance import pipeline
from lrsweep.provenance.figure_metadata import describe, lineage
from lrsweep.report import formats, plots
from lrsweep.search import replaying
from lrsweep.stages.report import SHOWN

from .test_figures import IMPORTANCE, diverged, prepare, tables

ROOT = Path(__file__).parents[2]
STAGES = pipeline.load(ROOT / "dvc.yaml")
PARAMS = checking.load(ROOT / "params.yaml")

BORDER = {"hyperparameter": "lr", "value": 0.039, "border": "upper", "try": {"min": 0.001, "max": 0.16}}


def svg(name, body=""):
    """A figure's file that has nothing but its lineage."""
    inputs = dict.fromkeys(figures.FIGURES[name].inputs, "ab" * 32)
    text = describe(lineage(name, inputs, STAGES, PARAMS))["Description"]
    return f'<svg xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description>{text}</dc:description>{body}</svg>'.encode()


def content(t=None):
    t = tables() if t is None else t
    data = prepare(t)
    hyper = {"lr": 0.01234, "beta2": 0.97, "weight_decay": 0.01}
    candidates = [
        {
            "candidate": c,
            **hyper,
            "mean_nats": 2.5,
            "difference_to_default": {"difference_nats": -0.1, "low_nats": None, "high_nats": None} if c else None,
            "n": 4,
            "n_diverged": 0,
            "stands": c < 2,
            "trial": c or None,
            "low_nats": 2.4,
            "high_nats": None,
        }
        for c in range(3)
    ]
    table = [{"hyperparameter": name, "default": 0.5, "selected": value} for name, value in hyper.items()]
    choice = {
        "selected": hyper,
        "table": table,
        "candidates": candidates,
        "candidate": 1,
        "within_noise": [2],
        "noise": {"sd_nats": 0.02},
    }
    choice |= {"luck": None, "message": None, "border_warnings": [BORDER], "trial": 1, "lower_lr": 2, "higher_lr": None}
    choice |= {"difference_to_default": candidates[1]["difference_to_default"]}
    choice["noise"]["degrees_of_freedom"] = 9
    pairs = t["correlations"].to_dict("records")
    audit = {"pruned": 9, "audited": 8, "among_best": 1, "share": 0.125, "share_low": 0.003, "share_high": 0.53, "best_nats": 2.0,
             "best_audited_nats": 2.1, "cost_nats": 0.0, "steps_saved": 100, "share_saved": 0.4, "audit_steps": 50}  # fmt: skip
    assess = {"audit": audit, "by_median": [], "warnings": assessment.steering_warnings(pairs, "m_u")}
    assess["replay"] = replaying.summarize_replay(t["replay"].to_dict("records"))
    return {
        "edge": {
            "edge_lr": 0.02,
            "edge_low_lr": 0.01,
            "edge_high_lr": None,
            "lr_range": {"min": 0.001, "max": 0.04},
            "instability": {"trials": 1, "first_lr": 0.4, "calm_below_lr": 0.35, "last_calm_lr": 0.45},
            "counts": {"trials": 4, "diverged": 0, "never_recovered": 1, "catapults": 2},
            "spikes": {"total": 2, "rate_below_edge": 0.0, "rate_above_edge": None},
            "message": "Edge not seen",
            "resamples": 1000,
            "bracket": {"stable_lr": 0.01, "unstable_lr": None},
            "best": {"trial": 3, "lr": 0.008, "final_loss_nats": 2.1},
            "limit_nats": 2.15,
            "initial_loss_nats": 6.2,
            "lr_sensitivity": {"value_nats": 0.2, "low_nats": 0.1, "high_nats": 0.4, "lr_min": 0.001, "lr_max": 0.1},
            "outliers": [],
            "sampling": [],
            "trials": [],
        },
        "clusters": {"k": 2, "n": 9, "silhouette": 0.3, "stability": 1.0, "clusters": [], "message": None},
        "importance": {"n": 9, "explained": 0.4, "message": None},
        "importances": report.importance_rows(IMPORTANCE, LABELS),
        "shapes": t["shapes"].to_dict("records"),
        "assess": assess,
        "choice": choice,
        "candidates": report.candidate_rows(choice),
        "final": {**hyper, "final_loss_nats": 1.5, "perplexity": 4.48, "bits_per_byte": 1.2, "steps": 100, "state": "COMPLETE"},
        "completions": [{"prompt": "Once <b>", "completion": "<script>alert(1)</script>"}],
        "warnings": assess["warnings"],
        "simulated": False,
        "states": {"COMPLETE": 4},
        "rungs": report.rung_rows(t["rungs"]),
        "kappas": report.kappa_rows(25, 5),
        "terms": 25,
        "correlations": t["correlations"].to_dict("records"),
        "figures": report.inline({name: svg(name) for name in figures.NAMES}, dict.fromkeys(figures.NAMES, b"png")),
        "setting": PARAMS.model_dump(mode="json", include=SHOWN),
        "labels": LABELS,
        "plots": plots.make(data["exploration"], data["isolation"]),
        "plotly_js": "/* plotly */",
    }


def test_the_page_does_not_call_a_worse_loss_a_divergence():
    c = content()
    assert "not training that breaks" not in report.render(c), "training broke at LR 0.4 without a divergence"
    c["edge"]["instability"] = {"trials": 0, "first_lr": None, "calm_below_lr": None, "last_calm_lr": None}
    assert "not training that breaks" in report.render(c)
    c["edge"]["counts"]["diverged"] = 2
    page = report.render(c)
    assert "not training that breaks" not in page and "2 of 4 trials diverged" in page


def test_the_page():
    page = report.render(content())
    assert page == report.render(content())
    assert "<strong>0.01234</strong>" in page
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page
    assert "http" not in page
    assert page.index("ranks the trials the wrong way round") < page.index("<nav>")
    assert page.count("<img ") == len(figures.NAMES)


def test_warnings_of_the_analyses():
    c = content()
    found = report.messages(c["edge"], c["clusters"], c["assess"], c["choice"])
    assert found[0] == c["assess"]["warnings"][0]
    assert found[-2] == "Edge not seen"
    assert found[-1].endswith("upper end of its range: try 0.001 to 0.16.")


def test_a_missing_key_is_an_error():
    broken = content()
    del broken["choice"]["selected"]["lr"]
    with pytest.raises(UndefinedError):
        report.render(broken)


def test_weights_of_the_write_up():
    rows = {row["kappa"]: row["write_up"] for row in report.kappa_rows(25, 5)}
    assert rows[1.015] == pytest.approx(1.015**194)
    assert rows[1.01] == pytest.approx(6.9, abs=0.05)


def test_rungs_are_counted():
    rungs = tables()["rungs"]
    rows = {row["rung"]: row for row in report.rung_rows(rungs)}
    assert sum(row["stopped"] for row in rows.values()) == rungs["stopped"].sum()
    assert rows[40]["threshold"] == 3.0


def test_dvc_lists_what_the_page_is_built_from():
    inside = ROOT / "src/lrsweep/report"
    parts = {f"src/lrsweep/report/{path.name}" for path in inside.iterdir() if path.is_file()}
    assert parts <= set(STAGES["report"].deps)


def test_every_figure_has_its_lineage_and_its_command():
    page = report.render(content())
    for name in figures.NAMES:
        part = page.split(f'<figure id="figure-{name}">')[1].split("</figure>")[0]
        assert figures.FIGURES[name].caption.split(".")[0] in unescape(part)
        assert "ab" * 32 in part and f"snakemake --cores all -- results/figures/{name}.svg" in part
    assert "<code>sweep_uniform.lr.scale</code>" in page and "<code>linear</code>" in page


def test_text_cannot_leave_the_json_of_the_plots():
    t = tables()
    t["proposals"]["sampler"] = "</script><script>alert(1)</script>"
    page = report.render(content(t))
    assert "</script><script>alert" not in page and "\\u003c/script\\u003e" in page


@pytest.mark.parametrize("candidate", [0, 1])
def test_a_study_without_usable_data_still_has_a_page(candidate):
    """All diverged: no interactive part, no interval, no mean; nothing that the page names is missing."""
    c = content(diverged())
    assert c["plots"] == {}
    nothing = dict.fromkeys(
        ("mean_nats", "low_nats", "high_nats", "to_default_nats", "to_default_low_nats", "to_default_high_nats")
    )
    c["candidates"] = [{**row, **nothing, "n": 0, "n_diverged": 4} for row in c["candidates"]]
    c["choice"] |= {"candidate": candidate, "trial": None, "difference_to_default": None, "within_noise": [], "lower_lr": None}
    c["edge"]["instability"] = {"trials": 0, "first_lr": None, "calm_below_lr": None, "last_calm_lr": None}
    c |= {"importance": {"n": 0, "explained": None, "message": "0 complete trials"}, "importances": [], "shapes": []}
    c["choice"]["noise"] = {"sd_nats": None, "degrees_of_freedom": 0}
    missing = ("edge_lr", "edge_low_lr", "edge_high_lr", "limit_nats", "best", "bracket", "lr_sensitivity", "initial_loss_nats")
    c["edge"] |= dict.fromkeys(missing)
    c["clusters"] |= {"k": 0, "n": 0, "silhouette": None, "stability": None, "message": "0 trials survived"}
    c["assess"]["audit"] |= {"audited": 0, "share": None, "cost_nats": None, "share_saved": None, "best_nats": None}
    c["final"] |= {"final_loss_nats": None, "perplexity": None, "bits_per_byte": None, "state": "DIVERGED"}
    page = report.render(c)
    assert "n/a nats" not in page
    assert ("Nothing that was searched" in page) == (candidate == 0)
    assert "n/a" in page and "None" not in page and "nan" not in page.replace("nats", "")
    assert "diverged after 100 steps" in page


def test_numbers_keep_their_sign_and_their_open_ends():
    assert formats.nats(-0.12345) == "\u22120.123"
    assert formats.span(0.01, None) == "0.01 or more" and formats.span(None, None) == "n/a"
    assert formats.share_span(0.0, 0.5) == "0.0 % to 50.0 %"
    assert formats.num(float("nan")) == "n/a" and formats.num(7) == "7"


def test_the_page_shows_only_parameters_that_dvc_lists():
    assert set(STAGES["report"].params) == SHOWN


def test_a_figure_of_very_many_points_is_embedded_as_png():
    large = svg("curves", "<path/>" * report.LARGEST_SVG)
    found = report.inline({"curves": large, "choice": svg("choice")}, {"curves": b"png", "choice": b"png"})
    assert found["curves"]["uri"] == "data:image/png;base64,cG5n" and found["choice"]["uri"].startswith("data:image/svg+xml;")
    assert found["curves"]["lineage"]["figure"] == "curves"
