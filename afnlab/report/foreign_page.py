"""A comparison of anybody's results: as a page, as files, and in a notebook."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from afnlab.compare.foreign_table import ForeignComparison
from afnlab.compare.summary_table import formatted
from afnlab.figures.comparison import comparison as draw
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import show, styled
from afnlab.markup import filled, joined
from afnlab.messages import plain
from afnlab.printing import label_of
from afnlab.report import export
from afnlab.report.page import shell
from afnlab.report.sections import comparison_key
from afnlab.report.sections.html import sentence
from afnlab.report.sections.tables import comparison_table
from afnlab.usercode.lookup import expanded

_SHOWS = "Values of every seed, and differences to the baseline"


def comparison(one: ForeignComparison) -> Fragment:
    """What a comparison says, as a notebook shows it: sentences, figure, table, notes.

    Args:
        one: of `afnlab.compare.compare_table` or `compare_results`.
    """
    with styled(for_page=True):
        wide, narrow = _drawn(one), _drawn(one, narrow=True)
        picture = show(wide, _SHOWS, _key(one), "comparison", narrow)
    said = joined(
        filled("<dt>{}</dt><dd>{}</dd>", question, sentence(text))
        for question, text in one.answers.items()
    )
    runs: dict[str, list[str]] = {str(label): [] for label in one.table.index}
    of = (one.measure, one.rows_are, str)
    table = comparison_table(one.table, one.baseline, runs, "", *of)
    said_below = (one.legend, *one.notes)
    notes = joined(filled("<p class=note>{}</p>", sentence(note)) for note in said_below)
    return Fragment(filled("<dl class=answers>{}</dl>", said), picture, table, notes)


def _drawn(one: ForeignComparison, narrow: bool = False) -> Figure:
    """The figure, in which labels are called what the table calls them."""
    of = (one.final, one.table, one.baseline, one.margin, one.measure)
    return draw(*of, naming=str, narrow=narrow)


def _key(one: ForeignComparison) -> str:
    """What the marks of the figure mean."""
    of = (one.final, one.table, one.baseline, one.margin, one.measure)
    return comparison_key.key(*of, comparison_key.SET_BY_SEEDS * one.trained)


def write_foreign(one: ForeignComparison, folder: str | Path) -> Path:
    """Write the page `comparison.html`, which needs no other file, and the same in Markdown; the
    table as CSV (every digit) and LaTeX, and the figure as SVG.

    Args:
        one: of `afnlab.compare.compare_table`.
        folder: is made if it is not there; files of these names are written over.

    Returns:
        The path of the page.
    """
    target = expanded(folder)
    target.mkdir(parents=True, exist_ok=True)
    legend_text = plain(one.legend)
    shown = formatted(one.table, one.measure)
    latex = f"% {legend_text}\n{export.as_latex(shown)}"
    (target / "comparison.csv").write_text(export.as_csv(one.table), encoding="utf-8")
    (target / "comparison.tex").write_text(latex, encoding="utf-8")
    _drawn(one).savefig(target / "comparison.svg", metadata={"Date": None})
    said = [f"**{question}** {export.in_markdown(text)}" for question, text in one.answers.items()]
    parts = [
        f"# {export.in_markdown(one.name)}",
        *said,
        export.as_markdown(shown, one.rows_are).rstrip("\n"),
        export.in_markdown(legend_text),
        f"![{_SHOWS}](comparison.svg)",
        export.in_markdown(plain(_key(one))),
        *map(export.in_markdown, one.notes),
    ]
    (target / "comparison.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    page = target / "comparison.html"
    head = filled("<h1>{}</h1><p class=facts>{}</p>", one.name, label_of(one.measure))
    page.write_text(shell(one.name, str(head) + comparison(one).data), encoding="utf-8")
    return page
