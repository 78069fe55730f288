"""Versions, digests and seconds for the report: its only part that differs between runs with equal results."""

from __future__ import annotations

import csv
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from llvmlite import binding

# Widest first, as LLVM names them.
_INSTRUCTIONS = {"avx512f": "AVX-512", "avx2": "AVX2", "neon": "NEON"}
_PACKAGES = ("pg", "snakemake", "torch", "gymnasium", "numpy", "pandas", "scipy", "matplotlib", "seaborn")


def provenance(command: str, config_digest: str, benchmarks: Path, codes: Mapping[str, str]) -> Mapping[str, str]:
    """Return the rows of the report's table on how the results were made.

    Parameters
    ----------
    command
        Command that makes the same results.
    config_digest
        Digest of the resolved study.
    benchmarks
        Folder of Snakemake's benchmark files, with a folder for each stage.
    codes
        Digest of the current code of each job that trains or measures, by the path of its log. The row "Code" is a
        digest of all of them.
    """
    seconds: dict[str, list[float]] = {}
    for path in sorted(benchmarks.rglob("*.tsv")):
        stage = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        if (taken := _seconds_of(path)) is not None:
            seconds.setdefault(stage, []).append(taken)
    stages = sorted(seconds, key=lambda stage: sum(seconds[stage]), reverse=True)
    total = [second for stage in stages for second in seconds[stage]]
    return {
        "Written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Time in jobs": f"{sum(total) / 60:.1f} minutes of one core, in {len(total)} jobs",
        **{f"… {name}": f"{sum(seconds[name]) / 60:.1f} minutes, in {len(seconds[name])} jobs" for name in stages},
        "Command": command,
        "Configuration": config_digest,
        "Code": sha256("\n".join(sorted({*codes.values()})).encode()).hexdigest()[:16],
        "Code of the jobs": _compared(codes),
        "Processor": processor(),
        "Python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _seconds_of(path: Path) -> float | None:
    """Return the seconds in a benchmark file; None if it is empty or damaged, as no result depends on it."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t")) or None
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None


def processor() -> str:
    """Name the processor and the widest vector instructions that it has."""
    features = binding.get_host_cpu_features()
    widest = next((name for key, name in _INSTRUCTIONS.items() if features.get(key)), "none of these")
    return f"{platform.machine()}, {binding.get_host_cpu_name()}, {widest}"


def gives_same_bytes(mine: str, other: str) -> bool:
    """Return whether two processors, as `processor` names them, give the same bytes; see `pg/__init__.py`."""
    return mine == other or all(
        name.startswith("x86_64") and name.endswith(("AVX2", "AVX-512")) for name in (mine, other)
    )


def _compared(codes: Mapping[str, str]) -> str:
    """Count the jobs that ran their current code, and name the logs of the others."""
    found = {log: logged_code(log) for log in codes}
    present = sum(found[log] == code for log, code in codes.items())
    summary = f"{present} of {len(codes)} jobs that train or measure ran the present code"
    if missing := sum(code is None for code in found.values()):
        summary += f", {missing} left no log"
    other = [log for log, code in found.items() if code not in (None, codes[log])]
    return f"mixed: {summary}; other code made {', '.join(other)}" if other else summary


def logged_code(path: str | Path) -> str | None:
    """Return the digest in the first line of a log; None if the file or the digest is missing."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as log:
            _, mark, code = log.readline().rstrip("\n").partition(" code ")
    except OSError:
        return None
    return code if mark else None
