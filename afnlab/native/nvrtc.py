"""CUDA kernels without nvcc: compiled in memory by NVRTC, which torch's CUDA builds bring along.

The same device code as in cuda.cu, and the same calls, launched through the driver.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from afnlab.native import library
from afnlab.native.toolchain import Unavailable

THREADS, WIDTH, MOST_BLOCKS, MOST_ROWS, MOST_PARAMETERS = 256, 16, 1 << 16, 65535, 8
STORAGE = ("float", "double", "afnlab::half16", "afnlab::bfloat")  # by dtype code
SIZE = (4, 8, 2, 2)
NO_CODE = -1


class _Layout(ctypes.Structure):
    _fields_ = [(name, ctypes.c_longlong) for name in ("outer", "channels", "inner")]


def _parameters(number: Any) -> type[ctypes.Structure]:
    fields = [("numbers", number * MOST_PARAMETERS), ("table", ctypes.c_void_p)]
    return type("_Parameters", (ctypes.Structure,), {"_fields_": fields})


_PARAMETERS = {c: _parameters(c) for c in (ctypes.c_float, ctypes.c_double)}


@cache
def _nvrtc() -> ctypes.CDLL:
    for part in _installed("libnvrtc-builtins.so.*"):  # which it looks for by name alone
        with suppress(OSError):
            ctypes.CDLL(part)
    own = f".so.{(torch.version.cuda or '').partition('.')[0]}"  # torch's, where there are several
    found = sorted(_installed("libnvrtc.so.*"), key=lambda path: not path.endswith(own))
    for name in (*found, "libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"):
        with suppress(OSError):
            return ctypes.CDLL(name)
    raise Unavailable("there is no NVRTC (pip install nvidia-cuda-nvrtc)")


def _installed(pattern: str) -> list[str]:
    """Libraries that packages brought along."""
    spec = find_spec("nvidia")
    folders = (spec.submodule_search_locations if spec else None) or ()
    return [str(path) for f in folders for path in sorted(Path(f).glob(f"*/lib/{pattern}"))]


def compile_to(architecture: str, name: str, kernels: list[str]) -> tuple[bytes, dict[str, bytes]]:
    """The machine code of some instantiations, for "sm_90" and the like, and their symbols."""
    nvrtc = _nvrtc()
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    source = (library.HERE / "cuda_kernels.h").read_bytes()
    header = (library.HERE / "functors.h").read_bytes()
    headers = (ctypes.c_char_p * 1)(header), (ctypes.c_char_p * 1)(b"functors.h")

    def do(call: str, *args: Any) -> None:
        code = getattr(nvrtc, call)(*args)
        if code:
            log = b""
            if program and not nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size)):
                buffer = ctypes.create_string_buffer(size.value)
                nvrtc.nvrtcGetProgramLog(program, buffer)
                log = buffer.value
            raise Unavailable(f"{call} failed ({code}) for {name}: {log.decode().strip()[:300]}")

    do("nvrtcCreateProgram", ctypes.byref(program), source, b"kernels.cu", 1, *headers)
    try:
        for kernel in kernels:
            do("nvrtcAddNameExpression", program, kernel.encode())
        flags = [f"--gpu-architecture={architecture}", "-std=c++17", "--prec-div=false"]
        options = (ctypes.c_char_p * len(flags))(*(f.encode() for f in flags))
        do("nvrtcCompileProgram", program, len(flags), options)
        symbols = {}
        for kernel in kernels:
            symbol = ctypes.c_char_p()
            do("nvrtcGetLoweredName", program, kernel.encode(), ctypes.byref(symbol))
            symbols[kernel] = symbol.value or b""
        do("nvrtcGetCUBINSize", program, ctypes.byref(size))
        code = ctypes.create_string_buffer(size.value)
        do("nvrtcGetCUBIN", program, code)
        return code.raw, symbols
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


class Launchers:
    """The calls of a library from cuda.cu, for one activation of `parameters` parameters."""

    def __init__(self, name: str, parameters: int) -> None:
        _nvrtc()
        try:
            self.driver = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise Unavailable(f"there is no CUDA driver ({error})") from None
        self.name, self.parameters = name, parameters
        self.functions: dict[tuple[int, int, str], Any] = {}
        self.contexts: dict[int, ctypes.c_void_p] = {}

    def expression(self, dtype: int, kernel: str) -> str:
        """A kernel's name with its types."""
        slope = {"value": ", false", "slope": ", true"}
        what, _, way = kernel.partition(" ")
        number = "double" if dtype == 1 else "float"
        types = f"afnlab::{self.name}<{number}>, {STORAGE[dtype]}, {number}{slope.get(way, '')}"
        return "afnlab::add_up" if what == "add_up" else f"afnlab::{what}<{types}>"

    def wanted(self) -> list[str]:
        """The kernels that an activation has."""
        each = ["map_each value", "map_each slope", "map_sums", "add_up"]
        return ["map_all value", "map_all slope", *(each if self.parameters else [])]

    def function(self, device: int, dtype: int, kernel: str) -> Any:
        if (device, dtype, kernel) not in self.functions:
            major, minor = torch.cuda.get_device_capability(device)
            named = {k: self.expression(dtype, k) for k in self.wanted()}
            code, symbols = compile_to(f"sm_{major}{minor}", self.name, list(named.values()))
            module = ctypes.c_void_p()
            self._do("cuModuleLoadData", ctypes.byref(module), code)
            for k, expression in named.items():
                found = ctypes.c_void_p()
                self._do("cuModuleGetFunction", ctypes.byref(found), module, symbols[expression])
                self.functions[device, dtype, k] = found
        return self.functions[device, dtype, kernel]

    def _do(self, call: str, *args: Any) -> None:
        code = getattr(self.driver, call)(*args)
        if code:
            raise RuntimeError(f"{self.name}: {call} failed: {self.explain(code)}")

    def explain(self, code: int) -> str:
        text = ctypes.c_char_p()
        self.driver.cuGetErrorString(code, ctypes.byref(text))
        return (text.value or b"unknown error").decode()

    @contextmanager
    def _on(self, device: int) -> Iterator[None]:
        """In the device's context, which a thread that has only just begun has none of."""
        if device not in self.contexts:
            context = ctypes.c_void_p()
            self._do("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
            self.contexts[device] = context
        self._do("cuCtxPushCurrent_v2", self.contexts[device])
        try:
            yield
        finally:
            self._do("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))

    def _launch(self, device: int, dtype: int, kernel: str, grid: tuple, stream: Any, *args: Any):
        pointers = (ctypes.c_void_p * len(args))(*(ctypes.addressof(a) for a in args))
        shape = (*grid, THREADS, 1, 1, 0)
        with self._on(device):
            function = self.function(device, dtype, kernel)
            self._do("cuLaunchKernel", function, *shape, ctypes.c_void_p(stream), pointers, None)

    def _arguments(self, dtype: int, numbers: int, table: int | None) -> ctypes.Structure:
        number = ctypes.c_double if dtype == 1 else ctypes.c_float
        given = (ctypes.c_double * self.parameters).from_address(numbers) if self.parameters else ()
        return _PARAMETERS[number]((number * MOST_PARAMETERS)(*given), table)

    def forward(
        self, dtype: int, outer: int, channels: int, inner: int, x: int, y: int,
        numbers: int, table: int | None, device: int, stream: int,
    ) -> int:  # fmt: skip
        return self._map(
            "value", dtype, (outer, channels, inner), x, None, y, numbers, table, device, stream
        )

    def backward(
        self, dtype: int, outer: int, channels: int, inner: int, x: int, grad_y: int, grad_x: int,
        numbers: int, table: int | None, device: int,
        sums: int | None, room: int | None, blocks: int, stream: int,
    ) -> int:  # fmt: skip
        shape = (outer, channels, inner)
        if not sums:
            return self._map(
                "slope", dtype, shape, x, grad_y, grad_x, numbers, table, device, stream
            )
        pointers = [ctypes.c_void_p(p) for p in (x, grad_y, grad_x)]
        parameters = self._arguments(dtype, numbers, table)
        packs = ctypes.c_longlong(self._packs(dtype, shape, x, grad_y, grad_x))
        grid = (blocks, min(channels, MOST_ROWS), 1)
        args = (*pointers, _Layout(*shape), parameters, packs, ctypes.c_void_p(room))
        self._launch(device, dtype, "map_sums", grid, stream, *args)
        grid = (self.parameters * channels, 1, 1)
        ends = (ctypes.c_void_p(room), ctypes.c_void_p(sums), ctypes.c_int(blocks))
        self._launch(device, dtype, "add_up", grid, stream, *ends)
        return 0

    def _packs(self, dtype: int, shape: tuple[int, int, int], *addresses: int | None) -> int:
        wide = shape[1] == 1 and all((a or 0) % WIDTH == 0 for a in addresses)
        return shape[0] * shape[1] * shape[2] * SIZE[dtype] // WIDTH if wide else 0

    def _map(
        self, way: str, dtype: int, shape: tuple[int, int, int], x: int, grad_y: int | None,
        out: int, numbers: int, table: int | None, device: int, stream: int,
    ) -> int:  # fmt: skip
        packs = self._packs(dtype, shape, x, grad_y, out)
        threads = packs or shape[0] * shape[1] * shape[2]
        blocks = min(-(-threads // THREADS), MOST_BLOCKS)
        args: list[Any] = [ctypes.c_void_p(p) for p in (x, grad_y, out)]
        args += [_Layout(*shape), self._arguments(dtype, numbers, table)]
        kernel = "map_each" if shape[1] > 1 else "map_all"
        args += [ctypes.c_longlong(packs)] if kernel == "map_all" else []
        self._launch(device, dtype, f"{kernel} {way}", (blocks, 1, 1), stream, *args)
        return 0
