"""What every benchmark does: print its table, and write it where it is asked to."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from afnlab import bench


@pytest.fixture(autouse=True)
def measured(monkeypatch) -> None:
    table = pd.DataFrame({"ratio": [1.5]})
    module = SimpleNamespace(measure=lambda device, rounds: table)
    monkeypatch.setattr(bench, "import_module", lambda name: module)


def test_the_file_may_be_named_from_home(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    bench.main("runs", file="~/new/speed.json", rounds=1)
    assert "1.5" in capsys.readouterr().out
    assert json.loads((tmp_path / "new/speed.json").read_text())["runs"] == [{"ratio": 1.5}]


@pytest.mark.parametrize("text", ["def my_function(x): ...", '{"rounds": 3}', "[]"])
def test_a_file_that_no_benchmark_wrote_stays(tmp_path, text):
    file = tmp_path / "mine.json"
    file.write_text(text)
    (tmp_path / "link.json").symlink_to(file)
    for path in (file, tmp_path / "link.json"):
        with pytest.raises(ValueError, match=r"json: is there, and no benchmark wrote it; give"):
            bench.main("runs", file=str(path), rounds=1)
    assert file.read_text() == text


def test_the_last_benchmark_is_written_over(tmp_path):
    file = tmp_path / "speed.json"
    file.touch()
    for rounds in (1, 2):
        bench.main("runs", file=str(file), rounds=rounds)
        assert json.loads(file.read_text())["rounds"] == rounds
