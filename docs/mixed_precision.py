"""What bfloat16 changes of a convolutional training's accuracy, paired by seed.

python docs/mixed_precision.py [SEEDS] trains both tasks at reduced length, and their twins on
digits in full, in float32 and bfloat16, from the same weights and in the same order, into
docs/results/mixed-precision.csv (it goes on where it was), and prints the table of
docs/performance.md: the difference with its interval, and whether the two are equivalent, by no
more than half a point apart.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

import afnlab
from afnlab.stats import LEVEL, alpha, equivalence_p, sign_flip_interval

FILE = Path(__file__).parent / "results" / "mixed-precision.csv"
SEEDS, MARGIN = 12, 0.005  # of accuracy
DTYPES = ("float32", "bfloat16")
COLUMNS = ["task", "seed", "dtype", "accuracy", "loss"]
REDUCED: dict[str, dict[str, Any]] = {
    "digits-convnet": {"activation": "relu"},  # the twins on digits, in full
    "digits-airbench": {"activation": "gelu"},
    "cifar100-convnet": {
        "activation": "relu",
        "epochs": 3,
        "limit_train": 10_000,
        "params": {"lr": 1e-3},
    },
    "cifar10-airbench94": {
        "activation": "gelu",
        "epochs": 3,
        "limit_train": 4_096,
        "limit_test": 2_000,
        "params": {"batch_size": 256},
    },
}


def train(seeds: int) -> pd.DataFrame:
    """Test accuracy and loss, one row per task, seed and type; what the file lacks is trained."""
    done = pd.read_csv(FILE) if FILE.is_file() else pd.DataFrame(columns=COLUMNS)
    known = set(zip(done.task, done.seed, done.dtype, strict=True))
    for task, how in REDUCED.items():
        for seed in range(seeds):
            for dtype in DTYPES:
                if (task, seed, dtype) in known:
                    continue
                result = afnlab.train(task, **how, seeds=[seed], dtype=dtype, progress=False)
                last = result.final.loc[seed]
                row = [task, seed, dtype, last.test_accuracy, last.test_loss]
                new = pd.DataFrame([row], columns=COLUMNS)
                done = pd.concat([done, new], ignore_index=True) if len(done) else new
                done.to_csv(FILE, index=False)
                print(*row, file=sys.stderr, flush=True)
    return done


def main() -> None:
    table = train(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
    print("| task | seeds | float32, % | bfloat16 - float32, points | within half a point |")
    print("|---|---:|---:|---|---|")
    for task, part in table.groupby("task", sort=False):
        both = part.pivot_table(index="seed", columns="dtype", values="accuracy").dropna()
        found = both.bfloat16 - both.float32
        interval, p = sign_flip_interval(found), equivalence_p(found, MARGIN)
        low, high = (f"{100 * end:+.2f}" for end in interval[1:])
        said = "yes" if p < alpha(LEVEL) else "not shown by so few seeds"
        print(
            f"| `{task}` | {len(both)} | {100 * both.float32.mean():.2f}"
            f" | {100 * found.mean():+.2f} ({low} to {high}) | {said} (p = {p:.3f}) |"
        )


if __name__ == "__main__":
    main()
