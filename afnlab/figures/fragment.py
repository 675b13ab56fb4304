"""A piece of a page, as the output of a notebook's cell holds it."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from afnlab.markup import joined

FIGURES = "application/vnd.afnlab.figures+json"  # {name: SVG}, beside the HTML that shows them


class Fragment:
    """HTML that a notebook shows, and the named figures in it, which travel beside it.

    parts: `Markup`, texts, which are escaped, and other fragments, whose figures are kept; figures:
    SVG by name.
    """

    def __init__(self, *parts: str | Fragment, figures: Mapping[str, str] = {}) -> None:
        self.figures = dict(figures)
        for part in parts:
            self.figures |= part.figures if isinstance(part, Fragment) else {}
        self.data: str = str(
            joined(Markup(p.data) if isinstance(p, Fragment) else p for p in parts)
        )

    def __repr__(self) -> str:
        return f"Fragment({len(self.data)} letters, figures: {', '.join(self.figures) or 'none'})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        bundle: dict[str, object] = {"text/plain": repr(self), "text/html": self.data}
        return bundle | ({FIGURES: self.figures} if self.figures else {})
