r"""Each variant's gradient estimator as LaTeX, put together from the parts that the variant is composed of.

The notation is the lecture's: trajectories i = 1, …, N, time steps from 1, rewards $r(s_{i,t}, a_{i,t})$. A trajectory
that ends early, after $T_i$ steps, has neither scores nor rewards behind its end. θ collected the data; where these
serve more than one step or are weighted, θ' is the policy that is being improved.
"""

from __future__ import annotations

from pg.study.model.learner import KL, Clone
from pg.study.model.study import Study
from pg.study.model.variant import Variant


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
    (\sum_{t'=t}^T r(s_{i,t'}, a_{i,t'}) - b)$, and that of "Off-policy policy gradient" at θ' where data are reused.
    With minibatches the sum over i is that of a part; baselines and normalisation are those of the whole batch.
    `definitions` says what the symbols stand for.
    """
    policy = r"\theta'" if _is_off_policy(variant) else r"\theta"
    return (
        rf"\nabla_{_subscript(policy)} J({policy}) \approx \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} \sum_{{t=1}}^{{T}} "
        + (r"\gamma^{t-1} \, " if variant.discount_states else "")
        + (_CLIPPED if variant.clip is not None else _weighted_score(variant, policy))
    )


def definitions(variant: Variant) -> tuple[str, ...]:
    """Define the symbols of a variant's `equation` beyond the lecture's own: one LaTeX equation each.

    They are the importance weights (`pg.estimators.importance`), the advantage's mean and standard deviation, the
    λ-return (`pg.estimators.returns`), the baseline (`pg.estimators.baselines`, `pg.learning.critic`), the value of the
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
        *(() if variant.kl is None else _limit(variant.kl)),
        *(_imitation(variant.initialise) if isinstance(variant.initialise, Clone) else ()),
    )


_CLIPPED = (
    r"\nabla_{\theta'} \min \left( \rho_{i,t} \hat{A}_{i,t}, \,"
    r" \mathrm{clip}(\rho_{i,t}, 1 - \epsilon, 1 + \epsilon) \, \hat{A}_{i,t} \right)"
)


def _is_off_policy(variant: Variant) -> bool:
    return variant.importance != "none" or variant.gradient_steps * variant.minibatches > 1


def _subscript(policy: str) -> str:
    return policy if policy == r"\theta" else f"{{{policy}}}"


def _probability(policy: str, trajectory: str) -> str:
    return rf"\pi_{_subscript(policy)}(\mathbf{{a}}_{{{trajectory},t}} \mid \mathbf{{s}}_{{{trajectory},t}})"


def _score(trajectory: str, policy: str = r"\theta") -> str:
    return rf"\nabla_{_subscript(policy)} \log {_probability(policy, trajectory)}"


def _weighted_score(variant: Variant, policy: str) -> str:
    if variant.importance in ("none", "per_decision"):
        return f"{_score('i', policy)} {_weight(variant)}"
    return rf"{_ratio(variant, 'i', 't')} \, {_score('i', policy)} {_weight(variant)}"


def _plain_ratio(variant: Variant, trajectory: str, time: str) -> str:
    """Write an importance weight before it is cut or normalised."""
    letter = r"\rho" if variant.importance == "per_step" else "w"
    return rf"{letter}_{trajectory}" if variant.importance == "trajectory" else rf"{letter}_{{{trajectory},{time}}}"


def _ratio(variant: Variant, trajectory: str, time: str) -> str:
    """Write an importance weight as it is used."""
    plain = _plain_ratio(variant, trajectory, time)
    if variant.truncate_at is None and not variant.self_normalised:
        return plain
    letter, index = plain.split("_")
    return rf"\tilde{{{letter}}}_{index}"


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
    target, behaviour = _probability(r"\theta'", "i"), _probability(r"\theta", "i")
    ratio = rf"\rho_{{i,t}} = \frac{{{target}}}{{{behaviour}}}"
    return (*_changed_ratio(variant), *_PLAIN_RATIOS[variant.importance], ratio)


def _changed_ratio(variant: Variant) -> tuple[str, ...]:
    """Define an importance weight that is cut, normalised or both, by the plain one."""
    own, others = _cut(variant, "i"), _cut(variant, "j")
    limit = () if variant.truncate_at is None else (f"c = {variant.truncate_at:g}",)
    if not variant.self_normalised:
        return (f"{_ratio(variant, 'i', 't')} = {own}", *limit) if limit else ()
    if variant.importance == "trajectory":
        return (rf"\tilde{{w}}_i = \frac{{N \, {own}}}{{\sum_{{j=1}}^{{N}} {others}}}", *limit)
    normalised = rf"{_ratio(variant, 'i', 't')} = \frac{{n_t \, {own}}}{{\sum_{{j : T_j \geq t}} {others}}}"
    return (normalised, r"n_t = | \{ j : T_j \geq t \} |", *limit)


def _cut(variant: Variant, trajectory: str) -> str:
    plain = _plain_ratio(variant, trajectory, "t")
    return plain if variant.truncate_at is None else rf"\min({plain}, c)"


def _clipping(variant: Variant) -> tuple[str, ...]:
    if variant.clip is None:
        return ()
    advantage = r"\frac{A_{i,t} - \bar{A}}{\sigma_A}" if variant.normalise_advantages else _advantage(variant)
    return (rf"\hat{{A}}_{{i,t}} = {advantage}", rf"\epsilon = {variant.clip:g}")


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
    if variant.returns == "gae":
        return rf"G^\lambda_{{{trajectory},t}}"
    return _total(variant, trajectory, "t'") if variant.returns == "total" else _to_go(variant, trajectory)


def _weighted_to_go(variant: Variant, weight: str) -> str:
    discount = "" if variant.discount == 1 else r"\gamma^{t'-t} \, "
    return rf"\sum_{{t'=t}}^{{T}} {discount}{weight} \, " + _reward("i", "t'")


_VALUE = r"V_t(s_{i,t})"
_BASELINE_SYMBOL = {
    "none": "",
    "constant": "b",
    "average_reward": "b",
    "leave_one_out": "b_i",
    "per_step": "b_t",
    "per_step_leave_one_out": "b_{i,t}",
    "optimal": "b_i",
    "value_network": _VALUE,
    "exact": _VALUE,
}


def _advantage(variant: Variant) -> str:
    symbol = _BASELINE_SYMBOL[variant.baseline]
    return _return(variant, "i") + (f" - {symbol}" if symbol else "")


def _weight(variant: Variant) -> str:
    """Write what the score is multiplied by, but for an importance weight that is the same for all rewards."""
    if variant.importance == "per_decision":
        return _weight_per_decision(variant)
    if variant.future_correction:
        return _weight_with_corrected_future(variant)
    if variant.normalise_advantages:
        return r"\frac{A_{i,t} - \bar{A}}{\sigma_A}"
    return rf"\left( {_advantage(variant)} \right)"


def _weight_per_decision(variant: Variant) -> str:
    symbol, ratio = _BASELINE_SYMBOL[variant.baseline], _ratio(variant, "i", "t")
    subtracted = [part for part in (symbol, r"\bar{A}" if variant.normalise_advantages else "") if part]
    earned = _weighted_to_go(variant, _ratio(variant, "i", "t'"))
    if not subtracted:
        return rf"\left( {earned} \right)"
    together = subtracted[0] if len(subtracted) == 1 else f"({' + '.join(subtracted)})"
    return _scaled(variant, rf"\left( {earned} - {ratio} \, {together} \right)")


def _weight_with_corrected_future(variant: Variant) -> str:
    symbol = _BASELINE_SYMBOL[variant.baseline]
    earned = _weighted_to_go(variant, r"\left( \prod_{t''=t+1}^{t'} \rho_{i,t''} \right)")
    subtracted = (f" - {symbol}" if symbol else "") + (r" - \bar{A}" if variant.normalise_advantages else "")
    return _scaled(variant, rf"\left( {earned}{subtracted} \right)")


def _scaled(variant: Variant, weight: str) -> str:
    return rf"\frac{{1}}{{\sigma_A}} {weight}" if variant.normalise_advantages else weight


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
        case "value_network":
            return (_fitted(variant),)
        case "exact":
            return (rf"V_t(s) = \mathbb{{E}}_{{\pi_\theta}} \left[ {_to_go(variant, 'i')} \mid s_{{i,t}} = s \right]",)


def _optimal(variant: Variant) -> tuple[str, ...]:
    others = r"\sum_{j \neq i} "
    return (
        rf"b_i = \frac{{{others} \mathbf{{A}}_j \cdot \mathbf{{B}}_j}}{{{others} \mathbf{{B}}_j \cdot \mathbf{{B}}_j}}",
        rf"\mathbf{{A}}_j = \sum_{{t=1}}^{{T}} {_score('j')} \left( {_return(variant, 'j')} \right)",
        rf"\mathbf{{B}}_j = \sum_{{t=1}}^{{T}} {_score('j')}",
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
    error = rf"\delta_{{i,t}} = {_reward('i', 't')} + {discount}V_{{t+1}}(s_{{i,t+1}}) - {_VALUE}"
    behind = (
        r"V_{T_i+1}(s_{i,T_i+1}) = 0 \quad \text{unless the trajectory was truncated}"
        if variant.bootstrap_at_truncation
        else r"V_{T_i+1}(s_{i,T_i+1}) = 0"
    )
    return (
        rf"G^\lambda_{{i,t}} = {_VALUE} + \sum_{{t'=t}}^{{T}} {decay}^{{t'-t}} \, \delta_{{i,t'}}",
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


_HELD = {
    "early_stop": (r"\bar{D} \leq \delta \quad \text{at every step that is kept}",),
    "penalty": (
        (
            r"\nabla_{\theta'} \left( J(\theta') - \beta \, \bar{D} \right)"
            r" \quad \text{is followed, with } \beta \text{ adapted to } \bar{D} \approx \delta"
        ),
    ),
    "line_search": (r"\bar{D} \leq \delta \quad \text{by halving the update}",),
    "natural_gradient": (
        (
            r"\theta' = \theta + 2^{-m} \sqrt{\frac{2 \delta}{\mathbf{g}^\top F^{-1} \mathbf{g}}} \, F^{-1} \mathbf{g}"
            r" \quad \text{with the least } m \text{ that gains and keeps } \bar{D} \leq \delta"
        ),
        r"\mathbf{g} = \nabla_\theta J(\theta)",
        r"F = \nabla_{\theta'}^2 \bar{D} \quad \text{at } \theta' = \theta",
    ),
}


def _limit(kl: KL) -> tuple[str, ...]:
    policies = [r"\pi_{\theta'}(\cdot \mid \mathbf{s})", r"\pi_\theta(\cdot \mid \mathbf{s})"]
    first, second = policies if kl.direction == "new_old" else policies[::-1]
    divergence = rf"D_{{KL}}({first} \Vert {second})"
    return (
        *_HELD[kl.hold_by],
        rf"\bar{{D}} = \mathbb{{E}}_{{\mathbf{{s}} \sim \pi_\theta}} \left[ {divergence} \right]",
        rf"\delta = {kl.limit:g}",
    )


def _imitation(start: Clone) -> tuple[str, ...]:
    """Say how θ begins: most likely, as cross-entropy or, at fixed standard deviations, as squared error has it."""
    who = start.clone
    shown = start.controller if who is None else f"{who.variant} of {who.experiment} ({who.stage})"
    probability, name = _probability(r"\theta", "j"), (shown or "").replace("_", " ")
    return (
        (
            rf"\theta_0 \approx \mathrm{{argmax}}_\theta \sum_{{j=1}}^{{n}} \sum_{{t=1}}^{{T_j}} \log {probability}"
            rf" \quad \text{{in demonstrations }} j = 1, \dots, n \text{{ by {name}}}"
        ),
        f"n = {start.demonstrations}",
    )
