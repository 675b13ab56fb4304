"""Freed memory is kept while something trains: in a process that nothing else has shaped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ALONE = Path(__file__).with_name("memory_alone.py")


def test_memory_in_a_process_of_its_own():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ALONE)]
    env = {n: v for n, v in os.environ.items() if not n.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
