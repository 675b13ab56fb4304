"""A hundred of the random attacks that CI runs for a minute."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz import __main__ as fuzz
from tests.fuzz import folders

KINDS = {f"folders.{name}": case for name, case in folders.KINDS.items()}


def test_a_hundred_attacks_find_nothing():
    counts, faults = fuzz.run(7, 0, 100, KINDS)
    assert sum(counts.values()) >= 100
    assert faults == []


def test_readers_that_look_at_sizes_alone_are_found_out(monkeypatch):
    folders.truth()
    monkeypatch.setattr(
        folders.runs_folder, "read_file", lambda run, _, name: (run / name).read_bytes()
    )
    _, faults = fuzz.run(7, 0, 100, {"folders.flips": folders.flips})
    assert any("a number that nobody wrote" in found for _, _, found in faults)


def test_a_fault_is_told_with_how_to_repeat_it(monkeypatch, capsys):
    def finds(rng, folder: Path) -> str:
        assert folder.is_dir()
        return "no"

    monkeypatch.setattr(fuzz, "kinds", lambda: {"folders.mine": finds})
    monkeypatch.setattr("sys.argv", ["fuzz", "--seconds", "0", "--least", "3"])
    assert fuzz.main() == 1
    out, err = capsys.readouterr()
    assert "folders.mine" in out
    assert "--seed 0 --only folders.mine --index 2\nno" in err
