"""The pieces of a page: each turns a selection into HTML that a notebook shows."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from afnlab.analysis import plot, wording
from afnlab.analysis.selection import Selection
from afnlab.analysis.style import show, styled
from afnlab.runs import sweepfile

if TYPE_CHECKING:
    from IPython.display import HTML

MINUS = "\N{MINUS SIGN}"


def _html(text: str) -> HTML:
    from IPython.display import HTML  # noqa: PLC0415

    return HTML(text)


def title(sweep: str) -> HTML:
    """The heading of a report: the sweep's title."""
    text = sweepfile.read(sweep).title if sweep else ""
    return _html(f"<h1>{escape(text or 'Activations compared')}</h1>")


def headline(selection: Selection) -> HTML:
    """What was run and where, and what the data can and cannot tell apart."""
    runs = selection.records
    environment = runs[0]["environment"]
    examples = environment["examples"]
    sentences = wording.headline(selection.table, selection.baseline, examples["test"])
    same = wording.same_functions(selection.same)
    seeds = sorted({len(s) for s in _seed_sets(selection)})
    split = environment["evaluated"]
    facts = [
        selection.task.summary or selection.task.name,
        f"{len(selection.specs)} activations",
        f"{' to '.join(map(str, {seeds[0]: 0, seeds[-1]: 0}))} seeds each",
        f"{selection.first.epochs} epochs",
        f"evaluated on {examples['test']} {split} examples",
        f"{environment['device_name']}, torch {environment['torch']}",
    ]
    items = "".join(f"<p>{escape(s)}</p>" for s in (*sentences, same) if s)
    stale = (
        f"<p>{selection.stale} runs were left out: their code has changed since.</p>"
        if selection.stale
        else ""
    )
    limits = (
        "<p class=note>One task, one learning rate and one way to start the weights: what holds"
        " here need not hold on other data, in other networks, or after tuning.</p>"
    )
    return _html(
        f"<p class=facts>{' · '.join(map(escape, facts))}</p>"
        f"<div class=headline>{items}{stale}{limits}</div>"
    )


def _seed_sets(selection: Selection) -> list[set[int]]:
    return [
        {seed for r in selection.runs_of(label) for seed in r["seeds"]} for label in selection.specs
    ]


def comparison(selection: Selection) -> HTML:
    """The figure: every seed, means and intervals, differences to the baseline."""
    with styled(for_page=True):
        figure = plot.comparison(selection.final, selection.table, selection.baseline)
        return show(
            figure,
            f"Test accuracy of every seed by activation on {selection.task.name}, and the paired"
            f" difference to {selection.baseline}; the table holds the same numbers",
            "Left: a grey dot is a seed, the bar the 95 % interval of the mean, the band that of"
            f" {selection.baseline}. Right: difference to {selection.baseline}, paired by seed;"
            " filled where it is told apart from 0 after Holm's correction, which is why a single"
            " interval may miss 0 and the mark still be hollow. At the left edge: far below.",
        )


def curves(selection: Selection) -> HTML:
    """Learning curves, one panel an activation."""
    with styled(for_page=True):
        figure = plot.learning(selection.history, list(selection.table.index), selection.baseline)
        return show(
            figure,
            f"Test accuracy over the epochs for each activation on {selection.task.name}",
            f"Blue: mean, and range of the seeds. Grey: the mean of {selection.baseline}.",
        )


def gallery(selection: Selection) -> HTML:
    """All elementwise functions of the selection with their slopes."""
    unique = {s.training.activation.label: s.training.activation for s in _trainings(selection)}
    records = [record for record in unique.values() if record.elementwise]
    with styled(for_page=True):
        return show(
            plot.gallery(records),
            "Small graphs of the activation functions and their slopes",
            "Each function (solid) and its slope (dashed) at its default parameters.",
        )


def _trainings(selection: Selection) -> list:
    return [spec for spec in selection.specs.values() if spec.training is not None]


def table(selection: Selection, link: str = "") -> HTML:
    """The comparison as a table; `link` is a pattern such as "runs/{id}.html" for the row's run."""
    head = (
        "<tr><th>activation<th>test accuracy (%)<th>95 % interval"
        f"<th>difference to {escape(selection.baseline)}<th>95 % interval<th>p (Holm)<th>verdict"
        "<th>test loss<th>seeds<th>diverged<th>runs</tr>"
    )
    rows = [_row(selection, label, row, link) for label, row in selection.table.iterrows()]
    return _html(
        "<div class=scroll><table class=comparison>"
        f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(selection: Selection, label: object, row: pd.Series, link: str) -> str:
    runs = selection.runs_of(str(label))
    links = " ".join(_link(r["id"], link) for r in runs)
    cells = [
        f"{100 * row.accuracy:.2f}",
        _interval(row.accuracy_low, row.accuracy_high, "{:.2f}"),
        _signed(row.difference),
        _interval(row.difference_low, row.difference_high, "{:+.2f}"),
        _p(row.p_holm),
        row.verdict,
        f"{row.loss:.4f}" if np.isfinite(row.loss) else "not finite",
        str(row.seeds),
        str(row.diverged) if row.diverged else "",
        links,
    ]
    body = "".join(f"<td>{cell}" for cell in cells)
    kind = str(row.verdict).replace(" ", "-")
    return f"<tr class={kind}><th>{escape(str(label))}{body}</tr>"


def _link(run: str, pattern: str) -> str:
    short = run[:8]
    return f'<a href="{pattern.format(id=run)}">{short}</a>' if pattern else short


def _signed(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", MINUS) if np.isfinite(value) else ""


def _interval(low: float, high: float, form: str) -> str:
    if not np.isfinite([low, high]).all():
        return ""
    return f"[{form.format(100 * low)}, {form.format(100 * high)}]".replace("-", MINUS)


def _p(value: float) -> str:
    if not np.isfinite(value):
        return ""
    return f"{value:.3f}" if value >= 0.001 else "&lt; 0.001"


def provenance(selection: Selection, command: str = "") -> HTML:
    """What the numbers were made with: code, data, machine, and how to make them again."""
    facts: dict[str, set[str]] = {}

    def note(name: str, value: object) -> None:
        facts.setdefault(name, set()).add(str(value))

    for r in selection.records:
        env = r["environment"]
        for name, version in r["versions"].items():
            note(name, version)
        for name in ("python", "torch", "numpy", "platform", "device_name", "threads", "dtype"):
            note(name.replace("_", " "), env[name])
        note("data (SHA-256)", env["data"])
        git = r.get("git")
        changed = ", with changes" if git and git["dirty"] else ""
        note("git commit", f"{git['commit']}{changed}" if git else "not from a git checkout")
    first, last = selection.records[0]["started"], selection.records[-1]["started"]
    note("runs", f"{len(selection.records)}, started {first} to {last}")
    note("time in runs", f"{sum(r['seconds'] for r in selection.records):.0f} s")
    if command:
        note("made again by", command)
    rows = "".join(
        f"<tr><th>{escape(name)}<td>{'; '.join(map(escape, sorted(values)))}</tr>"
        for name, values in facts.items()
    )
    return _html(f"<table class=facts-table>{rows}</table>")


def runs_table(selection: Selection, link: str = "") -> HTML:
    """Every run behind the comparison: id, seeds, when, how long."""
    rows = "".join(
        f"<tr><th>{escape(label)}<td>{_link(r['id'], link)}<td>{_seeds(r['seeds'])}"
        f"<td>{r['started'][:19].replace('T', ' ')}<td>{r['seconds']:.1f} s</tr>"
        for label in selection.table.index
        for r in selection.runs_of(label)
    )
    head = "<tr><th>activation<th>run<th>seeds<th>started (UTC)<th>time</tr>"
    return _html(f"<div class=scroll><table><thead>{head}</thead><tbody>{rows}</table></div>")


def _seeds(seeds: list[int]) -> str:
    whole = list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if seeds == whole and len(seeds) > 2 else str(seeds)[1:-1]
