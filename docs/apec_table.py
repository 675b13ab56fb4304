"""APEC's CIFAR-100 table: what runs of its sweep came to, beside the print.

python docs/apec_table.py RUNS adds the runs of `afnlab sweep apec-cifar100-bfloat16` to
docs/results/apec-cifar100.csv, epoch by epoch, and prints the tables of
docs/results/apec-cifar100.md; without RUNS it prints those of the file. The learning rate is
constant, so a training of 20 epochs begins with the same seed's training of 16, bit by bit.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from markdown_table import markdown_table, with_limits

import afnlab
from afnlab import stats
from afnlab.compare import published
from afnlab.compare.proper_names import proper_name

FILE = Path(__file__).parent / "results" / "apec-cifar100.csv"
KEYS = ["activation", "seed", "epoch"]
MEASURED = ["train_loss", "test_loss", "test_accuracy"]
BASELINE, LAST = "relu", 20


def printed() -> dict[tuple[str, int], tuple[str, str]]:
    """Loss and accuracy in % as apec-afn prints them, by activation and number of epochs."""
    table = published("apec-cifar100", exact=True)
    table = table.assign(epochs=table.epochs.fillna(LAST).astype(int))
    rows = table.pivot(index=["activation", "epochs"], columns="metric", values="value")
    ordered = rows[["average loss", "accuracy (%)"]].sort_values("average loss")
    return dict(zip(ordered.index, ordered.itertuples(index=False, name=None), strict=True))


def collected(folder: str) -> pd.DataFrame:
    """What the file holds, and the runs of a folder."""
    found = afnlab.runs.load(folder)
    found = found[found.task == "cifar100-convnet"][[*KEYS, *MEASURED]]
    known = [pd.read_csv(FILE)] if FILE.is_file() else []
    both = pd.concat([*known, found]).round(dict.fromkeys(MEASURED, 6))
    return both.drop_duplicates(KEYS, keep="last").sort_values(KEYS)


def ends(history: pd.DataFrame) -> dict[tuple[str, int], pd.DataFrame]:
    """What each row of the table came to, by seed: the printed rows, then the others."""
    others = sorted((name, LAST) for name in set(history.activation) - {n for n, _ in printed()})
    found = {}
    for name, epoch in (*printed(), *others):
        own = history[(history.activation == name) & (history.epoch == epoch)]
        if len(own):
            found[name, epoch] = own.set_index("seed")[["test_loss", "test_accuracy"]]
    return found


def printed_beside(rows: dict[tuple[str, int], pd.DataFrame]) -> list[str]:
    """The table as the source has it, with means over the seeds."""
    lines, known = [], printed()
    for (name, epoch), own in rows.items():
        loss, accuracy = known.get((name, epoch), ("", ""))
        measured = (
            with_limits(stats.mean_interval(own.test_loss.to_numpy()), ".4f"),
            with_limits(stats.mean_interval(100 * own.test_accuracy.to_numpy()), ".2f"),
        )
        counts = epoch, len(own)
        lines.append([proper_name(name), *counts, measured[0], loss, measured[1], accuracy])
    head = ["activation", "epochs", "seeds", "loss", "printed", "accuracy (%)", "printed"]
    return markdown_table(head, lines, numbers=True)


def differences(rows: dict[tuple[str, int], pd.DataFrame]) -> list[str]:
    """To ReLU, paired by seed."""
    lines = []
    for (name, epoch), own in rows.items():
        gaps = (own - rows[BASELINE, LAST]).dropna()
        if name != BASELINE and len(gaps):
            loss = stats.difference_interval(gaps.test_loss.to_numpy())
            points = stats.difference_interval(100 * gaps.test_accuracy.to_numpy())
            cells = with_limits(loss, "+.4f"), with_limits(points, "+.2f")
            lines.append([proper_name(name), epoch, len(gaps), *cells])
    head = ["activation", "epochs", "seeds", "loss", "accuracy (points)"]
    return markdown_table(head, lines, numbers=True)


def epochs_to_equal_loss(history: pd.DataFrame) -> list[str]:
    """After which epoch the test loss is at most ReLU's last one, by seed."""
    lines = []
    last = history[(history.activation == BASELINE) & (history.epoch == LAST)]
    wanted = last.set_index("seed").test_loss
    there = history[history.test_loss <= history.seed.map(wanted)]
    first = there.groupby(["activation", "seed"]).epoch.min()
    for name, own in history.groupby("activation"):
        seeds = sorted(set(own.seed) & set(wanted.index))
        found = ", ".join(str(first.get((name, seed), "none")) for seed in seeds)
        lines.append([proper_name(name), found])
    return markdown_table(["activation", "epochs to ReLU's last test loss, seed by seed"], lines)


def main() -> None:
    if len(sys.argv) > 1:
        collected(sys.argv[1]).to_csv(FILE, index=False)
    history = pd.read_csv(FILE)
    rows = ends(history)
    for table in (printed_beside(rows), differences(rows), epochs_to_equal_loss(history)):
        print("\n".join(table), end="\n\n")


if __name__ == "__main__":
    main()
