"""From runs to the comparison table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from afnlab import stats
from afnlab.compare.formatting import ACCURACY, DIFFERENCE, limits, number, p_value
from afnlab.errors import shown
from afnlab.messages import counted, plain

BASELINE = "relu"
ALPHA = stats.alpha(stats.LEVEL)
TOLD = ("better", "worse")  # the verdicts that say two activations differ
# Columns with numbers of seeds that did not learn, or not as others did, and what they mean.
FAILURES = {
    "stuck": "final accuracy hardly better than chance",
    "collapsed": "final accuracy far below that of the other seeds of the same row",
    "diverged": "a loss that is not finite",
}
COLLAPSE = 0.03  # of accuracy below the median, from which on a seed may have collapsed
FEWEST = 8  # seeds of which one can be said to be far from the others


def final_values(history: pd.DataFrame, column: str = "test_accuracy") -> pd.DataFrame:
    """Seeds x labels: the value of a column after each label's last epoch.

    Args:
        history: columns label, seed, epoch, and the named one.
        column: the name of the column.

    Returns:
        The values. A seed whose training diverged is included with its last accuracy; a loss that
        is not finite becomes nan.
    """
    last = history[history.epoch == history.groupby("label").epoch.transform("max")]
    return last.pivot(index="seed", columns="label", values=column)


def compare_histories(
    history: pd.DataFrame,
    baseline: str = BASELINE,
    classes: int | None = None,
    margin: float | None = None,
) -> pd.DataFrame:
    """The comparison table: one row per label, the highest mean accuracy first.

    Args:
        history: columns label, seed, epoch, test_accuracy, test_loss, diverged.
        baseline: the label with which the others are compared.
        classes: the number of classes of the task.
        margin: the largest difference of accuracy, a fraction, that does not matter.

    Returns:
        A table by label, in which accuracies are fractions and confidence intervals have a level
        of 95 %.

        seeds, how many; diverged, stuck and collapsed, how many of them (stuck: below
        1.5 / classes, hardly better than chance; collapsed: neither, and far below the others, see
        `_collapsed`); failed, how many are any of these; accuracy, with _low and _high, median, iqm
        (interquartile mean), deviation (the standard deviation); loss, with _low and _high.

        difference to the baseline, paired by seed, with _low and _high; pairs, how many; spread,
        the standard deviation of the differences; effect (difference / spread); improvement (share
        of the seeds that are above the baseline); p (sign-flip test), p_wilcoxon beside it, p_holm
        (adjusted for the number of comparisons), adjusted_low and _high (the interval that excludes
        0 exactly if p_holm is below 0.05).

        p_equivalent and p_not_worse, Holm-adjusted, if there is a margin. verdict: "better",
        "worse", else "equivalent" or "not worse" (by more than the margin), "not distinguishable",
        or "too few seeds" if no result could be significant; "baseline"; "no pairs".
        verdict_worst: the verdict if a diverged seed counted as accuracy 0.

    Raises:
        ValueError: if the history is empty, holds two tasks, or an accuracy that is not a number,
            or if the margin is not between 0 and 1.
    """
    if "task" in history and len(history.task.unique()) > 1:
        raise ValueError(f"compare one task at a time, got {sorted(history.task.unique())}")
    check_margin(margin)
    if history.empty:
        raise ValueError("there is no history to compare: no seed finished an epoch")
    accuracy = final_values(history)
    _check_numbers(history, accuracy)
    bad = history.groupby(["seed", "label"]).diverged.any().unstack().reindex_like(accuracy)
    bad = bad.eq(True)
    table = _described(accuracy, final_values(history, "test_loss"), bad, classes)
    table = table.join(differences(accuracy, baseline, margin))
    table["verdict_worst"] = table.verdict
    if bad.any(axis=None):
        worst = differences(accuracy.mask(bad, 0.0), baseline, margin)
        table["verdict_worst"] = worst.verdict
    return table.sort_values("accuracy", ascending=False, kind="stable")


def check_margin(margin: float | None) -> None:
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"margin must be above 0 and below 1 (a fraction), got {shown(margin)}")


def _check_numbers(history: pd.DataFrame, accuracy: pd.DataFrame) -> None:
    """Refuse a seed that was trained and has no accuracy, since it would be left out unnoticed."""
    ran = history.groupby(["seed", "label"]).size().unstack().reindex_like(accuracy).notna()
    for label in accuracy.columns[(ran & accuracy.isna()).any()]:
        seeds = accuracy.index[ran[label] & accuracy[label].isna()].tolist()
        raise ValueError(
            f"{label}: no test accuracy after the last epoch for seeds {seeds}; the history of its"
            " run is incomplete: delete that run's folder and rerun it"
        )


def _described(
    accuracy: pd.DataFrame, loss: pd.DataFrame, bad: pd.DataFrame, classes: int | None
) -> pd.DataFrame:
    there = accuracy.notna()
    stuck = accuracy < (1.5 / classes if classes else -1)
    values = {label: accuracy[label].dropna() for label in accuracy}
    table = pd.DataFrame({"seeds": there.sum(), "diverged": bad.sum(), "stuck": stuck.sum()})
    collapsed = _collapsed(accuracy) & ~bad & ~stuck
    table["collapsed"] = collapsed.sum()
    table["failed"] = (bad | stuck | collapsed).sum()
    table = table.join(_intervals(accuracy, there, "accuracy"))
    table[["accuracy_low", "accuracy_high"]] = table[["accuracy_low", "accuracy_high"]].clip(0, 1)
    table["median"] = accuracy.median()
    table["iqm"] = pd.Series({n: stats.interquartile_mean(v) for n, v in values.items()})
    table["deviation"] = accuracy.std()
    return table.join(_intervals(loss.replace([np.inf, -np.inf], np.nan), there, "loss"))


def _collapsed(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Which seeds are below their column's median by COLLAPSE, and by six standard deviations.

    The standard deviation is that of the seeds above the median, which the collapsed seeds do not
    change. In columns of fewer than FEWEST seeds it is too uncertain, and no seed is called
    collapsed.
    """
    middle, seeds = accuracy.median(), accuracy.notna().sum()
    above = ((accuracy - middle).clip(lower=0) ** 2).sum() / (seeds // 2)
    limit = np.maximum(6 * np.sqrt(above), COLLAPSE).where(seeds >= FEWEST)
    return accuracy < middle - limit


def _intervals(values: pd.DataFrame, there: pd.DataFrame, name: str) -> pd.DataFrame:
    """Mean, _low and _high of every column's values where `there` is true."""
    found = np.full((values.shape[1], 3), np.nan)
    masks: dict[bytes, list[int]] = {}
    for at, label in enumerate(values):
        masks.setdefault(there[label].to_numpy().tobytes(), []).append(at)
    for columns in masks.values():  # columns with the same seeds share the bootstrap's draws
        rows = values.to_numpy()[there.iloc[:, columns[0]].to_numpy()][:, columns].T
        if rows.shape[1]:
            found[columns] = stats.mean_intervals(rows)
    return pd.DataFrame(found, values.columns, [name, f"{name}_low", f"{name}_high"])


def differences(accuracy: pd.DataFrame, baseline: str, margin: float | None = None) -> pd.DataFrame:
    """Every label against the baseline: the columns of `compare_histories` from `difference` on.

    Args:
        accuracy: seeds x labels, nan where a label lacks a seed.
        baseline: the label with which the others are compared.
        margin: the largest difference of accuracy, a fraction, that does not matter.
    """
    d = accuracy.sub(accuracy[baseline], axis=0) if baseline in accuracy else accuracy * np.nan
    d[d.columns.intersection([baseline])] = np.nan
    table = _intervals(d, d.notna(), "difference").assign(pairs=d.notna().sum())
    table["spread"] = d.std()
    pairs = {label: d[label].dropna().to_numpy() for label in d if d[label].notna().any()}
    for name, function in (
        ("effect", stats.effect_size),
        ("improvement", stats.improvement),
        ("p", stats.sign_flip_p),
        ("p_wilcoxon", stats.wilcoxon_p),
    ):
        table[name] = _each(function, pairs, table.index)
    table["p_holm"] = stats.holm(table.p.to_numpy())
    levels = dict(zip(table.index, stats.holm_levels(table.p.to_numpy()), strict=True))
    adjusted = {label: stats.sign_flip_interval(v, levels[label]) for label, v in pairs.items()}
    for at, name in ((1, "adjusted_low"), (2, "adjusted_high")):
        table[name] = _each(lambda interval, at=at: interval[at], adjusted, table.index)
    if margin is not None:
        for name, test in (
            ("p_equivalent", stats.equivalence_p),
            ("p_not_worse", stats.not_worse_p),
        ):
            raw = _each(lambda v, test=test: test(v, margin), pairs, table.index)
            table[name] = stats.holm(raw.to_numpy())
    table["verdict"] = [_verdict(row, baseline, len(pairs)) for _, row in table.iterrows()]
    return table


def _each(function: Callable[..., float], values: Mapping, labels: pd.Index) -> pd.Series:
    """The function of every label's values; nan for a label without."""
    return pd.Series([function(values[n]) if n in values else np.nan for n in labels], labels)


def _verdict(row: pd.Series, baseline: str, comparisons: int) -> str:  # noqa: PLR0911
    if row.name == baseline:
        return "baseline"
    if not np.isfinite(row.p_holm):
        return "no pairs"
    if row.p_holm < ALPHA:
        return "better" if row.difference > 0 else "worse"
    if row.get("p_equivalent", 1.0) < ALPHA:
        return "equivalent"
    if row.get("p_not_worse", 1.0) < ALPHA:
        return "not worse"
    if stats.smallest_p(int(row.pairs), comparisons) >= ALPHA:
        return "too few seeds"
    return "not distinguishable"


def formatted(table: pd.DataFrame) -> pd.DataFrame:
    """The table as strings, for terminals and papers; accuracies in percent, differences in points.

    Columns without values are left out.
    """
    shown = pd.DataFrame(index=table.index)
    for name, title, between, form in (
        ("accuracy", "accuracy %", "95 % CI", ACCURACY),
        ("difference", "difference", "95 % CI of the difference", DIFFERENCE),
        ("adjusted", "", "adjusted CI", DIFFERENCE),
    ):
        if title:
            shown[title] = [number(value, form, minus="-") for value in table[name]]
        ends = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
        shown[between] = [limits(low, high, form, minus="-") for low, high in ends]
    shown["p (Holm)"] = [p_value(p) for p in table.p_holm]
    shown["verdict"] = table.verdict
    shown["seeds"] = table.seeds.astype(str)
    for name in FAILURES:
        shown[name] = [str(count or "") for count in table[name]]
    return shown.replace("nan", "").loc[:, (shown != "").any()]


def legend(table: pd.DataFrame, baseline: str) -> str:
    """What `formatted` shows, for readers who find the table elsewhere."""
    few, many = int(table.seeds.min()), int(table.seeds.max())
    seeds = f"{few} to " * (few < many) + counted(many, "seed")
    text = (
        f"Mean accuracy after the last epoch over {seeds}, with its 95 % confidence interval (CI)"
    )
    compared = table[table.p.notna()]
    if compared.empty:
        return f"{text}."
    exact = "exact " * bool(compared.pairs.max() <= stats.EXACT_UP_TO)
    return (
        f"{text}. Difference to {baseline} in points, paired by seed, with its 95 % CI and"
        f" with the CI adjusted for {counted(len(compared), 'comparison')}, which misses 0 where p"
        f" is below 0.05; p from the {exact}sign-flip test, after Holm. All of it is about other"
        " seeds on the same examples."
    )


def as_text(table: pd.DataFrame) -> str:
    """The table for a terminal."""
    return formatted(table).rename(index=plain).to_string(index_names=False)
