"""A piece of a page, as the output of a notebook's cell holds it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache

from markupsafe import Markup

from afnlab.markup import joined
from afnlab.paths import PACKAGE

FIGURES = "application/vnd.afnlab.figures+json"  # {name: SVG}, beside the HTML that shows them
PAGE = "AFNLAB_PAGE"  # set in a kernel that makes a page, which has its style once for all parts
_SCOPE = "afnlab-part"
# JupyterLab's colours, and an end to the stripes and the centred cells of its own tables.
_IN_LAB = """
  --ink: var(--jp-content-font-color1, currentColor);
  --soft: var(--jp-content-font-color2, #5b6670);
  --line: var(--jp-border-color2, #d9dde1); --paper: var(--jp-layout-color0, #fff);
  --card: color-mix(in srgb, var(--ink) 7%, var(--paper));
  --link: var(--jp-content-link-color, #1f6fb2);
  font-size: 14px; line-height: 1.45;
  [data-jp-theme-light="false"] & { --good: #57c38c; --bad: #f0905a; }
  & dt, & dd { float: none; width: auto; padding: 0; }
  & tbody tr:nth-child(n):not(.baseline) { background: none; }
"""


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
        html = self.data
        if html and PAGE not in os.environ:
            html = f'<div class="{_SCOPE}"><style>{_style()}</style>{html}</div>'
        bundle: dict[str, object] = {"text/plain": repr(self), "text/html": html}
        return bundle | ({FIGURES: self.figures} if self.figures else {})


# What a page says of itself, as it holds for a part of it in JupyterLab.
_ROOTS = {
    ":root[data-theme=light]": '[data-jp-theme-light="true"] &',
    ":root[data-theme=dark]": '[data-jp-theme-light="false"] &',
    ":root[data-theme]": "&",
    ":root": "&",
}


@cache
def _style() -> str:
    """The style of a page, for what is within the scope alone."""
    rules = (PACKAGE / "report" / "page.css").read_text(encoding="utf-8")
    rules = re.sub(r"@page[^{]*\{(?:[^{}]|\{[^{}]*\})*\}", "", rules)
    for root, scope in _ROOTS.items():
        rules = rules.replace(root, scope)
    return f".{_SCOPE}.{_SCOPE} {{ {rules} {_IN_LAB} }}"
