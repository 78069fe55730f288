"""Each legal composition writes an equation that browsers and figures can set."""

from __future__ import annotations

import pytest
from latex2mathml.converter import convert
from matplotlib.mathtext import MathTextParser
from pg.environments.record import Environment
from pg.parts.equation import definitions, equation
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.starts.base import Demonstrator
from pg.parts.starts.clone import Clone
from pg.parts.variant import Variant
from pg.study.record import Study
from tests.parts.named import (
    BASELINE_PARTS,
    CORRECTING,
    DISCOUNTS,
    IMPORTANCE,
    NORMALISED,
    Parts,
    composed,
    corrections,
    gae,
)

RETURNS: list[Parts] = [
    {"returns": "total"},
    {"returns": "to_go"},
    {"returns": gae(0.95)},
    {"returns": gae(0.8, bootstrap_at_truncation=True)},
]
CORRECTIONS = corrections(
    IMPORTANCE, ({"future_correction": True}, {"clip": 0.2}, {"clip": 0.3}, {"power_mean": 0.2}), (2, 5.5)
)
LIMITS: list[Parts] = [
    {"kl": {"limit": limit, "hold_by": hold_by, "direction": direction}}
    for limit in (0.01, 0.02)
    for hold_by in ("early_stop", "penalty", "line_search", "natural_gradient")
    for direction in ("new_old", "old_new")
]
STARTS: list[Parts] = [
    {},
    {"initialise": Clone(controller="lean", demonstrations=10)},
    {"initialise": Clone(controller="lean", demonstrations=20)},
    {"initialise": Clone(clone=Demonstrator(experiment="ladder", variant="to_go", stage="middle"), demonstrations=10)},
]
GAE: Parts = {"returns": gae(0.9), "baseline": "value_network"}
ENDLESS: Parts = {**GAE, "returns": gae(0.9, bootstrap_at_truncation=True), "discount": 0.8}
STEPS: list[list[Parts]] = [
    [{}, {"importance": "per_step"}],
    [{}, {"gradient_steps": 4}, {"gradient_steps": 8}],
    [{}, {"minibatches": 2}],
    [{}, *LIMITS],
]
OPTIMIZERS: list[Parts] = [
    {"optimizer": {"name": name, "schedule": schedule, **clip}}
    for name in ("adam", "natural")
    for schedule in ("constant", "linear", "cosine")
    for clip in ({}, {"clip_norm": 0.5})
]
BONUSES: list[Parts] = [{}, {"entropy_bonus": 0.01}]
WINDOWS: list[Parts] = [{"window": {"name": name, "batches": count}} for name in ("balance", "own") for count in (2, 8)]


def legal() -> list[Variant]:
    """Return compositions in which every pair of parts that an equation writes together meets."""
    few: list[Parts] = [{}, {"baseline": "leave_one_out"}, {"baseline": "value_network"}]
    found = [
        *composed(RETURNS, BASELINE_PARTS, DISCOUNTS, NORMALISED),
        *composed(CORRECTIONS, RETURNS, few, DISCOUNTS[::2], NORMALISED),
        *composed(*STEPS),
        *composed(WINDOWS, few, [{"importance": name} for name in IMPORTANCE]),
        *composed(WINDOWS, BASELINE_PARTS, RETURNS),
        *composed(STARTS, RETURNS),
        *composed(OPTIMIZERS, BONUSES, [{}, {"importance": "per_step"}]),
    ]
    return list({variant.model_dump_json(): variant for variant in found}.values())


def everything(variant: Variant) -> str:
    return " ; ".join((equation(variant), *definitions(variant)))


def covering(variants: list[Variant]) -> list[Variant]:
    """Keep the variants with a part that no variant before them has."""
    kept, met = [], set()
    for variant in variants:
        parts = {(name, str(value)) for name, value in variant.model_dump(exclude_defaults=True).items()}
        if not kept or not parts <= met:
            kept.append(variant)
            met |= parts
    return kept


def lines(variants: list[Variant]) -> list[str]:
    """List the lines that these variants write, each once."""
    return list(dict.fromkeys(line for one in variants for line in (equation(one), *definitions(one))))


def test_every_line_becomes_mathml_without_a_command_left_over() -> None:
    assert [line for line in lines(legal()) if "\\" in convert(line)] == []


def test_figures_can_set_every_part_of_an_equation() -> None:
    for line in lines(covering(legal())):
        MathTextParser("agg").parse(f"${line}$")


@pytest.mark.slow
def test_figures_can_set_the_equations_of_every_composition() -> None:
    for line in lines(legal()):
        MathTextParser("agg").parse(f"${line}$")


def test_different_compositions_have_different_equations() -> None:
    written = [everything(variant) for variant in legal()]
    assert len(set(written)) == len(written)


def test_equation_of_the_final_form_is_the_lectures() -> None:
    variant = Variant(returns="to_go", baseline="average_reward")
    assert equation(variant) == (
        r"\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_{i=1}^{N} \sum_{t=1}^{T} "
        r"\nabla_\theta \log \pi_\theta(\mathbf{a}_{i,t} \mid \mathbf{s}_{i,t}) "
        r"\left( \sum_{t'=t}^{T} r(\mathbf{s}_{i,t'}, \mathbf{a}_{i,t'}) - b \right)"
    )
    assert definitions(variant) == (
        r"b = \frac{1}{N} \sum_{i=1}^{N} \sum_{t=1}^{T} r(\mathbf{s}_{i,t}, \mathbf{a}_{i,t})",
    )


def test_equation_of_the_off_policy_form_is_the_lectures() -> None:
    variant = Variant(importance="per_step", baseline="average_reward")
    assert equation(variant) == (
        r"\nabla_{\theta'} J(\theta') \approx \frac{1}{N} \sum_{i=1}^{N} \sum_{t=1}^{T} "
        r"\rho_{i,t} \, \nabla_{\theta'} \log \pi_{\theta'}(\mathbf{a}_{i,t} \mid \mathbf{s}_{i,t}) "
        r"\left( \sum_{t'=t}^{T} r(\mathbf{s}_{i,t'}, \mathbf{a}_{i,t'}) - b \right)"
    )
    assert definitions(variant) == (
        (
            r"\rho_{i,t} = \frac{\pi_{\theta'}(\mathbf{a}_{i,t} \mid \mathbf{s}_{i,t})}"
            r"{\pi_\theta(\mathbf{a}_{i,t} \mid \mathbf{s}_{i,t})}"
        ),
        r"b = \frac{1}{N} \sum_{i=1}^{N} \sum_{t=1}^{T} r(\mathbf{s}_{i,t}, \mathbf{a}_{i,t})",
    )


@pytest.mark.parametrize(
    "reuse", [{"gradient_steps": 2}, {"minibatches": 2}, WINDOWS[0], *({"importance": one} for one in CORRECTING)]
)
def test_only_equations_of_reused_data_have_a_target_policy(reuse: Parts) -> None:
    assert equation(Variant(**reuse)).startswith(r"\nabla_{\theta'} J(\theta')")
    assert r"\theta'" not in everything(Variant())


def test_scores_of_the_optimal_baseline_are_at_the_behaviour() -> None:
    written = definitions(Variant(baseline="optimal", importance="per_step"))
    assert any(line.startswith(r"\mathbf{B}_j = \sum_{t=1}^{T} \nabla_\theta \log \pi_\theta(") for line in written)


@pytest.mark.parametrize(
    ("variant", "part"),
    [
        (Variant(importance="trajectory"), r"w_i \, \nabla_{\theta'} \log"),
        (Variant(importance="trajectory"), r"w_i = \prod_{t=1}^{T_i} \rho_{i,t}"),
        (
            Variant(importance="per_decision", baseline={"name": "constant", "value": 2}),
            r"\left( \sum_{t'=t}^{T} w_{i,t'} \, r(\mathbf{s}_{i,t'}, \mathbf{a}_{i,t'}) - w_{i,t} \, b \right)",
        ),
        (
            Variant(importance="per_decision", baseline="per_step", normalise_advantages=True),
            (
                r"\frac{1}{\sigma_A} \left( \sum_{t'=t}^{T} w_{i,t'} \, r(\mathbf{s}_{i,t'}, \mathbf{a}_{i,t'})"
                r" - w_{i,t} \, (b_t + \bar{A}) \right)"
            ),
        ),
        (Variant(importance="per_decision"), r"w_{i,t} = \prod_{t'=1}^{t} \rho_{i,t'}"),
        (Variant(importance="exact_state"), r"\frac{d_{\theta',t}(\mathbf{s}_{i,t})}{d_{\theta,t}(\mathbf{s}_{i,t})}"),
        (
            Variant(importance={"name": "per_step", "future_correction": True}, discount=0.9),
            r"\sum_{t'=t}^{T} \gamma^{t'-t} \, \left( \prod_{t''=t+1}^{t'} \rho_{i,t''} \right) \, r(",
        ),
        (
            Variant(importance={"name": "per_step", "truncate_at": 2}),
            r"\tilde{\rho}_{i,t} = \min(\rho_{i,t}, c) ; c = 2",
        ),
        (
            Variant(importance={"name": "per_step", "self_normalised": True}),
            r"\tilde{\rho}_{i,t} = \frac{n_t \, \rho_{i,t}}{\sum_{j : T_j \geq t} \rho_{j,t}}",
        ),
        (
            Variant(importance={"name": "trajectory", "self_normalised": True, "truncate_at": 2}),
            r"\tilde{w}_i = \frac{N \, \min(w_i, c)}{\sum_{j=1}^{N} \min(w_j, c)}",
        ),
        (
            Variant(importance={"name": "per_step", "clip": 0.2}),
            (
                r"\nabla_{\theta'} \min \left( \rho_{i,t} \hat{A}_{i,t}, \,"
                r" \mathrm{clip}(\rho_{i,t}, 1 - \epsilon, 1 + \epsilon) \, \hat{A}_{i,t} \right)"
            ),
        ),
        (Variant(importance={"name": "per_step", "clip": 0.2}), r"\epsilon = 0.2"),
        (
            Variant(importance={"name": "trajectory", "power_mean": 0.25}),
            r"\tilde{w}_i = \frac{w_i}{1 - \kappa + \kappa \, w_i} ; \kappa = 0.25",
        ),
        (
            Variant(importance="trajectory", window={"batches": 4}),
            r"{\bar{\pi}_{i,t}} ; \bar{\pi}_{i,t} = \frac{\sum_{j=1}^{\omega} \prod_{t'=1}^{t} \pi_{\theta_j}(",
        ),
        (Variant(importance="trajectory", window={"batches": 4}), r"\omega = 4 \quad"),
        (Variant(importance="trajectory", window={"batches": 4}), r"N = 16 \, \omega"),
        (
            Variant(importance="trajectory", window={"name": "own", "batches": 4}),
            r"{\pi_{\theta_{j(i)}}(\mathbf{a}_{i,t} \mid \mathbf{s}_{i,t})}",
        ),
        (
            Variant(baseline="leave_one_out", window={"batches": 4}),
            (
                r"b_i = \frac{1}{\omega} \sum_{k=1}^{\omega} \frac{1}{|B_k \setminus \{i\}|}"
                r" \sum_{j \in B_k \setminus \{i\}} \sum_{t=1}^{T} r("
            ),
        ),
        *(
            (Variant(**STARTS[1]), part)
            for part in (
                r"\theta_0 \approx \mathrm{argmax}_\theta \sum_{j=1}^{n} \sum_{t=1}^{T_j} \log \pi_\theta(",
                r"\text{ by lean} ; n = 10",
            )
        ),
        (Variant(**STARTS[3]), r"\text{ by to go of ladder (middle)}"),
        (Variant(gradient_steps=4), "K = 4"),
        (
            Variant(entropy_bonus=0.02),
            (
                r"J(\theta) + \frac{0.02}{N} \sum_{i=1}^{N} \sum_{t=1}^{T_i}"
                r" \mathcal{H}(\pi_\theta(\cdot \mid s_{i,t})) \quad"
            ),
        ),
        (Variant(entropy_bonus=0.02, gradient_steps=2), r"\mathcal{H}(\pi_{\theta'}(\cdot \mid s_{i,t})) \quad"),
        (Variant(optimizer={"clip_norm": 0.5}), r"g \leftarrow \min(1, 0.5 / \Vert g \Vert) \, g \quad"),
        (Variant(optimizer={"schedule": "linear"}), r"\alpha_x = \alpha \, (1 - x) \quad"),
        (Variant(optimizer={"schedule": "cosine"}), r"\alpha_x = \alpha \, \frac{1 + \cos \pi x}{2} \quad"),
        (Variant(minibatches=2), "M = 2"),
        (
            Variant(kl=EarlyStop(limit=0.01)),
            (
                r"\bar{D} = \mathbb{E}_{\mathbf{s} \sim \pi_\theta} \left[ D_{KL}(\pi_{\theta'}(\cdot \mid \mathbf{s}) "
                r"\Vert \pi_\theta(\cdot \mid \mathbf{s})) \right] ; \delta = 0.01"
            ),
        ),
        (
            Variant(kl=EarlyStop(limit=0.01, direction="old_new")),
            r"D_{KL}(\pi_\theta(\cdot \mid \mathbf{s}) \Vert \pi_{\theta'}(\cdot \mid \mathbf{s}))",
        ),
        (Variant(returns="total"), r"\sum_{t'=1}^{T} r("),
        (Variant(returns="total", discount=0.9), r"\sum_{t'=1}^{T} \gamma^{t'-1} \, r("),
        (Variant(discount=0.9), r"\sum_{t'=t}^{T} \gamma^{t'-t} \, r("),
        (Variant(discount=0.9), r"\gamma = 0.9"),
        (Variant(discount=0.9, discount_states=True), r"\sum_{t=1}^{T} \gamma^{t-1} \, \nabla_\theta"),
        (Variant(baseline="leave_one_out"), r"b_i = \frac{1}{N-1} \sum_{j \neq i} \sum_{t=1}^{T} r("),
        (Variant(baseline="per_step"), r"b_t = \frac{1}{N} \sum_{i=1}^{N} \sum_{t'=t}^{T} r("),
        (Variant(returns="total", baseline="per_step"), r"b_t = \frac{1}{N} \sum_{i : T_i \geq t} \sum_{t'=1}^{T} r("),
        (Variant(baseline="per_step_leave_one_out"), r"b_{i,t} = \frac{1}{N-1} \sum_{j \neq i} \sum_{t'=t}^{T} r("),
        (Variant(baseline="optimal"), r"\mathbf{A}_j \cdot \mathbf{B}_j"),
        (Variant(normalise_advantages=True), r"\frac{A_{i,t} - \bar{A}}{\sigma_A}"),
        (Variant(**GAE), r"\left( G^\lambda_{i,t} - V_t(s_{i,t}) \right)"),
        (Variant(**GAE), r"\sum_{t'=t}^{T} \lambda^{t'-t} \, \delta_{i,t'}"),
        (Variant(**GAE), r", \mathbf{a}_{i,t}) + V_{t+1}(s_{i,t+1}) - V_t(s_{i,t}) ; V_{T_i+1}(s_{i,T_i+1}) = 0 ; "),
        (Variant(**GAE), r"\lambda = 0.9"),
        (Variant(**GAE), r"V_t(s) = (T - t + 1) \, f_\phi(s, t) \quad \text{fitted to the rewards-to-go of earlier"),
        (Variant(**GAE, discount=0.8), r"\sum_{t'=t}^{T} (\gamma \lambda)^{t'-t} \, \delta_{i,t'}"),
        (Variant(**GAE, discount=0.8), r"+ \gamma \, V_{t+1}(s_{i,t+1}) - V_t(s_{i,t})"),
        (Variant(**GAE, discount=0.8), r"V_t(s) = \sum_{t'=t}^{T} \gamma^{t'-t} \, f_\phi(s, t)"),
        (Variant(**ENDLESS), r"V_t(s) = \frac{1}{1 - \gamma} \, f_\phi(s) \quad"),
        (Variant(**ENDLESS), r"V_{T_i+1}(s_{i,T_i+1}) = 0 \quad \text{unless the trajectory was truncated}"),
    ],
)
def test_each_part_shows_in_the_equation(variant: Variant, part: str) -> None:
    assert part in everything(variant)


def test_labels_default_to_names_in_words() -> None:
    study = Study.model_construct(
        variants={"to_go": Variant(), "named": Variant(label="a name")},
        environments={"pole": Environment(id="CartPole-v1"), "named": Environment(id="CartPole-v1", label="a pole")},
    )
    assert (study.variant_label("to_go"), study.variant_label("named")) == ("to go", "a name")
    assert (study.environment_label("pole"), study.environment_label("named")) == ("CartPole-v1", "a pole")
