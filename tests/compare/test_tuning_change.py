"""What tuning has changed on the test examples, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afnlab.compare import tuning_summary
from afnlab.compare.next_step import next_step
from afnlab.compare.tuning_change import TuningChange, tuning_change
from afnlab.measures import ACCURACY, Measure
from afnlab.training.space import space
from tests.compare.test_headline import MAYBE, UP, made, told
from tests.compare.test_next_step import AMONG, LOW

LOSS = Measure(name="pinball loss", key="pinball", better="lower", decimals=4)
BY = [0.006, 0.007, 0.008, 0.009, 0.010, 0.011, 0.012, 0.013]


def history(measure, **rows) -> pd.DataFrame:
    table = [
        [label, seed, 1, value, 0.1, False]
        for label, values in rows.items()
        for seed, value in enumerate(values)
    ]
    columns = ["label", "seed", "epoch", measure.column, "test_loss", "diverged"]
    return pd.DataFrame(table, columns=columns)


def changed(by, measure=LOSS, **more) -> TuningChange | None:
    """Of rows a and b, and of more: by how much each seed changes."""
    rows = {"a": by, "b": by, **more}
    fixed = {label: np.linspace(0.13, 0.14, len(by)) for label in rows}
    tuned = {label: fixed[label] + np.array(rows[label]) for label in rows}
    return tuning_change(history(measure, **fixed), history(measure, **tuned), measure)


def test_where_every_row_is_worse_in_every_seed_it_is_said_with_the_numbers():
    change = changed(BY)
    assert change.hurts
    assert change.p == 2 / 2**8
    assert change.sentence == (
        "Tuning makes every row worse on the test examples (the mean is 0.1350 at the fixed recipe"
        " and 0.1445 tuned, a difference of +0.0095, p = 0.008): validation examples do not"
        " predict test examples here."
    )


SAID = {
    "most rows": (changed(BY, c=[-0.001] * 8), True, "Tuning makes 2 of 3 rows worse on the"),
    "few seeds": (changed(BY[:3]), False, "p = 0.250), which chance may explain."),
    "in both directions": (changed([-0.01, 0.02] * 4), False, "which chance may explain."),
    "better": (changed([-one for one in BY]), False, ""),
    "nothing": (changed([0.0] * 8), False, ""),
    "higher is better": (changed(BY, ACCURACY), False, ""),
    "higher is better, and lower": (
        changed([-one for one in BY], ACCURACY),
        True,
        "Tuning makes every row worse on the test examples (the mean is 13.50",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_what_chance_explains_is_not_called_worse(case):
    change, hurts, said = SAID[case]
    assert change.hurts == hurts
    assert said in change.sentence
    assert bool(change.sentence) == bool(said)


def test_seeds_that_lack_a_row_do_not_count_and_that_is_said():
    change = changed(BY, c=[*BY[:-1], np.nan])
    assert (change.seeds, change.of) == (7, 8)
    assert "(the mean over the 7 of 8 seeds that all have is 0.13" in change.sentence


def test_nothing_is_said_where_no_seed_has_all_rows():
    one, other = history(LOSS, a=[0.1], b=[0.1]), history(LOSS, a=[0.1])
    assert tuning_change(one, other[:0], LOSS) is None
    assert tuning_change(other[:0], one, LOSS) is None
    apart = one.assign(seed=[0, 1])
    assert tuning_change(apart, apart, LOSS) is None


def test_the_answer_begins_with_it_and_says_which_way_the_baseline_moved():
    fixed = pd.DataFrame(
        {
            LOSS.key: [0.13, 0.14],
            "p": [np.nan, 0.5],
            "verdict": ["baseline", "not distinguishable"],
        },
        index=["a", "b"],
    )
    tuned = fixed.assign(**{LOSS.key: [0.1372, 0.15]})
    said = tuning_summary.recipe(fixed, tuned, "a", LOSS, changed(BY))
    assert said.startswith("Tuning makes every row worse on the test examples (")
    assert "More selection seeds choose better" in said
    assert said.endswith("Tuning changes a itself by +0.0072, for the worse.")
    up = replace(LOSS, better="higher")
    assert tuning_summary.recipe(fixed, tuned, "a", up).endswith("by +0.0072, for the better.")


@pytest.mark.parametrize("rows", [{"selu": UP}, {"selu": MAYBE}])
def test_what_next_is_to_choose_better_and_not_to_tune_further_in_that_direction(rows):
    table = made(**rows)
    step = next_step(table, "relu", among=AMONG, edges=[LOW], change=changed(BY))
    assert step.tune == AMONG.normal() | {"selection_seeds": 8}
    assert space(step.tune).selection_seeds == 8
    assert told(step.fact).startswith("What next: 8 selection seeds. Tuning makes every row worse")
    assert "below" not in step.fact.value
    harmless = next_step(table, "relu", among=AMONG, edges=[LOW], change=changed(BY[:3]))
    assert "Tune lr below" in harmless.fact.value
