"""The commands that make a report again: its runs, itself, and its verification."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from afnlab.compare.selection import Selection
from afnlab.runs import seed_lists
from afnlab.runs.filtering import Only, as_flags, parsed
from afnlab.runs.filtering import labels as labels_of
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.run_spec import RunSpec, TrainingSpec
from afnlab.runs.storage.record_schema import seeds_of
from afnlab.runs.sweeps import sweep_file


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
    seeds = (
        {"seeds": seed_lists.typed(overrides["seeds"])}
        if overrides.get("seeds") is not None
        else {}
    )
    made = swept(chosen, sweep, settings) if sweep and chosen else [seeds]
    some = tuple(as_flags(only))
    limit = f"{margin:.12g}" if margin else None
    flags = {"baseline": baseline, "margin": limit, "metric": metric, "speed": speed}
    first = [command("sweep", *name, **settings, **one, runs=runs) for one in made if sweep]
    usual = usual_folder(Path(sweep).stem if sweep else "all", bool(confirmed), overrides)
    words = [*name, *(["--confirmation"] if confirmed else [])]
    page = command("report", *words, **settings, **flags, only=some, runs=runs, out=out)
    return [*first, *confirmed, page, command("verify", out or usual.as_posix())]


_UNSAFE = re.compile(r"[^\w+]+")  # in the name of a folder


def usual_folder(sweep: str, confirmation: bool, overrides: Mapping[str, object]) -> Path:
    """Where a report is written if nothing else is said: that of other runs has another folder.

    Args:
        sweep: the name of the sweep, or "all".
        confirmation: whether it is one of confirmations.
        overrides: settings in place of the sweep's own: they make other runs of it, but for the
            seeds, of which all that are there count.
    """
    words = [
        f"{name}-{value if isinstance(value, (int, float)) else _UNSAFE.sub('-', str(value))}"
        for name, value in sorted(overrides.items())
        if value is not None and name != "seeds"
    ]
    words = [word.replace("_", "-").strip("-") for word in words]
    return Path("reports") / "-".join([sweep, *words, *["confirmation"] * confirmation])


def swept(
    chosen: Sequence[Selection], sweep: str, settings: Mapping[str, Any]
) -> list[dict[str, object]]:
    """The flags of every `afnlab sweep` that has to be typed to make the runs of a report.

    These are the runs of its rows, with their seeds, and no others: a report may be about some of a
    sweep. One sweep is enough where all rows have the same seeds; else there is one for each set of
    seeds. Nothing is said of seeds where they are those of the file, or where all of a sweep that
    adds seeds until decided is made again, among them.

    Args:
        chosen: what the report is about.
        sweep: the sweep file.
        settings: what it was run with in place of its own.
    """
    plan = sweep_file.read(sweep)
    specs = plan.specs(here=False, **settings)
    of_file = {seed for spec in specs for seed in spec.seeds}
    parts = [one.picking or one for one in chosen]
    rows = {
        row.group: tuple(sorted(seeds_of(part.runs_of(label))))
        for part in parts
        for label, row in part.rows.items()
    }
    distinct = dict.fromkeys(rows.values())
    if plan.most_seeds is not None:
        if rows.keys() == {spec.group for spec in specs} and all(map(of_file.issuperset, distinct)):
            return [{}]
        of_file = set()
    made: list[dict[str, object]] = []
    for seeds in distinct:
        groups = {group for group, its in rows.items() if its == seeds}
        usual = len(distinct) == 1 and of_file == {*seeds}
        flags = {} if usual else {"seeds": seed_lists.typed(seeds)}
        planned = [spec.with_seeds(seeds) for spec in specs if isinstance(spec, TrainingSpec)]
        made += [
            {**({"only": tuple(as_flags(only))} if only else {}), **flags}
            for only in _only(planned, parts, groups)
        ]
    return made


def _only(specs: Sequence[RunSpec], parts: Sequence[Selection], groups: set[str]) -> list[Only]:
    """By which values these runs are chosen, and no others: of all, else part by part.

    Args:
        specs: all that a sweep lists.
        parts: what the report is about.
        groups: the runs, some of each part.
    """
    asked = parts[0].only

    def labels(its: set[str]) -> list[str]:
        facts = {spec.group: sweep_file.facts(spec) for spec in specs}
        return labels_of([facts[g] for g in facts if g in its], facts.values())

    def choosing(its: set[str], *ways: Only) -> Only | None:
        return next((one for one in ways if _groups(specs, one) == its), None)

    of_all = choosing(groups, {}, asked, {"label": labels(groups)})
    if of_all is not None:
        return [of_all]
    made = []
    for part in parts:
        if its := groups & {row.group for row in part.rows.values()}:
            of_label = {**part.apart, "label": labels(its)}
            ids = {"id": [spec.id for spec in specs if spec.group in its]}
            made.append(choosing(its, part.apart, {**asked, **part.apart}, of_label) or ids)
    return made


def _groups(specs: Sequence[RunSpec], only: Only) -> set[str]:
    """The runs that are chosen by these values, as they are typed."""
    try:
        return {spec.group for spec in sweep_file.chosen(specs, parsed(as_flags(only)))}
    except ValueError:  # there are none
        return set()
