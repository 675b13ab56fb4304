"""Building kernels: once, whole or not at all, and never in the way of a result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch.testing import assert_close

from afnlab import functional, native
from afnlab.native import kernels, library, toolchain
from tests.native.test_native import definition, draw, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
NAME = "softsign"  # soon built
REAL = "" if why_not() else toolchain.cpu_compiler().path
FAST = f'exec {REAL} "$@" -O0'  # the last level counts; the code's own speed is not tested here


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, no libraries of a wheel, and no memory of what was found before."""
    monkeypatch.setenv(library.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(library, "READY", tmp_path / "ready")
    monkeypatch.setattr(kernels, "_known", {})
    monkeypatch.setattr(kernels, "_said", set())
    return tmp_path / "cache" / "native"


@pytest.fixture
def compiler(cache, tmp_path, monkeypatch):
    """Makes `$CXX` a shell script, which writes a line to a file when it is started."""

    def write(body: str = FAST) -> Path:
        script, log = tmp_path / "compiler", tmp_path / "started"
        script.write_text(f"#!/bin/sh\necho started >> {log}\n{body}\n")
        script.chmod(0o755)
        monkeypatch.setenv("CXX", str(script))
        kernels.forget()
        return log

    return write


@pytest.fixture(scope="module")
def library_file(tmp_path_factory) -> Path:
    """A library as the compiler made it, not in any cache."""
    path = tmp_path_factory.mktemp("built") / "library.so"
    toolchain.cpu_compiler().run(library.SOURCE["cpu"], path, [f"-DAFNLAB_ONLY={NAME}"])
    return path


def starts(log: Path) -> int:
    return log.read_text().count("started") if log.exists() else 0


def assert_works(name: str = NAME) -> None:
    """The kernel is there, and used."""
    x = draw(50).requires_grad_()
    y = getattr(functional, name)(x)
    assert type(y.grad_fn).__name__ == "_EagerBackward"
    assert_close(y, definition(getattr(functional, name), x))


def assert_torch_serves(reason: str, name: str = NAME) -> None:
    """The definition's values, gradients and all; one warning for any number of calls; status."""
    f, x = getattr(functional, name), draw(50).requires_grad_()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(3):
            y = f(x)
        f(x.detach().float())
        functional.gelu(x)
    assert type(y.grad_fn).__name__ != "_EagerBackward"
    assert torch.equal(y, definition(f, x))
    y.sum().backward()
    assert x.grad.isfinite().all()
    (message,) = {str(w.message) for w in said}
    assert message.startswith("no compiled kernels on the CPU: ")
    assert reason in message
    assert "activations are computed by torch" in message
    assert native.status(name)["cpu"].startswith("torch: ")
    assert reason in native.status(name)["cpu"]


def whole_files(cache: Path) -> list[str]:
    return sorted(p.name for p in cache.iterdir())


# Once


def test_built_once_and_found_again(cache, compiler):
    log = compiler()
    assert_works()
    assert starts(log) == 1
    (file,) = whole_files(cache)
    assert file.startswith(f"cpu-{NAME}-")
    assert file.endswith(".so")
    kernels.forget()
    assert_works()
    assert native.status(NAME) == {"cpu": str(cache / file)}
    assert starts(log) == 1
    assert whole_files(cache) == [file]


def test_threads_build_one_kernel_once(compiler):
    log = compiler()
    gate = threading.Barrier(6)

    def work(_):
        gate.wait()
        return functional.softsign(draw(50))

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(work, range(6)))
    assert starts(log) == 1
    for y in results:
        assert_close(y, definition(functional.softsign, draw(50)))


def test_the_key_is_of_sources_compiler_flags_and_processor(
    compiler, cache, library_file, monkeypatch, tmp_path
):
    monkeypatch.setattr(library, "digest", library.digest.__wrapped__)  # not remembered
    copies = f'while [ "$1" != -o ]; do shift; done; cp {library_file} "$2"'
    keys = []

    def key() -> str:
        kernels.forget()
        before = set(cache.glob("*.so"))
        assert_works()
        (new,) = set(cache.glob("*.so")) - before
        keys.append(new.stem.rpartition("-")[2])
        return keys[-1]

    compiler(copies)
    key()
    compiler(f"{copies} # another compiler at the same place")
    key()
    monkeypatch.setattr(toolchain, "_CPU_FLAGS", (*toolchain._CPU_FLAGS, "-DOTHER"))
    key()
    monkeypatch.setattr(toolchain, "capability", lambda: "DEFAULT")
    monkeypatch.setattr(library, "capability", lambda: "DEFAULT")
    key()
    for path in library.sources("cpu"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(library, "HERE", tmp_path)
    monkeypatch.setitem(library.SOURCE, "cpu", tmp_path / "cpu.cpp")
    for name in ("functors.h", "launch.h", "cpu.cpp", "planes.h", "attention.h"):
        with (tmp_path / name).open("a") as source:
            source.write("// edited\n")
        key()
    assert len(set(keys)) == 9
    kernels.forget()
    files = whole_files(cache)
    assert_works()
    assert whole_files(cache) == files


# Whole or not at all


def damaged(content: bytes) -> dict[str, bytes]:
    middle = len(content) // 2
    flipped = bytearray(content)
    flipped[middle] ^= 1
    return {
        "empty": b"",
        "garbage": b"\x7fELF" + os.urandom(5000),
        "cut in the middle": content[:middle],
        "cut in the seal": content[:-1],
        "without its seal": content[:-46],
        "one bit": bytes(flipped),
        "a page of zeros": content[:4096] + bytes(4096) + content[8192:],
    }


def test_a_damaged_library_is_built_anew_and_not_loaded(cache, compiler, library_file):
    log = compiler(f'while [ "$1" != -o ]; do shift; done; cp {library_file} "$2"')
    assert_works()
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for count, (what, content) in enumerate(damaged(whole).items(), start=2):
        file.unlink()  # it is in use
        file.write_bytes(content)
        kernels.forget()
        assert_works()
        assert starts(log) == count, what
        assert [p.read_bytes() for p in cache.iterdir()] == [whole]


def test_what_a_killed_process_left_is_swept_later(cache, compiler):
    compiler()
    cache.mkdir(parents=True)
    old, new = cache / ".building-old.so", cache / ".building-new.so"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 1e4,) * 2)
    assert_works()
    assert not old.exists()
    assert new.exists()
    assert len(whole_files(cache)) == 2


HEAD = """
    import os, sys, torch, afnlab
    from afnlab.native import kernels, library
    library.READY = library.Path("nowhere")
    x = torch.linspace(-3, 3, 50)
    want = x / (1 + x.abs())
    def works():
        y = afnlab.functional.softsign(x.requires_grad_())
        return "_Eager" in str(y.grad_fn) and torch.allclose(y, want)
"""


def script(code: str) -> list[str]:
    """The command line of a Python process."""
    return [sys.executable, "-c", dedent(HEAD) + dedent(code)]


def own(cache: Path) -> dict[str, str]:
    """The environment of a process with this cache."""
    return os.environ | {library.CACHE: str(cache.parent)}


def test_a_process_killed_while_it_builds_does_no_harm(cache, compiler):
    log = compiler("sleep 60")
    with subprocess.Popen(script("works()"), env=own(cache), start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not starts(log):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    (left,) = whole_files(cache)
    assert left.startswith(".building-")
    compiler()
    assert_works()
    assert len([name for name in whole_files(cache) if name.startswith("cpu-")]) == 1


# Three from one process that imports once; then a child of a parent that has used its threads.
FORKS = """
    children = []
    for _ in range(3):
        if not (pid := os.fork()):
            os._exit(0 if works() else 1)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 3
    assert len(os.listdir(library.cache_folder())) == 1, os.listdir(library.cache_folder())

    big = torch.randn(300_000)
    torch.set_num_threads(2)
    assert works() and afnlab.functional.softsign(big).isfinite().all()
    if not (pid := os.fork()):
        torch.set_num_threads(1)
        grad, = torch.autograd.grad(afnlab.functional.softsign(big.requires_grad_()).sum(), big)
        os._exit(0 if works() and grad.isfinite().all() else 1)
    assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_processes_build_at_once_and_use_what_their_parent_loaded(cache, compiler):
    log = compiler(f"sleep 1; {FAST}")  # so that they meet
    done = subprocess.run(
        script(FORKS),
        env=own(cache),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 1 <= starts(log) <= 3
    (file,) = whole_files(cache)
    assert library._is_sealed(cache / file)


def test_importing_builds_and_opens_nothing(cache):
    code = "assert not library.cache_folder().parent.exists()"
    done = subprocess.run(script(code), env=own(cache), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not cache.parent.exists()


# Where there is none to be had


def test_no_compiler(cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert_torch_serves("there is no C++ compiler (looked for $CXX, c++, g++, clang++)")
    assert not cache.exists()


FAILING = {
    "an error": (
        "echo 'x.h: fatal error: no such thing' >&2; exit 1",
        "failed: x.h: fatal error: no",
    ),
    "no words": ("exit 3", "failed: 3"),
    "words of no encoding": (r"printf 'no: \377\376\n' >&2; exit 1", "failed: no: "),
    "garbage": (
        'while [ "$1" != -o ]; do shift; done; head -c 9999 /dev/zero > "$2"',
        "cannot be used",
    ),
    "nothing": ("exit 0", "cannot be used"),
    "removed": ('while [ "$1" != -o ]; do shift; done; rm "$2"', "cannot be used"),
    "killed": ("kill -9 $$", "failed: -9"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_compiler_that_fails(case, cache, compiler):
    body, reason = FAILING[case]
    log = compiler(body)
    assert_torch_serves(reason)
    assert starts(log) == 2, "once for each of two kernels"
    assert not list(cache.glob(".building-*"))


def test_a_compiler_that_is_no_program(cache, tmp_path, compiler):
    compiler()
    (tmp_path / "compiler").write_bytes(b"\0")
    assert_torch_serves("cannot be started")


def test_a_compiler_that_hangs(cache, compiler, monkeypatch):
    monkeypatch.setattr(toolchain, "TIMEOUT", 0.2)
    compiler("exec sleep 60")
    assert_torch_serves("took more than 0.2 s")
    assert not whole_files(cache)


def test_a_library_without_the_function(cache, compiler, library_file):
    compiler(f'while [ "$1" != -o ]; do shift; done; cp {library_file} "$2"')
    assert isinstance(kernels.look_up(NAME, "cpu"), kernels.Kernel)
    assert "lacks gelu" in str(kernels.look_up("gelu", "cpu", warn=False))


@pytest.mark.parametrize("place", ["a file", "below a file", "a loop", "nobody's home"])
def test_a_cache_that_cannot_be_written(place, tmp_path, cache, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    where = {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "cache",
        "a loop": tmp_path / "loop",
        "nobody's home": "~nobody-of-this-name/cache",
    }
    monkeypatch.setenv(library.CACHE, str(where[place]))
    assert_torch_serves("AFNLAB_CACHE")


def test_a_folder_where_the_library_should_be(cache, compiler):
    compiler()
    assert_works()
    (file,) = cache.iterdir()
    file.unlink()
    file.mkdir()
    kernels.forget()
    reason = kernels.look_up(NAME, "cpu", warn=False)
    assert "cannot be used" in str(reason)
    assert "AFNLAB_CACHE" in str(reason)


def test_switched_off_and_on_again(cache, monkeypatch):
    monkeypatch.setenv(kernels.SWITCH, "0")
    assert_torch_serves("AFNLAB_NATIVE is 0")
    assert not cache.exists()
    monkeypatch.delenv(kernels.SWITCH)
    kernels.forget()
    assert_works()


def test_a_broken_library_of_a_wheel_is_passed_over(cache, library_file, monkeypatch):
    carried = library.ready("cpu", toolchain.capability())
    carried.parent.mkdir()
    carried.write_bytes(b"not a library")
    assert_works()
    assert native.status(NAME)["cpu"].startswith(str(cache))
    carried.unlink()
    carried.write_bytes(library_file.read_bytes())
    kernels.forget()
    assert_works()
    assert native.status(NAME)["cpu"] == str(carried)


def test_the_default_cache_is_the_user_s(monkeypatch, tmp_path):
    monkeypatch.delenv(library.CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert library.cache_folder() == tmp_path / "afnlab" / "native"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert library.cache_folder().is_relative_to(tmp_path)
    monkeypatch.setenv(library.CACHE, "~/own")
    assert library.cache_folder() == tmp_path / "own" / "native"
