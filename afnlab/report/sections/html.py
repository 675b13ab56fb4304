"""Small helpers for HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from afnlab.compare.proper_names import Naming, proper_name
from afnlab.markup import escaped, filled, joined

if TYPE_CHECKING:
    from afnlab.compare.selection import Selection


LONG = 24  # letters of a label that stay on one line
LONG_WORD = 16  # letters of a word that may not fit into a tile


def table_of(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    kind: str = "",
    kinds: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Markup:
    """A table of texts, or of `Markup`; the first cell of a row is its heading.

    kind, kinds: the class of the table, and those of its rows; columns: what the page's script
    knows each column by, "" for none. Columns that hold nothing are left out.
    """
    width = max(map(len, rows), default=0)
    kept = [at for at in range(width) if at == 0 or any(row[at] for row in rows)]
    body = []
    for row, of in zip(rows, kinds or [""] * len(rows), strict=True):
        cells = joined(filled("<td>{}</td>", row[at]) for at in kept[1:])
        body.append(filled('<tr{}><th scope="row">{}</th>{}</tr>', _class(of), row[0], cells))
    known = [
        filled(' data-column="{}"', columns[at]) if columns and columns[at] else "" for at in kept
    ]
    heads = zip(known, (head[at] for at in kept), strict=True) if head else ()
    names = joined(filled('<th scope="col"{}>{}</th>', Markup(of), text) for of, text in heads)
    top = filled("<thead><tr>{}</tr></thead>", names) if head else ""
    table = filled("<table{}>{}<tbody>{}</tbody></table>", _class(kind), top, joined(body))
    return filled("<div class=scroll tabindex=0>{}</div>", table)


def heading(text: str, selection: Selection, level: int = 2) -> Markup:
    """A heading; where several settings are told of, it says of which.

    The setting itself, a heading of the second level without a text, is told in full; the others
    name what tells it from those beside it.
    """
    of = selection.setting if not text and level == 2 else selection.brief or selection.setting
    title = ": ".join(filter(None, [text, of if selection.among else ""]))
    return filled("<h{0}>{1}</h{0}>", level, title) if title else Markup("")


def name(label: str, naming: Naming = proper_name) -> Markup:
    """A label as HTML, with the proper name of its activation; one too long for a column may
    break, between its words if it can."""
    proper = naming(label)
    text = escaped(proper)
    return Markup(re.sub(r"(?<=[:_,/(])|\Z", "<wbr>", text)) if len(proper) > LONG else text


def typed(text: str) -> Markup:
    """A command, or a line of a file, as HTML: it breaks in front of a flag or of a key alone, and
    within one only where that is wider than the line."""
    parts = re.split(r" (?=--?\w|\{?\w+: )", text)
    return filled("<code>{}</code>", joined((filled("<span>{}</span>", p) for p in parts), " "))


def sentence(text: str) -> Markup:
    """A text as HTML whose numbers keep their unit beside them, whose intervals and flags
    (`--most`) stay whole, and in which commands (`afnlab ...`) are code."""
    within = re.sub(
        r"\[[^\[\]]{1,24}\]", lambda match: match[0].replace(" ", "&nbsp;"), escaped(text)
    )
    within = re.sub(r"`(afnlab [^`]+)`", r"<code>\1</code>", within)
    within = re.sub(r"(?<![\w-])--\w[\w-]*", r"<span class=flag>\g<0></span>", within)
    return Markup(re.sub(r"(?<=\d) (?=%|(?:points?|dB|bits?|nats?)\b)", "&nbsp;", within))


def in_narrow(text: str) -> Markup:
    """A text as `sentence` has it, whose long names may break between their words, as in a tile."""
    return Markup(
        re.sub(
            rf"[^\s<>&;]{{{LONG_WORD},}}",
            lambda match: re.sub(r"(?<=[:_,/(=])(?=.)", "<wbr>", match[0]),
            sentence(text),
        )
    )


def _class(name: str) -> Markup:
    return filled(' class="{}"', name) if name else Markup("")
