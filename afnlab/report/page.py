"""An executed notebook as one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from afnlab.markup import escaped
from afnlab.runs.kernel.notebook_format import import_nbformat

# A page shows what it holds: nothing in it runs, and it asks no network for anything.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:;"
    " form-action 'none'; base-uri 'none'"
)
# What a run's notebook, which may be anybody's, may put onto the page of its evidence.
_TAGS = (
    *(
        "a",
        "abbr",
        "b",
        "code",
        "del",
        "em",
        "i",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "u",
    ),
    *("blockquote", "br", "div", "dl", "dt", "dd", "hr", "li", "ol", "p", "pre", "ul"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
    *("caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
)
_ATTRIBUTES = {"*": ["class", "title", "scope", "colspan", "rowspan", "align"], "a": ["href"]}
STYLE = Path(__file__).with_name("page.css")


def to_html(notebook: str | Path | bytes, title: str, code: bool = False) -> str:
    """The page of an executed notebook, a file or its content; `code` shows its cells' sources.

    With code it is a run's, and so perhaps of somebody else's making: of the HTML in it only what
    is text, tables and the like is kept.
    """
    nbformat = import_nbformat()
    data = notebook if isinstance(notebook, bytes) else Path(notebook).read_bytes()
    content: Any = nbformat.reads(data.decode("utf-8"), as_version=4)
    for cell in content.cells:  # what a cell prints to stderr is for the one who ran it
        if cell.cell_type == "code" and not code:
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    body, _ = _exporter(code).from_notebook_node(content)
    return shell(title, body, _code_style() if code else "")


@cache
def _exporter(code: bool) -> Any:
    import_nbformat()
    from nbconvert import HTMLExporter  # noqa: PLC0415

    return HTMLExporter(
        template_name="basic",
        exclude_input=not code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        sanitize_html=code,
        filters={"clean_html": _cleaned},
    )


def _cleaned(html: object) -> str:
    from bleach import clean  # noqa: PLC0415

    text = "".join(html) if isinstance(html, list) else str(html)
    unstyled = re.sub(r"<style\b.*?</style\s*>", "", text, flags=re.DOTALL | re.IGNORECASE)
    return clean(unstyled, tags=_TAGS, attributes=_ATTRIBUTES, protocols=["http", "https"])


def shell(title: str, body: str, style: str = "") -> str:
    """A complete page around a body."""
    css = STYLE.read_text(encoding="utf-8") + style
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escaped(title)}</title><style>{css}</style></head>\n"
        f"<body><main>{body}</main></body></html>\n"
    )


def _code_style() -> str:
    from pygments.formatters import HtmlFormatter  # noqa: PLC0415

    light = HtmlFormatter(style="default", nobackground=True).get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark", nobackground=True).get_style_defs(".highlight")
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}"
