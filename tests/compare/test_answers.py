"""Sentences from tables: what they say, word for word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afnlab.compare import formatting
from afnlab.compare.answers import answers
from afnlab.compare.costs import Cost
from afnlab.compare.formatting import amount, exact_p, p_value, percent, short_percent, three_digits
from afnlab.compare.headline import facts
from afnlab.measures import ACCURACY, Measure
from afnlab.messages import duration
from tests.compare.test_summary_table import BASE, SIX, rows, shifted, table

BETTER = rows("srelu", [0.60 + 0.01 * s for s in SIX])
WORSE = rows("elu", [0.30 + 0.01 * s for s in SIX])
ALIKE = rows("gelu", [0.51, 0.50, 0.53, 0.52, 0.55, 0.55])
SPAN = "one example is 0.22 points"
TEST = "Exact sign-flip test on 6 paired seeds, one comparison: the smallest attainable p-value is"
TEST += " 0.031."


def said(*parts, baseline="relu", margin=None, cost=None, **options) -> dict[str, str]:
    made = table(*parts, baseline=baseline, margin=margin, **options)
    return answers(made, baseline, 450, margin, cost)


def many(label, shift, count=12, **options):
    return rows(label, [0.50 + 0.01 * s + shift for s in range(count)], **options)


def claims(sentences: dict[str, str]) -> set[str]:
    """Words that say that one is ahead of another."""
    words = " ".join(sentences.values()).replace(":", "").replace(",", "").split()
    return {"better", "worse", "significant", "significantly"} & set(words)


def test_one_is_better():
    assert said(BASE, BETTER) == {
        "Which?": "srelu has the highest mean accuracy, 62.50 %, and is better than relu.",
        "By how much?": f"Mean accuracy runs from 52.50 % (relu) to 62.50 % (srelu); {SPAN}."
        " srelu against relu: +10.00 points in every seed.",
        "How sure?": TEST,
    }


def test_one_is_worse():
    assert said(BASE, WORSE)["Which?"] == (
        "relu has the highest mean accuracy, 52.50 %, and is the baseline."
        " elu is worse than relu (\N{MINUS SIGN}20.00)."
    )


def test_better_worse_and_neither():
    alike = rows("gelu", [0.50 + 0.01 * s + (-1) ** s / 1000 for s in range(12)])
    parts = [many("relu", 0), many("a", 0.1), many("b", 0.2), many("c", -0.1), alike]
    made = said(*parts)
    assert made["Which?"] == (
        "b has the highest mean accuracy, 75.50 %, and is better than relu."
        " Of the 4 rows beside relu, 2 are better than relu: b (+20.00), a (+10.00); 1 is worse"
        " than relu: c (\N{MINUS SIGN}10.00); 1 is not distinguishable from relu."
    )
    assert made["By how much?"].endswith(
        "b against relu: +20.00 points in every seed. The highest of several means is optimistic,"
        " because it is the best of them."
    )


def test_nothing_is_distinguishable():
    made = said(BASE, ALIKE)
    assert made["Which?"] == (
        "gelu has the highest mean accuracy, 52.67 %, but is not distinguishable from relu."
    )
    assert made["How sure?"].startswith(TEST + " A true difference of ")
    assert made["How sure?"].endswith(
        " would be detected with a power of 80 %; a smaller one would mostly be missed."
    )
    assert not claims(made)
    ties = [many(n, 0).assign(test_accuracy=lambda h, k=k: h.test_accuracy + (-1) ** h.seed / k)
            for n, k in (("a", 100), ("b", 200))]  # fmt: skip
    assert said(many("relu", 0), *ties)["Which?"].endswith(
        "Neither of the 2 rows beside relu is distinguishable from relu."
    )
    assert (
        "power of 80 % (median over the rows); a smaller"
        in said(many("relu", 0), *ties)["How sure?"]
    )


def test_equivalent_and_not_worse():
    tie = shifted("tie", 0.001, -0.001, 0.002, -0.002, 0.001, 0.0)
    assert said(BASE, tie, margin=0.01)["Which?"] == (
        "tie has the highest mean accuracy, 52.52 %, and is equivalent to relu within"
        " the margin. tie is equivalent to relu within 1 point (+0.02)."
    )
    up = shifted("up", 0.03, -0.001, 0.04, -0.002, 0.05, 0.0)
    made = said(BASE, up, margin=0.01)
    assert made["Which?"] == (
        "up has the highest mean accuracy, 54.45 %, and is no worse than relu by more"
        " than the margin. up is no worse than relu by more than 1 point (+1.95)."
    )


def test_distinguishable_by_less_than_the_margin():
    made = said(BASE, shifted("up", *[0.002] * 6), margin=0.01)
    assert made["Which?"].endswith(
        " and is better than relu. Distinguishable, but by less than 1 point: up."
    )


def test_too_few_seeds():
    few = [rows(label, [a, a + 0.01, a + 0.02]) for label, a in (("relu", 0.5), ("elu", 0.9))]
    made = said(*few, rows("gelu", [0.1, 0.1, 0.1]))
    assert made["Which?"] == (
        "Undecided. With 3 seeds and 2 comparisons no difference to relu could pass a test at 5 %;"
        " that takes 7 seeds. Until then the intervals only describe: elu has the highest mean"
        " accuracy, 91.00 %."
    )
    assert made["By how much?"].endswith(
        "adjusted for 2 comparisons, these seeds set no bounds. The highest of several means is"
        " optimistic, because it is the best of them."
    )
    assert made["How sure?"] == (
        "Exact sign-flip test on 3 paired seeds, Holm's correction over 2 comparisons: the smallest"
        " attainable p-value is 0.5."
    )
    assert not claims(made)


def test_one_seed():
    made = said(rows("relu", [0.5]), rows("elu", [0.9]))
    assert made["Which?"].startswith(
        "Undecided. With 1 seed and 1 comparison no difference to relu"
    )
    assert "nan" not in " ".join(made.values())
    assert not claims(made)


def test_many_seeds_are_sampled_and_not_called_exact():
    made = said(many("relu", 0, 20), many("elu", 0.1, 20))
    assert "elu has the highest mean accuracy, 69.50 %, and is better than relu." in made["Which?"]
    assert made["How sure?"].startswith("Sign-flip test on 20 paired seeds")


def test_the_smallest_p_of_many_seeds_is_one_that_can_come_out():
    made = table(many("relu", 0, 40), many("elu", 0.1, 40))
    sure = answers(made, "relu", 450)["How sure?"]
    told = float(sure.rpartition(" is ")[2].rstrip("."))
    assert told == pytest.approx(made.p["elu"], rel=0.1)


def test_rows_with_fewer_seeds_are_not_promised_anything():
    made = said(many("relu", 0), many("a", 0.1), many("b", 0.1, 3))
    assert "sign-flip test on 3 to 12 paired seeds" in made["How sure?"]
    assert made["How sure?"].endswith(
        "Rows with 3 seeds or fewer could not have been distinguished from relu."
    )
    assert made["Which?"].endswith(
        "1 is better than relu: a (+10.00); 1 is not distinguishable from relu."
    )


def test_collapsed_seeds_are_named():
    bad = rows("bad", [0.97, 0.96, 0.97, 0.85, 0.97, 0.97, 0.98, 0.96])
    made = said(rows("relu", [0.97] * 8), bad, classes=10)
    assert made["How sure?"].endswith(
        "Collapsed (far behind the other seeds of the same row at the end), and counted"
        " in the means: bad (1 of 8 seeds)."
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (percent(0.99999, 1), "more than 99.9 %"),
        (percent(0.99996), "more than 99.99 %"),
        (percent(0.9994, 1), "99.9 %"),
        (percent(1.0, 1), "100.0 %"),
        (percent(0.0004, 1), "less than 0.1 %"),
        (percent(0.0, 1), "0.0 %"),
        (percent(0.004, 0), "less than 1 %"),
        (percent(0.9735), "97.35 %"),
        (short_percent(0.9975), "> 99 %"),
        (short_percent(0.001), "< 1 %"),
        (short_percent(1.0), "100 %"),
        (short_percent(float("nan")), ""),
        (p_value(0.0004), "< 0.001"),
        (p_value(1e-300), "< 0.001"),
        (p_value(0.001), "0.001"),
        (p_value(0.04, 1), "< 0.1"),
        (p_value(float("nan")), ""),
        (exact_p(2 * 2**-4), "0.125"),
        (exact_p(2**-5), "0.031"),
        (exact_p(0.5), "0.5"),
        (exact_p(1.0), "1"),
        (exact_p(0.00024), "0.00024"),
        (amount(ACCURACY, 1e-6), "less than 0.01 points"),
        (amount(ACCURACY, 0.0), "0.00 points"),
        (amount(ACCURACY, 0.0123), "1.23 points"),
    ],
)
def test_what_is_not_nothing_does_not_read_as_nothing(told, expected):
    assert told == expected


def test_failed_seeds_are_named():
    bad = rows("bad", [0.1, 0.6, 0.6, 0.14, 0.6, 0.6], diverged=[2])
    made = said(BASE, bad, classes=10)
    assert made["How sure?"].endswith(
        "Stuck (hardly better than chance at the end), and counted in the means: bad (2 of 6"
        " seeds). Diverged (not finite in a loss or a metric), and counted in the means: bad (1 of"
        " 6 seeds). No verdict changes if a diverged seed counts as 0 %."
    )
    good = rows("good", [0.60 + 0.01 * s for s in SIX], diverged=[0])
    assert said(BASE, good)["How sure?"].endswith(
        "If a diverged seed counted as 0 %, these verdicts would change: good (better -> not"
        " distinguishable)."
    )


def test_cost():
    seconds = pd.Series({"relu": 0.002, "srelu": 0.003, "elu": 0.001})
    assert said(BASE, BETTER, WORSE, cost=Cost(seconds))["At what cost?"] == (
        "relu takes 2.00 ms for an epoch of one model; the others take 0.500 (elu) to 1.50 (srelu)"
        " times that, timed during these runs."
    )
    busy = said(BASE, BETTER, WORSE, cost=Cost(seconds, unsteady=2.04))["At what cost?"]
    assert busy == (  # no ratio, beside which stands that it says little
        "relu takes 2.00 ms for an epoch of one model, timed during these runs. The machine was"
        " busy: a median epoch took 2.0 times the quickest, so what the others take beside that"
        " would say little."
    )
    assert said(BASE, BETTER, cost=Cost(seconds[:2]))["At what cost?"] == (
        "relu takes 2.00 ms for an epoch of one model; srelu takes 1.50 times that, timed"
        " during these runs."
    )
    measured = Cost(seconds, "a step", "by the benchmark", missing=("tanh",))
    assert said(BASE, BETTER, WORSE, cost=measured)["At what cost?"] == (
        "relu takes 2.00 ms for a step; 2 of 3 others take 0.500 (elu) to 1.50 (srelu) times"
        " that, by the benchmark."
    )
    assert said(BETTER, cost=Cost(pd.Series({"srelu": 2.5})))["At what cost?"] == (
        "2.50 s for an epoch of one model (srelu)."
    )
    assert "At what cost?" not in said(BASE, BETTER, cost=Cost(seconds * 0))


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1234"), (123.45, "123"), (12, "12.0"), (0.0123, "0.0123"), (0, "0"), (np.inf, "")],
)
def test_three_digits(value, text):
    assert three_digits(value) == text


def test_one_row_alone():
    made = said(BASE)
    assert made == {
        "Which?": "relu alone; there is nothing to compare it with.",
        "By how much?": "relu reaches 52.50 % mean accuracy, 95 % interval 50.39 % to 54.61 %;"
        f" {SPAN}.",
    }


def test_no_baseline():
    made = said(BETTER, WORSE, baseline="tanh")
    assert made["Which?"] == (
        "srelu has the highest mean accuracy, 62.50 %; tanh is not among these runs to compare it"
        " with; choose one with --baseline srelu, or in a notebook with the parameter baseline."
    )
    assert not claims(made)


@pytest.mark.parametrize(
    ("labels", "proposed"),
    [
        (("my.py:mine", "srelu", "ReLU", "GELU(lr=0.01)"), "'GELU(lr=0.01)'"),
        (("my.py:mine", "srelu", "ReLU"), "ReLU"),
        (("my.py:mine", "SReLU(t=1.5)", "elu"), "'SReLU(t=1.5)'"),
        (("my.py:mine", "my.py:other"), "my.py:mine"),
    ],
)
def test_a_new_idea_is_not_proposed_as_baseline(labels, proposed):
    made = said(*(many(label, -0.01 * at) for at, label in enumerate(labels)), baseline="tanh")
    assert f"choose one with --baseline {proposed}, or in a notebook" in made["Which?"]


FLAT, ABOVE = [0.5] * 8, [0.6] * 8
TIES = {  # rows, who leads, and by how much they differ
    "both": (
        {"relu": FLAT, "elu": FLAT},
        "Both rows have the same mean accuracy, 50.00 %. elu is not distinguishable from relu"
        " (0.00).",
        "Mean accuracy is 50.00 % in every row",
    ),
    "all, each with a spread": (
        {"relu": [0.4, 0.6] * 4, "elu": [0.6, 0.4] * 4, "gelu": FLAT},
        "All 3 rows have the same mean accuracy, 50.00 %. Neither of the 2 rows beside relu is",
        "Mean accuracy is 50.00 % in every row",
    ),
    "two of three": (
        {"relu": FLAT, "elu": ABOVE, "gelu": ABOVE},
        "elu and gelu have the highest mean accuracy, 60.00 %. Both rows beside relu are"
        " better than relu",
        "Mean accuracy runs from 50.00 % (relu) to 60.00 %",
    ),
    "the baseline too": (
        {"relu": ABOVE, "elu": ABOVE, "gelu": FLAT},
        "elu and relu have the highest mean accuracy, 60.00 %. Of the 2 rows beside relu, 1"
        " is worse than",
        "Mean accuracy runs from 50.00 % (gelu) to 60.00 %",
    ),
    "more than one lists": (
        {"relu": [0.5] * 10, **{f"x{at}": [0.6] * 10 for at in range(7)}},
        "7 of 8 rows have the highest mean accuracy, 60.00 %. ",
        "Mean accuracy runs from 50.00 % (relu) to 60.00 %",
    ),
}


@pytest.mark.parametrize("case", TIES)
def test_of_equal_means_none_is_called_the_highest(case):
    values, which, size = TIES[case]
    made = said(*(rows(label, of) for label, of in values.items()))
    assert made["Which?"].startswith(which)
    assert made["By how much?"].startswith(size)
    assert ("optimistic" in made["By how much?"]) == ("in every row" not in size)


def test_means_of_different_seeds_are_said_to_be():
    """After an edit of one activation its row has the seeds of the file, the others have more."""
    base = rows("relu", [0.50 + 0.001 * s for s in range(12)])
    more = rows("gelu", [0.52 + 0.001 * s for s in range(12)])
    few = rows("bend", [0.51 + 0.001 * s for s in range(8)])
    which = "gelu has the highest mean accuracy, 52.55 %"
    different = ", among means of 8 to 12 seeds, which are not the same in every row"
    assert said(base, more, few)["Which?"].startswith(f"{which}{different}, and is better")
    assert said(base, more)["Which?"].startswith(f"{which}, and is better")
    other = rows("bend", [0.51 + 0.001 * s for s in range(12)], seeds=range(4, 16))
    assert ", among means of 12 seeds, which are not the" in said(base, more, other)["Which?"]
    lead, *_ = facts(table(base, more, few), "relu")
    assert lead.about == f"highest mean accuracy{different}"
    lead, *_ = facts(table(base, few), "relu")
    assert (lead.about, "over 8 common seeds" in lead.note) == ("highest mean accuracy", True)


def test_no_shared_seeds():
    apart = rows("elu", [0.9, 0.9], seeds=[8, 9])
    assert said(BASE, apart)["Which?"] == (
        "elu has the highest mean accuracy, 90.00 %, but no row shares a seed with relu, so"
        " nothing is compared."
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_claim_where_the_adjusted_interval_holds_0(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 14))
    parts = [
        rows(name, 0.9 + rng.choice([0, 0.004, 0.02, -0.02]) + rng.normal(0, 0.01, count))
        for name in ("relu", "a", "b", "c", "d")
    ]
    made = table(*parts, margin=0.005)
    which = answers(made, "relu", 450, 0.005)["Which?"].replace("no worse", "")
    assert ("better" in which) == (made.adjusted_low > 0).any()
    assert ("worse" in which) == (made.adjusted_high < 0).any()
    for label, row in made.iterrows():
        named = f"{label} (" in which.partition("better than relu: ")[2].partition(";")[0]
        assert named == (row.adjusted_low > 0)


def test_long_lists_are_cut():
    parts = [many(f"a{i}", 0.1 + i / 1000) for i in range(8)]
    assert said(many("relu", 0), *parts)["Which?"].endswith("a2 (+10.20) and 2 more.")


@pytest.mark.parametrize("last", [0.6, 0.4])
def test_a_row_with_few_seeds_can_be_significant_after_one_with_more(last):
    """Two of the sixty-four sign patterns of six seeds are 3.1 %: enough for Holm's last step."""
    six = rows("b", [0.6] * 5 + [last])
    found = table(rows("relu", [0.5 + 0.001 * s for s in range(8)]), rows("a", [0.7] * 8), six)
    assert found.verdict["a"] == "better"
    assert found.verdict["b"] == ("better" if last > 0.5 else "not distinguishable")
    told = answers(found, "relu", 100)["How sure?"]
    assert "could not have been" not in told


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (-0.001, "\N{MINUS SIGN}0.10"),
        (0.0, "0.00"),
        (4.99e-5, "+0.005"),
        (-4.99e-5, "\N{MINUS SIGN}0.005"),
        (-9.6e-6, "\N{MINUS SIGN}0.001"),
        (1e-8, "+0.000001"),
        (1e-10, "0.00"),  # rounding of a mean
        (np.nan, ""),
    ],
)
def test_a_difference_that_is_not_0_is_on_one_side_of_it(stored, text):
    assert formatting.difference(ACCURACY, stored) == text
    assert formatting.interval(ACCURACY, stored, 1.0) == (text and f"[{text}, +100.00]")


@pytest.mark.parametrize(
    ("stored", "text"), [(0.005, "0.5 points"), (0.01, "1 point"), (0.0123, "1.23 points")]
)
def test_a_margin_is_printed_as_it_was_typed(stored, text):
    assert formatting.margin(ACCURACY, stored) == text
    assert formatting.margin(Measure(name="e", key="e", better="lower"), 0.005) == "0.005"


@pytest.mark.parametrize(
    ("value", "form", "scale", "text"),
    [
        (0.1234, ACCURACY.form, 100, "12.34"),
        (-0.001, ACCURACY.signed_form, 100, "\N{MINUS SIGN}0.10"),
        (0.001, ACCURACY.signed_form, 100, "+0.10"),
        (0.0, ACCURACY.signed_form, 100, "0.00"),
        (-0.0, ACCURACY.signed_form, 100, "0.00"),
        (-1e-9, ACCURACY.signed_form, 100, "0.00"),
        (1e-9, ACCURACY.signed_form, 100, "0.00"),
        (-4.99e-5, ACCURACY.signed_form, 100, "0.00"),
        (-5.01e-5, ACCURACY.signed_form, 100, "\N{MINUS SIGN}0.01"),
        (-0.004, "{:+.0f}", 100, "0"),
        (-0.0, "{:g}", 1, "0"),
        (-1e-5, "{:.4f}", 1, "0.0000"),
        (-1e-5, "{:g}", 1, "\N{MINUS SIGN}1e-05"),
        (np.nan, ACCURACY.signed_form, 100, ""),
        (np.inf, "{:.4f}", 1, ""),
        (12345.6, formatting.loss(12345.6), 1, "1.23e+04"),
        (1.23456, formatting.loss(1.23456), 1, "1.2346"),
    ],
)
def test_a_number(value, form, scale, text):
    assert formatting.number(value, form, scale) == text
    assert formatting.number(value, form, scale, minus="-") == text.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize(
    ("low", "high", "terminal", "sentence"),
    [
        (-0.01, 0.02, "[-1.00, +2.00]", "[\N{MINUS SIGN}1.00, +2.00]"),
        (0.0, 0.02, "[0.00, +2.00]", "[0.00, +2.00]"),
        (-1e-9, 0.02, "[0.00, +2.00]", "[0.00, +2.00]"),
        (0.01, 0.01, "all equal", "all equal"),
        (np.nan, 0.01, "", ""),
        (-np.inf, np.inf, "", ""),
    ],
)
def test_an_interval(low, high, terminal, sentence):
    assert formatting.limits(low, high, ACCURACY.signed_form, 100, "-") == terminal
    assert formatting.interval(ACCURACY, low, high) == sentence


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        *(
            (1.234, "+1.23"),
            (-12.34, "\N{MINUS SIGN}12"),
            (0, "0.00"),
            (-0.004, "0.00"),
            (np.nan, ""),
        ),
        *((np.inf, "all equal"), (-np.inf, "all equal")),
    ],
)
def test_an_effect_size(effect, text):
    assert formatting.effect(effect) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (42.34, "42.3 s"), (3600.0, "3600.0 s")]
)
def test_how_long_a_run_took(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("gap", "told"), [(-0.00045, True), (-0.0005, False)])
def test_a_difference_that_is_not_that_of_the_printed_means_is_said_to_be_of_others(gap, told):
    """91.757 and 91.712 are printed as 91.76 and 91.71, which differ by 0.05; 0.045 is 0.04."""
    base = [0.91757 + 0.001 * s for s in (-2, -1, 0, 0, 1, 2)]
    parts = [rows("relu", base), rows("elu", [v + gap for v in base])]
    compared, says = table(*parts), ", of unrounded values"
    assert (says in answers(compared, "relu", 360)["By how much?"]) == told
    note = facts(compared, "relu")[0].note
    assert (f"The difference{says}, is" in note) == told
