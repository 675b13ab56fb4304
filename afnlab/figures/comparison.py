"""Figures of a comparison. The small functions draw on an axes and return it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afnlab.compare.baseline_differences import DIFFER
from afnlab.compare.formatting import difference, estimated, interval, number, p_value
from afnlab.compare.proper_names import Naming, proper_name
from afnlab.compare.summary_table import is_adjusted
from afnlab.figures import metric_axis
from afnlab.figures.style import BLUE, GREY, ORANGE, Picture, row_name, tip, wrapped
from afnlab.measures import ACCURACY, Measure
from afnlab.printing import printed_value

NARROW = 24  # letters of a row's name, where a figure is narrow
JITTER = 0.1  # of a row's height: how far dots are moved off one another
DOTS, MEANS = -0.22, 0.17  # of a row's height: where its dots and its mean are, below its middle


def seed_dots(
    ax: Axes,
    final: pd.DataFrame,
    table: pd.DataFrame,
    baseline: str,
    measure: Measure = ACCURACY,
    naming: Naming = proper_name,
) -> Axes:
    """One row per label: one dot per seed, and below them the mean and its 95 % interval.

    final: seeds x labels; table: of `compare_histories`, whose order is kept; naming: what labels
    are called. Rows far off the others stand at the edge, with their mean. Nothing is drawn across
    the rows: whether a row differs from the baseline is seen in the paired differences, not where
    two intervals overlap.
    """
    order, rows = list(table.index), values_of(table, final, measure)
    shown = metric_axis.shown(rows, measure)
    ends = (measure.scale * table[[f"{measure.key}_low", f"{measure.key}_high"]]).to_numpy(float)
    for row, (label, far) in enumerate(zip(order, shown.far, strict=True)):
        if not far:
            _dots(ax, row, measure.scale * final[label].dropna(), naming(label), measure)
    drawn = zip(order, rows.middle, ends, shown.far, shown.cut, strict=True)
    for row, (label, mean, (low, high), far, cut_off) in enumerate(drawn):
        base = label == baseline
        colour, mark = (ORANGE, "D") if base else (BLUE, "o")
        if far:
            metric_axis.at_edge(ax, row, metric_axis.short(mean, measure), colour, measure)
            continue
        at = row + MEANS
        ax.plot([low, high], [at, at], color=colour, linewidth=2, solid_capstyle="butt")
        (middle,) = ax.plot(mean, at, mark, color=colour, markersize=5)
        tip(middle, f"{naming(label)}: {estimated(measure, mean, low, high)}")
        if cut_off:
            metric_axis.at_edge(ax, row, "", GREY, measure)
    metric_axis.end_at(ax, shown.end, measure)
    metric_axis.better_arrow(ax, measure)
    ax.set(xlabel=metric_axis.label(measure), ylabel="", ylim=(len(order) - 0.5, -0.5))
    ax.set_yticks(range(len(order)), [row_name(label, naming=naming) for label in order])
    return ax


def values_of(
    table: pd.DataFrame, final: pd.DataFrame, measure: Measure = ACCURACY
) -> pd.DataFrame:
    """What `seed_dots` draws of every row: its mean, the ends of its dots and its interval, and
    those of the interval alone."""
    key, dots = measure.key, final[list(table.index)]
    line = {"from": table[f"{key}_low"], "to": table[f"{key}_high"]}
    low, high = np.fmin(dots.min(), line["from"]), np.fmax(dots.max(), line["to"])
    return measure.scale * pd.DataFrame({"middle": table[key], "low": low, "high": high, **line})


def differences_of(table: pd.DataFrame, measure: Measure = ACCURACY) -> pd.DataFrame:
    """What `forest` draws of every row: its difference, 0 for the baseline, and the ends of its
    line: the adjusted interval, or, where too few seeds set that no bounds, the other."""
    middle = table.difference.mask(table.verdict == "baseline", 0.0)
    adjusted, plain = (
        table[[f"{kind}_low", f"{kind}_high"]].to_numpy(float)
        for kind in ("adjusted", "difference")
    )
    there = np.isfinite(adjusted).all(axis=1, keepdims=True)
    ends = pd.DataFrame(np.where(there, adjusted, plain), table.index, ["low", "high"])
    bounded = ends.where(np.isfinite(ends))
    return measure.scale * bounded.assign(middle=middle.astype(float))


def _shown(
    table: pd.DataFrame, final: pd.DataFrame, measure: Measure
) -> list[metric_axis.RowsShown]:
    """What each axis of `comparison` has room for."""
    axes = [metric_axis.shown(values_of(table, final, measure), measure)]
    if table.difference.notna().any():
        of = measure.scale * table[measure.key]
        axes.append(metric_axis.shown(differences_of(table, measure), measure, of))
    return axes


def cut(table: pd.DataFrame, final: pd.DataFrame, measure: Measure = ACCURACY) -> bool:
    """Whether the bar or the dots of a row reach beyond an axis of `comparison`."""
    return any(bool(shown.cut.any()) for shown in _shown(table, final, measure))


def edges_in_words(
    table: pd.DataFrame, final: pd.DataFrame, measure: Measure = ACCURACY
) -> Iterator[str]:
    """What the marks at the edges of `comparison` mean, in sentences: of those that are there."""
    edge, _ = metric_axis.WORSE_SIDE[measure.better]
    if any(shown.far.any() for shown in _shown(table, final, measure)):
        yield metric_axis.far_in_words(measure)
    if cut(table, final, measure):
        yield f"At a triangle on the {edge} edge, bar or dots go on."


def _dots(ax: Axes, row: int, values: pd.Series, name: str, measure: Measure) -> None:
    """The printed values of the seeds of a row, above its mean, moved off one another by chance,
    the same each time."""
    up = DOTS + np.random.default_rng(0).uniform(-JITTER, JITTER, len(values))
    dots = ax.scatter(values, row + up, s=8, color=GREY, linewidths=0)
    lines = [
        f"seed {seed}: {printed_value(measure, v / measure.scale)}" for seed, v in values.items()
    ]
    tip(dots, name, lines)


def forest(
    ax: Axes,
    table: pd.DataFrame,
    margin: float | None = None,
    measure: Measure = ACCURACY,
    naming: Naming = proper_name,
) -> Axes:
    """One row per label: the paired difference to the baseline, with its 95 % interval.

    The line is the interval by which the verdict goes, adjusted for the number of comparisons; the
    ticks are the ends of the one that is not. Filled marks are rows that are distinguishable from
    the baseline, hollow ones are not; squares are equivalent within the margin, which is shaded.
    Rows far off the others stand at the edge, with their difference.
    """
    scale, rows = measure.scale, differences_of(table, measure)
    shown = metric_axis.shown(rows, measure, scale * table[measure.key])
    base_far = bool(shown.far[table.verdict == "baseline"].any())
    if margin is not None and not base_far:
        ax.axvspan(-scale * margin, scale * margin, color=GREY, alpha=0.2, linewidth=0)
    drawn = zip(
        table.iterrows(), rows[["low", "high"]].to_numpy(), shown.far, shown.cut, strict=True
    )
    for row, ((label, r), ends, far, cut_off) in enumerate(drawn):
        if far:
            short = f"{{:+.{metric_axis.decimals(measure)}f}}"
            text, colour = number(r.difference, short, scale), BLUE
            if r.verdict == "baseline":
                text, colour = "0", ORANGE
            metric_axis.at_edge(ax, row, text, colour, measure)
            continue
        unadjusted = scale * np.array([r.difference_low, r.difference_high])
        ax.plot(unadjusted, [row, row], "|-", color=BLUE, linewidth=0.7, markersize=6)
        if np.isfinite([r.adjusted_low, r.adjusted_high]).all():
            ax.plot(ends, [row, row], color=BLUE, linewidth=2, solid_capstyle="butt")
        face = BLUE if r.verdict in DIFFER else "none"
        mark = "s" if r.verdict == "equivalent" else "o"
        (middle,) = ax.plot(
            scale * r.difference, row, mark, color=BLUE, markerfacecolor=face, markersize=5
        )
        if cut_off:
            metric_axis.at_edge(ax, row, "", GREY, measure)
        if np.isfinite(r.difference):
            tip(middle, _difference(naming(label), r, ends / scale, measure, is_adjusted(table)))
    if not base_far:
        ax.axvline(0, color=ORANGE, linewidth=1.2)
    metric_axis.end_at(ax, shown.end, measure)
    metric_axis.better_arrow(ax, measure)
    ax.set_yticks(range(len(table)), [row_name(label, naming=naming) for label in table.index])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel(metric_axis.difference_label(measure, "the baseline"))
    return ax


def _difference(
    name: str, row: pd.Series, ends: np.ndarray, measure: Measure, several: bool
) -> str:
    """A row of a table of differences in a few words; ends: of its line; several: comparisons."""
    limits = interval(measure, *ends)
    gap = f"{difference(measure, row.difference)} {measure.points}".rstrip()
    p = f"{'p (Holm)' if several else 'p'} {p_value(row.p_holm)}"
    parts = [f"{name}: {gap}", limits, p, row.verdict]
    return ", ".join(filter(None, parts))


def comparison(
    final: pd.DataFrame,
    table: pd.DataFrame,
    baseline: str,
    margin: float | None = None,
    measure: Measure = ACCURACY,
    naming: Naming = proper_name,
    narrow: bool = False,
) -> Figure:
    """The values of every seed beside the differences to the baseline, if there are any; both in
    the table's order.

    naming: what labels are called; narrow: the one below the other, each with the rows' names.
    """
    compared = bool(table.difference.notna().any())
    wide, panels = (9.5, 1) if not narrow else (4.6, 1 + compared)
    high = panels * (0.18 * len(table) + 1)
    figure = Picture(figsize=(wide, high), layout="constrained")
    if not compared:
        axes = [figure.subplots()]
    elif narrow:
        axes = list(figure.subplots(2, 1))
    else:
        axes = list(figure.subplots(1, 2, sharey=True, width_ratios=(3, 2)))
    seed_dots(axes[0], final, table, baseline, measure, naming)
    for right in axes[1:]:
        forest(right, table, margin, measure, naming)
        right.set_xlabel(wrapped(metric_axis.difference_label(measure, naming(baseline)), 36))
    for ax in axes:
        if narrow:
            ax.set_yticks(ax.get_yticks(), [row_name(n, NARROW, naming) for n in table.index])
        ax.tick_params(axis="y", length=0)
        ax.grid(True, axis="y")  # which seaborn takes from an axis of categories
    return figure
