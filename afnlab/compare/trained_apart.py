"""Where a row and the baseline differ in how they were trained, and not in the activation alone.

A comparison is split by such settings, see `afnlab.runs.within`, unless the baseline was not
trained under them, or is named with one. What is said of the best row must then not read as if it
were about activations.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from afnlab.compare.headline import compared_rows, difference
from afnlab.compare.proper_names import Naming, proper_name
from afnlab.messages import enumerated

if TYPE_CHECKING:
    from afnlab.compare.selected_runs import SelectedRuns
    from afnlab.compare.training_facts import Trained

QUESTION = "Is it the activation?"
WORDS = {"lr": "learning rate", "init": "initialization"}


def settings_apart(one: Trained, other: Trained) -> list[str]:
    """The settings of the training in which two rows differ, the activation's own aside.

    One that gives the activation another name, as a gated layer makes SwiGLU of Swish, is among
    these: no label has it as a setting.

    Args:
        one: a row.
        other: another one of the same comparison.
    """
    its, others = one.configured.recipe, other.configured.recipe
    labelled = {*one.settings, *other.settings}
    return [n for n in {**its, **others} if n in labelled and its.get(n) != others.get(n)]


def is_same_activation(one: Trained, other: Trained) -> bool:
    """Whether two rows have one activation with the same values of its parameters."""
    return one.configured.function == other.configured.function


def naming(selection: SelectedRuns, labels: Iterable[object]) -> Naming:
    """What rows are called beside one another: the baseline with the settings in which one of these
    rows was trained otherwise, where its label does not say them ("ReLU at lr=0.001").

    Args:
        selection: the comparison.
        labels: the rows that something is said of.
    """
    base = selection.rows.get(selection.baseline)
    if base is None:
        return proper_name
    rows = [selection.rows[str(n)] for n in labels if str(n) in selection.rows]
    in_label = base.settings.keys() - selection.shared.keys()
    names = dict.fromkeys(name for one in rows for name in settings_apart(one, base))
    if in_label and not _several(selection):
        return proper_name  # settings of one activation are told apart by their labels
    called = _called(selection, selection.baseline, names)
    return lambda label: called if label == selection.baseline else proper_name(label)


def compared_naming(selection: SelectedRuns) -> Naming:
    """What rows are called in a text that is about all that are compared, see `naming`."""
    if selection.baseline not in selection.rows:
        return proper_name
    return naming(selection, compared_rows(selection.table).index)


def of_baseline(selection: SelectedRuns) -> int:
    """How many of the compared rows are the baseline's activation, trained otherwise, where others
    are compared beside them."""
    base = selection.rows.get(selection.baseline)
    if base is None or not _several(selection):
        return 0
    labels = [n for n in compared_rows(selection.table).index if n in selection.rows]
    its = (selection.rows[n] for n in labels if is_same_activation(selection.rows[n], base))
    return sum(bool(settings_apart(one, base)) for one in its)


def caution(selection: SelectedRuns) -> str:
    """A sentence where the row that is spoken of was trained otherwise than the baseline, among
    rows of several activations; else empty.

    Args:
        selection: the comparison; its best compared row is spoken of.
    """
    lead = _lead(selection)
    if not lead or not _apart(selection, lead):
        return ""
    one, base = selection.rows[lead], selection.rows[selection.baseline]
    call = naming(selection, [lead])
    name, against = call(lead), call(selection.baseline)
    what = in_words(settings_apart(one, base))
    if is_same_activation(one, base):
        return f"{name} differs from {against} in {what} alone: nothing is said of activations."
    twin = _twin(selection, lead)
    change = selection.table.difference.get(twin, np.nan)
    if not np.isfinite(change):
        return f"{name} differs from {against} in {what} too: this may be a difference of {what}."
    shift = difference(selection.measure, change)
    so = f"so this difference is one of {what} too"
    if not change * selection.table.difference[lead] > 0:
        so = "which this difference contains"
    return f"{proper_name(twin)} itself is {shift} from {against}, {so}."


def answer(selection: SelectedRuns) -> str:
    """The caution, and by which baseline every row would be compared under its own settings."""
    said = caution(selection)
    if not said or not _twin(selection, _lead(selection)):
        return said
    base = selection.rows[selection.baseline]
    name = base.labelled(base.configured.recipe)
    return f"{said} {shlex.join(['--baseline', name])} compares every row under its own settings."


def in_words(names: Iterable[str]) -> str:
    """Settings as a sentence has them: "the learning rate and the batch size"."""
    return enumerated([f"the {called(n)}" for n in names])


def called(name: str) -> str:
    """A setting as a sentence has it: "learning rate"."""
    return WORDS.get(name, name.replace("_", " "))


def _called(selection: SelectedRuns, label: str, names: Iterable[str]) -> str:
    """A row with these of its settings, as far as its label does not say them."""
    one = selection.rows[label]
    unsaid = [n for n in names if n not in one.settings or n in selection.shared]
    return f"{proper_name(label)} at {_values(one, unsaid)}" if unsaid else proper_name(label)


def _values(one: Trained, names: Iterable[str]) -> str:
    """Settings of a row as its label would have them: "lr=0.001"."""
    return ", ".join(f"{n}={one.configured.recipe.get(n)}" for n in names)


def _several(selection: SelectedRuns) -> bool:
    """Whether there are rows of several activations."""
    first, *others = selection.rows.values()
    return any(not is_same_activation(one, first) for one in others)


def varied(selection: SelectedRuns) -> list[str]:
    """The settings of the training that are not the same in all rows.

    Args:
        selection: the comparison.
    """
    first, *others = selection.rows.values()
    return list(dict.fromkeys(name for one in others for name in settings_apart(one, first)))


def _lead(selection: SelectedRuns) -> str:
    """The compared row that is spoken of first; empty: there is none."""
    return next((str(n) for n in compared_rows(selection.table).index if n in selection.rows), "")


def _apart(selection: SelectedRuns, label: str) -> bool:
    """Whether a row was trained otherwise than the baseline, among rows of several activations."""
    base = selection.rows.get(selection.baseline)
    if base is None or not _several(selection):
        return False
    return bool(settings_apart(selection.rows[label], base))


def _twin(selection: SelectedRuns, label: str) -> str:
    """The row of the baseline's activation that was trained as this one was; empty: none was."""
    base = selection.rows[selection.baseline]
    one = selection.rows[label]
    its = (n for n, other in selection.rows.items() if is_same_activation(other, base))
    return next((n for n in its if not settings_apart(selection.rows[n], one)), "")
