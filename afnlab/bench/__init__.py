"""Benchmarks: `afnlab bench NAME` prints ratios against a named peer, measured in one run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import afnlab
from afnlab.messages import say
from afnlab.runs.storage import safe_files
from afnlab.training.machine import machine
from afnlab.training.options import whole
from afnlab.training.plan import pick_device
from afnlab.usercode.lookup import expanded


def main(
    name: str, device: str = "cpu", rounds: int = 15, file: str | None = None, **settings: object
) -> None:
    """Run a benchmark, print its table, and write it with the machine's description if asked."""
    whole(rounds, "rounds", least=1)
    place = pick_device(device)
    target = expanded(file) if file else None
    if target:  # now, and not after minutes of measuring
        _require_own(target)
        target.parent.mkdir(parents=True, exist_ok=True)
    module = import_module(f"afnlab.bench.{name}")
    table = module.measure(str(place), rounds, **settings)
    shown = module.summary(table) if hasattr(module, "summary") else table
    for line in shown.round(3).to_string(index=False, na_rep="").splitlines():
        say(line)
    facts = {"afnlab": afnlab.__version__, "date": datetime.now(UTC).date().isoformat()}
    facts |= machine(place)
    say(f"{facts['device_name']}, {facts['threads']} threads, torch {facts['torch']}; medians")
    if target:
        content = {**facts, "rounds": rounds, name: table.to_dict(orient="records")}
        target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _require_own(path: Path) -> None:
    """ValueError for a file that holds something else than a benchmark's figures."""
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        content = safe_files.parse_json(safe_files.read(path.resolve(), safe_files.LARGEST_JSON))
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"afnlab", "rounds"} <= content.keys():
        raise ValueError(f"{path}: is there, and no benchmark wrote it; give --json another FILE")
