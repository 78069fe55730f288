"""Properties of figures of updates, reuse and humanoids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from pg.environments.humanoid import PARTS
from pg.experiments.figures.concepts import concept
from pg.plotting import marks, style
from tests.figures.pictures import bars, caption, clouds, draw, lines, notes, offsets, panels, scatters, titles
from tests.figures.studies import BUDGET, HORIZONS, LIMIT, SEEDS, STEPS, VARIANTS, request, study_of, with_tables

LOOKS = {name: style.look_of(concept(variant)) for name, variant in study_of().variants.items()}


def digits(values: Any) -> list[float]:
    """Round to nine digits: seaborn takes logarithms of what it draws on such axes."""
    return [float(f"{value:.9g}") for value in np.asarray(values, np.float64)]


def test_passes_are_right_of_the_one_of_the_surrogate() -> None:
    def value(environment: str, metric: str, seed: int, **_: Any) -> float | None:
        return (200.0 if environment == "chain" else 20.0) + seed if metric == "backward_passes" else None

    (axes,) = draw(request("backward_passes", value)).axes
    (surrogate,) = axes.lines
    assert np.array_equal(surrogate.get_xdata(), [1, 1])
    assert axes.get_xlim()[0] < 1 < clouds(axes)[0][:, 0].min() <= 204 < axes.get_xlim()[1]
    assert notes(axes) == {"A chain": "202", "CartPole-v1": "22.0"}, "variants with the same passes share a row"


def test_variants_with_other_passes_have_their_own_rows() -> None:
    def value(variant: str, environment: str, **_: Any) -> float | None:
        return 30.0 if variant == "to_go" and environment == "chain" else 20.0

    (axes,) = draw(request("backward_passes", value)).axes
    assert notes(axes) == {"A chain, total return": "20.0", "A chain, to go": "30.0", "CartPole-v1": "20.0"}


def test_only_the_side_below_average_is_hollow() -> None:
    figure = draw(request("likelihoods", environments=("chain",)))
    below, above = scatters(figure.axes[0])[1::2]
    colours = [to_rgba(LOOKS[name].colour) for name in ("to_go", "held")]

    assert (offsets(below)[:, 1] < offsets(above)[:, 1]).all()
    assert np.array_equal(offsets(below)[:, 1].round(), offsets(above)[:, 1].round())
    assert np.array_equal(np.unique(below.get_facecolor(), axis=0), [[1, 1, 1, 1]])
    assert np.array_equal(below.get_edgecolor(), colours)
    assert np.array_equal(above.get_facecolor(), colours)
    (legend,) = figure.legends
    assert [one.get_markerfacecolor() for one in legend.get_lines()] == ["white", style.INK]


def test_marks_next_to_an_undefined_one_keep_their_colours() -> None:
    def value(variant: str, seed: int, **_: Any) -> float | None:
        return float("nan") if variant == "to_go" and seed == 3 else None

    shares, correlations = draw(request("likelihoods", value, environments=("chain",))).axes[:2]
    below, above = scatters(shares)[1::2]
    for means, colour in ((below, below.get_edgecolor()), (above, above.get_facecolor())):
        assert np.array_equal(colour, [to_rgba(LOOKS["held"].colour)])
        assert offsets(means)[:, 1].round().tolist() == [1]
    for axes, neutral in ((shares, 0.5), (correlations, 0.0)):
        (line,) = axes.lines
        assert np.array_equal(line.get_xdata(), [neutral, neutral])
        assert axes.get_xlim()[0] < neutral < axes.get_xlim()[1]


LIMITED = {**VARIANTS, "other": {**VARIANTS["held"], "label": "other"}}


def test_variants_without_a_limit_are_divided_by_the_shared_one() -> None:
    axes = draw(request("realised_kl", lambda **_: 0.05, environments=("chain",))).axes[0]

    assert clouds(axes)[1][:, 0].tolist() == pytest.approx([0.05 / LIMIT] * 2)
    assert [1, 1] in [x.tolist() for x, _ in lines(axes)]


def test_without_a_shared_limit_the_others_are_left_out_and_named() -> None:
    own = {**LIMITED, "other": {**LIMITED["other"], "kl": {"limit": 2 * LIMIT, "hold_by": "penalty"}}}
    study = study_of(own, updates={"variants": ["to_go", "held", "other"]})
    one = request("realised_kl", lambda **_: 0.05, study, environments=("chain",))
    axes = draw(one).axes[0]

    assert [text.get_text() for text in axes.get_yticklabels()] == ["held", "other"]
    assert clouds(axes)[1][:, 0].tolist() == pytest.approx([2.5, 1.25])
    assert "Not drawn, because the others share no δ: to go." in caption(one)


def test_a_swept_limit_is_that_of_its_level() -> None:
    swept = {"sweep": {"variant.kl.limit": [LIMIT, 2 * LIMIT]}, "variants": ["held"]}
    axes = draw(request("realised_kl", lambda **_: 0.05, study_of(updates=swept))).axes[0]

    assert clouds(axes)[1][:, 0].tolist() == pytest.approx([2.5, 1.25])


def test_nothing_is_outside_the_axis_of_divergences_which_shows_0() -> None:
    def value(variant: str, seed: int, stage: str, **_: Any) -> float | None:
        return 0.0 if variant == "held" and seed == 0 else (3.0 if stage == "late" else 0.01)

    for axes in draw(request("realised_kl", value, environments=("chain",))).axes:
        dots, means = clouds(axes)[:2]
        low, high = axes.get_xlim()
        assert (len(dots), len(means)) == (2 * SEEDS, 2)
        assert low <= min(dots[:, 0]) == 0 < 3.0 / LIMIT <= high
        assert all(low <= end <= high for drawn in bars(axes) for end in drawn[..., 0].ravel())


def test_lines_of_support_pass_through_every_probability_but_0() -> None:
    above, below = draw(request("support", environments=("chain",))).axes

    assert lines(above)[1][0].tolist() == pytest.approx([0.01, 0.1])
    assert len(lines(above)) == 3
    assert (above.get_xscale(), above.get_yscale(), below.get_yscale()) == ("log", "log", "log")


def stale(variant: str, steps: int, metric: str, environment: str, **_: Any) -> float | None:
    if metric == "kl":
        return 1e-3 * steps**2
    if metric == "relative_bias" and environment == "chain" and variant == "average":
        return 0.0
    of_tables = ("state_part", "return_part", "state_variation")
    return float("nan") if metric in of_tables and environment == "cartpole" else None


def test_staleness_is_drawn_at_the_divergence_after_the_first_step() -> None:
    one = request("staleness", stale, environments=("cartpole",))
    cosine, *_ = panels(draw(one))
    places = np.array([x for x, _ in lines(cosine, len(STEPS) - 1)])

    assert len(places) == 3
    assert (np.diff(places, axis=0) > 0).all(), "series at one divergence are next to each other"
    assert np.abs(places / places[1] - 1).max() == pytest.approx(marks.DODGE)
    np.testing.assert_allclose(places[1], [1e-3, 16e-3, 256e-3])
    rows = one.rows("summary", environment="cartpole", stage="initial", metric="cosine", variant="average").query(
        "steps > 0"
    )
    assert digits(lines(cosine, len(STEPS) - 1)[1][1]) == digits(rows["estimate"])


def test_only_environments_with_tables_have_the_parts_of_the_bias() -> None:
    one = request("staleness", stale)
    assert len(panels(draw(one))) == 2 * (3 + 5)
    parts = panels(draw(one))[3]
    legend = parts.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["states", "returns"]
    expected = [
        digits(one.rows("summary", environment="chain", stage="initial", metric=metric, variant="total")["estimate"])[
            1:
        ]
        for metric in ("state_part", "return_part")
    ]
    assert [digits(y) for _, y in lines(parts)] == expected
    assert "Distance: total variation." in caption(one)
    assert "total variation" not in caption(request("staleness", stale, environments=("cartpole",)))


def test_the_caption_says_where_no_step_changed_a_policy() -> None:
    def still(environment: str, metric: str, **where: Any) -> float | None:
        if environment == "chain" and metric == "kl" and where["stage"] in stages:
            return 0.0
        if (environment, where["stage"], where["seed"], metric) == ("cartpole", "late", 0, "cosine"):
            return float("nan")
        return stale(environment=environment, metric=metric, **where)

    stages = ["initial", "late"]
    one = request("staleness", still)
    drawn = panels(draw(one))
    assert all(axes.get_legend() is None for axes in drawn)
    said = caption(one)
    assert said.endswith("5 policies. Empty: no step changed a policy in A chain; or ∇J(θ') is 0 for a policy.")
    assert "(CartPole-v1, initial policies)" in said
    assert "below 0.5: undefined." in caption(request("staleness", still, environments=("chain",)))
    assert "Empty" not in caption(request("staleness", stale))
    stages.pop()
    assert "total variation. Empty: no step changed a policy in A chain (initial); or" in caption(
        request("staleness", still)
    )


def test_the_prime_of_a_policy_is_that_of_its_parameters() -> None:
    labels = {axes.get_xlabel() for axes in panels(draw(request("staleness", stale)))}

    assert r"\pi_{\theta\text{'}}" in "".join(labels)


def test_estimators_without_bias_are_not_on_the_logarithmic_axis() -> None:
    bias = panels(draw(request("staleness", stale, environments=("chain",))))[1]

    assert bias.get_yscale() == "log"
    assert len(lines(bias, len(STEPS) - 1)) == 2


def test_quantiles_of_weights_are_bands_around_the_median() -> None:
    one = request("horizons", variants=("total", "to_go"))
    drawn = panels(draw(one))
    for axes, variant in zip(drawn, one.drawn, strict=False):
        lowest, low, middle, high, highest = (
            digits(one.rows("summary", stage="initial", variant=variant, metric=f"log_weight_q{at}")["estimate"])
            for at in ("05", "25", "50", "75", "95")
        )
        ((_, heights),) = lines(axes)
        assert digits(heights) == middle
        outer, inner = (one for one in axes.collections if isinstance(one, PolyCollection))
        for band, below, above in ((outer, lowest, highest), (inner, low, high)):
            corners = np.asarray(band.get_paths()[0].vertices)
            assert set(digits(corners[:, 1])) == {*below, *above}
            assert set(digits(corners[:, 0])) == {*HORIZONS}
    assert len({axes.get_ylim() for axes in drawn[:2]}) == 1, "panels of a place have one range"


def test_horizons_in_two_directions_are_below_each_other() -> None:
    one = request("horizons")
    along = replace(one, experiment=one.experiment.model_copy(update={"direction": "gradient"}))
    both = replace(one, others=(along,))
    drawn = panels(draw(both))
    headings = [title for title in titles(drawn) if " policies" in title]

    assert len(drawn) == 2 * len(panels(draw(one)))
    assert [("random" in title, "gradient" in title) for title in headings] == [(True, False)] * 2 + [(False, True)] * 2
    assert "in a random direction and the gradient's direction" in caption(both)


def test_weights_that_are_all_1_have_no_variance_to_draw() -> None:
    def value(variant: str, metric: str, **_: Any) -> float | None:
        return 0.0 if variant == "total" and metric == "log_weight_variance" else None

    drawn = panels(draw(request("horizons", value)))
    share, variance = drawn[3:5]
    assert (len(lines(variance, 3)), len(lines(share, 3))) == (2, 3)
    numbered = [axes for axes in drawn if any(label.get_visible() for label in axes.get_xticklabels())]
    assert all(axes.get_xlabel() == "horizon T" for axes in numbered)
    assert len(numbered) == 3


def test_curves_of_gait_are_at_the_steps_trained() -> None:
    one = request("gait", environments=("chain",))
    shares, changes, _ = draw(one).axes
    rows = one.rows("summary", environment="chain", metric="fell_forward")

    assert len(shares.lines) == 2 * (SEEDS + 1), "a line per seed and one of means, for each direction"
    assert all(x.tolist() == [0, BUDGET / 2, BUDGET] for x, _ in lines(shares))
    assert lines(shares)[SEEDS][1].tolist() == pytest.approx(rows["estimate"].tolist())
    assert len(bars(changes)) == 1


def test_panels_of_one_curve_have_no_look_of_the_legend() -> None:
    figure = draw(request("gait"))
    (legend,) = figure.legends
    shares, *others = (
        [(str(line.get_color()), str(line.get_marker())) for line in axes.lines] for axes in figure.axes[:3]
    )
    for place in (0, 1):
        falls = {str((line.get_color(), line.get_marker())[place]) for line in legend.get_lines()}
        assert falls <= {look[place] for look in shares}
        assert not any(look[place] in falls for one in others for look in one)


@pytest.fixture(scope="module")
def strips() -> list[Axes]:
    return draw(request("stick_figures", environments=("chain",))).axes


def limbs(strip: Axes) -> list[Line2D]:
    """List the lines of four joints: left arm and leg, right arm and leg, frame by frame."""
    return [line for line in strip.lines if np.size(line.get_xdata()) == 4]


def test_strips_have_one_scale_and_frames_at_equal_distances(strips: list[Axes]) -> None:
    assert titles(strips) == [
        f"A chain, {when}"
        for when in ("before training", *(f"after {n} environment steps" for n in ("30,000", "60,000")))
    ]
    assert len({axes.get_xlim() for axes in strips}) == 1
    assert all(axes.get_aspect() == 1 for axes in strips)
    times = [[text.get_text() for text in axes.texts] for axes in strips]
    assert times == [["0.00 s", "0.25 s", "0.50 s", "0.75 s"]] * 2 + [["0.00 s", "0.25 s", "0.50 s"]]


def test_a_strip_has_eight_frames_at_most() -> None:
    one = request("stick_figures", environments=("chain",))
    poses = one.tables["poses"]
    every = pd.concat([poses[poses["frame"] == 0].assign(frame=frame, time=0.25 * frame) for frame in range(22)])
    first, *_ = draw(with_tables(one, poses=every)).axes
    assert [text.get_text() for text in first.texts] == [
        f"{0.25 * frame:.2f} s" for frame in (0, 3, 6, 9, 12, 15, 18, 21)
    ]


def test_bodies_are_where_their_parts_are(strips: list[Axes]) -> None:
    heads = [one for one in strips[0].patches if isinstance(one, Circle) and one.radius > 0.08]
    starts = [text.get_position()[0] for text in strips[0].texts]
    place = PARTS.index("head")

    assert np.diff(starts).tolist() == pytest.approx([starts[1]] * 3)
    for frame, (head, start) in enumerate(zip(heads, starts, strict=True)):
        assert head.get_center() == pytest.approx((start + 0.01 * place + 0.1 * frame, 0.1 * place))
    reached = np.concatenate([np.asarray(line.get_xdata()) for line in limbs(strips[0])])
    low, high = strips[0].get_xlim()
    assert low < reached.min() < reached.max() < high


def test_limbs_are_connected_and_sides_have_their_colours(strips: list[Axes]) -> None:
    first = limbs(strips[0])[:4]
    for line, side, limb in zip(first, ("left", "left", "right", "right"), ("arm", "leg") * 2, strict=True):
        joints = ("shoulder", "elbow", "hand") if limb == "arm" else ("hip", "knee", "foot")
        chain = ["torso" if limb == "arm" else "pelvis", *(f"{side}_{joint}" for joint in joints)]
        assert np.asarray(line.get_xdata()).tolist() == pytest.approx([0.01 * PARTS.index(part) for part in chain])
    assert first[0].get_color() == first[1].get_color() != first[2].get_color() == first[3].get_color()
