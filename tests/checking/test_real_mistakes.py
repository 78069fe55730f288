"""Mistakes of public code are found, and nearly all of them are named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pg.checking.findings import Findings
from pg.checking.submissions import Fault
from tests.checking.real import REAL

Checked = Callable[..., Findings]


def findings_of(checked: Checked, source: str) -> Findings:
    """Check a source text; a fault is a finding, as it is for a user."""
    try:
        return checked(source)
    except Fault as fault:
        return Findings("mine.py", "", fault=fault.sentence, line=fault.line)


@pytest.mark.parametrize("name", REAL)
def test_a_real_mistake_is_found_and_named(checked: Checked, name: str) -> None:
    found = findings_of(checked, REAL[name].source)
    assert not found.passes
    assert found.fault or not found.is_unbiased
    is_known = found.diagnosis is not None and found.diagnosis.is_exact
    named = found.fault or (found.diagnosis.words if found.diagnosis is not None and is_known else "")
    assert bool(named) == bool(REAL[name].words)
    for words in REAL[name].words:
        assert words in named
