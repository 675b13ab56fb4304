"""What tells of a confirmation, or that one showed nothing, is known and kept."""

from __future__ import annotations

from afnlab.runs.storage.confirmation_notes import only_to_tell, pair, shows_nothing_by, tells
from tests.compare.test_attempts import confirmation, failure


def attempt(seeds, of_base, **given):
    """The records of one in which the baseline lacked some of the seeds."""
    row, base = confirmation("new", seeds, said=seeds, **given)
    ids = {"id": f"row {len(seeds)}"}, {"id": f"base {len(seeds)}", "seeds": of_base}
    return [row | ids[0], base | ids[1]]


def test_the_row_tells_always_and_the_baseline_unless_the_row_failed():
    row, base = attempt([1, 2], [1, 2])
    failed = failure("new", of=row)
    assert pair(row) == pair(base) == ("new", "base")
    assert tells(row, [failed])
    assert tells(base, [])
    assert not tells(base, [failed])
    assert tells(base, [failure("new", "10:01:01", of=row)])  # it may have been removed before
    assert tells(base, [failure("other", of=row)])
    assert tells(base, [failed | {"confirmation": {**row["confirmation"], "baseline": "other"}}])


def test_the_last_run_that_tells_stays_whatever_failed_before():
    """A run of the baseline that was trained when the row failed tells of no later attempt."""
    (failing, first), (row, more) = attempt([1, 2], [1, 2]), attempt([1, 2, 3], [3])
    failed = [failure("new", of=failing)]

    def kept(there, *going):
        return [r["id"] for r in only_to_tell(there, failed, [r["id"] for r in going])]

    assert kept([first, row, more], row) == []
    assert kept([first, row, more], row, more) == ["row 3"]
    assert kept([first, row], row) == ["row 3"]
    assert kept([first, row], first) == []


def test_the_failure_by_which_an_attempt_shows_nothing_is_known():
    (row, base), (more, _) = attempt([1, 2], [1, 2]), attempt([1, 2, 3], [3])
    assert shows_nothing_by(failure("new", of=row), [base]) == base
    assert shows_nothing_by(failure("new", of=row), []) is None
    assert shows_nothing_by(failure("new", of=row), [row]) is None
    assert shows_nothing_by(failure("new", of=more), [base]) is None
    assert shows_nothing_by(failure("new"), [base]) == base  # an older one
