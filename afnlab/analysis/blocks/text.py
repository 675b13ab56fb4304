"""What a page says in words, and what it was made with."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from afnlab.analysis import lock
from afnlab.analysis.blocks.html import heading, html, name, sentence, table_of
from afnlab.analysis.selection import Selection
from afnlab.runs import checkout, sweepfile

if TYPE_CHECKING:
    from IPython.display import HTML


def title(sweep: str) -> HTML:
    """The heading of a report: the sweep's title."""
    text = sweepfile.read(sweep).title if sweep else ""
    return html(f"<h1>{escape(text or 'Activations compared')}</h1>")


def headline(selection: Selection) -> HTML:
    """The first screen: which activation, on what, by how much, how sure, at what cost."""
    items = "".join(f"<dt>{q}</dt><dd>{sentence(a)}</dd>" for q, a in selection.answers.items())
    notes = "".join(f"<p class=note>{sentence(n)}</p>" for n in selection.notes)
    return html(f"{heading('', selection)}<dl class=answers>{items}</dl>{notes}")


def provenance(selection: Selection, *commands: str) -> HTML:
    """What the numbers were made with: code, data, machine, and how to make them again."""
    facts: dict[str, set[str]] = {}

    def note(what: str, value: object) -> None:
        facts.setdefault(what, set()).add(str(value))

    records = selection.records
    for r in records:
        env = r["environment"]
        for package, version in r["versions"].items():
            note(package, version)
        for key in ("python", "torch", "numpy", "platform", "device_name", "threads", "dtype"):
            note(key.replace("_", " "), env[key])
        for key in ("interop_threads", "determinism"):
            note(key.replace("_", " "), _told(env.get(key, "not recorded")))
        note("data (SHA-256)", env["data"])
        note("git commit", checkout.told(r.get("git")))
    note("lock", lock.state(records))
    first, last = (_when(records[at]) for at in (0, -1))
    note("runs", f"{len(records)}, started {first} to {last} (UTC)")
    note("time in runs", f"{sum(r['seconds'] for r in records):.0f} s")
    rows = [(escape(n), "; ".join(map(escape, sorted(v)))) for n, v in facts.items()]
    if commands:
        rows.append(("again", "<br>".join(f"<code>{escape(c)}</code>" for c in commands)))
    title = heading("What it was made with", selection)
    return html(title + table_of([], rows, "facts-table"))


def _told(value: object) -> str:
    """A setting, or several by name, as text."""
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} {'unset' if v is None else v}" for name, v in value.items())


def _when(record: dict) -> str:
    return record["started"][:19].replace("T", " ")


def runs_table(selection: Selection, link: str = "", record: str = "") -> HTML:
    """Every run behind the comparison: id, seeds, when, how long.

    link, record: patterns such as "runs/{id}.html" for the executed notebook and the record.
    """
    rows = []
    for label in selection.table.index:
        for r in selection.runs_of(label):
            to = record.format(id=r["id"])
            kept = [f'<a href="{to}">record</a>'] if record else []
            cells = [name(label), link_to(r["id"], link), *kept, seeds_told(r["seeds"]), _when(r)]
            rows.append((*cells, f"{r['seconds']:.1f} s"))
    head = ["activation", "run", *(["record"] if record else []), "seeds", "started (UTC)", "time"]
    return html(heading("Every run", selection) + table_of(head, rows))


def link_to(run: str, pattern: str) -> str:
    short = run[:8]
    return f'<a href="{pattern.format(id=run)}">{short}</a>' if pattern else short


def seeds_told(seeds: Sequence[int]) -> str:
    """Seeds in a few words: 0 to 11, or one by one."""
    whole = list(range(seeds[0], seeds[-1] + 1))
    if list(seeds) == whole and len(whole) > 2:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
