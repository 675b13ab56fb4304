"""What the selections of one comparison are called, so that none is taken for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from afnlab.compare.file_names import file_names
from afnlab.compare.selection import Selection
from afnlab.runs.tunings_apart import words_apart


def named_apart(selections: Sequence[Selection]) -> list[Selection]:
    """The selections of a comparison, with names that files of all of them can have in one folder.

    A name is the setting, as a file may be called, of which two can read alike.

    Args:
        selections: of different settings.
    """
    texts = {repr(one.first.setting): _in_short(one) for one in selections}
    names = file_names(texts).values()
    return [replace(one, name=name) for one, name in zip(selections, names, strict=True)]


def _in_short(one: Selection) -> str:
    """A setting in which the metric is called by its key: "mae"."""
    return ", ".join(one.metric.key if of == one.metric.name else of for of in one.facts)


def with_briefs(made: Sequence[Selection]) -> list[Selection]:
    """The selections with what tells them from each other, and in what tunings differ that would
    read alike.

    Args:
        made: the selections of a comparison.
    """
    words = words_apart([one.setting for one in made], [one.tuning for one in made])
    apart = [replace(one, tuning_apart=text) for one, text in zip(made, words, strict=True)]
    return [replace(one, brief=_brief(one, apart)) for one in apart]


def _brief(one: Selection, made: Sequence[Selection]) -> str:
    """What tells a selection from the others, where its task does not: also what not all share."""
    alike = [other for other in made if other.task.name == one.task.name]
    task, *rest = one.facts
    differing = [fact for fact in rest if any(fact not in other.facts for other in alike)]
    return ", ".join([task, *differing])
