"""A broken study is refused at once, in words, and nothing is written."""

import re
from typing import Any

import pytest
import torch
from tests.workflow.checkout import Checkout


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("variants/total/retruns", "total", "variants.total.retruns: unknown key; did you mean 'returns'?"),
        ("claims/causality/parts/probed/metric", "varianc", "claims.causality.parts.probed.metric: 'varianc'"),
        pytest.param(
            "device",
            "cuda",
            "device: cuda: torch ",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
        ),
    ],
)
def test_a_broken_study_is_refused(fresh: Checkout, study: dict[str, Any], path: str, value: Any, message: str) -> None:
    *parents, key = path.split("/")
    place = study
    for parent in parents:
        place = place[parent]
    place[key] = value
    fresh.write(study)
    assert_refused(fresh, message)


def test_snakemake_prints_the_problems_of_a_study_alone(fresh: Checkout, study: dict[str, Any]) -> None:
    study["experiments"]["learn"]["seeds"]["count"] = 0
    fresh.write(study)
    problem = r"  config\.yaml:\d+: experiments\.learn\.seeds\.count: should be greater than 0; it is 0\n"
    done = fresh.run("-n")
    said = done.stderr + done.stdout
    assert re.fullmatch(
        rf"Using workflow specific profile .*\nRefused:\nthe study has one problem:\n{problem}", said
    ), said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [1,\nvariants: x\n", "config.yaml is not YAML: line "),
        (
            "__use_yte__: true\nname: ?__import__('pathlib').Path('harm').touch()\n",
            "config.yaml: __use_yte__: is not allowed",
        ),
    ],
    ids=["no YAML", "template"],
)
def test_an_illegal_file_is_refused_without_running_code(fresh: Checkout, text: str, message: str) -> None:
    (fresh.folder / "config.yaml").write_text(text, encoding="utf-8")
    assert_refused(fresh, message)


@pytest.mark.long
def test_a_template_after_configfile_is_refused_before_snakemake_runs_it(fresh: Checkout) -> None:
    file = fresh.folder / "other.yaml"
    file.write_text("__use_yte__: true\nname: ?__import__('pathlib').Path('harm').touch()\n", encoding="utf-8")
    said = fresh.failure("-n", "--configfile", str(file))
    assert "other.yaml: __use_yte__: is not allowed" in said
    assert not (fresh.folder / "harm").exists()


def assert_refused(place: Checkout, message: str) -> None:
    def files() -> set[str]:
        names = {str(path.relative_to(place.folder)) for path in place.folder.rglob("*")}
        # Snakemake writes its own log.
        return {name for name in names if "__pycache__" not in name and not name.startswith(".snakemake")}

    before = files()
    said = place.failure()
    assert said.count(message) == 1
    assert "Snakefile" not in said
    assert files() == before
