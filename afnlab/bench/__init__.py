"""Benchmarks: `afnlab bench NAME` prints ratios against a named peer, measured in one run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import afnlab
from afnlab.training.engine import pick_device
from afnlab.training.options import whole
from afnlab.training.record import machine


def main(
    name: str, device: str = "cpu", rounds: int = 15, file: str | None = None, **settings: Any
) -> None:
    """Run a benchmark, print its table, and write it with the machine's description if asked."""
    from afnlab.bench import activations, autorot, report  # noqa: PLC0415

    whole(rounds, "rounds", least=1)
    place = pick_device(device)
    modules = {"autorot": autorot, "activations": activations, "report": report}
    measure: Any = modules[name].measure
    table = measure(str(place), rounds, **settings)
    shown = activations.summary(table) if name == "activations" else table
    print(shown.round(3).to_string(index=False, na_rep=""))
    facts = {"afnlab": afnlab.__version__, "date": datetime.now(UTC).date().isoformat()}
    facts |= machine(place)
    print(f"{facts['device_name']}, {facts['threads']} threads, torch {facts['torch']}; medians")
    if file:
        content = {**facts, "rounds": rounds, name: table.to_dict(orient="records")}
        Path(file).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
