"""Text in HTML: what is not `Markup` is escaped, here and nowhere else.

A page, a widget and a notebook's output are made of templates of ours, which `filled` fills in.
"""

from __future__ import annotations

import re
from html import escape

from markupsafe import Markup

from afnlab.messages import plain

# What lets a formula reach beyond itself in MathJax: links, styles, further packages, macros.
_REACHING = re.compile(
    r"\\(href|url|require|style|class|cssId|html\w*|data|unicode|includegraphics|bbox|mmlToken"
    r"|(re)?newcommand|(re)?newenvironment|(provide|declare)\w*|[gxe]?def|let|input|begingroup)\b"
)


def escaped(text: object) -> Markup:
    """A text as HTML; `Markup` is HTML already, and stays what it is."""
    return text if isinstance(text, Markup) else Markup(escape(plain(text)))


def filled(template: str, *values: object, **named: object) -> Markup:
    """A template of ours with texts in its braces, which are escaped."""
    return Markup(
        template.format(*map(escaped, values), **{k: escaped(v) for k, v in named.items()})
    )


def joined(parts: object, between: str = "") -> Markup:
    """Several pieces as one; `between` is HTML."""
    return Markup(between).join(map(escaped, parts))  # type: ignore[call-overload]


def formula(latex: str) -> Markup:
    """`f(x) = ...` for MathJax; as code where it would end the formula or reach beyond it."""
    reaches = "$" in latex or _REACHING.search(latex) or not latex.isprintable()
    if reaches or not _closed(latex):
        return filled("<code>f(x) = {}</code>", latex)
    return filled("$f(x) = {}$", latex)


def _closed(latex: str) -> bool:
    """Whether every brace has its partner."""
    depth = 0
    for mark in re.findall(r"\\.|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            return False
    return depth == 0
