"""Freed memory is kept while something trains, and given back after it; no bit depends on it."""

from __future__ import annotations

import ctypes
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pandas as pd
import pytest
import torch

import afnlab
from afnlab.training import engine, memory

SIZES = count(128 << 20, 64 << 20)  # each larger than any gap that those before have left
glibc = pytest.mark.skipif(memory._glibc() is None, reason="not glibc: nothing is kept there")


def mapped() -> int:
    """How many blocks the C library has from the system each by itself."""

    class Info(ctypes.Structure):
        _fields_ = tuple((f"field{i}", ctypes.c_size_t) for i in range(10))

    asked = ctypes.CDLL(None).mallinfo2
    asked.restype = Info
    return asked().field3  # hblks


def is_mapped() -> bool:
    """Whether large blocks come from the system by themselves, and go back when they are freed.

    One of three suffices: others may come and go meanwhile.
    """
    return any(one_is_mapped() for _ in range(3))


def one_is_mapped() -> bool:
    gc.collect()
    before = mapped()
    block = torch.empty(next(SIZES), dtype=torch.uint8)
    during = mapped()
    del block
    return during == before + 1 and mapped() == before


@glibc
def test_it_is_kept_inside_and_mapped_again_afterwards():
    assert is_mapped()
    with memory.keep_freed_memory() as kept:
        assert kept
        assert not is_mapped()
        with memory.keep_freed_memory():
            assert not is_mapped()
        assert not is_mapped()
    assert is_mapped()


@glibc
def test_it_is_put_back_after_an_error():
    with pytest.raises(KeyError), memory.keep_freed_memory():
        raise KeyError
    assert is_mapped()


@glibc
def test_the_last_of_several_threads_puts_it_back():
    first, both = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def early() -> None:
        with memory.keep_freed_memory():
            first.wait()
        both.wait()

    with ThreadPoolExecutor(1) as pool, memory.keep_freed_memory():
        done = pool.submit(early)
        first.wait()
        both.wait()  # the other has left
        assert not is_mapped()
        done.result()
    assert is_mapped()


@glibc
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=100000"),
        ("MALLOC_MMAP_THRESHOLD_", "100000"),
        ("MALLOC_TRIM_THRESHOLD_", "100000"),
        ("MALLOC_TOP_PAD_", "4096"),
    ],
)
def test_what_the_environment_sets_is_left_alone(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with memory.keep_freed_memory() as kept:
        assert not kept
        assert is_mapped()


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_elsewhere_nothing_happens(error, monkeypatch):
    def library(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", library)
    with memory.keep_freed_memory() as kept:
        assert not kept


def trained(task: str) -> pd.DataFrame:
    options = {"seeds": 1, "epochs": 1, "limit_train": 128, "limit_test": 64, "progress": False}
    return afnlab.train(task, "gelu", **options).history.drop(columns="seconds")


@pytest.mark.parametrize("task", ["digits-convnet", "digits-mlp", "digits-airbench"])
def test_a_training_keeps_it_and_not_a_bit_changes(task, monkeypatch):
    seen, whole = [], engine.Stack.epoch

    def epoch(self, recorder):
        seen.append(memory._inside)
        return whole(self, recorder)

    monkeypatch.setattr(engine.Stack, "epoch", epoch)
    kept = trained(task)
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    pd.testing.assert_frame_equal(kept, trained(task), check_exact=True)
    assert seen == [int(sys.platform == "linux"), 0]
    assert memory._inside == 0
