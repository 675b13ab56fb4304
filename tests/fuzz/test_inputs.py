"""A few of the random attacks on what a user gives, of a seed of their own; CI runs more."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.inputs import KINDS, NUMBERS, REFUSED, command, python


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_no_case_is_lost(kind, tmp_path):
    for number in range({"Python calls": 60}.get(kind, 6)):
        folder = tmp_path / str(number)
        folder.mkdir()
        wrong = KINDS[kind](Random(f"{kind} {number}"), folder)
        assert not wrong, f"{number}: {wrong}"


def test_the_attacks_can_fail(tmp_path, monkeypatch):
    """An error that nobody foresaw, two lines and a raw letter are noticed."""
    for broken in (KeyError("x"), ValueError("one\x1b")):

        def raising(*_: object, broken: Exception = broken) -> None:
            raise broken

        monkeypatch.setattr("afnlab.cli.activations._list", raising)
        _, _, err, wrong = command(["list"], tmp_path)
        assert wrong == "an error that nobody foresaw" if "KeyError" in err else not wrong
    monkeypatch.setattr("tests.fuzz.inputs.CALLS", {"one": lambda v, w: {}["x"]})
    assert python(Random(0), tmp_path).endswith("KeyError: 'x'")
    assert sum(means is not REFUSED for _, means in NUMBERS) > 10
