"""The library trains, measures and draws as the jobs of a study file do, and refuses what a study file may not have."""

import doctest
import logging
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pg
import pytest
import torch
from pg.core.errors import InvalidStudy, UserError
from pg.experiments.cells import Block
from pg.experiments.exact.metrics import METRICS as EXACT_METRICS
from pg.experiments.kind import Measurement
from pg.experiments.summaries import summarise
from pg.experiments.tables import measurement_table
from pg.learning.training import train as train_seeds
from pg.library.declared import variants_of
from pg.library.running import running
from pg.library.training import Policies, Trained
from pg.parts.baselines.base import Baseline
from pg.runs.recorder import RunRecorder
from pg.runs.tables import read_csv, write_csv
from pg.study.expansion import cells
from pg.study.slicing import measurement_job, train_job
from pg.study.validation import read

CHAIN = {"id": "pg/Chain-v0", "kwargs": {"length": 2}, "horizon": 3}
SMALL: dict[str, Any] = {"batch": 4, "policy": {"hidden": []}, "optimizer": {"learning_rate": 0.01}}
PAIRS: dict[str, Any] = {**SMALL, "batch": 2}
STUDY = f"""
name: The same
results: out
seeds: {{train: {{count: 3, first: 2}}, measure: {{count: 3, first: 2}}}}
environments:
  chain: {CHAIN}
variants:
  total: {{returns: total, batch: 4, policy: {{hidden: []}}, optimizer: {{learning_rate: 0.01}}}}
  to_go: {{extends: total, returns: to_go}}
experiments:
  learn: {{kind: train, environments: [chain], variants: [total, to_go], budget: {{steps: 200}}}}
  gradients:
    kind: probe
    environments: [chain]
    variants: [total, to_go]
    source: {{experiment: learn, variant: to_go, stages: [late]}}
    sample: {{trajectories: 32, batches: [4, 16]}}
  enumerated: {{kind: exact, environments: [chain], variants: [total, to_go], sweep: {{variant.batch: [2]}}}}
"""
PROBE: dict[str, Any] = {"stages": ["late"], "batches": [4], "trajectories": 32}
TWO = {"total": {"returns": "total"}, "to_go": {}}


class Half(Baseline):
    """A part of a user's own: half of the mean return."""

    def __call__(self, batch: Any) -> Any:
        return 0.5 * batch.totals.mean(-1)[:, None, None]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return pg.train(CHAIN, TWO, steps=200, seeds=range(2, 5), **SMALL)


@pytest.fixture(scope="module")
def probed(trained: Trained) -> pd.DataFrame:
    return pg.probe(trained, TWO, variant="to_go", stages=["late"], batches=[4, 16], trajectories=32)


@pytest.fixture(scope="module")
def enumerated() -> pd.DataFrame:
    return pg.exact(CHAIN, TWO, seeds=range(2, 5), **PAIRS)


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path / "study.yaml"


def test_importing_it_loads_no_library_and_its_packages_can_be_named() -> None:
    code = (
        "import sys, pg, pg.checking, pg.study; from pg import fork_server;"
        "assert not {'numpy', 'torch', 'pandas', 'pydantic'} & {*sys.modules}, sys.modules;"
        "assert {'train', 'study', 'REFERENCE'} <= {*dir(pg)};"
        "assert pg.checking.__name__ == 'pg.checking'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_it_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pg' has no attribute 'trian'"):
        pg.trian  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018


@pytest.mark.long
def test_help_teaches_every_function() -> None:
    text = pydoc.plain(pydoc.render_doc(pg))
    for name in set(pg.__all__) - {"REFERENCE"}:
        function = getattr(pg, name)
        assert re.search(rf"^    {name}\(", text, re.MULTILINE), name
        assert function.__doc__.partition("\n")[0] in text
        sections = {"Parameters", "Returns", "Examples"}
        assert sections <= {*function.__doc__.replace(" ", "").splitlines()}, name


@pytest.mark.long
@pytest.mark.parametrize("module", ["training", "measuring", "checking", "drawing", "results"])
def test_examples_in_docstrings_run(module: str) -> None:
    found = doctest.testmod(import_module(f"pg.library.{module}"), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 2
    assert found.failed == 0


@pytest.mark.long
def test_training_gives_the_rows_of_the_jobs(trained: Trained, study_file: Path) -> None:
    study = read(study_file)
    for cell in cells(study, "learn"):
        recorder = RunRecorder(1)
        job = train_job(study, cell, Block(2, 4))
        train_seeds(job, job.declared_rates, recorder)
        for rows, expected in ((trained.runs, recorder.frame()), (trained.evaluations, recorder.evaluations())):
            own = rows[rows["variant"] == cell.variant_id]
            assert {*own["environment"]} == {"pg-Chain-v0"}
            assert own.drop(columns=["environment", "variant"]).to_csv(index=False) == expected.to_csv(index=False)


@pytest.mark.long
@pytest.mark.parametrize("experiment", ["gradients", "enumerated"])
def test_measurements_give_the_tables_of_the_jobs(
    trained: Trained, study_file: Path, tmp_path: Path, experiment: str, request: pytest.FixtureRequest
) -> None:
    table = request.getfixturevalue({"gradients": "probed", "enumerated": "enumerated"}[experiment])
    study, stage = read(study_file), {"gradients": "late", "enumerated": "random"}[experiment]
    policies = {seed: trained.policies.parameters["to_go", "late", seed] for seed in (2, 3, 4)}
    job = measurement_job(study, experiment, "chain", stage, Block(2, 4))
    write_csv(job.measure(policies)["rows"], tmp_path / "rows.csv")
    rows = {("chain", stage): read_csv(tmp_path / "rows.csv")}
    kind = type(study.experiments[experiment])
    assert issubclass(kind, Measurement)
    expected = measurement_table(cells(study, experiment), kind, rows)
    shown = table.assign(environment="chain").drop(columns="variant.batch", errors="ignore")
    assert shown.to_csv(index=False) == expected.drop(columns="variant.batch", errors="ignore").to_csv(index=False)


@pytest.mark.long
def test_two_values_are_unpacked_and_nothing_else_is_lost(trained: Trained) -> None:
    runs, policies = trained
    assert runs is trained.runs
    assert repr(policies) == (
        "Policies(pg-Chain-v0: variants total, to_go; stages initial, middle, late; seeds 2, 3, 4)"
    )
    assert {*policies.parameters} == {
        (variant, stage, seed) for variant in TWO for stage in ("initial", "middle", "late") for seed in (2, 3, 4)
    }
    assert len(trained.evaluations) > 0
    assert trained.tuned.empty


@pytest.mark.long
def test_a_learning_rate_that_is_not_given_is_tuned_and_the_scores_are_kept() -> None:
    trained = pg.train(CHAIN, steps=100, seeds=2, batch=4, tuning={"grid": [0.1, 0.01]})
    # Once, on one more seed, as without another grid.
    assert trained.tuned[["selection", "seed"]].drop_duplicates().shape == (1, 2)
    chosen = trained.tuned.query("chosen")["learning_rate"].unique()
    assert [*trained.runs["learning_rate"].unique()] == [*chosen]


@pytest.mark.long
def test_numbers_and_lists_of_numpy_are_those_of_python() -> None:
    python = pg.train(CHAIN, steps=100, seeds=2, discount=0.5, **SMALL)
    optimizer = {"learning_rate": np.float64(0.01)}
    arrays = {"policy": {"hidden": np.array([], dtype=int)}, "optimizer": optimizer, "batch": np.int64(4)}
    numpy = pg.train(CHAIN, steps=1e2, seeds=np.int32(2), discount=np.float32(0.5), **arrays)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(python.runs, numpy.runs)


@pytest.mark.long
def test_a_part_of_a_users_own_is_its_class() -> None:
    own = {"own": {"baseline": Half}, "name": {"baseline": f"{__name__}:Half"}}
    table = pg.exact(CHAIN, own, seeds=1, **PAIRS)
    biases = table[table["metric"] == "relative_bias"].set_index("variant")["value"]
    # Half of the mean of N = 2 returns has a quarter of each trajectory's own.
    assert biases.to_dict() == pytest.approx({"own": 0.25, "name": 0.25})


def test_the_options_of_a_variant_override_those_of_all() -> None:
    found = variants_of(pg.train, {"a": {}, "b": {"batch": 8, "returns": "total"}}, {"batch": 4, "returns": "to_go"})
    assert found == {"a": {"batch": 4, "returns": "to_go"}, "b": {"batch": 8, "returns": "total"}}


@pytest.mark.long
def test_measured_variants_may_have_the_names_of_trained_ones(trained: Trained) -> None:
    """The trained policies stay those of the training, whatever a name means in the measurement."""
    values = [
        [*pg.probe(trained, {name: {"returns": "total"}}, variant="to_go", **PROBE)["value"]]
        for name in ("another", "to_go", "trained")
    ]
    assert values[0] == values[1] == values[2]


@pytest.mark.long
def test_policies_of_one_variant_are_measured(trained: Trained) -> None:
    one, other = (pg.probe(trained, {"x": {}}, variant=name, **PROBE)["value"] for name in TWO)
    assert not one.equals(other)


@pytest.mark.long
def test_policies_of_a_training_can_be_enumerated(trained: Trained) -> None:
    table = pg.exact(trained, TWO, variant="to_go", **PAIRS)
    assert {*table["stage"]} == {"initial", "middle", "late"}
    assert {*table["seed"]} == {2, 3, 4}
    assert table[table["metric"] == "relative_bias"]["value"].max() < 1e-9
    assert {*table["metric"]} <= {metric.name for metric in EXACT_METRICS}


@pytest.mark.parametrize("is_terminal", [False, True])
def test_progress_is_shown_on_a_terminal_alone_and_warnings_everywhere(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("pg")
    before = torch.get_num_threads(), [*log.handlers], log.level
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with running():
        assert torch.get_num_threads() == 1
        log.info("half of it")
        log.warning("seed 0 has diverged")
    shown = capsys.readouterr().err
    assert ("half of it" in shown) == is_terminal
    assert "seed 0 has diverged" in shown
    assert (torch.get_num_threads(), log.handlers, log.level) == before


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "of", "options"),
    [
        ("learning_curves", "trained", {"width": "one_column"}),
        ("learning_curves", "trained", {"variants": ("to_go",), "levels": {"pg-Chain-v0": {"best": 1.0}}}),
        ("variance", "probed", {}),
        ("batch_size", "probed", {}),
        ("ladder", "enumerated", {}),
        ("shrinkage", "enumerated", {}),
    ],
)
def test_figures_are_drawn(kind: str, of: str, options: dict[str, Any], request: pytest.FixtureRequest) -> None:
    figure = pg.draw(kind, request.getfixturevalue(of), **options)
    assert figure.axes
    assert 0 < len(str(figure.get_label()).split()) <= 60


@pytest.mark.long
def test_a_study_file_is_drawn_as_its_tables_would_be(
    enumerated: pd.DataFrame, study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study_file.parent)
    with pytest.raises(UserError, match=r"out/tables/enumerated-summary.csv does not exist; make it with\n  snakemake"):
        pg.draw("shrinkage", "study.yaml", experiment="enumerated")
    named = summarise(enumerated).assign(environment="chain", **{"variant.batch": 2})
    write_csv(named, "out/tables/enumerated-summary.csv")
    figure = pg.draw("shrinkage", "study.yaml", experiment="enumerated")
    own = pg.draw("shrinkage", enumerated)
    assert [len(axes.lines) for axes in figure.axes] == [len(axes.lines) for axes in own.axes]


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "changed", "lacking"),
    [
        ("variants: [total, to_go], sweep", "variants: [total, to_go, later], sweep", "later"),
        ("environments: [chain], variants", "environments: [chain, twin], variants", "twin"),
        ("[total, to_go], sweep: {", "[total, to_go], sweep: {variant.discount: [1, 0.9], ", r"variant\.discount"),
    ],
)
def test_a_table_that_is_older_than_the_study_file_is_not_drawn(
    enumerated: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, changed: str, lacking: str
) -> None:
    monkeypatch.chdir(tmp_path)
    named = summarise(enumerated).assign(environment="chain", **{"variant.batch": 2})
    write_csv(named, "out/tables/enumerated-summary.csv")
    added = STUDY.replace("variants:\n", f"  twin: {CHAIN}\nvariants:\n  later: {{extends: total}}\n", 1)
    assert options in added
    Path("study.yaml").write_text(added, encoding="utf-8")
    assert pg.draw("shrinkage", "study.yaml", experiment="enumerated").axes
    Path("study.yaml").write_text(added.replace(options, changed), encoding="utf-8")
    with pytest.raises(UserError, match=rf"summary\.csv has no results of {lacking}; it is older.* with\n  snakemake"):
        pg.draw("shrinkage", "study.yaml", experiment="enumerated")


def test_tables_have_the_types_of_their_columns(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "claims.csv").write_text("claim,primary,n,effect\na,True,,1\nb,False,3,2\n", encoding="utf-8")
    rows = "environment,variant,stage,selection,seed,metric,value\nchain,to_go,,,0,final_return,1\n"
    (tmp_path / "tables/learn.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "tables/claims.csv").write_text(rows, encoding="utf-8")
    results = pg.load_results(tmp_path)
    assert [*results] == ["claims", "tables/claims", "learn"]
    kinds = {name: str(kind) for name, kind in results["learn"].dtypes.items()}
    assert kinds["stage"] == kinds["variant"] == "str"
    assert kinds["selection"] == str(results["claims"]["n"].dtype) == "Int64"
    assert str(results["claims"]["primary"].dtype) == "bool"
    with pytest.raises(
        UserError, match=r"'claim' is no table; did you mean 'claims'\?; allowed: claims, tables/claims"
    ):
        results["claim"]


def test_the_reference_is_loaded() -> None:
    results = pg.load_results(pg.REFERENCE)
    assert (results["claims"]["verdict"] == "supported").sum() > 10
    assert "ladder-summary: " in repr(results)


def test_a_folder_without_tables_and_a_damaged_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no tables"):
        pg.load_results(tmp_path)
    (tmp_path / "claims.csv").write_text("claim,effect\na,1", encoding="utf-8")
    with pytest.raises(UserError, match=r"claims.csv, line 2: is cut off"):
        pg.load_results(tmp_path)


POLICIES = Policies(
    {("a", "late", 0): {}, ("b", "late", 0): {}},
    {
        "name": "x",
        "environments": {"chain": CHAIN},
        "variants": {"a": {}, "b": {}},
        "experiments": {
            "training": {
                "kind": "train",
                "environments": ["chain"],
                "variants": ["a", "b"],
                "seeds": {"count": 1},
                "budget": {"steps": 9},
                "tuning": {"grid": [0.1], "seeds": 1},
            }
        },
    },
)
REFUSED: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (pg.train, ("CartPol-v1",), {"steps": 9}, "environment.id: 'CartPol-v1' is not known to gymnasium; did you mean"),
    (
        pg.train,
        ({"id": "CartPole-v1", "horizn": 3},),
        {"steps": 9},
        "environment.horizn: unknown key; did you mean 'horizon'",
    ),
    (pg.train, (3,), {"steps": 9}, "environment: should be a mapping of keys to values; it is 3"),
    (pg.train, (CHAIN,), {"steps": -9}, "steps: should be greater than 0; it is -9"),
    (pg.train, (CHAIN,), {"steps": 9.5}, "steps: should be a valid integer; it is 9.5"),
    (pg.train, (CHAIN,), {"steps": 9, "seeds": 0}, "seeds.count: should be greater than 0; it is 0"),
    (
        pg.train,
        (CHAIN,),
        {"steps": 9, "basline": "optimal"},
        "pg.train: 'basline' is not known; did you mean 'baseline'?",
    ),
    (
        pg.train,
        (CHAIN,),
        {"steps": 9, "rewards": {}},
        "pg.train: 'rewards' is not known; it is an option of environments: write {'id': 'CartPole-v1', 'rewards': {}}",
    ),
    (
        pg.train,
        (CHAIN,),
        {"steps": 9, "hidden": [8]},
        "pg.train: 'hidden' is not known; write policy={'hidden': [8]}",
    ),
    (pg.train, (CHAIN,), {"steps": 9, "gamma": 0.9}, "pg.train: 'gamma' is not known; write discount=0.9"),
    (pg.train, (CHAIN,), {"steps": 9, "evalute": {}}, "pg.train: 'evalute' is not known; did you mean 'evaluate'?"),
    (pg.train, (CHAIN,), {"steps": 9, "baseline": "leave_one"}, "baseline: 'leave_one' is not known; did you mean"),
    (
        pg.train,
        (CHAIN, TWO),
        {"steps": 9, "baseline": "leave_one"},
        "the study has one problem:\n  baseline: 'leave_one' is not",
    ),
    (
        pg.train,
        (CHAIN, {"a": {"retuns": "total"}}),
        {"steps": 9},
        "variants.a.retuns: unknown key; did you mean 'returns'?",
    ),
    (pg.train, (CHAIN, ["a"]), {"steps": 9}, "variants: should be a mapping of names to options"),
    (pg.train, (CHAIN,), {"steps": 9, "critic": 1}, "critic: belongs to baseline now"),
    (pg.train, (CHAIN,), {"steps": 9, "snapshots": {"late": 2.0}}, "snapshots.late: should be less than or equal to 1"),
    (pg.probe, (POLICIES, TWO), {"batches": [8]}, "variant: is missing; whose policies? allowed: a, b"),
    (pg.probe, (POLICIES, TWO), {"batches": [8], "variant": "c"}, "variant: 'c' is not known; allowed: a, b"),
    (
        pg.probe,
        (POLICIES, TWO),
        {"batches": [8], "variant": "a", "stages": ["lat"]},
        "stages: 'lat' is not known; did you mean 'late'?",
    ),
    (
        pg.probe,
        (POLICIES, TWO),
        {"batches": [3], "variant": "a"},
        "sample: batches: 3 does not divide trajectories: 256",
    ),
    (
        pg.probe,
        (POLICIES, TWO),
        {"batches": [8], "variant": "a", "sample": {"refrence": 1}},
        "sample.refrence: unknown key; did you mean 'reference'?",
    ),
    (
        pg.probe,
        (POLICIES, TWO),
        {"batches": [8], "variant": "a", "seeds": 2},
        "seeds: 0 to 1 are needed, but training trains 0 to 0",
    ),
    (pg.probe, (pd.DataFrame(), TWO), {"batches": [8]}, "policies: should be what pg.train returns; it is DataFrame"),
    (pg.exact, ("CartPole-v1", TWO), {}, "environments: CartPole-v1 (CartPole-v1) has no tables to enumerate"),
    (pg.exact, ("pg/Chain-v0", TWO), {}, "limit: pg-Chain-v0 has 10,744,240 trajectories"),
    (pg.exact, (CHAIN, TWO), {"stages": ["late"]}, "stages: policies of an environment are random; leave it out"),
    (pg.draw, ("variance", pd.DataFrame()), {}, "of: should be what pg.train, pg.probe or pg.exact returns"),
    (pg.draw, ("variance", 3), {}, "or a study file; it is int"),
    (pg.draw, ("variance", "nowhere.yaml"), {}, "nowhere.yaml: No such file"),
    (pg.check, (3,), {}, "estimator: should be a function, a class, or the path of a file; it is int"),
]


@pytest.mark.parametrize(("function", "arguments", "options", "message"), REFUSED, ids=[row[3][:50] for row in REFUSED])
def test_wrong_arguments_are_refused_by_name(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as refused:
        function(*arguments, **options)
    assert message in str(refused.value)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("varience", {}, "kind: 'varience' is not known; did you mean 'variance'?"),
        ("ladder", {}, "ladder draws exact experiments, not probe"),
        ("variance", {"widht": 1}, "widht: unknown key; did you mean 'width'?"),
        ("variance", {"variants": ["total", "togo"]}, "variants: 'togo' is not known; did you mean 'to_go'?"),
        ("variance", {"experiment": "gradients"}, "experiment: names one of a study file; leave it out"),
        ("trajectories", {}, "kind: reads the table trajectories, which only the workflow makes"),
        ("achieved_share", {}, "achieved_share compares a baseline with a variant that has none and the same returns"),
    ],
)
def test_wrong_figures_are_refused_by_name(
    probed: pd.DataFrame, kind: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidStudy) as refused:
        pg.draw(kind, probed, **options)
    assert message in str(refused.value)


@pytest.mark.long
def test_a_function_is_checked_in_this_process_like_its_file(tmp_path: Path) -> None:
    result = "-(log_probs * rewards.sum(-1, keepdim=True) * mask).sum(-1).mean()"
    source = f"def loss(log_probs, rewards, mask):\n    return {result}\n"
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "mine"}
    exec(source, namespace)
    here, apart = pg.check(namespace["loss"]), pg.check(tmp_path / "mine.py")
    assert here.passes
    assert (here.biases, here.variances, here.diagnosis) == (apart.biases, apart.variances, apart.diagnosis)
    assert str(here).startswith("✓ mine:loss passes")
    assert pg.check(Half, options={}).passes is False


def test_what_a_function_raises_is_told_with_its_line() -> None:
    def loss(log_probs: Any, rewards: Any, mask: Any) -> Any:
        return log_probs / 0 / rewards["no"] / mask

    findings = pg.check(loss)
    assert not findings.passes
    assert findings.fault.startswith(("TypeError", "IndexError"))
    assert 'rewards["no"]' in findings.line
