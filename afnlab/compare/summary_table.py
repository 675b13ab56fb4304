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
FAILURES = ("stuck", "collapsed", "diverged")  # columns: how many seeds did not do what others did
COLLAPSE = 0.03  # of accuracy below the median, from which on a seed may have collapsed


def final_values(history: pd.DataFrame, column: str = "test_accuracy") -> pd.DataFrame:
    """Seeds x labels: the value of a column after each label's last epoch.

    A seed whose training diverged counts with the value it ended with, for an accuracy; a loss that
    is not finite stays nan.
    """
    last = history[history.epoch == history.groupby("label").epoch.transform("max")]
    return last.pivot(index="seed", columns="label", values=column)


def compare_histories(
    history: pd.DataFrame,
    baseline: str = BASELINE,
    classes: int | None = None,
    margin: float | None = None,
) -> pd.DataFrame:
    """One row a label, the best mean accuracy first.

    history: columns label, seed, epoch, test_accuracy, test_loss, diverged; classes: how many the
    task has; margin: a difference of accuracy, a fraction, too small to matter. Accuracies are
    fractions, intervals 95 %. Columns of the result:

    seeds; diverged, stuck and collapsed, how many of them (stuck: below 1.5 / classes, hardly
    better than a guess; collapsed: neither, and far below the others, see `_collapsed`); failed,
    how many are any of these; accuracy, with _low and _high, median, iqm (interquartile mean),
    deviation; loss, with _low and _high.

    difference to the baseline, paired by seed, with _low and _high; pairs, how many; spread, their
    deviation; effect (difference / spread); improvement (share of the seeds that lie above the
    baseline); p (sign-flip test), p_wilcoxon beside it, p_holm (adjusted for the number of
    comparisons), adjusted_low and _high (the interval that misses 0 exactly where p_holm is below
    0.05).

    p_equivalent and p_not_worse, Holm-adjusted, if there is a margin. verdict: "better", "worse",
    else "equivalent" or "not worse" (by more than the margin), "not told apart", or "too few seeds"
    where no result could have been; "baseline"; "no pairs". verdict_worst: the same if a diverged
    seed counted as accuracy 0.

    ValueError if the history is empty, holds two tasks, or an accuracy that is not a number.
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
    """A seed that is there has an accuracy; one without would otherwise be left out unseen."""
    ran = history.groupby(["seed", "label"]).size().unstack().reindex_like(accuracy).notna()
    for label in accuracy.columns[(ran & accuracy.isna()).any()]:
        seeds = accuracy.index[ran[label] & accuracy[label].isna()].tolist()
        raise ValueError(
            f"{label}: no test accuracy after the last epoch for seeds {seeds}; the history of its"
            " run is incomplete: delete that run's folder and make it again"
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
    """Which seeds lie below their column's median by COLLAPSE, and by six times what its upper
    quartile lies above: four deviations of normal values, and not moved by those that collapsed."""
    middle, high = accuracy.median(), accuracy.quantile(0.75)
    return accuracy < middle - np.maximum(6 * (high - middle), COLLAPSE)


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
    """Every label against the baseline: the columns of `compare` from `difference` on.

    accuracy: seeds x labels, nan where a label lacks a seed.
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
    return "not told apart"


def formatted(table: pd.DataFrame) -> pd.DataFrame:
    """The table as texts, for terminals and papers; accuracies in percent, differences in points.

    Columns that hold nothing are left out.
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
    """What `formatted` shows, for those who find the table elsewhere."""
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
