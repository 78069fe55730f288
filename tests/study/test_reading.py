"""Files of any content are read or refused with one message, in little time and memory."""

import os
from pathlib import Path

import pytest
from pg.core.errors import InvalidStudy
from pg.study.files import check_arguments, read_file
from pg.study.validation import load, read
from tests.study.conftest import SMALL

KWARGS = "kwargs: {length: 2}"
ALIASES = ", ".join(f"&a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 25))
MAPS = ", ".join(f"&a{i} {{{', '.join(f'k{j}: *a{i - 1}' for j in range(9))}}}" for i in range(1, 25))
MERGES = ", ".join(f"&a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 12))
CHAIN = ", ".join(f"&a{i} [*a{i - 1}]" for i in range(1, 3000))


def changed(old: str, new: str) -> bytes:
    assert old in SMALL
    return SMALL.replace(old, new, 1).encode()


def with_kwargs(value: str) -> bytes:
    return changed(KWARGS, f"kwargs: {{length: {value}}}")


ILLEGAL = {
    "bytes": (b"name: \xff\xfe\x00\x01", ": line 1: the byte 0xff is not UTF-8; save it as UTF-8"),
    "latin-1": ("name: x\nresults: Zoë".encode("latin-1"), ": line 2: the byte 0xeb is not UTF-8"),
    "utf-16": (SMALL.encode("utf-16"), ": line 1: the byte 0xff is not UTF-8"),
    "utf-16-le": (SMALL.encode("utf-16-le"), "unacceptable character #x0000"),
    "utf-32": (SMALL.encode("utf-32"), ": line 1: the byte 0xff is not UTF-8"),
    "empty": (b"", "must be a mapping of keys to values, not NoneType"),
    "large": (SMALL.encode() + b"#" * 2**20, "is too large; allowed: 1,048,576 bytes"),
    "deep lists": (with_kwargs("[" * 1000 + "]" * 1000), "more than 50 lists and mappings inside each other"),
    "deep mappings": (with_kwargs("{a: " * 1000 + "1" + "}" * 1000), "more than 50 lists and mappings"),
    "deep items": (b"name:\n  " + b"- " * 1000 + b"a", "more than 50 lists and mappings"),
    "deep JSON": (b'{"a": ' * 5000 + b"1" + b"}" * 5000, "more than 50 lists and mappings"),
    "deep aliases": (
        with_kwargs(f"[&a0 [x], {CHAIN}]"),
        "more than 50 lists and mappings inside each other, by aliases",
    ),
    "alias of itself": (with_kwargs("&k [*k]"), "contains itself, by an alias"),
    "merge of itself": (b"name: &x {<<: *x}", "contains itself, by an alias"),
    "alias bomb": (with_kwargs(f"[&a0 [x], {ALIASES}]"), "more than 20,000 keys and values, with aliases written out"),
    "bomb of mappings": (with_kwargs(f"[&a0 {{k: x}}, {MAPS}]"), "more than 20,000 keys and values"),
    "bomb in a sweep": (changed("[2, 3]", f"[&a0 [x], {ALIASES}]"), "more than 20,000 keys and values"),
    "bomb of merges": (with_kwargs(f"[&a0 {{a: 1}}, {MERGES}]"), "more than 20,000 keys and values"),
    "long list": (changed("[2, 3]", "[" + "1," * 20_000 + "]"), "more than 20,000 keys and values"),
    "digits": (changed("steps: 100", "steps: " + "9" * 100_000), "a number of 100,000 characters; allowed: 100"),
    "hexadecimal": (with_kwargs("0x" + "f" * 100_000), "a number of 100,002 characters"),
    "sexagesimal": (with_kwargs("1" + ":59" * 30_000 + ".5"), "a number of 90,003 characters"),
    "no int": (changed("steps: 100", "steps: !!int abc"), "line 17, column 21: 'abc' is no int"),
    "no float": (changed("steps: 100", "steps: !!float abc"), "'abc' is no float"),
    "no bool": (changed("steps: 100", "steps: !!bool abc"), "'abc' is no bool"),
    "no date": (changed("A small study", "2020-99-99"), "is read as timestamp; write text in quotes"),
    "date": (changed("[2, 3]", "[2020-01-01]"), "is read as timestamp; write text in quotes"),
    "binary": (changed("[2, 3]", "[!!binary YWJj]"), "is read as binary"),
    "set": (changed("[2, 3]", "!!set {2, 3}"), "is read as set"),
    "equals sign": (changed("A small study", "="), "is read as value; write text in quotes"),
    "lone surrogate": (changed("A small study", r'"\ud800"'), "line 2, column 10: found invalid Unicode character"),
}


@pytest.mark.parametrize(("content", "message"), ILLEGAL.values(), ids=ILLEGAL)
def test_an_illegal_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_bytes(content)
    with pytest.raises(InvalidStudy) as refused:
        read_file(file)
    (problem,) = refused.value.problems
    assert problem.startswith(str(file))
    assert message in problem
    assert len(problem) < 500


@pytest.mark.parametrize("content", [SMALL, "\ufeff" + SMALL, SMALL.replace("\n", "\r\n")], ids=["", "mark", "returns"])
def test_the_same_study_in_other_bytes_is_the_same(tmp_path: Path, content: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_bytes(content.encode())
    assert read(file).name == "A small study"


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "study.yaml").write_text("base: pipe")
    with pytest.raises(InvalidStudy, match="pipe: is a pipe or a device"):
        read(tmp_path / "study.yaml")


@pytest.mark.parametrize(
    ("base", "text_of", "message"),
    [
        ("b0.yaml", "base: b{}.yaml", r"b49\.yaml: base: more than 50 files build on each other"),
        ("b0.yaml", "base: [b{0}.yaml, b{0}.yaml]", r"base: has more than 100 files"),
        ("/proc", "name: {}", "the folder /proc holds more than 10,000 files and folders"),
        ("a" * 5000, "name: {}", "File name too long"),
    ],
    ids=["chain", "tree", "folder", "name"],
)
def test_a_base_without_end_is_refused(tmp_path: Path, base: str, text_of: str, message: str) -> None:
    count = 26 if "[" in text_of else 1500
    for number in range(count):
        text = text_of.format(number + 1) if number < count - 1 else "{}"
        (tmp_path / f"b{number}.yaml").write_text(text)
    (tmp_path / "study.yaml").write_text(f"base: {base}")
    with pytest.raises(InvalidStudy, match=message):
        read(tmp_path / "study.yaml")


@pytest.mark.parametrize("cycle", [False, True])
def test_a_long_chain_of_variants_is_refused(options: dict[str, object], cycle: bool) -> None:
    chain = {f"v{number}": {"extends": f"v{number + 1}"} for number in range(1500)}
    options["variants"] = {"v1500": {"extends": "v0"} if cycle else {}, **chain}
    with pytest.raises(InvalidStudy, match="more than 50 variants extend each other"):
        load(options)


def test_files_of_a_command_are_checked_before_snakemake_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    legal, template = tmp_path / "legal.yaml", tmp_path / "template.yaml"
    legal.write_text(SMALL)
    template.write_text("__use_yte__: true\nname: ?open('harm', 'w')\n")
    check_arguments(["--cores", "2", "-n", "--configfile", str(legal)])
    check_arguments(["--cores", "2", "--config", "results=elsewhere", "--configfile", str(legal), "--", "all"])
    unquoted = tmp_path / "unquoted.yaml"
    unquoted.write_text("questions:\n  q: {ask: Why?, answers: []}\n")
    with pytest.raises(SystemExit, match="1"):
        check_arguments(["--configfile", str(unquoted)])
    assert (
        "unquoted.yaml is not YAML: line 2, column 15: expected ',' or '}', but got '?'; put" in capsys.readouterr().err
    )
    for option in (["--configfile", str(legal), str(template)], [f"--configfiles={template}"]):
        with pytest.raises(SystemExit, match="1"):
            check_arguments(["all", "--cores", "2", *option])
        assert "template.yaml: __use_yte__: is not allowed" in capsys.readouterr().err


def test_abbreviations_of_options_are_read_as_snakemake_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some versions of Python accept `--configf`; others refuse it, because of `--configfile` and `--configfiles`."""
    template = tmp_path / "template.yaml"
    template.write_text("__use_yte__: true\n")
    with pytest.raises(SystemExit):
        check_arguments(["--configf", str(template)])
    said = capsys.readouterr().err
    assert "__use_yte__: is not allowed" in said or "ambiguous option: --configf" in said
