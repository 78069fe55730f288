"""What a study file may leave out: options of figures, figures of tuning, and labels of variants."""

from typing import Any

import pytest
from pg.parts.equation import label_of
from pg.parts.variant import Variant
from pg.plotting.record import Figure
from pg.report.figures import request_of
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import train_job
from pg.study.validation import TUNING_SECTION, load
from tests.study.studies import assert_refused, put, refusals


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


def test_a_default_equals_the_option_in_every_figure(two_figures: dict[str, Any]) -> None:
    once = load({**two_figures, "figure_defaults": {"width": "one_column"}})
    everywhere = {name: {**one, "width": "one_column"} for name, one in two_figures["figures"].items()}
    assert once.canonical() == load({**two_figures, "figures": everywhere}).canonical()
    assert Study.model_validate_json(once.canonical()).figures == once.figures
    without_effect = {"width": "two_columns", "format": "pdf"}
    assert load({**two_figures, "figure_defaults": without_effect}).canonical() == load(two_figures).canonical()


def test_the_palette_gives_each_variant_one_colour_in_all_figures(two_figures: dict[str, Any]) -> None:
    two_figures["figures"]["learning"]["colours"] = {"to_go": "#00ff00"}
    two_figures["figure_defaults"] = {"palette": ["#ff0000", "#0000ff"], "colours": {"total": "#111111"}}
    figures = load(two_figures).figures

    # The third variant begins again at the first colour of the palette.
    assert figures["variance"].colours == {"total": "#111111", "baseline": "#ff0000"}
    assert figures["learning"].colours == {"total": "#111111", "to_go": "#00ff00"}


def test_defaults_of_figures_rerun_no_training(two_figures: dict[str, Any]) -> None:
    def jobs(study: Study) -> list[str]:
        blocks = study.experiments["learn"].seeds.blocks
        return [train_job(study, cell, block).canonical() for cell in cells(study, "learn") for block in blocks]

    assert jobs(load(two_figures)) == jobs(load({**two_figures, "figure_defaults": {"format": "svg"}}))


@refusals(
    """
figure_defaults/widht: one_column => : unknown key; did you mean 'width'
figure_defaults/width: one_colum => : …'one_colum'; did you mean 'one_column'
figure_defaults/format: png => : should be 'pdf' or 'svg'; it is 'png'
figure_defaults/kind: variance => : unknown key; allowed: width, format, palette, colours
figure_defaults: svg => : should be a mapping of keys to values; it is 'svg'; its keys: width, format
figure_default: {width: one_column} => : unknown key; did you mean 'figure_defaults'
"""
)
def test_an_illegal_default_is_refused_once(two_figures: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(two_figures, path, value, f"one problem:\n  {path.replace('/', '.')}{message}")


def test_an_experiment_that_tunes_gets_a_figure_of_tuning(options: dict[str, Any]) -> None:
    derived = load(options).figures
    assert list(derived) == ["variance", "tuning"]
    assert derived["tuning"] == Figure(kind="tuning", experiment="learn", section=TUNING_SECTION)
    assert load({**options, "figure_defaults": {"format": "svg"}}).figures["tuning"].format == "svg"
    options["figures"]["mine"] = {"kind": "tuning", "experiment": "learn", "section": "Using causality"}
    assert list(load(options).figures) == ["variance", "mine"]


def test_a_declared_figure_keeps_its_name(options: dict[str, Any]) -> None:
    options["figures"]["tuning"] = options["figures"].pop("variance")
    options["claims"] = {}
    figures = load(options).figures
    assert figures["tuning"].kind == "variance"
    assert figures["tuning_of_others"].kind == "tuning"


def test_fixed_learning_rates_have_no_figure_of_tuning(options: dict[str, Any]) -> None:
    put(options, "variants/total/optimizer", {"learning_rate": 0.1})
    assert list(load(options).figures) == ["variance"]


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({}, "to-go"),
        ({"returns": "total", "baseline": "average_reward"}, "total − mean R"),
        ({"baseline": {"name": "constant", "value": 2.0}, "optimizer": {"name": "sgd"}}, "to-go − constant, SGD"),
        (
            {"baseline": "per_step", "normalise_advantages": True, "importance": "per_step", "batch": 8},
            "to-go − per-step mean, normalised, per-step ratios, N = 8",
        ),
        (
            {"gradient_steps": 4, "discount": 0.99, "kl": {"limit": 0.1, "hold_by": "line_search"}},
            "to-go, KL line search, γ = 0.99, K = 4",
        ),
        ({"kl": {"limit": 0.1, "hold_by": "natural_gradient"}}, "to-go, natural gradient"),
    ],
)
def test_a_label_names_the_parts(options: dict[str, Any], label: str) -> None:
    assert label_of(Variant.model_validate(options)) == label


def test_only_the_first_variant_of_equal_parts_is_labelled_by_them(options: dict[str, Any]) -> None:
    options["variants"]["slow"] = {"extends": "to_go", "optimizer": {"learning_rate": 0.001}}
    options["variants"]["named"] = {"label": "to-go − mean R"}
    labels = {name: variant.label for name, variant in load(options).variants.items()}
    assert labels == {
        "total": "total return",
        "to_go": "to-go",
        "baseline": "baseline",
        "slow": "slow",
        "named": "to-go − mean R",
    }


def test_parts_of_a_labelled_variant_or_environment_may_name_another(options: dict[str, Any]) -> None:
    options["variants"]["same_as_total"] = {"extends": "total"}
    options["environments"]["cartpole"]["label"] = "Pole"
    options["environments"]["again"] = {"id": "CartPole-v1"}
    study = load(options)
    assert study.variants["same_as_total"].label == "total"
    assert study.environments["again"].label == "CartPole-v1"


def test_environments_declared_twice_have_names_that_differ(options: dict[str, Any]) -> None:
    options["environments"] |= {
        "scaled_rewards": {"id": "CartPole-v1", "rewards": {"scale": 2.0}},
        "long": {"id": "CartPole-v1", "label": "A long pole"},
        "lake": {"id": "FrozenLake-v1"},
    }
    study = load(options)
    assert [study.environment_label(name) for name in study.environments] == [
        "CartPole-v1",
        "pg/Chain-v0",
        "scaled rewards",
        "A long pole",
        "FrozenLake-v1",
    ]


@pytest.mark.parametrize(
    ("experiment", "changes", "label"),
    [
        ("learn", {}, "to-go, N = 8"),
        ("sizes", {}, "to-go"),
        ("gradients", {}, "to-go"),
        ("exact", {}, "to-go"),
        # Where two labels would be the same, N distinguishes them.
        ("gradients", {"variants": ["to_go", "larger"]}, "to-go, N = 8"),
    ],
)
def test_derived_labels_name_the_batch_of_training_alone(
    options: dict[str, Any], experiment: str, changes: dict[str, Any], label: str
) -> None:
    options["variants"]["to_go"]["batch"] = 8
    options["variants"]["larger"] = {"extends": "to_go", "batch": 32}
    options["experiments"]["gradients"]["variants"] = ["to_go", "baseline"]
    options["experiments"]["sizes"] = {**options["experiments"]["learn"], "sweep": {"variant.batch": [4, 16]}}
    options["experiments"][experiment] |= changes
    options["claims"], options["figures"] = {}, {}
    study = load(options)
    kind, *_ = study.experiments[experiment].figures
    request = request_of(study, Figure(kind=kind, experiment=experiment), {})

    assert study.variant_label("to_go", experiment) == label
    assert request.variant_label("to_go") == label


def test_a_given_label_is_never_shortened(options: dict[str, Any]) -> None:
    options["variants"]["to_go"] |= {"batch": 8, "label": "mine, N = 8"}
    assert load(options).variant_label("to_go", "exact") == "mine, N = 8"
