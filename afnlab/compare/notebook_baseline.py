"""The baseline of what a notebook has measured, beside rows that differ from it in more than one
parameter."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from afnlab.listing import listed
from afnlab.messages import enumerated
from afnlab.runs import filtering
from afnlab.runs.conventions import ACTIVATION

OfRows = Mapping[str, Mapping[str, object]]  # of parameters, by the label of the row


def under_settings(
    against: str, facts: OfRows, varied: Collection[str], only: filtering.Only
) -> str:
    """The row of the baseline's activation that has of the chosen values what it can, so that a
    comparison at one learning rate is with that rate, as it is for trainings.

    Args:
        against: the label of the baseline where nothing is chosen.
        facts: what the rows can be chosen by, see `filtering.facts`.
        varied: the parameters in which rows differ.
        only: the values that are chosen.
    """
    if ACTIVATION not in varied:
        return against
    its = facts[against][ACTIVATION]
    labels = [against, *(n for n in facts if n != against and facts[n][ACTIVATION] == its)]
    for key in (n for n in only if n in varied and n != ACTIVATION):
        labels = [n for n in labels if filtering.has(facts[n], key, only[key])] or labels
    return labels[0]


def several_differ(against: str, values: OfRows, varied: Collection[str]) -> list[str]:
    """A sentence where rows differ from the baseline in several parameters at once.

    Args:
        against: the label of the baseline.
        values: of the parameters of the rows that are compared, the baseline's among them.
        varied: the parameters in which rows differ.
    """
    differing = {
        label: [name for name in varied if its[name] != values[against][name]]
        for label, its in values.items()
    }
    several = {label: names for label, names in differing.items() if len(names) > 1}
    if not several:
        return []
    together = [n for n in varied if any(n in names for names in several.values())]
    alone = "" if ACTIVATION not in together else ", and not of the activation alone"
    return [
        f"Rows that differ from {against} in {enumerated(together)} at once: {listed(several)}."
        f" A difference to it is one of all of these{alone}; --only and --baseline choose rows that"
        " differ in one."
    ]
