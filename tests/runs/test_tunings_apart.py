"""In what tunings differ that are called alike."""

from __future__ import annotations

from afnlab.runs.tunings_apart import tunings_apart
from afnlab.training.space import space


def test_what_they_share_is_not_said():
    first = space({"lr": [0.01, 0.1], "x": {"from": 0.0, "to": 1.0}, "budget": 4})
    other = space({"lr": [0.01, 0.2], "x": {"from": 0.0, "to": 1.0}, "budget": 4})
    often = space({"lr": [0.01, 0.1], "x": {"from": 0, "to": 2}, "budget": 4, "selection_seeds": 3})
    assert tunings_apart([first]) == [""]
    assert tunings_apart([first, first]) == ["", ""]
    assert tunings_apart([first, other]) == ["lr among 0.01, 0.1", "lr among 0.01, 0.2"]
    assert tunings_apart([first, often]) == [
        "x from 0 to 1, 2 trainings each on validation examples",
        "x from 0 to 2, 3 trainings each on validation examples",
    ]
    whole = space({"lr": [0.01, 0.1, 1.0]})
    drawn = space({"lr": [0.01, 0.1, 1.0], "budget": 3})
    assert tunings_apart([whole, drawn]) == [
        "all 3 candidates",
        "3 candidates, the fixed recipe the first",
    ]
