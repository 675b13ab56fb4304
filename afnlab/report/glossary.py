"""The terms of a page, folded at its end: of the documentation's glossary, those that it uses."""

from __future__ import annotations

import re
from collections.abc import Collection

from markupsafe import Markup

from afnlab.markup import escaped, filled, joined
from afnlab.paths import shared

FILE = "glossary.md"
CHAPTERS = ("Tuning", "Comparisons")
_TERM = re.compile(r"^\*\*(.+?)\*\*: (.+)$", re.MULTILINE)


def terms(chapters: Collection[str] = CHAPTERS) -> dict[str, str]:
    """The terms of some chapters, with what they mean in Markdown; none without the file."""
    path = shared("docs") / FILE
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    kept = [part for part in parts if part.partition("\n")[0].strip() in chapters]
    return {term: meaning for chapter in kept for term, meaning in _TERM.findall(chapter)}


def section(*, tuned: bool = True) -> Markup:
    """The section of a page, on which something was tuned or not; nothing if there are no terms."""
    items = joined(
        filled('<dt id="term-{}">{}</dt><dd>{}</dd>', _slug(term), term, in_html(meaning))
        for term, meaning in terms(CHAPTERS if tuned else CHAPTERS[1:]).items()
    )
    fold = (
        '<details class="glossary" open><summary>What the words mean</summary><dl>{}</dl></details>'
    )
    return filled(f"<h2>The terms</h2>{fold}", items) if items else Markup("")


def _slug(term: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def in_html(text: str) -> Markup:
    """A line of Markdown in which there are code, emphasis and links, whose text alone is kept."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    html = str(escaped(text))
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
    return Markup(re.sub(r"\*([^*]+)\*", r"<i>\1</i>", html))
