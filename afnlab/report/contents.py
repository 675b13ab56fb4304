"""The bar over a page: a list of its headings, which get anchors, and links to its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from markupsafe import Markup

from afnlab.markup import filled, joined

_HEADING = re.compile(r"<h([23])\b[^>]*>(.*?)</h\1>", re.DOTALL)
_BAR = '<nav class="bar" aria-label="This page"><b>afnlab</b>{}{}{}</nav>'
_LIST = '<details class="menu"><summary>Contents</summary><ol>{}</ol></details>'
_MENU = '<details class="menu"><summary>Files</summary><ul>{}</ul></details>'
Link = tuple[str, str]  # what it says, and where it leads


def anchored(body: str) -> tuple[str, list[tuple[int, str, str]]]:
    """A body whose headings have ids of their own, and the headings: level, id, text.

    Args:
        body: HTML.
    """
    headings: list[tuple[int, str, str]] = []

    def with_id(match: re.Match[str]) -> str:
        level, inside = int(match[1]), match[2]
        text = " ".join(unescape(re.sub(r"<[^>]*>", "", inside)).split())
        at = _slug(text, {known for _, known, _ in headings})
        headings.append((level, at, text))
        return f'<h{level} id="{at}">{inside}</h{level}>'

    return _HEADING.sub(with_id, body), headings


def _slug(text: str, taken: set[str]) -> str:
    plain = "section-" + (re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "untitled")
    number = 1
    while (name := f"{plain}-{number}" if number > 1 else plain) in taken:
        number += 1
    return name


def bar(
    headings: Sequence[tuple[int, str, str]], files: Sequence[Link] = (), back: str = ""
) -> Markup:
    """The bar; nothing for a page without headings.

    Args:
        headings: of `anchored`.
        files: links to files beside the page.
        back: the page that this one belongs to, if any.
    """
    items = joined(
        filled('<li class="level-{}"><a href="#{}">{}</a></li>', *heading) for heading in headings
    )
    listed = joined(filled('<li><a href="{}">{}</a></li>', where, text) for text, where in files)
    menu = filled(_MENU, listed) if files else Markup("")
    to = filled('<a href="{}">\N{LEFTWARDS ARROW} the report</a>', back) if back else Markup("")
    listing = filled(_LIST, items) if headings else Markup("")
    return filled(_BAR, to, listing, menu) if headings or back else Markup("")
