"""The page in headless Chromium: it is drawn without an error and without the network, its controls work, and text stays text."""

import json
import shutil
from dataclasses import replace

import pytest
from plotly.offline import get_plotlyjs
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from lrsweep import figures, report
from lrsweep.provenance.figure_metadata import describe, lineage
from tests.figures.test_figures import prepare, tables
from tests.report.test_report import PARAMS, STAGES, content, embedded
from tests.spaces import OPEN, USUAL

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed: `make browser` installs them as root"
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1200,900"
).split()
ATTACK = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
TRIALS = 64


@pytest.fixture(scope="module", params=[USUAL, OPEN], ids=["usual", "six names"])
def page(tmp_path_factory, request):
    """The page of a study of the default size, with every figure truly drawn, and with an attack wherever text is shown."""
    t = tables(TRIALS, request.param)
    t["proposals"].loc[3, "sampler"] = f"</script>{ATTACK}"
    data, svgs, pngs = prepare(t), {}, {}
    for name, figure in figures.FIGURES.items():
        found = lineage(name, dict.fromkeys(figure.inputs, "ab" * 32), STAGES, PARAMS)
        svgs[name], pngs[name] = figure.render(data[name], describe(found))
    text = [{"prompt": ATTACK, "completion": ATTACK}]
    whole = replace(content(t, request.param), figures=embedded(svgs, pngs), completions=text)
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(report.render(whole, get_plotlyjs()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def opened(chromium, page):
    """The page, loaded anew and drawn."""
    chromium.get(page.as_uri())
    WebDriverWait(chromium, 60).until(lambda d: d.execute_script("return document.documentElement.dataset.drawn") == "yes")
    return chromium


def errors(driver):
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def test_it_is_one_file_under_8_mb(page):
    assert page.stat().st_size < 8e6
    assert page.read_text(encoding="utf-8").count("plotly.js v") == 1


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (400, "dark")])
def test_it_is_drawn_without_an_error_and_without_the_network(chromium, page, width, scheme):
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    chromium.get_log("browser"), chromium.get_log("performance")
    chromium.get(page.as_uri())
    WebDriverWait(chromium, 60).until(lambda d: d.execute_script("return document.documentElement.dataset.drawn") == "yes")
    assert errors(chromium) == []
    sent = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    addresses = [one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"]
    assert page.as_uri() in addresses
    assert [url for url in addresses if not url.startswith(("file:", "data:", "blob:", "chrome:"))] == []
    images = chromium.find_elements(By.CSS_SELECTOR, "figure img")
    assert [one.get_property("naturalWidth") > 0 for one in images] == [True] * len(figures.NAMES)
    for name in ("exploration", "parallel", "isolation"):
        assert chromium.find_elements(By.CSS_SELECTOR, f"#plot-{name} .main-svg"), name
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    dark = chromium.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def shown(driver):
    return len(driver.find_elements(By.CSS_SELECTOR, "#plot-exploration .scatterlayer .points path"))


def test_the_slider_and_the_button_move_the_animation(opened):
    slider, now = opened.find_element(By.ID, "time"), opened.find_element(By.ID, "now")
    everything, last = shown(opened), slider.get_attribute("max")
    assert everything == TRIALS - 1  # the first has none before it to be distant from
    assert now.text.startswith(f"Trial {last} ")
    slider.send_keys(Keys.HOME)
    slider.send_keys(*[Keys.ARROW_RIGHT] * 9)
    assert now.text.startswith("Trial 9 ")
    WebDriverWait(opened, 10).until(lambda d: shown(d) == 9)
    opened.find_element(By.ID, "play").click()
    WebDriverWait(opened, 30).until(lambda d: int(slider.get_attribute("value")) > 12 and shown(d) > 12)
    assert errors(opened) == []


def test_brushing_filters(opened):
    count, axis = opened.find_element(By.ID, "brushed"), opened.find_elements(By.CSS_SELECTOR, "#plot-parallel .axis-brush")[0]
    known = TRIALS - 1  # the last one diverged and has no line
    assert count.text.startswith(f"{known} of {known} trials")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", axis)
    height = axis.size["height"]
    pull = ActionChains(opened, duration=100).move_to_element_with_offset(axis, 0, int(height * 0.3)).click_and_hold()
    pull.move_by_offset(0, -int(height * 0.5)).move_by_offset(0, -2).release().perform()
    WebDriverWait(opened, 10).until(lambda d: not count.text.startswith(f"{known} of"))
    left = int(count.text.split()[0])
    assert 0 < left < known
    low, high = opened.execute_script("return document.getElementById('plot-parallel').data[0].dimensions[0].constraintrange")
    logs = opened.execute_script("return document.getElementById('plot-parallel').data[0].dimensions[0].values")
    assert left == sum(low <= value <= high for value in logs)
    opened.find_element(By.ID, "clear").click()
    WebDriverWait(opened, 10).until(lambda d: count.text.startswith(f"{known} of {known}"))


def test_text_is_shown_and_not_run(opened):
    assert opened.execute_script("return window.broken") is None
    assert opened.find_element(By.TAG_NAME, "blockquote").text == ATTACK + ATTACK
    assert opened.find_elements(By.CSS_SELECTOR, "img[onerror]") == []


def test_no_other_script_can_run(opened):
    """Even were text to become a script, the content security policy would not let it run."""
    opened.execute_script("const s = document.createElement('script'); s.text = 'window.broken = 1'; document.body.append(s)")
    assert opened.execute_script("return window.broken") is None


def test_a_fold_opens_to_the_lineage(opened):
    fold = opened.find_element(By.CSS_SELECTOR, "#figure-loss_by_lr details")
    assert "sweep_uniform.warmup_steps" not in fold.text
    fold.find_element(By.TAG_NAME, "summary").click()
    assert "sweep_uniform.warmup_steps" in fold.text and "ab" * 32 in fold.text
