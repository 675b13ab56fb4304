"""More room at the ends of what is tuned."""

from __future__ import annotations

import pytest

from afnlab.compare import axis_ends
from afnlab.runs.notebook_parameters.parsing import assigned
from afnlab.training.space import space

WIDE = {
    "a logarithmic range": ({"from": 3e-4, "to": 0.1, "log": True}, "low", {"from": 3e-5}),
    "its other end": ({"from": 3e-4, "to": 0.1, "log": True}, "high", {"to": 1.0}),
    "a range": ({"from": 0.5, "to": 0.9, "log": False}, "high", {"to": 1.1}),
    "from 0": ({"from": 0.0, "to": 0.9, "log": False}, "low", {}),
    "near 0": ({"from": 0.1, "to": 0.9, "log": False}, "low", {"from": 0.0}),
    "below 0": ({"from": -1.0, "to": 1.0, "log": False}, "low", {"from": -2.0}),
    "values": ([0.5, 1.0, 2.0], "low", [0.25, 0.5, 1.0, 2.0]),
    "values at a third": ([0.001, 0.003], "low", [0.000333, 0.001, 0.003]),
    "values in any order": ([1.0, 0.01, 0.1], "high", [1.0, 0.01, 0.1, 10.0]),
    "whole numbers": ([16, 32], "high", [16, 32, 64]),
    "whole numbers far apart": ([16, 200], "low", [8, 16, 200]),
    "their other end": ([16, 200], "high", [16, 200, 400]),
    "whole numbers close to each other": ([16, 24], "low", [11, 16, 24]),
    "large whole numbers": ([1_000_001, 1_000_002], "high", [1_000_001, 1_000_002, 1_000_003]),
    "half of 1": ([1, 8], "low", [1, 8]),
    "whole numbers with 0": ([0, 8], "high", [0, 8, 16]),
    "one value": ([0.1], "low", [0.1]),
    "yes and no": ([False, True], "high", [False, True]),
    "values that six digits do not tell apart": ([1.0, 1.0000001], "high", [1.0, 1.0000001]),
    "the largest numbers": ([1e290, 1e299], "high", [1e290, 1e299]),
    "the largest range": ({"from": 1e290, "to": 1e300, "log": True}, "high", {}),
    "values with 0": ([0.0, 0.1], "high", [0.0, 0.1, 0.2]),
    "values from 0": ([0.0, 0.1], "low", [0.0, 0.1]),
}


@pytest.mark.parametrize("case", WIDE)
def test_a_space_is_widened_at_an_end(case):
    axis, end, wider = WIDE[case]
    among = space({"x": axis, "budget": 2})
    found = axis_ends.widened(among, [("x", end)])
    wanted = axis | wider if isinstance(axis, dict) else wider
    assert found == among.normal() | {"x": wanted}
    assert list(map(type, found["x"])) == list(map(type, wanted))
    line = axis_ends.in_a_line(found)
    assert assigned(line) == found  # as a file and the command line read it
    assert '"' not in line


@pytest.mark.parametrize("axis", [["adam", "sgd"], ["adam"], [1, 2, "all"]])
def test_what_is_no_number_has_no_ends(axis):
    among = space({"x": axis})
    ends = [("x", "low"), ("x", "high")]
    assert axis_ends.widened(among, ends) == among.normal()


@pytest.mark.parametrize(
    ("most", "axis", "end", "wider"),
    [
        (1.0, [0.5, 0.8, 0.9], "high", [0.5, 0.8, 0.9, 0.955]),
        (1.0, [0.0, 0.8, 0.9], "high", [0.0, 0.8, 0.9, 0.95]),
        (1.0, {"from": 0.5, "to": 0.95, "log": False}, "high", {"to": 0.978125}),
        (0.5, {"from": 1e-3, "to": 0.1, "log": True}, "high", {"to": 0.316}),
        (0.9, [0.5, 0.9], "high", {}),
        (32.5, [16, 32], "high", {}),
    ],
)
def test_it_is_widened_as_far_as_is_accepted(most, axis, end, wider):
    def accepted(name, longer):
        assert name == "x"
        return (longer["to"] if isinstance(longer, dict) else longer[-1]) < most

    among = space({"x": axis, "budget": 2})
    found = axis_ends.widened(among, [("x", end)], accepted)
    wanted = wider if isinstance(wider, list) else axis | wider if wider else axis
    assert found == among.normal() | {"x": wanted}


def test_a_budget_that_held_all_values_does_so_still():
    for among, budget in (
        ({"x": [1.0, 2.0], "y": [1.0, 2.0], "budget": 5}, 7),
        ({"x": [1.0, 2.0], "y": [1.0, 2.0], "budget": 4}, 4),
        ({"x": [1.0, 2.0], "y": {"from": 1.0, "to": 2.0}, "budget": 3}, 3),
    ):
        wider = axis_ends.widened(space(among), [("x", "high")])
        assert wider["budget"] == budget
        assert space(wider).normal() == wider
