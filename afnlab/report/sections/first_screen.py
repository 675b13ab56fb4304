"""The first screen of a page: one sentence, four facts, what to do next, and the main figure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from afnlab.compare import headline as glance
from afnlab.compare import statements
from afnlab.compare.axis_ends import in_a_line
from afnlab.compare.confirmation import fewest
from afnlab.compare.headline import Fact
from afnlab.compare.next_step import MOST_SEEDS
from afnlab.compare.over_tasks import over_tasks
from afnlab.compare.selection import Selection
from afnlab.figures.fragment import Fragment
from afnlab.markup import escaped, filled, joined
from afnlab.messages import counted, enumerated, spoken
from afnlab.report.sections.figures import comparison
from afnlab.report.sections.html import heading, in_narrow, sentence, typed
from afnlab.report.sections.text import headline
from afnlab.runs import filtering, seed_lists
from afnlab.runs.notebook_parameters.parsing import command
from afnlab.runs.storage import location
from afnlab.runs.storage.record_schema import seeds_of
from afnlab.training.space import BUDGET, TUNE

TALL = 16  # rows, from which on the figure is high enough to stand beside the tiles
LONG = 84  # letters of a description that is not set in large type
TUNED = {
    "lr": "learning rate",
    "init_scale": "scale of initial weights",
}  # in words, where a name has none
PROSE = "In full sentences: how much, how sure, at what cost, and what has to be known"


def first_screen(
    selection: Selection, sweep: str | Path = "", overrides: Mapping[str, object] = {}
) -> Fragment:
    """What one sees first, and behind a fold the answers in full.

    sweep, overrides: what the runs were made by, for the command that makes more of them.
    """
    table = selection.table
    cost = glance.cost_fact(table, selection.baseline, selection.cost)
    known = [*statements.facts(selection), *([cost] if cost else []), _task(selection)]
    tiles = joined(map(_tile, known))
    return Fragment(
        heading("", selection),
        *(filled('<p class="note missing">{}</p>', sentence(line)) for line in selection.missing),
        filled('<section class="first{}">', "" if len(table) >= TALL else " low"),
        filled('<p class="verdict-line">{}</p>', statements.sentence(selection)),
        filled('<div class="tiles">{}{}</div>', tiles, _next(selection, sweep, overrides)),
        comparison(selection),
        filled('</section><details class="prose" open><summary>{}</summary>', PROSE),
        headline(selection, titled=False),
        Markup("</details>"),
    )


def every_setting(selections: Sequence[Selection]) -> Fragment:
    """Where a report is about several tasks or settings: what they say together, if they are tasks,
    and what each one says, in a sentence."""
    if len(selections) < 2:
        return Fragment()
    said = joined(
        filled(
            "<dt>{}</dt><dd>{}</dd>",
            one.brief or one.setting,
            sentence(statements.sentence(one)),
        )
        for one in selections
    )
    together = over_tasks(selections)
    line = filled('<p class="verdict-line">{}</p>', together.sentence) if together else Markup("")
    return Fragment(line, filled('<dl class="answers">{}</dl>', said))


def _tile(fact: Fact, kind: str = "tile", more: str = "") -> Markup:
    """more: HTML behind the note."""
    return filled(
        '<div class="{}"><p class="about">{}</p><p class="value">{}</p>'
        '<p class="note">{}</p>{}</div>',
        kind,
        in_narrow(fact.about[:1].upper() + fact.about[1:]),
        in_narrow(fact.value),
        in_narrow(fact.note),
        more,
    )


def _task(selection: Selection) -> Fact:
    """What was trained, on which examples, and how it was tuned."""
    task, one, name = selection.task, selection.first, selection.task.name
    what, inside = _description(task.summary)
    if one.limit_train or one.limit_test:  # the description is of all examples
        inside = f"{one.limit_train:,} to train" if one.limit_train else ""
    number, epochs = f"{selection.examples:,}", counted(one.epochs, "epoch")
    known = number in inside and f"to {selection.evaluated}" in inside  # and is said once
    examples = "" if known else f"{number} {selection.evaluated} examples"
    if not known and "to train" not in f"{what} {inside}":
        train = selection.records[0]["environment"]["examples"]["train"]
        examples = f"{train:,} to train, {examples}"
    facts = [inside, examples, "" if epochs in what else epochs]
    if len(what) > LONG:
        facts, what = [what, *facts], ""
    said = [", ".join(filter(None, facts)), _tuning(selection), "Other tasks may differ."]
    value = what[:1].upper() + what[1:] or name
    return Fact(f"task: {name}" if what else "task", value, ". ".join(filter(None, said)))


def _description(summary: str) -> tuple[str, str]:
    """What a task's summary says first, and what it says in a bracket with numbers or after a
    semicolon."""
    match = re.fullmatch(r"([^;]*?)(?: \((\d.*)\))?(?:; *(.*))?", summary)
    if match is None:
        return summary, ""
    return match[1], ", ".join(filter(None, match.groups()[1:]))


def _tuning(selection: Selection) -> str:
    space = selection.tuning
    if space is None:
        return "Not tuned"
    names = [TUNED.get(name, name.replace("_", " ")) for name in space.axes]
    what = enumerated(names)
    count = counted(space.count, "candidate")
    return f"Tuned for each seed on held-out training examples: {what}, {count} each"


def _next(selection: Selection, sweep: str | Path, overrides: Mapping[str, object]) -> Markup:
    """What to do next, with the command where seeds would help, and what that takes."""
    step = statements.what_next(selection)
    if step is None:
        return Markup("")
    if selection.is_confirmation:
        return _tile(step.fact, "tile next")
    shown = typed(step.command) if step.command else escaped("")
    if step.tune:
        line = f"{TUNE}: {in_a_line(step.tune)}"
        shown = _edited(selection, line, str(sweep), overrides)
    if step.budget is not None and sweep:
        shown = typed(_swept(selection, str(sweep), {**overrides, BUDGET: step.budget}, by="tune"))
    if step.most is not None and selection.most is not None:
        line, its = MOST_SEEDS.format(step.most), _settings(overrides)
        shown = _edited(selection, line, str(sweep), its)
        if step.most == selection.most:  # as the file says already
            shown = typed(_swept(selection, str(sweep), its, "--retry-failed"))
    if step.confirmed and sweep:
        flags = {**_settings(overrides), **_flags(selection)}
        shown = typed(command("compare", sweep, "--confirmation", **flags))
    if step.seeds is not None and sweep:
        if step.confirm:
            line = _confirming(selection, step.confirm, step.seeds, sweep, overrides)
            rows = [step.confirm, selection.baseline]
            cost = f"About {_time(selection, rows, step.seeds)} for both."
        else:
            only = {**selection.apart, **_rows_alone(selection)}
            seeds = seed_lists.typed(_in_all(selection, step.seeds))
            flags = {"only": tuple(filtering.as_flags(only)), "seeds": seeds}
            line = command(
                "sweep", sweep, **_settings(overrides), **flags, runs=folder_of_runs(selection)
            )
            cost = _more_seeds(selection, step.seeds)
        shown = filled('{}<p class="note">{}</p>', typed(line), sentence(cost))
    return _tile(step.fact, "tile next", shown)


def _edited(selection: Selection, line: str, sweep: str, overrides: Mapping[str, object]) -> Markup:
    """What is to be written into the sweep file, and the command that then trains.

    A sweep of afnlab's own, given by its name, cannot be written into: it is to be copied.
    """
    is_file = Path(sweep).suffix in (".yaml", ".yml")
    where = sweep if is_file else f"a copy of the sweep {sweep}" if sweep else "the sweep file"
    shown = filled('<p class="note">In {}:</p>{}', where, typed(line))
    if is_file:
        shown += typed(_swept(selection, sweep, overrides))
    return shown


def _swept(
    selection: Selection,
    sweep: str,
    overrides: Mapping[str, object],
    *words: str,
    by: str = "sweep",
) -> str:
    """The command that trains the rows of a selection, with these words."""
    only = {**selection.apart, **_rows_alone(selection)}
    flags = {"only": tuple(filtering.as_flags(only))}
    return command(by, sweep, *words, **overrides, **flags, runs=folder_of_runs(selection))


def _confirming(
    selection: Selection, label: str, seeds: int, sweep: str | Path, overrides: Mapping[str, object]
) -> str:
    """The command that confirms a row with fresh seeds, in the setting of these runs.

    Args:
        selection: the comparison in which it was picked.
        label: the row's.
        seeds: how many.
        sweep, overrides: as of `first_screen`.
    """
    flags = {**_settings(overrides), **_flags(selection)}
    return command("confirm", sweep, label, seeds=seeds, **flags)


def _flags(selection: Selection) -> dict[str, object]:
    """How a comparison was asked for, as a command that goes on from it takes it."""
    return {
        "baseline": selection.own_baseline,
        "metric": selection.judged_by,
        "margin": selection.margin and f"{selection.measure.scale * selection.margin:.12g}",
        "only": tuple(filtering.as_flags({**selection.only, **selection.apart})),
        "runs": folder_of_runs(selection),
    }


def confirmed(
    selection: Selection, sweep: str | Path, overrides: Mapping[str, object] = {}
) -> list[str]:
    """The commands that make a confirmation, in the order in which its rows were confirmed; none if
    it is no confirmation.

    How many seeds a row takes depends on how many were confirmed before it.

    selection: the confirmation; sweep, overrides: as of `first_screen`.
    """
    if selection.picking is None:
        return []
    its = {n: selection.runs_of(n) for n in selection.rows if n != selection.baseline}
    rows = sorted(its, key=lambda label: min(run["started"] for run in its[label]))
    picking, made = selection.picking, []
    for so_far, label in enumerate(rows, 1):
        seeds = len(seeds_of(its[label]))
        line = _confirming(picking, label, seeds, sweep, overrides)
        few = seeds < fewest(picking, label, so_far)
        made.append(f"{line}{' --few' if few else ''}")
    return made


def _settings(overrides: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in overrides.items() if name != "seeds"}


def folder_of_runs(selection: Selection) -> str:
    """The folder of runs as one types it here; empty if it is the usual one."""
    return location.as_flag(selection.place)


def _time(selection: Selection, rows: Iterable[str], seeds: int) -> str:
    """How long so many seeds of some rows take, by their runs."""
    seconds = 0.0
    for label in rows:
        runs = selection.runs_of(label)
        seconds += sum(r["seconds"] for r in runs) / sum(len(r["seeds"]) for r in runs)
    return spoken(seconds * seeds)


def _rows_alone(selection: Selection) -> filtering.Only:
    """The values by which a sweep's runs are those of these rows; none if they are all.

    Ids are none of them: those of the runs with other seeds, or tuned otherwise, are others.
    """
    facts = [filtering.of_record(selection.runs_of(label)[0]) for label in selection.rows]
    fits = all(filtering.has(its, *pair) for its in facts for pair in selection.only.items())
    if fits and selection.complete and "id" not in selection.only:
        return selection.only
    return {"label": filtering.labels(facts, map(filtering.of_record, selection.beside))}


def _seeds_there(selection: Selection) -> list[set[int]]:
    """The seeds of each row."""
    return [seeds_of(selection.runs_of(label)) for label in selection.rows]


def _in_all(selection: Selection, number: int) -> list[int]:
    """So many seeds for every row, as many as can be of those that are there among them."""
    return seed_lists.filled(number, _seeds_there(selection))


def _more_seeds(selection: Selection, number: int) -> str:
    """What it takes to have so many seeds of every row, of which some are there."""
    wanted, there = set(_in_all(selection, number)), _seeds_there(selection)
    missing = [len(wanted - its) for its in there]
    records = selection.records
    a_seed = sum(r["seconds"] for r in records) / sum(len(r["seeds"]) for r in records)
    count = len(missing)
    rows = f"{'both' if count == 2 else f'all {count}'} {glance.noun(selection.table)}s"
    more = counted(missing[0], "more seed") if len(set(missing)) == 1 else "the missing seeds"
    said = f"That trains {more} of {rows}, in about {spoken(a_seed * sum(missing))}."
    most = max(len(wanted | its) for its in there)
    return f"{said} Some have {most} then, and all these {number}." if most > number else said
