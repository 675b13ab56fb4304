"""What is said first of a selection: its sentence, its facts, and what to do next.

A page shows it, and `afnlab verify` looks for it there: it is chosen here, for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from afnlab.compare import headline, trained_apart
from afnlab.compare.accepted import accept, may_be_tuned
from afnlab.compare.headline import Fact
from afnlab.compare.next_step import NextStep, confirmation, next_step
from afnlab.compare.selection import Selection


def sentence(selection: Selection) -> str:
    """Return the sentence that a selection is told in, see `headline.sentence`."""
    call = trained_apart.compared_naming(selection)
    table, itself = selection.table, trained_apart.of_baseline(selection)
    return headline.sentence(table, selection.baseline, selection.measure, call, itself)


def facts(selection: Selection) -> list[Fact]:
    """Return the facts that follow from the table of a selection, see `headline.facts`; that which
    asks for a difference says where it is not one of activations alone."""
    call = trained_apart.naming(selection, headline.compared_rows(selection.table).index[:1])
    best, difference = headline.facts(
        selection.table,
        selection.baseline,
        selection.margin,
        selection.measure,
        selection.examples,
        selection.evaluated,
        call,
    )
    if beside := trained_apart.caution(selection):
        difference = replace(difference, note=f"{difference.note} {beside}")
    return [best, difference]


def what_next(selection: Selection) -> NextStep | None:
    """Return what to do next, see `next_step`; None where nothing is compared."""
    if selection.is_confirmation:
        return confirmation(selection.table, selection.picked_among, selection.further)
    return next_step(
        selection.table,
        selection.baseline,
        selection.measure,
        among=selection.tuning,
        edges=selection.edges,
        accepted=partial(accept, selection.rows.values()),
        most=selection.most,
        change=selection.change,
        tunable=may_be_tuned(selection.records),
        naming=trained_apart.compared_naming(selection),
        confirmed=selection.confirmed,
        others=selection.others,
    )


def statements(selection: Selection) -> Iterator[str]:
    """Yield each text of the above, of a fact without the first letter, which a page may set large.

    Args:
        selection: what a page is about.
    """
    yield sentence(selection)
    step = what_next(selection)
    for fact in (*facts(selection), *([step.fact] if step else [])):
        yield from (fact.about[1:], fact.value, fact.note)
