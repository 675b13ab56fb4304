"""What a page says in words, and what it was made with."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from afnlab.compare.proper_names import proper_name
from afnlab.compare.selection import Selection
from afnlab.figures.fragment import Fragment
from afnlab.markup import escaped, filled, joined
from afnlab.messages import duration, enumerated, in_stretches
from afnlab.report import locked_versions
from afnlab.report.sections.html import heading, name, sentence, table_of, typed
from afnlab.runs import git_state
from afnlab.runs.storage.record_schema import TrainingRecord
from afnlab.runs.sweeps import sweep_file


def title(sweep: str, chosen: Sequence[Selection] = ()) -> Fragment:
    """The heading of a report: the sweep's title, or what is confirmed.

    chosen: what the report is about.
    """
    text = sweep_file.read(sweep).title if sweep else ""
    if any(one.picking is not None for one in chosen):
        labels = {n: None for one in chosen for n in one.rows if n != one.baseline}
        bases = dict.fromkeys(one.baseline for one in chosen)
        names = [enumerated(list(map(proper_name, some))) for some in (labels, bases)]
        text = "A confirmation: {} against {}".format(*names)
    return Fragment(filled("<h1>{}</h1>", text or "Activations compared"))


def headline(selection: Selection, titled: bool = True) -> Fragment:
    """The answers: which activation, on what, by how much, how sure, at what cost; and the notes.

    titled: with a heading, where several settings are told of.
    """
    answers = selection.answers.items()
    items = joined(filled("<dt>{}</dt><dd>{}</dd>", q, sentence(a)) for q, a in answers)
    notes = joined(filled("<p class=note>{}</p>", sentence(n)) for n in selection.notes)
    title = heading("", selection) if titled else Markup("")
    return Fragment(filled("{}<dl class=answers>{}</dl>{}", title, items, notes))


def provenance(selection: Selection, *commands: str) -> Fragment:
    """What the numbers were made with: code, data, machine, and how to reproduce them."""
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
            note(key.replace("_", " "), _setting_in_words(env.get(key, "not recorded")))
        note("data (SHA-256)", env["data"])
        note("git commit", git_state.described(r.get("git")))
    note("lock", locked_versions.state(records))
    first, last = (_when(records[at]) for at in (0, -1))
    note("runs", f"{len(records)}, started {first} to {last} (UTC)")
    note("time in runs", f"{sum(r['seconds'] for r in records):.0f} s")
    rows = [(n, "; ".join(sorted(v))) for n, v in facts.items()]
    if commands:
        rows.append(("again", joined(map(typed, commands), "<br>")))
    title = heading("What it was made with", selection)
    return Fragment(title + table_of([], rows, "facts-table"))


def _setting_in_words(value: object) -> str:
    """A setting, or several by name, as text."""
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} {'unset' if v is None else v}" for name, v in value.items())


def _when(record: TrainingRecord) -> str:
    return record["started"][:19].replace("T", " ")


def runs_table(selection: Selection, link: str = "", record: str = "") -> Fragment:
    """Every run behind the comparison: id, seeds, when, how long.

    link, record: patterns such as "runs/{id}.html" for the executed notebook and the record.
    """
    rows = []
    for label in selection.table.index:
        for r in selection.runs_of(label):
            to = record.format(id=r["id"])
            kept = [filled('<a href="{}">record</a>', to)] if record else []
            cells = [
                name(label),
                link_to(r["id"], link),
                *kept,
                in_stretches(r["seeds"]),
                _when(r),
            ]
            rows.append((*cells, duration(r["seconds"])))
    head = ["activation", "run", *(["record"] if record else []), "seeds", "started (UTC)", "time"]
    return Fragment(heading("Every run", selection) + table_of(head, rows))


def link_to(run: str, pattern: str) -> Markup:
    short = run[:8]
    where = pattern.format(id=run)
    return filled('<a href="{}">{}</a>', where, short) if pattern else escaped(short)
