"""Where a row and the baseline differ in how they were trained, and not in the activation alone.

Of a sweep whose grid varies the learning rate beside the activation, the best row may differ from
the baseline in both. What is said of it must then not read as if it were about activations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from afnlab import stats
from afnlab.compare.headline import Fact, compared_rows, difference
from afnlab.compare.next_step import NextStep
from afnlab.compare.proper_names import Naming, proper_name
from afnlab.messages import enumerated
from afnlab.runs import filtering
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.notebook_parameters.training import short
from afnlab.runs.storage import location

if TYPE_CHECKING:
    from afnlab.compare.selected_runs import SelectedRuns
    from afnlab.compare.training_facts import Trained

QUESTION = "Is it the activation?"
WORDS = {"lr": "learning rate", "init": "initialization"}
_OF_ACTIVATION = ("sites",)  # whether places in the network share what the activation has learned


def settings_apart(one: Trained, other: Trained) -> list[str]:
    """The settings of the training in which two rows differ, the activation's own aside.

    One that gives the activation another name, as a gated layer makes SwiGLU of Swish, is among
    these: no label has it as a setting.

    Args:
        one: a row.
        other: another one of the same comparison.
    """
    labelled = {*one.settings, *other.settings}.difference(_OF_ACTIVATION)
    names = dict.fromkeys([*one.options, *other.options])
    return [n for n in names if n in labelled and one.options.get(n) != other.options.get(n)]


def is_same_activation(one: Trained, other: Trained) -> bool:
    """Whether two rows have one activation with the same values of its parameters."""
    return _activation(one) == _activation(other)


def _activation(one: Trained) -> tuple[object, ...]:
    values = json.dumps(dict(one.parameters), sort_keys=True)
    return one.source, one.named, one.trainable, values, one.options.get("sites")


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


def answer(selection: SelectedRuns, within: str) -> str:
    """The caution in full, with the command that compares within one setting; empty: there is none.

    Args:
        selection: the comparison.
        within: the command, see `command_within`.
    """
    said = caution(selection)
    if said and within and selection.most is None:
        value, base, p = _there(selection)
        said += (
            f" At {value} alone, against {base}, rows are compared by: {within} ({p})."
            f" {_tuned(selection)}"
        )
    return said


def command_within(selection: SelectedRuns) -> str:
    """The command that compares the rows that were trained as the best one, against the baseline's
    activation trained so; empty where that one, or another row beside it, is not there."""
    if not (label := _within(selection)):
        return ""
    base = selection.rows[selection.baseline]
    values = filtering.of_record(selection.runs_of(label)[0])
    only = {**selection.only, **selection.apart, **{n: values[n] for n in varied(selection)}}
    against = selection.own_baseline
    if base.settings.keys() & set(settings_apart(base, selection.rows[label])):
        # Named with settings of its own, it would keep them whatever --only says.
        against = selection.rows[_twin(selection, label)].row().labels[0]
    margin = selection.margin and f"{selection.measure.scale * selection.margin:.12g}"
    flags = {
        "baseline": against,
        "metric": selection.judged_by,
        "margin": margin,
        "only": tuple(filtering.as_flags(only)),
        "runs": location.as_flag(selection.place),
    }
    sweep = [selection.sweep] if selection.sweep else []
    settings = {name: value for name, value in selection.overrides.items() if name != "seeds"}
    return command("compare", *sweep, **settings, **flags)


def step_within(selection: SelectedRuns, step: NextStep | None, within: str) -> NextStep | None:
    """To compare within one setting, in place of a step that would take a difference of settings
    for one of activations; None: the step is the right one.

    More seeds or another tuning come first where nothing is decided without them.

    Args:
        selection: the comparison.
        step: what would be done next.
        within: the command, see `command_within`; empty: there is none.
    """
    if step is None or not within or step.tune or step.most is not None:
        return None
    rows = {n for n in (_lead(selection), step.confirm) if n in selection.rows}
    if not any(_apart(selection, label) for label in rows):
        return None
    there = _beside(selection, _within(selection))
    shared = selection.final[there].dropna()
    needed = stats.seeds_needed(len(there) - 1)
    if step.seeds is not None and not step.confirm and len(shared) < needed:
        return None
    value, base, p = _there(selection)
    note = f"There rows differ in the activation alone: the baseline is {base}, and {p}."
    fact = Fact("what next", f"Compare at {value}", f"{note} {_tuned(selection)}")
    return NextStep(fact, command=within)


def _there(selection: SelectedRuns) -> tuple[str, str, str]:
    """Of the comparison within one setting: the setting, the baseline, and what p is."""
    label, names = _within(selection), varied(selection)
    count = len(_beside(selection, label)) - 1
    p = "p is that of this comparison alone"
    if count > 1:
        p = f"p is corrected for these {count} comparisons alone"
    value = _values(selection.rows[label], names)
    return value, _called(selection, _twin(selection, label), names), p


def in_words(names: Iterable[str]) -> str:
    """Settings as a sentence has them: "the learning rate and the batch size"."""
    return enumerated([f"the {called(n)}" for n in names])


def called(name: str) -> str:
    """A setting as a sentence has it: "learning rate"."""
    return WORDS.get(name, name.replace("_", " "))


def _tuned(selection: SelectedRuns) -> str:
    return (
        "afnlab tune, or the key tune of a sweep file, gives every activation its own best setting;"
        f" the grid is then without {in_words(varied(selection))}."
    )


def _called(selection: SelectedRuns, label: str, names: Iterable[str]) -> str:
    """A row with these of its settings, as far as its label does not say them."""
    one = selection.rows[label]
    unsaid = [n for n in names if n not in one.settings or n in selection.shared]
    return f"{proper_name(label)} at {_values(one, unsaid)}" if unsaid else proper_name(label)


def _values(one: Trained, names: Iterable[str]) -> str:
    """Settings of a row as its label would have them: "lr=0.001"."""
    return ", ".join(f"{n}={one.settings.get(n) or short(one.options.get(n))}" for n in names)


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


def _beside(selection: SelectedRuns, label: str) -> list[str]:
    """The rows that were trained as this one was, itself among them."""
    one = selection.rows[label]
    return [n for n, other in selection.rows.items() if not settings_apart(other, one)]


def _twin(selection: SelectedRuns, label: str) -> str:
    """The row of the baseline's activation that was trained as this one was; empty: none was."""
    base = selection.rows[selection.baseline]
    its = (n for n in _beside(selection, label) if is_same_activation(selection.rows[n], base))
    return next(its, "")


def _within(selection: SelectedRuns) -> str:
    """The best row, or else the best one that is compared, as which the baseline's activation was
    trained too, and another; empty: there is none, or all rows were trained alike."""
    if selection.baseline not in selection.rows or not _several(selection):
        return ""
    labels = [n for n in (selection.table.index[0], _lead(selection)) if n in selection.rows]
    its = (n for n in labels if _twin(selection, n) and len(_beside(selection, n)) > 1)
    return next(its, "") if varied(selection) else ""
