"""Tables that compare the total variances of an experiment that measures, from its long table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from pg.experiments.figures.kind import swept_rewards_of, without_baseline
from pg.experiments.kind import Experiment
from pg.experiments.selections import OF_A_RUN, groups_of
from pg.parts.variant import Variant
from pg.statistics import coverage
from pg.statistics.estimates import geometric_mean, parabola, ratio_of_means

_POINTS = 200


def comparison_table(long: pd.DataFrame, experiment: Experiment, variants: Mapping[str, Variant]) -> pd.DataFrame:
    """Compare the total variance of each variant with that of others, on the same policies with the same batch size.

    The ratio V / V(over) is averaged as a geometric mean over policies. `over` is every variant of the experiment, at
    the first level of the sweep.

    The achieved share (V(over) - V) / (V(over) - V(b*)) is the part that a baseline reaches of the reduction by the
    best constant baseline b*. `over` is the first variant that lacks only the baseline, at the same level; there is no
    row if the experiment has none. Numerator and denominator are divided by V(over) and averaged over policies before
    they are divided, because the share of a single policy is noisy if its achievable reduction is small. The interval
    is Fieller's.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, batch (and the kind's axis), stage, comparison ("ratio" or
        "achieved share"), over, statistic, n, estimate, ci_low, ci_high, method.
    """
    rows = long[long["metric"].isin(["total_variance", "least_variance"])].astype({"variant": str, "batch": "Int64"})
    keys = [str(column) for column in rows if column not in (*OF_A_RUN, "metric", "value")]
    levels = [key for key in keys if "." in key and key != "variant.batch"]
    rows["cell"] = rows.groupby(keys, sort=False, dropna=False).ngroup()
    by_metric = rows.pivot_table("value", "cell", ["metric", "seed"], dropna=False)
    variance, least = (by_metric[metric].to_numpy(np.float64) for metric in ("total_variance", "least_variance"))
    seeds = by_metric["total_variance"].columns
    selections = {
        cell: groups_of(own.drop_duplicates("seed").set_index("seed").reindex(seeds))
        for cell, own in rows.groupby("cell")
    }
    cells = rows.drop_duplicates("cell").assign(level=0)
    if levels:
        cells["level"] = cells.groupby(levels, sort=False, dropna=False).ngroup()
    place = [key for key in keys if key not in ("variant", *levels)]
    pairs = cells.merge(cells[["cell", "variant", "level", *place]], on=place, suffixes=("", "_over"))
    partners, found = without_baseline(experiment, experiment.variants, variants), []
    for pair in pairs.to_dict("records"):
        cell, over = pair["cell"], pair["cell_over"]
        names = {key: pair[key] for key in keys}
        with np.errstate(all="ignore"):
            ratios = variance[cell] / variance[over]
            reduction, achievable = 1 - ratios, 1 - least[over] / variance[over]
        known, groups = ~np.isnan(ratios), selections[cell]
        if pair["level_over"] == 0 and cell != over:
            of_known = geometric_mean(ratios[known], groups=None if groups is None else groups[known])
            ratio = coverage.columns_of("paired ratio", of_known)
            found.append({**names, "comparison": "ratio", "over": pair["variant_over"], **ratio})
        if pair["level_over"] == pair["level"] and pair["variant_over"] == partners.get(pair["variant"]):
            share = coverage.columns_of("ratio of means", ratio_of_means(reduction, achievable, groups=groups))
            found.append({**names, "comparison": "achieved share", "over": pair["variant_over"], **share})
    columns = [*keys, "comparison", "over", *coverage.COLUMNS]
    return pd.DataFrame(found, columns=columns).astype({key: rows[key].dtype for key in keys})


def parabola_table(long: pd.DataFrame, experiment: Experiment, variants: Mapping[str, Variant]) -> pd.DataFrame:
    """Fit the total variance as a parabola in the swept offset or scale of the rewards, for every variant.

    An estimate that is linear in the rewards has, on each policy, the total variance A + Bc + Cc² at offset c and Cα²
    at scale α. A parabola per policy is fitted by least squares of relative errors.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, batch, stage, estimate: the geometric mean of the parabolas
        over policies, at points from the smallest to the largest swept value, evenly spaced for offsets and by factors
        for scales. Policies with fewer than three positive variances have no parabola; the estimate is empty where some
        parabola is not positive.
    """
    del variants
    (path,) = swept_rewards_of(experiment)
    rows = long[long["metric"] == "total_variance"].astype({"batch": "Int64"})
    columns = [column for column in rows if column not in (*OF_A_RUN, "metric", "value")]
    keys = [column for column in columns if column != path]
    lowest, highest = float(rows[path].min()), float(rows[path].max())
    grid = (np.linspace if path.endswith("offset") else np.geomspace)(lowest, highest, _POINTS)
    frames = []
    for names, own in rows.groupby(keys, sort=False, dropna=False):
        by_policy = own.pivot_table("value", "seed", path)
        levels = by_policy.columns.to_numpy(np.float64)
        fits = [parabola(levels, values, grid) for values in by_policy.to_numpy(np.float64)]
        defined = [fit for fit in fits if not np.isnan(fit).all()]
        estimate = np.exp(np.log(defined).mean(axis=0)) if defined else np.nan
        frames.append(pd.DataFrame({**dict(zip(keys, names, strict=True)), path: grid, "estimate": estimate}))
    return pd.concat(frames, ignore_index=True)[[*columns, "estimate"]]


TABLES: Mapping[str, Callable[[pd.DataFrame, Experiment, Mapping[str, Variant]], pd.DataFrame]] = MappingProxyType(
    {"comparisons": comparison_table, "parabolas": parabola_table}
)
"""The tables that figures may read, by name."""
