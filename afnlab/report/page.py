"""An executed notebook as one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from afnlab.markup import escaped, filled
from afnlab.report import contents
from afnlab.runs.kernel.notebook_format import import_nbformat
from afnlab.usercode.lookup import expanded

# A page asks no network for anything; what runs in it is our own script and no other.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:;"
    "{} form-action 'none'; base-uri 'none'"
)
# What a run's notebook, which may be anybody's, may put onto the page of its evidence.
_TAGS = (
    *("a", "abbr", "b", "code", "del", "em", "i", "s", "small", "span", "strong"),
    *("sub", "sup", "u"),
    *("blockquote", "br", "div", "dl", "dt", "dd", "hr", "li", "ol", "p", "pre", "ul"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
    *("caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
)
_ATTRIBUTES = {"*": ["class", "title", "scope", "colspan", "rowspan", "align"], "a": ["href"]}
STYLE = Path(__file__).with_name("page.css")
SCRIPTS = Path(__file__).with_name("script")


def to_html(
    notebook: str | Path | bytes,
    title: str,
    code: bool = False,
    *,
    head: str = "",
    tail: str = "",
    files: Sequence[contents.Link] = (),
    back: str = "",
) -> str:
    """The page of an executed notebook, a file or its content; `code` shows its cells' sources.

    head, tail: HTML before and after what the notebook shows; files: links to files beside the
    page; back: the page that this one belongs to.

    With code it is a run's, and so perhaps of somebody else's making: of the HTML in it only what
    is text, tables and the like is kept.
    """
    nbformat = import_nbformat()
    data = notebook if isinstance(notebook, bytes) else expanded(notebook).read_bytes()
    content: Any = nbformat.reads(data.decode("utf-8"), as_version=4)
    for cell in content.cells:  # what a cell prints to stderr is for the one who ran it
        if cell.cell_type == "code" and not code:
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    body, _ = _exporter(code).from_notebook_node(content)
    if code:
        whole = f"{contents.bar([], back=back)}<main>{head}{body}{tail}</main>"
        return shell(title, whole, _code_style())
    body, headings = contents.anchored(f"{head}{_with_files(body, files)}{tail}")
    return shell(title, f"{contents.bar(headings, files)}<main>{body}</main>", script=script())


def _with_files(body: str, files: Sequence[contents.Link]) -> str:
    """A body in which every figure that lies beside the page as a file links to it."""
    for _, where in files:
        if where.endswith(".svg"):
            name = re.escape(Path(where).stem)
            link = filled('<a class="file" href="{}">SVG</a>', where)
            body = re.sub(
                f'(<figure id="{name}">.*?)</figure>',
                lambda match, link=link: f"{match[1]}{link}</figure>",  # type: ignore[misc]
                body,
                count=1,
                flags=re.DOTALL,
            )
    return body


@cache
def script() -> str:
    """The script of a report's page, of the parts in their order."""
    parts = sorted(SCRIPTS.glob("*.js"))
    return "".join(path.read_text(encoding="utf-8") for path in parts)


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


def shell(title: str, body: str, style: str = "", script: str = "") -> str:
    """A complete page around a body; script: the only one that may run in it."""
    css = STYLE.read_text(encoding="utf-8") + style
    digest = b64encode(sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = POLICY.format(f" script-src 'sha256-{digest}';" if script else "")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escaped(title)}</title><style>{css}</style></head>\n"
        f"<body>{body}{f'<script>{script}</script>' if script else ''}</body></html>\n"
    )


def _code_style() -> str:
    from pygments.formatters import HtmlFormatter  # noqa: PLC0415

    light = HtmlFormatter(style="default", nobackground=True).get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark", nobackground=True).get_style_defs(".highlight")
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}"
