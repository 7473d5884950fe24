"""The report: the answer is named, text is escaped, wrong rankings are warned of, the same content gives the same page."""

import pytest
from jinja2 import UndefinedError

from lrsweep import assessment, figures, replaying, report

from .test_figures import tables

BORDER = {"hyperparameter": "lr", "value": 0.039, "border": "upper", "try": {"min": 0.001, "max": 0.16}}


def content():
    t = tables()
    hyper = {"lr": 0.01234, "beta2": 0.97, "weight_decay": 0.01}
    candidates = [
        {
            "candidate": c,
            **hyper,
            "mean_nats": 2.5,
            "difference_to_default": {"difference_nats": -0.1, "low_nats": None, "high_nats": None} if c else None,
            "n": 4,
            "n_diverged": 0,
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
    choice |= {"luck": None, "message": None, "border_warnings": [BORDER]}
    pairs = t["correlations"].to_dict("records")
    assess = {"audit": {"audited": 8}, "by_median": [], "warnings": assessment.steering_warnings(pairs, "m_u")}
    assess["replay"] = replaying.summarize_replay(t["replay"].to_dict("records"))
    return {
        "edge": {
            "edge_lr": 0.02,
            "edge_low_lr": 0.01,
            "edge_high_lr": None,
            "lr_range": {"min": 0.001, "max": 0.04},
            "counts": {"trials": 4, "diverged": 0},
            "spikes": {"total": 2},
            "message": "Edge not seen",
        },
        "clusters": {"k": 2, "clusters": [], "message": None},
        "assess": assess,
        "choice": choice,
        "candidates": report.candidate_rows(choice),
        "final": {**hyper, "final_loss_nats": 1.5, "perplexity": 4.48, "steps": 100, "state": "COMPLETE"},
        "completions": [{"prompt": "Once <b>", "completion": "<script>alert(1)</script>"}],
        "warnings": assess["warnings"],
        "states": {"COMPLETE": 4},
        "rungs": report.rung_rows(t["rungs"]),
        "kappas": report.kappa_rows(25, 5),
        "terms": 25,
        "correlations": t["correlations"].to_dict("records"),
        "figures": report.inline(dict.fromkeys(figures.NAMES, b"<svg/>")),
    }


def test_the_page_does_not_call_a_worse_loss_a_divergence():
    c = content()
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
