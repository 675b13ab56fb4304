"""Figures of a comparison. The small functions draw on an axes and return it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afnlab.compare.formatting import difference, estimated, interval, number, p_value
from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import DIFFER
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, row_name, tip, wrapped
from afnlab.measures import ACCURACY, Measure
from afnlab.printing import printed_value

JITTER = 0.1  # of a row's height: how far dots are moved off one another
DOTS, MEANS = -0.22, 0.17  # of a row's height: where its dots and its mean are, below its middle


def seed_dots(
    ax: Axes,
    final: pd.DataFrame,
    table: pd.DataFrame,
    baseline: str,
    measure: Measure = ACCURACY,
) -> Axes:
    """One row per label: one dot per seed, and below them the mean and its 95 % interval.

    final: seeds x labels; table: of `compare_histories`, whose order is kept. Rows far off the
    others stand at the edge, with their mean. Nothing is drawn across the rows: whether a row
    differs from the baseline is seen in the paired differences, not where two intervals overlap.
    """
    order, key = list(table.index), measure.key
    columns = measure.scale * table[[key, f"{key}_low", f"{key}_high"]]
    edge = metric_axis.fence(columns[key], measure)
    far = metric_axis.beyond(columns[key], edge, measure)
    end = _end(columns[~far], measure)
    for row, label in enumerate(order):
        if not far[label]:
            _dots(ax, row, measure.scale * final[label].dropna(), measure)
    for row, (label, (mean, low, high)) in enumerate(columns.iterrows()):
        base = label == baseline
        if far[label]:
            metric_axis.at_edge(ax, row, metric_axis.short(mean, measure), BLUE, measure)
            continue
        colour, mark = (ORANGE, "D") if base else (BLUE, "o")
        at = row + MEANS
        ax.plot([low, high], [at, at], color=colour, linewidth=2, solid_capstyle="butt")
        (middle,) = ax.plot(mean, at, mark, color=colour, markersize=5)
        tip(middle, f"{proper_name(label)}: {estimated(measure, mean, low, high)}")
        values = np.append(measure.scale * final[label].dropna(), [low, high])
        if metric_axis.beyond(values, end, measure).any():
            metric_axis.at_edge(ax, row, "", GREY, measure)
    metric_axis.end_at(ax, metric_axis.better_of(edge, end, measure), measure)
    metric_axis.better_arrow(ax, measure)
    ax.set(xlabel=metric_axis.label(measure), ylabel="", ylim=(len(order) - 0.5, -0.5))
    ax.set_yticks(range(len(order)), list(map(row_name, order)))
    return ax


def _end(columns: pd.DataFrame, measure: Measure, of: pd.Series | None = None) -> float:
    """Where an axis ends: behind all means and nearly all intervals.

    columns: printed means, low and high ends, of the rows that are not far off; of: their values,
    where those are differences.
    """
    mean, low, high = (columns[name] for name in columns)
    worse = (low if measure.better == "higher" else high).fillna(mean)
    edge = metric_axis.fence(worse, measure, of)
    if not np.isfinite(edge):
        return edge
    return metric_axis.worse_of(edge, metric_axis.worst(mean, measure), measure)


def cut(table: pd.DataFrame, final: pd.DataFrame, measure: Measure = ACCURACY) -> bool:
    """Whether the bar or the dots of a row reach beyond the axis of `points`."""
    key = measure.key
    columns = measure.scale * table[[key, f"{key}_low", f"{key}_high"]]
    near = ~metric_axis.beyond(columns[key], metric_axis.fence(columns[key], measure), measure)
    end = _end(columns[near], measure)
    ends = [measure.scale * final[table.index[near]].to_numpy(), columns[near].to_numpy()]
    return any(bool(metric_axis.beyond(values, end, measure).any()) for values in ends)


def _dots(ax: Axes, row: int, values: pd.Series, measure: Measure) -> None:
    """The printed values of the seeds of a row, above its mean, moved off one another by chance,
    the same each time."""
    up = DOTS + np.random.default_rng(0).uniform(-JITTER, JITTER, len(values))
    dots = ax.scatter(values, row + up, s=8, color=GREY, linewidths=0)
    lines = [
        f"seed {seed}: {printed_value(measure, v / measure.scale)}" for seed, v in values.items()
    ]
    tip(dots, proper_name(values.name), lines)


def forest(
    ax: Axes, table: pd.DataFrame, margin: float | None = None, measure: Measure = ACCURACY
) -> Axes:
    """One row per label: the paired difference to the baseline, with its 95 % interval.

    The line is the interval by which the verdict goes, adjusted for the number of comparisons; the
    ticks are the ends of the one that is not. Filled marks are rows that are distinguishable from
    the baseline, hollow ones are not; squares are equivalent within the margin, which is shaded.
    Rows far off the others stand at the edge, with their difference.
    """
    scale = measure.scale
    gaps = scale * table.difference
    edge = metric_axis.fence(gaps.dropna(), measure, scale * table[measure.key])
    compared = table[table.difference.notna()]
    near = compared[~metric_axis.beyond(scale * compared.difference, edge, measure)]
    lines = _lines(table, scale)
    columns = pd.concat([gaps, lines[["low", "high"]]], axis=1).loc[near.index]
    end = _end(columns, measure, scale * near[measure.key]) if len(near) else edge
    if margin is not None:
        ax.axvspan(-scale * margin, scale * margin, color=GREY, alpha=0.2, linewidth=0)
    drawn = zip(table.iterrows(), lines.itertuples(), strict=True)
    for row, ((label, r), line) in enumerate(drawn):
        if metric_axis.beyond(scale * r.difference, edge, measure):
            short = f"{{:+.{metric_axis.decimals(measure)}f}}"
            text = number(r.difference, short, scale)
            metric_axis.at_edge(ax, row, text, BLUE, measure)
            continue
        unadjusted = scale * np.array([r.difference_low, r.difference_high])
        ax.plot(unadjusted, [row, row], "|-", color=BLUE, linewidth=0.7, markersize=6)
        ends = np.array([line.low, line.high])
        if line.adjusted:
            ax.plot(ends, [row, row], color=BLUE, linewidth=2, solid_capstyle="butt")
        face = BLUE if r.verdict in DIFFER else "none"
        mark = "s" if r.verdict == "equivalent" else "o"
        (middle,) = ax.plot(
            scale * r.difference, row, mark, color=BLUE, markerfacecolor=face, markersize=5
        )
        if metric_axis.beyond(ends, end, measure).any():
            metric_axis.at_edge(ax, row, "", GREY, measure)
        if np.isfinite(r.difference):
            tip(middle, _difference(str(label), r, ends / scale, measure))
    ax.axvline(0, color=ORANGE, linewidth=1.2)
    metric_axis.end_at(ax, metric_axis.better_of(edge, end, measure), measure)
    metric_axis.better_arrow(ax, measure)
    ax.set_yticks(range(len(table)), list(map(row_name, table.index)))
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel(metric_axis.difference_label(measure, "the baseline"))
    return ax


def _lines(table: pd.DataFrame, scale: float) -> pd.DataFrame:
    """The ends of each row's line, low and high as they are printed: of the adjusted interval, or,
    where too few seeds set that no bounds, of the other; `adjusted` says which."""
    plain = table[["difference_low", "difference_high"]].to_numpy(float)
    adjusted = table[["adjusted_low", "adjusted_high"]].to_numpy(float)
    there = np.isfinite(adjusted).all(axis=1)
    low, high = scale * np.where(there[:, None], adjusted, plain).T
    return pd.DataFrame({"low": low, "high": high, "adjusted": there}, table.index)


def _difference(label: str, row: pd.Series, ends: np.ndarray, measure: Measure) -> str:
    """A row of a table of differences in a few words; ends: of its line."""
    limits = interval(measure, *ends)
    gap = f"{difference(measure, row.difference)} {measure.points}".rstrip()
    parts = [f"{proper_name(label)}: {gap}", limits, f"p (Holm) {p_value(row.p_holm)}", row.verdict]
    return ", ".join(filter(None, parts))


def comparison(
    final: pd.DataFrame,
    table: pd.DataFrame,
    baseline: str,
    margin: float | None = None,
    measure: Measure = ACCURACY,
) -> Figure:
    """The values of every seed beside the differences to the baseline, if there are any; both in
    the table's order."""
    figure = Picture(figsize=(9.5, 0.18 * len(table) + 1), layout="constrained")
    if compared := bool(table.difference.notna().any()):
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        forest(right, table, margin, measure)
        right.set_xlabel(wrapped(metric_axis.difference_label(measure, proper_name(baseline)), 36))
    else:
        left = figure.subplots()
    seed_dots(left, final, table, baseline, measure)
    for ax in (left, right) if compared else (left,):
        ax.tick_params(axis="y", length=0)
        ax.grid(True, axis="y")  # which seaborn takes from an axis of categories
    return figure
