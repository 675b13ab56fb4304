"""What a user's file, a record or an error brings stays a text in every medium."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from matplotlib.text import Text

from afnlab import Param, activation
from afnlab.compare import summary_table
from afnlab.figures.style import Picture, in_legend, shortened, show, styled, wrapped
from afnlab.markup import escaped, formula
from afnlab.messages import plain, say
from afnlab.report import export, page
from afnlab.report.sections.html import heading, name, sentence, table_of
from afnlab.runs.sweeps import progress
from afnlab.widgets.activation_card import Card
from afnlab.widgets.elements import Message

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</td></table><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "x<a and b>c & d",
    "<!-- ",
    "\x1b[2J\x1b]0;owned\x07",
    "one\ntwo\rthree",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "\ud800",
    "$x$ \\alpha |a| *b* _c_ `d` [e](http://f) ~g~ #h %i {j} ^k",
    "=cmd|' /C calc'!A0",
)


class Elements(HTMLParser):
    """The elements of a page with what they do, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.names.append(tag)
        self.attributes |= {f"{key}={value}" for key, value in attrs if key in ("href", "src")}
        self.attributes |= {key for key, _ in attrs if key.startswith("on")}

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_activation(text: str):
    @activation(latex=text, p=Param(1.0))
    def bent(x, p):
        return p * x

    bent.fn.__doc__ = text
    return bent


def card_of(text: str) -> str:
    card = Card(hostile_activation(text), "#000", lambda c: None, lambda c: None)
    return "".join(child.value for child in (card.head, card.formula, card.code))


def message_of(text: str) -> str:
    message = Message()
    message.say(text)
    return message.value


def bar_of(text: str) -> str:
    bar = progress.Progress(text, 2, lambda: 1, report=lambda line: None)
    return "".join(progress.page_of(bar))


def figure_of(text: str) -> str:
    with styled(for_page=True):
        figure = Picture(figsize=(3, 2))
        figure.subplots().set_title(shortened(text))
        return show(figure, text, text, "name").data


MADE = {
    "a table": lambda text: table_of([text], [(text,), (text,)], "kind", [text, ""]),
    "a name": name,
    "a long name": lambda text: name(text + ":_,/(" * 9),
    "a sentence": sentence,
    "a heading": lambda text: heading(text, SimpleNamespace(setting=text, brief=text, among=True)),
    "a card": card_of,
    "a message": message_of,
    "a bar": bar_of,
    "a figure": figure_of,
    "a page": lambda text: page.shell(text, escaped(text)),
    "a formula": formula,
}


@pytest.mark.parametrize("medium", MADE)
def test_no_text_becomes_an_element(medium):
    """The elements of a page are the same whatever its texts are."""
    harmless = Elements(str(MADE[medium]("x")))
    for text in HOSTILE:
        html = str(MADE[medium](text))
        html.encode()
        found = Elements(html)
        codes = {"code"} if medium in ("a formula", "a card") else set()
        if medium != "a figure":  # where more letters are more paths
            assert [n for n in found.names if n not in codes | {"wbr"}] == [
                n for n in harmless.names if n not in codes | {"wbr"}
            ]
        assert set(found.names) - codes <= {*harmless.names, "wbr", *_DRAWN}
        assert found.attributes - _OWN <= harmless.attributes, text
        if medium not in ("a figure", "a bar", "a page", "a name", "a long name"):
            assert plain(text) in found.text or "\N{NO-BREAK SPACE}" in found.text


_DRAWN = {"path", "use", "g", "defs", "clippath", "rect", "svg"}
_OWN = {"href=None"}


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"x$<img src=x onerror=alert(1)>$",
        r"\require{html}\style{color:red}{x}",
        r"\def\x{\x}\x",
        r"\class{jp-Button}{x}",
        "x}{",
    ],
)
def test_a_formula_stays_within_itself(latex):
    made = str(formula(latex))
    assert made.startswith("<code>f(x) = ")
    assert "$" not in made.replace(latex, "").replace(str(escaped(latex)), "")
    assert formula(r"x\,\sigma(x)^2, \quad x < a") == r"$f(x) = x\,\sigma(x)^2, \quad x &lt; a$"


def test_on_a_terminal_a_text_is_one_line(capsys):
    for text in HOSTILE:
        say(text)
        out = capsys.readouterr().out
        assert out.endswith("\n")
        assert out[:-1].isprintable()
    say("\N{IDEOGRAPHIC SPACE}caf\xe9 \N{SNOWMAN} \N{MINUS SIGN}1")
    assert capsys.readouterr().out == "\N{IDEOGRAPHIC SPACE}caf\xe9 \N{SNOWMAN} \N{MINUS SIGN}1\n"
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    say("caf\xe9", narrow)
    narrow.seek(0)
    assert narrow.read() == "caf\\xe9\n"


def compared(labels: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        {
            "label": label,
            "seed": seed,
            "epoch": 1,
            "test_accuracy": 0.9 + 0.01 * seed,
            "test_loss": 0.1,
            "diverged": False,
        }
        for label in labels
        for seed in (0, 1)
    ]
    return summary_table.compare_histories(pd.DataFrame(rows), labels[0])


def test_tables_have_a_row_for_every_label():
    labels = (*(text for text in HOSTILE if text != "\ud800"), "[x]", "+1", "@x", "-y")
    table = compared(labels)
    assert len(summary_table.as_text(table).splitlines()) == len(labels) + 1
    assert all(line.isprintable() for line in summary_table.as_text(table).splitlines())
    rows = list(csv.reader(io.StringIO(export.as_csv(table))))
    assert len(rows) == len(labels) + 1
    assert not [row for row in rows if row[0][:1] in tuple("=+-@")]
    shown = summary_table.formatted(table)
    markdown = export.as_markdown(shown).splitlines()
    assert len(markdown) == len(labels) + 2
    assert {line.replace("\\|", "").count("|") for line in markdown} == {len(shown.columns) + 2}
    assert "\\<img" in "".join(markdown)
    assert "\\[e](" in "".join(markdown)
    latex = export.as_latex(shown)
    assert latex.count(r"\\" + "\n") == len(labels) + 1
    assert not [line for line in latex.splitlines() if line.startswith("[")]
    assert "\x1b" not in latex


def test_a_dollar_sign_in_a_figure_is_a_dollar_sign():
    with styled():
        figure = Picture(figsize=(3, 2))
        ax = figure.subplots()
        title = ax.set_title("$\\frac{a.py:f")
        ax.plot([0, 1], label=in_legend("_mine.py:f\x1b"))
        assert [text.get_text() for text in ax.legend().get_texts()] == [" _mine.py:f\\x1b"]
        assert wrapped("a\nb") == shortened("a\nb") == "a\\nb"
        assert not title.get_parse_math()
        figure.draw_without_rendering()
        assert all(not text.get_parse_math() for text in figure.findobj(Text))


def test_what_a_notebook_of_a_run_shows_is_not_live(tmp_path):
    html = "<style>x{}</style><table><tr><td onclick=x>y</td></tr></table><iframe src=http://x>"
    data = [
        {"text/html": html + HOSTILE[0] + HOSTILE[1] + "<a href='javascript:alert(1)'>l</a>"},
        {"text/html": "<form action=http://x><input></form><meta http-equiv=refresh content=0>"},
        {"image/svg+xml": "<svg onload='alert(1)'><script>1</script></svg>"},
        {"application/javascript": "alert(1)"},
        {"text/markdown": HOSTILE[0]},
        {"text/latex": "$x$" + HOSTILE[0]},
    ]
    cell = nbformat.v4.new_code_cell("1")
    cell.outputs = [nbformat.v4.new_output("display_data", data=one) for one in data]
    cell.outputs.append(nbformat.v4.new_output("stream", text=HOSTILE[0]))
    markdown = nbformat.v4.new_markdown_cell("# title\n\n" + HOSTILE[1] + HOSTILE[0])
    made = nbformat.v4.new_notebook(cells=[cell, markdown, nbformat.v4.new_raw_cell(HOSTILE[0])])
    path = Path(tmp_path / "run.ipynb")
    nbformat.write(made, path)
    text = page.to_html(path, HOSTILE[1], code=True)
    found = Elements(text)
    live = {"script", "iframe", "form", "input", "svg", "object", "embed", "link", "base"}
    assert not live & set(found.names)
    assert found.names.count("meta") == 3  # the encoding, the width, the policy
    assert {"table", "td", "h1"} <= set(found.names)
    assert all(one.startswith("src=data:") for one in found.attributes), found.attributes
    assert "default-src 'none'" in text
