"""Equal jobs run once: the others copy the files of the first."""

import copy
from typing import Any

from tests.workflow.checkout import Checkout


def test_a_repeated_experiment_copies_what_the_first_made(fresh: Checkout, study: dict[str, Any]) -> None:
    study["variants"]["averaged"]["optimizer"] = {"learning_rate": "tuned"}
    learn = study["experiments"]["learn"] | {
        "seeds": {"count": 2, "per_job": 2},
        "tuning": {"grid": [0.01, 0.1], "seeds": 2},
        "evaluate": {"every_steps": 100, "episodes": 1},
    }
    study["experiments"] = {"learn": learn, "again": copy.deepcopy(learn)}
    study["figures"], study["claims"] = {}, {}
    fresh.write(study)
    fresh.complete("tables")
    files = fresh.files()
    made = {name: content for name, content in files.items() if "learn" in name}
    assert {name.split("/")[0] for name in made} == {"runs", "evaluations", "snapshots", "tuned", "tables"}
    assert {name.replace("learn", "again"): content for name, content in made.items()} == {
        name: content for name, content in files.items() if "again" in name
    }
    logs = fresh.folder / "out/logs"
    for log in ("runs/{}/cartpole/total/seeds-0-1.log", "tuned/{}/cartpole/averaged.log"):
        first, copied = ((logs / log.format(name)).read_text().splitlines() for name in ("learn", "again"))
        assert copied[0].split()[1:] == first[0].split()[1:], "both name the code that made the files"
        assert len(copied) == 1
    assert fresh.planned("tables") == {}
