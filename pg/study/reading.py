"""Read YAML of unknown origin: bytes become text, nodes and values, each within limits of time and memory."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from pg.core.errors import InvalidStudy

# The loader in C, if PyYAML was built with it, is seven times as fast. It crashes on deep nesting.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Limits of a file. The largest study of this repository has 16,000 bytes and 3,000 nodes.
_MOST_BYTES = 2**20
_MOST_NODES = 20_000  # keys and values, counted again at each alias
_MOST_DIGITS = 100
_DEEPEST = 50

_TAG = "tag:yaml.org,2002:"
_NUMBERS = ("int", "float", "bool")
_ALLOWED = {_TAG + name for name in (*_NUMBERS, "str", "null", "seq", "map", "merge")}


def read_yaml(path: Path) -> tuple[Any, dict[str, int]]:
    """Return the values of a YAML file, and the line of each key and list item by its path.

    Raises
    ------
    InvalidStudy
        If the file is missing, no text, not YAML, repeats a key, has other values than texts and numbers, or exceeds a
        limit.
    """
    text = _text(path)
    try:
        _check_depth(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}
        _check(node, loader, {})
        # Before values are made, because that replaces the key << by the keys that it merges.
        lines = dict(_lines(node, "", set()))
        return loader.construct_document(node), lines
    except yaml.YAMLError as error:
        raise InvalidStudy([_not_yaml(path, error)]) from error


def check_for_snakemake(path: Path) -> None:
    """Refuse a file that Snakemake cannot read: its parser refuses `{ask: why?, …}`, which the one in C allows."""
    try:
        for _ in yaml.parse(_text(path), Loader=yaml.SafeLoader):
            pass
    except yaml.YAMLError as error:
        raise InvalidStudy([f"{_not_yaml(path, error)}; put texts with ? or : in quotes"]) from error


def _not_yaml(path: Path, error: yaml.YAMLError) -> str:
    reason, mark = " ".join(str(error).split()), getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and mark is not None:
        reason = f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
        # The parser notices an end that is missing only later.
        around = _text(path).split("\n")[: mark.line + 1][-2:]
        if any("\t" in line for line in around):
            reason += "; indent with spaces, not with tabs"
        elif any(re.search(r"[:,\[] +#\w", line) for line in around):
            reason += "; # begins a comment: put a text that begins with it in quotes"
    return f"{path} is not YAML: {reason}"


def _text(path: Path) -> str:
    try:
        # Opening a pipe would otherwise wait for its writer.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(_MOST_BYTES + 1) if is_file else b""
    except OSError as error:
        # Snakemake's option takes every word that follows it.
        targets = "" if path.suffix else "; a study is a file, such as study.yaml; targets come before --configfile"
        raise InvalidStudy([f"{path}: {error.strerror}{targets}"]) from error
    if not is_file:
        raise InvalidStudy([f"{path}: is a pipe or a device; write the study into a file"])
    if len(content) > _MOST_BYTES:
        raise InvalidStudy([f"{path}: is too large; allowed: {_MOST_BYTES:,} bytes"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, wrong = content.count(b"\n", 0, error.start) + 1, content[error.start]
        raise InvalidStudy([f"{path}: line {line}: the byte {wrong:#x} is not UTF-8; save it as UTF-8"]) from error


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            _refuse(f"more than {_DEEPEST} lists and mappings inside each other", event.start_mark)


def _check(node: yaml.Node, loader: Any, sizes: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Return how many nodes a node has and how deep they are, with its aliases written out; refuse illegal ones."""
    # An alias is the same node again, and follows its anchor, so that this recursion is no deeper than the text.
    if id(node) not in sizes:
        sizes[id(node)] = None
        if node.tag not in _ALLOWED:
            kind = node.tag.removeprefix(_TAG)
            _refuse(f"is read as {kind}; write text in quotes, and everything else without a tag", node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            _check_number(node, loader)
        children = chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
        found = [_check(one, loader, sizes) for one in children] if isinstance(node, yaml.CollectionNode) else []
        sizes[id(node)] = 1 + sum(count for count, _ in found), 1 + max((depth for _, depth in found), default=0)
    size = sizes[id(node)]
    if size is None:
        return _refuse("contains itself, by an alias", node.start_mark)
    if size[0] > _MOST_NODES:
        _refuse(f"more than {_MOST_NODES:,} keys and values, with aliases written out", node.start_mark)
    if size[1] > _DEEPEST + 1:
        _refuse(f"more than {_DEEPEST} lists and mappings inside each other, by aliases", node.start_mark)
    return size


def _check_number(node: yaml.ScalarNode, loader: Any) -> None:
    """Refuse numbers that Python cannot read, or takes long to read or print."""
    kind = node.tag.removeprefix(_TAG)
    if kind not in _NUMBERS:
        return
    if len(node.value) > _MOST_DIGITS:
        _refuse(f"is read as a number of {len(node.value):,} characters; allowed: {_MOST_DIGITS}", node.start_mark)
    try:
        loader.construct_object(node)
    except (ValueError, LookupError, OverflowError):
        _refuse(f"{node.value!r} is no {kind}", node.start_mark)


def _refuse(problem: str, mark: Any) -> Any:
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _lines(node: yaml.Node, at: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    """Yield path and line of every key and item; refuse a key that is listed twice, where PyYAML takes the last."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield f"{at}{index}", item.start_mark.line + 1
            yield from _lines(item, f"{at}{index}.", seen)
    elif isinstance(node, yaml.MappingNode):
        found: dict[str, int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in found:
                    first = found[key.value]
                    _refuse(f"the key {key.value!r} is listed twice, first in line {first}; remove one", key.start_mark)
                found[key.value] = key.start_mark.line + 1
                yield f"{at}{key.value}", found[key.value]
                yield from _lines(value, f"{at}{key.value}.", seen)
