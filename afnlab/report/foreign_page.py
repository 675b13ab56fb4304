"""A comparison of anybody's results: as a page, as files, and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

import afnlab
from afnlab.compare.foreign_table import ForeignComparison
from afnlab.compare.summary_table import formatted
from afnlab.figures.comparison import comparison as draw
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import show, styled
from afnlab.markup import filled, joined
from afnlab.messages import inform, plain
from afnlab.report import export, foreign_runs, staging
from afnlab.report.page import shell
from afnlab.report.sections import comparison_key
from afnlab.report.sections.html import sentence
from afnlab.report.sections.tables import comparison_table
from afnlab.report.state import SCHEMA, state_of
from afnlab.runs.storage import safe_files
from afnlab.usercode.lookup import expanded

_SHOWS = "Values of every seed, and differences to the baseline"
_NAME = "comparison"
FILES = tuple(f"{_NAME}.{ending}" for ending in ("html", "md", "csv", "tex", "svg"))


def comparison(one: ForeignComparison) -> Fragment:
    """A comparison as a notebook shows it: sentences, figure, table, notes.

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


def write_foreign(
    one: ForeignComparison, folder: str | Path, report: Callable[[str], None] = inform
) -> Path:
    """Write the page `comparison.html`, which needs no other file, and the same in Markdown; the
    table as CSV (every digit) and LaTeX, and the figure as SVG.

    `comparison.json` lists their sums, and says of which metric of which table they are: another
    comparison is not written over them. What has the name of one of these files and is not as the
    last comparison wrote it is moved into the folder `kept` beside the page.

    Args:
        one: of `afnlab.compare.compare_table`.
        folder: is made if it is not there.
        report: takes lines on what happens; by default the logger `afnlab`.

    Returns:
        The path of the page.

    Raises:
        ValueError: if the folder is none or may not be written to, if it holds the comparison of
            another table or metric, or if one of the files is the table that was compared, which is
            never written over.
    """
    target, kept = expanded(folder), list[Path]()
    staging.require_not_read(target, (*FILES, state_of(_NAME)), one.source)
    staging.require_room(target, FILES, ())
    staging.require_writable(target, ())
    about = _about(one, target)
    with staging.aside(target, kept, _NAME) as new:
        staging.require_same(target, about, partial(_other, target=target), _NAME)
        _write_files(one, new)
        sums = {name: safe_files.summed(new / name)["sha256"] for name in FILES}
        state = {"schema": SCHEMA, "about": about, "made of": one.source_sum, "files": sums}
        safe_files.write_json(new / state_of(_NAME), state)
    page = target / FILES[0]
    for line in (f"wrote {page}", *staging.said(kept, _NAME)):
        report(line)
    return page


def _about(one: ForeignComparison, target: Path) -> dict[str, str]:
    """What a comparison is about: rows may be added to it, and be compared otherwise.

    A file, or a folder of runs, is known by where it lies, seen from the folder: the two can be
    moved together.
    """
    about = {"metric": one.metric.name}
    if one.source is None:
        about["table"] = one.name
    else:
        about["file"] = staging.seen_from(target, one.source)
    if one.runs is not None:
        about["runs"] = staging.of_runs(target, one.runs)
    return about


def _other(there: dict[str, object], target: Path) -> str:
    """Which comparison a folder holds."""
    file = there.get("file")
    table = there.get("table") if file is None else staging.at(target, str(file))
    runs = there.get("runs")
    by = "" if runs is None else f" by the runs in {plain(staging.at(target, str(runs)))}"
    return f"another comparison, of {plain(there.get('metric'))} in {plain(table)}{by}"


def _made(one: ForeignComparison) -> str:
    """When, by what and from what a page was made, for who was handed it alone."""
    if one.runs is not None:
        of = one.name if one.source is None else one.source.name
        origin = f"the runs of {plain(of)} in {plain(one.runs.shown)}"
    elif one.source is None:
        origin = "trainings" if one.trained else "a table"
    else:
        origin = f"{plain(one.source.name)} (SHA-256 {one.source_sum[:8]})"
    date = datetime.now(UTC).date().isoformat()
    return f"Made on {date} by afnlab {afnlab.__version__} from {origin}."


def _write_files(one: ForeignComparison, new: Path) -> None:
    page, markdown, csv, tex, svg = (new / name for name in FILES)
    legend_text = plain(one.legend)
    shown, made = formatted(one.table, one.measure), _made(one)
    csv.write_text(export.as_csv(one.table), encoding="utf-8")
    tex.write_text(f"% {legend_text}\n{export.as_latex(shown)}", encoding="utf-8")
    with styled(), rc_context({"svg.hashsalt": _NAME}):  # else its ids differ from page to page
        _drawn(one).savefig(svg, metadata={"Date": None})
    said = [f"**{question}** {export.in_markdown(text)}" for question, text in one.answers.items()]
    parts = [
        f"# {export.in_markdown(one.name)}",
        export.in_markdown(one.subject),
        *said,
        export.as_markdown(shown, one.rows_are).rstrip("\n"),
        export.in_markdown(legend_text),
        f"![{_SHOWS}]({svg.name})",
        export.in_markdown(plain(_key(one))),
        *map(export.in_markdown, (*one.notes, *foreign_runs.as_text(one), made)),
    ]
    markdown.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    head = filled("<h1>{}</h1><p class=facts>{}</p>", one.name, one.subject)
    foot = filled("{}<p class=facts>{}</p>", foreign_runs.as_html(one), made)
    page.write_text(shell(one.name, f"{head}{comparison(one).data}{foot}"), encoding="utf-8")
