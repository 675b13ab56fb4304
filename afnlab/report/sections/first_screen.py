"""The first screen of a page: one sentence, four facts, what to do next, and the main figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from afnlab.compare import headline as glance
from afnlab.compare.headline import Fact
from afnlab.compare.selection import Selection
from afnlab.figures.fragment import Fragment
from afnlab.markup import escaped, filled, joined
from afnlab.messages import counted
from afnlab.report.sections.figures import comparison
from afnlab.report.sections.html import heading, sentence
from afnlab.report.sections.text import headline
from afnlab.runs.notebook_parameters.parsing import command

TALL = 16  # rows, from which on the figure is high enough to stand beside the tiles
PROSE = "In full sentences: how much, how sure, at what cost, and what has to be known"


def first_screen(
    selection: Selection, sweep: str | Path = "", overrides: Mapping[str, object] = {}
) -> Fragment:
    """What one sees first, and behind a fold the answers in full.

    sweep, overrides: what the runs were made by, for the command that makes more of them.
    """
    table, base, measure = selection.table, selection.baseline, selection.measure
    told = glance.facts(table, base, selection.margin, measure)
    cost = glance.cost_fact(table, base, selection.cost)
    known = [*told, *([cost] if cost else []), _task(selection)]
    tiles = joined(map(_tile, known))
    return Fragment(
        heading("", selection),
        filled('<section class="first{}">', "" if len(table) >= TALL else " low"),
        filled('<p class="verdict-line">{}</p>', glance.sentence(table, base, measure)),
        filled('<div class="tiles">{}{}</div>', tiles, _next(selection, sweep, overrides)),
        comparison(selection),
        filled('</section><details class="prose" open><summary>{}</summary>', PROSE),
        headline(selection, titled=False),
        Markup("</details>"),
    )


def every_setting(selections: Sequence[Selection]) -> Fragment:
    """Where a report is about several tasks or settings: what each one says, in a sentence."""
    if len(selections) < 2:
        return Fragment()
    said = joined(
        filled(
            "<dt>{}</dt><dd>{}</dd>",
            one.setting,
            sentence(glance.sentence(one.table, one.baseline, one.measure)),
        )
        for one in selections
    )
    return Fragment(filled('<dl class="answers">{}</dl>', said))


def _tile(fact: Fact) -> Markup:
    return filled(
        '<div class="tile"><p class="about">{}</p><p class="value">{}</p>'
        '<p class="note">{}</p></div>',
        *(fact.about[:1].upper() + fact.about[1:], sentence(fact.value), sentence(fact.note)),
    )


def _task(selection: Selection) -> Fact:
    task, one = selection.task, selection.first
    parts = [
        task.summary,
        counted(one.epochs, "epoch"),
        f"{selection.examples} {selection.evaluated} examples",
        "each tuned for every seed" if selection.tuning else "at one recipe",
    ]
    return Fact("task", task.name, "; ".join(filter(None, parts)))


def _next(selection: Selection, sweep: str | Path, overrides: Mapping[str, object]) -> Markup:
    """What to do next, with the command where more seeds would help."""
    said, seeds = glance.next_step(selection.table, selection.baseline, selection.measure)
    if not said:
        return Markup("")
    typed = escaped("")
    if seeds is not None and sweep:
        given = {k: v for k, v in overrides.items() if k != "seeds" and v is not None}
        line = command("sweep", sweep, **given, seeds=seeds)
        typed = filled("<code>{}</code>", line)
    return filled(
        '<div class="tile next"><p class="about">What next</p><p>{}</p>{}</div>',
        sentence(said),
        typed,
    )
