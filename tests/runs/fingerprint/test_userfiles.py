"""Files of code that a notebook writes, and that it names by a path."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from afnlab.runs.fingerprint import Manifest, check, manifest_of
from afnlab.runs.kernel.read_audit import EXECUTED, MADE
from tests.runs.test_runs import notebook

CELL = "%%writenew wmod.py\nfrom pathlib import Path\nVALUE = Path('coef.txt').read_text()\n"


def of(*cells: str) -> Manifest:
    path = notebook(Path("n.ipynb"), *cells)
    return manifest_of(path, path.read_bytes(), {})


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_is_expected_that_an_earlier_run_has_written():
    """All of a sweep are planned before the first of them has."""
    planned = of("%load_ext afnlab.usercode.writenew", CELL, "import wmod")
    path, text = Path("wmod.py").resolve(), CELL.partition("\n")[2]
    check(planned, [(str(path), hashlib.sha256(text.encode()).hexdigest(), MADE)])
    path.write_text(text)
    check(planned, [(str(path), hashlib.sha256(text.encode()).hexdigest(), EXECUTED)])
    assert of("%load_ext afnlab.usercode.writenew", CELL, "import wmod") == planned
    with pytest.raises(RuntimeError, match="was edited after this run was planned"):
        check(planned, [(str(path), "0" * 64, EXECUTED)])


@pytest.mark.parametrize("magic", ["writenew", "writefile"])
def test_data_that_a_written_file_names_count(magic):
    cells = ["%load_ext afnlab.usercode.writenew", CELL.replace("writenew", magic), "import wmod"]
    Path("coef.txt").write_text("1")
    first = of(*cells)
    Path("coef.txt").write_text("2")
    assert of(*cells).digest != first.digest


@pytest.mark.parametrize("name", ["h3", "./h3", "sub/h3", "./sub/h3", "../here/h3", "sub/h3.py"])
def test_run_takes_files_without_their_ending(tmp_path, monkeypatch, name):
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    file = Path(f"{name.removesuffix('.py')}.py")
    file.write_text("VALUE = 1\n")
    assert str(file.resolve()) in of(f"%run {name}").files
