"""Reading a table of anybody's results: its columns, its numbers, and what is wrong with it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Hashable, Iterable
from decimal import Decimal
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd

from afnlab.compare.csv_rows import read_file
from afnlab.errors import shown
from afnlab.listing import listed
from afnlab.messages import counted, plain
from afnlab.spellings import unknown
from afnlab.usercode.lookup import expanded

LISTED = 5  # rows that a message names
LARGEST = 1e140  # in size; beyond, sums of squares overflow, and below its inverse they vanish
EXACT = 2**53  # up to which a float holds every whole number
_NOTHING = {"na", "n/a", "#n/a", "<na>", "nan", "none", "null"}  # words for no number and no seed
_GROUPED = r"[-+]?[1-9]\d{0,2}(\.\d{3})+"  # 1.001, which is 1001 where points part thousands
_STATES = ("state", "status")  # columns of W&B and MLflow that say how a run ended
_UNFINISHED = {"crashed", "failed", "killed", "running", "scheduled", "preempted"}
# What a column of numbers may hold, with what stands for a gap.
_NUMBERS = (Real, Decimal, str, type(None), type(pd.NA))


def read(table: str | Path | pd.DataFrame, encoding: str = "") -> tuple[str, pd.DataFrame]:
    """What messages call the table, and the table, whose index is what messages call its rows.

    Args:
        table: a CSV file, with commas or other usual separators; or a data frame.
        encoding: of the file's text; "": UTF-8, or UTF-16 if it begins with its mark.

    Raises:
        ValueError: if it cannot be read, or holds no rows.
    """
    if isinstance(table, pd.DataFrame):
        # Rows are counted as in a file, whose first is the head.
        name, content = "the table", table.set_axis(range(2, len(table) + 2))
    else:
        name, content = plain(table), read_file(expanded(table), encoding)
    if content.empty:
        raise ValueError(f"{name}: holds no rows")
    return name, content


def column(name: str, table: pd.DataFrame, wanted: str, flag: str) -> str:
    """The column of this name, or the only one whose last part is it: metrics.acc for acc.

    Args:
        name: what messages call the table.
        table: the table.
        wanted: the name.
        flag: what names it on the command line, without its dashes.

    Raises:
        ValueError: if there is none, or several.
    """
    columns = [c for c in table.columns if isinstance(c, str)]
    meant = named(columns, wanted)
    if len(meant) > 1 and len(set(meant)) == 1:
        raise ValueError(f"{name}: has several columns {plain(meant[0])}; rename all but one")
    if len(meant) == 1:
        return meant[0]
    if meant:
        several = listed(map(plain, meant))
        raise ValueError(f"{name}: {wanted} may be any of the columns {several}; give one in full")
    numeric = [_are_numbers(table.iloc[:, i]) for i in range(table.shape[1])]
    all_ = zip(table.columns, numeric, strict=True)
    fitting = [c for c, is_one in all_ if isinstance(c, str) and is_one == (flag != "label")]
    if flag == "label":  # of several rows each, which the name of a run is not
        fitting.sort(key=lambda c: not _texts(table, c).duplicated().any())
    one = plain(fitting[-1 if flag == "value" else 0]) if fitting else "COLUMN"
    advice = f"name it with --{flag}, as --{flag} {shlex.quote(one)}"
    raise ValueError(f"{name}: {unknown('column', wanted, [*map(plain, columns)])}; {advice}")


def named(names: Iterable[str], wanted: str) -> list[str]:
    """Those of this name; where there are none, those whose last part it is: metrics.acc for acc.

    Args:
        names: what there is.
        wanted: the name.
    """
    names = list(names)
    whole = [one for one in names if one == wanted]
    return whole or [one for one in names if re.split(r"[./]", one)[-1].strip() == wanted]


def _texts(table: pd.DataFrame, column: str) -> pd.Series:
    """A column's cells as texts, of whatever type they are; of several of the name the first."""
    return table.iloc[:, list(table.columns).index(column)].astype(str)


def settings_apart(table: pd.DataFrame, keys: pd.DataFrame, used: Collection[str]) -> list[str]:
    """The columns in which rows of the same keys differ, as lr and batch_size of a grid.

    One that has more values than there are such rows, as another metric has, is none of these.

    Args:
        table: the table.
        keys: what has to tell its rows apart.
        used: the columns that are read already.
    """
    same = keys.groupby(list(keys), sort=False)
    most = same.size().max()
    others = {c: _texts(table, c) for c in table.columns if isinstance(c, str) and c not in used}
    return [
        plain(c)
        for c, texts in others.items()
        if texts.nunique() <= most and texts.groupby([same.ngroup(), texts]).ngroups > same.ngroups
    ]


def _are_numbers(values: pd.Series) -> bool:
    """Whether a column holds numbers, or texts of numbers, wherever it holds anything."""
    if values.dtype.kind == "b":
        return False
    return bool(pd.to_numeric(known(values).dropna(), errors="coerce").notna().all())


def known(values: pd.Series) -> pd.Series:
    """Texts without blanks around them, and missing where they are a word for nothing.

    Args:
        values: texts or anything else, which stays.
    """
    values = values.map(lambda one: one.strip() if isinstance(one, str) else one)
    return values.mask(values.map(lambda one: isinstance(one, str) and one.lower() in _NOTHING))


def seeds(table: pd.DataFrame, column: str) -> pd.Series:
    """A column of seeds: numbers, if all are, so that 07 is 7; else what stands there.

    Args:
        table: the table.
        column: its column.
    """
    values = known(table[column])
    for at, value in enumerate(values):
        if not isinstance(value, Hashable):
            raise ValueError(
                f"{column} must hold numbers or texts, which pair rows, got {shown(value)} in"
                f" row {at + 1}"
            )
    as_numbers = pd.to_numeric(values, errors="coerce")
    exact = as_numbers.notna().all() and as_numbers.abs().max() < EXACT
    return as_numbers if exact else values


def numbers(name: str, table: pd.DataFrame, column: str) -> pd.Series:
    """A column of finite numbers.

    Args:
        name: what messages call the table.
        table: the table.
        column: its column.

    Raises:
        ValueError: if it holds what is of another type (dates, durations, truth values, complex
            numbers), a row has none, it is not clear what a point in them means, or the squares of
            the numbers are none that a computer holds.
    """
    _check_types(name, table[column])
    _check_points(name, table, column)
    values = pd.to_numeric(table[column], errors="coerce").astype(float)
    largest = float(values[np.isfinite(values)].abs().max())  # nan where there are none
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise ValueError(
            f"{name}: the largest {column} must lie between {1 / LARGEST:g} and {LARGEST:g} in"
            f" size, or be 0, got {largest:g}; give it in another unit"
        )
    if (lost := values.isna() | values.isin([np.inf, -np.inf])).any():
        state, texts = _state(table), table[column][lost]
        how = "" if state is None else f" ({state.name}: {shown(state[lost].iloc[0])})"
        raise ValueError(
            f"{name}: {column} must be a number in every row, got {_printed(texts.iloc[0])} in"
            f" {rows(lost)}{how}; {_advice(texts)}"
        )
    return values


def _check_types(name: str, values: pd.Series) -> None:
    """ValueError for dates, durations, truth values and complex numbers, which pandas would make
    real ones of; in a file they are texts that are no numbers."""
    fits = values.astype(object).map(_is_number)
    if (other := ~fits.astype(bool)).any():
        first = values[other].iloc[0]
        kind = type(first).__name__ if values.dtype == object else values.dtype
        raise ValueError(
            f"{name}: {values.name} must hold integers, floats or texts of such, got"
            f" {_printed(first)} of type {kind} in {rows(other)}; convert them first"
        )


def _is_number(value: object) -> bool:
    """Whether a cell holds a real number, a text that may be one, or nothing."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _grouped(table: pd.DataFrame, column: str) -> tuple[pd.Series, bool]:
    """Where points may part thousands, as in 1.001; and whether nothing in the column says that
    they do not.

    A file with commas between its fields has points before decimals.
    """
    if table.attrs.get("separator", ",") == ",":
        return pd.Series(False, table.index), False
    texts = table[column].astype(str).str.strip()
    grouped = texts.str.fullmatch(_GROUPED)
    return grouped, bool(grouped.any() and (grouped | texts.str.fullmatch(r"[-+]?\d{1,3}")).all())


def _check_points(name: str, table: pd.DataFrame, column: str) -> None:
    grouped, unclear = _grouped(table, column)
    if unclear and not grouped.all():
        first = table[column]
        raise ValueError(
            f"{name}: {column} {shown(first[grouped].iloc[0])} in {rows(grouped)} may be a number"
            f" with decimals or, beside {shown(first[~grouped].iloc[0])}, one of thousands; write"
            " all with the same decimals, or without points between thousands"
        )


def points_read(table: pd.DataFrame, column: str) -> str:
    """A sentence if points were read as decimal ones that may part thousands; empty otherwise.

    Args:
        table: the table.
        column: its column of numbers.
    """
    grouped, unclear = _grouped(table, column)
    if not unclear:
        return ""
    first = table[column][grouped].iloc[0].strip()
    whole = first.replace(".", "")
    return f"Points in {plain(column)} were read as decimal ones: {first} is not {whole}."


def _printed(value: object) -> str:
    return shown(value.item() if isinstance(value, np.generic) else value)


def _advice(texts: pd.Series) -> str:
    """What to do with texts in place of numbers."""
    texts = texts.astype(str).str.strip()
    if texts.str.fullmatch(r"[-+]?[\d.,]+\s*%").all():
        return "write percentages without the sign"
    if texts.str.fullmatch(r"[-+]?\d+(,\d+)+(\.\d+)?").all():
        return "write numbers without commas, and with a point before the decimals"
    if texts.str.fullmatch(r"[-+]?\d{1,3}(\.\d{3}){2,}").all():
        return "write numbers without points between thousands"
    return "take these rows out, or write what such a run counts as"


def unfinished(table: pd.DataFrame) -> str:
    """A sentence if a column of states says that some runs did not finish; empty otherwise.

    Args:
        table: the table.
    """
    state = _state(table)
    if state is None:
        return ""
    states = state.astype(str).str.strip().str.lower()
    bad = states.isin(_UNFINISHED)
    if not bad.any():
        return ""
    listed = ", ".join(sorted(set(states[bad])))
    return (
        f"{counted(int(bad.sum()), 'row')} counted with a number although {plain(state.name)} says"
        f" {listed}: {rows(bad)}."
    )


def _state(table: pd.DataFrame) -> pd.Series | None:
    at = [i for i, title in enumerate(table.columns) if str(title).lower() in _STATES]
    return table.iloc[:, at[0]] if at else None


def rows(which: pd.Series) -> str:
    """Rows by the index of the table, which counts lines of a file.

    Args:
        which: whether each row is meant.
    """
    at = [str(line) for line in dict.fromkeys(which.index[which])]
    more = f" and {len(at) - LISTED} more" if len(at) > LISTED else ""
    return f"row{'s' * (len(at) > 1)} {', '.join(at[:LISTED])}{more}"
