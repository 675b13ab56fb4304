"""Which notebooks train an activation on a task, so that their runs are trainings."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from afnlab.messages import enumerated
from afnlab.runs.conventions import OUT
from afnlab.runs.fingerprint import Manifest
from afnlab.runs.fingerprint.mentions import mentions
from afnlab.runs.fingerprint.reaching import names_reached
from afnlab.runs.fingerprint.syntax import Source
from afnlab.runs.fingerprint.userfiles import notebook_source, source_of
from afnlab.runs.storage.record_schema import OF_TRAININGS

SEED, SEEDS = "seed", "seeds"  # of a notebook that is run once for each, and of one that takes all
_DECLARED = ("task", "activation", OUT)
# With these a notebook trains as afnlab's own does; modules, since they may have other names there.
_TRAINS = ("afnlab", "afnlab.runs", "afnlab.runs.notebook")
_WRITES = "environment"  # what it calls in its result.json what a training was made with
_RENAMED = "rename one of them (`activation` to `function`), or `seeds` to `seed`"


def has_one_seed(declared: Iterable[str]) -> bool:
    """Whether a notebook is run once for each of a sweep's seeds, by its parameters' names."""
    names = set(declared)
    return SEED in names and SEEDS not in names


def trains(declared: Iterable[str]) -> bool:
    """Whether a notebook trains an activation on a task, by the parameters that it declares: a
    training takes all of its seeds together."""
    names = set(declared)
    return names.issuperset(_DECLARED) and not has_one_seed(names)


def check_trains(name: str, content: bytes, reached: Manifest) -> None:
    """Refuse a notebook that is a training by its parameters and cannot be one by its code: its
    runs would fail when all is computed.

    Args:
        name: of the notebook.
        content: what it holds.
        reached: the code that it reaches.

    Raises:
        ValueError: Neither the notebook nor a file of the user's calls what a training leaves
            its results with, or writes these itself.
    """
    sources = [notebook_source(content), *_user_files(reached)]
    if reached.executes_texts or any("globals" in mentions(one).names for one in sources):
        return  # what that leads to cannot be told
    if any(one in _TRAINS or one.endswith(".parameters") for one in names_reached(sources)):
        return
    if any(_WRITES in _words(source) for source in sources):
        return
    message = (
        f"{name}: its parameters {enumerated(_DECLARED)} are those of a notebook that trains, and"
        f" it does not train by afnlab.runs.parameters(globals()); if it measures, {_RENAMED}"
    )
    raise ValueError(message)


def check_measures(name: str, declared: Iterable[str]) -> None:
    """Refuse a notebook that is no training and whose records would be taken for those of one.

    Args:
        name: of the notebook.
        declared: the names of its parameters.

    Raises:
        ValueError: They are so.
    """
    if set(declared).issuperset(OF_TRAININGS):
        message = (
            f"{name}: its parameters {enumerated(OF_TRAININGS)} are together what the record of a"
            " training holds; rename one of them"
        )
        raise ValueError(message)


def _user_files(reached: Manifest) -> Iterator[Source]:
    """The user's files among what is reached."""
    for name in reached.units:
        if Path(name).is_absolute():
            with suppress(OSError):
                yield source_of(Path(name))


def _words(source: Source) -> set[str]:
    """Every name and text in a source."""
    nodes = (node for tree in source.trees for node in ast.walk(tree))
    return {text for node in nodes for text in vars(node).values() if isinstance(text, str)}
