"""A kernel that is a new interpreter: where it imports from, and where its output goes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from afnlab.runs.kernel import manager, read_audit
from afnlab.runs.kernel.execute_cells import Means, run_cells
from tests.runs.test_runs import notebook

SHADOW = "raise SystemExit('shadow')"


def test_a_new_interpreter_does_not_search_the_current_folder(tmp_path):
    """IPython's kernel adds it to its search path itself, behind the standard library."""
    for name in ("queue", "json", "importlib", "re"):
        (tmp_path / f"{name}.py").write_text(SHADOW)
    command = [sys.executable, *read_audit.starter("import queue, json; print('' in sys.path)")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_what_a_new_interpreter_prints_goes_to_the_log(tmp_path, monkeypatch, capfd):
    content = notebook(tmp_path / "in.ipynb", "x = 1").read_bytes()
    log = tmp_path / "out.log"
    log.write_text("of an earlier kernel\n")
    for word in ("shadow", "again"):
        code = f"print('on stdout', flush=True); raise SystemExit({word!r})"
        monkeypatch.setattr(manager, "_COMMAND", (sys.executable, "-c", code))
        with pytest.raises(RuntimeError, match=f"before it answered: {word}"):
            run_cells(content, tmp_path / "out.ipynb", {}, Means(threads=1))
        assert log.read_text() == f"on stdout\n{word}\n"
    assert capfd.readouterr() == ("", "")
