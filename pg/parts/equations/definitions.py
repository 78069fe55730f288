"""What the symbols of a variant's equation stand for."""

from __future__ import annotations

from pg.parts.equations.notation import (
    VALUE,
    advantage,
    plain_ratio,
    probability,
    ratio,
    return_,
    reward,
    score,
    to_go,
    total,
)
from pg.parts.variant import Variant


def definitions(variant: Variant) -> tuple[str, ...]:
    """Define the symbols of a variant's `equation` beyond the lecture's own: one LaTeX equation each.

    They are the importance weights (`pg.parts.importance`), the advantage's mean and standard deviation, the
    λ-return (`pg.parts.returns`), the baseline (`pg.parts.baselines`, `pg.learning.critic`), the value of the
    discount factor, how many steps are taken on a batch, and the limit on the KL divergence and how it is held, where
    the variant has them; and what θ is before the first batch, where it is not random (`pg.learning.imitation`).
    """
    return (
        *_importance(variant),
        *_clipping(variant),
        *_normalisation(variant),
        *_lambda_returns(variant),
        *_baseline(variant),
        *_discount(variant),
        *_steps(variant),
        *(() if variant.kl is None else variant.kl.definitions(variant)),
        *variant.initialise.definitions(variant),
    )


_PLAIN_RATIOS = {
    "none": (),
    "trajectory": (r"w_i = \prod_{t=1}^{T_i} \rho_{i,t}",),
    "per_decision": (r"w_{i,t} = \prod_{t'=1}^{t} \rho_{i,t'}",),
    "per_step": (),
    "exact_state": (
        r"w_{i,t} = \frac{d_{\theta',t}(\mathbf{s}_{i,t})}{d_{\theta,t}(\mathbf{s}_{i,t})} \, \rho_{i,t}",
        r"d_{\theta,t}(\mathbf{s}) = p_\theta(\mathbf{s}_t = \mathbf{s})",
    ),
}


def _importance(variant: Variant) -> tuple[str, ...]:
    if variant.importance == "none":
        return ()
    target, behaviour = probability(r"\theta'", "i"), probability(r"\theta", "i")
    own = rf"\rho_{{i,t}} = \frac{{{target}}}{{{behaviour}}}"
    return (*_changed_ratio(variant), *_PLAIN_RATIOS[variant.importance], own)


def _changed_ratio(variant: Variant) -> tuple[str, ...]:
    """Define an importance weight that is cut, normalised or both, by the plain one."""
    own, others = _cut(variant, "i"), _cut(variant, "j")
    limit = () if variant.truncate_at is None else (f"c = {variant.truncate_at:g}",)
    if not variant.self_normalised:
        return (f"{ratio(variant, 'i', 't')} = {own}", *limit) if limit else ()
    if variant.importance == "trajectory":
        return (rf"\tilde{{w}}_i = \frac{{N \, {own}}}{{\sum_{{j=1}}^{{N}} {others}}}", *limit)
    normalised = rf"{ratio(variant, 'i', 't')} = \frac{{n_t \, {own}}}{{\sum_{{j : T_j \geq t}} {others}}}"
    return (normalised, r"n_t = | \{ j : T_j \geq t \} |", *limit)


def _cut(variant: Variant, trajectory: str) -> str:
    plain = plain_ratio(variant, trajectory, "t")
    return plain if variant.truncate_at is None else rf"\min({plain}, c)"


def _clipping(variant: Variant) -> tuple[str, ...]:
    if variant.clip is None:
        return ()
    clipped = r"\frac{A_{i,t} - \bar{A}}{\sigma_A}" if variant.normalise_advantages else advantage(variant)
    return (rf"\hat{{A}}_{{i,t}} = {clipped}", rf"\epsilon = {variant.clip:g}")


def _normalisation(variant: Variant) -> tuple[str, ...]:
    if not variant.normalise_advantages:
        return ()
    return (
        f"A_{{i,t}} = {advantage(variant)}",
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
            return (rf"b = \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} {total(variant, 'i', 't')}",)
        case "leave_one_out":
            return (rf"b_i = \frac{{1}}{{N-1}} \sum_{{j \neq i}} {total(variant, 'j', 't')}",)
        case "per_step":
            return (rf"b_t = \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} {to_go(variant, 'i')}",)
        case "per_step_leave_one_out":
            return (rf"b_{{i,t}} = \frac{{1}}{{N-1}} \sum_{{j \neq i}} {to_go(variant, 'j')}",)
        case "optimal":
            return _optimal(variant)
        case "value_network":
            return (_fitted(variant),)
        case "exact":
            return (rf"V_t(s) = \mathbb{{E}}_{{\pi_\theta}} \left[ {to_go(variant, 'i')} \mid s_{{i,t}} = s \right]",)


def _optimal(variant: Variant) -> tuple[str, ...]:
    others = r"\sum_{j \neq i} "
    return (
        rf"b_i = \frac{{{others} \mathbf{{A}}_j \cdot \mathbf{{B}}_j}}{{{others} \mathbf{{B}}_j \cdot \mathbf{{B}}_j}}",
        rf"\mathbf{{A}}_j = \sum_{{t=1}}^{{T}} {score('j')} \left( {return_(variant, 'j')} \right)",
        rf"\mathbf{{B}}_j = \sum_{{t=1}}^{{T}} {score('j')}",
    )


def _fitted(variant: Variant) -> str:
    if variant.bootstrap_at_truncation:
        value = r"\frac{1}{1 - \gamma} \, f_\phi(s)"
    elif variant.discount < 1:
        value = r"\sum_{t'=t}^{T} \gamma^{t'-t} \, f_\phi(s, t)"
    else:
        value = r"(T - t + 1) \, f_\phi(s, t)"
    return rf"V_t(s) = {value} \quad \text{{fitted to the rewards-to-go of earlier batches}}"


def _lambda_returns(variant: Variant) -> tuple[str, ...]:
    if variant.returns != "gae":
        return ()
    discount = "" if variant.discount == 1 else r"\gamma \, "
    decay = r"\lambda" if variant.discount == 1 else r"(\gamma \lambda)"
    error = rf"\delta_{{i,t}} = {reward('i', 't')} + {discount}V_{{t+1}}(s_{{i,t+1}}) - {VALUE}"
    behind = (
        r"V_{T_i+1}(s_{i,T_i+1}) = 0 \quad \text{unless the trajectory was truncated}"
        if variant.bootstrap_at_truncation
        else r"V_{T_i+1}(s_{i,T_i+1}) = 0"
    )
    return (
        rf"G^\lambda_{{i,t}} = {VALUE} + \sum_{{t'=t}}^{{T}} {decay}^{{t'-t}} \, \delta_{{i,t'}}",
        error,
        behind,
        rf"\lambda = {variant.lambda_:g}",
    )


def _discount(variant: Variant) -> tuple[str, ...]:
    return () if variant.discount == 1 else (rf"\gamma = {variant.discount:g}",)


def _steps(variant: Variant) -> tuple[str, ...]:
    passes = rf"K = {variant.gradient_steps} \quad \text{{passes over each batch}}"
    parts = rf"M = {variant.minibatches} \quad \text{{parts of whole trajectories, a step on each}}"
    return (*((passes,) if variant.gradient_steps > 1 else ()), *((parts,) if variant.minibatches > 1 else ()))
