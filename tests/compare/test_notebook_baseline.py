"""Rows of a notebook's sweep beside a baseline that differs from them in several parameters."""

from __future__ import annotations

from afnlab.compare.notebook_baseline import several_differ, under_settings
from afnlab.runs import filtering
from tests.over import over

VALUES = {
    f"{a}, lr={lr}, n={n}": {"activation": a, "lr": lr, "n": n}
    for a in ("relu", "gelu")
    for lr, n in ((0.1, 1), (0.1, 2), (0.2, 2))
}
FACTS = {label: filtering.facts("", label, its, its) for label, its in VALUES.items()}


@over(
    "only, meant",
    [
        ({}, "relu, lr=0.1, n=1"),
        ({"n": 2}, "relu, lr=0.1, n=2"),
        ({"lr": "0.2", "n": 2}, "relu, lr=0.2, n=2"),
        ({"lr": 0.2, "n": 1}, "relu, lr=0.2, n=2"),  # of what it has no row, the first key counts
        ({"activation": "gelu", "n": 2}, "relu, lr=0.1, n=2"),
        ({"label": "gelu, lr=0.1, n=2"}, "relu, lr=0.1, n=1"),
        ({"n": [1, 2]}, "relu, lr=0.1, n=1"),
    ],
)
def test_the_baseline_has_of_the_chosen_values_what_it_can(only, meant):
    first = next(iter(VALUES))
    assert under_settings(first, FACTS, ("activation", "lr", "n"), only) == meant
    assert under_settings(first, FACTS, ("lr", "n"), only) == first  # of no activations


def test_rows_that_differ_in_several_parameters_are_named():
    base, both = "relu, lr=0.1, n=1", "relu, lr=0.2, n=2"
    shown = {n: VALUES[n] for n in (base, "relu, lr=0.1, n=2", both)}
    (said,) = several_differ(base, shown, ("activation", "lr", "n"))
    assert said.startswith(f"Rows that differ from {base} in lr and n at once: {both!r}. A ")
    assert "not of the activation alone" not in said
    (said,) = several_differ(base, VALUES, ("activation", "lr", "n"))
    assert "in activation, lr and n at once" in said
    assert "not of the activation alone" in said
    del shown[both]
    assert several_differ(base, shown, ("activation", "lr", "n")) == []
