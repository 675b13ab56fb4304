"""What to do next: how many seeds would decide what is open."""

from __future__ import annotations

import pytest

from afnlab import stats
from afnlab.compare.next_step import next_step
from tests.compare.test_headline import DOWN, EVEN, MAYBE, UP, made, told, within
from tests.compare.test_summary_table import BASE, table


def test_how_many_seeds_would_decide_what_is_open():
    """What so many seeds detect and what these detect are of one row, by one adjustment."""
    found = made(selu=MAYBE, tanh=DOWN)
    assert found.verdict["selu"] == "not distinguishable"
    said, seeds = next_step(found, "relu")
    r = found.loc["selu"]
    assert seeds is not None
    least = stats.detectable_difference(r.spread, seeds, 2)
    assert least <= r.difference < stats.detectable_difference(r.spread, seeds - 1, 2)
    now = stats.detectable_difference(r.spread, 8, 2)
    assert now > r.difference
    assert said.value == f"At least {seeds} seeds in all"
    assert said.note == (
        f"If SELU's true difference is {100 * r.difference:+.2f} points, so many seeds show it with"
        f" 80 % power; these 8 would show one of {100 * now:.2f} points. The best of 2 is probably"
        " overestimated."
    )


TINY = [g - 0.0008 for g in EVEN]
NEXT = {  # a table, and what is said
    "nothing is open": (
        made(selu=UP),
        "What next: Another task. On this one nothing is left open against ReLU.",
    ),
    "one comparison": (  # nothing was picked
        made(selu=MAYBE),
        "What next: 13 seeds in all. If SELU's true difference is +1.09 points, so many seeds show"
        " it with 80 % power; these 8 would show one of 1.46 points.",
    ),
    "the best is decided": (
        made(selu=UP, tanh=[g - 0.01 for g in EVEN], gelu=TINY),
        "What next: At least 22 seeds in all. If Tanh's true difference is -0.91 points, so many"
        " seeds show it with 80 % power; these 8 would show one of 1.87 points. The clearest of 2"
        " is probably overestimated.",
    ),
    "the best is behind": (  # chance has made it look small, if anything
        made(selu=[g - 0.01 for g in EVEN], tanh=DOWN),
        "What next: 20 seeds in all. If SELU's true difference is -0.91 points, so many seeds show"
        " it with 80 % power; these 8 would show one of 1.71 points.",
    ),
    "too few": (
        made(selu=UP[:3], tanh=DOWN[:3]),
        "What next: At least 7 seeds in all. If SELU's true difference is +5.10 points, so many"
        " seeds show it with 80 % power. The best of 2 is probably overestimated.",
    ),
    "one seed": (
        made(selu=UP[:1], tanh=DOWN[:1]),
        "What next: 7 seeds in all. No fewer can decide anything.",
    ),
    "the same function": (  # more seeds would not change that, and fewer least of all
        made(selu=[0.0] * 8),
        "What next: Another task. SELU equals ReLU in every seed.",
    ),
    "tiny": (
        made(selu=TINY),
        "What next: Set a margin. SELU's difference is so small that it takes more than 200 seeds"
        " to detect it with 80 % power. With --margin it may prove to be equivalent.",
    ),
    "tiny, with a margin": (
        within(0.1, selu=TINY),
        "What next: More seeds. SELU's difference is so small that it takes more than 200 seeds to"
        " detect it with 80 % power; fewer may show that it is within the margin.",
    ),
}


@pytest.mark.parametrize("case", NEXT)
def test_what_to_do_next(case):
    found, said = NEXT[case]
    fact, seeds = next_step(found, "relu")
    assert told(fact) == said
    assert (seeds is None) == ("seeds in all" not in said)
    assert seeds is None or seeds > found.pairs.max()


def test_nothing_to_do_next_where_nothing_is_compared():
    assert next_step(table(BASE), "relu") == (None, None)
