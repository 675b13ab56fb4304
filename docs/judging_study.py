"""How often worthless ideas pass, and how soon good ones do: the tables of docs/judging.md.

python docs/judging_study.py prints them, as Markdown; some ten minutes, most of which train 8,040
small ReLU networks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats as scipy_stats

import afnlab
from afnlab import stats
from afnlab.judging.campaign import TASK, Campaign
from afnlab.judging.ledger import Ledger
from afnlab.measures import ACCURACY

IDEAS, DRAWS, MOST, CAMPAIGNS = 200, 20_000, 40, 100
GOOD_OF = 10  # one idea of so many is good, where some are
EFFECTS = (0.5, 1.0, 1.5, 2.0, 3.0)
ALPHA = stats.alpha(stats.LEVEL)
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
NULLS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, size=shape),
    "Student's t, 1 degree": lambda rng, shape: rng.standard_t(1, size=shape),
    "ties: -1, 0 or 1 of 360": lambda rng, shape: rng.integers(-1, 2, size=shape) / 360,
    "one in ten 30 times as large": lambda rng, shape: (
        rng.normal(size=shape) * np.where(rng.random(shape) < 0.1, 30, 1)
    ),
}


def judged(d: np.ndarray) -> np.ndarray:
    """1 for "better", -1 for "worse", 0 for neither, by row."""
    found = [stats.log_evidence(sign * d) >= np.log(2 / ALPHA) for sign in (1, -1)]
    first = [np.where(hit.any(axis=1), hit.argmax(axis=1), MOST) for hit in found]
    return np.sign(first[1] - first[0])


def t_tested(d: np.ndarray, looks: range = range(2, MOST + 1)) -> np.ndarray:
    """The same by a paired t test after every seed, until one is significant."""
    verdict = np.zeros(len(d))
    for n in looks:
        mean, deviation = d[:, :n].mean(axis=1), d[:, :n].std(axis=1, ddof=1)
        with np.errstate(all="ignore"):
            p = 2 * scipy_stats.t.sf(np.abs(mean) / (deviation / np.sqrt(n)), n - 1)
        verdict = np.where((verdict == 0) & (p < ALPHA), np.sign(mean), verdict)
    return verdict


def percent(hits: np.ndarray) -> str:
    return f"{100 * np.mean(hits):.1f}"


def upper(hits: np.ndarray) -> str:
    """The upper end of the exact one-sided 99 % interval of a share."""
    k, n = int(np.sum(hits)), len(hits)
    return f"{100 * (scipy_stats.beta.ppf(0.99, k + 1, n - k) if k < n else 1):.1f}"


def row_of_nulls(name: str, d: np.ndarray) -> list[str]:
    judge, tested = judged(d), t_tested(d)
    better = judge > 0
    told = [percent(judge != 0), percent(better), upper(better), percent(tested != 0)]
    return [name, str(len(d)), *told, percent(tested > 0), percent(d[:, 0] > 0)]


def disguised_relus() -> np.ndarray:
    """Differences of ReLU to itself, where every idea has seeds of its own: a changed seed."""
    seeds = (IDEAS + 1) * MOST
    final = afnlab.train("breast-cancer", "relu", seeds=seeds, progress=False).final
    values = -final["test_log_loss"].to_numpy().reshape(IDEAS + 1, MOST)
    return values[1:] - values[0]


def in_a_ledger(d: np.ndarray) -> np.ndarray:
    """Which ideas are discoveries of one campaign, in the order of the rows."""
    ledger = Ledger(Campaign(task="simulated", against="relu", measure=ACCURACY.described()))
    for number, row in enumerate(d):
        entry = ledger.enter(f"idea {number}", (float(number),)).entry["id"]
        found = {
            seed: {"idea": float(value), "against": 0.0, "lost": None, "run": []}
            for seed, value in enumerate(row)
        }
        ledger.look(entry, TASK, found)
    return np.array([one.is_discovery for one in ledger.standings])


def discoveries(d: np.ndarray) -> np.ndarray:
    """The same, computed from all seeds at once."""
    better, worse = stats.log_evidence(d), stats.log_evidence(-d) >= np.log(2 / ALPHA)
    first_worse = np.where(worse.any(axis=1), worse.argmax(axis=1), MOST)
    kept = np.zeros(len(d), dtype=bool)
    for t in range(len(d)):
        stop, end = (-np.log(stats.e_lond(t + 1, n, ALPHA)) for n in (0, int(kept.sum())))
        hit = better[t] >= stop
        stopped = hit.any() and hit.argmax() <= first_worse[t]
        kept[t] = stopped or (first_worse[t] == MOST and better[t, -1] >= end)
    return kept


def power(effect: float) -> list[str]:
    d = np.random.default_rng(1).normal(effect, 1, size=(4_000, MOST))
    hit = stats.log_evidence(d) >= np.log(2 / ALPHA)
    seeds = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, MOST)
    enough = hit.any(axis=1).mean() >= 0.8
    reached = f"{np.quantile(seeds, 0.8, method='higher'):.0f}" if enough else f"over {MOST}"
    needed = next(n for n in range(5, 100) if stats.detectable_difference(1.0, n) <= effect)
    found = [percent(hit.any(axis=1)), f"{seeds.mean():.1f}", f"{np.median(seeds):.0f}", reached]
    return [f"{effect:g}", *found, str(needed)]


def table(head: list[str], rows: list[list[str]]) -> str:
    first, *others = (f"| {' | '.join(line)} |" for line in (head, *rows))
    return "\n".join([first, f"|:---|{'---:|' * (len(head) - 1)}", *others])


def main() -> None:
    rng = np.random.default_rng(0)
    head = ["null", "ideas", "judge: any verdict", "judge: better", "99 % bound"]
    head += ["t test after every seed: any", "t test: better", "better with one seed"]
    rows = [row_of_nulls(name, draw(rng, (DRAWS, MOST))) for name, draw in NULLS.items()]
    relus = disguised_relus()
    assert (in_a_ledger(relus) == discoveries(relus)).all()
    rows.append(row_of_nulls("ReLU with other seeds", relus))
    print(f"## Worthless ideas that get a verdict (%)\n\n{table(head, rows)}\n")

    head = ["effect", "found within 40 (%)", "mean seeds", "median", "seeds for 80 %"]
    head += ["fixed number for 80 %"]
    print(f"## Planted differences\n\n{table(head, list(map(power, EFFECTS)))}\n")

    rows, with_any = [[f"{IDEAS} ReLUs with other seeds", "0", *shares([relus], 0)]], []
    for name, draw in NULLS.items():
        parts = [draw(rng, (IDEAS, MOST)) for _ in range(CAMPAIGNS)]
        rows.append([f"{IDEAS} nulls, {name}", "0", *shares(parts, 0)])
        with_any += [discoveries(part).any() for part in parts]
    good = IDEAS // GOOD_OF
    for effect in (1.0, 2.0):
        parts = [rng.normal(size=(IDEAS, MOST)) for _ in range(CAMPAIGNS)]
        for part in parts:
            part[::GOOD_OF] += effect
        rows.append(
            [f"{IDEAS - good} nulls, {good} of {effect:g}", str(good), *shares(parts, good)]
        )
    head = ["campaign", "good ideas"]
    for method in ("ledger", "t test", "one seed"):
        head += [f"{method}: good", "worthless", "false (%)"]
    print(f"## Discoveries per campaign\n\n{table(head, rows)}\n")
    print(
        f"Simulated campaigns of worthless ideas with a discovery: {np.sum(with_any)} of"
        f" {len(with_any)}, {percent(np.array(with_any))} % (99 % bound:"
        f" {upper(np.array(with_any))} %); of the ReLUs: {discoveries(relus).sum()} discoveries."
    )


def shares(parts: list[np.ndarray], good: int) -> list[str]:
    """By method the mean numbers of good and of worthless ideas kept, and the mean false share."""
    is_good = np.zeros(IDEAS, dtype=bool)
    if good:
        is_good[::GOOD_OF] = True
    found = []
    for method in (discoveries, lambda d: t_tested(d) > 0, lambda d: d[:, 0] > 0):
        kept = [method(part) for part in parts]
        true, false = (np.array([np.sum(k & which) for k in kept]) for which in (is_good, ~is_good))
        share = np.mean(false / np.maximum(1, true + false))
        found += [f"{true.mean():.1f}", f"{false.mean():.2f}", f"{100 * share:.1f}"]
    return found


if __name__ == "__main__":
    main()
