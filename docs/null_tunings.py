"""How often tuned comparisons of one and the same activation call it better or worse than itself.

python docs/null_tunings.py trains replicates of the default sweep's tuning of ReLU, each with
streams of its own, into docs/results/null-tunings.csv (it goes on where it was; some minutes), and
prints the table of docs/statistics.md: tables of "activations" that are disjoint sets of these
replicates, judged as a report judges them, and what the same tables find where a shift is added.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import afnlab
from afnlab.runs.sweeps.sweep_file import read
from afnlab.stats import alpha, holm, sign_flip_p

FILE = Path(__file__).parent / "results" / "null-tunings.csv"
REPLICATES, CHUNK = 372, 31
TABLES = 2_000
FAMILIES = ((6, 1), (10, 5), (12, 30))  # seeds, comparisons
SHIFTS = (0.005, 0.01, 0.02)  # of accuracy


def train(activation: str = "relu") -> pd.DataFrame:
    """Test accuracy of every replicate; what the file lacks is trained, and written at once."""
    sweep = read("default")
    done = pd.read_csv(FILE) if FILE.is_file() else pd.DataFrame(columns=["seed", "accuracy"])
    for start in range(len(done), REPLICATES, CHUNK):
        # Streams that no run of the sweep has.
        seeds = range(10_000 + start, 10_000 + min(start + CHUNK, REPLICATES))
        result = afnlab.tune("digits-mlp", activation, sweep.tune, seeds=seeds, progress=False)
        accuracy = result.final.test_accuracy
        new = pd.DataFrame({"seed": list(seeds), "accuracy": [accuracy[s] for s in seeds]})
        done = pd.concat([done, new], ignore_index=True) if len(done) else new
        done.to_csv(FILE, index=False)
        print(f"{len(done)} of {REPLICATES} replicates", file=sys.stderr, flush=True)
    return done


def told(values: np.ndarray) -> np.ndarray:
    """Which columns of (seeds, 1 + comparisons) a report calls better or worse than the first."""
    p = holm([sign_flip_p(column - values[:, 0]) for column in values[:, 1:].T])
    return np.asarray(p) < alpha(0.95)


def main() -> None:
    accuracy = train().accuracy.to_numpy()
    print(
        f"{len(accuracy)} replicates: mean {100 * accuracy.mean():.2f} %, standard deviation"
        f" {100 * accuracy.std(ddof=1):.2f} points, lowest {100 * accuracy.min():.2f} %\n"
    )
    head = " | ".join(f"{n} seeds, {m} comparison{'s' * (m > 1)}" for n, m in FAMILIES)
    print(f"| one activation under several names | {head} |\n|---|" + "---:|" * len(FAMILIES))
    wrong, upper, found = [], [], {shift: [] for shift in SHIFTS}
    for n, m in FAMILIES:
        rng, errors = np.random.default_rng(0), 0
        hits = dict.fromkeys(SHIFTS, 0)
        for _ in range(TABLES):
            values = rng.permutation(accuracy)[: n * (m + 1)].reshape(n, m + 1)
            errors += bool(told(values).any())
            for shift in SHIFTS:
                moved = values.copy()
                moved[:, 1] -= shift
                hits[shift] += bool(told(moved)[0])
        wrong.append(f"{100 * errors / TABLES:.1f}")
        upper.append(f"{100 * stats.beta.ppf(0.99, errors + 1, TABLES - errors):.1f}")
        for shift in SHIFTS:
            found[shift].append(f"{100 * hits[shift] / TABLES:.0f}")
    print(f"| any called better or worse (%) | {' | '.join(wrong)} |")
    print(f"| its 99 % upper bound | {' | '.join(upper)} |")
    for shift, row in found.items():
        print(f"| worse by {100 * shift:g} points, found (%) | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
