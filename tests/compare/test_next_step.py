"""What to do next: how many seeds would decide what is open."""

from __future__ import annotations

import pytest

from afnlab import stats
from afnlab.compare.next_step import next_step
from tests.compare.test_headline import DOWN, EVEN, MAYBE, UP, made, told, within
from tests.compare.test_summary_table import BASE, table


def test_how_many_seeds_would_decide_what_is_open():
    """What so many seeds detect and what these detect are of one row, by one adjustment."""
    found = made(selu=[g - 0.01 for g in EVEN], tanh=DOWN)
    assert found.verdict["selu"] == "not distinguishable"
    step = next_step(found, "relu")
    r = found.loc["selu"]
    assert step is not None
    assert step.confirm == ""
    least = stats.detectable_difference(r.spread, step.seeds, 2)
    assert least <= -r.difference < stats.detectable_difference(r.spread, step.seeds - 1, 2)
    now = stats.detectable_difference(r.spread, 8, 2)
    assert now > -r.difference
    assert step.fact.value == f"{step.seeds} seeds in all"
    assert f"these 8 would show one of {100 * now:.2f} points" in step.fact.note


@pytest.mark.parametrize("others", [1, 5, 29])
def test_what_was_picked_is_confirmed_in_one_comparison(others):
    """However many rows it was picked among, the number of fresh seeds is that of one test."""
    found = made(selu=MAYBE, **{f"row {at}": [g - 0.02 for g in EVEN] for at in range(others)})
    step = next_step(found, "relu")
    r = found.loc["selu"]
    assert step is not None
    assert step.confirm == "selu"
    least = stats.detectable_difference(r.spread, step.seeds, 1)
    assert least <= r.difference < stats.detectable_difference(r.spread, step.seeds - 1, 1)
    assert step.fact.value == "Test SELU again"
    half = stats.seeds_to_detect(r.difference / 2, r.spread)
    assert f"{step.seeds} show a true difference of" in step.fact.note
    assert f"with 80 % power, {half} half of it; " in step.fact.note
    assert step.fact.note.endswith(f"; the best of {others + 1} is probably overestimated.")


TINY = [g - 0.0008 for g in EVEN]
NEXT = {  # what makes a table, and what is said
    "nothing is open": (
        lambda: made(selu=UP),
        "What next: Another task. On this one nothing is left open against ReLU.",
    ),
    "one comparison": (  # nothing was picked
        lambda: made(selu=MAYBE),
        "What next: 13 seeds in all. If SELU's true difference is +1.09 points, so many seeds show"
        " it with 80 % power; these 8 would show one of 1.46 points.",
    ),
    "the best is decided": (
        lambda: made(selu=UP, tanh=[g - 0.01 for g in EVEN], gelu=TINY),
        "What next: Test Tanh again. Train it and ReLU alone on fresh seeds: one comparison,"
        " without correction. 16 show a true difference of -0.91 points with 80 % power, 59 half of"
        " it; the clearest of 2 is probably overestimated.",
    ),
    "the best is behind": (  # chance has made it look small, if anything
        lambda: made(selu=[g - 0.01 for g in EVEN], tanh=DOWN),
        "What next: 20 seeds in all. If SELU's true difference is -0.91 points, so many seeds show"
        " it with 80 % power; these 8 would show one of 1.71 points.",
    ),
    "too few": (
        lambda: made(selu=UP[:3], tanh=DOWN[:3]),
        "What next: Test SELU again. Train it and ReLU alone on fresh seeds: one comparison,"
        " without correction. 6 show a true difference of +5.10 points with 80 % power; the best"
        " of 2 is probably overestimated.",
    ),
    "one seed": (
        lambda: made(selu=UP[:1], tanh=DOWN[:1]),
        "What next: 7 seeds in all. No fewer can decide anything.",
    ),
    "the same function": (  # more seeds would not change that, and fewer least of all
        lambda: made(selu=[0.0] * 8),
        "What next: Another task. SELU equals ReLU in every seed.",
    ),
    "tiny": (
        lambda: made(selu=TINY),
        "What next: Set a margin. SELU's difference is so small that it takes more than 200 seeds"
        " to detect it with 80 % power. With --margin it may prove to be equivalent.",
    ),
    "tiny, with a margin": (
        lambda: within(0.1, selu=TINY),
        "What next: More seeds. SELU's difference is so small that it takes more than 200 seeds to"
        " detect it with 80 % power; fewer may show that it is within the margin.",
    ),
}


@pytest.mark.parametrize("case", NEXT)
def test_what_to_do_next(case):
    found, said = NEXT[case]
    found = found()
    step = next_step(found, "relu")
    assert told(step.fact) == said
    assert (step.seeds is None) == ("seeds in all" not in said and "fresh seeds" not in said)
    assert (step.confirm == "") == ("fresh" not in said)
    assert step.seeds is None or step.confirm or step.seeds > found.pairs.max()


def test_nothing_to_do_next_where_nothing_is_compared():
    assert next_step(table(BASE), "relu") is None
