"""A change reruns the jobs that it affects, and no others."""

from typing import Any

from tests.workflow.checkout import Checkout

# The jobs that follow those of the experiment `learn` in the test study.
AFTER_LEARN = {"train_tables": 1, "figure": 1, "report_page": 1}


def test_new_variant_runs_its_jobs_and_what_follows(done: Checkout, study: dict[str, Any]) -> None:
    study["variants"]["discounted"] = {"extends": "to_go", "discount": 0.9}
    study["experiments"]["learn"]["variants"].append("discounted")
    done.write(study)
    assert trimmed(done.planned()) == {"train": 2, **AFTER_LEARN}


def test_new_first_variant_only_redraws(done: Checkout, study: dict[str, Any]) -> None:
    study["variants"] = {"discounted": {"discount": 0.9}, **study["variants"]}
    done.write(study)
    assert set(done.planned()) == {"figure", "report_page"}, "colours follow the order of variants"


def test_dry_run_prints_the_cost(done: Checkout) -> None:
    said = done.run("-n").stdout
    assert "A test study: the whole study, finished jobs included, takes " in said
    assert " environment steps, less than a minute of one core, if all measured trajectories last" in said


def test_new_block_of_seeds_runs_alone(done: Checkout, study: dict[str, Any]) -> None:
    study["experiments"]["learn"]["seeds"]["count"] = 6
    done.write(study)
    assert trimmed(done.planned()) == {"train": 2, **AFTER_LEARN}


def test_new_environment_runs_alone(done: Checkout, study: dict[str, Any]) -> None:
    study["environments"]["acrobot"] = {"id": "Acrobot-v1", "horizon": 20}
    study["experiments"]["learn"]["environments"].append("acrobot")
    done.write(study)
    assert trimmed(done.planned()) == {"train": 4, **AFTER_LEARN}


def test_edited_variant_reruns_alone(done: Checkout, study: dict[str, Any]) -> None:
    study["variants"]["total"]["batch"] = 5
    study["variants"]["to_go"]["batch"] = study["variants"]["averaged"]["batch"] = 4
    done.write(study)
    plan = done.planned()
    assert plan["train"] == 2
    assert "measure" not in plan, "a probe does not use the batch size of training"


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
    assert plan["measure"] == 1


def test_edited_style_only_redraws(done: Checkout) -> None:
    module = done.folder / "pg/plotting/style.py"
    module.write_text(module.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    assert set(done.planned()) == {"figure", "report_page"}


def test_only_new_figure_defaults_redraw(done: Checkout, study: dict[str, Any]) -> None:
    done.write({**study, "figure_defaults": {"width": "two_columns", "format": "pdf"}})
    assert done.planned() == {}
    done.write({**study, "figure_defaults": {"width": "one_column"}})
    assert trimmed(done.planned()) == {"figure": len(study["figures"]), "report_page": 1}


def trimmed(plan: dict[str, int]) -> dict[str, int]:
    """Leave out the rules without outputs."""
    return {rule: count for rule, count in plan.items() if rule not in ("figures", "claims", "report")}
