"""Build the libraries that a wheel carries: `python -m afnlab.native.prebuild`."""

from __future__ import annotations

import platform
import shutil
import sys

from afnlab.native import library
from afnlab.native.toolchain import LEVELS, Unavailable, cpu_compiler, cuda_compiler


def main() -> int:
    """Build what the compilers here can build, and say so; 0 also if there are none."""
    shutil.rmtree(library.READY, ignore_errors=True)
    library.READY.mkdir()
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    wanted = [("cpu", level) for level in (LEVELS if x86 else LEVELS[:1])] + [("cuda", "cuda")]
    for kind, level in wanted:
        path = library.ready(kind, level)
        try:
            compiler = cpu_compiler(level) if kind == "cpu" else cuda_compiler(everywhere=True)
            compiler.run(library.SOURCE[kind], path)
            print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB")
        except Unavailable as reason:
            print(f"no library for {kind} {level}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
