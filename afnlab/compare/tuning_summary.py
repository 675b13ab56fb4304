"""Results of tuned runs beside their comparison: trials, choices, tuning curves, sensitivity.

All functions take the tables that `afnlab.tune` returns, with a column `label`: candidates (label,
seed, candidate, drawn, selection, the tuned parameters, validation_loss, and of the metric
validation_<key>, diverged), chosen (label, seed, candidate, the parameters) and fixed (a history).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats as laws

from afnlab.compare.axis_ends import end_of
from afnlab.compare.formatting import amount, difference, percent
from afnlab.compare.summary_table import finite
from afnlab.compare.tuning_change import TuningChange
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import LISTED, counted, enumerated
from afnlab.stats.best_of import tuning_curve
from afnlab.stats.chance import at_least_p
from afnlab.stats.intervals import LEVEL, alpha
from afnlab.stats.paired import holm
from afnlab.training.space import Range, Space

KEYS = ("label", "seed", "candidate", "drawn")
_MEASURED = ("selection", "diverged")
BOTH = 1 - (1 - LEVEL) / 2  # the level of each of two bands that hold together at LEVEL
LEAST_ROWS = 5  # of which a standard deviation between means says something
MARGIN = 0.01  # of the metric's range: what still counts as close to the best


def in_short(among: Space) -> str:
    """What was tuned, in a few words: "lr and init_scale tuned, 8 candidates"."""
    return f"{enumerated(list(among.axes))} tuned, {counted(among.count, 'candidate')}"


def parameters(candidates: pd.DataFrame) -> list[str]:
    """The names of the parameters that were tuned."""
    names = [str(name) for name in candidates if name not in (*KEYS, *_MEASURED)]
    return [name for name in names if not name.startswith("validation_")]


def trials(candidates: pd.DataFrame, measure: Measure = ACCURACY) -> pd.DataFrame:
    """A row per candidate of a replicate: KEYS, parameters, accuracy or the metric's key (the mean
    of its trainings)."""
    names, column = [*KEYS, *parameters(candidates)], measure.validation
    values = finite(candidates[column], candidates.diverged, measure)
    grouped = candidates.assign(**{column: values}).groupby(
        names, sort=False, dropna=False, as_index=False
    )
    means = {measure.key: (measure.validation, "mean"), "diverged": ("diverged", "any")}
    return grouped.agg(**means)


def curves(
    candidates: pd.DataFrame,
    labels: Iterable[str],
    most: int,
    level: float = LEVEL,
    measure: Measure = ACCURACY,
) -> pd.DataFrame:
    """The expected best on validation examples after 1 to `most` random trials, with its band.

    Bands need to know what the largest and the least value can be. Where the metric has no such
    bound, the largest or the least of all trials takes its place.

    Args:
        candidates: see above; only drawn candidates are used.
        labels: those to estimate; one without drawn candidates is left out.
        most: the largest number of trials.
        level: the confidence level of each band.
        measure: the metric.

    Returns:
        Columns label, trials, expected, low, high, draws (from how many candidates the curve is
        estimated).
    """
    tried = trials(candidates, measure)
    support = _support(measure.sign * tried[measure.key], measure)
    parts = []
    for label in labels:
        values = tried[measure.key][(tried.label == label) & tried.drawn].to_numpy()
        if not len(values):
            continue
        bands = tuning_curve(measure.sign * values, range(1, most + 1), level, support)
        ends = ["low", "high"][:: measure.sign]
        part = measure.sign * pd.DataFrame(bands, columns=["expected", *ends])
        part.insert(0, "trials", range(1, most + 1))
        parts.append(part.assign(label=label, draws=len(values)))
    columns = ["label", "trials", "expected", "low", "high", "draws"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _support(good: pd.Series, measure: Measure) -> tuple[float, float]:
    """The least and the largest that values can be of which higher is better."""
    bounds = (measure.low, measure.high)[:: measure.sign]
    least, most = (None if bound is None else measure.sign * bound for bound in bounds)
    return (
        float(good.min()) if least is None else least,
        float(good.max()) if most is None else most,
    )


def crossing(
    bands: pd.DataFrame, one: str, other: str, measure: Measure = ACCURACY
) -> list[tuple[int, int, str]]:
    """Which of two labels is ahead after how many trials: (first, last, label), "" for neither.

    One is ahead where its whole band is better than the other's. Bands at the level BOTH have
    simultaneous coverage at 95 %, for all numbers of trials at once.
    """
    left, right = (bands[bands.label == label].set_index("trials") for label in (one, other))
    if measure.better == "lower":  # the band that lies below is ahead
        one, other = other, one
    ahead = [
        one if left.low[k] > right.high[k] else other if right.low[k] > left.high[k] else ""
        for k in left.index
    ]
    stretches: list[tuple[int, int, str]] = []
    for k, who in zip(left.index, ahead, strict=True):
        if stretches and stretches[-1][2] == who:
            stretches[-1] = (stretches[-1][0], int(k), who)
        else:
            stretches.append((int(k), int(k), who))
    return stretches


class Share(NamedTuple):
    """A share of trials, with its exact 95 % confidence interval (Clopper and Pearson)."""

    share: float
    low: float
    high: float


def close_to_best(candidates: pd.DataFrame, measure: Measure = ACCURACY) -> dict[str, Share]:
    """How easily each label is tuned: the share of random trials within a margin of its best.

    The best is the mean, over replicates, of the best value on validation examples of a replicate;
    the margin a share of the metric's range, or of that best where it has none.
    """
    tried = trials(candidates, measure)
    shares = {}
    for label, rows in tried.groupby("label", sort=False):
        good = measure.sign * rows[measure.key]
        best = good.groupby(rows.seed).max().mean()
        drawn = good[rows.drawn]
        if len(drawn):
            close = int((drawn >= best - measure.part(MARGIN, best)).sum())
            shares[str(label)] = _share(close, len(drawn))
    return shares


def _share(hits: int, of: int) -> Share:
    interval = laws.binomtest(hits, of).proportion_ci(LEVEL, method="exact")
    return Share(hits / of, float(interval.low), float(interval.high))


def width(share: Share, axis: Range) -> Share:
    """The width of the adequate part of a range: in decades on a log scale, else in its unit.

    Where other parameters are drawn too, it is the mean over their ranges, since draws are uniform
    over each and independent. At the best values of the others the part is at least as wide; that
    width is not estimated, because the maximum of a few noisy values is too large.
    """
    whole = np.log10(axis.high / axis.low) if axis.log else axis.high - axis.low
    return Share(*(float(whole * limit) for limit in share))


def choices(chosen: pd.DataFrame, among: Space) -> pd.DataFrame:
    """What the replicates chose, one row per label and parameter.

    Returns:
        Columns label, parameter, least, median, most (of numbers), recipe (how many replicates kept
        the fixed recipe), low and high (how many chose a value at that end of its axis),
        replicates.
    """
    rows = []
    for label, group in chosen.groupby("label", sort=False):
        kept = int((group.candidate == 0).sum()) if among.budget is not None else 0
        for name in among.axes:
            ends = [among.edge(name, value) for value in group[name]]
            numbers = pd.to_numeric(group[name], errors="coerce")
            rows.append(
                {
                    "label": label,
                    "parameter": name,
                    "least": numbers.min(),
                    "median": numbers.median(),
                    "most": numbers.max(),
                    "recipe": kept,
                    "low": ends.count("low"),
                    "high": ends.count("high"),
                    "replicates": len(group),
                }
            )
    return pd.DataFrame(rows)


def removed(
    fixed: Mapping[str, float] | pd.Series, tuned: Mapping[str, float] | pd.Series
) -> float:
    """The share of the variance between labels' means that tuning removed."""
    before, after = pd.Series(fixed), pd.Series(tuned)
    return 1 - float(after.var() / before.var()) if len(before) > 1 and before.var() > 0 else 0.0


def at_edges(
    chosen: pd.DataFrame, candidates: pd.DataFrame, among: Space
) -> list[tuple[str, str, list[str]]]:
    """(parameter, "low" or "high", labels) where replicates chose that end of its axis in greater
    number than chance explains.

    A choice at random among a replicate's own candidates takes the end with the share of them that
    lies there; p is the exact probability that so many replicates or more take it, and is corrected
    with Holm's procedure for all ends of all labels that could be chosen.

    Args:
        chosen, candidates: see above.
        among: what was tuned.
    """
    if chosen.empty or candidates.empty:
        return []
    tried = candidates.drop_duplicates(["label", "seed", "candidate"])
    labels, at, p = list(dict.fromkeys(chosen.label)), [], []
    for name in among.axes:
        end_tried, end_chosen = (
            table[name].map(partial(among.edge, name)) for table in (tried, chosen)
        )
        for end in ("low", "high"):
            shares = (end_tried == end).groupby([tried.label, tried.seed]).mean()
            for label in labels:
                seeds = chosen.seed[chosen.label == label]
                chances = shares.reindex([(label, seed) for seed in seeds]).fillna(0.0)
                if chances.any():
                    hits = int((end_chosen[seeds.index] == end).sum())
                    at.append((name, end, label))
                    p.append(at_least_p(hits, chances))
    by: dict[tuple[str, str], list[str]] = {}
    for (name, end, label), adjusted in zip(at, holm(p) if p else [], strict=True):
        if adjusted < alpha(LEVEL):
            by.setdefault((name, end), []).append(label)
    return [(name, end, which) for (name, end), which in by.items()]


def stretches_in_words(stretches: Sequence[tuple[int, int, str]]) -> str:
    """Where a curve is ahead, in words: "with 1 to 2 trials gelu; from 3 on neither"."""
    parts = []
    for at, (first, last, who) in enumerate(stretches):
        when = f"from {first} on" if at == len(stretches) - 1 and at else _trials(first, last)
        parts.append(f"{when} {who or 'neither is ahead'}{' is ahead' if who else ''}")
    return "; ".join(parts)


def _trials(first: int, last: int) -> str:
    if first == last:
        return f"with {first} trial{'s' if first > 1 else ''}"
    return f"with {first} to {last} trials"


def spread(values: Mapping[str, float] | pd.Series) -> float:
    """The standard deviation between labels' means."""
    return float(np.std(pd.Series(values).to_numpy(), ddof=1)) if len(values) > 1 else 0.0


def recipe(
    fixed: pd.DataFrame,
    tuned: pd.DataFrame,
    baseline: str,
    measure: Measure = ACCURACY,
    change: TuningChange | None = None,
) -> str:
    """How the comparison at the fixed recipe differs from the tuned one, in sentences.

    Args:
        fixed, tuned: tables of `compare_histories` with the same rows.
        baseline: the label with which the others are compared.
        measure: the metric.
        change: what tuning has changed, seed by seed; where that is for the worse, it comes first.
    """
    said = []
    if change is not None and change.sentence:
        advice = "More selection seeds choose better; the verdicts at the fixed recipe do not rest"
        said += [change.sentence, *([f"{advice} on the choice."] if change.hurts else [])]
    before, after = (_counts(table) for table in (fixed, tuned))
    if before is not None and after is not None:
        others = int(fixed.p.notna().sum())
        first, second = (_tally(counts, others) for counts in (before, after))
        which, it = f"Of the {others} others, ", ""
        if others == 1:
            which, it = f"{fixed.index[fixed.p.notna()][0]} ", "it "
        said.append(
            f"{which}{first} than {baseline}, at the fixed recipe and tuned."
            if before == after
            else f"{which}{first} than {baseline} at the fixed recipe; tuned, {it}{second}."
        )
    labels = [label for label in tuned.index if label in fixed.index]
    then, now = fixed[measure.key].reindex(labels), tuned[measure.key].reindex(labels)
    if len(labels) >= LEAST_ROWS and _changed(then, now):
        sizes = [amount(measure, spread(values)) for values in (then, now)]
        said.append(
            f"The standard deviation between the {len(labels)} mean {measure.plural} is"
            f" {sizes[0]} at the fixed recipe and {sizes[1]} tuned{_variance(then, now)}."
        )
    if baseline in labels:
        gain = now[baseline] - then[baseline]
        size = f"{difference(measure, gain)} {measure.points}".rstrip()
        better = gain * measure.sign > 0
        way = f", for the {'better' if better else 'worse'}" if gain else ""
        said.append(f"Tuning changes {baseline} itself by {size}{way}.")
    return " ".join(said)


def _tally(counts: tuple[int, int], rows: int) -> str:
    """How many of so many rows are better and worse, as the middle of a sentence."""
    if rows == 1:
        return f"is {('neither better nor worse', 'worse', 'better')[2 * counts[0] + counts[1]]}"
    kinds = zip(counts, ("better", "worse"), strict=True)
    (first, one), (second, other) = sorted(kinds, key=lambda kind: -kind[0])
    if not first:
        return "none is better or worse"
    return f"{first} {'are' if first > 1 else 'is'} {one} and {second or 'none'} {other}"


def _changed(then: pd.Series, now: pd.Series) -> bool:
    """Whether the variance between the same rows' means has changed by more than chance explains.

    By Pitman's and Morgan's test: two variances of paired values are equal where the sums of the
    pairs do not correlate with their differences.
    """
    total, moved = then + now, then - now
    if not moved.std() > 0 or not total.std() > 0:
        return False
    return bool(laws.pearsonr(total, moved).pvalue < 1 - LEVEL)


def _variance(then: pd.Series, now: pd.Series) -> str:
    """What tuning took away of the variance between means, as the end of a sentence."""
    share = removed(then, now)
    return f": tuning took away {percent(share, 0)} of the variance" if share > 0 else ""


def effort(count: int, turns: int, among: Space) -> str:
    """What a tuning cost, beside the whole of `among`, in few words."""
    if (count, turns) == (among.count, among.selection_seeds):
        return "in full"
    return (
        counted(count, "candidate") if count < among.count else f"{counted(turns, 'training')} each"
    )


def cheaply(tunings: Mapping[str, pd.DataFrame]) -> str:
    """Whether cheaper tunings would have given the same verdicts, in sentences; empty without any.

    Args:
        tunings: tables of `compare_histories` by the cost of the tuning: the fixed recipe, cheaper
            tunings, and the full one.
    """
    if len(tunings) < 3:
        return ""
    return f"{_same_verdicts(tunings)} {_failed_by_tuning(tunings)}"


def _same_verdicts(tunings: Mapping[str, pd.DataFrame]) -> str:
    *_, done = tunings.values()
    verdicts = done.verdict[done.p.notna()]
    if verdicts.empty:
        return "There is no verdict that it could have changed."
    if (verdicts == "too few seeds").all():
        return "It cannot be said: so few seeds show no difference, however they are tuned."
    cheaper = list(tunings)[1:-1]
    alike, others = [], []
    for title in cheaper:
        before, after = tunings[title].verdict.align(done.verdict, join="inner")
        moved = [
            f"{n} ({before[n]} instead of {after[n]})" for n in after.index if before[n] != after[n]
        ]
        if not moved:
            alike.append(f"with {title}")
            continue
        more = f" and {len(moved) - LISTED} more" if len(moved) > LISTED else ""
        number = counted(len(moved), "verdict")
        others.append(f"with {title}, {number} would be another: {', '.join(moved[:LISTED])}{more}")
    same = [f"{enumerated(alike)}, every verdict is the same"] if alike else []
    return f"{'No' if others else 'Yes'}: {'; '.join([*others, *same])}."


def _failed_by_tuning(tunings: Mapping[str, pd.DataFrame]) -> str:
    failed = {title: int(table.failed.sum()) for title, table in tunings.items()}
    if not any(failed.values()):
        return "In none of these tunings did a training get stuck, collapse or diverge."
    *_, done = tunings.values()
    how = ["at the fixed recipe", *(f"with {title}" for title in list(tunings)[1:-1]), "in full"]
    each = [f"{n or 'none'} {way}" for n, way in zip(failed.values(), how, strict=True)]
    of = f"Of {int(done.seeds.sum()):,} trainings each"
    return f"{of}, these got stuck, collapsed or diverged: {enumerated(each)}."


def _counts(table: pd.DataFrame) -> tuple[int, int] | None:
    """How many rows are better and worse than the baseline; None if none could be significant."""
    compared = table[table.p.notna()]
    if compared.empty or (compared.verdict == "too few seeds").any():
        return None
    return int((compared.verdict == "better").sum()), int((compared.verdict == "worse").sum())


def notes(edges: Iterable[tuple[str, str, list[str]]], among: Space) -> list[str]:
    """A sentence for every end of an axis that was chosen too often: the axis may be too short.

    edges: of `at_edges`.
    """
    said = []
    for name, end, labels in edges:
        named = ", ".join(labels[:LISTED])
        more = f" and {len(labels) - LISTED} more" if len(labels) > LISTED else ""
        said.append(
            f"In more seeds than chance explains the {name} that was chosen lies at the {end} end"
            f" of what was tried ({end_of(among, name, end):g}): {named}{more}. The best may lie"
            " beyond it."
        )
    return said
