"""What the number of selection seeds does to a tuned comparison.

python docs/selection_seeds.py tunes five activations as the default sweep does, but with four
selection seeds, and then has every replicate choose by the first one, two or four of them: the
candidates and their trainings are the same, so what differs is the noise of the choice. Test
accuracies go into docs/results/selection-seeds.csv (it goes on where it was; some minutes), and the
table of docs/statistics.md is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import afnlab
from afnlab import get_activation, get_task
from afnlab.compare import summary_table
from afnlab.runs.sweeps.sweep_file import read
from afnlab.training.engine import train_members
from afnlab.training.members import Member
from afnlab.training.options import resolve
from afnlab.training.plan import configure, plan
from afnlab.training.recorder import history_of
from afnlab.training.space import space
from afnlab.training.tune import best_candidate

FILE = Path(__file__).parent / "results" / "selection-seeds.csv"
ACTIVATIONS = ("relu", "sigmoid", "hardshrink", "selu", "pilu")
TASK, REPLICATES, COUNTS = "digits-mlp", 24, (1, 2, 4)
COLUMNS = ["activation", "selection_seeds", "seed", "candidate", "accuracy", "loss", "diverged"]


def trained(name: str) -> pd.DataFrame:
    """One row per replicate and number of selection seeds: the choice and its test accuracy."""
    among = space(read("default").tune | {"selection_seeds": max(COUNTS)})
    tuned = afnlab.tune(TASK, name, among, seeds=REPLICATES, progress=False)
    assert tuned.candidates is not None
    rows = [
        (name, turns, seed, best_candidate(own[own.selection < turns]))
        for seed, own in tuned.candidates.groupby("seed")
        for turns in COUNTS
    ]
    picked = sorted({(seed, number) for _, _, seed, number in rows})
    task, record = get_task(TASK), get_activation(name)
    members = [
        Member(seed, resolve(task, record, among.candidates(seed)[number]))
        for seed, number in picked
    ]
    how = plan(configure(task, record))
    history = history_of(train_members(how, members, range(len(members)), progress=False))
    last = history[history.epoch == history.epoch.max()]
    found = dict(zip(picked, last[["test_accuracy", "test_loss", "diverged"]].values, strict=True))
    return pd.DataFrame([(*row, *found[row[2:]]) for row in rows], columns=COLUMNS)


def table() -> pd.DataFrame:
    """All activations; what the file lacks is trained, and written at once."""
    done = pd.read_csv(FILE) if FILE.is_file() else pd.DataFrame(columns=COLUMNS)
    for name in ACTIVATIONS:
        if name not in set(done.activation):
            new = trained(name)
            done = pd.concat([done, new], ignore_index=True) if len(done) else new
            done.to_csv(FILE, index=False)
            print(name, file=sys.stderr, flush=True)
    return done


def main() -> None:
    columns = {"activation": "label", "accuracy": "test_accuracy", "loss": "test_loss"}
    history = table().rename(columns=columns).assign(epoch=1)
    compared = {
        turns: summary_table.compare_histories(own, "relu", classes=10)
        for turns, own in history.groupby("selection_seeds")
    }
    head = " | ".join(f"{turns} selection seed{'s' * (turns > 1)}" for turns in compared)
    print(f"| mean accuracy in %; minus ReLU; failed | {head} |\n|---|{'---|' * len(compared)}")
    for name in ACTIVATIONS:
        cells = []
        for result in compared.values():
            row = result.loc[name]
            said = "" if name == "relu" else f"; {100 * row.difference:+.2f}, {row.verdict}"
            cells.append(f"{100 * row.accuracy:.2f}{said}; {row.failed}")
        print(f"| {name} | {' | '.join(cells)} |")
    chosen = history.pivot(index=["label", "seed"], columns="selection_seeds", values="candidate")
    same = (chosen.eq(chosen[max(COUNTS)], axis=0)).mean()
    print(f"| chose as with {max(COUNTS)} (%) | {' | '.join(f'{100 * s:.0f}' for s in same)} |")


if __name__ == "__main__":
    main()
