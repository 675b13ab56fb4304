"""Which compilers there are, and how they are called."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

TIMEOUT = 300  # seconds, after which a compiler counts as failed
LEVELS = ("DEFAULT", "AVX2", "AVX512")
_X86 = {
    # torch's name for what the processor has, and has been checked for: flags of the compiler
    "AVX2": ("-mavx2", "-mfma"),
    "AVX512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"),
}
_CPU_FLAGS = ("-std=c++17", "-O2", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
# Divisions to 2 units in the last place: the exact ones cost more than the memory traffic.
_CUDA_FLAGS = ("-std=c++17", "-O3", "--prec-div=false", "-shared", "-Xcompiler", "-fPIC")
_ARCHITECTURES: tuple[str, ...] = (
    "arch=compute_80,code=sm_80",
    "arch=compute_90,code=[sm_90,compute_90]",
)


class Unavailable(RuntimeError):
    """Why there is no compiled kernel."""


@dataclass(frozen=True)
class Compiler:
    """A compiler and its flags, for one kind of machine."""

    path: str
    flags: tuple[str, ...]

    @property
    def identity(self) -> str:
        """What its output depends on, found without starting it."""
        real = Path(self.path).resolve()
        stat = real.stat()
        return f"{real} {stat.st_size} {stat.st_mtime_ns} {' '.join(self.flags)}"

    def run(self, source: Path, out: Path, extra: Sequence[str] = ()) -> None:
        """Compile `source` to `out`; Unavailable with the first line of what went wrong."""
        command = [self.path, *self.flags, *extra, str(source), "-o", str(out)]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # so that what it starts can be ended with it
            )
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be started ({error})") from None
        try:
            output, _ = process.communicate(timeout=TIMEOUT)
        except BaseException as stopped:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(stopped, subprocess.TimeoutExpired):
                raise Unavailable(f"{self.path} took more than {TIMEOUT} s") from None
            raise
        if process.returncode:
            lines = [line for line in output.splitlines() if line.strip()]
            said = next((line for line in lines if "error" in line.lower()), (lines or [""])[-1])
            raise Unavailable(f"{self.path} failed: {said.strip() or process.returncode}")


def capability() -> str:
    """The vector instructions of this processor, by torch's name: "DEFAULT", "AVX2", "AVX512"."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    name = torch.backends.cpu.get_cpu_capability() if x86 else "DEFAULT"
    return name if name in _X86 else "DEFAULT"


def cpu_compiler(level: str | None = None) -> Compiler:
    """The C++ compiler (`$CXX`, c++, g++, clang++), for a level of `capability`."""
    if sys.platform == "win32":
        raise Unavailable("kernels are not built on Windows")
    asked, *flags = shlex.split(os.environ.get("CXX", "")) or [""]
    path = _which(asked) if asked else _which("c++", "g++", "clang++")
    if path is None:
        raise Unavailable(
            f"CXX is {asked!r}, which is not there"
            if asked
            else "there is no C++ compiler (looked for $CXX, c++, g++, clang++)"
        )
    threads = () if sys.platform == "darwin" else ("-fopenmp",)
    simd = ("-fopenmp-simd",) if sys.platform == "darwin" else ()
    return Compiler(
        path, (*flags, *_CPU_FLAGS, *threads, *simd, *_X86.get(level or capability(), ()))
    )


def cuda_compiler(everywhere: bool = False) -> Compiler:
    """nvcc, for the present device; without one, or everywhere, for sm_80, sm_90 and what comes
    after."""
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    path = _which("nvcc", f"{home}/bin/nvcc")
    if path is None:
        raise Unavailable("there is no nvcc")
    targets = _ARCHITECTURES
    if not everywhere and torch.cuda.is_available():
        number = "".join(map(str, torch.cuda.get_device_capability()))
        targets = (f"arch=compute_{number},code=sm_{number}",)
    codes = [word for target in targets for word in ("-gencode", target)]
    return Compiler(path, (*_CUDA_FLAGS, *codes))


def carried_runs() -> bool:
    """Whether the present device is one that a wheel's library was made for."""
    return not torch.cuda.is_available() or torch.cuda.get_device_capability() >= (8, 0)


def _which(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)
