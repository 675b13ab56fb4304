"""Whether runs were made with the locked versions."""

from __future__ import annotations

from collections.abc import Iterable

from afnlab.paths import PACKAGE
from afnlab.runs.storage.record_schema import TrainingRecord

LOCK = "constraints.txt"


def pins() -> dict[str, str]:
    """Locked versions by package; empty where there is no lock beside the package."""
    path = PACKAGE.parent / LOCK
    if not path.is_file():
        return {}
    lines = [line.partition(";")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition("==") for line in lines if not line.startswith("#")]
    return {name.strip(): version.strip() for name, _, version in pairs if version}


def state(records: Iterable[TrainingRecord]) -> str:
    """How the versions in the records stand to the lock, in words."""
    locked = pins()
    if not locked:
        return "no lock at hand"
    other = set()
    for r in records:
        named = r["versions"] | {n: r["environment"][n] for n in ("torch", "numpy")}
        for name, version in named.items():
            bare = version.partition("+")[0]
            if name in locked and locked[name] != bare:
                other.add(f"{name} {bare}, locked {locked[name]}")
    return "; ".join(sorted(other)) if other else f"versions as in {LOCK}"
