"""The report in a real browser: nothing is missing, nothing is fetched, and the table of claims does what it offers."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
from matplotlib.image import imread
from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from tests.report.accessibility import violations

Pages = Callable[..., str]

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WIDE, NARROW = (1280, 800), (390, 740)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver, as Debian packages them"
    ),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    # A page that still glides to its place cannot be clicked.
    flags = ("headless", "no-sandbox", "disable-background-networking", "no-first-run", "force-prefers-reduced-motion")
    for flag in flags:
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Chrome, make_page: Pages, tmp_path: Path) -> Chrome:
    file = tmp_path / "report.html"
    file.write_text(make_page(), encoding="utf-8")
    browser.set_window_size(*WIDE)
    # Reading a log empties it.
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(file.as_uri())
    return browser


def unfold(page: Chrome, *ids: str) -> None:
    page.execute_script("for (const id of arguments) document.getElementById(id).open = true", *ids)


def unfold_all(page: Chrome) -> None:
    page.execute_script("document.querySelectorAll('details').forEach((one) => (one.open = true))")


@contextmanager
def screen_of(page: Chrome, size: tuple[int, int]) -> Iterator[None]:
    # A window has a least width; the emulated screen has not.
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == NARROW}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        yield
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture
def scriptless(page: Chrome) -> Iterator[Chrome]:
    """The page in a browser that runs no scripts of pages."""
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        yield page
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def printed(page: Chrome, folder: Path) -> str:
    """Print the page, and return the text on the paper."""
    data = page.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]
    (folder / "page.pdf").write_bytes(base64.b64decode(data))
    command = ["pdftotext", str(folder / "page.pdf"), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def is_open(page: Chrome, name: str) -> bool:
    # Without scripts of its own, a page still answers those of the driver.
    return page.find_element(By.ID, name).get_attribute("open") is not None


def column(page: Chrome, place: int) -> list[str]:
    cells = page.find_elements(By.CSS_SELECTOR, f"#claims-table tbody tr:not([hidden]) > :nth-child({place})")
    return [cell.get_attribute("data-value") or cell.text for cell in cells]


def test_the_console_reports_nothing(page: Chrome) -> None:
    assert page.get_log("browser") == []


def test_the_browser_requests_nothing_from_a_network(page: Chrome) -> None:
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    assert asked
    assert [url[:60] for url in asked if not url.startswith(("file:", "data:"))] == []


def test_every_picture_of_the_page_loads(page: Chrome) -> None:
    images = page.find_elements(By.TAG_NAME, "img")
    unfold_all(page)
    for image in images:
        page.execute_script("arguments[0].scrollIntoView(); return arguments[0].decode()", image)
    widths = [image.get_property("naturalWidth") for image in images]
    assert widths
    assert all(widths)


@pytest.mark.parametrize("width", ["one_column", "two_columns"])
def test_a_tall_picture_keeps_its_shape(page: Chrome, width: str) -> None:
    unfold_all(page)
    image = page.find_element(By.CSS_SELECTOR, "figure img")
    page.execute_script("arguments[0].closest('figure').className = arguments[1]", image, width)
    tall = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='1000' height='2000'/>"
    page.execute_script("Object.assign(arguments[0], {src: arguments[1], width: 1000, height: 2000})", image, tall)
    assert image.size["height"] == pytest.approx(2 * image.size["width"], abs=2)


def test_equations_are_laid_out(page: Chrome) -> None:
    unfold_all(page)
    heights = [one.size["height"] for one in page.find_elements(By.CSS_SELECTOR, ".equation math")]
    assert heights
    assert min(heights) > 10


def test_a_click_on_a_column_sorts_it_and_another_turns_it_round(page: Chrome) -> None:
    unfold(page, "claims")
    effect = next(button for button in page.find_elements(By.CSS_SELECTOR, "th button") if button.text == "Effect")
    effect.click()
    ascending = [float(value) for value in column(page, 4) if value != "nan"]
    effect.click()
    descending = [float(value) for value in column(page, 4) if value != "nan"]
    assert len(set(ascending)) > 1
    assert ascending == sorted(ascending)
    assert descending == ascending[::-1]


def test_a_filter_leaves_the_rows_of_its_verdict(page: Chrome) -> None:
    unfold(page, "claims")
    everything = column(page, 2)
    page.find_element(By.CSS_SELECTOR, '.filter button[data-verdict="supported"]').click()
    assert set(column(page, 2)) == {"supported"}
    page.find_element(By.CSS_SELECTOR, '.filter button[data-verdict=""]').click()
    assert column(page, 2) == everything


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "unfolded"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_page_fits_the_screen(page: Chrome, size: tuple[int, int], folded: bool) -> None:
    with screen_of(page, size):
        if not folded:
            unfold_all(page)
        assert page.execute_script("return document.documentElement.scrollWidth") <= size[0]
        picture = imread(io.BytesIO(page.get_screenshot_as_png()), format="png")
    assert picture.shape[1] == size[0]
    assert np.ptp(picture[..., :3]) > 0.5


def test_the_first_screen_shows_findings_and_the_map(page: Chrome) -> None:
    bottoms = "return [...document.querySelectorAll(arguments[0])].map((one) => one.getBoundingClientRect().bottom)"
    with screen_of(page, WIDE):
        shown = page.execute_script(bottoms, "#findings article, #map")
    assert len(shown) == 4
    assert max(shown) <= WIDE[1]


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "unfolded"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_no_violation(page: Chrome, size: tuple[int, int], folded: bool) -> None:
    with screen_of(page, size):
        if not folded:
            unfold_all(page)
        assert violations(page) == []


def test_a_link_to_something_folded_opens_it(page: Chrome) -> None:
    page.execute_script("location.hash = 'metric-area'")
    WebDriverWait(page, 5).until(lambda page: is_open(page, "metrics"))
    assert page.find_element(By.ID, "metric-area").is_displayed()


def test_the_keyboard_alone_reaches_findings_cards_and_what_is_folded(page: Chrome) -> None:
    def press(key: str) -> WebElement:
        ActionChains(page).send_keys(key).perform()
        return page.switch_to.active_element

    first = press(Keys.TAB)
    assert first.find_element(By.XPATH, "ancestor::article/parent::div").get_attribute("class") == "first"
    assert first.value_of_css_property("outline-style") == "solid"
    press(Keys.ENTER)
    claim = urlparse(page.current_url).fragment
    assert claim.startswith("claim-")
    summary = next(one for one in iter(lambda: press(Keys.TAB), None) if one.tag_name == "summary")
    folded = summary.find_element(By.XPATH, "..")
    assert folded.find_element(By.XPATH, f"ancestor::article[@id='{claim}']")
    press(Keys.SPACE)
    assert folded.get_attribute("open") is not None


def test_without_scripts_everything_can_be_read(scriptless: Chrome) -> None:
    findings = scriptless.find_elements(By.CSS_SELECTOR, "#findings article p")
    assert all(one.is_displayed() for one in findings)
    scriptless.find_element(By.CSS_SELECTOR, "#metrics > summary").click()
    assert is_open(scriptless, "metrics")
    assert scriptless.find_element(By.ID, "metric-area").is_displayed()


def test_a_wide_figure_scrolls_in_its_frame_on_a_phone(browser: Chrome, page: Chrome) -> None:
    script = """
    const figure = document.querySelector("figure");
    figure.className = "two_columns";
    const picture = figure.querySelector(".picture");
    return [picture.clientWidth, picture.scrollWidth];
    """
    with screen_of(browser, NARROW):
        frame, content = page.execute_script(script)
    assert frame < NARROW[0]
    assert content > 600


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext, of poppler-utils")
@pytest.mark.parametrize("opened", ["page", "scriptless"])
def test_the_printed_page_holds_what_is_folded_on_a_screen(
    request: pytest.FixtureRequest, opened: str, tmp_path: Path
) -> None:
    text = printed(request.getfixturevalue(opened), tmp_path)

    for title in ("Findings", "All tests", "How far to trust the intervals", "Learning rates", "Provenance"):
        assert title in text
    for folded in ("Caption of variance.", "base/probes.yaml:3", "half of the variance", "digest of the"):
        assert folded in text
