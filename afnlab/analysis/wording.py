"""What a comparison says, in sentences made from its numbers by rules."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from afnlab.analysis.stats import EXACT_UP_TO, seeds_needed, smallest_p

LEVEL = 0.05


def headline(table: pd.DataFrame, baseline: str, test_examples: int) -> list[str]:
    """What the data can and cannot tell apart; `table` as `tables.compare` makes it."""
    others = table[table.verdict != "baseline"]
    sentences = [_span(table, test_examples), *_failures(table)]
    if baseline not in table.index or others.empty:
        return [*sentences, "There is nothing to compare it with."]
    compared = others[others.p.notna()]
    if compared.empty:
        return [*sentences, f"No row shares a seed with {baseline}, so nothing is compared."]
    pairs = int(compared.pairs.min())
    floor = smallest_p(pairs, len(compared))
    if floor >= LEVEL:
        needed = seeds_needed(len(compared))
        return [
            *sentences,
            f"With {_count(pairs, 'seed')} and {_count(len(compared), 'comparison')} no difference"
            f" to {baseline} could pass a test at 5 %: the smallest p that can come out is"
            f" {floor:.2g}. That takes {needed} seeds; until then the intervals only describe.",
        ]
    sentences.append(_told_apart(compared, baseline, pairs))
    sentences.append(
        f"An interval of a difference reaches {_points(_half_width(compared))} to either side"
        f" (median); a smaller true difference will mostly go unseen. The smallest p that"
        f" {_count(pairs, 'seed')} and {_count(len(compared), 'comparison')} can give is"
        f" {floor:.2g}."
    )
    return sentences


def _failures(table: pd.DataFrame) -> list[str]:
    """Seeds that did not learn: they count in the means, and are named."""
    sentences = []
    for column, text in (
        ("stuck", "Stuck near chance from this start of the weights"),
        ("diverged", "Diverged"),
    ):
        bad = table[table[column] > 0]
        if len(bad):
            listed = ", ".join(
                f"{label} ({int(row[column])} of {int(row.seeds)} seeds)"
                for label, row in bad.iterrows()
            )
            sentences.append(f"{text}, and counted in the means: {listed}.")
    return sentences


def _span(table: pd.DataFrame, test_examples: int) -> str:
    best, worst = table.iloc[0], table.iloc[-1]
    one = f"one test example is {_points(1 / test_examples, 2)}"
    if len(table) == 1:
        return f"{best.name} reaches {_percent(best.accuracy)} mean test accuracy; {one}."
    return (
        f"Mean test accuracy runs from {_percent(worst.accuracy)} ({worst.name}) to"
        f" {_percent(best.accuracy)} ({best.name}); {one}."
    )


def _told_apart(compared: pd.DataFrame, baseline: str, pairs: int) -> str:
    parts = []
    for verdict in ("better", "worse"):
        chosen = compared[compared.verdict == verdict]
        if len(chosen):
            listed = ", ".join(
                f"{label} ({_signed(row.difference)})" for label, row in chosen.iterrows()
            )
            parts.append(f"{_count(len(chosen), 'is', 'are')} {verdict}: {listed}")
    same = int((compared.verdict == "not told apart").sum())
    exact = "exact " if pairs <= EXACT_UP_TO else ""
    test = f"{exact}sign-flip test on {_count(pairs, 'paired seed')}, Holm over {len(compared)}"
    if not parts:
        return f"None of the {len(compared)} others can be told apart from {baseline} ({test})."
    rest = f"; {_count(same, 'cannot', 'cannot')} be told apart from it" if same else ""
    return f"Against {baseline}, {'; '.join(parts)}{rest} ({test})."


def same_functions(groups: Sequence[Sequence[str]]) -> str:
    """A sentence for rows that are one function under several names; empty if there are none."""
    if not groups:
        return ""
    return "The same function under two names: " + "; ".join(" = ".join(g) for g in groups) + "."


def _half_width(compared: pd.DataFrame) -> float:
    return float((compared.difference_high - compared.difference_low).median() / 2)


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _points(fraction: float, digits: int = 2) -> str:
    return f"{100 * fraction:.{digits}f} points"


def _signed(fraction: float) -> str:
    return f"{100 * fraction:+.2f}".replace("-", "\N{MINUS SIGN}")
