"""The report: the answer is named, text is escaped, wrong rankings are warned of, the same content gives the same page."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from lrsweep import figures, report
from lrsweep.analysis import assessment
from lrsweep.analysis.endings import Instability
from lrsweep.analysis.noise import Noise
from lrsweep.config import checking
from lrsweep.figures.drawing import label
from lrsweep.provenance import pipeline
from lrsweep.provenance.figure_metadata import carried, describe, lineage
from lrsweep.report import Final, Page, formats, plots, rows
from lrsweep.report.formats import num
from lrsweep.report.page import LARGEST_SVG
from lrsweep.search import replaying
from lrsweep.search.study import Summary
from lrsweep.stages.report import SHOWN, shown
from tests.figures.test_figures import diverged, prepare, tables
from tests.found import (
    ABLATIONS,
    ASSESSMENT,
    EDGE,
    MEASURED,
    NOTHING_ABLATED,
    SCALING,
    a_choice,
    a_comparison,
    an_importance,
    some_clusters,
)
from tests.spaces import CARRIED, OPEN, USUAL

ROOT = Path(__file__).parents[2]
STAGES = pipeline.load(ROOT / "dvc.yaml")
PARAMS = checking.load(ROOT / "params.yaml")


def svg(name, body=""):
    """A figure's file that has nothing but its lineage."""
    inputs = dict.fromkeys(figures.FIGURES[name].inputs, "ab" * 32)
    text = describe(lineage(name, inputs, STAGES, PARAMS))["Description"]
    return f'<svg xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description>{text}</dc:description>{body}</svg>'.encode()


def held_out(valid=0, test=0):
    return {side: {"documents": 12, "in_training": n} for side, n in (("validation", valid), ("test", test))}


CALM = Instability(trials=0, first_lr=None, calm_below_lr=None, last_calm_lr=None, unknown=0)


def content(t=None, space=USUAL):
    t = tables(space=space) if t is None else t
    data = prepare(t)
    warnings = assessment.steering_warnings(t["correlations"].to_dict("records"), "m_u")
    replay = tuple(assessment.Replayed(**row) for row in replaying.summarize_replay(t["replay"].to_dict("records")))
    return Page(
        simulated=False,
        origins={},
        held_out=held_out(),
        setting={**shown(PARAMS), "ablate": {"seeds": 3, "broken": 0.5}},
        space=space,
        edge=replace(EDGE, max_stable_lr=replace(EDGE.max_stable_lr, high=None)),
        measured=MEASURED,
        unmeasured=None,
        study=Summary(4, 0, 0, 400, ended_at_trial=4, ended_by="trials", ending_gain=0.05, ending_patience=4),
        states={"COMPLETE": 4},
        rungs=rows.rung_rows(t["rungs"]),
        importance=an_importance(space),
        clusters=some_clusters(space),
        shapes=t["shapes"].to_dict("records"),
        assessment=replace(ASSESSMENT, warnings=warnings, replay=replay),
        correlations=t["correlations"].to_dict("records"),
        choice=a_choice(space),
        trained={one.name: 66 if one.whole else 0.0133 for one in space.plain.values()},
        scaling=SCALING,
        ablations=ABLATIONS,
        final=Final(
            lr=0.01234, test_loss_nats=1.5, final_loss_nats=1.7, perplexity=4.48, bits_per_byte=1.2, steps=100, state="COMPLETE"
        ),
        comparison=a_comparison(space),
        completions=[{"prompt": "Once <b>", "completion": "<script>alert(1)</script>"}],
        figures=embedded({name: svg(name) for name in figures.NAMES}, dict.fromkeys(figures.NAMES, b"png")),
        plots=plots.make(data["exploration"], data["isolation"], space),
    )


def embedded(svgs, pngs):
    return report.inline(svgs, pngs, {name: carried(one) for name, one in svgs.items()})


def render(page):
    return report.render(page, "/* plotly */")


def test_the_page():
    page = render(content())
    assert page == render(content())
    assert (
        f"<strong>{formats.rough(SCALING.lr)}</strong> for 2000 steps" in page
        and "For 2000 steps the learning rate comes from runs of other lengths, the proxies" in words(page)
        and "maximum learning rate of 0.012" in page
    )
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page
    assert "http" not in page
    assert page.index("ranks the trials the wrong way round") < page.index("<nav>")
    assert page.count("<img ") == len(figures.NAMES)


def test_the_page_says_what_ablations_found():
    page = render(content())
    assert "<li>no_norm (norm none): training breaks from an LR of" in page
    assert "<li>broken &lt;b&gt; (grad_clip 1e+09): 3 of its 3 runs broke" in page
    assert "no_norm and no_warmup together are" in page and "corrected for how many were looked at (3, by Holm)" in page
    off = render(replace(content(), setting=shown(PARAMS), ablations=NOTHING_ABLATED))
    assert "<code>ablate: null</code>" in off and 'id="figure-ablation_curves"' not in off


def test_the_page_shows_what_terms_come_to():
    c = content(space=CARRIED)
    page = render(c)
    share = num(c.choice.selected["averaging_share"])
    at = f"at {c.setting['sweep_bayes']['steps']} steps"
    assert f"averaging share {share} means weight decay 0.0886 {at} and 0.0133 at {c.setting['train']['steps']}; " in page
    assert f"means warmup steps 7 {at} and 66 at" in page
    assert f"<td>weight decay {at}</td><td>0.0886</td><td>0.0886</td>" in page
    race = page.split('aria-label="Candidates and the library')[1].split("</thead>")[0]
    assert re.findall(r'<th scope="col">([^<]*)', race)[1:7] == [
        *("averaging share", "weight decay", "beta2 share", "beta2", "warmup share", "warmup steps"),
    ]
    assert "means" not in render(content()).split('id="final"')[1].split("</table>")[0]


def test_warnings_of_the_analyses():
    c = content()
    found = rows.messages(c.edge, c.assessment, c.choice)
    assert found[0] == c.assessment.warnings[0]
    assert found[-1] == "Edge not seen"


def test_a_missing_key_is_an_error():
    c = content()
    selected = {name: value for name, value in c.choice.selected.items() if name != "lr"}
    with pytest.raises(UndefinedError):
        render(replace(c, choice=replace(c.choice, selected=selected)))


def test_weights_of_the_write_up():
    weights = {row["kappa"]: row["write_up"] for row in rows.kappa_rows(25, 5, 1.12)}
    assert weights[1.015] == pytest.approx(1.015**194)
    assert weights[1.01] == pytest.approx(6.9, abs=0.05)


def test_a_kappa_is_interpreted_by_what_the_last_half_of_the_terms_weighs():
    """Of four terms 1, 2, 4, 8 the last two weigh 12 of 15."""
    (row,) = (row for row in rows.kappa_rows(4, 5, 2.0) if row["own"])
    assert (row["kappa"], row["here"]) == (2.0, 8.0)
    assert row["here_means"] == "leans to the end: the last half has 80.0 %" and row["write_up_means"].startswith("the end alone")
    table = render(content()).split("Weight of the last term over the first")[2]
    assert "<td>15.18</td>" in table.split('class="chosen"')[1].split("</tr>")[0]


def test_rungs_are_counted():
    rungs = tables()["rungs"]
    found = {row["rung"]: row for row in rows.rung_rows(rungs)}
    assert sum(row["stopped"] for row in found.values()) == rungs["stopped"].sum()
    assert found[40]["threshold"] == 3.0


def test_dvc_lists_what_the_page_is_built_from():
    assert {"src/lrsweep/report", "src/lrsweep/analysis", "src/lrsweep/figures"} <= set(STAGES["report"].deps)
    assert {"results/sharpness/crossings.json", "results/figures/exploration.csv"} <= set(STAGES["report"].deps)


def test_every_figure_has_its_lineage_and_its_command():
    page = render(content())
    for name in figures.NAMES:
        part = page.split(f'<figure id="figure-{name}">')[1].split("</figure>")[0]
        assert figures.FIGURES[name].caption.split(".")[0] in unescape(part)
        assert "ab" * 32 in part and f"snakemake --cores all -- results/figures/{name}.svg" in part
    assert "<code>sweep_uniform.lr.scale</code>" in page and "<code>linear</code>" in page


def test_text_cannot_leave_the_json_of_the_plots():
    t = tables()
    t["proposals"]["sampler"] = "</script><script>alert(1)</script>"
    page = render(content(t))
    assert "</script><script>alert" not in page and "\\u003c/script\\u003e" in page


@pytest.mark.parametrize("candidate", [0, 1])
def test_a_study_without_usable_data_still_has_a_page(candidate):
    """All diverged: no interactive part, no interval, no mean; nothing that the page names is missing."""
    c = content(diverged())
    assert c.plots == {}
    nothing = {"mean_nats": None, "n": 0, "n_diverged": 4}
    choice = replace(
        c.choice,
        candidate=candidate,
        trial=None,
        loss=None,
        default_mean_nats=None,
        difference_to_default=None,
        candidates=tuple(replace(one, **nothing) for one in c.choice.candidates),
        within_noise=(),
        lower_lr=None,
        noise=Noise(None, 0),
    )
    lrs = ("best_lr", "band_low_lr", "band_high_lr", "near_optimal_lr", "max_stable_lr", "half_break_lr")
    missing = (*lrs, "norm_rise", "best_loss_nats", "lr_sensitivity", "initial_loss_nats")
    valley = replace(c.edge.valley, **dict.fromkeys(("near_optimal_lr", "limit_nats", "best", "bracket")))
    none_known = {"share": None, "cost_nats": None, "share_saved": None, "best_nats": None}
    c = replace(
        c,
        choice=choice,
        edge=replace(c.edge, instability=CALM, valley=valley, **dict.fromkeys(missing)),
        importance=replace(c.importance, n=0, explained=None, importances=(), message="0 complete trials"),
        shapes=[],
        clusters=replace(c.clusters, k=0, n=0, silhouette=None, stability=None, clusters=(), message="0 trials survived"),
        assessment=replace(c.assessment, audit=replace(c.assessment.audit, audited=0, **none_known)),
        final=replace(c.final, test_loss_nats=None, final_loss_nats=None, perplexity=None, bits_per_byte=None, state="DIVERGED"),
    )
    page = render(c)
    assert "n/a nats" not in page
    assert ("Nothing that was searched" in page) == (candidate == 0)
    assert "n/a" in page and "None" not in page and "nan" not in page.replace("nats", "")
    assert "diverged after 100 steps" in page


def test_numbers_keep_their_sign_and_their_open_ends():
    assert formats.num(2.539e-05) == "2.539e-05" and formats.num(-2.539e-05) == "\u22122.539e-05", "as it will be pasted"
    assert formats.plain(2.539e-05) == "2.539e-05"
    assert formats.nats(-0.12345) == "\u22120.123"
    assert formats.span(0.01, None) == "0.01 or more" and formats.span(None, None) == "n/a"
    assert formats.FILTERS["share_span"](0.0, 0.5) == "0.0 % to 50.0 %"
    assert [formats.rough(lr) for lr in (0.01011, 0.3, 12.0, None)] == ["0.010", "0.30", "12", "n/a"], (
        "two digits, also where one is 0"
    )
    assert formats.num(float("nan")) == "n/a" and formats.num(7) == "7"


def test_the_page_shows_only_parameters_that_dvc_lists():
    assert set(STAGES["report"].params) == {*SHOWN, "corpus.source"}


def test_a_figure_of_very_many_points_is_embedded_as_png():
    large = svg("curves", "<path/>" * LARGEST_SVG)
    found = embedded({"curves": large, "choice": svg("choice")}, {"curves": b"png", "choice": b"png"})
    assert found["curves"].uri == "data:image/png;base64,cG5n" and found["choice"].uri.startswith("data:image/svg+xml;")
    assert found["curves"].lineage["figure"] == "curves"


def words(part):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())


@pytest.mark.parametrize("space", [USUAL, OPEN], ids=["usual", "six names"])
def test_every_name_is_shown_wherever_configurations_are(space):
    c = content(space=space)
    page = render(c)
    tables_shown = dict(re.findall(r'<table aria-label="([^"]+)">(.*?)</table>', page, re.DOTALL))
    opening = words(page.split('<p class="lead">')[1].split('<div class="card">')[0])
    setting = words(page.split('<section id="setting">')[1].split("</section>")[0])
    for name in space:
        text = label(name)
        for title in ("Selected after 300 steps", "Candidates and the library", "Centres of the clusters", "Importance of the"):
            (table,) = (body for head, body in tables_shown.items() if unescape(head).startswith(title))
            assert text in words(table), (title, name)
        shown = formats.rough(c.choice.selected[name]) if name == "lr" else formats.num(c.choice.selected[name], 3)
        assert f"{text} {shown}" in opening.replace("rate of", "rate")
        assert setting.count(text) >= 2, "what phase 2 searches, and its range"
        assert {"trial", name} <= c.plots["exploration"].rows[0].keys() & c.plots["parallel"].rows[0].keys()
    assert f"with {formats.listed(formats.beside_lr(c.choice.selected, 3))}." in opening
    assert ("beta2" in words(page.split("<details")[0])) == (space is USUAL)


def test_choices_are_axes_of_the_parallel_coordinates_and_strips():
    c = content(space=OPEN)
    axes = {axis["label"]: axis for axis in c.plots["parallel"].figure["data"][0]["dimensions"]}
    assert list(axes) == ["max. LR", "beta1", "warmup steps", "batch size", "optimizer", "schedule", "steps", "last loss (nats)"]
    assert axes["optimizer"]["ticktext"] == ["adamw", "muon"] and set(axes["optimizer"]["values"]) <= {0, 1}
    layout = c.plots["isolation"].figure["layout"]
    assert [layout[f"xaxis{n}"]["title"]["text"] for n in ("", *range(2, 7))] == [label(name) for name in OPEN]
    assert layout["xaxis5"]["ticktext"] == ["adamw", "muon"] and layout["xaxis4"]["type"] == "log"
    assert "warmup steps 3" in str(c.plots["isolation"].figure["data"][0]["text"])


def test_a_choice_comes_with_its_share():
    (row,) = rows.cluster_rows(some_clusters(OPEN))
    assert re.fullmatch(r"(adamw|muon) \(75.0 %\)", row["values"]["optimizer"])
