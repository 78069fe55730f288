"""Programs are measured in turn on one core, and their speeds compared within each round."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import pandas as pd
import pytest
from workflow.benchmarks.compare import (
    COLUMNS,
    Call,
    Program,
    calls,
    environment_with,
    instruction_sets,
    measure,
    read_plan,
    summarise,
)

PROGRAMS = Path(__file__).parents[2] / "workflow/benchmarks"
NATIVE = {"native": {}}


def call(program: str, seeds: tuple[int, ...] = (1,)) -> Call:
    return Call("pg", "CartPole-v1", seeds, 1, (sys.executable, "-c", f"print('noise'); {program}"))


def answer(benchmark: str, seeds: tuple[int, ...] = (1,)) -> Call:
    one = {"benchmark": benchmark, "steps": 100, "seconds": 0.5, "compile_seconds": math.nan}
    measurements = [{**one, "seeds": number} for number in seeds]
    return call(f"print({json.dumps({'measurements': measurements, 'peak_memory_mb': 100.0})!r})", seeds)


def row(number: int, benchmark: str, system: str, speed: float, seeds: int = 1, **others: Any) -> dict[str, Any]:
    key = {"benchmark": benchmark, "system": system, "environment": "a", "seeds": seeds}
    key |= {"gradient_steps": 1, "instructions": "AVX2", **others}
    numbers = {"steps_per_second": speed, "peak_memory_mb": 100.0 + number, "compile_seconds": math.nan}
    return {"round": number, **key, **numbers}


def found(rows: list[dict], **where: object) -> pd.Series:
    table = summarise(pd.DataFrame(rows))
    for column, value in where.items():
        table = table.loc[table[column] == value]
    (only,) = table.to_dict("records")
    return pd.Series(only)


def test_a_slow_round_leaves_ratios_unchanged() -> None:
    rows = [
        row(number, "training", system, slow * speed)
        for number, slow in enumerate((1.0, 0.1, 0.9))
        for system, speed in (("tianshou", 100), ("pg", 5000))
    ]
    ours = found(rows, system="pg")
    assert ours["ratio_to_tianshou"] == pytest.approx(50)
    assert ours["steps_per_second"] == pytest.approx(4500)
    assert (ours["lowest"], ours["highest"]) == pytest.approx((500, 5000))
    assert ours["peak_memory_mb"] == 101


def test_ratios_are_taken_within_an_environment_and_benchmark() -> None:
    rows = [
        row(0, "training", "tianshou", 10, environment="a"),
        row(0, "training", "tianshou", 20, environment="b"),
        row(0, "rollout", "tianshou", 40, environment="b"),
        row(0, "training", "pg", 60, seeds=10, environment="b"),
        row(0, "rollout", "pg", 60, environment="b"),
        row(0, "stepping", "pg", 60, environment="b"),
    ]
    assert found(rows, system="pg", benchmark="training")["ratio_to_tianshou"] == pytest.approx(3)
    assert found(rows, system="pg", benchmark="rollout")["ratio_to_tianshou"] == pytest.approx(1.5)
    assert pd.isna(found(rows, benchmark="stepping")["ratio_to_tianshou"])


def test_only_training_is_divided_by_the_floor_of_its_seeds() -> None:
    rows = [
        row(0, "floor", "pg", 100, seeds=1),
        row(0, "floor", "pg", 1000, seeds=20),
        row(0, "training", "pg", 800, seeds=20),
        row(0, "rollout", "pg", 900, seeds=20),
        row(0, "training", "tianshou", 10, seeds=1),
        row(0, "training", "pg", 900, seeds=50),
    ]
    assert found(rows, benchmark="training", seeds=20)["share_of_floor"] == pytest.approx(0.8)
    assert found(rows, system="tianshou")["share_of_floor"] == pytest.approx(0.1)
    assert pd.isna(found(rows, benchmark="rollout")["share_of_floor"])
    assert pd.isna(found(rows, benchmark="training", seeds=50)["share_of_floor"])


@pytest.mark.parametrize("differing", [{"seeds": 20}, {"gradient_steps": 8}, {"instructions": "AVX512"}], ids=str)
def test_the_jax_peer_of_a_job_is_equal_in_all_but_system(differing: dict[str, Any]) -> None:
    peers = [row(0, "training", "jax", 100), row(0, "training", "jax", 400, **differing)]
    rows = [*peers, row(0, "training", "pg", 200), row(0, "training", "pg", 200, **differing)]
    table = summarise(pd.DataFrame(rows))
    assert table.loc[table["system"] == "pg", "ratio_to_jax"].tolist() == pytest.approx([2, 0.5])


def test_training_is_also_measured_as_a_whole_process() -> None:
    table = summarise(measure([answer("training"), answer("rollout")], 2, NATIVE))
    assert list(table.columns) == COLUMNS
    assert table["benchmark"].tolist() == ["training", "job", "rollout"]
    speeds = table.set_index("benchmark")["steps_per_second"]
    assert speeds["training"] == pytest.approx(200)
    # An interpreter takes milliseconds to start, and less than 10 s.
    assert 10 < speeds["job"] < 1e5


def test_calls_with_several_jobs_have_no_memory() -> None:
    memory = measure([answer("floor", seeds=(1, 10)), answer("rollout")], 1, NATIVE).set_index("benchmark")[
        "peak_memory_mb"
    ]
    assert memory["floor"].isna().all()
    assert memory["rollout"] == 100


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to a core")
def test_programs_have_one_core_and_one_thread() -> None:
    before = os.sched_getaffinity(0)
    counted = "import os; steps = 10 * len(os.sched_getaffinity(0)) + int(os.environ['OMP_NUM_THREADS']); "
    one = '{"benchmark": "rollout", "seeds": 1, "steps": %d, "seconds": 1, "compile_seconds": 0}'
    said = f'{{"measurements": [{one}], "peak_memory_mb": 1}}'
    (speed,) = measure([call(f"{counted}print('{said}' % steps)")], 1, NATIVE)["steps_per_second"]
    assert speed == 11
    assert os.sched_getaffinity(0) == before


@pytest.mark.long
@pytest.mark.parametrize("name", instruction_sets())
def test_torch_and_numpy_use_the_instruction_set(name: str) -> None:
    found = (
        "import torch; from numpy._core._multiarray_umath import __cpu_features__ as features; "
        "print(torch.backends.cpu.get_cpu_capability(), features.get('X86_V4', False))"
    )
    environment = environment_with(instruction_sets()[name])
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", found], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    assert said.stdout.split() == [name, str(name == "AVX512")]


def test_each_round_runs_with_every_instruction_set() -> None:
    counted = answer("rollout").command[-1].replace("100", "' + os.environ['STEPS'] + '")
    rows = measure([call(f"import os; {counted}")], 2, {"a": {"STEPS": "1"}, "b": {"STEPS": "3"}})
    assert rows[["round", "instructions", "steps_per_second"]].to_numpy().tolist() == [
        [0, "a", 2],
        [0, "b", 6],
        [1, "a", 2],
        [1, "b", 6],
    ]


def test_a_failing_program_stops_the_comparison() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure([call("raise ValueError")], 1, NATIVE)


def test_calls_follow_the_order_of_the_plan() -> None:
    programs = [
        Program("a", "tianshou", {"x": 5, "y": 6}, peers="torch"),
        Program("b", "pg", {"x": 5}, seeds=(1, 2), gradient_steps=(1, 8)),
        Program("c", "pg", {"x": 5}, seeds=(1, 2), together=True),
    ]
    commands = [" ".join(call.command).replace(f"{PROGRAMS}/", "") for call in calls(programs, "ours", Path("peers"))]
    assert commands == [
        "peers/torch/bin/python a.py tianshou x 1 1 5",
        "peers/torch/bin/python a.py tianshou y 1 1 6",
        "ours b.py pg x 1 1 5",
        "ours b.py pg x 2 1 5",
        "ours b.py pg x 1 8 5",
        "ours b.py pg x 2 8 5",
        "ours c.py pg x 1,2 1 5",
    ]


@pytest.mark.parametrize("name", ["plan", "quick"])
def test_plans_name_existing_programs(name: str) -> None:
    _, programs = read_plan(PROGRAMS / f"{name}.yaml")
    assert all(Path(call.command[1]).exists() for call in calls(programs, "ours", Path("peers")))
    assert {one.peers for one in programs} <= {None, *(path.stem[6:] for path in PROGRAMS.glob("peers-*.txt"))}


@pytest.mark.long
@pytest.mark.parametrize("program", read_plan(PROGRAMS / "quick.yaml")[1], ids=lambda one: one.system + one.program)
def test_every_program_of_this_project_runs(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, which has imported what takes most of a program's time."""
    monkeypatch.syspath_prepend(PROGRAMS)
    for one in calls([program], sys.executable, Path("no peers")):
        _, script, *arguments = one.command
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        run_path(script, run_name="__main__")
        said = json.loads(capsys.readouterr().out.splitlines()[-1])
        measured = [(each["benchmark"], each["seeds"]) for each in said["measurements"]]
        assert len(measured) == len(set(measured))
        assert {seeds for _, seeds in measured} == set(one.seeds)
        assert all(each["steps"] > 0 and each["seconds"] > 0 for each in said["measurements"])
        assert said["peak_memory_mb"] > 50
