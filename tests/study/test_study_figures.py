"""Figures: shared defaults, which a figure overrides, and a figure of tuning for each experiment that tunes."""

from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.plotting.record import Figure
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import canonical, train_job
from pg.study.validation import TUNING_SECTION, load
from tests.study.studies import put


@pytest.fixture
def two_figures(options: dict[str, Any]) -> dict[str, Any]:
    options["figures"]["learning"] = {"kind": "tuning", "experiment": "learn", "section": "Using causality"}
    return options


def test_figures_override_the_defaults(two_figures: dict[str, Any]) -> None:
    two_figures["figure_defaults"] = {"width": "one_column", "format": "svg"}
    two_figures["figures"]["learning"]["width"] = "two_columns"
    figures = load(two_figures).figures
    assert (figures["variance"].width, figures["variance"].format) == ("one_column", "svg")
    assert (figures["learning"].width, figures["learning"].format) == ("two_columns", "svg")


def test_a_default_for_one_option_leaves_the_other(two_figures: dict[str, Any]) -> None:
    two_figures["figure_defaults"] = {"format": "svg"}
    assert {(one.width, one.format) for one in load(two_figures).figures.values()} == {("two_columns", "svg")}


def test_a_default_equals_the_option_in_every_figure(two_figures: dict[str, Any]) -> None:
    once = load({**two_figures, "figure_defaults": {"width": "one_column"}})
    everywhere = {name: {**one, "width": "one_column"} for name, one in two_figures["figures"].items()}
    assert canonical(once) == canonical(load({**two_figures, "figures": everywhere}))
    assert Study.model_validate_json(canonical(once)).figures == once.figures


def test_defaults_without_effect_leave_the_study_equal(two_figures: dict[str, Any]) -> None:
    said = load({**two_figures, "figure_defaults": {"width": "two_columns", "format": "pdf"}})
    assert canonical(said) == canonical(load(two_figures))


def test_defaults_of_figures_rerun_no_training(two_figures: dict[str, Any]) -> None:
    jobs = [
        [train_job(study, cell, block).canonical() for cell in cells(study, "learn") for block in seeds.blocks]
        for study in (load(two_figures), load({**two_figures, "figure_defaults": {"format": "svg"}}))
        for seeds in (study.experiments["learn"].seeds,)
    ]
    assert jobs[0] == jobs[1]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("figure_defaults/widht", "one_column", r"^  figure_defaults\.widht: unknown key; did you mean 'width'"),
        ("figure_defaults/width", "one_colum", r"^  figure_defaults\.width: .*'one_colum'; did you mean 'one_column'"),
        ("figure_defaults/format", "png", r"^  figure_defaults\.format: should be 'pdf' or 'svg'; it is 'png'"),
        ("figure_defaults/kind", "variance", r"^  figure_defaults\.kind: unknown key.*allowed: width, format$"),
        ("figure_defaults", "svg", r"^  figure_defaults: should be a mapping .*; its keys: width, format$"),
        ("figure_default", {"width": "one_column"}, r"^  figure_default: unknown key; did you mean 'figure_defaults'"),
    ],
)
def test_an_illegal_default_is_refused_once(two_figures: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(two_figures, path, value)
    with pytest.raises(InvalidStudy, match=r"^the study has one problem:\n" + message.removeprefix("^")):
        load(two_figures)


def test_an_experiment_that_tunes_gets_a_figure_of_tuning(options: dict[str, Any]) -> None:
    derived = load(options).figures
    assert list(derived) == ["variance", "tuning_learn"]
    assert derived["tuning_learn"] == Figure(kind="tuning", experiment="learn", section=TUNING_SECTION)
    assert load({**options, "figure_defaults": {"format": "svg"}}).figures["tuning_learn"].format == "svg"

    options["figures"]["mine"] = {"kind": "tuning", "experiment": "learn", "section": "Using causality"}
    assert list(load(options).figures) == ["variance", "mine"]


def test_a_declared_figure_keeps_its_name(options: dict[str, Any]) -> None:
    options["figures"]["tuning_learn"] = options["figures"].pop("variance")
    options["claims"] = {}
    assert load(options).figures["tuning_learn"].kind == "variance"


def test_fixed_learning_rates_have_no_figure_of_tuning(options: dict[str, Any]) -> None:
    put(options, "variants/total/optimizer", {"learning_rate": 0.1})
    assert list(load(options).figures) == ["variance"]
