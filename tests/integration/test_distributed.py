"""Two processes train what one does: data parallel, sharded, tensor parallel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("two_processes.py")


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo here")
def test_two_processes_train_what_one_does(tmp_path):
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ways = ("DDP", "DDP rotated", "FSDP2", "FSDP2 rotated", "tensor parallel")
    assert done.stdout.splitlines() == [f"{way} agrees" for way in ways]
