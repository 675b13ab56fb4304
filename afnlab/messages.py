"""Words that messages and pages share, and how they are written to a terminal."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TextIO
from unicodedata import category

_LONGEST = 4000  # letters of a line for somebody who reads it
# A name and a password (which may hold a /) before the last @ of an address, also of one that was
# taken for a path and lost a slash; and what follows its ?, or its # if that sets something.
_LOGIN = re.compile(r"(:/{1,2})(?:[^\s/@:]*:\S*|[^\s/@]+)@")
_QUERY = re.compile(r"(://[^\s?#'\"<>]*)(\?[^\s'\"<>]+|#[^\s'\"<>]*=[^\s'\"<>]*)")


def enumerated(parts: Sequence[str]) -> str:
    """Some texts as one: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


LISTED = 6  # names in a row, where all of them would be too many


def some(parts: Sequence[str], most: int, one: str = "") -> str:
    """The first of some texts as `enumerated` has them, and how many more there are of what."""
    others = len(parts) - most
    more = counted(others, f"more {one}") if one else f"{others} more"
    return enumerated([*parts[:most], *[more] * (others > 0)])


def in_stretches(numbers: Sequence[int]) -> str:
    """Whole numbers in a few words, in their order: "0 to 11", "3", "1, 2, 7 to 9"."""
    stretches: list[list[int]] = []
    for number in numbers:
        if stretches and number == stretches[-1][-1] + 1:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    return ", ".join(
        f"{one[0]} to {one[-1]}" if len(one) > 2 else ", ".join(map(str, one)) for one in stretches
    )


def counted(n: float, one: str) -> str:
    """A number of things: "1 seed", "12 seeds", "9.9 epochs"."""
    return f"{n:.15g} {one if n == 1 else one + 's'}"


def spoken(seconds: float) -> str:
    """A duration as one says it: 42 s, 3 min, 5.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def duration(seconds: float) -> str:
    """How long a run took, to the tenth: 42.3 s."""
    return f"{seconds:.1f} s"


def distinct_endings(paths: Sequence[str]) -> list[str]:
    """Paths by as many of their last parts as tell them apart: `my.py:f`, or else `a/my.py:f`."""
    parts = [PurePath(path).parts for path in paths]
    shortest = []
    for path, one in zip(paths, parts, strict=True):
        ends = (one[-n:] for n in range(1, len(one)))
        same = parts.count(one)
        short = (e for e in ends if sum(other[-len(e) :] == e for other in parts) == same)
        shortest.append("/".join(next(short, [path])))
    return shortest


def masked(text: str) -> str:
    """A text with the secrets of the addresses in it hidden: `s3://***@bucket/runs?***`."""
    return _QUERY.sub(lambda match: f"{match[1]}{match[2][0]}***", _LOGIN.sub(r"\1***@", text))


def plain(text: object) -> str:
    """A text for a terminal: one line, in which nothing moves the cursor or turns the direction.

    What is not printable (control and format characters, line ends, lone surrogates) is written as
    Python would write it: `\\x1b`, `\\n`, `\\u202e`; passwords in addresses are hidden.
    """
    letters = masked(str(text))
    if letters.isprintable():
        return letters
    return "".join(c if c.isprintable() or category(c) == "Zs" else ascii(c)[1:-1] for c in letters)


def say(text: object = "", file: TextIO | None = None, styles: Mapping[str, str] = {}) -> None:
    """Print one line; whatever a user's file, a record or an error put into it is made `plain`.

    A letter that the terminal's encoding lacks is written as an escape too. styles: SGR codes for
    words of the line, each where it stands last; on a terminal only, and not if $NO_COLOR is set.
    """
    stream = sys.stdout if file is None else file
    line = plain(text)
    if len(line) > _LONGEST:
        line = f"{line[:_LONGEST]} ... ({len(line)} letters)"
    encoding = getattr(stream, "encoding", None) or "utf-8"
    line = line.encode(encoding, "backslashreplace").decode(encoding)
    for word, code in styles.items() if _shows_colours(stream) else ():
        before, matched, after = line.rpartition(word)
        line = f"{before}\x1b[{code}m{matched}\x1b[0m{after}" if matched else line
    print(line, file=stream)


def _shows_colours(stream: TextIO) -> bool:
    """Whether it is a terminal, and its user has not asked for none (no-color.org)."""
    asked = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return asked and stream.isatty()


class _Printing(logging.Handler):
    """Prints what the library tells as it works; an error of the stream is the caller's to see."""

    write: Callable[[str], None] = staticmethod(say)

    def emit(self, record: logging.LogRecord) -> None:
        self.write(record.getMessage())


LOG = logging.getLogger("afnlab")  # of what happens; what a command was asked for is printed
_PRINTING = _Printing()
if not LOG.handlers:  # or the program has said before where the lines shall go
    LOG.addHandler(_PRINTING)
    LOG.propagate = False
if LOG.level == logging.NOTSET:
    LOG.setLevel(logging.INFO)


def inform(text: object) -> None:
    """Tell what happens, as one `plain` line of the logger `afnlab`, which prints it by default."""
    LOG.info("%s", plain(text))


@contextmanager
def printed_by(write: Callable[[str], None]) -> Iterator[None]:
    """Within it lines of the logger that would be printed are written by another function."""
    before, _PRINTING.write = _PRINTING.write, write
    try:
        yield
    finally:
        _PRINTING.write = before


def complain(text: object) -> None:
    """One line on stderr, under the command's name."""
    say(f"afnlab: {text}", sys.stderr)
