"""A comparison of anybody's results: as a page, as files, and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from afnlab.compare.foreign_table import ForeignComparison
from afnlab.compare.summary_table import formatted, legend
from afnlab.figures.comparison import comparison as draw
from afnlab.figures.comparison import edges_in_words
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import show, styled
from afnlab.markup import filled, joined
from afnlab.messages import inform, plain
from afnlab.printing import label_of
from afnlab.report import export, staging
from afnlab.report.page import shell
from afnlab.report.sections.html import sentence
from afnlab.report.sections.tables import comparison_table
from afnlab.report.state import SCHEMA, state_of
from afnlab.runs.storage import safe_files
from afnlab.usercode.lookup import expanded

_SHOWS = "Values of every seed, and differences to the baseline"
_NAME = "comparison"
FILES = tuple(f"{_NAME}.{ending}" for ending in ("html", "md", "csv", "tex", "svg"))


def comparison(one: ForeignComparison) -> Fragment:
    """What a comparison says, as a notebook shows it: sentences, figure, table, notes.

    Args:
        one: of `afnlab.compare.compare_table` or `compare_results`.
    """
    with styled(for_page=True):
        figure = draw(one.final, one.table, one.baseline, one.margin, one.measure)
        picture = show(figure, _SHOWS, _legend(one), "comparison")
    said = joined(
        filled("<dt>{}</dt><dd>{}</dd>", question, sentence(text))
        for question, text in one.answers.items()
    )
    runs: dict[str, list[str]] = {str(label): [] for label in one.table.index}
    table = comparison_table(one.table, one.baseline, runs, "", one.measure)
    notes = joined(filled("<p class=note>{}</p>", sentence(note)) for note in one.notes)
    return Fragment(filled("<dl class=answers>{}</dl>", said), picture, table, notes)


def _legend(one: ForeignComparison) -> str:
    """What the table and the marks of the figure mean."""
    edges = edges_in_words(one.table, one.final, one.measure)
    return " ".join([legend(one.table, one.baseline, one.measure), *edges])


def write_foreign(
    one: ForeignComparison, folder: str | Path, report: Callable[[str], None] = inform
) -> Path:
    """Write the page `comparison.html`, which needs no other file, and the same in Markdown; the
    table as CSV (every digit) and LaTeX, and the figure as SVG.

    `comparison.json` lists their sums. What has the name of one of these files and is not as the
    last comparison wrote it is moved into the folder `kept` beside the page.

    Args:
        one: of `afnlab.compare.compare_table`.
        folder: is made if it is not there.
        report: takes lines on what happens; by default the logger `afnlab`.

    Returns:
        The path of the page.

    Raises:
        ValueError: if the folder is none or may not be written to, or if one of the files is the
            table that was compared, which is never written over.
    """
    target, kept = expanded(folder), list[Path]()
    staging.require_not_read(target, (*FILES, state_of(_NAME)), one.source)
    staging.require_room(target, FILES, ())
    staging.require_writable(target, ())
    with staging.aside(target, kept, _NAME) as new:
        _write_files(one, new)
        sums = {name: safe_files.summed(new / name)["sha256"] for name in FILES}
        safe_files.write_json(new / state_of(_NAME), {"schema": SCHEMA, "files": sums})
    page = target / FILES[0]
    for line in (f"wrote {page}", *staging.said(kept, _NAME)):
        report(line)
    return page


def _write_files(one: ForeignComparison, new: Path) -> None:
    page, markdown, csv, tex, svg = (new / name for name in FILES)
    legend_text = plain(legend(one.table, one.baseline, one.measure))
    under_figure = plain(_legend(one))
    shown = formatted(one.table, one.measure)
    csv.write_text(export.as_csv(one.table), encoding="utf-8")
    tex.write_text(f"% {legend_text}\n{export.as_latex(shown)}", encoding="utf-8")
    figure = draw(one.final, one.table, one.baseline, one.margin, one.measure)
    figure.savefig(svg, metadata={"Date": None})
    answers = one.answers.items()
    parts = [
        f"# {export.in_markdown(one.name)}",
        *(f"**{question}** {export.in_markdown(text)}" for question, text in answers),
        export.as_markdown(shown).rstrip("\n"),
        export.in_markdown(under_figure),
        f"![{_SHOWS}]({svg.name})",
        *map(export.in_markdown, one.notes),
    ]
    markdown.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    head = filled("<h1>{}</h1><p class=facts>{}</p>", one.name, label_of(one.measure))
    page.write_text(shell(one.name, str(head) + comparison(one).data), encoding="utf-8")
