"""What a report is made of, as one hash: while it is the same, so is the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from importlib.metadata import version

from afnlab.compare.selection import Selection
from afnlab.paths import PACKAGE, find, shared
from afnlab.report import glossary, locked_versions
from afnlab.report.sections import folder_of_runs
from afnlab.runs.fingerprint.syntax import digest
from afnlab.runs.notebook_parameters.declarations import sources
from afnlab.runs.sweeps.sweep_file import Sweep

_ENDINGS = (".py", ".css", ".js")
_DRAWN_BY = ("matplotlib", "nbconvert", "numpy", "pandas", "scikit-posthocs", "scipy")
# Of a selection these are hashed by what the page has of them, see `_facts`.
_IN_PARTS = ("folder", "place", "picking", "records", "rows", "speed")


def made_of(chosen: Sequence[Selection], plan: Sweep, settings: Mapping[str, object]) -> str:
    """A hash of all that a page is written from.

    The runs count with the sums of their records, which cover those of their files. So do the
    sweep's title and its rule for seeds, all that the runs were selected by, the words and printed
    tables that a page quotes, and the versions that draw it.

    Args:
        chosen: what the report is about.
        plan: the sweep.
        settings: what the report was asked for.
    """
    quoted = [*sorted(glossary.terms().items()), *sorted(locked_versions.pins().items())]
    printed = [path.read_bytes() for path in sorted(shared("published").glob("*.csv"))]
    cells = [text for _, text, _ in sources(find("notebooks", "report", ".ipynb"))]
    drawn_by = [(name, version(name)) for name in _DRAWN_BY]
    sweep = (plan.title, plan.seeds)
    selected = [_facts(one) for one in chosen]
    said = repr((sweep, sorted(settings.items()), selected, quoted, drawn_by))
    return digest(said, code(), *printed, *cells)


def _facts(one: Selection) -> dict[str, object]:
    """What a selection is, without where it is read from and what is computed from its runs."""
    facts = {f.name: getattr(one, f.name) for f in fields(one) if f.name not in _IN_PARTS}
    speed = one.speed and (one.speed.times.to_csv(), sorted(one.speed.facts.items()))
    return {
        **facts,
        "runs": [r.get("sum") or json.dumps(r, sort_keys=True) for r in one.records],
        "rows": [(label, row.group, row.task.name) for label, row in one.rows.items()],
        "speed": speed,
        "picking": one.picking and _facts(one.picking),
        "folder": folder_of_runs(one),
    }


@cache
def code() -> str:
    """A hash of the code that a report is made by: all of it, since a page may say what any of it
    decides, down to the commands and to the thresholds of warnings."""
    files = (path for path in sorted(PACKAGE.rglob("*")) if path.suffix in _ENDINGS)
    return digest(*(path.read_bytes() for path in files))
