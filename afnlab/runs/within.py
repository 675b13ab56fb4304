"""By which settings of the training a comparison is split.

Rows may differ in how they were trained beside their activation. Then a difference to one row of
the baseline would be one of that too, so each function is compared with the baseline's activation
under its own settings, as far as that was trained under them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from afnlab.runs.file_labels import Row, baseline_of, settings_named
from afnlab.runs.notebook_parameters.training import short
from afnlab.runs.storage.record_schema import FURTHER

Within = tuple[tuple[str, str], ...]  # settings with their values, as labels have these
_OF_ACTIVATION = ("sites",)  # whether places in the network share what the activation has learned


class Configured(NamedTuple):
    """What a row is, and how it was trained.

    activation: its label, by the whole path of its file if it lies in one; named: what the field
    calls it under these settings, if not so; settings: what is not as by default, as its label says
    it; parameters: the values of the activation's parameters, as labels say them; recipe: all
    settings of the training; labelled: the label, but for some settings.
    """

    activation: str
    named: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    recipe: dict[str, str]
    labelled: Callable[[Collection[str]], str]

    @property
    def function(self) -> tuple[str, str, frozenset[tuple[str, str]]]:
        """What tells its function from others: the activation with what is its own."""
        parameters = ((n, text) for n, text in self.settings.items() if n not in self.recipe)
        return self.activation, self.named, frozenset(parameters)

    def under(self, names: Iterable[str]) -> Within:
        """These of its settings with their values."""
        return tuple((name, self.recipe.get(name, "")) for name in names)

    def row(self, *without: Collection[str]) -> Row:
        """What it may be called as the baseline of others.

        Args:
            *without: settings that its label may be without, if others share them.
        """
        labels = tuple(dict.fromkeys(self.labelled(names) for names in ((), *without)))
        values = self.recipe if self.named else {**self.recipe, **self.parameters}
        usual = {name: text for name, text in values.items() if name not in self.settings}
        return Row(self.activation, labels, len(self.settings), bool(self.named), usual)


def recipe(options: Mapping[str, object], settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of a training, the activation's own aside, as labels have them.

    Args:
        options: all of them, by name.
        settings: those that its label says.
    """
    names = (name for name in options if name not in _OF_ACTIVATION)
    return {name: settings.get(name) or short(options[name]) for name in names}


def options_of(normal: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """The settings of a training by name, of its parameters in their normal form."""
    return {**normal["options"], **normal.get(FURTHER, {})}


def splitting(
    rows: Iterable[Configured], baseline: str, among: Collection[Configured] | None = None
) -> list[str]:
    """The settings of the training that split a comparison; none where all are compared with one.

    A setting splits it if another function would else be compared with the baseline under another
    value of it, although the baseline's function was trained under the same. A baseline that is
    named with such a setting is one for all rows.

    Args:
        rows: those of one task and one `TrainingSetting`.
        baseline: a label or an activation, see `afnlab.runs.file_labels.baseline_of`.
        among: those that are asked for; None: all. They are compared in the tables of all, unless
            they are rows of the baseline's function alone, which are compared with one another.

    Raises:
        ParameterError: if several rows are called as the baseline is.
    """
    fewest = sorted(rows, key=lambda one: len(one.settings))  # of which the first is the baseline
    alike = dict(set.intersection(*({*one.settings.items()} for one in fewest)))
    called = {n: one.row(alike, one.recipe, alike | one.recipe) for n, one in enumerate(fewest)}
    at = baseline_of(baseline, called)
    if at is None:
        return []
    base = fewest[at]
    its = [one.recipe for one in fewest if one.function == base.function]
    if among is not None and all(one.function == base.function for one in among):
        return []
    others = [one.recipe for one in fewest if one.function != base.function]

    def values(recipes: list[dict[str, str]], name: str) -> set[str]:
        return {one[name] for one in recipes if name in one}

    names = [n for n in base.recipe if values(its, n) & values(others, n) - {base.recipe[n]}]
    return [] if settings_named(baseline).intersection(names) else names
