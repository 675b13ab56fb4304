"""Build the libraries that a wheel carries: `python -m afnlab.native.prebuild`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from afnlab.native import library
from afnlab.native.toolchain import LEVELS, Unavailable, cpu_compiler, cuda_compiler


def main() -> int:
    """Build what the compilers here can build, and say so; 0 also if there are none."""
    shutil.rmtree(library.READY, ignore_errors=True)
    library.READY.mkdir()
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    wanted = [("cpu", level) for level in (LEVELS if x86 else LEVELS[:1])] + [("cuda", "cuda")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # they wait for compilers
        for message in pool.map(_build, *zip(*wanted, strict=True)):
            print(message)
    return 0


def _build(kind: str, level: str) -> str:
    """Build one library; what there is to say of it."""
    path = library.ready(kind, level)
    try:
        compiler = cpu_compiler(level) if kind == "cpu" else cuda_compiler(everywhere=True)
        unfinished = path.with_suffix(".part")  # whoever looks meanwhile finds none
        compiler.run(library.SOURCE[kind], unfinished)
        unfinished.replace(path)
    except Unavailable as reason:
        return f"no library for {kind} {level}: {reason}"
    return f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB"


if __name__ == "__main__":
    sys.exit(main())
