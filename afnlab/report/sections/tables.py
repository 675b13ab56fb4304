"""The tables of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from afnlab import stats
from afnlab.compare import epochs, formatting
from afnlab.compare import published_tables as claimed
from afnlab.compare.formatting import (
    bound,
    difference,
    limits,
    number,
    p_value,
    short_percent,
    three_digits,
    value,
)
from afnlab.compare.proper_names import Naming, named_cost, proper_name
from afnlab.compare.selection import Selection
from afnlab.compare.summary_table import FAILURES, is_adjusted
from afnlab.figures import metric_axis
from afnlab.figures.fragment import Fragment
from afnlab.markup import filled, joined
from afnlab.measures import ACCURACY, Measure
from afnlab.printing import label_of, printed_value
from afnlab.report import embedded
from afnlab.report.sections import bars
from afnlab.report.sections.html import heading, name, sentence, table_of
from afnlab.report.sections.text import link_to

COLUMNS = ("difference", "interval", "adjusted", "p", "verdict")  # of another baseline, others
VERDICT = "<span class=verdict>{}</span>"
_COMPARED = (
    "The difference to the baseline is paired by seed, and p is the p-value of the sign-flip test,"
    " or, where the column test says any time, of the test by which seeds were added until it"
    " decided. Intervals of a difference contain what the test does not reject. With fewer than 6"
    " seeds the sign-flip test rejects nothing; the 95 % CI of the difference is then Student's t"
    " interval. Where several"
    " rows are compared, the one to cite is the adjusted interval, at the level of Holm's"
    " correction: it excludes 0 exactly where the verdict says so. The other one, which lies within"
    " it, would hold for a row that is the only one compared."
)
CELL = '<span class="number">{}</span>{}'


def table(selection: Selection, link: str = "", files: str = "") -> Fragment:
    """The comparison as a table, with the numbers that the page's script computes with.

    link: a pattern such as "runs/{id}.html" for the row's run; files: one such as
    "tables/{name}{ending}" for the same table as a file.
    """
    shown, data = of_selection(selection, link), numbers(selection)
    note = joined(filled("<p class=note>{}</p>", sentence(said)) for said in selection.stopping)
    note += _files(selection, files) if files else Markup("")
    least = metric_axis.least(selection.table[selection.measure.key], selection.measure)
    box = '<div class="compared" data-of="{}" data-least="{}">'
    whole = filled(box, selection.name, repr(least))
    return Fragment(heading("", selection, 3), whole, Markup(shown), note, data, Markup("</div>"))


def of_selection(selection: Selection, link: str) -> str:
    """The table of a selection as HTML; link: as of `table`."""
    ids = {label: [r["id"] for r in records] for label, records in selection.runs.items()}
    return comparison_table(selection.table, selection.baseline, ids, link, selection.measure)


def numbers(selection: Selection) -> Markup:
    """The numbers of a selection for the page's script."""
    seeds = {
        label: {seed: r["id"] for r in records for seed in r["seeds"]}
        for label, records in selection.runs.items()
    }
    return embedded.numbers(
        selection.table,
        selection.final,
        selection.baseline,
        selection.margin,
        selection.measure,
        seeds,
    )


ENDINGS = {".csv": "CSV (every digit)", ".md": "Markdown", ".tex": "LaTeX"}


def _files(selection: Selection, pattern: str) -> Markup:
    """Links to the table as files."""
    links = joined(
        (
            filled('<a href="{}">{}</a>', pattern.format(name=selection.name, ending=end), kind)
            for end, kind in ENDINGS.items()
        ),
        ", ",
    )
    return filled('<p class="note files">The same table as {}.</p>', links)


def how_to_read(selections: Sequence[Selection]) -> Fragment:
    """What the numbers are; of what nothing is compared with, nothing of comparisons."""
    text = "Each row is the mean over the seeds after the last epoch."
    if any(one.table.p.notna().any() for one in selections):
        text = f"{text} {_COMPARED}"
    return Fragment(
        Markup("<h2>The numbers</h2>"),
        filled("<p>{} Each run links to its executed notebook.</p>", text),
    )


def comparison_table(
    table: pd.DataFrame,
    baseline: str,
    runs: Mapping[str, Sequence[str]],
    link: str,
    measure: Measure = ACCURACY,
    rows_are: str = "activation",
    naming: Naming = proper_name,
) -> str:
    """A table of `compare_histories` as HTML; runs: the ids behind every label; rows_are: the head
    of the column of labels; naming: what these are called."""
    failures = [what for what in FAILURES if table[what].any()]
    tests = ["test"] * bool((table.test == stats.ANY_TIME.name).any())
    # Whichever is the baseline: with two rows there is one comparison.
    alone, several = len(table) == 1, len(table) > 2 or is_adjusted(table)
    head = [
        rows_are,
        label_of(measure),
        "95 % confidence interval",
        filled("difference to {}{}", name(baseline, naming), measure.of_differences("")),
        "95 % confidence interval",
        "adjusted confidence interval",
        "p (Holm)" if several else "p",
        "verdict",
        *tests,
        "seeds",
        *failures,
        "runs",
    ]
    rows, key, form = [], measure.key, measure.signed_form
    bar, paired = bars.Scale(table, measure), baseline in table.index and not alone
    for label, r in table.iterrows():
        links = joined((link_to(run, link) for run in runs[str(label)]), " ")
        adjusted = limits(r.adjusted_low, r.adjusted_high, form, measure.scale)
        if np.isfinite(r.p) and not np.isfinite(r.adjusted_low):
            adjusted = "no bounds"
        rows.append(
            (
                name(str(label), naming),
                value(measure, r[key]),
                limits(r[f"{key}_low"], r[f"{key}_high"], measure.form, measure.scale),
                filled(CELL, difference(measure, r.difference), bar.drawn(r)) if paired else "",
                limits(r.difference_low, r.difference_high, form, measure.scale),
                adjusted if several else "",  # a column of nothing is left out
                p_value(r.p_holm),
                "" if alone else filled(VERDICT, r.verdict),
                *(str(r.test) if np.isfinite(r.p) else "" for _ in tests),
                str(r.seeds),
                *(str(r[what] or "") for what in failures),
                links,
            )
        )
    kinds = [str(verdict).replace(" ", "-") for verdict in table.verdict]
    meanings = "; ".join(f"{what}: {FAILURES[what]}" for what in failures)
    note = filled("<p class=note>Seeds that are {}.</p>", meanings) if failures else ""
    columns = ["", "", "", *COLUMNS, *[""] * (len(head) - 3 - len(COLUMNS))]
    return table_of(head, rows, "comparison", kinds, columns) + note


def details(selection: Selection) -> Fragment:
    """Further columns of the table: other summaries of values and differences, and the loss."""
    measure, asked = selection.measure, selection.margin is not None
    worst = measure.worst
    failed = bool(selection.table.diverged.any()) and worst is not None
    above = "seeds above" if measure.better == "higher" else "seeds below"
    head = [
        "activation",
        measure.of_values("median"),
        measure.of_values("interquartile mean"),
        measure.of_differences("deviation"),
        "test loss",
        "95 % interval",
        "effect size",
        above,
        "p",
        "p (Wilcoxon)",
        *(("p (equivalent)", "p (not worse)") if asked else ()),
        *(
            [f"verdict, diverged as {bound(measure, worst)}"]
            if failed and worst is not None
            else []
        ),
    ]
    rows = []
    for label, r in selection.table.iterrows():
        rows.append(
            (
                name(str(label)),
                value(measure, r["median"]),
                value(measure, r.iqm),
                value(measure, r.deviation),
                number(r.loss, formatting.loss(r.loss)) or "not finite",
                limits(r.loss_low, r.loss_high, formatting.loss(r.loss)),
                formatting.effect(r.effect),
                short_percent(r.improvement),
                p_value(r.p),
                p_value(r.p_wilcoxon),
                *((p_value(r.p_equivalent), p_value(r.p_not_worse)) if asked else ()),
                *([r.verdict_worst if r.verdict_worst != r.verdict else ""] * failed),
            )
        )
    return Fragment(heading("", selection, 3) + table_of(head, rows))


def milestones(selection: Selection) -> Fragment:
    """How soon, and at what cost, every activation reaches what the baseline ends with."""
    values, measure = selection.table, selection.measure
    cost = selection.epoch_seconds
    reference = selection.baseline if selection.baseline in values.index else values.index[0]
    target = float(values[measure.key][reference])
    reached = epochs.milestones(selection.history, target, measure).loc[values.index]
    head = [
        "activation",
        f"seeds that reach {printed_value(measure, target)}",
        "median epochs until then",
        "median seconds",
        measure.of_values(f"{measure.mean} over all epochs"),
        measure.of_values("worst seed"),
        "ms per epoch",
    ]
    rows = [
        (
            name(str(label)),
            f"{int(r.reached)} of {values.seeds[str(label)]}",
            number(r.epochs, "{:g}") or "not reached",
            three_digits(r.seconds),
            value(measure, r.area),
            value(measure, r.worst),
            three_digits(1000 * cost[str(label)]),
        )
        for label, r in reached.iterrows()
    ]
    note = filled(
        "<p>The target is the {} of {} after the last epoch. Medians are over"
        " all seeds, those that never reach it included. The time of an epoch is that of the"
        " quickest, divided by the seeds trained together; rows that do the same work, as those"
        " that differ in the learning rate alone, have one time. {}</p>",
        measure.mean,
        proper_name(reference),
        named_cost(selection.cost).ways(map(proper_name, values.index), proper_name(reference)),
    )
    title = heading("How soon, and at what cost", selection)
    return Fragment(title + note + table_of(head, rows))


def claims(selection: Selection) -> Fragment:
    """What the task's source printed, beside what these runs measured."""
    rows: pd.DataFrame = selection.claims
    if rows.empty:
        return Fragment()
    head = [
        "activation",
        "metric",
        "printed",
        "trainings",
        "measured",
        "95 % interval",
        "seeds",
        "verdict",
        "why, or by which rule",
    ]
    body = []
    for _, r in rows.iterrows():
        form = "{:.4f}"
        body.append(
            (
                name(r.activation),
                r.metric,
                r.printed,
                str(r.printed_runs),
                number(r.measured, form),
                limits(r.measured_low, r.measured_high, form),
                str(r.seeds),
                filled(VERDICT, r.verdict),
                r.why,
            )
        )
    marks = {"agrees": "better", "differs": "worse"}
    kinds = [marks.get(verdict, "") for verdict in rows.verdict]
    title = heading("Published beside measured", selection)
    text = filled(
        "<p>{} Source: {}."
        " A printed mean is compared by Welch's interval, a single printed run by a prediction"
        " interval, both widened by the rounding of the print.</p>",
        claimed.summary(rows),
        selection.task.source,
    )
    return Fragment(title + text + table_of(head, body, "", kinds))
