"""Explorables in a real browser: inputs change the charts to the numbers of the tables, and each other."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pg.experiments.figures.request import FigureRequest, explore
from pg.plotting.record import Figure
from pg.report import play
from pg.study.record import Study
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from tests.figures.studies import request
from tests.report.accessibility import violations

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
NARROW = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
SECONDS = 60
KINDS = ("variance", "learning_curves", "staleness", "batch_size", "stick_figures", "trajectories")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver, as Debian packages them"
    ),
]


@pytest.fixture(scope="module")
def requests() -> dict[str, FigureRequest[Any]]:
    return {kind: request(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def file(
    requests: dict[str, FigureRequest[Any]],
    study: Study,
    make_page: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Write a page with figures of every kind that can be explored; their names are those of the kinds."""
    folder = tmp_path_factory.mktemp("page")
    for kind, one in requests.items():
        (folder / f"{kind}.json").write_text(json.dumps(explore(one).as_json()), encoding="utf-8")
    figures = {kind: Figure(kind=kind, experiment="probe", section="Using causality") for kind in KINDS}
    more = study.model_copy(update={"figures": study.figures | figures})
    page = make_page(study=more, plays=play.read([str(folder / f"{kind}.json") for kind in KINDS]))
    (folder / "report.html").write_text(page, encoding="utf-8")
    return folder / "report.html"


def start(folder: Path, *, scripts: bool = True) -> Chrome:
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in ("headless", "no-sandbox", "force-prefers-reduced-motion", f"user-data-dir={folder}"):
        options.add_argument(f"--{flag}")
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return Chrome(options=options, service=Service(DRIVER))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Iterator[Chrome]:
    driver = start(tmp_path_factory.mktemp("profile"))
    # Reading a log empties it: the browser's own start page requests things.
    driver.get_log("performance")
    driver.get(file.as_uri())
    yield driver
    driver.quit()


def opened(browser: Chrome, kind: str) -> WebElement:
    """Open an explorable with everything around it, and wait until it is drawn."""
    found = browser.find_element(By.CSS_SELECTOR, f"[data-play=play-{kind}]")
    browser.execute_script(
        "for (let one = arguments[0]; one; one = one.parentElement) if (one.tagName === 'DETAILS') one.open = true",
        found,
    )
    WebDriverWait(browser, SECONDS).until(lambda _: found.get_attribute("data-drawn") == "yes")
    return found


def choose(browser: Chrome, kind: str, parameter: str, value: object) -> None:
    """Give an input a value, as a reader does, and wait until the chart has it."""
    script = """
    const [play, parameter, value, done] = arguments;
    const input = play.querySelector(`[data-parameter="${parameter}"]`);
    input.value = input.type === "range" ? JSON.parse(input.dataset.values).indexOf(value) : value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    play.view.runAsync().then(() => done(play.view.signal(parameter)));
    """
    assert browser.execute_async_script(script, opened(browser, kind), parameter, value) == value


def drawn(browser: Chrome, kind: str, mark: str) -> list[dict[str, Any]]:
    """Return what the chart draws as one type of mark: the row of each, and its opacity."""
    script = """
    const [play, mark] = arguments, found = [];
    const walk = (item, type) => {
      if (item.marktype) return item.items.forEach((one) => walk(one, item.marktype));
      item.items?.forEach((one) => walk(one));
      if (type === mark && item.datum) found.push({ ...item.datum, opacity: item.opacity });
    };
    walk(play.view.scenegraph().root);
    return found;
    """
    return browser.execute_script(script, opened(browser, kind), mark)


def three_digits(values: Iterable[float]) -> list[float]:
    return sorted(three_digits_of(values))


def three_digits_of(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.3g}") for value in values]


def of_place(rows: pd.DataFrame, place: str, **where: object) -> pd.DataFrame:
    """Return the rows of an environment and a stage whose columns have the given values."""
    environment, stage = place.split("/")
    for name, value in {"environment": environment, "stage": stage, **where}.items():
        rows = rows[rows[name] == value]
    return rows


@pytest.mark.parametrize(("batch", "place"), [(4, "chain/initial"), (64, "cartpole/late")])
def test_dots_of_the_variance_are_the_values_of_the_table(
    browser: Chrome, requests: dict[str, FigureRequest[Any]], batch: int, place: str
) -> None:
    one = requests["variance"]
    choose(browser, "variance", "batch", batch)
    choose(browser, "variance", "place", place)
    rows = of_place(one.tables["long"], place, batch=batch, metric="total_variance")
    rows = rows[rows["variant"].isin(one.drawn)]
    found = [row["value"] for row in drawn(browser, "variance", "symbol") if "value" in row]
    assert len(rows)
    assert sorted(found) == three_digits(rows["value"])


@pytest.mark.parametrize("batch", [4, 16])
def test_the_cloud_of_estimates_shrinks_with_the_batch(
    browser: Chrome, requests: dict[str, FigureRequest[Any]], batch: int
) -> None:
    place = "chain/late"
    choose(browser, "batch_size", "place", place)
    choose(browser, "batch_size", "batch", batch)
    points = of_place(requests["batch_size"].tables["clouds"], place, batch=batch)
    symbols = drawn(browser, "batch_size", "symbol")
    assert sorted(one["along"] for one in symbols if "seed" in one) == three_digits(points["along"])
    spreads = [one["sx"] for one in symbols if "sx" in one]
    own = points[points["variant"] == points["variant"].iloc[0]]
    assert spreads == pytest.approx([own["along"].std()] * len(spreads), rel=1e-3)
    assert spreads
    summary = of_place(requests["batch_size"].tables["summary"], place, batch=batch, metric="cosine")
    words = {str(one["words"]).rpartition(" ")[2] for one in drawn(browser, "batch_size", "text") if "words" in one}
    assert words == {f"{value:.2f}" for value in summary["estimate"]}


@pytest.mark.parametrize("steps", [0, 16])
def test_the_slider_of_steps_moves_states_and_weights(
    browser: Chrome, requests: dict[str, FigureRequest[Any]], steps: int
) -> None:
    place, tables = "chain/initial", requests["staleness"].tables
    choose(browser, "staleness", "place", place)
    choose(browser, "staleness", "seed", "2")
    choose(browser, "staleness", "steps", steps)
    states = of_place(tables["states"], place, seed=2, steps=steps)
    rows = drawn(browser, "staleness", "rect")
    assert {row["visited"] for row in rows if "visited" in row} == {*three_digits(states["visited"])}
    weights = of_place(tables["weights"], place, seed=2, steps=steps)
    shares = weights["count"] / weights.groupby("variant")["count"].transform("sum")
    found = [row for row in drawn(browser, "staleness", "symbol") if "share" in row]
    assert sorted(row["share"] for row in found) == three_digits(shares)


@pytest.mark.parametrize("estimator", ["total", "to_go"])
def test_bars_are_the_weights_of_the_chosen_estimator(
    browser: Chrome, requests: dict[str, FigureRequest[Any]], estimator: str
) -> None:
    place = "chain/late"
    for parameter, value in (("place", place), ("seed", "3"), ("estimator", estimator)):
        choose(browser, "trajectories", parameter, value)
    rows = of_place(requests["trajectories"].tables["trajectories"], place, seed=3, variant=estimator)
    found = [(row["step"], row["weight"]) for row in drawn(browser, "trajectories", "rect") if "reward" in row]
    assert sorted(found) == sorted(zip(rows["step"], three_digits_of(rows["weight"]), strict=True))
    names = {row["name"] for row in drawn(browser, "trajectories", "text") if "name" in row}
    assert names == {"τ¹, R = 1.00", "τ², R = 3.00"}


def test_the_limit_says_which_steps_are_within_it(browser: Chrome, requests: dict[str, FigureRequest[Any]]) -> None:
    place = "cartpole/late"
    choose(browser, "staleness", "place", place)
    choose(browser, "staleness", "seed", "1")
    rows = of_place(requests["staleness"].tables["long"], place, seed=1, metric="kl", variant="to_go")
    for limit in (0.1, 0.3):
        choose(browser, "staleness", "limit", limit)
        words = [one["words"] for one in drawn(browser, "staleness", "text") if "words" in one]
        within = rows.loc[rows["value"] <= limit, "steps"]
        assert words == ([f"within δ up to step {within.max()}"] if len(within) else [])


def test_humanoids_are_where_their_poses_are(browser: Chrome, requests: dict[str, FigureRequest[Any]]) -> None:
    place = "chain/late"
    choose(browser, "stick_figures", "place", place)
    for frame in (1, 3):
        choose(browser, "stick_figures", "frame", frame)
        # The last frame stays where an episode has fewer frames.
        poses = of_place(requests["stick_figures"].tables["poses"], place, frame=min(frame, 2), part="head")
        heads = [one for one in drawn(browser, "stick_figures", "symbol") if one.get("limb") == "head"]
        assert sorted((one["x"], one["z"]) for one in heads) == sorted(
            (round(100 * x), round(100 * z)) for x, z in zip(poses["x"], poses["z"], strict=True)
        )


def test_a_button_plays_the_slider(browser: Chrome) -> None:
    found = opened(browser, "stick_figures")
    choose(browser, "stick_figures", "frame", 0)
    button = found.find_element(By.CSS_SELECTOR, ".controls button")
    button.click()
    WebDriverWait(browser, SECONDS).until(lambda _: found.find_element(By.TAG_NAME, "output").text != "0")
    assert button.text == "pause"
    button.click()
    assert button.text == "play"


def test_a_highlighted_variant_is_highlighted_everywhere(browser: Chrome) -> None:
    for kind in ("learning_curves", "variance"):
        opened(browser, kind)
    choose(browser, "learning_curves", "variant", "average")
    for kind, mark in (("learning_curves", "line"), ("variance", "symbol")):
        strong = [one for one in drawn(browser, kind, mark) if one["opacity"] > 0.3]
        assert {one["variant"] for one in strong} == {"average"}
    chosen = opened(browser, "variance").find_element(By.CSS_SELECTOR, "select[data-parameter=variant]")
    assert chosen.get_attribute("value") == "average"
    choose(browser, "variance", "variant", "")
    assert {one["variant"] for one in drawn(browser, "learning_curves", "line")} == {"total", "average", "to_go"}


def test_a_click_on_a_mark_highlights_its_variant_where_there_is_a_choice(browser: Chrome) -> None:
    script = """
    const [play, variant] = arguments;
    const marks = [...play.querySelectorAll(".chart path")];
    const mark = marks.find((one) => one.__data__?.datum?.variant === variant);
    mark.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    """
    choose(browser, "trajectories", "estimator", "total")
    for kind, clicked in (("variance", "to_go"), ("trajectories", "total")):
        browser.execute_script(script, opened(browser, kind), clicked)
        chosen = opened(browser, "learning_curves").find_element(By.CSS_SELECTOR, "select[data-parameter=variant]")
        assert chosen.get_attribute("value") == "to_go"
    assert browser.get_log("browser") == []
    choose(browser, "variance", "variant", "")


def test_variants_that_are_not_ticked_disappear(browser: Chrome) -> None:
    boxes = opened(browser, "learning_curves").find_element(By.CSS_SELECTOR, "fieldset")
    boxes.find_element(By.CSS_SELECTOR, "input[value=total]").click()
    assert {one["variant"] for one in drawn(browser, "learning_curves", "line")} == {"average", "to_go"}
    boxes.find_element(By.CSS_SELECTOR, "input[value=total]").click()


def test_the_switch_makes_the_axis_logarithmic(browser: Chrome) -> None:
    switch = opened(browser, "learning_curves").find_element(By.CSS_SELECTOR, "[data-parameter=logarithmic]")
    steps = {one["at"] for one in drawn(browser, "learning_curves", "line") if "estimate" in one}
    switch.click()
    logs = {one["at"] for one in drawn(browser, "learning_curves", "line") if "estimate" in one}
    assert sorted(logs) == pytest.approx(sorted(math.log10(step) for step in steps))
    switch.click()


def test_inputs_work_with_the_keyboard_and_have_names(browser: Chrome) -> None:
    found = opened(browser, "variance")
    choose(browser, "variance", "batch", 4)
    slider = found.find_element(By.CSS_SELECTOR, "input[type=range]")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert slider.get_attribute("aria-valuetext") == found.find_element(By.TAG_NAME, "output").text == "16"
    inputs = browser.find_elements(By.CSS_SELECTOR, ".play input, .play select")
    assert all(one.accessible_name for one in inputs if one.is_displayed())


def test_charts_have_a_description(browser: Chrome) -> None:
    chart = opened(browser, "variance").find_element(By.CSS_SELECTOR, "[role=graphics-document]")
    label = chart.get_attribute("aria-label") or ""
    assert "policy by policy" in label


def test_axe_finds_no_violation_in_open_explorables(browser: Chrome) -> None:
    for kind in KINDS:
        opened(browser, kind)
    assert violations(browser) == []


def test_a_link_at_the_beginning_opens_its_explorable(browser: Chrome, file: Path) -> None:
    browser.get(file.as_uri())
    browser.find_element(By.CSS_SELECTOR, "#play a[href='#explore-batch_size']").click()
    found = browser.find_element(By.ID, "explore-batch_size")
    WebDriverWait(browser, SECONDS).until(lambda _: found.get_attribute("data-drawn") == "yes")
    assert found.find_element(By.CSS_SELECTOR, ".chart svg").is_displayed()


def test_a_chart_that_cannot_be_drawn_says_so(browser: Chrome, file: Path) -> None:
    browser.get(file.as_uri())
    browser.execute_script("window.DecompressionStream = undefined")
    found = browser.find_element(By.ID, "explore-variance")
    browser.execute_script("location.hash = 'explore-variance'")
    chart = found.find_element(By.CSS_SELECTOR, ".chart")
    WebDriverWait(browser, SECONDS).until(lambda _: "cannot draw" in chart.text)
    browser.get(file.as_uri())


def test_nothing_is_reported_or_requested(browser: Chrome) -> None:
    for kind in KINDS:
        opened(browser, kind)
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    assert asked
    assert [url[:60] for url in asked if not url.startswith(("file:", "data:", "blob:", "chrome:"))] == []


def test_charts_fit_a_phone(browser: Chrome, file: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", NARROW)
    try:
        browser.get(file.as_uri())
        for kind in KINDS:
            chart = opened(browser, kind).find_element(By.CSS_SELECTOR, ".chart")
            room, width = browser.execute_script(
                "return [arguments[0].clientWidth, arguments[0].querySelector('svg').clientWidth]", chart
            )
            assert 250 < width <= room
        assert browser.execute_script("return document.documentElement.scrollWidth") <= NARROW["width"]
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.get(file.as_uri())


def test_without_scripts_the_pictures_are_there_and_nothing_that_does_not_work(file: Path, tmp_path: Path) -> None:
    driver = start(tmp_path, scripts=False)
    try:
        driver.get(file.as_uri())
        pictures = [driver.find_element(By.CSS_SELECTOR, f"#figure-{kind} img") for kind in KINDS]
        assert all(one.get_property("naturalWidth") for one in pictures)
        assert not any(one.is_displayed() for one in driver.find_elements(By.CSS_SELECTOR, ".play, #play"))
    finally:
        driver.quit()
