"""A comparison of anybody's results as files: a page in Markdown, its tables, its figure."""

from __future__ import annotations

from pathlib import Path

from afnlab.compare.foreign_table import ForeignComparison
from afnlab.compare.summary_table import formatted, legend
from afnlab.figures.comparison import comparison as draw
from afnlab.messages import plain
from afnlab.report import export


def write_foreign(comparison: ForeignComparison, folder: str | Path) -> Path:
    """Write `comparison.md` with answers, table, figure and notes, the table as CSV (every digit)
    and LaTeX, and the figure as SVG.

    Args:
        comparison: of `afnlab.compare.compare_table`.
        folder: is made if it is not there; files of these names are written over.

    Returns:
        The path of the page.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    table, measure, baseline = comparison.table, comparison.measure, comparison.baseline
    shown = formatted(table, measure)
    told = plain(legend(table, baseline, measure))
    (target / "comparison.csv").write_text(export.as_csv(table), encoding="utf-8")
    (target / "comparison.tex").write_text(f"% {told}\n{export.as_latex(shown)}", encoding="utf-8")
    figure = draw(comparison.final, table, baseline, comparison.margin, measure)
    figure.savefig(target / "comparison.svg", metadata={"Date": None})
    said = [
        f"**{question}** {export.in_markdown(text)}"
        for question, text in comparison.answers.items()
    ]
    parts = [
        f"# {export.in_markdown(comparison.name)}",
        *said,
        export.as_markdown(shown).rstrip("\n"),
        export.in_markdown(told),
        "![Values of every seed, and differences to the baseline](comparison.svg)",
        *map(export.in_markdown, comparison.notes),
    ]
    page = target / "comparison.md"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page
