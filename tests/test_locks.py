"""Claims of runs: one holder at a time, and none that is dead."""

from __future__ import annotations

import os
import signal

import pytest

from afnlab import locks
from afnlab.locks import Claim

pytestmark = pytest.mark.skipif(locks.fcntl is None, reason="no locks on Windows")


def test_one_at_a_time(tmp_path):
    with Claim(tmp_path, "a") as one:
        assert one.held
        with Claim(tmp_path, "a") as again, Claim(tmp_path, "b") as other:
            assert not again.held
            assert other.held
        assert not Claim(tmp_path, "a").held
    assert list(tmp_path.iterdir()) == []
    with Claim(tmp_path, "a") as one:
        assert one.held


def test_it_dies_with_its_process(tmp_path):
    here, there = os.pipe()
    if not (pid := os.fork()):
        claim = Claim(tmp_path, "a")
        os.write(there, b"held" if claim.held else b"")
        signal.pause()
    assert os.read(here, 4) == b"held"
    os.close(here)
    os.close(there)
    assert not Claim(tmp_path, "a").held
    locks.tidy(tmp_path)
    (file,) = tmp_path.iterdir()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert file.exists()
    with Claim(tmp_path, "a") as claim:
        assert claim.held
    assert not file.exists()


def test_what_is_left_of_dead_ones_is_tidied_up(tmp_path):
    for name in (".claim-a.lock", ".attempt-a.lock", ".claim-b"):
        (tmp_path / name).touch()
    locks.tidy(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {".attempt-a.lock", ".claim-b"}


def test_a_file_that_is_deleted_before_it_is_locked(tmp_path, monkeypatch):
    acquire, turns = locks.acquire, []

    def late(descriptor):
        if not turns:  # its holder lets go
            turns.append(1)
            (tmp_path / ".claim-a.lock").unlink()
        return acquire(descriptor)

    monkeypatch.setattr(locks, "acquire", late)
    with Claim(tmp_path, "a") as one:
        assert one.held
        assert not Claim(tmp_path, "a").held


def test_where_there_are_no_locks_all_may_go_on(tmp_path, monkeypatch):
    def refuses(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(locks.fcntl, "flock", refuses)
    with Claim(tmp_path, "a") as one, Claim(tmp_path, "a") as other:
        assert one.held
        assert other.held
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with Claim(tmp_path / "file", "a") as claim:  # whatever is wrong, the attempt will say it
        assert claim.held
