"""Whether the code of a stored run is still what it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afnlab.runs.spec import RunSpec


def is_current(record: Mapping[str, Any]) -> bool:
    """Whether the code, the notebook and the parameters of a run are still what they were."""
    try:
        return RunSpec.of_record(record).group == record["group"]
    except (ValueError, KeyError):
        return False
