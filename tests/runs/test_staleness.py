"""What may be deleted as stale, and what is only not found from here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from afnlab.runs import RunSpec, staleness
from afnlab.runs.execution import facts_of
from afnlab.runs.staleness import CHANGED, CURRENT, ELSEWHERE
from tests.runs.test_task_code import TASKS


@pytest.fixture
def lib(tmp_path, monkeypatch) -> Path:
    """A folder on Python's path, which is not the current one."""
    (tmp_path / "lib" / "pack").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    (tmp_path / "lib" / "pack" / "__init__.py").write_text("")
    yield tmp_path / "lib"
    for name in ("stale_one", "stale_doc", "pack", "pack.stale_in"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("module", ["stale_one", "stale_doc", "pack.stale_in"])
def test_a_module_that_is_not_found_from_here_has_not_changed(lib, monkeypatch, module):
    """One that reads docstrings has them count, in all of the code, as long as it is found."""
    file = lib / f"{module.replace('.', '/')}.py"
    file.write_text(TASKS + "about = small.__doc__\n" * (module == "stale_doc"))
    record = facts_of(RunSpec.make("train", {"task": f"{module}:t1"}))
    assert str(file) in record["code"]
    assert staleness.state(record) == CURRENT
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(lib)])
    assert staleness.state(record) == ELSEWHERE
    code = {name: "0" if name.startswith("afnlab") else h for name, h in record["code"].items()}
    assert staleness.state(record | {"code": code}) == CHANGED  # what is found of it
    shadow = Path(f"{module.replace('.', '/')}.py")
    shadow.parent.mkdir(exist_ok=True)
    shadow.write_text("t1 = 3\n")
    assert staleness.state(record) == ELSEWHERE  # another module of the name is no edit of this
    file.write_text(TASKS.replace("WIDTH = 4", "WIDTH = 5"))
    assert staleness.state(record) == CHANGED


def test_a_folder_that_may_not_be_looked_into_changes_no_code(lib, monkeypatch):
    (lib / "stale_one.py").write_text(TASKS)
    record = facts_of(RunSpec.make("train", {"task": "stale_one:t1"}))
    monkeypatch.syspath_prepend(shut := "/shut")
    for question in ("is_file", "is_dir", "stat"):
        real = getattr(Path, question)

        def ask(path: Path, *args, _real=real, **kwargs):
            if str(path).startswith((shut, closed)):
                raise PermissionError(13, "Permission denied")
            return _real(path, *args, **kwargs)

        monkeypatch.setattr(Path, question, ask)
    closed = shut
    assert staleness.state(record) == CURRENT
    closed = str(lib)
    assert staleness.state(record) == ELSEWHERE
