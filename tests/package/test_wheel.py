"""A wheel has all that the project needs outside a checkout."""

from pathlib import Path

from pg.study.validation import read
from tests.package.conftest import ROOT, Installed


def snakemake(installed: Installed, *words: str) -> str:
    """Run the workflow as `python -m pg new-study` says."""
    snakefile = installed.run("-m", "pg", "snakefile").strip()
    return installed.run("-m", "snakemake", "-s", snakefile, "--cores", "2", *words)


def home(installed: Installed) -> Path:
    return Path(installed.run("-c", "import pg.core.home; print(pg.core.home.HOME)").strip())


def test_the_package_is_that_of_the_wheel(installed: Installed) -> None:
    where = Path(installed.run("-c", "import pg; print(pg.__file__)").strip()).parent
    assert where.is_relative_to(installed.python.parents[1])
    assert home(installed) == where
    assert (where / "py.typed").is_file()


def test_every_file_that_is_not_python_is_in_it(installed: Installed) -> None:
    where = home(installed)
    inside = [path for folder in ("workflow", "reference") for path in (ROOT / folder).rglob("*") if path.is_file()]
    expected = {path.relative_to(ROOT) for path in inside if "__pycache__" not in path.parts} | {Path("config.yaml")}
    expected |= {path.relative_to(ROOT) for path in (ROOT / "pg").rglob("*") if path.suffix in (".csv", ".yaml")}
    missing = [path for path in expected if not ((where / path).is_file() or (where.parent / path).is_file())]
    assert missing == []


def test_commands_run_in_an_empty_folder(installed: Installed) -> None:
    schema = (ROOT / "workflow/schemas/study.schema.json").read_text(encoding="utf-8")
    assert installed.run("-m", "pg", "schema") == schema
    smoke = home(installed) / "workflow/studies/smoke.yaml"
    assert "the whole study: " in installed.run("-m", "pg", "explain", "--configfile", str(smoke))
    code = "import pg; print(len(pg.load_results(pg.REFERENCE)['claims']))"
    assert int(installed.run("-c", code)) > 30


def test_the_default_study_and_the_smoke_study_are_planned(installed: Installed) -> None:
    assert "the whole study" in snakemake(installed, "-n")
    smoke = home(installed) / "workflow/studies/smoke.yaml"
    assert "Smoke study: the whole study" in snakemake(installed, "-n", "--configfile", str(smoke))


def test_a_new_study_runs_from_the_wheel(installed: Installed) -> None:
    said = installed.run("-m", "pg", "new-study", "mine")
    assert said.split("\n")[1].strip() == (
        'snakemake -s "$(python -m pg snakefile)" --cores all --configfile mine.yaml'
    )
    lines = (installed.folder / "mine.yaml").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 22
    snakemake(installed, "--configfile", "mine.yaml")
    study = read(installed.folder / "mine.yaml")
    results = installed.folder / "results/mine"
    made = ["report.html", "claims.csv", *(f"figures/{name}.pdf" for name in study.figures)]
    assert [name for name in made if not (results / name).is_file()] == []
    assert "Nothing to be done" in snakemake(installed, "--configfile", "mine.yaml")
    drawn = "import pg; print(pg.draw('learning_curves', 'mine.yaml', experiment='learning').get_label())"
    assert installed.run("-c", drawn).strip() == (results / "figures/curves.txt").read_text(encoding="utf-8").strip()
