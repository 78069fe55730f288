"""A study file may build on others; messages name the file and the line."""

import os
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from pg.core.errors import InvalidStudy
from pg.parts.activations.relu import Relu
from pg.study.files import declared_in, read_file
from pg.study.inheritance import merged
from pg.study.validation import load, read
from tests.study.studies import ROOT, put, study_of


@pytest.fixture
def folder(options: dict[str, Any], tmp_path: Path) -> Path:
    """Return a folder with the small study as a base, one file per section."""
    for section in ("environments", "variants", "experiments", "figures", "claims"):
        write(tmp_path / f"base/{section}.yaml", {section: options[section]})
    write(tmp_path / "base/name.yaml", {"name": options["name"], "results": options["results"]})
    return tmp_path


def write(file: Path, options: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
    return file


def test_a_base_in_files_is_the_study_in_one(options: dict[str, Any], folder: Path) -> None:
    files = sorted(str(file.relative_to(folder)) for file in (folder / "base").iterdir())
    for base in ("base", files):
        assert read(write(folder / "mine.yaml", {"base": base})) == load(options)


def test_own_keys_override_the_base_at_any_depth(options: dict[str, Any], folder: Path) -> None:
    own = {"results": "mine", "variants": {"total": {"policy": {"activation": "relu"}, "batch": 4}}}
    study = read(write(folder / "mine.yaml", {"base": "base", **own}))
    assert study.results == "mine"
    below = load(options).variants["total"].policy
    assert study.variants["total"].policy == below.model_copy(update={"activation": Relu()})
    assert list(study.variants) == list(options["variants"])


def test_a_base_may_have_a_base_and_is_relative_to_its_file(folder: Path) -> None:
    write(folder / "studies/one.yaml", {"base": "../base", "name": "One"})
    assert read(write(folder / "mine.yaml", {"base": "studies/one.yaml"})).name == "One"


def test_values_of_the_command_line_override_file_and_base(folder: Path) -> None:
    file = read_file(write(folder / "mine.yaml", {"base": "base", "results": "mine"}))
    assert load({**file.options, "results": "elsewhere"}, [file]).results == "elsewhere"


def test_places_of_entries_are_in_the_base_and_in_the_file_that_changes_them(folder: Path) -> None:
    file = write(folder / "studies/mine.yaml", {"base": "../base", "claims": {"causality": {"section": "Recap"}}})
    places = declared_in([file])
    assert places["claims.causality"] == [f"{folder}/base/claims.yaml:2", f"{file}:3"]
    assert places["variants.total"] == [f"{folder}/base/variants.yaml:2"]
    assert not any(key.count(".") != 1 for key in places)


def test_a_base_is_a_study_of_the_repository_unless_there_is_a_file_of_its_name(folder: Path) -> None:
    file = write(folder / "studies/mine.yaml", {"base": "lecture"})
    places = declared_in([file])
    assert {place.rpartition(":")[0] for place in places["variants.to_go"]} == {
        os.path.relpath(ROOT / "workflow/studies/lecture/variants/1_estimators.yaml")
    }
    write(folder / "studies/lecture/variants.yaml", {"variants": {"to_go": {}}})
    assert declared_in([file])["variants.to_go"] == [f"{folder}/studies/lecture/variants.yaml:2"]


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("bas", r"mine\.yaml: base: there is no file or folder .*/bas$"),
        (["base", 1], r"mine\.yaml: base: should be a file, a folder, or a list of them; it is \['base', 1\]$"),
        ("empty", r"mine\.yaml: base: the folder .*/empty holds no file \*\.yaml$"),
        ("mine.yaml", r"mine\.yaml: base: .*/mine\.yaml is based on this file"),
        ("empty/../mine.yaml", r"mine\.yaml: base: .*/mine\.yaml is based on this file"),
        ("loop.yaml", r"loop\.yaml: base: .*/mine\.yaml is based on this file"),
        ("list.yaml", r"list\.yaml: must be a mapping of keys to values, not list$"),
        (
            ["base", "again.yaml"],
            r"variants\.total: is in two files of the base, .*/variants\.yaml and .*again\.yaml; re",
        ),
        (["base", "named.yaml"], r"name: is in two files of the base, .*name\.yaml and .*named\.yaml; remove one$"),
    ],
)
def test_a_base_that_cannot_be_used_is_refused(folder: Path, base: Any, message: str) -> None:
    (folder / "empty").mkdir()
    write(folder / "loop.yaml", {"base": "mine.yaml"})
    write(folder / "list.yaml", ["a list"])
    write(folder / "again.yaml", {"variants": {"total": {"batch": 4}}})
    write(folder / "named.yaml", {"name": "Again"})
    with pytest.raises(InvalidStudy, match=message):
        read(write(folder / "mine.yaml", {"base": base}))


@pytest.mark.parametrize(
    ("path", "value", "location"),
    [
        ("variants/total/retruns", "total", "mine.yaml:4: variants.total.retruns: unknown key"),
        ("variants/to_go/batch", 0, "mine.yaml:4: variants.to_go.batch: should be greater"),
        (
            "experiments/learn/seeds",
            {"first": 2},
            "experiments.yaml:26: experiments.gradients.seeds: 1 to 3 are needed",
        ),
        ("experiments/learn/variants", ["total", "to_og"], "mine.yaml:4: experiments.learn.variants: 'to_og' is not"),
        ("variants/new", {"extends": "totl"}, "mine.yaml:4: variants.new.extends: 'totl' is not a variant"),
        ("sweeps", {}, "mine.yaml:2: sweeps: unknown key"),
    ],
)
def test_a_problem_names_file_and_line(folder: Path, path: str, value: Any, location: str) -> None:
    own: dict[str, Any] = {"base": "base"}
    put(own, path, value)
    with pytest.raises(InvalidStudy, match=re.escape(location)):
        read(write(folder / "mine.yaml", own))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nvariants: [1,\nresults: y\n", r"study\.yaml is not YAML: line \d, column 1: .*expected"),
        ("name: " + 100_000 * "[", "line 1, column 56: more than 50 lists and mappings inside each other"),
        (
            "name: x\nvariants:\n  mine: {baseline: none,\n    baseline: optimal}\n",
            "line 4, column 5: the key 'baseline' is listed twice, first in line 3; remove one",
        ),
        ("__use_yte__: true\nname: ?open('harm', 'w')\n", "__use_yte__: is not allowed"),
        ("name: !!python/object/apply:os.system ['touch harm']\n", "is not YAML"),
        ("name: !!python/object/new:pathlib.Path ['harm']\n", "is not YAML"),
    ],
    ids=["syntax", "depth", "twice", "template", "command", "object"],
)
def test_illegal_yaml_is_refused_without_running_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidStudy, match=message):
        read(Path("study.yaml"))
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidStudy, match=r"absent\.yaml: No such file or directory$"):
        read(tmp_path / "absent.yaml")
    with pytest.raises(InvalidStudy, match=r"figures: No such file or directory; .*targets come before --configfile$"):
        read(tmp_path / "figures")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "figure_defaults: {\n  colours: {total: #d55e00},\n  width: one_column}\n",
            "# begins a comment: .* in quotes",
        ),
        ("variants:\n\ttotal: {}\n", "indent with spaces"),
        ("variants: [1, # mine\nname: x\n", "expected ',' or ']'$"),
    ],
)
def test_usual_slips_of_yaml_get_a_hint(tmp_path: Path, text: str, hint: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidStudy, match=hint):
        read(file)


def test_the_examples_in_the_readme_are_legal_together() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    options = reduce(merged, (yaml.safe_load(block) for block in blocks), read_file(ROOT / "config.yaml").options)
    study = load(options)
    assert study.claims["baselines_help_on_acrobot"].figure == "acrobot"
    assert "to_go_discounted" in study.experiments["ladder"].variants


def test_a_key_may_override_one_of_a_yaml_merge(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("one: &look {width: one, format: pdf}\ntwo: {<<: *look, format: svg}\n")
    assert read_file(file).options["two"] == {"width": "one", "format": "svg"}


def test_the_examples_in_the_default_study_are_legal(tmp_path: Path) -> None:
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    # Examples are comments with the indentation of YAML; prose begins with a capital letter and ends a paragraph.
    uncommented = [line.removeprefix("# ") for line in lines if re.match(r"# ( +\w+|\w+):", line) or line[:1] != "#"]
    options = yaml.safe_load("\n".join(uncommented))
    study, plain = read(write(tmp_path / "study.yaml", options)), study_of("config.yaml")
    assert {*study.variants} - {*plain.variants} == {"to_go_discounted"}
    assert {*study.claims} - {*plain.claims} == {"baselines_help_on_acrobot"}
    assert study.experiments["ladder"].variants == (*plain.experiments["ladder"].variants, "to_go_discounted")
