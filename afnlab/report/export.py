"""The tables and figures of a report as files of their own, and the page as PDF."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pandas as pd

from afnlab.compare.formatting import powers_in_latex
from afnlab.compare.proper_names import named, proper_name
from afnlab.compare.selection import Selection
from afnlab.compare.summary_table import formatted, legend, unsigned_zeros
from afnlab.figures.fragment import FIGURES as FIGURES_TYPE
from afnlab.messages import plain
from afnlab.usercode.lookup import expanded

TABLES, FIGURES = "tables", "figures"
_NAME = re.compile(r"[\w.-]+")  # of a figure, and so of a file
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = "AFNLAB_CHROMIUM"
TIMEOUT = 120  # seconds that it may take to print a page
LETTER = ("US", "CA", "MX", "PH", "CL", "CO", "VE", "GT", "CR", "PA")


def tables(selection: Selection, folder: Path) -> Path:
    """Write a comparison as CSV (every column, every digit), Markdown and LaTeX; the CSV's path.

    Where a source printed numbers for the task, they stand beside in a CSV of their own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{selection.name}.csv"
    path.write_text(as_csv(selection.table), encoding="utf-8")
    shown = named(formatted(selection.table, selection.measure))
    base = proper_name(selection.baseline)
    where = f"{selection.setting}, on {selection.evaluated} examples"
    about = f"{where}. {legend(selection.table, base, selection.measure)}"
    caption = plain(" ".join([about, *selection.stopping]))
    beneath = in_markdown(caption)
    path.with_suffix(".md").write_text(f"{as_markdown(shown)}\n{beneath}\n", encoding="utf-8")
    path.with_suffix(".tex").write_text(f"% {caption}\n{as_latex(shown)}", encoding="utf-8")
    if not selection.claims.empty:
        claims = folder / f"{selection.name}-published.csv"
        table = selection.claims.assign(activation=selection.claims.activation.map(_no_formula))
        table.to_csv(claims, index=False, lineterminator="\n")
    return path


def as_csv(table: pd.DataFrame) -> str:
    """A table as CSV; a label that a spreadsheet would compute begins with an apostrophe."""
    shown = unsigned_zeros(table).rename(index=_no_formula)
    return shown.to_csv(index_label="activation", lineterminator="\n")


def _no_formula(label: object) -> str:
    text = plain(label)
    return f"'{text}" if text.startswith(tuple("=+-@")) else text


def as_markdown(shown: pd.DataFrame, rows_are: str = "activation") -> str:
    """A table of texts in Markdown; numbers stand to the right. rows_are: what the labels are."""
    head = [rows_are, *map(str, shown.columns)]
    rows = [[str(label), *row] for label, row in zip(shown.index, shown.to_numpy(), strict=True)]
    ruler = ["---", *("---:" for _ in shown.columns)]
    lines = [ruler if row is ruler else list(map(in_markdown, row)) for row in (head, ruler, *rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def in_markdown(text: object) -> str:
    """A text in Markdown, GitHub's and Jupyter's, in which no letter is a mark."""
    marks = r"[\\`*<>|$~&!#]|\[(?=[^\]]*\]\()|(?<![^\W_])_|_(?![^\W_])"
    return re.sub(marks, lambda match: f"\\{match[0]}", plain(text))


def as_latex(shown: pd.DataFrame) -> str:
    """A table of texts for the LaTeX package booktabs, minus and less-than in mathematics."""
    sides = "".join("l" if name == "verdict" else "r" for name in shown)
    shown = shown.rename(index=plain)
    text = shown.to_latex(escape=True, column_format=f"l{sides}", index_names=False)
    text = re.sub(r"(?<![\w.])-(?=\d)", r"$-$", text)
    text = re.sub(r"^\[", "{[}", text, flags=re.MULTILINE)  # which would belong to the \\ before
    return "% \\usepackage{booktabs}\n" + powers_in_latex(text.replace("& < ", "& $<$ "))


def figures_in(notebook: Path) -> dict[str, str]:
    """The named figures in an executed notebook's outputs, as SVG; ValueError if it is none.

    A name that no file may have is not among them.
    """
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
        outputs = [o for c in content["cells"] for o in c.get("outputs", ())]
        bundles = [o.get("data", {}).get(FIGURES_TYPE, {}).items() for o in outputs]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{notebook}: is no executed notebook ({error!r})") from None
    drawings = dict(figure for bundle in bundles for figure in bundle)
    return {n: svg for n, svg in drawings.items() if _NAME.fullmatch(n) and isinstance(svg, str)}


def figures(notebook: Path, folder: Path) -> list[Path]:
    """Write every named figure in an executed notebook's outputs as an SVG file."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, svg in figures_in(notebook).items():
        path = folder / f"{name}.svg"
        path.write_text(as_file(svg), encoding="utf-8")
        written.append(path)
    return written


def as_file(svg: str) -> str:
    """An SVG element as a file of its own."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg}\n'


def browser() -> str | None:
    """A Chromium to print with: `$AFNLAB_CHROMIUM`, or one on the path; None without."""
    if asked := os.environ.get(BROWSER):
        return str(expanded(asked))
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def paper() -> str:
    """The paper that is usual where this is printed: A4, or letter in a few countries."""
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_PAPER", "LANG"))
    country = next(filter(None, names), "").partition(".")[0].rpartition("_")[2]
    return "letter" if country in LETTER else "A4"


def pdf(page: Path, beside: Path | None = None) -> Path:
    """Print a page as PDF beside it; ValueError if the browser does not.

    beside: the folder that its links start from; None: where it lies.
    """
    program = browser()
    if program is None:
        raise ValueError(f"no PDF: none of {', '.join(BROWSERS)} is there; set {BROWSER}")
    target = page.with_suffix(".pdf")
    command = [program, "--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")  # which Chromium refuses to have as root
    number, name = tempfile.mkstemp(".html", ".report-", beside or page.parent)
    copy = Path(name)  # its links lead on from there
    sized = f"<style>@page {{ size: {paper()}; }}</style></head>"
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(page.read_text(encoding="utf-8").replace("</head>", sized, 1))
    command += ["--no-pdf-header-footer", f"--print-to-pdf={target}", copy.resolve().as_uri()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"no PDF: {program}: {error}") from None
    finally:
        copy.unlink()
    if done.returncode or not target.is_file():
        raise ValueError(f"no PDF: {program} ended with {done.returncode}: {done.stderr[-300:]}")
    return target
