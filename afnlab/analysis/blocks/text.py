"""What a page says in words, and what it was made with."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from afnlab.analysis import lock
from afnlab.analysis.blocks.html import html, table_of
from afnlab.analysis.selection import Selection
from afnlab.runs import sweepfile

if TYPE_CHECKING:
    from IPython.display import HTML

LIMITS = (
    "One task, one learning rate and one way to start the weights: what holds here need not hold on"
    " other data, in other networks, or after tuning."
)


def title(sweep: str) -> HTML:
    """The heading of a report: the sweep's title."""
    text = sweepfile.read(sweep).title if sweep else ""
    return html(f"<h1>{escape(text or 'Activations compared')}</h1>")


def headline(selection: Selection) -> HTML:
    """The first screen: which activation, on what, by how much, how sure, at what cost."""
    items = "".join(f"<dt>{escape(q)}<dd>{escape(a)}" for q, a in selection.answers.items())
    notes = "".join(f"<p class=note>{escape(n)}</p>" for n in (*selection.notes, LIMITS))
    return html(f"<dl class=answers>{items}</dl>{notes}")


def provenance(selection: Selection, *commands: str) -> HTML:
    """What the numbers were made with: code, data, machine, and how to make them again."""
    facts: dict[str, set[str]] = {}

    def note(name: str, value: object) -> None:
        facts.setdefault(name, set()).add(str(value))

    records = selection.records
    for r in records:
        env = r["environment"]
        for name, version in r["versions"].items():
            note(name, version)
        for name in ("python", "torch", "numpy", "platform", "device_name", "threads", "dtype"):
            note(name.replace("_", " "), env[name])
        if "deterministic" in env:
            note("deterministic algorithms", env["deterministic"])
        note("data (SHA-256)", env["data"])
        git = r.get("git")
        changed = ", with changes" if git and git["dirty"] else ""
        note("git commit", f"{git['commit']}{changed}" if git else "not from a git checkout")
    note("lock", lock.state(records))
    note("runs", f"{len(records)}, started {records[0]['started']} to {records[-1]['started']}")
    note("time in runs", f"{sum(r['seconds'] for r in records):.0f} s")
    rows = [(escape(n), "; ".join(map(escape, sorted(v)))) for n, v in facts.items()]
    if commands:
        rows.append(("again", "<br>".join(f"<code>{escape(c)}</code>" for c in commands)))
    return html("<h2>What it was made with</h2>" + table_of([], rows, "facts-table"))


def runs_table(selection: Selection, link: str = "", record: str = "") -> HTML:
    """Every run behind the comparison: id, seeds, when, how long.

    link, record: patterns such as "runs/{id}.html" for the executed notebook and the record.
    """
    rows = []
    for label in selection.table.index:
        for r in selection.runs_of(label):
            to = record.format(id=r["id"])
            kept = [f'<a href="{to}">record</a>'] if record else []
            started = r["started"][:19].replace("T", " ")
            cells = [escape(label), _link(r["id"], link), *kept, _seeds(r["seeds"]), started]
            rows.append((*cells, f"{r['seconds']:.1f} s"))
    head = ["activation", "run", *(["record"] if record else []), "seeds", "started (UTC)", "time"]
    return html(table_of(head, rows))


def _link(run: str, pattern: str) -> str:
    short = run[:8]
    return f'<a href="{pattern.format(id=run)}">{short}</a>' if pattern else short


def _seeds(seeds: list[int]) -> str:
    whole = list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if seeds == whole and len(seeds) > 2 else str(seeds)[1:-1]
