"""Which file a text comes from that a run executes, and what is no such text."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from afnlab.runs import RunFailed, RunSpec, execute, records
from afnlab.runs.kernel import read_audit
from tests.runs.test_runs import means, notebook

NOTES = """
# what a colleague sent
SCALE = 3

def bent(x):
    return SCALE * x if x > 0 else 0.1 * x

class Layer:
    size: int = 3
    sizes = [i for i in range(size)]
"""
HIDDEN = "run = vars(__import__('built' + 'ins'))['ex' + 'ec']\n"
READ = "text = open('no' + 'tes').read()\n"
EXECUTED = {  # how a script comes to execute the text of a file without naming it
    "exec": READ + "exec(text)",
    "eval": "print(eval(open('one' + 'line').read()))",
    "compile": READ + "exec(compile(text, '<mine>', 'exec'))",
    "a number is another": "exec(open('sin' + 'gle').read().replace('1', '2.5e-3'))",
    "edited": READ + "exec(text.replace('SCALE * x', 'SCALE + x'))",
    "a part of it": READ + "exec(text.split('\\n\\n')[1])",
    "after other lines": READ + "exec('import os\\nimport sys\\na = sys.path\\n' * 9 + text)",
    "line by line": "for line in open('sin' + 'gle'):\n    exec(line)",
    "hidden": HIDDEN + READ + "run(text)",
    "under its name": "n = 'no' + 'tes'\nexec(compile(open(n).read(), n, 'exec'))",
    "as bytes": "exec(open('no' + 'tes', 'rb').read())",
    "by its number": "import os\nexec(os.read(os.open('no' + 'tes', os.O_RDONLY), 999))",
    "by pathlib": "import pathlib\nexec(pathlib.Path('no' + 'tes').read_text())",
    "timeit": READ + "import timeit\ntimeit.timeit(text, number=1)",
    "a shell of Python's": READ + "import code\ncode.InteractiveInterpreter().runcode(text)",
    "a profiler": READ + "import cProfile\ncProfile.Profile().run(text)",
    "a thread": READ + "import threading\nt = threading.Thread(target=exec, args=(text, {}))\n"
    "t.start()\nt.join()",
    "a loader's": READ + "import importlib.abc, importlib.util as u\n"
    "class Own(importlib.abc.InspectLoader):\n"
    "    def get_source(self, name):\n        return text\n"
    "s = u.spec_from_loader('own', Own())\n"
    "s.loader.exec_module(u.module_from_spec(s))",
}
NOT_EXECUTED = {
    "only read": READ,
    "parsed": READ + "import ast\nast.parse(text)\ncompile(text, 'x', 'exec', ast.PyCF_ONLY_AST)",
    "compiled": READ + "compile(text, '<text>', 'exec')",
    "compiled, and another of its name executed": READ + "compile(text, '<string>', 'exec')\n"
    "from collections import namedtuple\nnamedtuple('Own', 'width')(1)",
    "too many": "for i in range(60):\n"
    "    open(f'{i}.txt', 'w').write('\\n'.join(f'a{j} = b{i}' for j in range(999)))\n"
    "for i in range(60):\n    open(f'{i}.txt').read()\n"
    "from collections import namedtuple\nnamedtuple('Own', 'width')(1)",
    "its own text": READ + "exec('SCALE = 3\\n\\ndef bent(x):\\n    return SCALE * x')",
    "a number": "value = eval(open('num' + 'ber').read())",
    "a name": "import math\nvalue = eval('math.' + open('na' + 'me').read())",
    "columns": "names = open('ta' + 'ble').readline().split(',')\n"
    "row = dict(width=1)\nexec(f'value = row[{names[0]!r}]')",
    "other lines": READ + "exec('import math\\nvalue = math.pi\\nother = value ** 2')",
}
FILES = {
    "notes": NOTES,
    "oneline": "3 * abs(-1)",
    "single": "VALUE = 1\n",
    "number": "1e-3",
    "name": "pi",
    "table": "width,height\n1,2\n",
}


@pytest.fixture
def beside(tmp_path, monkeypatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noted(folder: Path, script: str) -> set[str]:
    """The names of the files that a script is found to execute, itself not among them."""
    return {name for name, how in whole_notes(folder, script) if how == read_audit.EXECUTED}


def whole_notes(folder: Path, script: str) -> set[tuple[str, str]]:
    """The names of the files that a script is found to use, and how."""
    (folder / "script.py").write_text(script)
    notes = folder / "notes.read"
    notes.touch()
    command = [
        sys.executable,
        "-I",
        *read_audit.starter("import runpy; runpy.run_path('script.py')"),
    ]
    env = os.environ | {read_audit.VARIABLE: str(notes)}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    found = {(Path(p).name, how) for p, _, how in read_audit.notes(str(notes))}
    return {one for one in found if one[0] not in ("script.py", "notes.read", "")}


WRITES = """
import os, pathlib, shutil
open("new", "w").close()
open("more", "a").close()
pathlib.Path("sheet").write_text("1")
with open("table", "r+") as file:
    file.write("9")
os.close(os.open("low", os.O_CREAT | os.O_WRONLY))
os.replace("new", "moved")
shutil.copyfile("table", "copied")
open("notes").read()
"""


def test_files_that_are_opened_to_be_written(beside):
    written = {name for name, how in whole_notes(beside, WRITES) if how == read_audit.WRITTEN}
    assert written == {"new", "more", "sheet", "table", "low", "moved", "copied"}


@pytest.mark.parametrize("script", EXECUTED.values(), ids=EXECUTED)
def test_texts_that_are_executed(beside, script):
    expected = {name for name in ("notes", "single", "oneline") if f"'{name[:3]}'" in script}
    assert noted(beside, script) == (expected or {"notes"})


@pytest.mark.parametrize("script", NOT_EXECUTED.values(), ids=NOT_EXECUTED)
def test_texts_that_are_not(beside, script):
    assert noted(beside, script) == set()


def test_a_run_that_executes_such_a_text_fails(beside):
    (beside / "part.py").write_text("VALUE = 1\n")
    for code, name in (
        ("exec(open('no' + 'tes').read())", "notes"),
        ("get_ipython().run_cell(open('no' + 'tes').read())", "notes"),
        ("n = 'no' + 'tes'\n%run $n", "notes"),
        # Not one line is left; but it was code, and the run has executed a text.
        (HIDDEN + "run(open('pa' + 'rt.py').read().replace('VALUE', 'OTHER'))", "part.py"),
    ):
        path = notebook(beside / "own.ipynb", "x: float = 1.0", code)
        with pytest.raises(RunFailed, match=rf"/{name} was read, but could not be fore") as failed:
            execute(RunSpec.make(path, {}), beside / "runs", means())
        assert "\n" not in str(failed.value)
    assert not records(beside / "runs")


@pytest.mark.parametrize(
    "runs",
    [
        "exec({})",
        "import timeit\ntimeit.timeit({}, number=1)",
        "exec(compile({}, 'notes', 'exec'))",
        "import pathlib\nfor p in sorted(pathlib.Path('.').glob('notes')):\n"
        "    exec(compile(p.read_text(), p, 'exec'))",
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_that_is_named_counts(beside, runs, line_end):
    code = runs.format("open('notes').read()")
    (beside / "notes").write_text(NOTES, newline=line_end)
    path = notebook(beside / "own.ipynb", "x: float = 1.0", code)
    first = RunSpec.make(path, {})
    execute(first, beside / "runs", means())
    (beside / "notes").write_text(NOTES.replace("3", "4"))
    assert RunSpec.make(path, {}).id != first.id


NORMAL = [  # what compiles and executes texts, after files have been read that hold such texts
    "import glob, os\n"
    "files = [p for p in glob.glob('*') if '.ip' not in p and os.path.isfile(p)]\n"
    "texts = [open(p, 'rb').read() for p in files]",
    "from dataclasses import dataclass, field\nfrom collections import namedtuple\n"
    "@dataclass(order=True)\nclass Point:\n    width: float = 1.0\n    height: float = 2.0\n"
    "    others: list = field(default_factory=list)\n"
    "P = namedtuple('P', 'width height')\nP(1, 2), Point() == Point(2.0)",
    "import attrs\n@attrs.define\nclass Box:\n    width: float = attrs.field(default=1.0)\nBox()",
    "import pandas as pd\nd = pd.read_csv('table')\n"
    "d.query('width < height').eval('area = width * height')",
    "import sympy\nx_ = sympy.Symbol('x')\nsympy.lambdify(x_, sympy.sin(x_) + 3 * x_)(1.0)\n"
    "sympy.sympify('3*x + sin(x)')",
    "import jinja2\njinja2.Template('{% for i in n %}{{ i * 3 }}{% endfor %}').render(n=[1, 2])",
    "e = jinja2.Environment(loader=jinja2.FileSystemLoader('.'))\n"
    "[e.get_template(n).render(n=[1, 2]) for n in ('page.html', 'word', 'lines.py.j2', 'page.py')]",
    "import torch\nimport torch.fx\n"
    "class Net(torch.nn.Module):\n    def forward(self, x):\n        return 3 * x.relu()\n"
    "torch.fx.symbolic_trace(Net())(torch.ones(2))\n"
    "torch.compile(Net(), backend='eager')(torch.ones(2))",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('$3 x$');",
    "%time sum(range(9))\n%timeit -n 1 -r 1 3 * abs(-1)",
    "%%time\ny = 3 * abs(-1)",
    "import patsy\nnp = __import__('numpy')\npatsy.dmatrix('np.log(width) + height', d)",
    "for name in ('width', 'height'):\n    exec(f'total_{name} = d[{name!r}].sum()')",
    "SCALE = 3\ndef bent(x):\n    return SCALE * x if x > 0 else 0.1 * x\nbent(1)",
    "import importlib\nimport functools, typing, enum\n"
    "E = enum.Enum('E', 'width height')\nT = typing.NamedTuple('T', [('width', int)])",
]


def test_what_installed_libraries_execute_is_theirs(beside):
    (beside / "dataclass.txt").write_text(
        "def __init__(self, width, height):\n    self.width = width\n    self.height = height\n"
        "def __eq__(self, other):\n    return (self.width,) == (other.width,)\n"
    )
    (beside / "cells.txt").write_text("\n".join(NORMAL))
    (beside / "columns.txt").write_text("width < height\narea = width * height\n3 * x + sin(x)\n")
    (beside / "page.html").write_text("<ul>{% for i in n %}<li>{{ i }}</li>{% endfor %}</ul>\n")
    (beside / "page.py").write_text("{% for i in n %}width = {{ i }}\n{% endfor %}")
    (beside / "word").write_text("width")
    (beside / "lines.py.j2").write_text("width = {{ n }}\nheight = 3\nprint(width, height)\n")
    (beside / "binary").write_bytes(bytes(range(256)) * 99)
    path = notebook(beside / "own.ipynb", "x: float = 1.0", *NORMAL)
    execute(RunSpec.make(path, {}), beside / "runs", means())


PLACES = {  # on the path, by what each is
    "zip": "lib.zip",
    "wheel": "lib-1.0-py3-none-any.whl",
    "egg": "lib.egg",
    "zipapp": "app.pyz",
    "of no ending": "app",
    "a folder within": "lib.zip/inner",
}
LOOKS = (
    "import importlib.metadata, pkgutil\n"
    "list(importlib.metadata.entry_points())\nlist(pkgutil.iter_modules())\n"
    "try:\n    import nowhere\nexcept ImportError:\n    pass\n"
)


def archive(file: Path, inner: str, source: Path, compiled: bool) -> None:
    """An archive with the module `packed`."""
    held = py_compile.compile(str(source)) if compiled else source
    with zipfile.ZipFile(file, "w") as made:
        made.write(held, str(Path(inner, "packed.pyc" if compiled else "packed.py")))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_an_archive_on_the_path_is_executed_where_a_module_is_taken_from_it(
    beside, monkeypatch, place, compiled
):
    """Not where Python only lists it while it looks for modules, or for what is installed."""
    name, _, inner = place.partition("/")
    source = beside / "elsewhere.py"  # of which compiled code keeps the name
    source.write_text("VALUE = 1\n")
    archive(beside / name, inner, source, compiled)
    on_path = f"import sys\nsys.path.insert(0, {place!r})\n"
    assert noted(beside, on_path + LOOKS) == set()
    assert noted(beside, on_path + "import packed\n") == {name}
    monkeypatch.syspath_prepend(beside / place)
    plain, uses = (
        RunSpec.make(notebook(beside / "own.ipynb", "x: float = 1.0", code), {}).code.files
        for code in (LOOKS, "import packed")
    )
    assert str(beside / name) not in plain
    assert uses[str(beside / name)] == sha256((beside / name).read_bytes()).hexdigest()


def test_a_module_of_compiled_code_alone_is_its_own_file(beside):
    """Not the source that it was compiled from, which may be anywhere."""
    source, folder = beside / "elsewhere.py", beside / "lib"
    source.write_text("VALUE = 1\n")
    folder.mkdir()
    py_compile.compile(str(source), cfile=str(folder / "alone.pyc"))
    assert noted(beside, "import sys\nsys.path.insert(0, 'lib')\nimport alone\n") == {"alone.pyc"}


def test_copies_that_python_keeps_apart_are_no_code_of_their_own(beside, monkeypatch):
    monkeypatch.setattr(sys, "pycache_prefix", str(beside / "copies"))
    kept = beside / "copies" / "usr" / "lib" / "decoder.cpython-311.pyc"
    assert read_audit._noted(str(kept), (".pyc",)) == ""
    assert read_audit._noted(str(beside / "other.pyc"), (".pyc",)) == str(beside / "other.pyc")
