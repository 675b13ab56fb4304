"""What there is of confirmations of the row that is to be confirmed next, where a page says so."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from afnlab.compare import headline, statements
from afnlab.compare.attempts import Attempts, begun
from afnlab.compare.confirmation import comparisons_with, confirmation_runs, confirmations
from afnlab.compare.formatting import equation
from afnlab.compare.next_step import Confirmed
from afnlab.compare.selection import Selection
from afnlab.runs.storage import location, runs_folder
from afnlab.runs.storage.record_schema import is_training


def with_confirmed(chosen: Iterable[Selection]) -> list[Selection]:
    """Comparisons with what is known of the confirmations that they propose.

    Args:
        chosen: of `afnlab.compare.select`.
    """
    made = []
    for one in chosen:
        known: dict[str, Confirmed] = {}
        with suppress(ValueError):  # what `afnlab confirm` says then, where that is asked for
            known = {} if one.is_confirmation else _confirmed(one)
        made.append(replace(one, confirmed=known) if known else one)
    return made


def _confirmed(picking: Selection) -> dict[str, Confirmed]:
    folder = location.folder(confirmation_runs(picking.place))
    records = list(filter(is_training, runs_folder.records(folder)))
    step = statements.what_next(picking) if records else None
    if step is None or not step.confirm:
        return {}
    label, failures = step.confirm, runs_folder.failures(folder)
    row, base = picking.rows[label], picking.rows[picking.baseline].group
    used = Attempts.beside(row, base, records, failures, picking.records).seeds
    done, said = begun(records, row.group, base, used, failures), ""
    made = confirmations([picking], picking.place)
    for one in made:
        if label in one.rows:
            table = one.table.loc[[n for n in one.table.index if n in (label, one.baseline)]]
            sentence = headline.sentence(table, one.baseline, one.measure)
            said = f"{sentence.removesuffix('.')} ({equation(table.p_holm[label])})."
    count = comparisons_with(picking, label, made, records, failures)
    return {label: {"comparisons": count, "seeds": len(done), "said": said}}
