"""Parts, environments and kinds of experiment and figure from files next to the study run as those of `pg` do."""

from typing import Any

import pandas as pd
from tests.parts.own import BASELINE, IMPORTANCE, MODULE, RETURNS
from tests.workflow.checkout import Checkout


def test_own_parts_run_from_end_to_end(fresh: Checkout, study: dict[str, Any]) -> None:
    own = {
        "own_baseline": {"extends": "to_go", "baseline": BASELINE},
        "own_returns": {"extends": "total", "returns": RETURNS},
        "own_weight": {"extends": "to_go", "importance": IMPORTANCE, "gradient_steps": 2},
    }
    study["variants"] |= own
    for experiment in ("learn", "gradients"):
        study["experiments"][experiment]["variants"] += list(own)
    study["experiments"]["learn"]["seeds"] = {"count": 2, "per_job": 2}
    place = fresh.folder / "mine"
    place.mkdir()
    (place / "my_parts.py").write_text(MODULE, encoding="utf-8")
    fresh.write(study)
    (fresh.folder / "config.yaml").rename(place / "study.yaml")
    given = ("--configfile", "mine/study.yaml")
    fresh.complete(*given)
    rows = pd.read_csv(fresh.folder / "out/tables/gradients.csv")
    assert set(own) <= set(rows["variant"])
    assert "ShareOfOthers" in (fresh.folder / "out/report.html").read_text(encoding="utf-8")
    assert fresh.planned(*given) == {}
    (place / "my_parts.py").write_text(MODULE.replace("self.share *", "2 * self.share *"), encoding="utf-8")
    assert fresh.planned(*given)["train"] == 3, "each part in the module"


WORLD = """
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Walk(CartPoleEnv):
    def step(self, action):
        observation, reward, *ended = super().step(action)
        return observation, 2.0 * reward, *ended


gymnasium.register("Walk-v0", entry_point=Walk, max_episode_steps=5)
"""


def test_an_own_environment_runs_and_its_edits_rerun_its_jobs(fresh: Checkout, study: dict[str, Any]) -> None:
    place = fresh.folder / "mine"
    place.mkdir()
    (place / "my_world.py").write_text(WORLD, encoding="utf-8")
    study["environments"]["walk"] = {"id": "my_world:Walk-v0"}
    study["experiments"]["learn"]["environments"].append("walk")
    fresh.write(study)
    (fresh.folder / "config.yaml").rename(place / "study.yaml")
    own, other = (f"out/runs/learn/{name}/total/seeds-0-1.csv" for name in ("walk", "cartpole"))
    given = (own, other, "--configfile", "mine/study.yaml")
    fresh.complete(*given)
    assert set(pd.read_csv(fresh.folder / own)["return_max"]) == {10.0}
    assert fresh.planned(*given) == {}
    (place / "my_world.py").write_text(WORLD + "# a comment\n", encoding="utf-8")
    assert fresh.planned(*given) == {}
    (place / "my_world.py").write_text(WORLD.replace("2.0", "3.0"), encoding="utf-8")
    assert fresh.planned(*given) == {"train": 1}, "that of the environment in the module"


KIND = '''
from dataclasses import dataclass
from pandas import DataFrame
from pg.core.record import Record
from pg.experiments.figures.kind import FigureKind
from pg.experiments.kind import Measurement, Source
from pg.experiments.metric import Metric, values


class NormOptions(Record):
    power: int = 2


@dataclass(frozen=True)
class Norm:
    powers: float
    power: int


METRICS = (
    Metric("norm", "norm of the parameters", "p-norm of all parameters.", lambda one: one.powers ** (1 / one.power)),
)


def measure(job, policies):
    rows = []
    for seed in job.seeds:
        powers = sum((abs(array) ** job.options.power).sum() for array in policies[seed].values())
        found = values(METRICS, Norm(powers, job.options.power))
        rows += [{"seed": seed, "variant": name, "batch": one.batch, **found} for name, one in job.variants.items()]
    return DataFrame(rows)


class Norms(NormOptions, Measurement):
    """Measures the norm of a policy's parameters."""

    metrics = METRICS
    figures = {"norms": FigureKind("my_picture", with_metrics=True)}
    options_type = NormOptions
    measured_by = "my_kind:measure"
    folder = "norms"
    source: Source
'''

# A metric more is one declaration.
SQUARE = """
    Metric("square", "square of the norm", "Square of `norm`.", lambda one: one.powers ** (2 / one.power)),
)
"""


PICTURE = """
from pg.experiments.figures.kind import FigureKind
from pg.plotting import layout, marks

SEEDS = FigureKind(__name__, with_metrics=True)


def draw(request):
    series = request.series()
    figure = layout.canvas(request.figure.width, 2.0)
    (metric,) = request.figure.metrics
    rows = marks.gathered(series, request.rows("long", metric=metric))
    marks.draw_dots(figure.subplots(), rows, series)
    return figure, f"A dot for each of {request.seeds} seeds."
"""


def test_own_kinds_of_experiment_and_figure_run_from_end_to_end(fresh: Checkout, study: dict[str, Any]) -> None:
    kind = KIND.replace("\n)\n", SQUARE, 1)
    (fresh.folder / "my_kind.py").write_text(kind, encoding="utf-8")
    (fresh.folder / "my_picture.py").write_text(PICTURE, encoding="utf-8")
    source = {"experiment": "learn", "variant": "averaged", "stages": ["initial", "late"]}
    declared = {"kind": "my_kind:Norms", "environments": ["cartpole"], "variants": ["total"], "seeds": {"count": 4}}
    study["experiments"]["norms"] = declared | {"source": source}
    sides = {side: {"variant": "total", "stage": stage} for side, stage in (("a", "late"), ("b", "initial"))}
    grows = {"experiment": "norms", "metric": "square", "relation": "greater", **sides}
    claim = {"section": "Using causality", "figure": "variance", "primary": "late", "parts": {"late": grows}}
    study["figures"] |= {
        "own": {"kind": "norms", "experiment": "norms", "metrics": ["norm"], "section": "Using causality"},
        "seeds": {"kind": "my_picture:SEEDS", "experiment": "learn", "metrics": ["area"], "section": "Using causality"},
    }
    study["claims"]["growth"] = claim | {"statement": "Training lengthens the parameters."}
    fresh.write(study)
    fresh.complete()
    table = pd.read_csv(fresh.folder / "out/tables/norms.csv")
    assert set(table["metric"]) == {"norm", "square"}
    squares = table[table["metric"] == "square"]
    norms = {stage: rows.set_index("seed")["value"] for stage, rows in squares.groupby("stage")}
    claims = pd.read_csv(fresh.folder / "out/claims.csv").set_index("claim").to_dict("index")
    assert claims["growth"]["n"] == 4
    assert claims["growth"]["effect"] == (norms["late"] - norms["initial"]).mean()
    page = (fresh.folder / "out/report.html").read_text(encoding="utf-8")
    assert "square of the norm" in page
    for figure in ("own", "seeds"):
        files = [fresh.folder / f"out/figures/{figure}.{suffix}" for suffix in ("pdf", "png", "txt")]
        assert [file.read_bytes()[1:4] for file in files] == [b"PDF", b"PNG", b" do"]
        assert f'id="figure-{figure}"' in page
    assert page.count('<p class="title">A dot for each of 4 seeds.</p>') == 2
    (fresh.folder / "my_picture.py").write_text(PICTURE.replace("2.0", "2.1"), encoding="utf-8")
    assert fresh.planned() == {"figure": 2, "report_page": 1}
    (fresh.folder / "my_kind.py").write_text(kind.replace("1 / one.power", "3 / one.power"), encoding="utf-8")
    assert fresh.planned()["measure"] == 2, "one job per stage"
