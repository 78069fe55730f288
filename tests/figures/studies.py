"""A study with a figure of every kind, and tables as the pipeline writes them, with values that a test may choose."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pg.environments.humanoid import PARTS
from pg.experiments.cells import names_of
from pg.experiments.comparisons import TABLES as COMPARISONS
from pg.experiments.figures.lookup import FIGURES, kind_of
from pg.experiments.figures.request import FigureRequest
from pg.experiments.summaries import summarise
from pg.experiments.train.tables import mean_curves, tuned_table
from pg.plotting.record import Figure
from pg.report.figures import request_of
from pg.study.expansion import cells
from pg.study.problems.figures import problems_of_figures
from pg.study.record import Study
from pg.study.sources import stages_of
from pg.study.validation import read

Value = Callable[..., float | None]

SEEDS, BUDGET, LIMIT = 5, 60_000, 0.02
STAGES = {"initial": 0.0, "middle": 0.5, "late": 1.0}
SIZES, STEPS, HORIZONS, LEFT = (4, 16, 64), (0, 1, 4, 16), (5, 20, 80), (0.1, 0.01, 0.0)
LAMBDAS, OFFSETS, GRID = (1, 0, 0.9, 0.5), (-2, 0, 1, 4), (0.001, 0.01, 0.1)
ENVIRONMENTS = {
    "chain": {"id": "pg/Chain-v0", "horizon": 4, "threshold": 1.0, "label": "A chain"},
    "cartpole": {"id": "CartPole-v1", "threshold": 475.0, "failed_below": 100.0},
}
FIXED = {"optimizer": {"learning_rate": 0.01}}
VARIANTS: dict[str, dict[str, Any]] = {
    "total": {"returns": "total", "label": "total return"},
    "average": {"returns": "total", "baseline": "average_reward", "label": "total, average reward"},
    "to_go": {},
    "held": {**FIXED, "gradient_steps": 8, "importance": "per_step", "kl": {"limit": LIMIT, "hold_by": "penalty"}},
    "gae": {"returns": {"name": "gae", "lambda": 0.9}, "baseline": "value_network", "label": "GAE"},
}
BATCHES = {"variant.batch": [2, 3, 5]}
LEVELS = {"variant.gradient_steps": [1, 4, 8]}
SOURCE = {"source": {"experiment": "learning", "variant": "to_go", "stages": ["initial", "late"]}}
SAMPLE = {"sample": {"trajectories": 128, "batches": list(SIZES)}}
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "learning": {
        "kind": "train",
        "budget": {"steps": BUDGET},
        "snapshots": STAGES,
        "tuning": {"grid": list(GRID), "seeds": 2, "selections": 2},
        "evaluate": {"every_steps": 1000, "episodes": 3},
    },
    "levels": {"kind": "train", "budget": {"steps": BUDGET}, "sweep": LEVELS},
    "probe": {"kind": "probe", **SOURCE, **SAMPLE},
    "lambdas": {
        "kind": "probe",
        **SOURCE,
        **SAMPLE,
        "sweep": {"variant.returns.lambda": list(LAMBDAS)},
        "variants": ["gae"],
    },
    "enumeration": {"kind": "exact", "sweep": BATCHES, "sampled_batches": 1000},
    "offsets": {"kind": "exact", "sweep": {"environment.rewards.offset": list(OFFSETS)}},
    "forms": {"kind": "identity"},
    "updates": {"kind": "update", **SOURCE, "updates": 12, "fresh": 48, "variants": ["to_go", "held"]},
    "support": {"kind": "support", "left": list(LEFT)},
    "staleness": {"kind": "staleness", **SOURCE, **SAMPLE, "walk": {"variant": "held", "steps": list(STEPS)}},
    "horizons": {"kind": "horizon", "environments": ["cartpole"], **SOURCE, "horizons": list(HORIZONS), "kl": 0.01},
    "gait": {
        "kind": "gait",
        "source": {"experiment": "learning", "variant": "to_go", "stages": list(STAGES)},
        "variants": ["to_go"],
        "frames": 4,
    },
}


def study_of(variants: Mapping[str, Any] = VARIANTS, **changes: Mapping[str, Any]) -> Study:
    """Make the study; keyword arguments change options of experiments by name."""
    shared = {"environments": list(ENVIRONMENTS), "seeds": {"count": SEEDS}}
    drawn = [name for name in variants if name not in ("held", "gae")]
    experiments = {
        name: {"variants": drawn, **shared, **options, **changes.get(name, {})} for name, options in EXPERIMENTS.items()
    }
    return Study.model_validate(
        {"name": "All figures", "environments": ENVIRONMENTS, "variants": variants, "experiments": experiments}
    )


def options_of(kind: str) -> dict[str, Any]:
    """Return the options that the kind of a figure needs."""
    metrics = ("steps_to_threshold", "final_return", "collapsed")
    return {"metrics": metrics} if FIGURES[kind].with_metrics else {}


def _example_of(kind: str, *studies: Study) -> tuple[Study, str]:
    """Return the first study with an experiment that can be drawn as a kind of figure, and the experiment."""
    for study in studies:
        for experiment in study.experiments:
            figure = Figure(kind=kind, experiment=experiment, section="Summary", **options_of(kind))
            if not list(problems_of_figures(study.model_copy(update={"figures": {"tried": figure}}))):
                return study, experiment
    raise AssertionError(f"no experiment of the smoke study can be drawn as {kind}")


# A new kind of experiment needs no line here: its example is that of the smoke study.
EXAMPLES = {kind: _example_of(kind, study_of(), read(Path("workflow/studies/smoke.yaml"))) for kind in FIGURES}


def _any(**_: Any) -> None:
    """Choose no value."""


def request(
    kind: str, value: Value = _any, study: Study | None = None, experiment: str = "", **options: Any
) -> FigureRequest[Any]:
    """Make the request of a figure from synthetic tables.

    Parameters
    ----------
    kind
        Kind of figure.
    value
        Maps the names of a cell (environment, variant, levels, batch, stage, seed, metric) to its value, or to None
        for a random positive one.
    study, experiment
        Default: those of `EXAMPLES`.
    options
        Of the figure's declaration.
    """
    study, experiment = study or EXAMPLES[kind][0], experiment or EXAMPLES[kind][1]
    figure = Figure(kind=kind, experiment=experiment, section="Summary", **(options_of(kind) | options))
    declared = kind_of(figure, study.experiments[experiment])
    names = (*declared.tables, *(declared.play.tables if declared.play else ()))
    is_example = study is EXAMPLES[kind][0] and experiment == EXAMPLES[kind][1] and value is _any
    tables = _of_example(kind, names) if is_example else _tables(study, experiment, names, value)
    return request_of(study, figure, tables)


@cache
def _of_example(kind: str, names: tuple[str, ...]) -> dict[Any, pd.DataFrame]:
    """Make the tables of an example once; no test changes them in place."""
    return _tables(*EXAMPLES[kind], names, _any)


def with_tables(request: FigureRequest[Any], **tables: pd.DataFrame) -> FigureRequest[Any]:
    """Replace tables; a new long table brings its summary, and new curves their means."""
    if "long" in tables:
        tables = {"summary": summarise(tables["long"]), **tables}
    if "curves" in tables:
        tables = {"means": mean_curves(tables["curves"]), **tables}
    changed: dict[Any, pd.DataFrame] = {**request.tables, **tables}
    return replace(request, tables=changed)


def made_up(summary: pd.DataFrame) -> pd.DataFrame:
    """Replace estimates and intervals by numbers that no statistic of the rows gives: they can only be read."""
    estimates = 0.2 + 0.001 * np.arange(len(summary))
    return summary.assign(estimate=estimates, ci_low=estimates - 0.0003, ci_high=estimates + 0.0004)


def _tables(study: Study, experiment: str, wanted: Collection[str], value: Value) -> dict[Any, pd.DataFrame]:
    makers: dict[str, Callable[[], pd.DataFrame]] = {
        "curves": lambda: curves(study, experiment),
        "means": lambda: mean_curves(curves(study, experiment)),
        "tuned": lambda: _tuned(study, experiment),
        "poses": lambda: _poses(study, experiment),
        "endings": lambda: _endings(study, experiment),
        "across": lambda: _across(study, experiment),
        "clouds": lambda: _clouds(study, experiment),
        "trajectories": lambda: _trajectories(study, experiment),
        "weights": lambda: _weights(study, experiment),
        "states": lambda: _states(study, experiment),
    }
    made = {name: makers[name]() for name in wanted if name in makers}
    if "long" in wanted or "summary" in wanted:
        long = long_table(study, experiment, value)
        made |= {name: table for name, table in (("long", long), ("summary", summarise(long))) if name in wanted}
        for name in COMPARISONS.keys() & wanted:
            made[name] = COMPARISONS[name](long, study.experiments[experiment], study.variants)
    return made


def long_table(study: Study, experiment: str, value: Value) -> pd.DataFrame:
    """Make a row per cell, place, seed and metric of the experiment's kind."""
    declared = study.experiments[experiment]
    kind = declared.kind
    stages = ("",) if kind == "train" else stages_of(study, experiment)
    metrics = [metric for metric in declared.metrics if metric.needs != "imitation"]
    rows = []
    for cell, stage, sizes in product(cells(study, experiment), stages, product(*declared.sizes.values())):
        names = names_of(cell) | ({} if kind == "train" else {"batch": cell.variant.batch})
        names |= dict(zip(declared.sizes, sizes, strict=True))
        for seed, metric in product(range(SEEDS), metrics):
            where = {**names, "stage": stage, "seed": seed, "metric": metric.name}
            rows.append({**where, "value": _value(metric.statistic, metric.name, where, value)})
    return pd.DataFrame(rows)


def _value(statistic: str, metric: str, where: dict[str, Any], value: Value) -> float:
    if (chosen := value(**where)) is not None:
        return chosen
    generator = np.random.default_rng(zlib.crc32(repr(where).encode()))
    if statistic == "share":
        return float(generator.random() < 0.6)
    if metric.startswith("steps_to"):
        return float(generator.integers(10_000, BUDGET))
    return float(generator.uniform(0.2, 0.8))


def curves(study: Study, experiment: str) -> pd.DataFrame:
    """Make curves of three grid points."""
    rows = [
        {**names_of(cell), "seed": seed, "steps": steps, "return": 100.0 * seed + steps / 1000 + place}
        for place, cell in enumerate(cells(study, experiment))
        for seed in range(SEEDS)
        for steps in (20_000, 40_000, BUDGET)
    ]
    return pd.DataFrame(rows).assign(diverged_at=np.nan)


def _tuned(study: Study, experiment: str) -> pd.DataFrame:
    """Make two selections with two tuning seeds each, in which all rates are trained to the end."""
    choices = []
    for place, cell in enumerate(cells(study, experiment)):
        best = GRID[place % 3]
        selections = [
            {
                "learning_rate": best,
                "at_edge": best != GRID[1],
                "scores": [
                    {"learning_rate": rate, "seed": seed, "share": share, "score": share * (10.0 * place + rate + seed)}
                    for rate in GRID
                    for seed in seeds
                    for share in (0.25, 1.0)
                ],
            }
            for seeds in ((0, 1), (2, 3))
        ]
        choices.append((cell, selections))
    return tuned_table(choices)


def _poses(study: Study, experiment: str) -> pd.DataFrame:
    """Make poses with parts in a row that move to the right by 0.1 m a frame; the last stage has one frame less."""
    rows = [
        {"environment": environment, "variant": "to_go", "stage": stage, "seed": seed, "frame": frame}
        | {"step": 5 * frame, "time": 0.25 * frame, "part": part, "x": 0.01 * place + 0.1 * frame, "z": 0.1 * place}
        for environment in study.experiments[experiment].environments
        for stage in STAGES
        for seed in range(2)
        for frame in range(4 if stage != "late" else 3)
        for place, part in enumerate(PARTS)
    ]
    return pd.DataFrame(rows)


def _endings(study: Study, experiment: str) -> pd.DataFrame:
    """Make three episodes per policy, which fall forward, backward and not at all; the first one is shown."""
    rows = [
        {"environment": environment, "variant": "to_go", "stage": stage, "seed": seed, "episode": episode}
        | {"return": 10.0 * seed + episode, "moved": 0.2 - 0.3 * episode, "ending": ending, "shown": int(episode == 0)}
        for environment in study.experiments[experiment].environments
        for stage in STAGES
        for seed in range(2)
        for episode, ending in enumerate(("forward", "backward", "none"))
    ]
    return pd.DataFrame(rows)


def _measured(study: Study, experiment: str) -> Iterator[dict[str, Any]]:
    """Yield the names of every cell, stage and seed that is measured."""
    for cell, stage, seed in product(cells(study, experiment), stages_of(study, experiment), range(SEEDS)):
        yield {**names_of(cell), "stage": stage, "seed": seed}


def _clouds(study: Study, experiment: str) -> pd.DataFrame:
    """Make three estimates per policy and batch size, one at the truth and two 4 / N from it."""
    rows = [
        {**names, "batch": size, "along": 1 + 4 * x / size, "across": 4 * y / size}
        for names in _measured(study, experiment)
        for size in study.experiments[experiment].sizes["batch"]
        for x, y in ((0, 0), (1, 1), (-1, -1))
    ]
    return pd.DataFrame(rows)


def _trajectories(study: Study, experiment: str) -> pd.DataFrame:
    """Make two trajectories of two and three parts; their weights are those of the seed and the variant's place."""
    rows = [
        {**names, "trajectory": i, "step": 1 + 4 * part, "end": 5 + 4 * part, "reward": 0.5 * i}
        | {"weight": (names["seed"] + 1) * (part + 1) * (1.5 - i) * (1 + 0.1 * len(names["variant"]))}
        for names in _measured(study, experiment)
        for i in (1, 2)
        for part in range(i + 1)
    ]
    return pd.DataFrame(rows)


def _weights(study: Study, experiment: str) -> pd.DataFrame:
    """Make weights that spread from 1 to both sides: after k steps they are in k + 1 bins."""
    rows = [
        {**names, "steps": steps, "log_weight": 0.25 * (place - place % 2 * 2 * place), "count": 8 - place}
        for names in _measured(study, experiment)
        for steps in STEPS
        for place in range(min(steps, 4) + 1)
    ]
    return pd.DataFrame(rows)


def _states(study: Study, experiment: str) -> pd.DataFrame:
    """Make two states, in the rows of the first variant alone; after k steps the share of the second is k / 20 more."""
    first = study.experiments[experiment].variants[0]
    rows = [
        {**names, "steps": steps, "component": "state", "low": state, "high": state + 1}
        | {"data": 0.5, "visited": 0.5 + (steps if state else -steps) / 40}
        for names in _measured(study, experiment)
        if names["variant"] == first
        for steps in STEPS
        for state in (0, 1)
    ]
    return pd.DataFrame(rows)


def _across(study: Study, experiment: str) -> pd.DataFrame:
    first, *_ = names = study.experiments[experiment].variants
    rows = []
    for place, variant in enumerate(names):
        row = {"variant": variant, "n": 20, "method": "any", "over": "", "above": np.nan}
        estimate = 0.5 + 0.1 * place / len(names)
        wide = {"ci_low": estimate - 0.05, "ci_high": estimate + 0.07}
        rows.append({**row, "statistic": "interquartile mean", "estimate": estimate, **wide})
        for above in (0.0, 0.4, 0.8, 1.2):
            share = max(0.0, estimate - above / 3)
            ends = {"ci_low": share / 2, "ci_high": min(1.0, share + 0.1)}
            rows.append({**row, "statistic": "profile", "above": above, "estimate": share, **ends})
        if place:
            rows.append({**row, "statistic": "improvement", "over": first, "estimate": estimate, **wide})
    return pd.DataFrame(rows)
