"""A change reruns the jobs that it affects, and no others."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.study.studies import put
from tests.workflow.checkout import Checkout

# The jobs that follow those of the experiment `learn` in the test study.
AFTER_LEARN = {"train_tables": 1, "figure": 1, "explorable": 1, "report_page": 1}
TARGETS = ("figures", "claims", "report")  # rules without outputs


@pytest.mark.parametrize(
    ("changes", "plan"),
    [
        (
            {
                "variants/discounted": {"extends": "to_go", "discount": 0.9},
                "experiments/learn/variants": ["total", "averaged", "discounted"],
            },
            {"train": 2, **AFTER_LEARN},
        ),
        (
            {
                "environments/acrobot": {"id": "Acrobot-v1", "horizon": 20},
                "experiments/learn/environments": ["cartpole", "acrobot"],
            },
            {"train": 4, **AFTER_LEARN},
        ),
        ({"experiments/learn/seeds/count": 6}, {"train": 2, **AFTER_LEARN}),
        ({"figure_defaults": {"width": "one_column"}}, {"figure": 2, "explorable": 2, "report_page": 1}),
        ({"figure_defaults": {"width": "two_columns", "format": "pdf"}}, {}),
    ],
    ids=["variant", "environment", "block of seeds", "defaults of figures", "defaults without effect"],
)
def test_a_change_runs_its_own_jobs_and_what_follows(
    done: Checkout, study: dict[str, Any], changes: dict[str, Any], plan: dict[str, int]
) -> None:
    for path, value in changes.items():
        put(study, path, value)
    done.write(study)
    assert {rule: count for rule, count in done.planned().items() if rule not in TARGETS} == plan


def test_new_first_variant_redraws_nothing(done: Checkout, study: dict[str, Any]) -> None:
    study["variants"] = {"discounted": {"discount": 0.9}, **study["variants"]}
    done.write(study)
    assert set(done.planned()) == {"report_page"}, "colours follow concepts, not the order of variants"


def test_dry_run_prints_the_cost(done: Checkout) -> None:
    said = done.run("-n").stdout
    assert "A test study: the whole study, finished jobs included, takes " in said
    assert " environment steps, less than a minute of one core, if all measured trajectories last" in said


@pytest.mark.parametrize("options", [(), ("--rerun-triggers", "mtime")], ids=["default", "mtime"])
def test_times_of_files_rerun_nothing(options: tuple[str, ...], done: Checkout, study: dict[str, Any]) -> None:
    """Copies and changes of branches make times new; here, every file is older than those that it was made from."""
    files = [path for path in done.folder.rglob("*") if ".snakemake" not in path.parts]
    for age, path in enumerate(sorted(files, key=lambda path: path.stat().st_mtime_ns)):
        os.utime(path, (2e9 - age, 2e9 - age))
    assert done.planned(*options) == {}
    study["variants"]["averaged"]["batch"] = 5
    done.write(study)
    assert done.planned(*options).get("train", 0) == (2 if not options else 0)


def test_changed_snapshots_rerun_what_reads_them(done: Checkout, study: dict[str, Any]) -> None:
    """Training that stores policies of another moment has the same rows."""
    study["experiments"]["learn"]["snapshots"] = {"initial": 0.0, "late": 0.5}
    done.write(study)
    rows = Path("out/runs/learn/cartpole/averaged/seeds-0-1.csv")
    before = (done.folder / rows).read_bytes()
    done.complete(str(rows))
    assert (done.folder / rows).read_bytes() == before
    plan = done.planned("out/tables/gradients.csv")
    assert "train" not in plan
    assert plan["measure_clouds_trajectories"] == 1


def test_edited_variant_reruns_alone(done: Checkout, study: dict[str, Any]) -> None:
    study["variants"]["total"]["batch"] = 5
    study["variants"]["to_go"]["batch"] = study["variants"]["averaged"]["batch"] = 4
    done.write(study)
    plan = done.planned()
    assert plan["train"] == 2
    assert "measure_clouds_trajectories" not in plan, "a probe does not use the batch size of training"
    lines = [line for line in done.run("-n").stdout.splitlines() if "runs/learn" in line]
    assert [line.partition(": ")[2] for line in lines] == ["variant.batch: 4 → 5"] * 2
    listed = done.run("-n", "--quiet", "host").stdout
    assert listed.count("    reason: variant.batch: 4 → 5\n") == 2
    assert "exclusive params" not in listed


def test_a_new_part_is_not_an_edit_of_code(done: Checkout, study: dict[str, Any]) -> None:
    """The digest of the table's code covers the part's module; a file that was edited and restored is only newer."""
    study["variants"]["left_out"] = {"extends": "to_go", "baseline": "leave_one_out"}
    study["experiments"]["learn"]["variants"].append("left_out")
    done.write(study)
    (done.folder / "pg/parts/baselines/average_reward.py").touch()
    said = done.run("-n").stdout
    (line,) = [line for line in said.splitlines() if line.startswith("out/tables/learn.csv: ")]
    assert line.endswith("; code added (pg/parts/baselines/leave_one_out.py)")
    assert "code (" not in said


def test_a_changed_input_is_named(done: Checkout) -> None:
    with (done.folder / "out/figures/learning.txt").open("a", encoding="utf-8") as caption:
        caption.write("Edited.")
    assert done.run("-n").stdout.splitlines()[-2:] == [
        "out/report.html: updated inputs: out/figures/learning.txt",
        "jobs listed: 1; jobs without results: 0; jobs that follow: 0",
    ]


def test_a_change_of_the_study_alone_is_no_change_of_code(done: Checkout, study: dict[str, Any]) -> None:
    put(study, "report/authors", "Ada")
    done.write(study)
    assert done.run("-n").stdout.splitlines()[-2] == "out/report.html: report.authors:  → Ada"


def test_reordered_keys_and_comments_rerun_nothing(done: Checkout, study: dict[str, Any]) -> None:
    reordered = {
        **study,
        "environments": {name: dict(reversed(options.items())) for name, options in study["environments"].items()},
        "experiments": {name: dict(reversed(options.items())) for name, options in study["experiments"].items()},
    }
    done.write(dict(reversed(reordered.items())))
    config = done.folder / "config.yaml"
    config.write_text("# a comment\n" + config.read_text(encoding="utf-8"), encoding="utf-8")
    assert done.planned() == {}


def test_edited_part_reruns_its_users_and_comments_and_logs_nothing(done: Checkout) -> None:
    module = done.folder / "pg/parts/baselines/average_reward.py"
    text = module.read_text(encoding="utf-8")
    module.write_text(text.replace("The average return of the batch", "The mean return"), encoding="utf-8")
    assert done.planned() == {}
    module.write_text(text + "\n# a comment\n", encoding="utf-8")
    with (done.folder / "workflow/scripts/train.py").open("a", encoding="utf-8") as script:
        script.write("# a comment\n")
    assert done.planned() == {}
    with (done.folder / "pg/runs/logs.py").open("a", encoding="utf-8") as logs:
        logs.write("ADDED = 1\n")
    assert done.planned() == {}
    edited = text.replace("return batch.totals", "return 1 * batch.totals")
    assert edited != text
    module.write_text(edited, encoding="utf-8")
    plan = done.planned()
    assert plan["train"] == 2, "the two blocks of `averaged`, none of `total`"
    assert plan["measure_clouds_trajectories"] == 1


def test_edited_style_only_redraws(done: Checkout) -> None:
    module = done.folder / "pg/plotting/style.py"
    module.write_text(module.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    assert set(done.planned()) == {"figure", "explorable", "report_page"}
