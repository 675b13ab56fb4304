"""What the tables of other settings say, where a comparison is split, see `afnlab.runs.within`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from afnlab.compare.headline import OPEN, compared_rows
from afnlab.compare.next_step import OtherTables
from afnlab.compare.selection import Selection
from afnlab.runs.setting import TrainingSetting


def with_other_tables(chosen: Iterable[Selection]) -> list[Selection]:
    """Comparisons with what is to be known, before another task is proposed, of those from which
    they were split.

    Args:
        chosen: of `afnlab.compare.select`.
    """
    listed = list(chosen)
    parts: dict[TrainingSetting, list[Selection]] = {}
    for one in listed:
        if one.first.within and not one.is_confirmation and not compared_rows(one.table).empty:
            parts.setdefault(one.first.setting._replace(within=()), []).append(one)
    others = {id(one): _others(one, part) for part in parts.values() for one in part if part[1:]}
    return [replace(one, others=others[id(one)]) if id(one) in others else one for one in listed]


def _others(one: Selection, part: Iterable[Selection]) -> OtherTables:
    its = [other for other in part if other is not one]
    undecided = [_called(other) for other in its if other.table.verdict.isin(OPEN).any()]
    best = max([one, *its], key=_best)
    return OtherTables(
        count=len(its), undecided=undecided, best="" if best is one else _called(best)
    )


def _best(one: Selection) -> float:
    """The best mean of its rows, the larger the better."""
    return one.measure.sign * float(one.table[one.measure.key].iloc[0])


def _called(one: Selection) -> str:
    return " with ".join(f"{name}={text}" for name, text in one.first.within)
