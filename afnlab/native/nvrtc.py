"""CUDA kernels without nvcc: compiled in memory by NVRTC, which torch's CUDA builds bring along.

The same device code as in cuda.cu, launched through the driver.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch

from afnlab.native import library
from afnlab.native.launch import DTYPES, MOST_PARAMETERS, Launch
from afnlab.native.toolchain import Unavailable

THREADS, WIDTH, MOST_BLOCKS, MOST_ROWS = 256, 16, 1 << 16, 65535
STORAGE = ("float", "double", "afnlab::half16", "afnlab::bfloat")  # by dtype code
SIZE = tuple(dtype.itemsize for dtype in DTYPES)


def _parameters(number: type[ctypes.c_float | ctypes.c_double]) -> type[ctypes.Structure]:
    fields = [("numbers", number * MOST_PARAMETERS), ("table", ctypes.c_void_p)]
    return type("_Parameters", (ctypes.Structure,), {"_fields_": fields})


_PARAMETERS = {c: _parameters(c) for c in (ctypes.c_float, ctypes.c_double)}


@cache
def _nvrtc() -> ctypes.CDLL:
    for part in _installed("libnvrtc-builtins.so.*"):  # which it looks for by name alone
        with suppress(OSError):
            ctypes.CDLL(part)
    # Where there are several, torch's.
    suffix = f".so.{(torch.version.cuda or '').partition('.')[0]}"
    libraries = sorted(_installed("libnvrtc.so.*"), key=lambda path: not path.endswith(suffix))
    for name in (*libraries, "libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"):
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

    def do(call: str, *args: object) -> None:
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


@cache
def driver() -> ctypes.CDLL:
    """The CUDA driver, where what NVRTC compiles can be started."""
    _nvrtc()
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise Unavailable(f"there is no CUDA driver ({error})") from None


class Launcher:
    """The kernels of an activation of `parameters` parameters, each compiled when first asked for
    and started as cuda.cu starts it."""

    origin = "NVRTC"

    def __init__(self, name: str, parameters: int, driver: ctypes.CDLL) -> None:
        self.name, self.parameters, self.driver = name, parameters, driver
        self.functions: dict[tuple[int, int, str], ctypes.c_void_p] = {}
        self.contexts: dict[int, ctypes.c_void_p] = {}

    def __call__(self, launch: Launch, /) -> None:
        channels, total = launch.channels, launch.outer * launch.channels * launch.inner
        parameters = self._arguments(launch)
        ends = (launch.x, launch.grad_y, launch.out)
        wide = channels == 1 and all((a or 0) % WIDTH == 0 for a in ends)
        packs = total * SIZE[launch.dtype] // WIDTH if wide else 0
        data = ("x", "grad_y", "out", "outer", parameters)
        if launch.sums:
            grid = (launch.blocks, min(channels, MOST_ROWS))
            self._launch(launch, "map_sums", grid, *data, ctypes.c_longlong(packs), "room")
            grid = (self.parameters * channels, 1)
            self._launch(launch, "add_up", grid, "room", "sums", "blocks")
            return
        way = "slope" if launch.grad_y else "value"
        grid = (min(-(-(packs or total) // THREADS), MOST_BLOCKS), 1)
        if channels > 1:
            self._launch(launch, f"map_each {way}", grid, *data)
        else:
            self._launch(launch, f"map_all {way}", grid, *data, ctypes.c_longlong(packs))

    def _arguments(self, launch: Launch) -> ctypes.Structure:
        number = ctypes.c_double if launch.dtype == DTYPES[torch.float64] else ctypes.c_float
        return _PARAMETERS[number]((number * MOST_PARAMETERS)(*launch.numbers), launch.table)

    def _launch(
        self,
        launch: Launch,
        kernel: str,
        grid: tuple[int, int],
        *args: str | ctypes.Structure | ctypes.c_longlong,
    ) -> None:
        """Start one kernel. args: its arguments, which the driver reads at their addresses; texts
        are fields of the launch, of which "outer" begins a Layout."""
        start = ctypes.addressof(launch)
        places = (
            start + getattr(Launch, a).offset if isinstance(a, str) else ctypes.addressof(a)
            for a in args
        )
        pointers = (ctypes.c_void_p * len(args))(*places)
        with self._on(launch.device):
            function = self.function(launch.device, launch.dtype, kernel)
            shape = (*grid, 1, THREADS, 1, 1, 0)
            stream = ctypes.c_void_p(launch.stream)
            self._do("cuLaunchKernel", function, *shape, stream, pointers, None)

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

    def function(self, device: int, dtype: int, kernel: str) -> ctypes.c_void_p:
        if (device, dtype, kernel) not in self.functions:
            major, minor = torch.cuda.get_device_capability(device)
            named = {k: self.expression(dtype, k) for k in self.wanted()}
            code, symbols = compile_to(f"sm_{major}{minor}", self.name, list(named.values()))
            module = ctypes.c_void_p()
            self._do("cuModuleLoadData", ctypes.byref(module), code)
            for k, expression in named.items():
                handle = ctypes.c_void_p()
                self._do("cuModuleGetFunction", ctypes.byref(handle), module, symbols[expression])
                self.functions[device, dtype, k] = handle
        return self.functions[device, dtype, kernel]

    def _do(self, call: str, *args: object) -> None:
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
