"""The CUDA kernels: compiled and loaded without a GPU, computing on one where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import afnlab
from afnlab.native import kernels, library, nvrtc, ops
from afnlab.native.launch import Launch
from afnlab.native.toolchain import Unavailable, cuda_compiler

LIBRARY = "AFNLAB_CUDA_LIBRARY"  # one that is built already, to be tested
NO_DRIVER = (35, 100)  # cudaErrorInsufficientDriver, cudaErrorNoDevice
ON_GPU = torch.cuda.is_available()
gpu = pytest.mark.gpu
every_kernel = pytest.mark.parametrize("name", kernels.names())


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, library.CompiledFunction]:
    """The launchers of a library: of all activations, or of a plain and a trainable one."""
    if os.environ.get(LIBRARY):
        opened = library.Library.open(Path(os.environ[LIBRARY]), Launch)
        return {name: opened.function(name) for name in kernels.names()}
    try:
        compiler = cuda_compiler()
    except Unavailable as reason:
        pytest.skip(str(reason))
    found = {}
    for name in ("mish", "mapec"):
        path = tmp_path_factory.mktemp("cuda") / f"{name}.so"
        compiler.run(library.SOURCE["cuda"], path, (f"-DAFNLAB_ONLY={name}",))
        found[name] = library.Library.open(path, Launch).function(name)
    return found


@pytest.mark.slow
def test_every_launcher_is_exported_and_answers_a_missing_driver(built):
    if ON_GPU:
        pytest.skip("there is a GPU: the tests of computing say more")
    nowhere = 1 << 12  # an address that is passed on and never read
    for function in built.values():
        for dtype in kernels.DTYPES.values():
            given = {"outer": 1, "channels": 1, "inner": 64, "dtype": dtype}
            backward = given | {"grad_y": nowhere, "blocks": 1}
            for launch in (given, backward, backward | {"sums": nowhere, "room": nowhere}):
                code = function.start(Launch(**launch))
                assert code in NO_DRIVER
                assert b"driver" in function.explain(code) or b"device" in function.explain(code)
                with pytest.raises(RuntimeError, match=r"driver|device"):
                    function(Launch(**launch))
        assert function.start(Launch(outer=1, channels=1, inner=0)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mapec", "gish"])
def test_nvrtc_compiles_the_same_kernels(name):
    try:
        nvrtc._nvrtc()
    except Unavailable as reason:
        pytest.skip(str(reason))
    launcher = nvrtc.Launcher(name, len(afnlab.get_activation(name).params), None)
    for code in kernels.DTYPES.values():
        wanted = [launcher.expression(code, kernel) for kernel in launcher.wanted()]
        binary, symbols = nvrtc.compile_to("sm_90", name, wanted)
        assert binary.startswith(b"\x7fELF")
        assert len(set(symbols.values())) == len(wanted)
        assert all(symbol in binary for symbol in symbols.values())
    with pytest.raises(Unavailable, match="no_such"):
        nvrtc.compile_to("sm_90", name, ["afnlab::no_such<float>"])


def test_the_two_ways_to_launch_cut_alike():
    header = (library.HERE / "cuda_kernels.h").read_text(encoding="utf-8")
    source = library.SOURCE["cuda"].read_text(encoding="utf-8")
    assert f"THREADS = {nvrtc.THREADS};" in header
    assert f"MOST_PARAMETERS = {nvrtc.MOST_PARAMETERS};" in header
    assert f"WIDTH = {nvrtc.WIDTH} / sizeof(S);" in header
    assert f"MOST_BLOCKS = 1 << {nvrtc.MOST_BLOCKS.bit_length() - 1};" in source
    assert f"< {nvrtc.MOST_ROWS} ?" in source


def need_gpu() -> torch.device:
    if not ON_GPU:
        pytest.skip("torch sees no CUDA device")
    return torch.device("cuda")


TOLERANCE = {
    torch.float32: 3e-6,
    torch.float64: 1e-12,
    torch.float16: 2e-3,
    torch.bfloat16: 1.6e-2,
}


@gpu
@every_kernel
@pytest.mark.parametrize("dtype", kernels.DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1,), (), (0,), (7, 129), (1 << 16,), (3, 5, 8, 8)], ids=str)
def test_values_and_gradients(name, dtype, shape):
    device = need_gpu()
    record = afnlab.get_activation(name)
    x = (torch.randn(shape, device=device) * 3).to(dtype).requires_grad_()
    grad = torch.randn(shape, device=device).to(dtype)
    y = record(x)
    assert "Eager" in type(y.grad_fn).__name__, "the kernel was not used"
    y.backward(grad)
    wide = x.detach().double().requires_grad_()
    expected = record.fn(wide, **record.complete({}))
    expected.backward(grad.double())
    close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(y.double(), expected.detach(), **close)
    torch.testing.assert_close(x.grad.double(), wide.grad, **close)


@gpu
@pytest.mark.parametrize("name", [n for n in kernels.names() if afnlab.get_activation(n).params])
@pytest.mark.parametrize("features", [None, 6], ids=["scalar", "channels"])
def test_gradients_of_parameters(name, features):
    device = need_gpu()
    module = afnlab.nn.make(
        name, trainable=True, num_features=features, feature_dim=1, device=device
    )
    x = torch.randn(9, 6, 31, device=device) * 2
    grad = torch.randn_like(x)
    got = torch.autograd.grad(module(x), list(module.parameters()), grad)
    again = torch.autograd.grad(module(x), list(module.parameters()), grad)
    wide = module.double()
    values = {
        n: v.view(1, -1, 1) if n in module.trained and features else v
        for n, v in wide.values().items()
    }
    y = module.activation.fn(x.double(), **values)
    expected = torch.autograd.grad(y, list(wide.parameters()), grad.double())
    for g, repeated, e in zip(got, again, expected, strict=True):
        assert torch.equal(g, repeated)
        torch.testing.assert_close(g.double(), e, rtol=1e-4, atol=1e-4)


@gpu
def test_unaligned_memory_and_other_streams():
    device = need_gpu()
    x = torch.randn(4097, device=device, dtype=torch.float16)[1:]
    reference = afnlab.functional.srelu(x.clone())
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        y = afnlab.functional.srelu(x)
    side.synchronize()
    assert torch.equal(y, reference)


@gpu
@pytest.mark.parametrize("trainable", [False, True])
def test_a_step_can_be_captured_in_a_graph(trainable):
    device = need_gpu()
    module = afnlab.nn.APEC(trainable=trainable, std=0.0, device=device)
    x = torch.randn(1 << 14, device=device, requires_grad=True)
    wanted = [x, *module.parameters()]
    for _ in range(3):
        torch.autograd.grad(module(x).sum(), wanted)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = torch.autograd.grad(module(x).sum(), wanted)
    with torch.no_grad():
        x.normal_()
    graph.replay()
    for got, expected in zip(captured, torch.autograd.grad(module(x).sum(), wanted), strict=True):
        assert torch.equal(got, expected)


@gpu
def test_the_device_of_the_caller_stays():
    need_gpu()
    before = torch.cuda.current_device()
    last = torch.device("cuda", torch.cuda.device_count() - 1)
    x = torch.randn(1000, device=last)
    torch.testing.assert_close(
        afnlab.functional.gish(x), ops.Call(afnlab.get_activation("gish"), ()).expression(x)
    )
    assert torch.cuda.current_device() == before


def test_sources_stand_in_the_package():
    assert all(Path(p).is_file() for p in (*library.SOURCE.values(), library.HERE / "functors.h"))
