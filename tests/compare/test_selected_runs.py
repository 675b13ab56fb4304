"""What a page says of its runs, in the digits that its own metric has."""

from __future__ import annotations

from pathlib import Path

from afnlab.compare.selected_runs import SelectedRuns
from afnlab.measures import Measure
from tests.compare.test_tuning_change import history

ERROR = Measure(name="error", key="error", better="lower")  # which states no decimals


def test_what_tuning_changed_has_the_digits_of_the_page():
    """And so of what `afnlab verify` computes again, which knows the page's metric alone."""
    before, after = ([start + 1e-6 * seed for seed in range(8)] for start in (0.00123, 0.00131))
    one = SelectedRuns(Path(), {}, [], "a")
    vars(one).update(metric=ERROR, decided_rows=[])
    vars(one).update(_at_recipe=history(ERROR, a=before, b=before))
    vars(one).update(_recorded=history(ERROR, a=after, b=[value + 1e-5 for value in after]))
    assert one.change.measure == one.measure != ERROR
    assert "is 0.00123" in one.change.sentence
