"""Measure programs against each other: in turn on one core, so that a machine that slows down slows all of them."""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import Field, PositiveInt

from pg.core.record import Record

COLUMNS = (
    "benchmark",
    "system",
    "environment",
    "seeds",
    "steps_per_second",
    "ratio_to_tianshou",
    "share_of_floor",
    "peak_memory_mb",
    "lowest",
    "highest",
)
_KEY = ["benchmark", "system", "environment", "seeds"]
_PEER = "tianshou"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

_log = logging.getLogger("pg")


class ProgramFailed(Exception):
    """A program that is measured has failed, with what it said last."""


class Entry(Record):
    """A program of the plan, and the jobs it is run on."""

    program: str = Field(description="Name of the script, without its ending.")
    system: str = Field(description="Whose code it runs.")
    peer: bool = Field(default=False, description="Whether it runs in the environment of the other libraries.")
    seeds: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1,)
    together: bool = Field(default=False, description="Whether one run measures all numbers of seeds.")
    steps: Annotated[dict[str, PositiveInt], Field(min_length=1)] = Field(
        description="Environment steps per seed, by environment."
    )


class Plan(Record):
    """What is measured, in the order in which each round measures it."""

    repetitions: PositiveInt
    programs: Annotated[tuple[Entry, ...], Field(min_length=1)]

    def budgets(self, program: str) -> dict[str, int]:
        """Return the environment steps per seed that a program is given, by environment."""
        return {
            environment: steps
            for entry in self.programs
            if entry.program == program
            for environment, steps in entry.steps.items()
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One program on one job.

    Attributes
    ----------
    system, environment
        Whose code runs, and where.
    seeds
        Numbers of seeds that it measures.
    command
        Starts it.
    """

    system: str
    environment: str
    seeds: tuple[int, ...]
    command: tuple[str, ...]


def read_plan(path: str | Path) -> Plan:
    """Read a plan.

    Raises
    ------
    ValueError
        If it is none; the message names the key.
    """
    return Plan.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))


def runs(plan: Plan, programs: str | Path, python: str, peers: str) -> Iterator[Run]:
    """List a round's runs.

    Parameters
    ----------
    plan
        What is measured.
    programs
        Folder of the scripts.
    python, peers
        The interpreters of this project and of the other libraries.
    """
    for entry in plan.programs:
        jobs = [entry.seeds] if entry.together else [(seeds,) for seeds in entry.seeds]
        for (environment, steps), seeds in product(entry.steps.items(), jobs):
            script = str(Path(programs, f"{entry.program}.py"))
            arguments = (entry.system, environment, ",".join(map(str, seeds)), str(steps))
            yield Run(entry.system, environment, seeds, (peers if entry.peer else python, script, *arguments))


def compare(round: Sequence[Run], repetitions: int) -> pd.DataFrame:
    """Run programs in turn, several times, and summarise how fast each was.

    Each keeps to one core, the same for all, and to one thread.

    Parameters
    ----------
    round
        The programs; the last line that each prints is JSON with `measurements` (benchmark, seeds, steps, seconds) and
        `peak_memory_mb`.
    repetitions
        How often the round is repeated.

    Returns
    -------
    DataFrame
        A row per benchmark, system, environment and number of seeds, with `COLUMNS`: steps_per_second is the median
        over the rounds, between lowest and highest; ratio_to_tianshou and share_of_floor are medians of the ratios of
        each round, undefined where Tianshou does no such thing, and where nothing was trained. A program that measures
        training is measured as a whole too, from its start to its end: benchmark `job`.

    Raises
    ------
    ProgramFailed
        If one does.
    """
    with _one_core():
        rows = [{"round": number, **row} for number in range(repetitions) for run in round for row in _measured(run)]
    return summary(pd.DataFrame(rows))


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """Summarise rounds of measurements; columns round, the key, steps_per_second and peak_memory_mb."""
    speeds = measured.assign(
        ratio_to_tianshou=measured["steps_per_second"] / _speed_of_peer(measured),
        share_of_floor=measured["steps_per_second"] / _speed_of_floor(measured),
    )
    groups = speeds.groupby(_KEY, sort=False)
    medians = groups[["steps_per_second", "ratio_to_tianshou", "share_of_floor", "peak_memory_mb"]].median()
    spread = groups["steps_per_second"].agg(lowest="min", highest="max")
    return medians.join(spread).reset_index()[list(COLUMNS)]


def _speed_of_peer(measured: pd.DataFrame) -> pd.Series:
    """Look up what Tianshou reached in the same round, benchmark and environment, with its one seed."""
    where = ["round", "benchmark", "environment"]
    return _looked_up(measured, measured.loc[measured["system"] == _PEER], where)


def _speed_of_floor(measured: pd.DataFrame) -> pd.Series:
    """Look up the floor of the same round, environment and number of seeds, for those that train."""
    where = ["round", "environment", "seeds"]
    found = _looked_up(measured, measured.loc[measured["benchmark"] == "floor"], where)
    return found.where(measured["benchmark"] == "training")


def _looked_up(measured: pd.DataFrame, others: pd.DataFrame, where: list[str]) -> pd.Series:
    speeds = others.set_index(where)["steps_per_second"]
    return pd.Series(speeds.reindex(pd.MultiIndex.from_frame(measured[where])).to_numpy(), measured.index)


def _measured(run: Run) -> Iterator[dict[str, Any]]:
    before = _seconds_of_children()
    answer = _answer(run)
    whole = _seconds_of_children() - before
    measurements = answer["measurements"]
    trained = [one for one in measurements if one["benchmark"] == "training"]
    jobs = [{**one, "benchmark": "job", "seconds": whole} for one in trained]
    for one in [*measurements, *jobs]:
        yield {
            "benchmark": one["benchmark"],
            "system": run.system,
            "environment": run.environment,
            "seeds": one["seeds"],
            "steps_per_second": one["steps"] / one["seconds"],
            # What a program needs for several jobs says nothing of one of them.
            "peak_memory_mb": answer["peak_memory_mb"] if len(run.seeds) == 1 else float("nan"),
        }


def _answer(run: Run) -> Mapping[str, Any]:
    said, started = " ".join(run.command[1:]), time.monotonic()
    threads = dict.fromkeys(_THREADS, "1")
    done = subprocess.run(run.command, capture_output=True, text=True, check=False, env={**os.environ, **threads})
    if done.returncode:
        _log.error("%s:\n%s", said, done.stderr)
        raise ProgramFailed(f"{said}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    _log.info("%s, %.0f s: %s", said, time.monotonic() - started, json.dumps(answer))
    return answer


def _seconds_of_children() -> float:
    """Return the processor's seconds that programs have taken that have ended."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this process, and what it starts, to one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
