"""Caveats of a comparison: sentences on what is missing, mixed, or the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import sqrt

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.compare.formatting import amount, interval, percent, reading, seed_range
from afnlab.compare.formatting import margin as shown_margin
from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import is_adjusted
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import LISTED, counted, enumerated, some
from afnlab.printing import printed
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.stats.intervals import BOOTSTRAP_FROM

SEEDS_FOR_VARIANCE = 5  # below them a share of a variance says nothing
WORTH_SAYING, NEARLY_ALL = 0.05, 0.99  # of the variance
ROUNDING = 1e-7  # of a value: above 2**-24, which is the most that rounding to 32 bits changes
BEYOND = 0.5  # of the range of a row's seeds: no reader expects the mean so far outside of them
_USUALLY_VARIED = ("learning rate", "initialization")  # one wants to know that these were not
_ELSEWHERE = "what holds here need not hold on other data, in other networks"


def left_out(
    stale: int,
    foreign: Sequence[str],
    absent: Sequence[tuple[str, str]],
    failed: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """What the folder holds, or the sweep requests, that the comparison does not show.

    Args:
        stale: how many runs have changed code.
        foreign: the notebooks of runs that are no trainings.
        absent: (label, reason) of what the sweep lists and no run holds.
        failed: the same of what the folder holds of runs that failed, where no sweep is asked for.
    """
    sentences = []
    if stale:
        code = "its code has" if stale == 1 else "their code has"
        sentences.append(f"{_runs_were(stale)} left out: {code} changed since.")
    if foreign:
        names = ", ".join(sorted(set(foreign)))
        were = _runs_were(len(foreign))
        sentences.append(f"{were} left out: made by other notebooks ({names}).")
    for what, gone in (("Listed in the sweep and", absent), ("Tried, and", failed)):
        named = "; ".join(f"{label} ({reason})" for label, reason in gone[:LISTED])
        more = f"; and {len(gone) - LISTED} more" if len(gone) > LISTED else ""
        sentences += [f"{what} missing here: {named}{more}."] if gone else []
    return sentences


def _listed(labels: Sequence[str]) -> str:
    """The first of these rows, and how many more there are."""
    more = f" and {counted(len(labels) - LISTED, 'more row')}" if len(labels) > LISTED else ""
    return f"{', '.join(labels[:LISTED])}{more}"


def seeds_until_decided(
    labels: Sequence[str], by_baseline: Sequence[str] = (), baseline: str = ""
) -> list[str]:
    """A sentence on the test of rows whose number of seeds followed from their results.

    Args:
        labels: the rows with seeds that a judge, or a sweep until decided, has added to them or to
            the baseline.
        by_baseline: those of them to which none were added, but to the baseline.
        baseline: what that is called.
    """
    if not labels:
        return []
    line = (
        f"{_listed(labels)}: seeds were added until the evidence decided, so p,"
        " intervals of the difference and verdict are those of the test that holds however often"
        " one has looked (any time)."
    )
    if by_baseline:
        to, their = ("it", "its") if len(labels) == 1 else (_listed(by_baseline), "their")
        line += (
            f" To {to} no seeds were added so, but to {baseline}, from which {their} differences"
            " are taken: afnlab judge, or a sweep until decided, did so for another row, and"
            f" nothing tells whether {their} own number was fixed before that was looked at."
        )
    return [line]


def mean_outside(table: pd.DataFrame) -> list[str]:
    """A sentence where a mean difference lies outside of its interval, which looks like a mistake.

    Args:
        table: of `compare_histories`.
    """
    outside = (table.difference < table.difference_low) | (table.difference > table.difference_high)
    labels = list(map(str, table.index[outside]))
    if not labels:
        return []
    return [
        f"{_listed(labels)}: the mean difference lies outside of its interval."
        " That is no mistake: what earlier seeds have ruled out stays so."
    ]


def beyond_seeds(table: pd.DataFrame, values: pd.DataFrame, measure: Measure) -> list[str]:
    """A sentence where the interval of a mean reaches far beyond all seeds, which looks like a
    mistake.

    Of two and three seeds every one does, and why is plain: nothing is said of them.

    Args:
        table: of `compare_histories`.
        values: seeds x labels, of which it is.
        measure: the metric.
    """
    least, most = values.min(), values.max()
    room = BEYOND * (most - least)
    low, high = table[f"{measure.key}_low"], table[f"{measure.key}_high"]
    far = (low < (least - room)[table.index]) | (high > (most + room)[table.index])
    many = table.seeds >= BOOTSTRAP_FROM
    labels = list(map(str, table.index[far & many & (low < high)]))  # no rounding of equal values
    if not labels:
        return []
    return [
        f"{_listed(labels)}: the 95 % interval of the mean reaches beyond all seeds of the row by"
        " more than half their range. That is no mistake: few of these seeds lie far from the"
        " others, so they hardly tell how often such seeds occur, and how far off they can be. The"
        " interval is one of the mean over all seeds that there could be, and allows for that; more"
        " seeds make it narrower."
    ]


def seeds_added(later: Mapping[str, int], rows: int) -> list[str]:
    """A sentence where rows got seeds after a test of those that they had was possible.

    Nothing tells why: the number may have been fixed before, or followed from a result.

    Args:
        later: how many, by row.
        rows: how many are compared.
    """
    if not later:
        return []
    named = list(map(proper_name, later))
    which = _listed(named)
    if len(later) == rows > 1:
        which = "Every row"
    most = max(later.values())
    many = seed_range(min(later.values()), most)
    were = "was" if most == 1 else "were"
    return [
        f"{which}: {many} {were} added when the others had been trained. If"
        " that was decided after a look at their result, p is too small and the intervals are too"
        " narrow; they hold if the number of seeds was fixed before. afnlab confirm tests a row"
        " with fresh seeds alone."
    ]


def only_some(which: str) -> list[str]:
    """A sentence where some of the runs were chosen; which: by what, in words."""
    if not which:
        return []
    return [
        f"These are not all runs: only {which}, beside the baseline. p-values, adjusted intervals"
        " and verdicts are corrected for the comparisons shown, which is enough only if they were"
        " chosen before their results were seen."
    ]


def another_metric(compared: Measure, judged_by: Measure) -> list[str]:
    """A sentence where another metric is compared than the one that the task is judged by."""
    if compared.key == judged_by.key:
        return []
    return [
        f"The task is judged by its {judged_by.name}: by that, and not by the {compared.name},"
        " settings were chosen, if any were. Who looks at several metrics and reports one has"
        " tested more than the p-values are corrected for."
    ]


def code_elsewhere(runs: int) -> list[str]:
    """A sentence where the code of some of these runs is not here."""
    if not runs:
        return []
    its = "its code is" if runs == 1 else "their code is"
    return [f"Of {counted(runs, 'run')} {its} not here: whether it has changed is not known."]


def _runs_were(number: int) -> str:
    return f"{counted(number, 'run')} {'was' if number == 1 else 'were'}"


def no_baseline(baseline: str, labels: Collection[str]) -> str:
    """A sentence if nothing is compared because the baseline is missing; empty otherwise."""
    if baseline in labels or len(labels) < 2:
        return ""
    return (
        f"{baseline} is not among these runs, so no differences are shown until another baseline"
        " is chosen."
    )


def split_by(settings: Collection[str], baseline: str) -> list[str]:
    """A sentence where a comparison is split by settings of the training, see `runs.within`."""
    if not settings:
        return []
    names = enumerated(list(settings))
    return [
        f"These runs vary {names} beside the activation: each row is compared with {baseline} of"
        f" the same {names}, in a table of their own, and p is corrected within that table alone."
        f" A baseline that is named with {'one of these' if len(settings) > 1 else names} is one"
        " for all rows."
    ]


def of_rounding(table: pd.DataFrame, values: pd.DataFrame, baseline: str) -> list[str]:
    """A sentence on rows that are better or worse by no more than rounding makes of equal numbers.

    The test asks whether a difference is other than 0, and rounding in one direction is.

    Args:
        table: of `compare_histories`.
        values: seeds x labels, of which it is.
        baseline: the label with which the others are compared.
    """
    decided = table.index[table.verdict.isin(["better", "worse"])]
    if decided.empty:
        return []
    tiny = [str(one) for one in decided if _is_rounding(values[one], values[baseline])]
    if not tiny:
        return []
    return [
        f"{_listed(tiny)}: the difference is less than a ten-millionth of the values, as where one"
        " of two equal numbers was rounded to 32 bits. It may come from how values are computed or"
        " written down, whatever p is; a margin says what would matter."
    ]


def _is_rounding(row: pd.Series, baseline: pd.Series) -> bool:
    """Whether values differ from the baseline's by no more than rounding, each by its own size:
    seed by seed, or where they share none by the medians."""
    pairs = pd.concat([row, baseline], axis=1).dropna().to_numpy()
    if not len(pairs):
        pairs = np.array([[row.median(), baseline.median()]])
    return bool(np.all(np.abs(pairs[:, 0] - pairs[:, 1]) <= ROUNDING * np.abs(pairs).max(axis=1)))


def within_margin(table: pd.DataFrame, margin: float | None, measure: Measure) -> list[str]:
    """A sentence for rows said to lie within the margin whose interval reaches beyond it: that
    which is adjusted for the number of comparisons, if the seeds set it bounds.

    table: as `compare_histories` makes it; margin: as histories have it, or None.
    """
    if margin is None:
        return []
    table = table.assign(**{f"shown_{end}": _shown_end(table, end) for end in ("low", "high")})
    ends = table[["shown_low", "shown_high"]].mul(measure.sign)  # above 0 is better
    worst, best = ends.min(axis=1), ends.max(axis=1)
    equal = (table.verdict == "equivalent") & ((worst < -margin) | (best > margin))
    beyond = table[equal | ((table.verdict == "not worse") & (worst < -margin))]
    if beyond.empty:
        return []
    rows = [
        f"{label} ({row.verdict}, {interval(measure, row.shown_low, row.shown_high)})"
        for label, row in beyond.head(LISTED).iterrows()
    ]
    more = f" and {len(beyond) - LISTED} more" if len(beyond) > LISTED else ""
    it, reaches = ("its", "reaches") if len(beyond) == 1 else ("their", "reach")
    noun = "interval" if len(beyond) == 1 else "intervals"
    if is_adjusted(table) and np.isfinite(beyond.adjusted_low).all():
        noun = f"adjusted {noun}"
    return [
        f"{', '.join(rows)}{more}: {it} {noun} {reaches} beyond the margin of"
        f" {shown_margin(measure, margin)}, which is no contradiction. Within the margin is"
        " decided by one-sided tests at 5 %, corrected among themselves; the interval belongs to"
        " the two-sided test for a difference, and is wider."
    ]


def _shown_end(table: pd.DataFrame, end: str) -> pd.Series:
    """That end of the interval by which a row is judged; of the other, where it has no bounds."""
    adjusted, plain = table[f"adjusted_{end}"], table.get(f"difference_{end}")
    return adjusted if plain is None else adjusted.where(np.isfinite(adjusted), plain)


def more_seeds(rows: Mapping[str, tuple[int, int]]) -> list[str]:
    """A sentence where runs have seeds that the sweep whose runs are compared does not ask for.

    Args:
        rows: how many seeds these rows have, and for how many the sweep asks, by label.
    """
    if not rows:
        return []
    numbers = sorted({asks for _, asks in rows.values()})
    asked = f"{' or '.join(map(str, numbers))} seed{'s' if numbers[-1] != 1 else ''}"
    have = some(
        [
            f"{label} has {count}" if count > asks else f"{label} has {count}, others among them"
            for label, (count, asks) in rows.items()
        ],
        LISTED,
    )
    return [
        f"The sweep asks for {asked}; {have}. Seeds that were trained before with the same"
        " code and settings count as well."
    ]


def unequal_seeds(values: pd.DataFrame) -> list[str]:
    """A sentence for (seeds x labels) values of which some rows lack seeds that others have."""
    lacking = [
        f"{label} ({', '.join(map(str, values.index[values[label].isna()]))})"
        for label in values
        if values[label].isna().any()
    ]
    if not lacking:
        return []
    more = f" and {len(lacking) - LISTED} more rows" if len(lacking) > LISTED else ""
    return [
        f"Not every row has every seed; without: {', '.join(lacking[:LISTED])}{more}."
        " Differences use the seeds that both rows have."
    ]


def in_pairs(values: pd.DataFrame, baseline: str) -> list[str]:
    """What pairs of seeds mean in a table of anybody's, in sentences.

    Args:
        values: seeds x labels.
        baseline: the label with which the others are compared.
    """
    return [
        *unequal_seeds(values),
        "Rows are paired by seed: that helps where a seed means the same start, order or split for"
        " every method, and tells nothing about other data or settings.",
        *pairing(values, baseline),
    ]


def without_pairs(values: pd.DataFrame, baseline: str) -> list[str]:
    """What the comparison of means without pairs assumes, in sentences.

    Args:
        values: seeds x labels.
        baseline: the label with which the others are compared.
    """
    there = values.notna()
    shared = (there.drop(columns=baseline) & there[[baseline]].to_numpy()).sum()
    said = [
        "Means are compared without pairs. The permutation test takes the values of two rows to be"
        " exchangeable if the rows do not differ: that rows with the same mean vary alike. With as"
        " many seeds in both rows it is hardly touched by unequal spreads; with fewer in one it is."
    ]
    if shared.max() > 0:
        said.append(
            f"Rows share up to {counted(int(shared.max()), 'seed')} with {baseline}, which this"
            " leaves unused. Where a seed means the same start, order or split for both, the paired"
            " test is the right one, and mostly finds more. Choose before seeing either result."
        )
    return said


def pairing(values: pd.DataFrame, baseline: str) -> list[str]:
    """What it gives that both rows of a difference have the same seeds, in a sentence.

    Args:
        values: seeds x labels.
        baseline: the label with which the others are compared.
    """
    if baseline not in values or values[baseline].count() < SEEDS_FOR_VARIANCE:
        return []
    removed = stats.pairing(values, baseline)["variance removed"].dropna()
    if removed.empty:
        return []
    middle = float(removed.median())
    does, sign = ("removes", 1) if middle >= 0 else ("adds", -1)
    share = f"{percent(middle, 0)} of" if middle >= 0 else f"{-100 * middle:.0f} % to"
    said = f"Pairing by seed {does} {share} the variance of a difference to {baseline}"
    if len(removed) > 1:
        quartiles = sorted(sign * removed.quantile([0.25, 0.75]))
        ends = " to ".join(f"{printed('{:.0f}', 100 * end)} %" for end in quartiles)
        said += f" (median; the middle half of the rows: {ends})"
    if middle <= 0:
        said += (
            ", so it does not help: the same number of seeds that differ between the rows would"
            " show as much or more. The test holds all the same"
        )
    elif middle >= WORTH_SAYING:
        times = f"{1 / (1 - middle):.2g}" if middle < NEARLY_ALL else "more than 100"
        said += f": without it, {times} times the seeds would be needed"
    return [f"{said}."]


def mixed(records: Sequence[TrainingRecord]) -> list[str]:
    """A sentence on each condition that should be the same in all runs and is not."""
    shared = []
    for name in ("afnlab", "torch", "numpy", "device_name", "threads", "data"):
        values = {str(r["versions"].get(name) or r["environment"].get(name)) for r in records}
        if len(values) > 1:
            said = {"device_name": "machine", "data": "hash of the data"}
            what = (said | {"threads": "number of threads"}).get(name, f"version of {name}")
            shared.append(f"{what} ({', '.join(sorted(values))})")
    settings = [r["environment"].get("determinism", {}) for r in records]
    for name in dict.fromkeys(name for setting in settings for name in setting):
        values = {str(setting[name]) for setting in settings if name in setting}
        if len(values) > 1:
            shared.append(f"setting of {name} ({', '.join(sorted(values))})")
    return [
        f"Not all runs share one {what}: a difference between rows may come from that."
        for what in shared
    ]


def reach(
    value: float,
    examples: int,
    of: str = "test",
    varied: Sequence[str] = (),
    tuned: bool = False,
    measure: Measure = ACCURACY,
) -> list[str]:
    """To what the results generalize, in sentences.

    Args:
        value: the best mean.
        examples: the number of examples on which it was evaluated.
        of: "test" or "validation" examples.
        varied: the settings of the training that are not the same in all rows, by their words.
        tuned: whether each row has a setting of its own.
        measure: the metric.
    """
    names, about, how = measure.plural, "", "it depends on the single examples"
    if measure.key == ACCURACY.key:
        how = "it depends on how often two rows err on the same examples"
        if error := sqrt(value * (1 - value) / examples):
            shown = reading(measure, value)
            about = f", one of {shown} with a standard error of {amount(measure, error)}"
    far = enumerated([f"one {n}" for n in ("task", *_USUALLY_VARIED) if n not in varied])
    if varied:
        were = "was" if len(varied) == 1 else "were"
        far += (
            f", and every row at {enumerated([f'one {n}' for n in varied])}, which {were} not tuned"
        )
    far = f"{far[:1].upper()}{far[1:]}: {_ELSEWHERE}, or after tuning."
    if tuned:
        far = f"One task and one budget: {_ELSEWHERE}, or with more trials."
    return [
        "Intervals and tests are about other seeds (initializations, orders of the batches)"
        f" with these examples. Other {of} examples, {examples} again, would give other {names}"
        f"{about}. The differences would change as well, by an amount that cannot"
        f" be computed from {names}: {how}. None of this is in the intervals.",
        far,
    ]


def same_functions(groups: Sequence[Sequence[str]]) -> str:
    """A sentence for rows that are one function under several names; empty if there are none."""
    if not groups:
        return ""
    named = "; ".join(" = ".join(g) for g in groups)
    return (
        f"The same function under two names: {named}. Each name is a row of its own, and each of"
        " these rows counts wherever rows or comparisons are counted."
    )
