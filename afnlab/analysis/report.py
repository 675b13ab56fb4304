"""The report: report.ipynb, executed over a selection of runs, as one page with its evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from afnlab.analysis.page import to_html
from afnlab.analysis.selection import Selection, select
from afnlab.paths import PACKAGE, find
from afnlab.runs import kernels, store, sweepfile
from afnlab.runs.cell import sources
from afnlab.runs.notebook import run_cells
from afnlab.runs.sources import digest

PAGE, STATE = "report.html", "report.json"
EVIDENCE = "runs/{id}.html"


def write(
    sweep: str | Path = "",
    *,
    runs: str | Path | None = None,
    out: str | Path | None = None,
    baseline: str = "relu",
    report: Callable[[str], None] = print,
    **overrides: Any,
) -> Path:
    """Write the report of a sweep's runs, or of all in the folder, and return its page.

    The page lies in `out` (`reports/<sweep>`) beside one page for every run behind it. If it is
    there already, made of the same runs by the same code, nothing is done and that is said.
    ValueError if there are no runs.
    """
    folder = Path(runs) if runs else store.default_folder()
    plan = sweepfile.read(sweep) if sweep else sweepfile.Sweep("all")
    name = plan.name
    target = Path(out) if out else Path("reports") / name
    page = target / PAGE
    chosen = select(folder, sweep, baseline, **overrides)
    state = {"made of": _fingerprint(chosen, baseline), "runs": sum(len(c.records) for c in chosen)}
    if page.is_file() and _read(target / STATE) == state:
        report(f"{page} is up to date ({state['runs']} runs)")
        return page
    (target / "runs").mkdir(parents=True, exist_ok=True)
    given = {
        "sweep": str(sweep),
        "runs": str(folder.resolve()),
        "baseline": baseline,
        "overrides": {k: v for k, v in overrides.items() if v is not None},
    }
    executed = target / "report.ipynb"
    execute("report", executed, given)
    for record in (r for c in chosen for r in c.records):
        _evidence(folder, target, record)
    page.write_text(to_html(executed, plan.title or f"afnlab: {name}"), encoding="utf-8")
    (target / STATE).write_text(json.dumps(state), encoding="utf-8")
    report(f"wrote {page} ({state['runs']} runs)")
    return page


def execute(notebook: str, target: Path, given: Mapping[str, Any]) -> None:
    """Execute one of afnlab's reading notebooks into `target`; ValueError if it fails."""
    from papermill import PapermillExecutionError  # noqa: PLC0415

    target.parent.mkdir(parents=True, exist_ok=True)
    manager = kernels.manager_class(None, None, target.with_suffix(".log"))
    try:
        run_cells(find("notebooks", notebook, ".ipynb"), target, given, manager)
    except PapermillExecutionError as error:
        message = f"{error.ename}: {error.evalue}; see {target}"
        raise ValueError(message) from None


def _evidence(folder: Path, target: Path, record: dict[str, Any]) -> None:
    """The page of an executed run; runs never change, so one that is there stays."""
    page = target / EVIDENCE.format(id=record["id"])
    notebook = folder / record["id"] / store.NOTEBOOK
    if not page.is_file() and notebook.is_file():
        page.write_text(to_html(notebook, record["label"], code=True), encoding="utf-8")


def _fingerprint(chosen: list[Selection], baseline: str) -> str:
    ids = [r["id"] for c in chosen for r in c.records]
    files = [*sorted(PACKAGE.glob("analysis/*")), *sorted(PACKAGE.glob("activations/*.py"))]
    code = [p.read_bytes() for p in files if p.is_file()]
    cells = [text for _, text, _ in sources(find("notebooks", "report", ".ipynb"))]
    return digest(*ids, baseline, *code, *cells)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
