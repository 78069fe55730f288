"""Measure the speed of the programs of a plan: `python compare.py PLAN TABLE [--peers FOLDER] [--instructions SET]`.

In each round all programs run in turn, each on the same single core with one thread, so that a slow machine slows all
of them and ratios within a round stay meaningful. A processor with AVX-512 is also measured with AVX2 alone. The last
line that a program prints is JSON: `measurements`, a list of benchmark, seeds, steps, seconds and compile_seconds, and
`peak_memory_mb`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml
from llvmlite import binding

KEY = ["benchmark", "system", "environment", "seeds", "gradient_steps", "instructions"]
_MEDIANS = [
    "steps_per_second",
    "ratio_to_tianshou",
    "ratio_to_jax",
    "share_of_floor",
    "peak_memory_mb",
    "compile_seconds",
]
COLUMNS = [*KEY, *_MEDIANS, "lowest", "highest"]
_ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}
# Widest first, as LLVM names them.
_INSTRUCTIONS = {"avx512f": "AVX512", "avx2": "AVX2", "neon": "NEON"}
_AVX2_ALONE = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NUMBA_CPU_NAME": "haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false --xla_cpu_max_isa=AVX2",
}


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
    gradient_steps
        Numbers of gradient steps per batch; training corrects several by PPO's clipped ratios.
    peers
        Virtual environment of the other libraries that it needs; None for this project's own.
    together
        Whether one call measures all numbers of seeds.
    """

    program: str
    system: str
    steps: dict[str, int]
    seeds: tuple[int, ...] = (1,)
    gradient_steps: tuple[int, ...] = (1,)
    peers: str | None = None
    together: bool = False


class Call(NamedTuple):
    """One call of a program in each round."""

    system: str
    environment: str
    seeds: tuple[int, ...]
    gradient_steps: int
    command: tuple[str, ...]


def read_plan(path: Path) -> tuple[int, list[Program]]:
    """Return the number of rounds and the programs of each round, in order."""
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    return plan["repetitions"], [Program(**program) for program in plan["programs"]]


def calls(programs: Iterable[Program], python: str, peers: Path) -> Iterator[Call]:
    """List the calls of a round, with this project's interpreter or that of an environment in the folder `peers`."""
    for program in programs:
        interpreter = str(peers / program.peers / "bin/python") if program.peers else python
        script = str(Path(__file__).with_name(f"{program.program}.py"))
        jobs = [tuple(program.seeds)] if program.together else [(seeds,) for seeds in program.seeds]
        for (environment, steps), passes, seeds in product(program.steps.items(), program.gradient_steps, jobs):
            arguments = (program.system, environment, ",".join(map(str, seeds)), str(passes), str(steps))
            yield Call(program.system, environment, seeds, passes, (interpreter, script, *arguments))


def instruction_sets() -> dict[str, dict[str, str]]:
    """Return this processor's set of vector instructions, and AVX2 if that is AVX-512, with variables that force it."""
    features = binding.get_host_cpu_features()
    native = next((name for key, name in _INSTRUCTIONS.items() if features.get(key)), "none of these")
    return {native: {}} | ({"AVX2": _AVX2_ALONE} if native == "AVX512" else {})


def environment_with(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program: one thread, and all vector instructions unless `variables` forbid some.

    This process has inherited the limits that this project sets for itself; other libraries must not.
    """
    limits = {*_AVX2_ALONE, "MKL_CBWR"}
    return {**{name: value for name, value in os.environ.items() if name not in limits}, **_ONE_THREAD, **variables}


def measure(round: Iterable[Call], repetitions: int, sets: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Run the calls in turn with each instruction set, several times, on one core; return a row per measurement."""
    runs = list(product(range(repetitions), sets.items(), list(round)))
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        rows = [
            {"round": number, "instructions": name, **row}
            for number, (name, variables), call in runs
            for row in _rows(call, variables)
        ]
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    return pd.DataFrame(rows)


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the medians over rounds, a row per benchmark, system, environment, seeds, gradient steps and instructions.

    Ratios are to a speed in the same round, benchmark, environment and instruction set: of Tianshou with one seed, or
    of the JAX peer with as many seeds and gradient steps. `share_of_floor` divides training by the floor of as many.
    All are NaN where there is nothing to divide by. `lowest` and `highest` bound the steps per second.
    """
    speed, system, benchmark = (measured[column] for column in ("steps_per_second", "system", "benchmark"))
    place = ["round", "environment", "instructions"]
    job = [*place, "seeds", "gradient_steps"]
    floors = _matching(measured, measured.loc[benchmark == "floor"], job)
    measured = measured.assign(
        ratio_to_tianshou=speed / _matching(measured, measured.loc[system == "tianshou"], [*place, "benchmark"]),
        ratio_to_jax=speed / _matching(measured, measured.loc[system == "jax"], [*job, "benchmark"]),
        share_of_floor=speed / floors.where(benchmark == "training"),
    )
    groups = measured.groupby(KEY, sort=False)
    spread = groups["steps_per_second"].agg(lowest="min", highest="max")
    return groups[_MEDIANS].median().join(spread).reset_index()[COLUMNS]


def _matching(measured: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Return, for each row, the speed in `others` with the same keys; NaN where there is none."""
    speeds = others.set_index(keys)["steps_per_second"]
    return pd.Series(speeds.reindex(pd.MultiIndex.from_frame(measured[keys])).to_numpy(), measured.index)


def _rows(call: Call, variables: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Run a program; yield its measurements, and as `job` the whole process for each that trains."""
    before = _seconds_of_children()
    done = subprocess.run(call.command, stdout=subprocess.PIPE, text=True, check=True, env=environment_with(variables))
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
            "gradient_steps": call.gradient_steps,
            "steps_per_second": one["steps"] / one["seconds"],
            "compile_seconds": one["compile_seconds"],
            # A call for several numbers of seeds has one peak for all of them.
            "peak_memory_mb": answer["peak_memory_mb"] if len(call.seeds) == 1 else float("nan"),
        }


def _seconds_of_children() -> float:
    """Return the processor's seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    sets = instruction_sets()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--peers", type=Path, default=Path(), help="folder of the other libraries' environments")
    parser.add_argument("--instructions", choices=sets, help="only this set of vector instructions; default: all")
    options = parser.parse_args()
    print("vector instructions:", *sets, flush=True)
    if options.instructions:
        sets = {options.instructions: sets[options.instructions]}
    repetitions, programs = read_plan(options.plan)
    measured = measure(calls(programs, sys.executable, options.peers), repetitions, sets)
    summarise(measured).to_csv(options.table, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
