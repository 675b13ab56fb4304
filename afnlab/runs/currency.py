"""Whether the code of a stored run is still what it was: by what files hold; nothing is run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from afnlab.runs.spec import RunSpec

CURRENT, CHANGED, ELSEWHERE = "current", "changed", "not here"


def state(record: Mapping[str, Any], closed: Sequence[Path] = ()) -> str:
    """CURRENT, CHANGED, or ELSEWHERE where a file of a run's code is not here to be looked at.

    closed: see `is_current`.
    """
    if is_current(record, closed):
        return CURRENT
    here = all(os.access(path, os.R_OK) for path in _own_files(record))
    return CHANGED if here else ELSEWHERE


def _own_files(record: Mapping[str, Any]) -> Iterator[str]:
    """The user's files that a record names: its notebook, references to code, what these reach."""
    given = record.get("given")
    named = [record.get("notebook"), *(given.values() if isinstance(given, Mapping) else ())]
    code = record.get("code")
    named += code if isinstance(code, Mapping) else ()
    for one in named:
        for text in one if isinstance(one, (list, tuple)) else [one]:
            if isinstance(text, str) and os.path.sep in text:
                path = text.rpartition(":")[0] if ".py:" in text else text
                if path.endswith((".py", ".ipynb")) and Path(path).is_absolute():
                    yield path


def is_current(record: Mapping[str, Any], closed: Sequence[Path] = ()) -> bool:
    """Whether the code, the notebook and the parameters of a run are still what they were."""
    try:
        return RunSpec.of_record(record).group == record["group"]
    except (ValueError, KeyError):
        return False
