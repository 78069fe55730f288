"""The figures of the humanoid, drawn from tables in which all that is drawn is known by hand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from pg.environments.humanoid import PARTS
from pg.experiments import figures
from pg.experiments import tables as laboratory_tables
from pg.experiments.figures import FIGURES
from pg.experiments.summaries import summarise
from pg.plotting import style
from pg.plotting.request import FigureRequest
from pg.study.expansion import cells
from pg.study.record import Study

SEEDS = (4, 5, 6)
STAGES = {"initial": 0.0, "tenth": 0.1, "half": 0.5, "late": 1.0}
BUDGET = 4000
FORWARD = {"initial": 0.1, "tenth": 0.3, "half": 0.6, "late": 0.9}
FRAMES = 4

Requests = Callable[[str], FigureRequest]


@pytest.fixture(scope="module")
def study() -> Study:
    common = {"environments": ["humanoid"], "variants": ["learner"], "seeds": {"count": len(SEEDS), "first": SEEDS[0]}}
    return Study.model_validate(
        {
            "name": "Humanoids",
            "environments": {"humanoid": {"id": "Humanoid-v5", "label": "Humanoid"}},
            "variants": {"learner": {"optimizer": {"learning_rate": 0.01}}},
            "experiments": {
                "training": {"kind": "train", **common, "budget": {"steps": BUDGET}, "snapshots": STAGES},
                "gait": {
                    "kind": "gait",
                    **common,
                    "source": {"experiment": "training", "variant": "learner", "stages": list(STAGES)},
                    "frames": FRAMES,
                },
            },
            "figures": {
                kind: {"kind": kind, "experiment": "gait", "section": "Humanoid example"}
                for kind in ("gait", "stick_figures")
            },
        }
    )


def measured(stage: str) -> pd.DataFrame:
    """Rows in which seed 5 is in the middle, and the other two a little beside it."""
    beside = pd.Series([seed - 5 for seed in SEEDS])
    rows = pd.DataFrame({"seed": SEEDS, "variant": "learner", "batch": 16, "fell_forward": FORWARD[stage]})
    rows["fell_forward"] += 0.02 * beside
    rows["fell_backward"] = 1 - rows["fell_forward"]
    return rows.assign(alternating_steps=2.0 + beside, episode_return=100 * FORWARD[stage] + beside)


def posed(stage: str) -> pd.DataFrame:
    """Poses in which every part stands a little further right than the last one, and goes the seed's way per frame."""
    return pd.DataFrame(
        [
            {"seed": seed, "variant": "learner", "frame": frame, "step": 5 * frame, "time": 0.25 * frame, "part": part}
            | {"x": 0.01 * place + 0.1 * (seed - 5) * frame, "z": 0.1 * place - 0.01 * frame}
            for seed in SEEDS
            for frame in range(FRAMES if stage != "late" else FRAMES - 1)
            for place, part in enumerate(PARTS)
        ]
    )


@pytest.fixture(scope="module")
def request_for(study: Study) -> Requests:
    here = cells(study, "gait")
    long = laboratory_tables.laboratory_table(here, "gait", {("humanoid", stage): measured(stage) for stage in STAGES})
    poses = laboratory_tables.poses_table(here, {("humanoid", stage): posed(stage) for stage in STAGES})
    held = {"long": long, "summary": summarise(long), "poses": poses}

    def make(kind: str) -> FigureRequest:
        return FigureRequest(study, study.figures[kind], {name: held[name] for name in FIGURES[kind].tables})

    return make


# Curves ---------------------------------------------------------------------------------------------------------------


def lines(axes: Axes) -> list[tuple[list[float], list[float]]]:
    return [(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()) for line in axes.lines]


def test_curves_pass_through_every_stage_at_the_steps_behind_it(request_for: Requests) -> None:
    shares, changes, returns = figures.draw(request_for("gait")).axes
    trained = [0, 400, 2000, 4000]
    drawn = lines(shares)
    assert len(drawn) == 2 * (len(SEEDS) + 1), "each direction has a line per seed and one of means"
    assert all(x == trained for x, _ in drawn)
    assert [y for _, y in drawn][len(SEEDS)] == pytest.approx([*FORWARD.values()])
    assert [y for _, y in drawn][-1] == pytest.approx([1 - share for share in FORWARD.values()])
    assert lines(changes)[-1][1] == pytest.approx([2.0] * 4)
    assert [y for _, y in lines(changes)[:3]] == [[1.0] * 4, [2.0] * 4, [3.0] * 4]
    assert lines(returns)[-1][1] == pytest.approx([10, 30, 60, 90])


def test_no_panel_of_its_own_has_a_colour_or_a_marker_of_the_legend(request_for: Requests) -> None:
    figure = figures.draw(request_for("gait"))
    (legend,) = figure.legends
    shares, *others = ([(str(line.get_color()), str(line.get_marker())) for line in axes.lines] for axes in figure.axes)
    for told_by in (0, 1):
        falls = {str((line.get_color(), line.get_marker())[told_by]) for line in legend.get_lines()}
        assert falls <= {look[told_by] for look in shares}
        assert not any(look[told_by] in falls for one in others for look in one)


def test_bars_are_the_summarys_intervals(request_for: Requests) -> None:
    request = request_for("gait")
    returns = figures.draw(request).axes[2]
    (bars,) = [one for one in returns.collections if isinstance(one, LineCollection)]
    rows = request.rows("summary", metric="episode_return")
    ends = np.array(bars.get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, rows[["ci_low", "ci_high"]])


def test_the_caption_of_the_curves_has_the_first_and_the_last_stage(request_for: Requests) -> None:
    said = figures.caption(request_for("gait"))
    assert "Policies of 3 seeds as they train, 16 episodes of each" in said
    assert "Humanoid, after 0 steps — fall forward: 0.100 (" in said
    assert "Humanoid, after 4,000 steps — fall forward: 0.900 (" in said
    assert "return: 90.0 (" in said


# Stick figures --------------------------------------------------------------------------------------------------------


def test_a_strip_for_the_first_stage_a_middle_one_and_the_last(request_for: Requests) -> None:
    strips = figures.draw(request_for("stick_figures")).axes
    titles = [axes.get_title(loc="left") for axes in strips]
    assert titles == [
        f"Humanoid, {when}"
        for when in ("before training", *(f"after {n} environment steps" for n in ("2,000", "4,000")))
    ]
    assert len({axes.get_xlim() for axes in strips}) == 1, "all strips have one scale"
    assert all(axes.get_aspect() == 1 for axes in strips)
    times = [[text.get_text() for text in axes.texts] for axes in strips]
    assert times[0] == times[1] == ["0.00 s", "0.25 s", "0.50 s", "0.75 s"]
    assert times[2] == ["0.00 s", "0.25 s", "0.50 s"]


def limbs(strip: Axes) -> list[Line2D]:
    """List the lines of four joints: left arm and leg, right arm and leg, frame by frame."""
    return [line for line in strip.lines if np.size(line.get_xdata()) == 4]


def test_bodies_stand_where_their_parts_are_moved_by_time(request_for: Requests) -> None:
    request = request_for("stick_figures")
    strip = figures.draw(request).axes[0]
    heads = [one for one in strip.patches if isinstance(one, Circle) and one.radius > 0.08]
    place = PARTS.index("head")
    known = [(0.01 * place - 0.1 * frame, 0.1 * place - 0.01 * frame) for frame in range(FRAMES)]
    ticks = [text.get_position()[0] for text in strip.texts]
    assert np.diff(ticks).tolist() == pytest.approx([ticks[1]] * (FRAMES - 1)), "frames are evenly spaced"
    for head, (x, z), at in zip(heads, known, ticks, strict=True):
        assert head.get_center() == pytest.approx((x + at, z))
    low, high = strip.get_xlim()
    reached = np.concatenate([np.asarray(line.get_xdata()) for line in limbs(strip)])
    assert low < reached.min() < reached.max() < high


def test_limbs_hang_together_and_sides_are_told_apart(request_for: Requests) -> None:
    figure = figures.draw(request_for("stick_figures"))
    strip = figure.axes[0]
    x = {part: 0.01 * place for place, part in enumerate(PARTS)}
    first = limbs(strip)[:4]
    for line, side, limb in zip(first, ("left", "left", "right", "right"), ("arm", "leg") * 2, strict=True):
        joints = ("shoulder", "elbow", "hand") if limb == "arm" else ("hip", "knee", "foot")
        chain = ["torso" if limb == "arm" else "pelvis", *(f"{side}_{joint}" for joint in joints)]
        assert np.asarray(line.get_xdata()).tolist() == pytest.approx([x[part] for part in chain])
    assert first[0].get_color() == first[1].get_color() != first[2].get_color() == first[3].get_color()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["left arm and leg", "right arm and leg"]


def test_the_caption_of_the_stick_figures_says_where_the_drawn_torso_goes(request_for: Requests) -> None:
    said = figures.caption(request_for("stick_figures"))
    assert "the first episode of seed 4" in said
    assert "Humanoid, before training: the torso moves 0.30 m backward in 15 steps" in said
    assert "Humanoid, after 4,000 environment steps: the torso moves 0.20 m backward in 10 steps" in said
    assert "0.900 (" in said


@pytest.mark.parametrize("kind", ["gait", "stick_figures"])
@pytest.mark.parametrize("width", ["one_column", "two_columns"])
def test_figures_have_the_width_of_the_page(request_for: Requests, kind: str, width: style.Width) -> None:
    request = request_for(kind)
    study = request.study
    figure = study.figures[kind].model_copy(update={"width": width})
    drawn = figures.draw(FigureRequest(study, figure, request.tables))
    assert drawn.get_figwidth() == style.WIDTHS[width]


def test_other_experiments_have_no_gait_to_draw(request_for: Requests) -> None:
    request = request_for("gait")
    elsewhere = request.figure.model_copy(update={"experiment": "training"})
    with pytest.raises(TypeError, match="gait draws no train experiments, as training is"):
        figures.draw(FigureRequest(request.study, elsewhere, request.tables))
    alone = request.study.model_copy(update={"experiments": {"gait": request.study.experiments["gait"]}})
    with pytest.raises(TypeError, match="holds no training experiment training"):
        figures.draw(FigureRequest(alone, request.figure, request.tables))
