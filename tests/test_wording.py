"""Sentences from tables: what they say, word for word."""

from __future__ import annotations

import pytest
from test_tables import BASE, SIX, rows, table

from afnlab.analysis.wording import headline, same_functions

BETTER = rows("srelu", [0.60 + 0.01 * s for s in SIX])
WORSE = rows("elu", [0.30 + 0.01 * s for s in SIX])
ALIKE = rows("gelu", [0.51, 0.50, 0.53, 0.52, 0.55, 0.54])
SPAN = "one test example is 0.22 points"


def said(*parts, baseline="relu", **options) -> list[str]:
    return headline(table(*parts, baseline=baseline, **options), baseline, 450)


def many(label, shift, count=12):
    return rows(label, [0.50 + 0.01 * s + shift for s in range(count)])


def test_one_is_better():
    assert said(BASE, BETTER) == [
        f"Mean test accuracy runs from 52.50 % (relu) to 62.50 % (srelu); {SPAN}.",
        "Against relu, 1 is better: srelu (+10.00)"
        " (exact sign-flip test on 6 paired seeds, Holm over 1).",
        "An interval of a difference reaches 0.00 points to either side (median); a smaller true"
        " difference will mostly go unseen. The smallest p that 6 seeds and 1 comparison can give"
        " is 0.031.",
    ]


def test_one_is_worse():
    assert said(BASE, WORSE)[1] == (
        "Against relu, 1 is worse: elu (\N{MINUS SIGN}20.00)"
        " (exact sign-flip test on 6 paired seeds, Holm over 1)."
    )


def test_better_worse_and_neither():
    alike = rows("gelu", [0.50 + 0.01 * s + (-1) ** s / 1000 for s in range(12)])
    parts = [many("relu", 0), many("a", 0.1), many("b", 0.2), many("c", -0.1), alike]
    assert said(*parts)[1] == (
        "Against relu, 2 are better: b (+20.00), a (+10.00); 1 is worse: c (\N{MINUS SIGN}10.00);"
        " 1 cannot be told apart from it"
        " (exact sign-flip test on 12 paired seeds, Holm over 4)."
    )


def test_nothing_is_told_apart():
    sentences = said(BASE, ALIKE)
    assert sentences[1] == (
        "None of the 1 others can be told apart from relu"
        " (exact sign-flip test on 6 paired seeds, Holm over 1)."
    )
    assert "better" not in " ".join(sentences)


def test_too_few_seeds():
    few = [rows(label, [a, a + 0.01, a + 0.02]) for label, a in (("relu", 0.5), ("elu", 0.9))]
    sentences = said(*few, rows("gelu", [0.1, 0.1, 0.1]))
    assert sentences[1] == (
        "With 3 seeds and 2 comparisons no difference to relu could pass a test at 5 %: the"
        " smallest p that can come out is 0.5. That takes 7 seeds; until then the intervals only"
        " describe."
    )
    assert len(sentences) == 2
    assert not {"better", "worse"} & set(" ".join(sentences).replace(":", "").split())


def test_one_seed():
    sentences = said(rows("relu", [0.5]), rows("elu", [0.9]))
    assert sentences[1].startswith("With 1 seed and 1 comparison no difference to relu could pass")
    assert "nan" not in " ".join(sentences)


def test_many_seeds_are_sampled_and_not_called_exact():
    sentences = said(many("relu", 0, 20), many("elu", 0.1, 20))
    assert "1 is better: elu" in sentences[1]
    assert "exact" not in sentences[1]
    assert "sign-flip test on 20 paired seeds" in sentences[1]


def test_the_smallest_p_of_many_seeds_is_one_that_can_come_out():
    made = table(many("relu", 0, 40), many("elu", 0.1, 40))
    sentences = headline(made, "relu", 450)
    told = float(sentences[-1].rpartition(" is ")[2].rstrip("."))
    assert told == pytest.approx(made.p["elu"], rel=0.1)


def test_failed_seeds_are_named():
    bad = rows("bad", [0.1, 0.6, 0.6, 0.14, 0.6, 0.6], diverged=[2])
    sentences = said(BASE, bad, classes=10)
    assert sentences[1:3] == [
        "Stuck near chance from this start of the weights, and counted in the means:"
        " bad (2 of 6 seeds).",
        "Diverged, and counted in the means: bad (1 of 6 seeds).",
    ]


def test_one_row_alone():
    sentences = said(BASE)
    assert sentences[0] == f"relu reaches 52.50 % mean test accuracy; {SPAN}."
    assert sentences[1] == "There is nothing to compare it with."
    assert said(BETTER)[1] == "There is nothing to compare it with."


def test_no_baseline():
    sentences = said(BETTER, WORSE, baseline="tanh")
    assert sentences[0].startswith("Mean test accuracy runs from 32.50 % (elu) to 62.50 % (srelu)")
    assert len(sentences) == 2
    assert "better" not in sentences[1]


def test_no_shared_seeds():
    apart = rows("elu", [0.9, 0.9], seeds=[8, 9])
    assert said(BASE, apart)[1] == "No row shares a seed with relu, so nothing is compared."


def test_same_functions():
    assert same_functions([]) == ""
    assert same_functions([("a", "b"), ("c", "d", "e")]) == (
        "The same function under two names: a = b; c = d = e."
    )
