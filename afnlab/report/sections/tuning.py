"""The pieces of a page about tuned runs: what tuning changed, what was chosen, how easily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from afnlab.compare import tuning_summary
from afnlab.compare.selection import Selection
from afnlab.figures import tuning
from afnlab.figures.style import Picture, show, styled
from afnlab.markup import filled
from afnlab.report.sections.html import heading, html, limits, name, number, p_value, table_of
from afnlab.training.space import Range

if TYPE_CHECKING:
    from IPython.display import HTML

CURVE = 8  # trials, of tuning curves


def recipe(selection: Selection) -> HTML:
    """The same comparison at the fixed recipe, and where tuning has moved every row."""
    fixed = selection.fixed
    if fixed.empty:
        return html("")
    moved = selection.table
    head = [
        *("activation", "fixed recipe (%)", "tuned (%)", "change (points)"),
        *(f"difference to {selection.baseline}, fixed", "tuned", "p (Holm), fixed", "tuned"),
        *("verdict, fixed", "verdict, tuned"),
    ]
    rows = []
    for label, now in moved.iterrows():
        then: Any = fixed.loc[str(label)]
        rows.append(
            (
                name(str(label)),
                number(then.accuracy, "{:.2f}", 100),
                number(now.accuracy, "{:.2f}", 100),
                number(now.accuracy - then.accuracy, "{:+.2f}", 100),
                *(number(r.difference, "{:+.2f}", 100) for r in (then, now)),
                *(p_value(r.p_holm) for r in (then, now)),
                then.verdict,  # the row has the colour of the tuned one
                filled("<span class=verdict>{}</span>", now.verdict),
            )
        )
    kinds = [str(verdict).replace(" ", "-") for verdict in moved.verdict]
    with styled(for_page=True):
        figure = show(
            tuning.shift(fixed.accuracy, moved.accuracy, selection.baseline),
            "Arrows from the mean accuracy at the fixed recipe to the tuned one, by activation",
            "From the mean accuracy of the same seeds at the fixed recipe (dot) to the tuned one"
            f" (mark). The line is the tuned {selection.baseline}. A number at the left edge: a"
            " start far below.",
            f"{selection.name}-recipe",
        )
    text = filled("<p>{}</p>", tuning_summary.recipe(fixed, moved, selection.baseline))
    title = heading("What tuning changed", selection)
    return html(title + text + Markup(figure.data) + table_of(head, rows, "comparison", kinds))


def choices(selection: Selection) -> HTML:
    """What the replicates chose, and how large a part of the space will do."""
    among, chosen = selection.tuning, selection.chosen
    if among is None or chosen.empty:
        return html("")
    found = tuning_summary.choices(chosen, among).set_index(["label", "parameter"])
    close = tuning_summary.close_to_best(selection.candidates)
    head = [
        "activation",
        *(f"{axis}: median [least, most]" for axis in among.axes),
        *("kept the recipe", "chose an end"),
        *(f"trials within {100 * tuning_summary.MARGIN:g} point of its best", "95 % interval"),
    ]
    rows = []
    for label in selection.table.index:
        own = found.loc[label]
        cells = [_chosen(chosen[chosen.label == label][axis], own.loc[axis]) for axis in among.axes]
        ends = ", ".join(
            f"{axis} {end} {own.loc[axis, end]}"
            for axis in among.axes
            for end in ("low", "high")
            if own.loc[axis, end]
        )
        share = close.get(str(label))
        replicates, kept = int(own.replicates.iloc[0]), int(own.recipe.iloc[0])
        rows.append(
            (
                name(str(label)),
                *cells,
                f"{kept} of {replicates}" if among.budget is not None else "",
                ends,
                number(share.share, "{:.0f} %", 100) if share else "",
                limits(share.low, share.high, "{:.0f}") if share else "",
            )
        )
    text = (
        f"Each replicate chose for itself: {among.told}. The share of the random trials that come"
        f" within {100 * tuning_summary.MARGIN:g} point of the activation's best says how easily it"
        " is tuned"
        f"{_width(selection)}; its interval is exact (Clopper and Pearson)."
    )
    title = heading("What was chosen, and how easily", selection)
    return html(title + filled("<p>{}</p>", text) + table_of(head, rows))


def _chosen(values: pd.Series, row: pd.Series) -> str:
    if pd.to_numeric(values, errors="coerce").isna().any():
        counts = values.astype(str).value_counts()
        return ", ".join(f"{value} {count}" for value, count in counts.items())
    return f"{row['median']:.3g} [{row.least:.3g}, {row.most:.3g}]"


def _width(selection: Selection) -> str:
    """That a share of one axis is a width, where one axis was drawn from, on a log scale."""
    axes = list(selection.tuning.axes.values()) if selection.tuning else []
    if len(axes) == 1 and isinstance(axes[0], Range) and axes[0].log:
        decades = np.log10(axes[0].high / axes[0].low)
        return f" (times {decades:.2g} it is the width in decades of the range that will do)"
    return ""


def rates(selection: Selection) -> HTML:
    """Validation accuracy of every trial over each parameter with numbers, by activation."""
    if selection.tuning is None or selection.candidates.empty:
        return html("")
    tried = tuning_summary.trials(selection.candidates)
    pieces = Markup("")
    order = list(selection.table.index)
    for axis, values in selection.tuning.axes.items():
        if pd.to_numeric(tried[axis], errors="coerce").isna().any() or tried[axis].nunique() < 4:
            continue
        log = _is_log(values)
        with styled(for_page=True):
            figure = tuning.over(tried, axis, order, selection.baseline, log)
            shown = show(
                figure,
                f"Validation accuracy over {axis} by activation on {selection.task.name}",
                "A dot is a trial: the mean of its trainings, judged on validation examples."
                f" The line joins medians; dashed, those of {selection.baseline}. Dots at the"
                " lower edge lie below it.",
                f"{selection.name}-{axis}",
            )
        pieces += Markup(shown.data)
    return html(heading("Accuracy over what was tuned", selection) + pieces if pieces else "")


def _is_log(axis: tuple[Any, ...] | Range) -> bool:
    """Whether an axis is best drawn on a logarithmic scale."""
    if isinstance(axis, Range):
        return axis.log
    return min(axis) > 0 and max(axis) / min(axis) > 10


def trial_curves(selection: Selection) -> HTML:
    """The expected best after so many random trials: the baseline and the highest other row."""
    base = selection.baseline
    others = [label for label in selection.table.index if label != base]
    if selection.tuning is None or base not in selection.table.index or not others:
        return html("")
    labels = [base, str(others[0])]
    found = tuning_summary.curves(selection.candidates, labels, CURVE, tuning_summary.BOTH)
    if found.empty:
        return html("")
    told = tuning_summary.stretches_told(tuning_summary.crossing(found, *labels))
    with styled(for_page=True):
        figure: Figure = Picture(figsize=(6.5, 3.2), layout="constrained")
        tuning.curves(figure.subplots(), found, labels)
        shown = show(
            figure,
            f"Expected best validation accuracy over the number of trials, {' and '.join(labels)}",
            f"The expected best validation accuracy of k random trials, from"
            f" {int(found.draws.min())} draws, with confidence bands that assume no distribution"
            " and hold together, for both and all k, at 95 %.",
            f"{selection.name}-trials",
        )
    title = heading("What a larger budget is worth", selection)
    text = filled("<p>{}: {}.</p>", " and ".join(labels), told)
    return html(title + text + Markup(shown.data))
