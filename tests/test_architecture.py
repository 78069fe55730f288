"""docs/architecture.md names every module, so that whoever looks for a thing finds its place."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MODULES = sorted(
    path.relative_to(ROOT / "pg")
    for path in (ROOT / "pg").glob("**/*.py")
    if not path.name.startswith("__") and "figures" not in path.parts and "model" not in path.parts
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_has_its_place_in_the_page_on_architecture(module: Path) -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert f"`{module.stem}`" in page or f"`{module.name}`" in page
