"""What is handed to compiled loops, and how a library that reads it otherwise is refused."""

from __future__ import annotations

import ctypes
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from afnlab import functional, get_activation
from afnlab.native import kernels, library, nvrtc, planes, toolchain
from afnlab.native.launch import Arguments, Kernel, Launch
from afnlab.native.planes import PlanesLaunch
from afnlab.native.toolchain import Unavailable
from tests.native.test_native import definition, draw, why_not

needs_compiler = pytest.mark.skipif(bool(why_not()), reason=why_not())
NAME = "softsign"


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Edits the sources that libraries are built from here, in a cache of their own."""
    monkeypatch.setenv(library.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(library, "READY", tmp_path / "ready")
    monkeypatch.setattr(kernels, "_known", {})
    monkeypatch.setattr(kernels, "_said", set())
    monkeypatch.setattr(library, "digest", library.digest.__wrapped__)  # not remembered
    flags = tuple("-O0" if flag == "-O2" else flag for flag in toolchain._CPU_FLAGS)
    monkeypatch.setattr(toolchain, "_CPU_FLAGS", flags)  # soon built
    sources = library.sources("cpu")
    monkeypatch.setattr(library, "HERE", tmp_path)
    monkeypatch.setitem(library.SOURCE, "cpu", tmp_path / "cpu.cpp")

    def edit(name: str = "launch.h", old: str = "", new: str = "") -> None:
        for path in sources:
            text = path.read_text(encoding="utf-8")
            if path.name == name:
                assert old in text
                text = text.replace(old, new)
            (tmp_path / path.name).write_text(text, encoding="utf-8")

    yield edit
    planes._library.cache_clear()


# The file, what stands there, what stands there instead, and how the message tells of it.
X, GRAD_Y = "FIELD(const void*, x)", "FIELD(const void*, grad_y)"
OTHERWISE = {
    "two addresses swapped": (
        "launch.h",
        f"{X} {GRAD_Y}",
        f"{GRAD_Y} {X}",
        "grad_y at 24, 8 bytes, not x at 24",
    ),
    "two sizes swapped": (
        "launch.h",
        "FIELD(int64_t, channels) FIELD(int64_t, inner)",
        "FIELD(int64_t, inner) FIELD(int64_t, channels)",
        "inner at 8, 8 bytes, not channels at 8",
    ),
    "a narrower field": (
        "launch.h",
        "(int64_t, outer)",
        "(int32_t, outer)",
        "outer at 0, 4 bytes, not outer at 0, 8",
    ),
    "a wider field": ("launch.h", "(int32_t, blocks)", "(int64_t, blocks)", "blocks at 160, 8"),
    "a field less": ("launch.h", "FIELD(double*, room)", "", "stream at 128, 8 bytes, not room"),
    "a field more": (
        "launch.h",
        "FIELD(int32_t, blocks)",
        "FIELD(int32_t, blocks) FIELD(int32_t, more)",
        "more at 160, 4 bytes, not the end",
    ),
    "the last field less": ("launch.h", "FIELD(int32_t, blocks)", "", "the end, not blocks at 156"),
    "another name": ("launch.h", "FIELD(double*, room)", "FIELD(double*, space)", "space at 128"),
    "fewer numbers": ("launch.h", "double[8]", "double[4]", "numbers at 48, 32"),
    "codes of types swapped": (
        "launch.h",
        "FLOAT16, BFLOAT16 }",
        "BFLOAT16, FLOAT16 }",
        "float16 at 3, 2 bytes, not float16 at 2",
    ),
    "nothing told": ("launch.h", "afnlab_layout_##", "afnlab_untold_##", "does not tell"),
}
PLANES_OTHERWISE = {
    "weight and bias swapped": (
        "planes.h",
        "FIELD(const float*, weight) FIELD(const float*, bias)",
        "FIELD(const float*, bias) FIELD(const float*, weight)",
        "bias at 64, 8 bytes, not weight",
    ),
    "a wider number": ("planes.h", "FIELD(float, eps)", "FIELD(double, eps)", "eps at 120, 8"),
}


@needs_compiler
@pytest.mark.parametrize("case", OTHERWISE)
def test_a_library_that_reads_its_arguments_otherwise_is_refused(case, edited):
    *edit, message = OTHERWISE[case]
    edited(*edit)
    with pytest.raises(Unavailable, match=message) as refused:
        library.load("cpu", NAME, Launch)
    assert str(refused.value).startswith(str(library.cache_folder()))
    assert "\n" not in str(refused.value)
    x = draw(50).requires_grad_()
    with pytest.warns(RuntimeWarning, match=message):
        y = functional.softsign(x)
    assert torch.equal(y, definition(functional.softsign, x))


@needs_compiler
def test_the_same_sources_unedited_are_taken(edited):
    edited()
    y = functional.softsign(draw(50).requires_grad_())
    assert type(y.grad_fn).__name__ == "_EagerBackward"
    planes._library.cache_clear()
    assert planes._library() is not None


@needs_compiler
@pytest.mark.parametrize("case", PLANES_OTHERWISE)
def test_so_are_loops_over_pictures(case, edited):
    *edit, message = PLANES_OTHERWISE[case]
    edited(*edit)
    planes._library.cache_clear()
    x = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    with pytest.warns(RuntimeWarning, match=message):
        y = planes.HalvingPool()(x)
    assert torch.equal(y, torch.nn.functional.max_pool2d(x, 2))


@needs_compiler
def test_a_wheels_library_that_reads_otherwise_is_passed_over(edited):
    edited(*OTHERWISE["two addresses swapped"][:3])
    carried = library.READY / "carried.so"
    carried.parent.mkdir()
    toolchain.cpu_compiler().run(library.SOURCE["cpu"], carried, [f"-DAFNLAB_ONLY={NAME}"])
    edited()
    carried.rename(library.ready("cpu", toolchain.capability()))
    found = library.load("cpu", NAME, Launch)
    assert found.path.parent == library.cache_folder()
    assert_close(functional.softsign(draw(50)), definition(functional.softsign, draw(50)))


@pytest.mark.parametrize("arguments", Arguments.__subclasses__())
@pytest.mark.parametrize("name", ["gradient", "X", "numbers_", "__dict__"])
def test_a_name_that_is_no_field_is_refused(arguments, name):
    with pytest.raises(AttributeError):
        arguments(**{name: 1})
    with pytest.raises(AttributeError):
        setattr(arguments(), name, 1)


@needs_compiler
def test_a_function_takes_no_other_structure_and_says_what_it_cannot_do():
    for name, own, other in ((NAME, Launch, PlanesLaunch), (library.PLANES, PlanesLaunch, Launch)):
        opened = library.load("cpu", name, own)
        function = opened.function(NAME if own is Launch else "planes_pool")
        for wrong in (other(), 0, "x", (1, 2)):
            with pytest.raises(ctypes.ArgumentError):
                function(wrong)
        for code in (4, -1):
            with pytest.raises(RuntimeError, match=r"\.so: unknown dtype$"):
                function(own(outer=1, channels=1, inner=1, dtype=code))
        with pytest.raises(Unavailable, match="lacks no_such"):
            opened.function("no_such")


class Recorder:
    """A kernel that notes what it was handed."""

    origin = Path("nowhere")

    def __init__(self) -> None:
        self.launches: list[dict] = []

    def __call__(self, launch: Launch) -> None:
        fields = {name: getattr(launch, name) for name, *_ in launch._fields_}
        self.launches.append(fields | {"numbers": list(launch.numbers)})


def test_every_kind_of_kernel_is_one():
    function = library.CompiledFunction(Path("x.so"), lambda _: 0, lambda _: b"")
    for kernel in (function, nvrtc.Launcher(NAME, 0, None), Recorder()):
        assert isinstance(kernel, Kernel)
    assert not isinstance(Unavailable("why"), Kernel)


# Numbers, tensors and shape of x, and what is handed over.
HANDED = {
    "numbers": ([0.5, 2.0], [], (3, 4), {"outer": 1, "channels": 1, "inner": 12}, [0.5, 2.0]),
    "no parameters": ([], [], (8,), {"outer": 1, "channels": 1, "inner": 8}, []),
    "a tensor of one": (
        [0.5, None],
        [torch.tensor(3.0)],
        (3, 4),
        {"outer": 1, "channels": 1, "inner": 12},
        [0.5, 3.0],
    ),
    "channels": (
        [0.5, None],
        [torch.ones(4, 1)],
        (3, 4, 5),
        {"outer": 3, "channels": 4, "inner": 5},
        None,
    ),
}


@pytest.mark.parametrize("case", HANDED)
def test_fields_are_what_they_are_called(case):
    numbers, tensors, shape, sizes, written = HANDED[case]
    x, grad_y, kernel = torch.randn(shape), torch.randn(shape), Recorder()
    y = kernels.forward(kernel, x, numbers, tensors)
    grad_x, *_ = kernels.backward(kernel, grad_y, x, numbers, tensors, bool(tensors))
    there, back = kernel.launches
    assert (there["x"], there["out"]) == (x.data_ptr(), y.data_ptr())
    assert (back["x"], back["grad_y"]) == (x.data_ptr(), grad_y.data_ptr())
    assert back["out"] == grad_x.data_ptr()
    assert there["grad_y"] is there["sums"] is None
    assert bool(back["sums"]) == bool(tensors)
    for one in (there, back):
        assert {name: one[name] for name in sizes} == sizes
        assert one["dtype"] == kernels.DTYPES[torch.float32]
        assert one["threads"] == torch.get_num_threads()
        assert bool(one["table"]) == (written is None)
        if written is not None:
            assert one["numbers"] == written + [0.0] * (8 - len(written))


def test_no_activation_has_more_parameters_than_there_is_room_for():
    room = len(Launch().numbers)
    assert all(len(get_activation(name).params) <= room for name in kernels.names())


class OnGpu(torch.Tensor):
    """Memory of the host that says that it is a GPU's."""

    is_cpu = False
    device = property(lambda self: torch.device("cpu", 1))


def test_a_gpu_is_told_device_stream_and_blocks(monkeypatch):
    streams = {torch.device("cpu", 1): SimpleNamespace(cuda_stream=1234)}
    monkeypatch.setattr(torch.cuda, "current_stream", streams.get)
    x, t = (torch.ones(shape).as_subclass(OnGpu) for shape in ((4, 3, 5000), (3, 1)))
    kernel = Recorder()
    kernels.forward(kernel, x, [0.5, 2], [])
    kernels.backward(kernel, x, x, [0.5, None], [t], with_sums=True)
    kernels.backward(kernel, x, x, [0.5, None], [t[:1]], with_sums=False)
    for one in kernel.launches:
        assert (one["device"], one["stream"], one["threads"]) == (1, 1234, 0)
    plain, summed, unsummed = kernel.launches
    assert (plain["outer"], plain["channels"], plain["inner"]) == (1, 1, 60000)
    assert (summed["outer"], summed["channels"], summed["inner"]) == (4, 3, 5000)
    assert (unsummed["outer"], unsummed["channels"], unsummed["inner"]) == (1, 1, 60000)
    assert plain["numbers"][:3] == [0.5, 2.0, 0.0]
    for one in (summed, unsummed):  # whose numbers are in the table, even for one channel
        assert one["table"]
        assert not any(one["numbers"])
    assert [one["blocks"] for one in kernel.launches] == [0, 5, 0]  # 4096 elements of 20000 a block
    assert [bool(one["room"]) for one in kernel.launches] == [False, True, False]
