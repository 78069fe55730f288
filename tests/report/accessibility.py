"""Check a page in a browser with axe-core, which axe-playwright-python brings; Playwright itself is not used."""

from __future__ import annotations

from importlib.resources import files

from selenium.webdriver import Chrome

_SCRIPT = files("axe_playwright_python") / "axe.min.js"


def violations(page: Chrome) -> list[tuple[str, list[str]]]:
    """Return the rules that the page breaks, each with the elements that break it."""
    page.execute_script(_SCRIPT.read_text(encoding="utf-8"))
    found = page.execute_async_script("axe.run().then((found) => arguments[arguments.length - 1](found))")
    assert len(found["passes"]) > 20
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]
