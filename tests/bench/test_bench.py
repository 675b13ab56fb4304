"""What every benchmark does: print its table, and write it where it is asked to."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd

from afnlab import bench


def test_the_file_may_be_named_from_home(tmp_path, monkeypatch, capsys):
    table = pd.DataFrame({"ratio": [1.5]})
    module = SimpleNamespace(measure=lambda device, rounds: table)
    monkeypatch.setattr(bench, "import_module", lambda name: module)
    monkeypatch.setenv("HOME", str(tmp_path))
    bench.main("runs", file="~/new/speed.json", rounds=1)
    assert "1.5" in capsys.readouterr().out
    assert json.loads((tmp_path / "new/speed.json").read_text())["runs"] == [{"ratio": 1.5}]
