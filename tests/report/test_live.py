"""The live page as a page: any text stays text, it fits a narrow screen, loads itself again and nothing else."""

import json
from dataclasses import replace

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lrsweep.report import live
from tests.figures.test_figures import tables
from tests.found import EDGE
from tests.report.test_page import ATTACK, CHROMIUM, DRIVER, chromium, errors  # noqa: F401 (a fixture)
from tests.spaces import OPEN, USUAL


def shown(stage, space, n, edge=EDGE):
    t = tables(max(n, 1), space)
    trials, evals = t["trials"].head(n), t["evals"][t["evals"]["trial"] < n]
    trials.attrs["space"] = space
    values = {name: ATTACK if space.is_choice(name) else 0.5 for name in space}
    return live.Shown(
        stage=stage,
        done=n,
        trials=12,
        running=[live.Running(n, 300, values, "4 s", "host")],
        pruned={40: 2},
        diverged=0,
        best=live.Best(0, 2.5, values) if n else None,
        left="1 min 2 s" if n else None,
        pictures=live.pictures(stage, trials, evals, (40, 80), edge),
        source="work/ab/it",
    )


def page(space=USUAL, n=12, state=live.RUNS, edge=EDGE):
    studies = [shown(live.PHASE_1, space, 3, edge), shown(live.PHASE_2, space, n, edge)]
    return live.Live(
        state, False, "sweep_bayes", {"check": True, "sweep_bayes": False}, studies, edge, None, [ATTACK], "file:///x", "now", 60
    )


@pytest.mark.parametrize("n", [0, 1, 2, 12])
def test_a_young_study_has_a_page(n):
    text = live.render(page(n=n, edge=EDGE if n > 2 else None))
    assert f"Phase 2: the search: {n} of 12 trials" in text
    assert text.count("<img") == 2 + (3 if n else 0) and "None" not in text.split("data:image")[0]


def test_one_is_no_plural():
    one, two = page(n=1), page(n=2)
    assert "<p>1 of 12 trials has ended" in live.render(one) and "1 training is running." in live.render(one)
    first, second = two.studies
    both = replace(two, studies=[first, replace(second, running=[*second.running, *second.running])])
    assert "<p>2 of 12 trials have ended" in live.render(both) and "2 trainings are running." in live.render(both)


def test_text_is_escaped_and_no_script_may_run():
    text = live.render(page(OPEN))
    assert "<script" not in text and "onerror='" not in text
    assert "default-src 'none'" in text and "script-src" not in text


def test_the_best_is_of_the_longest_search():
    first, second = page().studies
    assert live.best([first, second])[0] is second
    assert live.best([first, replace(second, best=None)])[0] is first and live.best([]) is None


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed: `make browser` installs them")
class TestInChromium:
    @pytest.mark.parametrize("width", [1200, 400])
    def test_it_fits_the_screen_and_asks_no_network(self, chromium, tmp_path, width):  # noqa: F811
        path = tmp_path / "live.html"
        path.write_text(live.render(page(OPEN)), encoding="utf-8")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        chromium.get_log("browser"), chromium.get_log("performance")
        chromium.get(path.as_uri())
        assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
        images = chromium.find_elements(By.CSS_SELECTOR, "figure img")
        assert [one.get_property("naturalWidth") > 0 for one in images] == [True] * 5
        assert errors(chromium) == []
        sent = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
        addresses = [one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"]
        assert path.as_uri() in addresses
        assert [url for url in addresses if not url.startswith(("file:", "data:", "chrome:"))] == []

    def test_it_loads_itself_again_until_the_run_is_over(self, chromium, tmp_path):  # noqa: F811
        path = tmp_path / "live.html"
        # chromedriver takes a page that loads itself again within 1 s for one that is still loading, and waits for ever
        path.write_text(live.render(replace(page(), every_s=2)), encoding="utf-8")
        chromium.get(path.as_uri())
        assert chromium.find_element(By.TAG_NAME, "h1").text == "Phase 2: the search: 12 of 12 trials"
        path.write_text(live.render(page(state=live.OVER)), encoding="utf-8")
        WebDriverWait(chromium, 20).until(lambda d: d.find_element(By.TAG_NAME, "h1").text == "The run is over")
        assert chromium.find_elements(By.CSS_SELECTOR, "meta[http-equiv=refresh]") == []
