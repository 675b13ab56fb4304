"""What lies in files by the labels of a list: which of several files of one name is meant.

A label calls a user's activation `my.py:f`, whatever folder it lies in. So where a list has two of
them it is shown with as much of its path as tells them apart, and may be typed by any path.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import NamedTuple, TypeVar

from afnlab.errors import ParameterError
from afnlab.messages import distinct_endings
from afnlab.runs.conventions import REFERENCES
from afnlab.runs.identity import is_in_file, is_reference, with_whole_path
from afnlab.runs.tunings_apart import words_apart
from afnlab.training.space import TUNE, Space, space

Key = TypeVar("Key", bound=Hashable)
_COMMA = re.compile(r",(?![^(\[{]*[)\]}])")  # between settings, and not inside a value
_LABEL = re.compile(r"((?:.*?\.py:)?[^(]*)(.*)", re.DOTALL)  # a folder's name may hold a bracket


class Row(NamedTuple):
    """A setting of an activation that others may be compared with.

    activation: its label, by the whole path of its file if it lies in one; labels: of the setting,
    in which it is called so; settings: how many are not as by default; named: whether the field
    calls the activation under them by another name; usual: the values that are as by default, by
    name, which a label that is typed may say too.
    """

    activation: str
    labels: tuple[str, ...]
    settings: int
    named: bool
    usual: Mapping[str, str] = {}


def parted(label: str) -> tuple[str, str]:
    """A label as the activation and its settings with their brackets, if there are any."""
    match = _LABEL.fullmatch(label)
    assert match is not None
    return match[1], match[2]


def endings(references: Iterable[str]) -> dict[str, str]:
    """What lists call definitions in files, by their references with whole paths."""
    files = list(dict.fromkeys(filter(is_in_file, references)))
    return dict(zip(files, distinct_endings(files), strict=True))


def here(label: str, known: Collection[str]) -> str:
    """A label with the whole path of its file, seen from the current folder, if some of these are
    of that; else as it is."""
    name, settings = parted(label)
    one = with_whole_path(name)
    return one + settings if one in {parted(other)[0] for other in known} else label


def whole(label: str, reference: str) -> str:
    """A label that begins with the name of an activation's file, with the file's whole path."""
    path = reference.rpartition(":")[0]
    name = PurePath(path).name
    begins = is_in_file(reference) and label.startswith(f"{name}:")
    return path.removesuffix(name) + label if begins else label


def typed(label: str, known: Collection[str]) -> list[str]:
    """Which of some labels with whole paths is meant: that of the file with this path, seen from
    the current folder, or else all whose paths end so. Of a module (`package.module:f`) it is what
    that defines, or else what another module of its package does: it may only pass it on."""
    if (one := here(label, known)) in known:
        return [one]
    if is_in_file(parted(label)[0]) or not is_reference(label):
        ends = f"/{label}" if is_in_file(parted(label)[0]) else ()
        return [one for one in dict.fromkeys(known) if one.endswith(ends)]
    where, _, name = label.partition(":")
    inside = {n: _modules(n) for n in known if n.endswith(f":{name}")}
    exact = [
        one for one, parts in inside.items() if parts[-where.count(".") - 1 :] == where.split(".")
    ]
    return exact or [n for n, parts in inside.items() if where.partition(".")[0] in parts]


def _modules(reference: str) -> list[str]:
    """The packages and the module of a reference, or the folders and the file of its path."""
    where = reference.rpartition(":")[0]
    return where.removesuffix(".py").split("/") if is_in_file(reference) else where.split(".")


def meant(label: str, references: Iterable[str], parameter: str = "baseline") -> str:
    """A label as `Row.labels` have it, however its activation is called.

    Args:
        label: as it was typed.
        references: of what it may mean with whole paths, or labels that begin so.
        parameter: what the label was given for.

    Raises:
        ParameterError: if several files are called so.
    """
    name, settings = parted(label)
    matches = typed(name, [parted(one)[0] for one in references])
    if len(matches) > 1:
        names = " or ".join(sorted(f"{one}{settings}" for one in endings(matches).values()))
        message = f"{parameter} {label!r}: several files are called so; it may be {names}"
        raise ParameterError(parameter, label, message=message)
    if matches:
        return matches[0] + settings
    from afnlab.registry import canonical_name  # noqa: PLC0415  (brings torch)

    return (canonical_name(name) or name) + settings


def row_of(label: str, rows: Mapping[Key, Row], parameter: str = "baseline") -> Key | None:
    """The row with this label, or whose key it is, else that whose label says the same, but for
    values that are as by default: `my.py:f(amp=0.3)` is `my.py:f` where that has this value, and
    `relu(lr=0.001)` is `relu` where the recipe has this rate. None: there is none. See `meant` and
    `as_read`."""
    wanted = meant(label, _references(rows.values()), parameter)
    exact = (key for text in (wanted, label) for key, row in rows.items() if text in row.labels)
    if (key := next(exact, next((key for key in rows if key == label), None))) is not None:
        return key
    return next((key for key, row in rows.items() if _says(wanted, row)), None)


def _says(label: str, row: Row) -> bool:
    """Whether a label says one of a row's, and beside it nothing but what is as by default."""
    usual = {_as_read(f"{name}={text}") for name, text in row.usual.items()}
    return as_read(label, usual) in map(as_read, row.labels)


def as_read(label: str, without: Collection[str] = ()) -> str:
    """A label as all that say the same share it: settings in one order, numbers in one form, so
    that f(lr=0.010, k=1.0) is f(k=1, lr=0.01).

    Args:
        label: of a row.
        without: settings in this form that are left out.
    """
    name, settings = parted(label)
    if not (settings.startswith("(") and settings.endswith(")")):
        return label
    words = sorted({*map(_as_read, _COMMA.split(settings[1:-1]))}.difference(without))
    return f"{name}({', '.join(words)})" if words else name


def settings_named(label: str) -> set[str]:
    """The names of the settings that a label has in its brackets."""
    return {*re.findall(r"(\w+)=", parted(label)[1])}


def _as_read(setting: str) -> str:
    name, equals, value = (part.strip() for part in setting.partition("="))
    with suppress(ValueError):
        value = f"{float(value):.15g}"
    return f"{name}{equals}{value}"


def baseline_of(label: str, rows: Mapping[Key, Row]) -> Key | None:
    """The row with this label, else that of this activation with the fewest settings, and rather
    one that the field gives no other name; None: there is none. See `meant`."""
    if (exact := row_of(label, rows)) is not None:
        return exact
    activation = meant(label, _references(rows.values()))
    its = [key for key, row in rows.items() if row.activation == activation]
    return min(its, key=lambda key: _plainness(rows[key]), default=None)


def _plainness(row: Row) -> tuple[bool, int, int]:
    return row.named, row.settings, len(row.labels[0])


def _references(rows: Iterable[Row]) -> list[str]:
    return [name for row in rows for name in (row.activation, *row.labels)]


def shown(labels: Iterable[str]) -> list[str]:
    """Labels that begin with whole paths, as lists show them."""
    parts = [parted(label) for label in labels]
    names = endings(name for name, _ in parts)
    return [names.get(name, name) + settings for name, settings in parts]


def told_apart(labels: Iterable[str], parameters: Sequence[Mapping[str, object]]) -> list[str]:
    """The labels of runs as a list shows them: of two files of one name it says which is meant, and
    of two tunings that are called alike in what they differ.

    Args:
        labels: as records have them.
        parameters: what each run was given, with whole paths.
    """
    files = [dict(_files(one)) for one in parameters]
    names = endings(reference for one in files for reference in one)
    shown = [_shown(label, one, names) for label, one in zip(labels, files, strict=True)]
    words = words_apart(shown, [_tuning(one) for one in parameters])
    return [
        f"{label} ({text})" if text else label for label, text in zip(shown, words, strict=True)
    ]


def _tuning(parameters: Mapping[str, object]) -> Space | None:
    """What a run tunes; None: nothing, or what a notebook of the user's calls so."""
    tune = parameters.get(TUNE)
    if isinstance(tune, Mapping) and tune:
        with suppress(ParameterError):
            return space(tune)
    return None


def _files(parameters: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """References to files among parameters, and how labels begin that speak of them.

    A label may end the name of a training's activation as the field calls it.
    """
    for parameter in REFERENCES:
        value = parameters.get(parameter)
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, str) and is_in_file(one):
                name = PurePath(one).name
                yield one, name.partition(":")[0] + ":" if parameter == "activation" else name


def _shown(label: str, files: Mapping[str, str], names: Mapping[str, str]) -> str:
    for reference, begins in files.items():
        folder = names[reference].removesuffix(PurePath(reference).name)
        if where := re.search(rf"(?<![^\s=\['\"]){re.escape(begins)}", label):
            label = f"{label[: where.start()]}{folder}{label[where.start() :]}"
    return label
