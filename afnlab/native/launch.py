"""What a call hands to compiled loops: one structure, filled in by name, passed by its address.

launch.h, planes.h, attention.h and adam.h declare the same fields. A library tells where each lies,
and is refused when that differs from here, since a field read in another's place would be a wrong
number.
"""

from __future__ import annotations

import ctypes
from itertools import takewhile, zip_longest
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from afnlab.native.toolchain import Unavailable

DTYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
MOST_PARAMETERS = 8


class Arguments(ctypes.Structure):
    """A structure whose fields are what a library reads; any other name is an AttributeError."""

    __slots__ = ()

    @classmethod
    def layout(cls) -> list[tuple[str, int, int]]:
        """The types of elements (name, code, size), and the fields (name, offset, size)."""
        types = [(str(t).removeprefix("torch."), code, t.itemsize) for t, code in DTYPES.items()]
        fields = [(field[0], getattr(cls, field[0])) for field in cls._fields_]
        return types + [(name, at.offset, at.size) for name, at in fields]

    @classmethod
    def check_layout(cls, lib: ctypes.CDLL, path: Path | str) -> None:
        """Compare the layout with what a library's own was when it was compiled.

        Raises:
            Unavailable: They differ, or the library tells none. The message names the first
                difference.
        """
        try:
            tell = lib[f"afnlab_layout_{cls.__name__}"]
        except AttributeError:
            raise Unavailable(f"{path} does not tell how it reads a {cls.__name__}") from None
        tell.restype = ctypes.POINTER(_Place)
        compiled = [(p.name.decode(), p.at, p.size) for p in takewhile(lambda p: p.name, tell())]
        for ours, other in zip_longest(cls.layout(), compiled):
            if ours != other:
                differs = f"{_described(other)}, not {_described(ours)}"
                raise Unavailable(f"{path} reads a {cls.__name__} otherwise: {differs}")


def _described(row: tuple[str, int, int] | None) -> str:
    return f"{row[0]} at {row[1]}, {row[2]} bytes" if row else "the end"


class _Place(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("at", ctypes.c_int64), ("size", ctypes.c_int64))


class Launch(Arguments):
    """The arguments of an activation's loops; launch.h says what they mean.

    NVRTC's kernels take outer, channels and inner as one `Layout`, so they stay together.
    """

    __slots__ = ()
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("outer", "channels", "inner")),
        *((name, ctypes.c_void_p) for name in ("x", "grad_y", "out")),
        ("numbers", ctypes.c_double * MOST_PARAMETERS),
        *((name, ctypes.c_void_p) for name in ("table", "sums", "room", "stream")),
        *((name, ctypes.c_int32) for name in ("dtype", "threads", "device", "blocks")),
    )


@runtime_checkable
class Kernel(Protocol):
    """The compiled loops of one activation on one kind of device.

    There are three: a function of a library for the CPU or for CUDA
    (`library.CompiledFunction`), and what NVRTC compiles (`nvrtc.Launcher`).
    """

    @property
    def origin(self) -> Path | str:
        """Where they come from."""

    def __call__(self, launch: Launch, /) -> None:
        """Start them; a RuntimeError says why they cannot be."""
