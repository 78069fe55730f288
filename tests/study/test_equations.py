"""Each legal composition writes an equation that browsers and figures can set."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
from latex2mathml.converter import convert
from matplotlib.mathtext import MathTextParser
from pg.study.equations import definitions, environment_label, equation, label
from pg.study.model import Baseline, Environment, Returns, Study, Variant
from pydantic import ValidationError


def legal() -> list[Variant]:
    variants = []
    options = itertools.product(get_args(Returns), get_args(Baseline), (1.0, 0.9), (False, True), (False, True))
    for returns, baseline, discount, discount_states, normalise in options:
        try:
            variants.append(
                Variant(
                    returns=returns,
                    baseline=baseline,
                    constant=1.5 if baseline == "constant" else None,
                    discount=discount,
                    discount_states=discount_states,
                    normalise_advantages=normalise,
                )
            )
        except ValidationError:
            continue
    return variants


def everything(variant: Variant) -> str:
    return " ; ".join((equation(variant), *definitions(variant)))


@pytest.mark.parametrize("variant", legal(), ids=lambda one: f"{one.returns}-{one.baseline}-{one.discount}")
def test_every_composition_is_legal_latex_to_mathml_and_mathtext(variant: Variant) -> None:
    parser = MathTextParser("agg")
    for line in (equation(variant), *definitions(variant)):
        assert "\\" not in convert(line)
        parser.parse(f"${line}$")


def test_different_compositions_have_different_equations() -> None:
    written = [everything(variant) for variant in legal()]

    assert len(set(written)) == len(written)


def test_the_lectures_final_form_is_written_as_the_lecture_writes_it() -> None:
    variant = Variant(returns="to_go", baseline="average_reward")

    assert equation(variant) == (
        r"\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_{i=1}^{N} \sum_{t=1}^{T} "
        r"\nabla_\theta \log \pi_\theta(\mathbf{a}_{i,t} \mid \mathbf{s}_{i,t}) "
        r"\left( \sum_{t'=t}^{T} r(\mathbf{s}_{i,t'}, \mathbf{a}_{i,t'}) - b \right)"
    )
    assert definitions(variant) == (
        r"b = \frac{1}{N} \sum_{i=1}^{N} \sum_{t=1}^{T} r(\mathbf{s}_{i,t}, \mathbf{a}_{i,t})",
    )


@pytest.mark.parametrize(
    ("variant", "part"),
    [
        (Variant(returns="total"), r"\sum_{t'=1}^{T} r("),
        (Variant(returns="total", discount=0.9), r"\sum_{t'=1}^{T} \gamma^{t'-1} \, r("),
        (Variant(discount=0.9), r"\sum_{t'=t}^{T} \gamma^{t'-t} \, r("),
        (Variant(discount=0.9), r"\gamma = 0.9"),
        (Variant(discount=0.9, discount_states=True), r"\sum_{t=1}^{T} \gamma^{t-1} \, \nabla_\theta"),
        (Variant(baseline="leave_one_out"), r"b_i = \frac{1}{N-1} \sum_{j \neq i} \sum_{t=1}^{T} r("),
        (Variant(returns="total", baseline="per_step"), r"b_t = \frac{1}{N} \sum_{i=1}^{N} \sum_{t'=t}^{T} r("),
        (Variant(baseline="per_step_leave_one_out"), r"b_{i,t} = \frac{1}{N-1} \sum_{j \neq i} \sum_{t'=t}^{T} r("),
        (Variant(baseline="optimal"), r"\mathbf{A}_j \cdot \mathbf{B}_j"),
        (Variant(normalise_advantages=True), r"\frac{A_{i,t} - \bar{A}}{\sigma_A}"),
    ],
)
def test_each_part_shows_in_the_equation(variant: Variant, part: str) -> None:
    assert part in everything(variant)


def test_labels_fall_back_on_the_names_in_words() -> None:
    study = Study.model_construct(
        variants={"to_go": Variant(), "named": Variant(label="a name")},
        environments={"pole": Environment(id="CartPole-v1"), "named": Environment(id="CartPole-v1", label="a pole")},
    )

    assert (label(study, "to_go"), label(study, "named")) == ("to go", "a name")
    assert (environment_label(study, "pole"), environment_label(study, "named")) == ("CartPole-v1", "a pole")
