"""The page of a run: its executed notebook, headed by what it was and what came of it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from afnlab import digits
from afnlab.compare.formatting import estimated
from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import as_history, final_values, printed_interval
from afnlab.compare.training_facts import Trained
from afnlab.errors import with_article
from afnlab.markup import filled
from afnlab.messages import counted, in_stretches
from afnlab.printing import printed_value
from afnlab.report.page import shell, to_html
from afnlab.report.sections.html import sentence
from afnlab.runs.storage import record_schema, runs_folder
from afnlab.runs.storage.record_schema import TrainingRecord


def run_page(run: Path, record: TrainingRecord, back: str) -> str:
    """The page of a run as HTML.

    A notebook that cannot be shown, whatever stands in it, is one line in its place: the report is
    of the numbers.

    run: its folder; record: its record; back: the report's page.
    """
    one = Trained.of_record(record)
    title = f"{proper_name(one.label)} on {one.task.name}"
    head = filled(
        '<h1>{}</h1><p class="facts">{}</p><p class="facts">{}</p>',
        title,
        f"Run {record['id'][:8]}, seeds {in_stretches(record['seeds'])},"
        f" started {record['started'][:16].replace('T', ' ')} UTC.",
        sentence(_result(run, record)),
    )
    try:
        notebook = runs_folder.read_file(run, record, runs_folder.NOTEBOOK)
        return without_paths(to_html(notebook, title, code=True, head=head, back=back), record)
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        lost = filled("<p>This notebook cannot be shown: {}</p>", said)
        return shell(title, f"<main>{head}{lost}</main>")


def _result(run: Path, record: TrainingRecord) -> str:
    """The metric of the run's seeds as the report shows it."""
    measure = record_schema.measure(record)
    try:
        history = runs_folder.histories(run.parent, [record]).assign(label="run")
    except ValueError as error:
        return str(error).splitlines()[0]
    final: pd.Series = final_values(as_history(history, measure), measure.column)["run"].dropna()
    if final.empty:
        return f"No seed has {with_article(measure.name)}."
    measure = digits.to_spread(measure, [final.std()], final.abs().max())
    mean, low, high = printed_interval(final, measure)
    shown = estimated(measure, mean, low, high)
    if not low < high:
        shown = printed_value(measure, mean / measure.scale)
    return f"{measure.mean_title} over {counted(len(final), 'seed')}: {shown}."


def without_paths(page: str, record: TrainingRecord) -> str:
    """A page in which the folders of the machine that made the run are not named.

    page: HTML; record: of the run, which knows where it was made.
    """
    kept, end = [], 0
    for match in re.finditer(r"\.attempt-[0-9a-f]+-[0-9a-f]+", page):
        kept += [_before_path(page[end : match.start()]), "the run's folder"]
        end = match.end()
    page = "".join([*kept, page[end:]])
    folder = str(record.get("folder") or "")
    return page.replace(folder, "\N{HORIZONTAL ELLIPSIS}") if len(folder) > 1 else page


def _before_path(text: str) -> str:
    """A text without the folders that it ends with.

    It is read backwards: a pattern that begins with a path would look for one at every letter of
    the pictures that a page holds.
    """
    if not text.endswith(("/", "\\")):
        return text
    at = len(text)
    while at and (text[at - 1].isalnum() or text[at - 1] in "_./\\:~-"):
        at -= 1
    return text[:at]
