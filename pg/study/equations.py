r"""Each variant's gradient estimator as LaTeX, put together from the parts that the variant is composed of.

The notation is the lecture's: trajectories i = 1, …, N, time steps from 1, rewards $r(s_{i,t}, a_{i,t})$. A trajectory
that ends early, after $T_i$ steps, has neither scores nor rewards behind its end.
"""

from __future__ import annotations

from pg.study.model import Study, Variant

_SCORE = r"\nabla_\theta \log \pi_\theta(\mathbf{a}_{%s,t} \mid \mathbf{s}_{%s,t})"


def label(study: Study, variant: str) -> str:
    """Name a variant as figures and the report do: its label, or its key in words."""
    return study.variants[variant].label or variant.replace("_", " ")


def environment_label(study: Study, environment: str) -> str:
    """Name an environment as figures and the report do: its label, or its gymnasium id."""
    return study.environments[environment].label or study.environments[environment].id


def equation(variant: Variant) -> str:
    r"""Write a variant's gradient estimator in LaTeX, without the dollar signs.

    The form is that of the lecture, "How to implement policy gradients?",
    $\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_i \sum_t \nabla_\theta \log \pi_\theta(a_{i,t} \mid s_{i,t}) \,
    (\sum_{t'=t}^T r(s_{i,t'}, a_{i,t'}) - b)$. `definitions` says what its symbols stand for.
    """
    return (
        r"\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_{i=1}^{N} \sum_{t=1}^{T} "
        + (r"\gamma^{t-1} \, " if variant.discount_states else "")
        + f"{_score('i')} {_weight(variant)}"
    )


def definitions(variant: Variant) -> tuple[str, ...]:
    """Define the symbols of a variant's `equation` beyond the lecture's own: one LaTeX equation each.

    They are the advantage's mean and standard deviation, the baseline (definitions in the documentation of
    `pg.estimators.baselines`) and the value of the discount factor, where the variant has them.
    """
    return (*_normalisation(variant), *_baseline(variant), *_discount(variant))


def _score(trajectory: str) -> str:
    return _SCORE % (trajectory, trajectory)


def _reward(trajectory: str, time: str) -> str:
    return rf"r(\mathbf{{s}}_{{{trajectory},{time}}}, \mathbf{{a}}_{{{trajectory},{time}}})"


def _total(variant: Variant, trajectory: str, time: str) -> str:
    discount = "" if variant.discount == 1 else rf"\gamma^{{{time}-1}} \, "
    return rf"\sum_{{{time}=1}}^{{T}} {discount}{_reward(trajectory, time)}"


def _to_go(variant: Variant, trajectory: str) -> str:
    discount = "" if variant.discount == 1 else r"\gamma^{t'-t} \, "
    reward = _reward(trajectory, "t'")
    return rf"\sum_{{t'=t}}^{{T}} {discount}{reward}"


def _return(variant: Variant, trajectory: str) -> str:
    """Write what weights the score at step t."""
    return _total(variant, trajectory, "t'") if variant.returns == "total" else _to_go(variant, trajectory)


_BASELINE_SYMBOL = {
    "none": "",
    "constant": "b",
    "average_reward": "b",
    "leave_one_out": "b_i",
    "per_step": "b_t",
    "per_step_leave_one_out": "b_{i,t}",
    "optimal": "b_i",
    "exact": r"V_t(s_{i,t})",
}


def _advantage(variant: Variant) -> str:
    symbol = _BASELINE_SYMBOL[variant.baseline]
    return _return(variant, "i") + (f" - {symbol}" if symbol else "")


def _weight(variant: Variant) -> str:
    if variant.normalise_advantages:
        return r"\frac{A_{i,t} - \bar{A}}{\sigma_A}"
    return rf"\left( {_advantage(variant)} \right)"


def _normalisation(variant: Variant) -> tuple[str, ...]:
    if not variant.normalise_advantages:
        return ()
    return (
        f"A_{{i,t}} = {_advantage(variant)}",
        r"\bar{A} = \frac{1}{\sum_{i} T_i} \sum_{i=1}^{N} \sum_{t=1}^{T_i} A_{i,t}",
        r"\sigma_A^2 = \frac{1}{\sum_{i} T_i} \sum_{i=1}^{N} \sum_{t=1}^{T_i} (A_{i,t} - \bar{A})^2",
    )


def _baseline(variant: Variant) -> tuple[str, ...]:
    match variant.baseline:
        case "none":
            return ()
        case "constant":
            return (f"b = {variant.constant:g}",)
        case "average_reward":
            return (rf"b = \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} {_total(variant, 'i', 't')}",)
        case "leave_one_out":
            return (rf"b_i = \frac{{1}}{{N-1}} \sum_{{j \neq i}} {_total(variant, 'j', 't')}",)
        case "per_step":
            return (rf"b_t = \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} {_to_go(variant, 'i')}",)
        case "per_step_leave_one_out":
            return (rf"b_{{i,t}} = \frac{{1}}{{N-1}} \sum_{{j \neq i}} {_to_go(variant, 'j')}",)
        case "optimal":
            return _optimal(variant)
        case "exact":
            return (rf"V_t(s) = \mathbb{{E}} \left[ {_to_go(variant, 'i')} \mid s_{{i,t}} = s \right]",)


def _optimal(variant: Variant) -> tuple[str, ...]:
    others = r"\sum_{j \neq i} "
    return (
        rf"b_i = \frac{{{others} \mathbf{{A}}_j \cdot \mathbf{{B}}_j}}{{{others} \mathbf{{B}}_j \cdot \mathbf{{B}}_j}}",
        rf"\mathbf{{A}}_j = \sum_{{t=1}}^{{T}} {_score('j')} \left( {_return(variant, 'j')} \right)",
        rf"\mathbf{{B}}_j = \sum_{{t=1}}^{{T}} {_score('j')}",
    )


def _discount(variant: Variant) -> tuple[str, ...]:
    return () if variant.discount == 1 else (rf"\gamma = {variant.discount:g}",)
