"""The pieces of a page about tuned runs: what tuning changed, what was chosen, how easily."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from afnlab.compare import tuning_summary
from afnlab.compare.file_names import file_names
from afnlab.compare.formatting import (
    difference,
    limits,
    number,
    p_value,
    short_percent,
    value,
)
from afnlab.compare.proper_names import named, proper_name
from afnlab.compare.selection import Selection
from afnlab.compare.summary_table import FAILURES
from afnlab.figures import metric_axis, tuning
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import Picture, show, styled
from afnlab.markup import filled
from afnlab.measures import Measure
from afnlab.messages import counted
from afnlab.report.sections.html import (
    heading,
    name,
    sentence,
    table_of,
)
from afnlab.training.space import EDGE, Range, Space

CURVE = 8  # trials, of tuning curves
_CHEAPLY = (
    "A choice among few candidates, or by a single training of each, is noisy, and the noise is in"
    " the verdict: a function that is good at its best setting is rated worse if a setting was"
    " chosen at which it sometimes collapses. So each seed was also trained at the settings that"
    " cheaper tunings of the same candidates would have chosen. Seeds that collapsed, far {} the"
    " others of their row, count in the mean, and their number is given beside the verdict."
)


def recipe(selection: Selection) -> Fragment:
    """The comparison at the fixed recipe, and where tuning has moved every row."""
    fixed, measure = selection.fixed, selection.measure
    base = proper_name(selection.baseline)
    if fixed.empty:
        return Fragment()
    moved = selection.table.loc[[n for n in selection.table.index if n in fixed.index]]
    head = [
        "activation",
        measure.of_values("fixed recipe"),
        measure.of_values("tuned"),
        measure.of_differences("change"),
        f"difference to {base}, fixed",
        "tuned",
        "p (Holm), fixed",
        "tuned",
        "verdict, fixed",
        "verdict, tuned",
    ]
    rows = []
    for label, now in moved.iterrows():
        then: Any = fixed.loc[str(label)]
        rows.append(
            (
                name(str(label)),
                value(measure, then[measure.key]),
                value(measure, now[measure.key]),
                difference(measure, now[measure.key] - then[measure.key]),
                *(difference(measure, r.difference) for r in (then, now)),
                *(p_value(r.p_holm) for r in (then, now)),
                then.verdict,  # the row has the colour of the tuned one
                filled("<span class=verdict>{}</span>", now.verdict),
            )
        )
    kinds = [str(verdict).replace(" ", "-") for verdict in moved.verdict]
    edge, far = metric_axis.WORSE_SIDE[measure.better]
    with styled(for_page=True):
        figure = show(
            tuning.shift(fixed[measure.key], moved[measure.key], selection.baseline, measure),
            f"Arrows from the {measure.mean} at the fixed recipe to the tuned one, by activation",
            f"From the {measure.mean} of the same seeds at the fixed recipe (dot) to the tuned"
            f" one (mark). The line is the tuned {base}. A number at the {edge} edge is a mean at"
            f" the fixed recipe that lies far {far} the others. A row that is far {far} them when"
            " tuned as well has both its numbers there: at the recipe \N{RIGHTWARDS ARROW} tuned.",
            f"{selection.name}-recipe",
        )
    sentences = tuning_summary.recipe(named(fixed), named(moved), base, measure, selection.change)
    text = filled("<p>{}</p>", sentence(sentences))
    title = heading("What tuning changed", selection)
    return Fragment(title, text, figure, table_of(head, rows, "comparison", kinds))


def cheaply(selection: Selection) -> Fragment:
    """What cheaper tunings of the same candidates come to, beside what was done."""
    among, tunings = selection.tuning, selection.tunings
    if among is None or len(tunings) < 3:
        return Fragment()
    *cheaper, full = list(tunings.items())[1:]
    head = ["activation"]
    for title, _ in (*cheaper, full):
        head += [f"difference to {proper_name(selection.baseline)}", f"verdict, {title}"]
    rows = []
    for label in map(str, selection.table.index):
        cells: list[str] = [name(label)]
        for _, table in cheaper:  # the row has the colour of the full tuning's verdict
            known = label in table.index
            cells += _standing(table, label, selection.measure) if known else ("", "")
        gap, verdict = _standing(selection.table, label, selection.measure)
        rows.append([*cells, gap, filled("<span class=verdict>{}</span>", verdict)])
    kinds = [str(verdict).replace(" ", "-") for verdict in selection.table.verdict]
    each = counted(among.selection_seeds, "training")
    size = f"The full tuning has {among.count} candidates, {each} each."
    _, far = metric_axis.WORSE_SIDE[selection.measure.better]
    text = filled("<p>{} {}</p>", _CHEAPLY.format(far), size)
    title = heading("Tuned cheaply, tuned well", selection)
    return Fragment(title + text + table_of(head, rows, "comparison", kinds))


def _standing(table: pd.DataFrame, label: str, measure: Measure) -> tuple[str, str]:
    """Difference, and verdict with the seeds that failed."""
    row: Any = table.loc[label]
    failed = [f"{int(row[what])} {what}" for what in FAILURES if row[what]]
    return difference(measure, row.difference), ", ".join([row.verdict, *failed])


def choices(selection: Selection) -> Fragment:
    """What the replicates chose, and how large a part of the space will do."""
    among, chosen = selection.tuning, selection.chosen
    if among is None or chosen.empty:
        return Fragment()
    chosen_settings = tuning_summary.choices(chosen, among).set_index(["label", "parameter"])
    close = tuning_summary.close_to_best(selection.candidates, measure=selection.chosen_by)
    wide, near = _widest(among), _near(selection.chosen_by)
    head = [
        "activation",
        *(f"{axis}: median [least, most]" for axis in among.axes),
        "kept the recipe",
        "chose an end",
        f"trials within {near} its best",
        *([] if wide is None else [f"range of {wide[0]} that suffices ({wide[2]})"]),
        "95 % interval",
    ]
    rows = []
    for label in selection.table.index:
        if label not in chosen_settings.index:  # its table was left out
            continue
        settings = chosen_settings.loc[label]
        cells = [
            _chosen(chosen[chosen.label == label][axis], settings.loc[axis]) for axis in among.axes
        ]
        ends = "; ".join(
            at_end for axis in among.axes if (at_end := _ends(axis, settings.loc[axis]))
        )
        share = close.get(str(label))
        replicates, kept = int(settings.replicates.iloc[0]), int(settings.recipe.iloc[0])
        rows.append(
            (
                name(str(label)),
                *cells,
                f"{kept} of {replicates}" if among.budget is not None else "",
                ends,
                *_that_will_do(share, wide),
            )
        )
    text, easily = f"Each seed chose for itself: {among.description}.{_nearness(among)}", ""
    if close:  # else there is no such column
        easily = ", and how easily"
        text += (
            " How easily an activation is tuned is told by the share of the random trials that come"
            f" within {near} its best, with an exact interval (Clopper and Pearson)."
            f"{_width(wide, len(among.axes))}"
        )
    title = heading(f"What was chosen{easily}", selection)
    return Fragment(title + filled("<p>{}</p>", sentence(text)) + table_of(head, rows))


def _near(measure: Measure) -> str:
    """What still counts as close to the best, as the beginning of a phrase: "1 point of"."""
    if measure.low is None or measure.high is None:
        return f"{100 * tuning_summary.MARGIN:g} % of"
    size = measure.scale * measure.part(tuning_summary.MARGIN, 0)
    unit = measure.points.removesuffix("s") if size == 1 else measure.points
    return f"{size:g} {unit} of".replace("  ", " ")


def _ends(axis: str, row: pd.Series) -> str:
    """How many replicates chose an end of an axis, in words; empty if none did."""
    counts = [f"{int(row[end])} {end}" for end in ("low", "high") if row[end]]
    return f"{axis} {', '.join(counts)}" if counts else ""


def _nearness(among: Space) -> str:
    """What counts as an end of an axis, in words."""
    ranges = any(isinstance(axis, Range) for axis in among.axes.values())
    lists = any(not isinstance(axis, Range) for axis in among.axes.values())
    ends = [f"within {short_percent(EDGE)} of a range from its end, in the measure of its draws"]
    ends = ends * ranges + ["the least or the largest value of a list"] * lists
    return f" An end is chosen by what is {' or '.join(ends)}."


def _chosen(values: pd.Series, row: pd.Series) -> str:
    if pd.to_numeric(values, errors="coerce").isna().any():
        counts = values.astype(str).value_counts()
        return ", ".join(f"{value} {count}" for value, count in counts.items())
    return f"{row['median']:.3g} [{row.least:.3g}, {row.most:.3g}]"


_Wide = tuple[str, Range, str]  # an axis: its name, its range, its unit


def _widest(among: Space) -> _Wide | None:
    """The axis whose width says how easily something is tuned: the learning rate's, else the first
    that is drawn from a range."""
    drawn = {name: axis for name, axis in among.axes.items() if isinstance(axis, Range)}
    if not drawn:
        return None
    name = "lr" if "lr" in drawn else next(iter(drawn))
    return name, drawn[name], "decades" if drawn[name].log else "its range"


def _that_will_do(share: tuning_summary.Share | None, wide: _Wide | None) -> list[str]:
    """The share of trials that will do, and its interval or that of the width that it is."""
    if share is None:
        return ["", "", ""] if wide else ["", ""]
    if wide is None:
        return [short_percent(share.share), limits(share.low, share.high, "{:.0f}", 100)]
    width, form = tuning_summary.width(share, wide[1]), "{:.2f}" if wide[1].log else "{:.2g}"
    interval = limits(width.low, width.high, form)
    return [short_percent(share.share), number(width.share, form), interval]


def _width(wide: _Wide | None, axes: int) -> str:
    """What a width is, in words."""
    if wide is None:
        return ""
    name, axis, _ = wide
    whole = tuning_summary.width(tuning_summary.Share(1, 1, 1), axis).share
    others = ", on average over the others as they were drawn" if axes > 1 else ""
    size = f"{whole:.2g} decades" if axis.log else f"{whole:.3g}"
    return f" That share of the {size} of {name} is how much of its range suffices{others}."


def rates(selection: Selection) -> Fragment:
    """Every trial's value on validation examples over each parameter with numbers."""
    if selection.tuning is None or selection.candidates.empty:
        return Fragment()
    measure = selection.chosen_by
    tried = tuning_summary.trials(selection.candidates, measure)
    edge, far = ("lower", "below") if measure.better == "higher" else ("upper", "above")
    pieces: list[Fragment] = []
    order = [label for label in selection.table.index if label in set(tried.label)]
    names = file_names({axis: axis for axis in selection.tuning.axes})  # a user's own among them
    for axis, values in selection.tuning.axes.items():
        if pd.to_numeric(tried[axis], errors="coerce").isna().any() or tried[axis].nunique() < 4:
            continue
        log = _is_log(values)
        with styled(for_page=True):
            figure = tuning.over(tried, axis, order, selection.baseline, log, measure=measure)
            shown = show(
                figure,
                f"Validation {measure.name} over {axis} by activation on {selection.task.name}",
                "A dot is a trial: the mean of its trainings, judged on validation examples."
                f" The line joins medians; dashed, those of {proper_name(selection.baseline)}."
                f" Dots at the {edge} edge lie {far} it.",
                f"{selection.name}-over-{names[axis]}",
            )
        pieces.append(shown)
    return (
        Fragment(
            heading(
                f"{measure.name[:1].upper() + measure.name[1:]} over what was tuned", selection
            ),
            *pieces,
        )
        if pieces
        else Fragment()
    )


def _is_log(axis: tuple[Any, ...] | Range) -> bool:
    """Whether an axis is best drawn on a logarithmic scale."""
    if isinstance(axis, Range):
        return axis.log
    return min(axis) > 0 and max(axis) / min(axis) > 10


def trial_curves(selection: Selection) -> Fragment:
    """The expected best after so many random trials: the baseline and the best other row."""
    base, candidates = selection.baseline, selection.candidates
    if selection.tuning is None or candidates.empty:
        return Fragment()
    there = [label for label in selection.table.index if label in set(candidates.label)]
    others = [label for label in there if label != base]
    if base not in there or not others:
        return Fragment()
    labels = [base, str(others[0])]
    measure = selection.chosen_by
    curves = tuning_summary.curves(candidates, labels, CURVE, tuning_summary.BOTH, measure)
    if curves.empty:
        return Fragment()
    ahead = tuning_summary.crossing(curves, base, labels[1], measure)
    both = " and ".join(map(proper_name, labels))
    named_ahead = [(first, last, proper_name(who)) for first, last, who in ahead]
    stretches = tuning_summary.stretches_in_words(named_ahead)
    with styled(for_page=True):
        figure: Figure = Picture(figsize=(6.5, 3.2), layout="constrained")
        tuning.curves(figure.subplots(), curves, labels, measure)
        shown = show(
            figure,
            f"Expected best validation {measure.name} over the number of trials, {both}",
            f"The expected best validation {measure.name} of k random trials, from"
            f" {int(curves.draws.min())} draws, with confidence bands that assume no distribution"
            " and hold together, for both and all k, at 95 %. At a triangle a band goes on.",
            f"{selection.name}-trials",
        )
    title = heading("What a larger budget is worth", selection)
    text = filled("<p>{}: {}.</p>", both, stretches)
    return Fragment(title, text, shown)
