"""The commands that make a report again: its runs, itself, and its verification."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from afnlab.compare.selection import Selection
from afnlab.runs.filtering import as_flags
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.sweeps import sweep_file
from afnlab.training.options import seed_list


def commands(
    sweep: str,
    baseline: str = "",
    margin: float = 0.0,
    speed: str = "",
    overrides: Mapping[str, object] = {},
    only: Mapping[str, object] = {},
    metric: str = "",
    confirmed: Sequence[str] = (),
    runs: str = "",
    out: str = "",
    chosen: Sequence[Selection] = (),
) -> list[str]:
    """The command lines that execute the runs, write their report, and verify it.

    Args:
        sweep: the sweep file; empty: all runs of a folder.
        baseline: the label with which others are compared; empty: the sweep's own.
        margin: the largest difference that does not matter, as printed (accuracy: in points); 0:
            none.
        speed: the file of a speed benchmark; empty: none.
        overrides: settings in place of the sweep's own.
        only, metric: which of the runs, and what of them, see `afnlab.compare.select`.
        confirmed: of a report of confirmations the commands that make them.
        runs: the folder of runs, or a URL; empty: the usual one.
        out: the folder of the report; empty: the usual one.
        chosen: what the report is about; the runs are then made with the seeds that it has.
    """
    name = [sweep] if sweep else []
    settings = {key: value for key, value in overrides.items() if key != "seeds"}
    seeds = {"seeds": _typed(overrides["seeds"])} if overrides.get("seeds") is not None else {}
    made = swept(chosen, sweep, settings) if sweep and chosen else [seeds]
    some = tuple(as_flags(only))
    limit = f"{margin:.12g}" if margin else None
    flags = {"baseline": baseline, "margin": limit, "metric": metric, "speed": speed}
    first = [command("sweep", *name, **settings, **one, runs=runs) for one in made if sweep]
    usual = f"reports/{Path(sweep).stem if sweep else 'all'}{'-confirmation' * bool(confirmed)}"
    words = [*name, *(["--confirmation"] if confirmed else [])]
    page = command("report", *words, **settings, **flags, only=some, runs=runs, out=out)
    return [*first, *confirmed, page, command("verify", out or usual)]


def as_typed(folder: str | Path) -> str:
    """A folder as one types it here: by its path from the current folder, if it is below that."""
    whole, here = Path(os.path.abspath(folder)), Path.cwd()  # noqa: PTH100  (keeps links)
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def swept(
    chosen: Sequence[Selection], sweep: str, settings: Mapping[str, Any]
) -> list[dict[str, object]]:
    """The flags of every `afnlab sweep` that has to be typed to make the runs of a report.

    One sweep is enough where all rows have the same seeds; else there is one for each set of seeds,
    of the rows that have them. Nothing is said of seeds where they are those of the file, or, of a
    sweep that adds seeds until decided, among them.

    Args:
        chosen: what the report is about.
        sweep: the sweep file.
        settings: what it was run with in place of its own.
    """
    plan = sweep_file.read(sweep)
    of_file = {seed for spec in plan.specs(here=False, **settings) for seed in spec.seeds}
    sets: list[tuple[Selection, dict[tuple[int, ...], list[str]]]] = []
    for one in chosen:
        rows: dict[tuple[int, ...], list[str]] = {}
        whole = one.picking or one
        for label, row in whole.rows.items():
            its = sorted({seed for run in whole.runs_of(label) for seed in run["seeds"]})
            rows.setdefault(tuple(its), []).append(row.label)
        sets.append((whole, rows))
    distinct = {seeds for _, rows in sets for seeds in rows}
    if plan.most_seeds is not None and all(map(of_file.issuperset, distinct)):
        return [{}]
    if len(distinct) == 1:
        (seeds,) = distinct
        return [{} if of_file == {*seeds} else {"seeds": _typed(seeds)}]
    return [
        {
            "only": tuple(as_flags({**one.apart, **({"label": labels} if len(rows) > 1 else {})})),
            "seeds": _typed(seeds),
        }
        for one, rows in sets
        for seeds, labels in rows.items()
    ]


def _typed(seeds: object) -> str:
    """Seeds as `--seeds` takes them: how many, or a list."""
    listed = seed_list(seeds)  # type: ignore[arg-type]
    first = list(listed) == list(range(len(listed)))
    return str(len(listed)) if first else str([*listed])
