"""Seeds as `--seeds` takes them, and so many of them beside those that are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import count, islice

from afnlab.training.options import seed_list


def typed(seeds: object) -> str:
    """Seeds as they are typed: how many, where they are the first ones, or a list.

    Args:
        seeds: a number or a list, as a sweep file has them.
    """
    listed = seed_list(seeds)  # type: ignore[arg-type]
    first = list(listed) == list(range(len(listed)))
    return str(len(listed)) if first else str([*listed])


def first_seeds(there: Collection[int], most: int) -> range:
    """The seeds from 0 on that are all there: those by which evidence decides.

    Args:
        there: the seeds that there are.
        most: how many count.
    """
    return range(next((seed for seed in range(most) if seed not in there), most))


def filled(number: int, rows: Iterable[Iterable[int]]) -> list[int]:
    """So many seeds: of those that there are, as most rows have them, and the first others.

    Args:
        number: how many.
        rows: the seeds of each row.
    """
    there = Counter(seed for seeds in rows for seed in set(seeds))
    known = sorted(there, key=lambda seed: (-there[seed], seed))[:number]
    others = (seed for seed in count() if seed not in there)
    return sorted([*known, *islice(others, number - len(known))])
