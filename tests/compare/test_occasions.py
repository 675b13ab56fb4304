"""Which runs were made on one occasion."""

from __future__ import annotations

from afnlab.compare.occasions import occasions


def record(minute: float, seconds: float = 20.0, device_name: str = "a", threads: int = 1) -> dict:
    started = f"2026-11-30T05:{int(minute):02d}:{60 * (minute % 1):06.3f}+00:00"
    environment = {"device_name": device_name, "threads": threads}
    return {"started": started, "seconds": seconds, "environment": environment}


def together(**by_label) -> bool:
    return len(set(occasions(by_label).values())) == 1


def test_a_pause_parts_runs():
    assert together(relu=[record(0)], gelu=[record(0.4)])
    assert together(relu=[record(0)], gelu=[record(0)])  # side by side
    assert not together(relu=[record(0)], gelu=[record(12)])
    assert together(relu=[record(0), record(12.4)], gelu=[record(0.4), record(12)])
    assert not together(relu=[record(0), record(12)], gelu=[record(0)])


def test_other_runs_in_between_are_no_pause():
    # Of a sweep over two tasks, whose runs take four minutes each, in turn.
    assert together(relu=[record(0, 240)], gelu=[record(8, 240)], tanh=[record(16, 240)])


def test_another_machine_is_another_occasion():
    assert not together(relu=[record(0)], gelu=[record(0.1, device_name="b")])
    assert not together(relu=[record(0)], gelu=[record(0.1, threads=2)])
