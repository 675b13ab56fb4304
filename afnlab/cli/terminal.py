"""Text for a terminal: wrapped to its width, and formulas in letters."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence

from afnlab.messages import plain, say

# SGR codes, which `say` uses on a terminal alone. Beside the colour the word itself always stands.
VERDICTS = {
    "better": "1;32",
    "worse": "1;31",
    "equivalent": "36",
    "not worse": "36",
    "too few seeds": "33",
}
BOLD = "1"
GAP = "  "  # between columns, however wide their cells are
_NARROWEST, _WIDEST = 40, 100_000
_LEAST = 16  # letters of a text that is cut
_LETTERS = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ"},
    **{"theta": "θ", "lambda": "λ", "sigma": "σ", "Phi": "Φ", "omega": "ω", "pi": "π"},
    **{"leq": "<=", "sim": "~", "quad": " ", "sum": "Σ", "left": "", "right": ""},
}


def width() -> int | None:
    """How many letters a line has; None where nobody reads it as it is printed."""
    if not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size().columns, _NARROWEST)


def tell(text: str, label: str = "", indent: int = 0) -> None:
    """Print a sentence behind a label, wrapped to the terminal; what follows is indented as far."""
    indent = max(indent, len(label) + len(GAP)) if label else indent
    line = f"{label:{indent}}{text}"
    limit = width()
    lines = [line] if limit is None else textwrap.wrap(line, limit, subsequent_indent=" " * indent)
    for number, part in enumerate(lines):
        say(part, styles={label: BOLD} if label and not number else {})


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Rows as lines: each column as wide as its widest cell, with a gap before the next.

    right: the columns, by number, whose cells stand at the right.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        GAP.join(
            f"{cell:{'>' if at in right else '<'}{wide[at]}}" for at, cell in enumerate(row)
        ).rstrip()
        for row in cells
    ]


def tell_table(
    rows: Sequence[Sequence[str]], cut: str, least: Sequence[str], right: Collection[str] = ()
) -> None:
    """Print rows, the first of which has the headings, no wider than the terminal.

    Args:
        rows: their cells.
        cut: the heading of the column whose texts lose their ends where there is too little room.
        least: headings of the columns that are left out before that, in this order, and named.
        right: the headings of columns whose cells stand at the right.
    """
    limit, (head, *_) = width(), rows
    for left_out in range(len(least) + 1):
        kept = [at for at, name in enumerate(head) if name not in least[:left_out]]
        shown = [[row[at] for at in kept] for row in rows]
        sides = [at for at, name in enumerate(shown[0]) if name in right]
        lines = columns(shown, sides)
        over = max(map(len, lines)) - (limit or _WIDEST)
        if over <= 0:
            break
    else:
        place = shown[0].index(cut)
        most = max(max(len(plain(row[place])) for row in shown) - over, _LEAST)
        for row in shown:
            row[place] = _ended(plain(row[place]), most)
        lines = [_ended(line, limit or _WIDEST) for line in columns(shown, sides)]
    for line in lines:
        say(line)
    tell_left_out(least[:left_out])


def tell_left_out(names: Sequence[str]) -> None:
    """Say which columns of a table are not shown, if any."""
    if names:
        tell(f"Left out, as the terminal is too narrow: {', '.join(names)}.")


def shortened(text: str, before: int) -> str:
    """A text that ends where the terminal's line does, this many letters into which it begins."""
    limit = width()
    return text if limit is None else _ended(text, max(limit - before, 12))


def _ended(text: str, letters: int) -> str:
    """A text of at most so many letters, without its end if it has more."""
    return text if len(text) <= letters else f"{text[: letters - 4].rstrip()} ..."


def middle_cut(letters: int, text: object) -> str:
    """A text of at most so many letters, without its middle if it has more."""
    line = plain(text)
    if len(line) <= letters:
        return line
    half = (letters - 3) // 2
    return f"{line[:half]}...{line[-half:]}"


def formula(latex: str) -> str:
    """A formula in LaTeX as one writes it in a line: x sin^2(π/4 (1 + clip(x/t, -1, 1)))."""
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", latex)
    text = re.sub(r"\\;\(([^()]*)\)", r" if \1", text).replace(r"\!", "")
    text = re.sub(r"\\[;,]", " ", text)
    for _ in range(3):  # as deep as they go
        text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", _fraction, text)
        text = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", text)
        text = re.sub(r"([\^_])\{([^{}]*)\}", _raised, text)
    text = re.sub(r"\\([A-Za-z]+)", lambda match: _LETTERS.get(match[1], match[1]), text)
    return re.sub(r" +([),])", r"\1", re.sub(r"\s+", " ", text)).strip()


def _fraction(match: re.Match[str]) -> str:
    parts = (p if re.fullmatch(r"[\w\\]+", p) else f"({p})" for p in match.groups())
    return "/".join(parts) + " "


def _raised(match: re.Match[str]) -> str:
    mark, inside = match.groups()
    return f"{mark}{inside}" if inside.isalnum() else f"{mark}({inside})"
