"""The CUDA kernels and their launchers, run on the host: every element once, every sum right.

`cuda_host.h` stands in for the device, so this needs no GPU; what needs one is in
`test_native_cuda.py`.
"""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from afnlab.native import kernels, library, nvrtc, toolchain
from afnlab.native.launch import Launch
from afnlab.registry import get_activation
from tests.native.test_launch import OnGpu
from tests.native.test_native import why_not
from tests.over import over

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(sys.platform != "linux", reason="its fibers are of Linux"),
]
NAMES = kernels.names()
TOLERANCE = {torch.float64: 1e-13, torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
LAUNCH = re.compile(r"(\w+(?:<[^<>]*>)?)<<<(.*?), THREADS, 0, stream>>>\((.*?)\);", re.DOTALL)
ASSEMBLY = re.compile(r'asm\("(\S+) [%0-9, ]+;" : "=\w"\((.*?)\) : (.*?)\);')


def on_the_host(source: str) -> str:
    """CUDA's launches and assembly as calls of functions."""
    source = LAUNCH.sub(r"host::launch(\2, THREADS, [&] { \1(\3); });", source)
    given = re.compile(r'"\w"(\([\w.]+\))')

    def call(m: re.Match[str]) -> str:
        return f"{m[1].replace('.', '_')}({', '.join([m[2], *given.findall(m[3])])});"

    return ASSEMBLY.sub(call, source)


def launcher(name: str, driver=None) -> nvrtc.Launcher:
    """NVRTC's, with another driver or none."""
    return nvrtc.Launcher(name, len(get_activation(name).params), driver)


def expressions() -> list[str]:
    """The kernels that NVRTC is asked for."""
    asked = {
        made.expression(dtype, kernel)
        for made in map(launcher, NAMES)
        for dtype in kernels.DTYPES.values()
        for kernel in made.wanted()
    }
    return sorted(asked)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> library.Library:
    folder = tmp_path_factory.mktemp("cuda")
    for path in library.sources("cuda"):
        changed = on_the_host(path.read_text(encoding="utf-8"))
        assert "<<<" not in changed
        assert "asm(" not in changed
        (folder / path.name).write_text(changed)
    listed = " ".join(f"X({name})" for name in NAMES)
    header = (Path(__file__).parent / "cuda_host.h").read_text(encoding="utf-8")
    functors = folder / "functors.h"
    functors.write_text(
        re.sub(
            r"(#define AFNLAB_ACTIVATIONS\(X\)) \\\n(?:.*\\\n)*.*",
            rf"\1 {listed}",
            functors.read_text(),
        )
    )
    entries = "".join(
        f'    if (!strcmp(name, "{k}")) return host::Entry<{k}>::start;\n' for k in expressions()
    )
    source = f"""{header}
{(folder / "cuda.cu").read_text()}
extern "C" host::Start* entry(const char* name) {{
{entries}    return nullptr;
}}
"""
    (folder / "cuda.cpp").write_text(source)
    compiler = toolchain.cpu_compiler("DEFAULT")
    flags = tuple("-O1" if flag == "-O2" else flag for flag in compiler.flags)
    out = folder / "cuda.so"
    toolchain.Compiler(compiler.path, flags).run(folder / "cuda.cpp", out)
    return library.Library.open(out, Launch)


class Driver:
    """The calls of libcuda that NVRTC's launcher makes."""

    def __init__(self, built: library.Library) -> None:
        self.entry = built.functions.entry
        self.entry.restype = ctypes.c_void_p
        self.contexts: list[int | None] = []  # a thread begins with none

    def cuDevicePrimaryCtxRetain(self, context, device) -> int:
        context._obj.value = 77
        return 0

    def cuCtxPushCurrent_v2(self, context) -> int:
        self.contexts.append(context.value)
        return 0

    def cuCtxPopCurrent_v2(self, context) -> int:
        self.contexts.pop()
        return 0

    def cuModuleLoadData(self, module, code) -> int:
        assert self.contexts == [77]
        return 0

    def cuModuleGetFunction(self, found, module, symbol) -> int:
        found._obj.value = self.entry(symbol)
        return 0 if found._obj.value else 500

    def cuLaunchKernel(self, function, *args) -> int:
        x, y, z, threads, *flat, _shared, _stream, pointers, _extra = args
        assert (z, *flat) == (1, 1, 1)
        assert self.contexts == [77]
        number = ctypes.c_uint
        start = ctypes.CFUNCTYPE(None, number, number, number, ctypes.c_void_p)(function.value)
        start(x, y, threads, ctypes.addressof(pointers))
        return 0


@pytest.fixture(params=["nvcc", "NVRTC"])
def gpu(request, built, monkeypatch):
    """A kernel by its activation's name, as `kernels` calls it on a GPU."""
    if request.param == "nvcc":
        return built.function
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    symbols = {expression: expression.encode() for expression in expressions()}
    monkeypatch.setattr(nvrtc, "compile_to", lambda *args: (b"", symbols))
    return lambda name: launcher(name, Driver(built))


def call(gpu, name: str, shape, x, grad_y, numbers, table, blocks=0):
    """y, or the gradients by x and by the parameters, as `kernels` asks a GPU for them."""
    outer, channels, inner = shape
    out = torch.full_like(x, torch.nan)
    sums = room = None
    if blocks:
        sums = torch.full((len(numbers), channels), torch.nan, dtype=torch.float64)
        room = torch.full((len(numbers) * channels * blocks,), torch.nan, dtype=torch.float64)
    given = {"x": x, "grad_y": grad_y, "out": out, "table": table, "sums": sums, "room": room}
    addresses = {n: None if t is None else t.data_ptr() for n, t in given.items()}
    gpu(name)(
        Launch(
            **addresses,
            outer=outer,
            channels=channels,
            inner=inner,
            numbers=tuple(numbers),
            dtype=kernels.DTYPES[x.dtype],
            blocks=blocks,
        )
    )
    if grad_y is None:
        return out
    return (out,) if sums is None else (out, sums)


def inputs(size: int, dtype: torch.dtype, off: int = 0) -> tuple[Tensor, Tensor]:
    """x and grad_y, `off` elements from where memory is aligned."""
    generator = torch.Generator().manual_seed(size + off)
    drawn = torch.randn(2, size + off, generator=generator, dtype=torch.float64) * 3
    x, grad_y = (row.to(dtype)[off:] for row in drawn)
    special = [0.0, -0.0, torch.inf, -torch.inf, torch.nan, 1e4, -1e4, 1e-6]
    x[-len(special) :] = torch.tensor(special, dtype=dtype)[-size:]
    return x, grad_y


def on_the_cpu(name: str, shape, x: Tensor, grad_y: Tensor | None, table: Tensor):
    """The same by the kernels of the CPU, in float64."""
    kernel = kernels.find(name, "cpu")
    assert kernel is not None
    outer, channels, inner = shape
    x = x.double().view(outer, channels, inner)
    tensors = [row.double().view(channels, 1) for row in table]
    numbers = [None] * len(tensors)
    if grad_y is None:
        return kernels.forward(kernel, x, numbers, tensors).flatten()
    grad_y = grad_y.double().view_as(x)
    grad_x, *sums = kernels.backward(kernel, grad_y, x, numbers, tensors, bool(tensors))
    return grad_x.flatten(), torch.stack([s.flatten() for s in sums]) if sums else None


def numbers_of(name: str) -> list[float]:
    return [float(v) for v in get_activation(name).complete({}).values()]


def close(got: Tensor, want: Tensor, dtype: torch.dtype) -> None:
    tolerance = TOLERANCE[dtype]
    assert_close(got.double(), want.to(dtype).double(), rtol=tolerance, atol=tolerance,
                 equal_nan=True)  # fmt: skip


@over("dtype", kernels.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_all_elements(gpu, name, dtype):
    numbers = numbers_of(name)
    table = torch.tensor(numbers, dtype=torch.float64).view(-1, 1)
    for size, off in ((1, 0), (8, 0), (4099, 0), (4096, 1)):
        x, grad_y = inputs(size, dtype, off)
        shape = (1, 1, size)
        y = call(gpu, name, shape, x, None, numbers, None)
        close(y, on_the_cpu(name, shape, x, None, table), dtype)
        (grad_x,) = call(gpu, name, shape, x, grad_y, numbers, None)
        close(grad_x, on_the_cpu(name, shape, x, grad_y, table)[0], dtype)


@over("dtype", kernels.DTYPES)
@pytest.mark.parametrize("name", [n for n in NAMES if get_activation(n).params])
@over("shape", [(1, 1, 5003), (3, 7, 11), (50, 33, 1)])
def test_parameters(gpu, name, dtype, shape):
    """One set or one for each channel, by tensors; their gradients."""
    outer, channels, inner = shape
    x, grad_y = inputs(outer * channels * inner, dtype)
    x = torch.where(x.isfinite(), x, 0.5)  # sums are to be finite
    x[x.abs() > 100] = 1.5
    spread = torch.linspace(1, 1.2, channels, dtype=torch.float64)
    numbers = numbers_of(name)
    table = (torch.tensor(numbers, dtype=torch.float64).view(-1, 1) * spread).contiguous()
    table = table.to(kernels.accumulation(dtype))
    close(call(gpu, name, shape, x, None, numbers, table),
          on_the_cpu(name, shape, x, None, table), dtype)  # fmt: skip
    want = on_the_cpu(name, shape, x, grad_y, table)
    close(call(gpu, name, shape, x, grad_y, numbers, table)[0], want[0], dtype)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    for blocks in (1, 3):
        grad_x, sums = call(gpu, name, shape, x, grad_y, numbers, table, blocks)
        close(grad_x, want[0], dtype)
        assert_close(sums, want[1], rtol=tolerance, atol=tolerance * outer * inner)


GIVEN = {  # how the parameters are given: one by a tensor, all, all but one for each channel
    "numbers": lambda numbers, channels: ([*numbers], []),
    "a tensor": lambda numbers, channels: ([None, *numbers[1:]], [torch.tensor(numbers[0])]),
    "tensors": lambda numbers, channels: ([None] * len(numbers), [*map(torch.tensor, numbers)]),
    "channels": lambda numbers, channels: (
        [None] * len(numbers),
        [torch.tensor(n) * torch.linspace(1, 1.2, channels).view(-1, 1) for n in numbers],
    ),
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["srelu", "apec"])
def test_what_is_filled_in_for_a_gpu(gpu, name, dtype, given, monkeypatch):
    """The whole way, from tensors to their gradients, with memory that says it is a GPU's."""
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: SimpleNamespace(cuda_stream=0))
    drawn = torch.randn(2, 2, 3, 2500, generator=torch.Generator().manual_seed(0))
    x, grad_y = drawn.to(dtype)
    numbers, tensors = GIVEN[given](numbers_of(name), 3)
    results = []
    for kernel, memory in ((gpu(name), OnGpu), (kernels.find(name, "cpu"), Tensor)):
        a, b, *ts = (t.as_subclass(memory) for t in (x, grad_y, *tensors))
        y = kernels.forward(kernel, a, numbers, ts)
        grads = kernels.backward(kernel, b, a, numbers, ts, with_sums=bool(ts))
        assert len(grads) == 1 + len(ts)
        results.append([t.as_subclass(Tensor) for t in (y, *grads)])
    got, want = results
    for one, other in zip(got[:2], want[:2], strict=True):
        close(one, other.double(), dtype)
    assert_close(got[2:], want[2:], rtol=1e-4, atol=2e-2)
