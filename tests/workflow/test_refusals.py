"""A broken study is refused at once, in words, and nothing is written."""

import time
from typing import Any

import pytest
import torch
from tests.workflow.checkout import Checkout


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("variants/total/retruns", "total", "variants.total.retruns: unknown key; did you mean 'returns'?"),
        ("environments/cartpole/id", "CartPole-v7", "environments.cartpole.id: 'CartPole-v7' is not known"),
        ("environments/cartpole/kwargs", {"gravity": 1}, "environments.cartpole.kwargs: CartPole-v1 cannot be made"),
        ("variants/total/optimizer/learning_rate", -0.1, "learning_rate: should be greater than 0"),
        ("experiments/learn/seeds", {}, "experiments.learn.seeds.count: is missing"),
        (
            "experiments/learn/variants",
            ["totl"],
            "experiments.learn.variants: 'totl' is not known; did you mean 'total'?",
        ),
        ("experiments/gradients/source/stages", ["end"], "experiments.gradients.source.stages: 'end' is not known"),
        ("claims/causality/parts/probed/metric", "varianc", "claims.causality.parts.probed.metric: 'varianc'"),
        ("variants/averaged/batch", 1, "baseline: average_reward is made from the batch and needs batch: 2 or more"),
    ],
)
def test_a_broken_study_is_refused(fresh: Checkout, study: dict[str, Any], path: str, value: Any, message: str) -> None:
    *parents, key = path.split("/")
    place = study
    for parent in parents:
        place = place[parent]
    place[key] = value
    fresh.write(study)
    assert_refused(fresh, message)


def test_a_file_that_is_not_yaml_is_refused(fresh: Checkout) -> None:
    (fresh.folder / "config.yaml").write_text("name: [1,\nvariants: x\n", encoding="utf-8")
    assert_refused(fresh, "config.yaml is not YAML: line ")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_refused_before_any_job(fresh: Checkout, study: dict[str, Any]) -> None:
    study["device"] = "cuda"
    fresh.write(study)
    # Importing torch takes a second.
    assert_refused(fresh, "device: cuda: torch ", seconds=20)


def assert_refused(place: Checkout, message: str, seconds: float = 10) -> None:
    before = {path for path in place.folder.rglob("*") if "__pycache__" not in path.parts}
    started = time.monotonic()
    done = place.run()
    assert time.monotonic() - started < seconds
    assert done.returncode != 0
    said = done.stderr + done.stdout
    assert said.count(message) == 1
    assert "Traceback" not in said
    assert "Snakefile" not in said
    after = {path for path in place.folder.rglob("*") if "__pycache__" not in path.parts}
    assert after - before <= {path for path in after if ".snakemake" in path.parts}, "only Snakemake's own log"
