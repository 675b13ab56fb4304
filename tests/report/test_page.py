"""The page of a report is valid: elements are closed, ids stand once, links lead somewhere."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from afnlab.figures.style import show, styled, tidied, tip
from afnlab.report import contents, glossary
from afnlab.report.page import shell
from afnlab.report.run_page import without_paths

VOID = {"meta", "br", "hr", "img", "input", "link", "col", "wbr"}
BLOCKS = {"div", "p", "ul", "ol", "dl", "table", "figure", "section", "h1", "h2", "h3", "details"}


class Problems(HTMLParser):
    """What is wrong with a page, in sentences."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.refs: set[str] = set()
        self.found: list[str] = []
        self.feed(page)
        self.close()
        self.found += [f"{tag} is not closed" for tag in self.open]
        twice = {i for i, times in Counter(self.ids).items() if times > 1}
        self.found += [f"id {i} stands twice" for i in sorted(twice)]
        self.found += [f"#{r} leads nowhere" for r in sorted(self.refs - set(self.ids))]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.found.append(f"{tag} has an attribute twice")
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
                if not value or re.search(r"\s", value):
                    self.found.append(f"id {value!r}")
            if name in ("href", "xlink:href") and (value or "").startswith("#"):
                self.refs.add(value[1:])
        if tag in BLOCKS and "p" in self.open:
            self.found.append(f"{tag} within p")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.found.append(f"</{tag}> within {self.open[-1:]}")
        if tag in self.open:
            while self.open.pop() != tag:
                pass


WRONG = {
    "not closed": "<div><p>a</p>",
    "crossed": "<b><i>a</b></i>",
    "an id twice": '<a id="x"></a><a id="x"></a>',
    "a link to nothing": '<a href="#y">a</a>',
    "a block in a paragraph": "<p><div></div></p>",
    "an attribute twice": '<a id="x" id="y"></a>',
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case):
    assert Problems(WRONG[case]).found


def drawing(text: str) -> Figure:
    figure = Figure()
    ax = figure.subplots()
    (line,) = ax.plot([1, 2], [3, 4], "o-")
    ax.set_title(text)
    tip(line, text, ["one", "two"])
    return figure


@pytest.mark.parametrize(
    "text", ["plain", 'a "quoted" one', "<b>it's & more</b>", "\N{MINUS SIGN}1"]
)
def test_figures_share_no_ids_and_keep_what_they_say(text):
    with styled(for_page=True):
        parts = [show(drawing(text), text, text, name).data for name in ("one", "two")]
    page = shell("t", "".join(parts))
    assert Problems(page).found == []
    assert page.count("data-tip=") == 2


def test_tidying_keeps_every_reference():
    svg = (
        '<svg><g id="a"><path id="b"/></g><use href="#b"/><g clip-path="url(#c)"/><i id="c"/></svg>'
    )
    made = tidied(svg, "f")
    first, second = re.findall(r'id="([^"]*)"', made)
    assert first.startswith("f-")
    assert first != second
    assert f'href="#{first}"' in made
    assert f"url(#{second})" in made


def test_headings_get_anchors_of_their_own():
    body, found = contents.anchored('<h2 id="x">A &lt; b</h2><h3>A  &lt; <i>b</i></h3><h2></h2>')
    assert [at for _, at, _ in found] == ["section-a-b", "section-a-b-2", "section-untitled"]
    assert [text for *_, text in found] == ["A < b", "A < b", ""]
    page = shell("t", f"{contents.bar(found, [('a & b', 'a.csv')])}{body}")
    assert Problems(page).found == []
    assert "a &amp; b" in page


def test_the_glossary_is_that_of_the_documentation():
    terms = glossary.terms()
    assert {"Baseline", "Adjusted", "Sign-flip test", "Replicate", "Collapsed"} <= terms.keys()
    assert "Rotation" not in terms  # of another chapter
    assert "Replicate" in glossary.section()
    assert "Replicate" not in glossary.section(tuned=False)  # of a page without tuning
    page = shell("t", glossary.section())
    assert Problems(page).found == []
    assert "<i>adjusted interval</i>" in page
    assert "statistics.md" not in page  # which no page beside this one has
    assert str(glossary.in_html("a < *b* `c<d`")) == "a &lt; <i>b</i> <code>c&lt;d</code>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "in /home/j\u00fcrgen/runs/.attempt-0a-1b/notebook.ipynb y",
            "in the run's folder/notebook.ipynb y",
        ),
        (r"C:\\a\\.attempt-0a-1b", "the run's folder"),
        ("<p>/a/b/.attempt-a-b</p>", "<p>the run's folder</p>"),
        ("/x y/.attempt-1-2 ~/q/.attempt-5-6", "/x the run's folder the run's folder"),
        ("a.attempt-01-2f b", "athe run's folder b"),
        ("none, in /a/b/c", "none, in /a/b/c"),
    ],
)
def test_folders_of_attempts_are_not_named(text, shown):
    picture = "iVBORw0KGgo/" * 100_000  # as pictures stand in a page: one long word
    page = f"{text} {picture} {text}"
    assert without_paths(page, {}) == f"{shown} {picture} {shown}"
