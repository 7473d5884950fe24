"""The report: the answer is named, text is escaped, wrong rankings are warned of, the same content gives the same page."""

import pytest
from jinja2 import UndefinedError

from lrsweep import figures, report

from .test_figures import tables


def content():
    t = tables()
    hyper = {"lr": 0.01234, "beta2": 0.97, "weight_decay": 0.01}
    candidates = [{"candidate": c, **hyper, "loss_nats": 2.5, "low_nats": 2.4, "high_nats": None} for c in range(3)]
    return {
        "edge": {"lr": 0.02, "lr_low": 0.01, "lr_high": None, "warnings": []},
        "clusters": {"k": 2, "warnings": []},
        "assess": {"audit": {"trials": 8}, "warnings": []},
        "choice": {"selected": hyper, "candidates": candidates, "warnings": []},
        "final": {**hyper, "final_loss_nats": 1.5, "perplexity": 4.48, "steps": 100, "state": "COMPLETE"},
        "completions": [{"prompt": "Once <b>", "completion": "<script>alert(1)</script>"}],
        "warnings": report.metric_warnings(t["correlations"], "m_u"),
        "states": {"COMPLETE": 4},
        "rungs": report.rung_rows(t["rungs"]),
        "kappas": report.kappa_rows(25, 5),
        "terms": 25,
        "correlations": t["correlations"].to_dict("records"),
        "replay": report.replay_rows(t["replay"]),
        "figures": report.inline(dict.fromkeys(figures.NAMES, b"<svg/>")),
    }


def test_the_page():
    page = report.render(content())
    assert page == report.render(content())
    assert "<strong>0.01234</strong>" in page
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page
    assert "http" not in page
    assert page.index("ranks the trials the wrong way round") < page.index("<nav>")
    assert page.count("<img ") == len(figures.NAMES)


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
