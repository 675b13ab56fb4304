"""The figures of a page, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from math import comb

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from afnlab import stats
from afnlab.compare import compared_functions
from afnlab.compare.costs import pareto_front
from afnlab.compare.formatting import equation, exact_p
from afnlab.compare.headline import noun
from afnlab.compare.proper_names import proper_name
from afnlab.compare.selection import Selection
from afnlab.figures import (
    all_pairs,
    function_curves,
    learned_parameters,
    learning_curves,
    learning_rates,
    metric_and_cost,
    metric_axis,
)
from afnlab.figures import comparison as comparison_figure
from afnlab.figures import ranks as ranks_figure
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import Picture, show, styled
from afnlab.markup import filled
from afnlab.messages import counted, in_stretches
from afnlab.printing import label_of
from afnlab.report.sections import comparison_key
from afnlab.report.sections.html import heading
from afnlab.runs.setting import TrainingSetting
from afnlab.runs.storage.runs_folder import SPEED

_NOISE = (
    " Level bars: from the quickest epoch to the median one; where two overlap, the clock does not"
    " say which is quicker, and the line does not either."
)
NO_RANKS = (
    "Not tested: seeds were added until the evidence decided, and the tests of ranks are for a"
    " number of seeds that was fixed beforehand."
)
DIAGRAM = 12  # names, beyond which a critical-difference diagram is a thicket


def comparison(selection: Selection) -> Fragment:
    """Every seed, means and intervals, differences to the baseline."""
    of = (selection.final, selection.table, selection.baseline, selection.margin)
    with styled(for_page=True):
        wide, narrow = (
            comparison_figure.comparison(*of, selection.measure, narrow=narrow)
            for narrow in (False, True)
        )
        return show(
            wide,
            f"{_name(selection)} of every seed by activation on {selection.task.name}, and the"
            f" paired difference to {proper_name(selection.baseline)}; the table holds the same"
            " numbers",
            _key(selection),
            f"{selection.name}-comparison",
            narrow,
        )


def _name(selection: Selection) -> str:
    """The metric's name at the beginning of a sentence."""
    name = selection.measure.name
    return name[:1].upper() + name[1:]


def _key(selection: Selection) -> str:
    """What the marks of the comparison mean: of those that are there."""
    of = (selection.final, selection.table, proper_name(selection.baseline), selection.margin)
    return comparison_key.key(*of, selection.measure, comparison_key.SET_BY_SEEDS)


def curves(selection: Selection) -> Fragment:
    """Learning curves, one panel per activation, and all of them in one."""
    measure, base = selection.measure, proper_name(selection.baseline)
    if selection.history.epoch.max() == 1:
        text = "There was one epoch, so there is no curve to draw: the table has all there is."
        return Fragment(heading("", selection, 3), filled("<p>{}</p>", text))
    order, there = list(selection.table.index), selection.baseline in selection.table.index
    bounded = learning_curves.neared(selection.history, measure) is not None
    what = metric_axis.distance_label(measure) if bounded else label_of(measure)
    how = f"The {what}, on a logarithmic axis" if bounded else f"The {measure.name}"
    by_base = f" Orange{{}}: the mean of {base}." if there and len(order) > 1 else ""
    _, far = metric_axis.WORSE_SIDE[measure.better]
    side = "lower" if measure.better == "higher" else "upper"
    edge = f" A number at the {side} edge: where a curve far {far} ends." if not bounded else ""
    best = next((label for label in order if label != selection.baseline), None)
    blue = f" Blue: {proper_name(best)}, the best{' other' if there else ''}." if best else ""
    with styled(for_page=True):
        shown = show(
            learning_curves.learning(selection.history, order, selection.baseline, measure=measure),
            f"{_name(selection)} over the epochs for each activation on {selection.task.name}",
            f"{how}. Solid: mean of the seeds, with its 95 % interval, which goes on where it meets"
            f" an edge.{by_base.format(', dashed')}{edge}",
            f"{selection.name}-curves",
        )
        if len(order) == 1:
            return Fragment(heading("", selection, 3), shown)
        others = " Grey: the others." if len(order) > 1 + there + bool(best) else ""
        together = show(
            learning_curves.overlay(selection.history, order, selection.baseline, measure),
            f"{_name(selection)} over the epochs for all activations on {selection.task.name}",
            f"{how}: all means together.{by_base.format(', dashed')}{blue}{others}",
            f"{selection.name}-overlay",
        )
    return Fragment(heading("", selection, 3), together, shown)


def frontier(selection: Selection) -> Fragment:
    """The metric against cost: by the speed benchmark if there is one, or by the runs' own
    times."""
    cost = selection.cost
    table = selection.table.loc[[n for n in selection.table.index if n in cost.seconds]]
    if len(table) < 2 or not (cost.seconds > 0).all():
        return Fragment()
    measure = selection.measure
    slower = None if cost.slower is None else cost.slower[table.index]
    if not cost.ordered:  # any time may be any longer than the clock said
        slower = pd.Series(np.inf, table.index)
    seconds = cost.seconds[table.index]
    front = pareto_front(table[measure.key], seconds, measure, slower)
    far = metric_axis.shown(metric_and_cost.means_of(table, measure), measure).far.any()
    best = proper_name(front[0])
    line = f"{best} has the best mean, and none is quicker as far as is known, so no line is drawn"
    if not cost.ordered:
        line = _why_unordered(selection)
    elif len(front) > 1:
        names = ", ".join(map(proper_name, front))
        line = f"the line joins what no other activation beats in both, from the quickest: {names}"
    missing = ", ".join(map(proper_name, cost.missing))
    omitted = f" Not measured, and left off: {missing}." if missing else ""
    if cost.measured_in_runs:
        omitted = filled(
            "{} Whatever else the machine did is in these times; <code>afnlab bench activations"
            " --json {}/{}</code> has the report use better ones.",
            omitted,
            selection.folder.name,
            SPEED,
        )
    with styled(for_page=True):
        figure: Figure = Picture(figsize=(9.5, 4.2), layout="constrained")
        metric_and_cost.frontier(
            figure.subplots(), table, seconds, selection.baseline, cost.of, measure, slower
        )
        return show(
            figure,
            f"{measure.mean_title} against the time of {cost.of} on {selection.task.name}",
            filled(
                "Time: of {}, {}. {} left is best; {}. Upright bars: 95 % intervals of the means,"
                " cut at the edge where one is very wide.{}{} Names are left out where there is no"
                " room.{}",
                cost.of,
                cost.by,
                "Upper" if measure.better == "higher" else "Lower",
                line,
                f" {metric_axis.far_in_words(measure, upright=True)}" if far else "",
                _NOISE if slower is not None and cost.ordered else "",
                omitted,
            ),
            f"{selection.name}-frontier",
        )


def _why_unordered(selection: Selection) -> str:
    """Why no line joins the quickest: the clock does not tell which they are."""
    cost, base = selection.cost, proper_name(selection.baseline)
    if cost.once:
        return "which is quicker is not known, as what was timed once has no known noise"
    if not cost.apart:
        return f"which is quicker is not known, as the machine was busy: {cost.under_load}"
    count = counted(len(cost.apart), f"{noun(selection.table)}")
    return (
        f"which is quicker is not known, as {count} and {base} were not timed on the same occasion"
    )


def ranks(selections: Sequence[Selection]) -> Fragment:
    """All against all, for each task apart: mean ranks over its seeds, with critical differences.

    Seeds of several tasks are never blocks of one test: those of a task agree with one another, so
    they would make a statement about tasks look as sure as if each were a task of its own.
    `over_tasks` has a task as a block.
    """
    return Fragment(*map(_ranks, selections))


def _ranks(selection: Selection) -> Fragment:
    # Ranks are by what is better: higher values come first.
    values = selection.measure.sign * selection.final.dropna(axis="columns", how="all")
    labels, blocks = list(values), values.dropna()  # a block in which all were measured
    if len(labels) < 3 or len(blocks) < 2:
        return Fragment()
    if selection.decided_rows:
        return Fragment(heading("All against all", selection) + filled("<p>{}</p>", NO_RANKS))
    ranked = stats.ranking(blocks)
    distinguishable = ranked.p < stats.alpha(stats.LEVEL)
    text = (
        f"Friedman's test over {len(blocks)} blocks ({selection.setting}: seeds"
        f" {in_stretches(blocks.index.tolist())}): {equation(ranked.p)}."
    ) + (
        " Two activations are distinguishable if their mean ranks differ by"
        f" {ranked.critical_difference:.1f} or more (Nemenyi's test)."
        if distinguishable
        else " No two are distinguishable by it."
    )
    missing = len(values) - len(blocks)
    if missing:
        text += f" {missing} blocks in which an activation was not measured are left out."
    text += _what_ranks_rest_on(len(blocks), len(labels))
    said = heading("All against all", selection) + filled("<p>{}</p>", text)
    if len(labels) > DIAGRAM:
        return Fragment(said, _all_pairs(selection, list(map(str, labels))))
    if not distinguishable:
        return Fragment(said)
    with styled(for_page=True):
        figure = show(
            ranks_figure.ranks(ranked),
            "Mean ranks of the activations, the best left; bars join those not distinguishable",
            "Mean ranks, 1 is the best; a bar joins what Nemenyi's test does not distinguish."
            " All blocks are of one task: this says nothing about others.",
            f"{selection.name}-ranks",
        )
    return Fragment(said, figure)


def _what_ranks_rest_on(blocks: int, labels: int) -> str:
    """Why ranks may say something else than the verdicts do, and what they are then worth."""
    pairs = comb(labels, 2)
    text = (
        " Both tests look at ranks alone, by approximations for many blocks; the verdicts of this"
        " page are by the sign-flip test of paired differences, which needs none."
    )
    if stats.smallest_p(blocks, pairs) >= stats.alpha(stats.LEVEL):
        text += (
            f" After correction for all {pairs} pairs that test can show nothing with {blocks}"
            " seeds, so what ranks distinguish here is a hint and no result."
        )
    return text


def _all_pairs(selection: Selection, labels: Sequence[str]) -> Fragment:
    """Every row against every other, as a heat map."""
    order = [label for label in selection.table.index if label in set(labels)]
    pairs = all_pairs.paired_effects(selection.final, order, selection.measure)
    least = stats.smallest_p(int(selection.table.seeds.max()), len(pairs))
    smallest = f"the smallest attainable p-value is {exact_p(least)}"
    distinguishable = int((pairs.p_holm < stats.alpha(stats.LEVEL)).sum())
    dots = "A dot: distinguishable by" if distinguishable else "No pair is distinguishable by"
    with styled(for_page=True):
        return show(
            all_pairs.heat_map(pairs, order),
            f"Differences of {len(order)} activations to each other on {selection.task.name}",
            "In each cell the mean difference of its row to its column, paired by seed, in standard"
            f" deviations of these differences; blue: the row is better, in full colour from"
            f" {all_pairs.full_colour(pairs):.1f} on. {dots} the sign-flip test"
            f" after Holm's correction over {len(pairs)} pairs, of which {smallest}.",
            f"{selection.name}-pairs",
        )


def trajectories(selection: Selection) -> Fragment:
    """Learned parameters over the epochs, of the runs that recorded them."""
    learned = selection.learned
    if learned.empty:
        return Fragment()
    sites = sorted(map(str, learned.site.unique()))
    lines = [
        f"{line} {site}" for line, site in zip(cycle(learned_parameters.LINES), sites, strict=False)
    ]
    with styled(for_page=True):
        figure = show(
            learned_parameters.trajectories(learned),
            "Learned parameters of the activations over the epochs",
            "Thin: a seed; thick: the mean of the seeds at one place in the network, by the name of"
            f" its module: {', '.join(lines)}. Epoch 0 is the start.",
            f"{selection.name}-learned",
        )
    return Fragment(heading("What they learned", selection), figure)


def sensitivity(selections: Sequence[Selection]) -> Fragment:
    """The metric over the learning rate, for activations that were trained with several: a figure
    for each task and setting, since comparisons may be split by the rate itself."""
    alike: dict[TrainingSetting, list[Selection]] = {}
    for one in selections:
        setting = one.first.setting
        others = tuple(pair for pair in setting.within if pair[0] != "lr")
        alike.setdefault(setting._replace(within=others), []).append(one)
    return Fragment(*map(_sensitivity, alike.values()))


def _sensitivity(parts: Sequence[Selection]) -> Fragment:
    """parts: selections that differ in their learning rate alone."""
    selection = parts[0]
    rows = [
        (f"{at} {n}", row.labelled(["lr", *one.shared]), row.options["lr"])
        for at, one in enumerate(parts)
        for n, row in one.rows.items()
    ]
    rates = pd.DataFrame(rows, columns=["label", "activation", "lr"]).set_index("label")
    rates = rates[rates.groupby("activation").lr.transform("nunique") > 1]
    rates = rates[~rates.duplicated()]
    if rates.empty:
        return Fragment()
    measure = selection.measure
    final = pd.concat([one.final.add_prefix(f"{at} ") for at, one in enumerate(parts)], axis=1)
    drawn = learning_rates.intervals(final, rates, measure)
    far = metric_axis.shown(drawn, measure).far.any()
    with styled(for_page=True):
        figure = show(
            learning_rates.sensitivity(final, rates, measure=measure),
            f"{_name(selection)} over the learning rate for"
            f" {rates.activation.nunique()} activations",
            f"{_name(selection)} on {selection.evaluated} examples after the last epoch: mean of"
            " the seeds, with its 95 % interval."
            + (f" {metric_axis.far_in_words(measure, upright=True)}" if far else ""),
            f"{selection.name}-rates",
        )
    where = [word for word in selection.brief.split(", ") if not word.startswith("lr=")]
    called = replace(selection, brief=", ".join(where))
    return Fragment(heading("How much the learning rate matters", called), figure)


def gallery(selection: Selection) -> Fragment:
    """All elementwise functions of the selection with their slopes."""
    drawn: dict[str, function_curves.Drawable] = {}
    for label, one in selection.rows.items():
        function: function_curves.Drawable | None = compared_functions.built_in(one)
        if (
            one.is_user_defined
            and (table := compared_functions.kept(selection.folders_of(label))) is not None
        ):
            function = function_curves.Curve(
                one.activation, *table[["x", "value", "slope"]].to_numpy().T
            )
        if function is not None:
            drawn.setdefault(one.activation, function)
    if not drawn:
        return Fragment()
    with styled(for_page=True):
        return show(
            function_curves.small_multiples(drawn.values()),
            "Small graphs of the activation functions and their slopes",
            "Each function (solid) and its slope (dashed) at its default parameters.",
            f"{selection.name}-functions",
        )
