"""How often intervals hold the mean, or a difference, and how often equal activations are called
better or worse: the simulated tables of docs/statistics.md.

python docs/coverage.py prints them, as Markdown; some twenty minutes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from afnlab.stats import alpha, difference_interval, holm, mean_intervals, sign_flip_p

SETS, DRAWS, SEEDS = 4_000, 4_000, (0, 1, 2)
TINY = 1e-12  # an end that is the mean but for rounding holds it
SIZES = (2, 3, 5, 6, 8, 10, 12, 30)
LAWS = {  # of n values, and the mean that the intervals should hold
    "normal": (lambda rng, shape: rng.normal(size=shape), 0.0),
    "exponential": (lambda rng, shape: rng.exponential(size=shape), 1.0),
    "Student's t, 3 degrees": (lambda rng, shape: rng.standard_t(3, size=shape), 0.0),
    "near 100 %, of 450": (
        lambda rng, shape: rng.binomial(450, rng.beta(99, 1, size=shape)) / 450,
        0.99,
    ),
    "one in twenty fails": (
        lambda rng, shape: np.where(rng.random(shape) < 0.05, -8.0, 0) + rng.normal(size=shape),
        -0.4,
    ),
}


def student(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = x.shape[1]
    half = stats.t.ppf(0.975, n - 1) * x.std(axis=1, ddof=1) / np.sqrt(n)
    return np.array([x.mean(axis=1) - half, x.mean(axis=1) + half])


def afnlabs(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return mean_intervals(x, rng=rng)[:, 1:].T


def _resampled(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = x.shape[1]
    return np.sort(x @ rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).T / n, axis=1)


def percentile(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.quantile(_resampled(x, rng), [0.025, 0.975], axis=1)


def bca(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    means, d = _resampled(x, rng), x - x.mean(axis=1, keepdims=True)
    share = (means < x.mean(axis=1, keepdims=True)).mean(axis=1)
    z = stats.norm.ppf(np.clip(share, 1 / DRAWS, 1 - 1 / DRAWS))
    spread = np.maximum((d**2).sum(axis=1), 1e-30)  # equal values have none
    a = (d**3).sum(axis=1) / (6 * spread**1.5)
    limits = []
    for q in stats.norm.ppf([0.025, 0.975]):
        p = stats.norm.cdf(z + (z + q) / (1 - a * (z + q)))
        limits.append(means[np.arange(len(x)), np.clip(p * DRAWS, 0, DRAWS - 1).astype(int)])
    return np.array(limits)


def by_the_test(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.array([difference_interval(d)[1:] for d in x]).T


METHODS = {
    "afnlab's": afnlabs,
    "Student's t": student,
    "percentile bootstrap": percentile,
    "BCa bootstrap": bca,
}


OF_DIFFERENCES = {
    "afnlab's, by the sign-flip test": by_the_test,
    "studentized bootstrap": afnlabs,
    "Student's t": student,
}
FEW, SKEWED = (6, 8, 10, 12), ("exponential", "near 100 %, of 450")
TABLES = 1_000
FAMILIES = ((6, 1), (10, 5), (12, 30))  # seeds, comparisons


def _spread(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    return rng.normal(size=(n, m + 1)) * np.r_[0.3, rng.uniform(0.3, 3, m)]


EQUALS = {  # (seeds, labels) accuracies with equal means; the first label is the baseline
    "normal": lambda rng, n, m: rng.normal(size=(n, m + 1)),
    "normal, deviations up to tenfold": _spread,
    "exponential": lambda rng, n, m: rng.exponential(size=(n, m + 1)),
    "97 % of 450 examples": lambda rng, n, m: rng.binomial(450, 0.97, size=(n, m + 1)) / 450,
    "exponential, baseline constant": lambda rng, n, m: np.c_[
        np.ones(n), rng.exponential(size=(n, m))
    ],
}


def errors() -> None:
    """How often a comparison of equal activations calls any of them better or worse."""
    head = " | ".join(f"{n} seeds, {m} comparison{'s' * (m > 1)}" for n, m in FAMILIES)
    print(f"| accuracies | {head} |")
    print("|---|" + "---:|" * len(FAMILIES))
    for name, law in EQUALS.items():
        cells = []
        for n, m in FAMILIES:
            rng, wrong = np.random.default_rng(0), 0
            for _ in range(TABLES):
                x = law(rng, n, m)
                p = holm([sign_flip_p(x[:, i] - x[:, 0]) for i in range(1, m + 1)])
                wrong += bool((p < alpha(0.95)).any())
            cells.append(f"{100 * wrong / TABLES:.1f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def coverage() -> None:
    """How often intervals of a mean hold it, and how wide the first one is, beside Student's t.

    Width: the ratio of the medians; of a tenth: one sample in ten has a larger ratio.
    """
    print("| data | n | " + " | ".join(METHODS) + " | width | of a tenth |")
    print("|---|---:|" + "---:|" * (len(METHODS) + 2))
    for name, (law, mean) in LAWS.items():
        for n in SIZES:
            _row(name, n, METHODS, law, mean)


def differences() -> None:
    """The same of differences: of two rows that are alike, and of one to a row that is constant."""
    print("| data | n | " + " | ".join(OF_DIFFERENCES) + " | width | of a tenth |")
    print("|---|---:|" + "---:|" * (len(OF_DIFFERENCES) + 2))
    for name, (law, mean) in LAWS.items():
        for n in FEW:
            _row(name, n, OF_DIFFERENCES, lambda rng, s, of=law: of(rng, s) - of(rng, s), 0.0)
        for n in FEW if name in SKEWED else ():
            _row(f"{name}, baseline constant", n, OF_DIFFERENCES, law, mean)


def _row(name: str, n: int, methods: dict, law: Callable, mean: float) -> None:
    cells, widths = [], {}
    for method, function in methods.items():
        held, widths[method] = [], []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            low, high = function(law(rng, (SETS, n)), rng)
            held.append(100 * np.mean((low <= mean + TINY) & (mean - TINY <= high)))
            widths[method].append(high - low)
        cells.append(f"{np.mean(held):.1f}")
    first, student = (np.array(widths[method]) for method in (next(iter(methods)), "Student's t"))
    # The samples are the same for all methods; equal values have no width.
    each = first[student > 0] / student[student > 0]
    median = np.median(first, axis=1).mean() / np.median(student, axis=1).mean()
    print(f"| {name} | {n} | {' | '.join(cells)} | {median:.2f} | {np.quantile(each, 0.9):.2f} |")


if __name__ == "__main__":
    warnings.simplefilter("error")
    coverage()
    print()
    differences()
    print()
    errors()
