"""The rows of a CSV file as the file has them: texts, of which nothing is guessed or renamed."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO
from math import nan
from pathlib import Path

import pandas as pd

from afnlab.errors import shown
from afnlab.messages import counted, plain

SEPARATORS = (",", ";", "\t", "|")


def read_file(path: Path, encoding: str) -> pd.DataFrame:
    """The table: texts, NaN where there is none; its index is the line at which each row begins.

    What pandas makes of such a file is not what it says: of two columns of one name it renames one,
    a method called "None" it takes for a gap, and 0.10 for 0.1.

    Args:
        path: of the file.
        encoding: of its text; "": UTF-8, or UTF-16 if it begins with its mark.

    Returns:
        The table, with its separator as `attrs["separator"]` and the file's SHA-256 as
        `attrs["sha256"]`. A title may occur more than once; columns without a title are
        "Unnamed: 3", or left out if nothing is in them.

    Raises:
        ValueError: if it cannot be read, or a row has more fields than the head.
    """
    if not path.is_file():
        raise ValueError(f"{plain(path)}: no such file")
    try:
        data = path.read_bytes()  # once: what is summed is what is compared
        table = _table(_decoded(data, encoding))
    except (ValueError, OSError) as error:  # of the encoding, of the rows, of the system
        raise ValueError(f"{plain(path)}: cannot be read as CSV: {plain(error)}") from None
    table.attrs["sha256"] = sha256(data).hexdigest()
    return table


def _table(text: str) -> pd.DataFrame:
    """The table in a text; ValueError if a row has more fields than the head, or odd quotes."""
    separator = max(SEPARATORS, key=lambda one: len(next(_rows(text, one), (1, []))[1]))
    rows = _rows(text, separator, strict=True)
    top, head = next(rows, (1, []))
    lines: list[int] = []
    columns: list[list[object]] = [[] for _ in head]
    for line, row in rows:
        if any(one.strip() for one in row[len(head) :]):
            raise ValueError(
                f"row {line} has {counted(len(row), 'field')}, and the head, row {top}, names"
                f" {counted(len(head), 'column')}; give every column a name, and put quotes around"
                f" what holds a {shown(separator)}"
            )
        lines.append(line)
        filled = [*row, *[""] * len(head)]
        for column, one in zip(columns, filled, strict=False):  # what is beyond the head is empty
            column.append(one if one.strip() else nan)
    table = pd.DataFrame(dict(enumerate(columns)), lines, dtype=object)
    table.columns = pd.Index([title or f"Unnamed: {i}" for i, title in enumerate(head)])
    titled = pd.Series(head, table.columns, dtype=object) != ""
    table = table.loc[:, (titled | table.notna().any()).to_numpy(dtype=bool)]
    table.attrs["separator"] = separator
    return table


def _rows(text: str, separator: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line at which it begins.

    strict: whether quotes have to close, and fields to end with them.
    """
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=strict)
    line = 1
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"the row that begins in its line {line}: {error}") from None


def _decoded(data: bytes, encoding: str) -> str:
    """The text of a file's content; ValueError if it is in another encoding."""
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
