"""The gradient estimator of a variant, in the form of the lecture."""

from __future__ import annotations

from pg.parts.equations.notation import BASELINE_SYMBOL, advantage, ratio, reward, score, subscript
from pg.parts.variant import Variant

_CLIPPED = (
    r"\nabla_{\theta'} \min \left( \rho_{i,t} \hat{A}_{i,t}, \,"
    r" \mathrm{clip}(\rho_{i,t}, 1 - \epsilon, 1 + \epsilon) \, \hat{A}_{i,t} \right)"
)


def equation(variant: Variant) -> str:
    r"""Write a variant's gradient estimator in LaTeX, without the dollar signs.

    The form is that of the lecture, "How to implement policy gradients?",
    $\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_i \sum_t \nabla_\theta \log \pi_\theta(a_{i,t} \mid s_{i,t}) \,
    (\sum_{t'=t}^T r(s_{i,t'}, a_{i,t'}) - b)$, and that of "Off-policy policy gradient" at θ' where data are reused.
    With minibatches the sum over i is that of a part; baselines and normalisation are those of the whole batch.
    `definitions` says what the symbols stand for.
    """
    policy = r"\theta'" if _is_off_policy(variant) else r"\theta"
    return (
        rf"\nabla_{subscript(policy)} J({policy}) \approx \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} \sum_{{t=1}}^{{T}} "
        + (r"\gamma^{t-1} \, " if variant.discount_states else "")
        + (_CLIPPED if variant.clip is not None else _weighted_score(variant, policy))
    )


def _is_off_policy(variant: Variant) -> bool:
    return variant.importance != "none" or variant.gradient_steps * variant.minibatches > 1


def _weighted_score(variant: Variant, policy: str) -> str:
    if variant.importance in ("none", "per_decision"):
        return f"{score('i', policy)} {_weight(variant)}"
    return rf"{ratio(variant, 'i', 't')} \, {score('i', policy)} {_weight(variant)}"


def _weighted_to_go(variant: Variant, weight: str) -> str:
    discount = "" if variant.discount == 1 else r"\gamma^{t'-t} \, "
    return rf"\sum_{{t'=t}}^{{T}} {discount}{weight} \, " + reward("i", "t'")


def _weight(variant: Variant) -> str:
    """Write what the score is multiplied by, but for an importance weight that is the same for all rewards."""
    if variant.importance == "per_decision":
        return _weight_per_decision(variant)
    if variant.future_correction:
        return _weight_with_corrected_future(variant)
    if variant.normalise_advantages:
        return r"\frac{A_{i,t} - \bar{A}}{\sigma_A}"
    return rf"\left( {advantage(variant)} \right)"


def _weight_per_decision(variant: Variant) -> str:
    symbol, own = BASELINE_SYMBOL[variant.baseline], ratio(variant, "i", "t")
    subtracted = [part for part in (symbol, r"\bar{A}" if variant.normalise_advantages else "") if part]
    earned = _weighted_to_go(variant, ratio(variant, "i", "t'"))
    if not subtracted:
        return rf"\left( {earned} \right)"
    together = subtracted[0] if len(subtracted) == 1 else f"({' + '.join(subtracted)})"
    return _scaled(variant, rf"\left( {earned} - {own} \, {together} \right)")


def _weight_with_corrected_future(variant: Variant) -> str:
    symbol = BASELINE_SYMBOL[variant.baseline]
    earned = _weighted_to_go(variant, r"\left( \prod_{t''=t+1}^{t'} \rho_{i,t''} \right)")
    subtracted = (f" - {symbol}" if symbol else "") + (r" - \bar{A}" if variant.normalise_advantages else "")
    return _scaled(variant, rf"\left( {earned}{subtracted} \right)")


def _scaled(variant: Variant, weight: str) -> str:
    return rf"\frac{{1}}{{\sigma_A}} {weight}" if variant.normalise_advantages else weight
