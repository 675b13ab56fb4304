"""Reading a table of anybody's results: its columns, its numbers, and what is wrong with it."""

from __future__ import annotations

import codecs
import csv
import re
import shlex
from collections import Counter
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from afnlab.errors import shown
from afnlab.messages import counted, plain
from afnlab.spellings import unknown
from afnlab.usercode.lookup import expanded

LISTED = 5  # rows that a message names
LARGEST = 1e140  # in size; beyond, sums of squares overflow, and below its inverse they vanish
_SEPARATORS = (";", "\t", "|")  # that a file may have in place of commas
_STATES = ("state", "status")  # columns of W&B and MLflow that say how a run ended
_UNFINISHED = {"crashed", "failed", "killed", "running", "scheduled", "preempted"}


def read(table: str | Path | pd.DataFrame, encoding: str = "") -> tuple[str, pd.DataFrame]:
    """What messages call the table, and the table.

    Args:
        table: a CSV file, with commas or other usual separators; or a data frame.
        encoding: of the file's text; "": UTF-8, or UTF-16 if it begins with its mark.

    Raises:
        ValueError: if it cannot be read, or holds no rows.
    """
    if isinstance(table, pd.DataFrame):
        name, content = "the table", table.reset_index(drop=True)
    else:
        name, content = plain(table), _parsed(expanded(table), encoding)
    if content.empty:
        raise ValueError(f"{name}: holds no rows")
    return name, content


def _parsed(path: Path, encoding: str) -> pd.DataFrame:
    if not path.is_file():
        raise ValueError(f"{plain(path)}: no such file")
    try:
        file = StringIO(_decoded(path, encoding), newline="")
        head = file.readline()
        separator = max((",", *_SEPARATORS), key=head.count)
        file.seek(0)
        content = pd.read_csv(file, sep=separator)
        titles = next(csv.reader([head], delimiter=separator), [])
    except (ValueError, OSError) as error:  # of pandas' parser, of the encoding, of the system
        raise ValueError(f"{plain(path)}: cannot be read as CSV: {plain(error)}") from None
    twice = [title for title, count in Counter(titles).items() if count > 1 and title]
    # pandas calls the second "acc.1"; under its own name it is refused where it is asked for.
    content.attrs["twice"] = twice
    return content


def _decoded(path: Path, encoding: str) -> str:
    """The text of a file; ValueError if it is in another encoding."""
    data = path.read_bytes()
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    name = encoding or ("utf-16" if marked else "utf-8")
    try:
        text = data.decode(name)
    except LookupError:
        raise ValueError(f"encoding must be one that Python knows, got {shown(name)}") from None
    except UnicodeError as error:
        line = data[: getattr(error, "start", 0)].count(b"\n") + 1
        problem = f"its line {line} is not text in {name}"
        if not encoding:
            problem += "; name its encoding, often latin-1, cp1252 or utf-16 (--encoding)"
        raise ValueError(problem) from None
    return text.removeprefix("\ufeff")


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
    if wanted in table.attrs.get("twice", ()):
        raise ValueError(f"{name}: has several columns {plain(wanted)}; rename all but one")
    columns = [c for c in table.columns if isinstance(c, str)]
    if wanted in columns:
        return wanted
    ending = [c for c in columns if re.split(r"[./]", c)[-1].strip() == wanted]
    if len(ending) == 1:
        return ending[0]
    if ending:
        several = ", ".join(map(plain, ending))
        raise ValueError(f"{name}: {wanted} may be any of the columns {several}; give one in full")
    fitting = [c for c in columns if (table[c].dtype.kind in "iuf") == (flag != "label")]
    one = plain(fitting[-1 if flag == "value" else 0]) if fitting else "COLUMN"
    advice = f"name it with --{flag}, as --{flag} {shlex.quote(one)}"
    raise ValueError(f"{name}: {unknown('column', wanted, [*map(plain, columns)])}; {advice}")


def numbers(name: str, table: pd.DataFrame, column: str) -> pd.Series:
    """A column of finite numbers.

    Args:
        name: what messages call the table.
        table: the table.
        column: its column.

    Raises:
        ValueError: if a row has none, or the squares of the numbers are none that a computer holds.
    """
    values = pd.to_numeric(table[column], errors="coerce").astype(float)
    largest = float(values[np.isfinite(values)].abs().max())  # nan where there are none
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise ValueError(
            f"{name}: the largest {column} must lie between {1 / LARGEST:g} and {LARGEST:g} in"
            f" size, or be 0, got {largest:g}; give it in another unit"
        )
    if (lost := values.isna() | values.isin([np.inf, -np.inf])).any():
        state = _state(table)
        first = table[lost].iloc[0]
        how = f" ({state}: {shown(first[state])})" if state else ""
        raise ValueError(
            f"{name}: {column} must be a number in every row, got {_printed(first[column])} in"
            f" {rows(lost)}{how}; {_advice(table[lost][column])}"
        )
    return values


def _printed(value: object) -> str:
    return shown(value.item() if isinstance(value, np.generic) else value)


def _advice(texts: pd.Series) -> str:
    """What to do with texts in place of numbers."""
    texts = texts.astype(str).str.strip()
    if texts.str.fullmatch(r"[-+]?[\d.,]+\s*%").all():
        return "write percentages without the sign"
    if texts.str.fullmatch(r"[-+]?\d+(,\d+)+(\.\d+)?").all():
        return "write numbers without commas, and with a point before the decimals"
    return "take these rows out, or write what such a run counts as"


def unfinished(table: pd.DataFrame) -> str:
    """A sentence if a column of states says that some runs did not finish; empty otherwise.

    Args:
        table: the table.
    """
    state = _state(table)
    if state is None:
        return ""
    states = table[state].astype(str).str.strip().str.lower()
    bad = states.isin(_UNFINISHED)
    if not bad.any():
        return ""
    listed = ", ".join(sorted(set(states[bad])))
    return (
        f"{counted(int(bad.sum()), 'row')} counted with a number although {plain(state)} says"
        f" {listed}: {rows(bad)}."
    )


def _state(table: pd.DataFrame) -> str | None:
    return next((c for c in table.columns if str(c).lower() in _STATES), None)


def rows(which: pd.Series) -> str:
    """Rows as a file has them, whose first is the head.

    Args:
        which: whether each row is meant.
    """
    at = [str(i + 2) for i in np.flatnonzero(which)]
    more = f" and {len(at) - LISTED} more" if len(at) > LISTED else ""
    return f"row{'s' * (len(at) > 1)} {', '.join(at[:LISTED])}{more}"
