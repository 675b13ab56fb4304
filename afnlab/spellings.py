"""Spellings of names: what all spellings of one share, and the known name nearest to a typo."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from afnlab.errors import shown
from afnlab.listing import listed

MOST_LISTED = 60
SYNONYMS = {  # the spelling of a common name, and ours
    "batch": "batch_size",
    "bs": "batch_size",
    "learningrate": "lr",
    "wd": "weight_decay",
}


def spelling(name: str) -> str:
    """What all spellings of a name share: of "Leaky ReLU", "leaky-relu" and "LeakyReLU"."""
    return re.sub(r"[\s_-]", "", name).casefold()


def unknown(kind: str, name: object, known: Iterable[str], of: str = "", shown_by: str = "") -> str:
    """One line for a name that is not known: the nearest spelling, and what there is.

    shown_by: the command that lists what there is, which is then named instead.
    """
    known, said = list(known), name if isinstance(name, str) else shown(name)
    plain = {spelling(str(k)): k for k in known}
    typed = spelling(said[:MOST_LISTED])
    ours = spelling(SYNONYMS.get(typed, typed))
    near = [ours] if ours in plain else difflib.get_close_matches(typed, plain, n=1, cutoff=0.6)
    hint = f"; did you mean {plain[near[0]]!r}?" if near else ""
    if shown_by:
        return f"unknown {kind} {shown(name)}{hint} (`{shown_by}` shows them)"
    there = listed(known) or "none"
    if len(known) > MOST_LISTED:
        there = f"{len(known)} names"
    return f"{of + ': ' if of else ''}unknown {kind} {shown(name)}{hint} (known: {there})"
