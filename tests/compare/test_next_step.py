"""What to do next: how many seeds would decide what is open."""

from __future__ import annotations

import pytest

from afnlab import stats
from afnlab.compare.next_step import confirmation, next_step
from afnlab.training.space import space
from afnlab.training.tune import FAIR
from tests.compare.test_headline import DOWN, EVEN, MAYBE, UP, made, told, within
from tests.compare.test_summary_table import BASE, rows, table


def test_how_many_seeds_would_decide_what_is_open():
    """The best row, which is behind the baseline: fresh seeds, so it is one comparison."""
    found = made(selu=[g - 0.01 for g in EVEN], tanh=DOWN)
    assert found.verdict["selu"] == "not distinguishable"
    step = next_step(found, "relu")
    r = found.loc["selu"]
    assert step is not None
    assert step.confirm == "selu"
    least = stats.detectable_difference(r.spread, step.seeds, 1)
    assert least <= -r.difference < stats.detectable_difference(r.spread, step.seeds - 1, 1)
    assert step.fact.value == "Test SELU again"


@pytest.mark.parametrize("others", [1, 5, 29])
def test_what_was_picked_is_confirmed_in_one_comparison(others):
    """However many rows it was picked among, the number of fresh seeds is that of one test."""
    behind = {f"row {at}": [g - 0.02 for g in EVEN] * 2 for at in range(others)}
    found = made(selu=[0.004 + g for g in EVEN] * 2, **behind)
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
POSSIBLE = (
    "A test against ReLU takes 7 seeds or more with 2 comparisons, and with 7 all of them have to"
    " agree; 10 leave room for some that do not."
)
ADDED = (
    "More seeds of afnlab sweep beside these, added because of their result, would make p somewhat"
    " too small."
)
NEXT = {  # what makes a table, and what is said
    "nothing is open": (
        lambda: made(selu=UP),
        "What next: Another task. On this one nothing is left open against ReLU.",
    ),
    "one comparison": (  # nothing was picked
        lambda: made(selu=MAYBE),
        "What next: Test SELU again. Train it and ReLU alone on fresh seeds: one comparison,"
        " without correction. 13 show a true difference of +1.09 points with 80 % power, 42 half of"
        f" it. {ADDED}",
    ),
    "the best is decided": (
        lambda: made(selu=UP, tanh=[g - 0.01 for g in EVEN], gelu=TINY),
        "What next: Test Tanh again. SELU is better already; this row is open. Train it and ReLU"
        " alone on fresh seeds: one comparison, without correction. 16 show a true difference of"
        " -0.91 points with 80 % power, 59 half of it; the clearest of 2 is probably"
        " overestimated.",
    ),
    "the best is behind": (  # chance has made it look small, if anything
        lambda: made(selu=[g - 0.01 for g in EVEN], tanh=DOWN),
        "What next: Test SELU again. Train it and ReLU alone on fresh seeds: one comparison,"
        " without correction. 16 show a true difference of -0.91 points with 80 % power, 59 half of"
        f" it. {ADDED}",
    ),
    "too few": (
        lambda: made(selu=UP[:3], tanh=DOWN[:3]),
        f"What next: 10 seeds in all. {POSSIBLE}",
    ),
    "one seed": (
        lambda: made(selu=UP[:1], tanh=DOWN[:1]),
        f"What next: 10 seeds in all. {POSSIBLE}",
    ),
    "too few of one": (
        lambda: made(selu=UP, tanh=[0.9, 0.92]),
        f"What next: 10 seeds in all. {POSSIBLE}",
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
    assert (step.confirm == "") == ("alone on fresh" not in said)
    assert step.seeds is None or step.confirm or step.seeds > found.pairs.max()


CONFIRMED = {  # what there is of confirmations, what is said, and the seeds that are proposed
    "it was confirmed": (
        {"comparisons": 1, "seeds": 60, "said": "SELU is better than ReLU (p = 0.01)."},
        "What next: See SELU's test. It and ReLU were trained alone on 60 fresh seeds. SELU is"
        " better than ReLU (p = 0.01).",
        None,
    ),
    "it lacks a run": (
        {"comparisons": 1, "seeds": 60, "said": ""},
        "What next: Finish SELU's test. It and ReLU are to be trained alone on 60 fresh seeds, and"
        " one of the two runs is missing.",
        60,
    ),
    "another was": (
        {"comparisons": 2, "seeds": 0, "said": ""},
        "What next: Test SELU again. Train it and ReLU alone on fresh seeds: comparison number 2,"
        " and p is corrected for all of them. 15 show a true difference of +1.09 points with 80 %"
        f" power, 51 half of it. {ADDED}",
        15,
    ),
}


@pytest.mark.parametrize("case", CONFIRMED)
def test_what_was_confirmed_counts_in_what_is_next(case):
    """The number that is proposed is the one that `confirm` takes."""
    known, said, seeds = CONFIRMED[case]
    selu = made(selu=MAYBE)
    step = next_step(selu, "relu", confirmed={"selu": known})
    assert told(step.fact) == said
    assert (step.confirm, step.seeds, step.confirmed) == ("selu", seeds, seeds is None)
    r = selu.loc["selu"]
    if not known["seeds"]:
        assert seeds == stats.seeds_to_detect(r.difference, r.spread, known["comparisons"])


def test_a_confirmation_says_between_how_many_seeds_its_rows_have():
    both = made(selu=UP, tanh=[0.4] * 6)
    assert confirmation(both, 3, {}).fact.value == "6 to 8 fresh seeds"
    assert confirmation(made(selu=UP), 3, {}).fact.value == "8 fresh seeds"


def test_another_task_comes_after_the_other_settings():
    """Also before a tuning, where the table of another setting leaves something open."""
    cases = (
        (
            {"count": 3, "undecided": ["lr=0.1", "init=gain"], "best": "lr=0.02"},
            "What next: Another setting. At this setting nothing is left open against ReLU; at"
            " lr=0.1 and init=gain something is, as their tables say. The best mean of all settings"
            " is at lr=0.02.",
        ),
        (
            {"count": 1, "undecided": ["lr=0.1"], "best": ""},
            "What next: Another setting. At this setting nothing is left open against ReLU; at"
            " lr=0.1 something is, as its table says.",
        ),
        (
            {"count": 1, "undecided": [], "best": "lr=0.1"},
            "What next: Another task. At none of the 2 settings is anything left open against ReLU."
            " The best mean of all settings is at lr=0.1.",
        ),
    )
    for others, said in cases:
        assert told(next_step(made(selu=UP), "relu", others=others).fact) == said
        step = next_step(made(selu=UP), "relu", tunable=True, others=others)
        assert (step.budget is None) == bool(others["undecided"])
        assert next_step(made(selu=MAYBE), "relu", others=others).confirm == "selu"


def test_where_nothing_was_tuned_tuning_comes_before_another_task():
    step = next_step(made(selu=UP, tanh=DOWN), "relu", tunable=True)
    assert told(step.fact) == (
        "What next: Tune every row. Nothing is left open against ReLU at this recipe, but a recipe"
        " suits some rows better than others. Tuned within the same budget, the rows may differ"
        " less, or otherwise."
    )
    assert (step.budget, step.tune, step.seeds) == (FAIR["budget"], {}, None)
    assert next_step(made(selu=MAYBE), "relu", tunable=True).confirm == "selu"  # first what is open
    assert next_step(made(selu=UP), "relu", tunable=True, most=40).fact.value == "Another task"
    added = table(BASE, rows("selu", [0.9 + 0.01 * s for s in range(6)]), until_decided=["selu"])
    added.loc["selu", "verdict"] = "better"
    assert next_step(added, "relu", tunable=True).fact.value == "Another task"


def test_with_as_many_seeds_as_are_proposed_a_test_need_not_find_all_of_them_to_agree():
    step = next_step(made(selu=UP[:3], tanh=DOWN[:3]), "relu")
    gaps = [0.05, 0.051, 0.052, 0.053, 0.054, 0.055, 0.056, 0.057, 0.058, -0.0001]
    assert step.seeds == len(gaps)
    assert made(selu=gaps, tanh=[-g for g in gaps]).verdict["selu"] == "better"


AMONG = space({"lr": {"from": 3e-4, "to": 0.1, "log": True}, "scale": [0.0, 1.0], "budget": 6})
LOW, HIGH = ("lr", "low", ["selu", "relu"]), ("scale", "high", ["tanh"])
SETTLED, OPEN = {"selu": UP, "tanh": DOWN}, {"selu": MAYBE, "tanh": DOWN}
WIDER = {  # the rows, the ends that were chosen, and what is to be tuned
    "nothing is open": (SETTLED, [LOW], "Tune lr below 0.0003", {"from": 3e-5}, [0.0, 1.0]),
    "two ends": (SETTLED, [LOW, HIGH], "lr below 0.0003 and scale above 1", {"from": 3e-5}, ...),
    "an end of a row that is settled": (OPEN, [HIGH], "Test SELU again", None, None),
    "the baseline's": (OPEN, [LOW], "Tune lr below 0.0003", {"from": 3e-5}, [0.0, 1.0]),
    "at 0, which has nothing below": (SETTLED, [("scale", "low", ["selu"])], "Another", None, None),
    "too few seeds": ({n: g[:3] for n, g in OPEN.items()}, [LOW], "10 seeds in all", None, None),
}


@pytest.mark.parametrize("case", WIDER)
def test_where_tunings_chose_an_end_the_range_is_widened_first(case):
    values, edges, said, lr, scale = WIDER[case]
    step = next_step(made(**values), "relu", among=AMONG, edges=edges)
    assert said in step.fact.value
    if lr is None:
        assert step.tune == {}
        return
    scale = [0.0, 1.0, 2.0] if scale is ... else scale
    assert step.tune == AMONG.normal() | {"lr": AMONG.normal()["lr"] | lr, "scale": scale}
    assert "nothing is left open" not in step.fact.note
    assert "In more seeds than chance explains SELU" in step.fact.note
    which = "that end" if len(edges) == 1 else "one of these ends"
    assert f"chose from {which} of what was tried" in step.fact.note
    again = next_step(made(**values), "relu", among=AMONG, edges=edges[::-1])
    assert again == step  # in whatever order runs are read
    assert step.seeds is None


def test_nothing_to_do_next_where_nothing_is_compared():
    assert next_step(table(BASE), "relu") is None
