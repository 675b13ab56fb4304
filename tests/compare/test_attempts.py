"""Confirmations of one row are told by what it is called, whatever its code and its file are."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from afnlab.compare.attempts import Attempts, begun, noted, of_no_row, of_pair, was_confirmed
from afnlab.compare.training_facts import Trained

NORMAL = {
    **{"task": "digits-mlp", "activation": "mine.py:f", "label": "mine.py:f", "parameters": {}},
    **{"trainable": [], "options": {}, "epochs": 1, "device": "cpu", "dtype": "float32"},
    **{"limit_train": None, "limit_test": None},
}


def run(group, seeds, file="/a/mine.py", confirmation=None, **normal):
    """The record of a run; file: of its activation, empty for one of afnlab's."""
    label = f"{Path(file).name}:f" if file else "relu"
    given = {"activation": f"{file}:f" if file else "relu"}
    made = {"group": group, "seeds": seeds, "given": given, "environment": {}}
    made |= {"started": "2026-01-02T10:00:00.000+00:00", "seconds": 60.0}
    made["parameters"] = NORMAL | {"activation": label, "label": label} | normal
    return made | ({"confirmation": confirmation} if confirmation else {})


def confirmation(group, seeds, base="base", file="/a/mine.py", said=(), **normal):
    """The records of one: of the row, and of the baseline; said: the seeds that they say it has,
    which older ones do not."""
    row = run(group, seeds, file, **normal)
    note = noted(Trained.of_record(row), base, said)
    return [{**row, "confirmation": note}, run(base, seeds, "", note, **normal)]


def failure(group, started="10:00:30", of=None):
    """The record of one, in the minute in which the baseline was trained; of: the run of the row
    that it would have been, as far as its record says that."""
    facts = {name: of[name] for name in ("seeds", "confirmation")} if of else {}
    return {"group": group, "started": f"2026-01-02T{started}.000+00:00", **facts}


def beside(records, group="new", base="base", failures=(), picking=(), **others):
    row = Trained.of_record(run(group, [], **others))
    return Attempts.beside(row, base, copy.deepcopy(records), failures, picking)


def test_versions_and_baselines_count_and_others_do_not():
    old, own = confirmation("old", [1, 2]), confirmation("new", [3])
    assert beside([*own]) == Attempts(0, frozenset())
    assert beside([*old, *own]) == Attempts(1, frozenset({1, 2}))
    assert beside([*old, *own, *confirmation("new", [4], base="other")]) == Attempts(
        2, frozenset({1, 2, 4})
    )
    assert beside(confirmation("x", [1], epochs=2)).number == 0  # another setting
    gone, other = f"/gone/{Path(__file__).name}", __file__
    assert beside(confirmation("x", [1], file=gone), file=other).number == 1  # it was moved
    assert beside(confirmation("x", [1], file=other), file=gone).number == 0  # both are there
    assert beside([run("old", [1, 2])]) == Attempts(1, frozenset({1, 2}))  # from before runs told
    assert beside([run("new", [1, 2])]) == Attempts(0, frozenset())


def test_the_baseline_tells_of_a_row_that_was_removed():
    (_, base) = confirmation("old", [1, 2])
    assert beside([base]) == Attempts(1, frozenset({1, 2}))
    assert beside([base], failures=[failure("old")]) == Attempts(0, frozenset())
    assert beside([confirmation("new", [1, 2])[1]]) == Attempts(0, frozenset())  # to be finished


def gone(records, failures=(), **setting):
    """The confirmations against relu of what is not the row in mine.py."""
    row, base = run("new", [], **setting), run("base", [], "", **setting)
    rows = [Trained.of_record(row)]
    return of_no_row(rows, Trained.of_record(base), copy.deepcopy(records), failures)


def test_what_was_confirmed_counts_when_its_row_is_not_there():
    own, other = confirmation("new", [1]), confirmation("x", [1, 2], file="/a/x.py")
    assert gone([*own, *other]) == {"x.py:f": 1}
    assert gone([*own, other[0]]) == gone([*own, other[1]]) == {"x.py:f": 1}  # either tells of it
    again = confirmation("x edited", [3], file="/a/x.py")
    assert gone([*own, *other, *again]) == {"x.py:f": 2}
    assert gone([*own, *confirmation("old", [1])]) == {}  # that row is there, and counts it
    assert gone(other, failures=[failure("x")]) == {"x.py:f": 1}  # it has been made since
    assert gone(other[1:], failures=[failure("x")]) == {}
    assert gone(other, epochs=2) == {}
    assert gone([run("base", [1], "")]) == {}  # from before runs told, and no row


def test_it_counts_against_its_baseline_whatever_the_code_of_that_was():
    against_old = confirmation("x", [1], base="base edited", file="/a/x.py")
    assert gone(against_old) == {"x.py:f": 1}
    (row, _) = confirmation("x", [1], base="other", file="/a/x.py")
    assert gone([row, run("other", [1], "/a/other.py", row["confirmation"])]) == {}
    assert gone([row]) == {"x.py:f": 1}  # its baseline was removed: nobody knows


BEGUN = {  # the runs there, the seeds that the row used otherwise, and those that it is bound to
    "both": (confirmation("new", [1, 2]), (), {1, 2}),
    "the row was removed": (confirmation("new", [1, 2])[1:], (), {1, 2}),
    "the baseline was removed": (confirmation("new", [1, 2])[:1], (), {1, 2}),
    "both were removed": ([], (), set()),
    "a baseline with seeds from before": (
        [*confirmation("x", [1, 2], file="/a/x.py"), confirmation("new", [3, 4])[1]],
        *((), {1, 2, 3, 4}),
    ),
    "a row that was edited": (
        [*confirmation("old", [1, 2]), confirmation("new", [3, 4])[1]],
        *((1, 2), {3, 4}),
    ),
    "a baseline with seeds from later": (
        [confirmation("new", [1, 2])[1], *confirmation("x", [3], file="/a/x.py")],
        *((), {1, 2}),
    ),
    "another baseline": (confirmation("new", [1, 2], base="other")[1:], (), set()),
    "a baseline of others": (confirmation("x", [1, 2])[1:], (), set()),
}


@pytest.mark.parametrize("case", BEGUN)
def test_the_seeds_of_a_confirmation_are_known_while_one_of_its_runs_is_there(case):
    records, used, expected = BEGUN[case]
    assert begun(records, "new", "base", used) == expected


def test_a_row_that_failed_is_bound_to_no_number_of_seeds():
    both = confirmation("new", [1, 2])
    assert begun(both[1:], "new", "base", (), [failure("new")]) == set()
    assert begun(both, "new", "base", (), [failure("new")]) == {1, 2}


def test_a_failure_after_the_baseline_does_not_undo_an_attempt():
    """A run of the row may have been looked at and removed before."""
    (_, base) = confirmation("new", [1, 2])
    late = [failure("new"), failure("new", "10:01:01")]
    assert begun([base], "new", "base", (), late) == {1, 2}
    (_, base) = confirmation("old", [1, 2])
    assert beside([base], failures=[failure("old", "10:01:01")]) == Attempts(1, frozenset({1, 2}))


def test_a_failure_is_of_the_attempt_with_its_seeds_alone():
    """Of a later attempt with more seeds the run of the baseline tells when its row is removed."""
    first, base = confirmation("new", [1, 2], said=[1, 2])
    failed = [failure("new", of=first)]
    _, more = confirmation("new", [3], said=[1, 2, 3])  # of which the baseline lacked one
    assert begun([base], "new", "base", (), failed) == set()
    assert begun([base, more], "new", "base", (), failed) == {1, 2, 3}
    assert beside([base, more], "edited", failures=failed) == Attempts(1, frozenset({1, 2, 3}))
    assert begun([base], "new", "base", (), [failed[0] | {"seeds": [1]}]) == {1, 2}
    _, of_fewer = confirmation("new", [1, 2], said=[1, 2])  # after a failure with more of them
    longer, _ = confirmation("new", [1, 2, 3], said=[1, 2, 3])
    assert begun([of_fewer], "new", "base", (), [failure("new", of=longer)]) == {1, 2}


def test_seeds_of_the_row_as_a_baseline_and_of_a_judge_are_used():
    as_baseline = run("new", [5], confirmation={"row": "x", "baseline": "new", "label": "x"})
    assert beside([as_baseline], picking=[run("older", [7])]) == Attempts(0, frozenset({5, 7}))


def test_the_runs_of_a_pair():
    records = [*confirmation("row", [1]), *confirmation("row", [2], base="other"), run("row", [3])]
    assert [r["seeds"] for r in of_pair(records, "row", "base")] == [[1], [3]]
    assert was_confirmed(records, "row")
    assert not was_confirmed(records, "base")
