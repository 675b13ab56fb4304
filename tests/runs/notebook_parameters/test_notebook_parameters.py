"""Parameters of a user's own notebook: typed by annotations, limited by comments, given as are."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from afnlab.runs import RunSpec, execute
from afnlab.runs.notebook_parameters import encoding
from afnlab.runs.notebook_parameters.parsing import assigned
from tests.runs.test_runs import kernels, notebook

CELL = """\
from pathlib import Path
from typing import Annotated, Literal, Optional
'''What is asked.'''
rate: float = 0.1  # 0..1, the share that is kept
size: int = 3
depth: int = 2  # 1..
shift: float = 0.0  # ..0
mode: Literal["slow", "fast", 3] = "slow"
limit: float | None = None
name: Optional[str] = None
pair: tuple[int, float] = (1, 2.0)
many: tuple[int, ...] = ()
numbers: list[float] = [1.0, 2.0]  # 0..10
table: dict[str, int] = {}
where: Path = Path("data", "in")
kind: str = "a"  # one of: a, b, long name; the first is quick
share: Annotated[float, "0..1"] = 0.5
free = 1
text = "x"
anything: object = None
quoted: "int" = 1
flag: bool = False
"""


@pytest.fixture
def own(tmp_path) -> Path:
    return notebook(tmp_path / "own.ipynb", CELL, "rate")


FITS = [
    ("rate", 1, 1.0),
    ("rate", 0.5, 0.5),
    ("rate", np.float32(0.5), 0.5),
    ("size", np.int64(7), 7),
    ("depth", 1, 1),
    ("shift", -1e9, -1e9),
    ("mode", "fast", "fast"),
    ("mode", 3, 3),
    ("limit", None, None),
    ("limit", 2, 2.0),
    ("name", "me", "me"),
    ("name", None, None),
    ("pair", [3, 4], (3, 4.0)),
    ("many", (1, 2, 3), (1, 2, 3)),
    ("numbers", np.linspace(0, 1, 3), [0.0, 0.5, 1.0]),
    ("numbers", range(3), [0.0, 1.0, 2.0]),
    ("table", {"a": 1}, {"a": 1}),
    ("where", "out", Path("out")),
    ("where", Path("out"), Path("out")),
    ("kind", "long name", "long name"),
    ("share", 0, 0.0),
    ("free", 2.5, 2.5),
    ("text", "y", "y"),
    ("anything", (1, [Path("a")]), (1, [Path("a")])),
    ("quoted", 4, 4),
    ("flag", np.bool_(True), True),
]


@pytest.mark.parametrize(("name", "given", "expected"), FITS, ids=map(str, range(len(FITS))))
def test_what_fits_arrives_as_it_is_annotated(own, name, given, expected):
    spec = RunSpec.make(own, {name: given})
    assert repr(spec.parameters[name]) == repr(expected)
    assert encoding.decode(json.loads(json.dumps(spec.normal)))[name] == expected


MISFITS = [
    ("rate", 1.5, "'rate' must be 0 to 1, got 1.5"),
    ("rate", "0.5", r"'rate' must be a number, got '0.5' \(str\)"),
    ("rate", True, r"'rate' must be a number, got True \(bool\)"),
    ("rate", float("nan"), "'rate' must be 0 to 1, got nan"),
    ("size", 1.0, "'size' must be a whole number, got 1.0"),
    ("depth", 0, "'depth' must be 1 or more, got 0"),
    ("shift", 0.1, "'shift' must be 0 or less, got 0.1"),
    ("mode", "fats", "'mode' must be one of slow, fast, 3; got 'fats'; did you mean 'fast'"),
    ("mode", 3.0, "'mode' must be one of slow, fast, 3; got 3.0"),
    ("limit", "none", r"'limit' must be a number or None, got 'none'"),
    ("name", 1, "'name' must be a text or None, got 1"),
    ("pair", (1, 2, 3), r"'pair' must be tuple\[int, float\]"),
    ("pair", ("a", 2), r"'pair' must be tuple\[int, float\]"),
    ("many", (1, 2.5), r"'many' must be tuple\[int, \.\.\.\]"),
    ("numbers", [1, 11], "'numbers' must be 0 to 10, got 11"),
    ("numbers", [1, "2"], r"'numbers' must be list\[float\]"),
    ("table", {"a": "b"}, r"'table' must be dict\[str, int\]"),
    ("where", 3, "'where' must be a path, got 3"),
    ("kind", "c", "'kind' must be one of a, b, long name; got 'c'"),
    ("share", 2, "'share' must be 0 to 1, got 2"),
    ("free", "1", r"'free' must be a number, got '1'"),
    ("text", 1, "'text' must be a text, got 1"),
    ("quoted", "4", "'quoted' must be a whole number, got '4'"),
    ("flag", 1, "'flag' must be true or false, got 1"),
    ("anything", {1, 2}, "'anything' must be a number, text, path, list, tuple or mapping"),
    ("anything", object, "'anything' must be a number, text"),
    ("rat", 1, "unknown parameter 'rat'; did you mean 'rate'"),
]


@pytest.mark.parametrize(("name", "given", "message"), MISFITS, ids=map(str, range(len(MISFITS))))
def test_what_does_not_fit_is_told_with_what_does(own, name, given, message):
    with pytest.raises(ValueError, match=message):
        RunSpec.make(own, {name: given})


def test_the_same_value_is_the_same_run_however_it_is_given(own):
    one = RunSpec.make(own, {"rate": 1, "pair": [1, 2], "where": "a", "size": np.int32(2)})
    other = RunSpec.make(own, {"rate": 1.0, "pair": (1, 2.0), "where": Path("a"), "size": 2})
    assert one.id == other.id
    assert one.id != RunSpec.make(own, {"rate": 1, "size": 2}).id
    assert RunSpec.make(own, {"size": 3}).id == RunSpec.make(own, {}).id
    assert one.label == "own(rate=1, where=a, size=2)"


def test_an_edited_kernel_is_another_run_where_kernels_are_used(own, tmp_path, monkeypatch):
    def ids(native: bool) -> list[str]:
        return [RunSpec.make(path, {}, native=native).id for path in ("train", own)]

    before = {native: ids(native) for native in (True, False)}
    edited = tmp_path / "functors.h"
    edited.write_text("// edited")
    monkeypatch.setattr("afnlab.runs.fingerprint.manifest.kernel_sources", lambda kind: [edited])
    assert ids(False) == before[False]
    assert ids(True)[0] != before[True][0]
    assert ids(True)[1] == before[True][1]  # a notebook without afnlab


def test_compiled_kernels_enter_where_afnlab_is_used(own, tmp_path, monkeypatch):
    using = notebook(tmp_path / "using.ipynb", "x: int = 1", "import afnlab")
    for path in (using, "train"):
        ids = {RunSpec.make(path, {}, native=native).id for native in (True, False)}
        assert len(ids) == 2
    assert len({RunSpec.make(own, {}, native=native).id for native in (True, False)}) == 1
    for native in (True, False):
        monkeypatch.setattr(
            "afnlab.runs.notebook_parameters.training.native_kernels",
            lambda *_, found=native: found,
        )
        assert RunSpec.make("train", {}).id == RunSpec.make("train", {}, native=native).id


ODD = {
    "text": 'it\'s "so" \\ \n\t {x} \N{SNOWMAN}',
    "many": [float("inf"), -float("inf"), 1e-300, -0.0, 10**30],
    "nested": {"a": (1, [2, {"b": None}], ()), 3: True},
    "one": (1,),
    "path": Path("a b") / "c'd",
}


def test_assignments_say_what_they_were_given():
    found: dict = {}
    exec(encoding.assignments(ODD), found)
    assert {name: found[name] for name in ODD} == ODD
    assert repr(found["many"]) == repr(ODD["many"])
    ast.parse(encoding.assignments({"x": float("nan")}))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("[1e-3, -2E+4, .5e1]", [1e-3, -2e4, 5.0]),
        ("{a: 1e3}", {"a": 1000.0}),
        ("'1e-3'", "1e-3"),
        ("1e", "1e"),
        ("0x10", 16),
        ("true", True),
        ("a: b: c", "a: b: c"),
        ("srelu", "srelu"),
    ],
)
def test_what_is_written_at_the_command_line(text, value):
    assert repr(assigned(text)) == repr(value)


def test_records_lose_nothing():
    for value in (*ODD.values(), float("inf"), {"__tuple__": [1]}, {(1, 2): {"__dict__": 0}}):
        stored = json.loads(json.dumps(encoding.encode(value), allow_nan=False))
        assert repr(encoding.decode(stored)) == repr(value)


SHOWN = """\
print(repr((pair, x, where)))
(Path(out) / "sub").mkdir()
(Path(out) / "sub" / "a.txt").touch()
"""


def test_tuples_numbers_and_paths_arrive_in_the_kernel(tmp_path):
    cell = "from pathlib import Path\npair: tuple = ()\nx = 0.0\nwhere = Path()\nout: str = ''"
    own = notebook(tmp_path / "own.ipynb", cell, SHOWN)
    spec = RunSpec.make(own, {"pair": (1, (2, "x")), "x": np.float32(0.1), "where": Path("b c")})
    folder = execute(spec, tmp_path / "runs", threads=1, server=kernels())
    cells = json.loads((folder / "notebook.ipynb").read_text())["cells"]
    assert cells[1]["metadata"]["tags"] == ["injected-parameters"]
    (output,) = cells[2]["outputs"]
    expected = ((1, (2, "x")), float(np.float32(0.1)), Path("b c"))
    assert "".join(output["text"]).strip() == repr(expected)
    record = json.loads((folder / "record.json").read_text())
    assert record["notebook"] == str(own)
    assert set(record["files"]) == {"notebook.ipynb", "sub/a.txt"}
    assert RunSpec.of_record(record).id == record["id"]
