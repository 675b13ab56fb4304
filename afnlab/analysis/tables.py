"""From runs to the comparison table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afnlab.analysis.stats import holm, mean_interval, sign_flip_p
from afnlab.paths import find

BASELINE = "relu"


def final_values(history: pd.DataFrame, column: str = "test_accuracy") -> pd.DataFrame:
    """Seeds x labels: the value of a column after each label's last epoch.

    A seed whose training diverged counts with the value it ended with, for an accuracy; a loss that
    is not finite stays nan.
    """
    last = history[history.epoch == history.groupby("label").epoch.transform("max")]
    return last.pivot(index="seed", columns="label", values=column)


def compare(
    history: pd.DataFrame, baseline: str = BASELINE, classes: int | None = None
) -> pd.DataFrame:
    """One row a label, the best mean accuracy first.

    history: columns label, seed, epoch, test_accuracy, test_loss, diverged; classes: how many the
    task has. Columns of the result: seeds, diverged and stuck (how many of the seeds; stuck: below
    1.5 / classes, hardly better than a guess), accuracy and loss (means after the last epoch) with
    _low and _high (95 %
    Student t interval), difference to the baseline, paired by seed, with its interval, p (sign-flip
    test) and p_holm (adjusted for the number of comparisons), verdict: "better", "worse" (p_holm
    below 0.05) or "not told apart", "baseline", or "no pairs". Accuracies are fractions.
    ValueError if the history holds two tasks.
    """
    if "task" in history and len(history.task.unique()) > 1:
        raise ValueError(f"compare one task at a time, got {sorted(history.task.unique())}")
    accuracy = final_values(history)
    loss = final_values(history, "test_loss")
    diverged = history.groupby(["label", "seed"]).diverged.any().groupby("label").sum()
    rows = []
    for label in accuracy.columns:
        values = accuracy[label].dropna()
        row = {"label": label, "seeds": len(values), "diverged": int(diverged[label])}
        row["stuck"] = int((values < 1.5 / classes).sum()) if classes else 0
        row |= _named("accuracy", mean_interval(values))
        row |= _named("loss", mean_interval(loss.loc[values.index, label]))
        row |= _against(accuracy, label, baseline)
        rows.append(row)
    table = pd.DataFrame(rows).set_index("label").sort_values("accuracy", ascending=False)
    table["p_holm"] = holm(table.p.to_list())
    table["verdict"] = [_verdict(label, row, baseline) for label, row in table.iterrows()]
    return table


def _named(name: str, interval: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), interval, strict=True))


def _against(accuracy: pd.DataFrame, label: str, baseline: str) -> dict[str, float]:
    nothing = _named("difference", (np.nan, np.nan, np.nan)) | {"p": np.nan, "pairs": 0}
    if label == baseline or baseline not in accuracy:
        return nothing
    pairs = accuracy[[label, baseline]].dropna()
    if pairs.empty:
        return nothing
    d = pairs[label] - pairs[baseline]
    return _named("difference", mean_interval(d)) | {"p": sign_flip_p(d), "pairs": len(d)}


def _verdict(label: object, row: pd.Series, baseline: str) -> str:
    if label == baseline:
        return "baseline"
    if not np.isfinite(row.p_holm):
        return "no pairs"
    if row.p_holm >= 0.05:
        return "not told apart"
    return "better" if row.difference > 0 else "worse"


def as_text(table: pd.DataFrame) -> str:
    """The table for a terminal; accuracies in percent, differences in points."""
    shown = pd.DataFrame(index=table.index)
    for name, title, form in (
        ("accuracy", "accuracy %", "{:.2f}"),
        ("difference", "diff.", "{:+.2f}"),
    ):
        low, high = (100 * table[f"{name}_{end}"] for end in ("low", "high"))
        shown[title] = (100 * table[name]).map(form.format)
        shown[f"95 % of {title.removesuffix(' %')}"] = [
            f"[{form.format(a)}, {form.format(b)}]" for a, b in zip(low, high, strict=True)
        ]
    shown["p (Holm)"] = table.p_holm.map("{:.3f}".format)
    shown["verdict"] = table.verdict
    shown["seeds"] = table.seeds
    for name in ("stuck", "diverged"):
        if table[name].any():
            shown[name] = table[name]
    nothing = {"[nan, nan]": "", "[+nan, +nan]": "", "+nan": "", "nan": ""}
    return shown.replace(nothing).to_string(index_names=False)


def published(name: str) -> pd.DataFrame:
    """What a source printed: a file of `data/published`, such as "srelu-mnist"."""
    path = find("published", name, ".csv")
    return pd.read_csv(path).dropna(axis="columns", how="all")
