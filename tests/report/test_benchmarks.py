"""Programs are compared round by round, on one core."""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from pg.report.benchmarks import COLUMNS, Plan, ProgramFailed, Run, compare, read_plan, runs, summary
from pg.runs.records import read_csv, write_csv
from pydantic import ValidationError

PROGRAMS = Path(__file__).parents[2] / "workflow/benchmarks"


def program(said: str, system: str = "pg", seeds: tuple[int, ...] = (1,)) -> Run:
    return Run(system, "CartPole-v1", seeds, (sys.executable, "-c", f"print('noise'); {said}"))


def answering(benchmark: str, steps: int, seconds: float, system: str = "pg", seeds: tuple[int, ...] = (1,)) -> Run:
    measurements = [{"benchmark": benchmark, "seeds": one, "steps": steps, "seconds": seconds} for one in seeds]
    answer = str({"measurements": measurements, "peak_memory_mb": 100.0}).replace("'", '"')
    return program(f"print('{answer}')", system, seeds)


def row(number: int, benchmark: str, system: str, speed: float, seeds: int = 1, environment: str = "a") -> dict:
    key = {"benchmark": benchmark, "system": system, "environment": environment, "seeds": seeds}
    return {"round": number, **key, "steps_per_second": speed, "peak_memory_mb": 100.0 + number}


def found(rows: list[dict], **where: object) -> pd.Series:
    table = summary(pd.DataFrame(rows))
    for column, value in where.items():
        table = table.loc[table[column] == value]
    (only,) = table.to_dict("records")
    return pd.Series(only)


def test_a_slow_round_slows_all_and_leaves_ratios_as_they_are() -> None:
    slowed = (1.0, 0.1, 0.9)
    rows = [
        row(number, "training", system, slow * speed)
        for number, slow in enumerate(slowed)
        for system, speed in (("tianshou", 100), ("pg", 5000))
    ]
    ours = found(rows, system="pg")
    assert ours["ratio_to_tianshou"] == pytest.approx(50)
    assert ours["steps_per_second"] == pytest.approx(4500)
    assert (ours["lowest"], ours["highest"]) == pytest.approx((500, 5000))
    assert ours["peak_memory_mb"] == 101


def test_each_environment_and_benchmark_has_a_tianshou_of_its_own() -> None:
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


def test_training_alone_has_a_floor_that_of_its_number_of_seeds() -> None:
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


def test_programs_answer_with_their_last_line_and_are_measured_whole_where_they_train() -> None:
    table = compare([answering("training", 100, 0.5), answering("rollout", 100, 0.5)], 2)
    assert list(table.columns) == list(COLUMNS)
    assert table["benchmark"].tolist() == ["training", "job", "rollout"]
    speeds = table.set_index("benchmark")["steps_per_second"]
    assert speeds["training"] == pytest.approx(200)
    # An interpreter alone takes milliseconds to start, and less than 10 s.
    assert 10 < speeds["job"] < 1e5


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    table = compare([answering("training", 100, 0.5), answering("gradient", 100, 0.5)], 1)
    write_csv(table, tmp_path / "benchmarks.csv")
    read = read_csv(tmp_path / "benchmarks.csv", COLUMNS)
    assert list(read["benchmark"]) == list(table["benchmark"])
    assert list(read["system"]) == list(table["system"])


def test_memory_is_told_of_programs_with_one_job_only() -> None:
    table = compare([answering("floor", 100, 0.5, seeds=(1, 10)), answering("rollout", 100, 0.5)], 1)
    memory = table.set_index("benchmark")["peak_memory_mb"]
    assert memory["floor"].isna().all()
    assert memory["rollout"] == 100


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to a core")
def test_programs_keep_to_one_core_and_one_thread_and_their_caller_keeps_all() -> None:
    before = os.sched_getaffinity(0)
    told = "import os; steps = 10 * len(os.sched_getaffinity(0)) + int(os.environ['OMP_NUM_THREADS']); "
    answer = '{"measurements": [{"benchmark": "rollout", "seeds": 1, "steps": %d, "seconds": 1}], "peak_memory_mb": 1}'
    (speed,) = compare([program(f"{told}print('{answer}' % steps)")], 1)["steps_per_second"]
    assert speed == 11
    assert os.sched_getaffinity(0) == before


def test_a_program_that_fails_is_named_with_what_it_said_last() -> None:
    with pytest.raises(ProgramFailed, match=r"ValueError: too slow"):
        compare([program("raise ValueError('too slow')")], 1)


def test_a_plan_becomes_runs_in_its_order() -> None:
    plan = Plan.model_validate(
        {
            "repetitions": 1,
            "programs": [
                {"program": "a", "system": "tianshou", "peer": True, "steps": {"x": 5, "y": 6}},
                {"program": "b", "system": "pg", "seeds": [1, 2], "steps": {"x": 5}},
                {"program": "c", "system": "pg", "seeds": [1, 2], "together": True, "steps": {"x": 5}},
            ],
        }
    )
    listed = [" ".join(run.command) for run in runs(plan, "p", "ours", "theirs")]
    assert listed == [
        "theirs p/a.py tianshou x 1 5",
        "theirs p/a.py tianshou y 1 6",
        "ours p/b.py pg x 1 5",
        "ours p/b.py pg x 2 5",
        "ours p/c.py pg x 1,2 5",
    ]
    assert plan.budgets("a") == {"x": 5, "y": 6}


def test_a_plan_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="repetition\n"):
        Plan.model_validate({"repetition": 1, "programs": [{"program": "a", "system": "b", "steps": {"x": 1}}]})


@pytest.mark.parametrize("name", ["plan", "quick"])
def test_plans_name_programs_that_exist(name: str) -> None:
    for run in runs(read_plan(PROGRAMS / f"{name}.yaml"), PROGRAMS, "ours", "theirs"):
        assert Path(run.command[1]).exists()


@pytest.mark.long
@pytest.mark.parametrize(
    "entry", read_plan(PROGRAMS / "quick.yaml").programs, ids=lambda entry: entry.system + entry.program
)
def test_every_program_of_this_project_runs(entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROGRAMS.parents[1]))
    round = list(runs(Plan(repetitions=1, programs=(entry,)), PROGRAMS, sys.executable, "no peers"))
    table = compare(round, 1)
    assert list(table.columns) == list(COLUMNS)
    assert not table.duplicated(["benchmark", "system", "environment", "seeds"]).any()
    assert set(table["environment"]) == set(entry.steps)
    assert set(table["seeds"]) == set(entry.seeds)
    assert (table["steps_per_second"] > 0).all()
    assert (table["lowest"] <= table["highest"]).all()
    assert table["ratio_to_tianshou"].isna().all()
    assert entry.together or (table["peak_memory_mb"] > 50).all()
