"""Measure the speed of the programs of a plan: `python compare.py PLAN TABLE [--peers PYTHON]`.

In each round all programs run in turn, each on the same single core with one thread, so that a slow machine slows all
of them and ratios within a round stay meaningful. The last line that a program prints is JSON: `measurements`, a list
of benchmark, seeds, steps and seconds, and `peak_memory_mb`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

KEY = ["benchmark", "system", "environment", "seeds"]
COLUMNS = [*KEY, "steps_per_second", "ratio_to_tianshou", "share_of_floor", "peak_memory_mb", "lowest", "highest"]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Program:
    """A program of the plan.

    Attributes
    ----------
    program
        Name of the script in this folder, without `.py`.
    system
        The library that it measures.
    steps
        Environment steps per seed, by environment.
    seeds
        Numbers of seeds in one job.
    peer
        Whether it runs in the environment of the other libraries.
    together
        Whether one call measures all numbers of seeds.
    """

    program: str
    system: str
    steps: dict[str, int]
    seeds: tuple[int, ...] = (1,)
    peer: bool = False
    together: bool = False


class Call(NamedTuple):
    """One call of a program in each round."""

    system: str
    environment: str
    seeds: tuple[int, ...]
    command: tuple[str, ...]


def read_plan(path: Path) -> tuple[int, list[Program]]:
    """Return the number of rounds and the programs of each round, in order."""
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    return plan["repetitions"], [Program(**program) for program in plan["programs"]]


def calls(programs: Iterable[Program], python: str, peers: str) -> Iterator[Call]:
    """List the calls of a round, with the interpreters of this project and of the other libraries."""
    for program in programs:
        script = Path(__file__).with_name(f"{program.program}.py")
        jobs = [tuple(program.seeds)] if program.together else [(seeds,) for seeds in program.seeds]
        for (environment, steps), seeds in product(program.steps.items(), jobs):
            arguments = (program.system, environment, ",".join(map(str, seeds)), str(steps))
            interpreter = peers if program.peer else python
            yield Call(program.system, environment, seeds, (interpreter, str(script), *arguments))


def measure(round: Iterable[Call], repetitions: int) -> pd.DataFrame:
    """Run the calls in turn, several times, on one core; return a row per round and measurement."""
    calls = list(round)
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        rows = [{"round": number, **row} for number in range(repetitions) for call in calls for row in _rows(call)]
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    return pd.DataFrame(rows)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the medians over rounds, a row per benchmark, system, environment and number of seeds.

    `ratio_to_tianshou` divides by Tianshou's speed with one seed in the same round, benchmark and environment;
    `share_of_floor` divides training by the floor of the same round, environment and number of seeds. Both are NaN
    where there is nothing to divide by. `lowest` and `highest` bound the steps per second over rounds.
    """
    speed = measured["steps_per_second"]
    tianshou, floor = measured.loc[measured["system"] == "tianshou"], measured.loc[measured["benchmark"] == "floor"]
    floors = _matching(measured, floor, ["round", "environment", "seeds"])
    measured = measured.assign(
        ratio_to_tianshou=speed / _matching(measured, tianshou, ["round", "benchmark", "environment"]),
        share_of_floor=speed / floors.where(measured["benchmark"] == "training"),
    )
    groups = measured.groupby(KEY, sort=False)
    medians = groups[["steps_per_second", "ratio_to_tianshou", "share_of_floor", "peak_memory_mb"]].median()
    spread = groups["steps_per_second"].agg(lowest="min", highest="max")
    return medians.join(spread).reset_index()[COLUMNS]


def _matching(measured: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Return, for each row, the speed in `others` with the same keys; NaN where there is none."""
    speeds = others.set_index(keys)["steps_per_second"]
    return pd.Series(speeds.reindex(pd.MultiIndex.from_frame(measured[keys])).to_numpy(), measured.index)


def _rows(call: Call) -> Iterator[dict[str, Any]]:
    """Run a program; yield its measurements, and as `job` the whole process for each that trains."""
    before = _seconds_of_children()
    threads = dict.fromkeys(_THREADS, "1")
    done = subprocess.run(call.command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **threads})
    whole = _seconds_of_children() - before
    answer = json.loads(done.stdout.splitlines()[-1])
    print(*call.command[1:], f"{whole:.0f} s", answer, flush=True)
    trained = [one for one in answer["measurements"] if one["benchmark"] == "training"]
    jobs = [{**one, "benchmark": "job", "seconds": whole} for one in trained]
    for one in [*answer["measurements"], *jobs]:
        yield {
            "benchmark": one["benchmark"],
            "system": call.system,
            "environment": call.environment,
            "seeds": one["seeds"],
            "steps_per_second": one["steps"] / one["seconds"],
            # A call for several numbers of seeds has one peak for all of them.
            "peak_memory_mb": answer["peak_memory_mb"] if len(call.seeds) == 1 else float("nan"),
        }


def _seconds_of_children() -> float:
    """Return the processor's seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--peers", default="python", help="interpreter with the other libraries")
    options = parser.parse_args()
    repetitions, programs = read_plan(options.plan)
    measured = measure(calls(programs, sys.executable, options.peers), repetitions)
    summarise(measured).to_csv(options.table, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
