"""Runs are made with the code that their ids stand for, and what counts is what is executed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from afnlab.cli import main
from afnlab.runs import RunFailed, RunSpec, execute, records, staleness
from afnlab.runs.fingerprint.syntax import read
from afnlab.runs.storage import maintenance, runs_folder
from afnlab.runs.storage.location import Place
from tests.runs.fingerprint.test_fingerprint import package  # noqa: F401  (a fixture)
from tests.runs.test_runs import SMALL, means, notebook

MINE = '''
"""My ideas."""
import torch
from afnlab import activation

@activation()
def mine(x):
    """Mine."""
    return 1.5 * torch.relu(x)
'''


HELPERS = {
    "helper.py": "VALUE = 1\n",
    "pkg/__init__.py": "",
    "pkg/inner.py": "from . import deep\nVALUE = 1\n",
    "pkg/deep.py": "VALUE = 1\n",
    "space/part.py": "VALUE = 1\n",
    "lib/far.py": "VALUE = 1\n",
    "script.txt": "VALUE = 1\n",
    "extra.ipy": "VALUE = 1\n",
}
READS = {  # how a notebook comes to execute which file
    "import": ("import helper", "helper.py"),
    "import, later": ("def f():\n    import helper\nf()", "helper.py"),
    "import, if": ("if x > 100:\n    import helper", "helper.py"),
    "from": ("from pkg import inner", "pkg/inner.py"),
    "a package": ("import pkg.inner", "pkg/__init__.py"),
    "relative": ("import pkg.inner", "pkg/deep.py"),
    "a namespace": ("import space.part", "space/part.py"),
    "all of a package": ("from pkg import *", "pkg/deep.py"),
    "import_module": ("import importlib\nimportlib.import_module('pkg.deep')", "pkg/deep.py"),
    "names in a list": (
        "import importlib\nfor n in ['helper']:\n    importlib.import_module(n)",
        "helper.py",
    ),
    "sys.path": ("import sys\nsys.path.insert(0, 'lib')\nimport far", "lib/far.py"),
    "sys.path, added": ("import sys\nsys.path += ['lib']\nimport far", "lib/far.py"),
    "sys.path, of paths": (
        "import sys, pathlib\nsys.path.append(str(pathlib.Path.cwd() / 'lib'))\nimport far",
        "lib/far.py",
    ),
    "cd": ("%cd lib\nimport far", "lib/far.py"),
    "exec": ("exec(open('helper.py').read())", "helper.py"),
    "exec of another ending": ("exec(open('script.txt').read())", "script.txt"),
    "runpy": ("import runpy\nrunpy.run_path('helper.py')", "helper.py"),
    "runpy, a module": ("import runpy\nrunpy.run_module('pkg.deep')", "pkg/deep.py"),
    "a location": (
        "import importlib.util as u\ns = u.spec_from_file_location('h', 'helper.py')\n"
        "s.loader.exec_module(u.module_from_spec(s))",
        "helper.py",
    ),
    "run": ("%run helper.py", "helper.py"),
    "run, without ending": ("%run helper", "helper.py"),
    "run, a module": ("%run -m pkg.deep", "pkg/deep.py"),
    "run, lines of IPython": ("%run extra.ipy", "extra.ipy"),
    "an extension": ("%load_ext helper", "helper.py"),
    "in a timed cell": ("%%time\nimport helper", "helper.py"),
    "a reference": ("import afnlab\nref = 'helper.py:VALUE'", "helper.py"),
}


@pytest.fixture
def beside(tmp_path, monkeypatch) -> Path:
    for name, text in HELPERS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", READS.values(), ids=READS)
def test_files_that_a_notebook_executes_count(beside, case):
    code, file = case
    path = notebook(beside / "own.ipynb", "x: float = 1.0", code)
    first, other = RunSpec.make(path, {}), beside / file
    other.write_text(other.read_text() + "# nothing\n")
    assert RunSpec.make(path, {}).id == first.id or not file.endswith(".py")
    other.write_text(other.read_text().replace("1", "2") + "edited = 1\n")
    assert RunSpec.make(path, {}).id != first.id
    assert RunSpec.make(path, {}).reached.units.keys() == first.reached.units.keys()


def test_what_is_foreseen_is_what_a_kernel_reads(beside):
    """All the ways above in one run, and nothing that it reads was missed."""
    cells = [
        code for code, _ in READS.values() if "Path.cwd()" not in code and "cd lib" not in code
    ]
    path = notebook(beside / "own.ipynb", "x: float = 101.0", *cells)
    execute(RunSpec.make(path, {}), beside / "runs", means())


@pytest.mark.parametrize(
    "code",
    [
        "name = 'hel' + 'per'\nimport importlib\nimportlib.import_module(name)",
        "exec(open('hel' + 'per.py').read())",
        "import runpy\nrunpy.run_path('hel' + 'per.py')",
        "import os\nexec(os.read(os.open('hel' + 'per.py', os.O_RDONLY), 99))",
        "run = vars(__import__('built' + 'ins'))['ex' + 'ec']\nrun(open('hel' + 'per.py').read())",
        "import timeit\ntimeit.timeit(open('hel' + 'per.py').read(), number=1)",
        "import shutil\nshutil.copy('hel' + 'per.py', 'cop' + 'ied.py')\nimport copied",
        "n = 'hel' + 'per.py'\n%run $n",
    ],
)
def test_code_that_could_not_be_foreseen_is_refused(beside, code):
    path = notebook(beside / "own.ipynb", "x: float = 1.0", code)
    with pytest.raises(
        RunFailed, match=r"helper\.py was read, but could not be foreseen"
    ) as failed:
        execute(RunSpec.make(path, {}), beside / "runs", means())
    assert "\n" not in str(failed.value)
    assert not records(beside / "runs")


def test_code_counts_whatever_its_file_is_called(beside):
    (beside / "plain").write_text("VALUE = 1")
    code = "import runpy\nrunpy.run_path('pl' + 'ain')"
    path = notebook(beside / "own.ipynb", "x: float = 1.0", code)
    with pytest.raises(RunFailed, match="plain was read, but could not be foreseen"):
        execute(RunSpec.make(path, {}), beside / "runs", means())


def test_files_that_a_run_makes_itself_are_its_own(beside):
    cells = [
        "%%writefile made.py\nVALUE = 3",
        "from pathlib import Path\nPath('pa' + 'th.py').write_text('VALUE = 4')",
        "import os\nPath('tmp').write_text('VALUE = 5')\nos.replace('tmp', 'mo' + 'ved.py')",
        "import importlib\n"
        "[importlib.import_module(n) for n in ('ma' + 'de', 'pa' + 'th', 'mo' + 'ved')]",
    ]
    path = notebook(beside / "own.ipynb", "x: float = 1.0", *cells)
    first = RunSpec.make(path, {})
    execute(first, beside / "runs", means())
    assert RunSpec.make(path, {}).id == first.id


@pytest.mark.parametrize(
    "code",
    [
        "open('made.py', 'w').write('VALUE = 3')",
        "with open('made.py', mode='w') as file:\n    file.write('VALUE = 3')",
        "from pathlib import Path\nPath('made.py').write_text('VALUE = 3')",
        "from pathlib import Path\nwith Path('made.py').open('w') as f:\n    f.write('VALUE = 3')",
        "import shutil\nshutil.copy('helper.py', 'made.py')",
    ],
)
def test_files_that_a_notebook_always_makes_do_not_make_it_another(beside, code):
    path = notebook(beside / "own.ipynb", "x: float = 1.0", code, "import made")
    first = RunSpec.make(path, {}).id
    (beside / "made.py").write_text("VALUE = 4")
    assert RunSpec.make(path, {}).id == first


def test_files_that_a_notebook_may_make_count(beside):
    code = (
        "import os\nif not os.path.exists('made.py'):\n    open('made.py', 'w').write('VALUE = 3')"
    )
    path = notebook(beside / "own.ipynb", "x: float = 1.0", code, "import made")
    first = RunSpec.make(path, {}).id
    (beside / "made.py").write_text("VALUE = 4")
    assert RunSpec.make(path, {}).id != first


DATA = [  # what reads files of code, or archives, and executes nothing of them
    "from pathlib import Path\nlines = [p.read_text() for p in sorted(Path('pkg').glob('*.py'))]",
    "import hashlib, os\n"
    "for folder, _, names in os.walk('.'):\n"
    "    [hashlib.sha256(open(os.path.join(folder, n), 'rb').read()) for n in names]",
    "import ast\nast.parse(open('hel' + 'per.py').read())",
    "import py_compile\npy_compile.compile('helper.py', cfile='out.bin')",
    "import zipfile\nzipfile.ZipFile('data.zip', 'w').writestr('a.csv', '1')",
    "import shutil\nshutil.copytree('pkg', 'copies')",
    "import importlib\nname = 'inner'\nimportlib.import_module(f'pkg.{name}')",
    "import pkgutil, pkg\n"
    "[__import__(f'{pkg.__name__}.{i.name}') for i in pkgutil.iter_modules(pkg.__path__)]",
]


def test_files_that_are_only_read_are_data(beside):
    (beside / "broken.py").write_text("def x(:")
    path = notebook(beside / "own.ipynb", "x: float = 1.0", *DATA)
    first = RunSpec.make(path, {})
    execute(first, beside / "runs", means())
    assert RunSpec.make(path, {}).id == first.id
    own = {Path(p).name for p in first.reached.units if Path(p).is_relative_to(beside)}
    assert own == {"own.ipynb", "helper.py", "__init__.py", "inner.py", "deep.py"}


@pytest.mark.parametrize("ref", ["acts.deep.act:mine", "acts/deep/act.py:mine", "single:mine"])
def test_a_run_is_current_however_its_activation_is_named(beside, monkeypatch, ref):
    for name in ("acts/deep/act.py", "single.py"):
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_text(MINE)
    (beside / "acts/__init__.py").touch()
    (beside / "acts/deep/__init__.py").touch()
    monkeypatch.syspath_prepend(beside)
    made = execute(RunSpec.make("train", SMALL | {"activation": ref}), beside / "runs", means())
    assert staleness.is_current(runs_folder.read_record(made / runs_folder.RECORD))


def test_a_run_in_the_folder_that_it_is_kept_in_is_current(beside):
    path = notebook(beside / "own.ipynb", "x: float = 1.0", "import helper")
    execute(RunSpec.make(path, {}), beside, means())
    assert [run.state for run in maintenance.listing(beside)] == ["done"]
    assert maintenance.waste(Place(beside), stale=True) == []
    (beside / "helper.py").write_text("VALUE = 2\n")
    assert [run.state for run in maintenance.listing(beside)] == ["stale"]


LEFT = """
    import json, pathlib
    import helper, mine
    result = {"metrics": {"value": helper.VALUE + mine.VALUE}}
    pathlib.Path(out, "result.json").write_text(json.dumps(result))
"""


def value(folder: Path) -> float:
    return runs_folder.read_record(folder / runs_folder.RECORD)["metrics"]["value"]


@pytest.mark.parametrize("file", ["helper.py", "mine.py"])
def test_edited_between_plan_and_run(beside, file):
    (beside / "mine.py").write_text("VALUE = 1\n")
    path = notebook(beside / "own.ipynb", "x: float = 1.0\nout: str = ''", dedent(LEFT))
    planned = RunSpec.make(path, {})
    (beside / file).write_text("VALUE = 5\n")  # as long, and within the same second
    with pytest.raises(RunFailed, match=rf"/{file} was edited after this run was planned"):
        execute(planned, beside / "runs", means())
    (beside / file).write_text("VALUE = 1\n")
    assert value(execute(planned, beside / "runs", means())) == 2
    (beside / file).write_text("VALUE = 5\n")
    again = RunSpec.make(path, {})
    assert again.id != planned.id
    assert value(execute(again, beside / "runs", means())) == 6


def test_the_notebook_is_executed_as_it_was_planned(beside):
    (beside / "mine.py").write_text("VALUE = 1\n")
    path = notebook(beside / "own.ipynb", "x: float = 1.0\nout: str = ''", dedent(LEFT))
    planned = RunSpec.make(path, {})
    notebook(path, "x: float = 1.0\nout: str = ''", dedent(LEFT).replace("helper.VALUE", "98765"))
    made = execute(planned, beside / "runs", means())
    assert value(made) == 2
    assert "98765" not in (made / runs_folder.NOTEBOOK).read_text()
    assert RunSpec.make(path, {}).id != planned.id


OWN_TASK = """
    from torch import nn
    from afnlab import Recipe, Task
    from afnlab.training.data import digits
    from helper import VALUE

    def model(activation):
        return nn.Sequential(nn.Linear(64, 8 * VALUE), activation(), nn.Linear(8 * VALUE, 10))

    mine = Task("mine", digits, model, Recipe(epochs=1, batch_size=64))
"""


@pytest.mark.parametrize("file", ["act.py", "task.py", "helper.py"])
def test_edited_during_a_sweep(beside, file):
    """What a sweep plans, then makes: each kernel reads the files anew."""
    (beside / "act.py").write_text(MINE)
    (beside / "task.py").write_text(dedent(OWN_TASK))
    given = {"task": "task.py:mine", "activation": "act.py:mine", "epochs": 1}
    first, second, third = (RunSpec.make("train", given | {"seeds": [s]}) for s in range(3))
    runs, kept = beside / "runs", (beside / file).read_text()
    execute(first, runs, means())
    (beside / file).write_text(kept.replace("1.5", "2.5").replace("VALUE = 1", "VALUE = 2") + "\n")
    with pytest.raises(RunFailed, match=rf"/{file} was edited after this run was planned"):
        execute(second, runs, means())
    (beside / file).write_text(kept)
    execute(third, runs, means())
    assert {tuple(r["seeds"]) for r in records(runs)} == {(0,), (2,)}
    assert all(map(staleness.is_current, records(runs)))


@pytest.mark.parametrize("passed", [-60.0, 0.0, 0.5, 60.0])
def test_two_edits_within_a_tick_of_a_coarse_clock_are_seen(passed, tmp_path, monkeypatch):
    """Where files have the times of the last tick, of a disk's two seconds, or of another clock."""
    file = tmp_path / "mine.py"
    file.write_text("VALUE = 1")
    facts = list(file.stat())
    facts[-3:] = 3 * [int(time.time() - passed)]
    monkeypatch.setattr(Path, "stat", lambda _: os.stat_result(facts))
    assert read(file) is read(file)  # once for what is the same
    file.write_text("VALUE = 2")
    new = read(file).content == b"VALUE = 2"
    assert new == (passed < 2)


@pytest.mark.slow
@pytest.mark.parametrize("edited", [True, False])
def test_a_new_kernel_is_looked_at_too(beside, edited):
    (beside / "mine.py").write_text("VALUE = 1\n")
    path = notebook(beside / "own.ipynb", "x: float = 1.0\nout: str = ''", dedent(LEFT))
    planned = RunSpec.make(path, {})
    if edited:
        (beside / "mine.py").write_text("VALUE = 5\n")
        with pytest.raises(RunFailed, match=r"mine\.py was edited after this run was planned"):
            execute(planned, beside / "runs", threads=1)
    else:
        assert value(execute(planned, beside / "runs", threads=1)) == 2


OF_A_COPY = """
    import json, sys
    from pathlib import Path
    from afnlab.runs import RunFailed, RunSpec, execute
    from afnlab.runs.kernel.fork_client import KernelServer
    root, server, said = Path(sys.argv[1]), None, []
    for edits, activations in json.loads(sys.argv[2]):
        planned = [
            RunSpec.make("train", {"activation": name, "epochs": 1, "seeds": [len(said)]})
            for name in activations
        ]
        kept = {root / "afnlab" / file: edit for file, edit in edits.items()}
        for path, (old, new) in kept.items():
            kept[path] = path.read_text()
            path.write_text(kept[path].replace(old, new))
            assert path.read_text() != kept[path]
        server = server or KernelServer(1)  # imports Python's files as they are now
        for spec in planned:
            try:
                execute(spec, root / "runs", threads=1, server=server)
                said.append("done")
            except RunFailed as error:
                said.append(str(error))
        for path, text in kept.items():
            path.write_text(text)
    server.close()
    print(json.dumps(said))
"""
EDITED = [  # files, each with what is replaced; the activations of runs, each with what it reaches
    (
        {
            "activations/gated.py": ("angle = (pi / 4)", "angle = (pi / 3)"),
            "activations/shrink.py": ("import torch\n", "import torch\n\nEDITED = 1\n"),
        },
        {"srelu": "gated.py", "tanh": None},
    ),
    # No compiler need work through it: the kernel that reads it goes on without compiled ones.
    ({"native/functors.h": ("\n", "\n#error\n")}, {"tanh": "functors.h"}),
]


@pytest.mark.slow
def test_afnlabs_own_code_edited_before_the_kernels_start(package, tmp_path):  # noqa: F811
    edits = json.dumps([(edits, list(reached)) for edits, reached in EDITED])
    command = [sys.executable, "-c", dedent(OF_A_COPY), str(package), edits]
    env = os.environ | {"PYTHONPATH": str(package)}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert not done.returncode, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    files = [file for _, reached in EDITED for file in reached.values()]
    for file, message in zip(files, said, strict=True):
        if file is None:
            assert message == "done"
        else:
            assert f"{file} was edited after this run was planned" in message


MARKS = """
    import pathlib
    from afnlab import activation
    pathlib.Path({mark!r}).touch()

    @activation()
    def mine(x):
        return x.relu()
"""


@pytest.fixture
def shared(tmp_path, monkeypatch) -> Path:
    """A folder with a run whose record names a file that lies in the folder itself."""
    monkeypatch.chdir(tmp_path)
    runs, mark = tmp_path / "runs", tmp_path / "mark"
    runs.mkdir()
    (runs / "evil.py").write_text(dedent(MARKS).format(mark=str(mark)))
    spec = RunSpec.make("train", SMALL | {"activation": f"{runs / 'evil.py'}:mine"})
    execute(spec, runs, means())
    mark.unlink()
    return runs


def test_code_among_stored_runs_is_never_run(shared, capsys):
    record = records(shared)[0]
    for command in (["runs", "list"], ["runs", "gc", "--stale", "--dry-run"], ["runs", "show"]):
        main([*command, *([record["id"]] if command[-1] == "show" else [])])
    assert "stale" not in capsys.readouterr().out  # the file is as it was, and was only read
    assert staleness.is_current(record)
    assert staleness.what_changed(record, (shared,))
    assert main(["rerun", record["id"]]) == 2
    assert "lies among stored runs, whose code is not run" in capsys.readouterr().err
    assert not (shared.parent / "mark").exists()


def test_no_code_is_run_to_tell_whether_a_run_is_current(tmp_path):
    mark, file = tmp_path / "mark", tmp_path / "own.py"
    file.write_text(dedent(MARKS).format(mark=str(mark)))
    spec = RunSpec.make("train", SMALL | {"activation": f"{file}:mine"})
    record = runs_folder.read_record(execute(spec, tmp_path / "runs", means()) / runs_folder.RECORD)
    mark.unlink()
    assert record["code"] == spec.code.units
    assert staleness.is_current(record)
    for text in (file.read_text() + "\n# more\n", file.read_text() + "\nmore = 1\n", None):
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        assert staleness.is_current(record) == (text is not None and "more = 1" not in text)
    assert not mark.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"notebook": 7},
        {"notebook": "/nowhere/own.ipynb"},
        {"given": {"activation": {"deep": [None]}}},
        {"folder": None},
        {"parameters": None},
        {"parameters": {"options": {}}},
        {"group": 1},
        {"notebook": "\0.ipynb"},
        {"given": {"activation": "~nosuch/x.py:f"}},
    ],
    ids=str,
)
def test_odd_records_are_not_current(tmp_path, change):
    spec = RunSpec.make("train", {})
    facts = {
        "notebook": "train.ipynb",
        "given": {},
        "group": spec.group,
        "native": spec.uses_native,
    }
    facts |= {"parameters": spec.normal, "folder": str(tmp_path), "code": dict(spec.code.units)}
    assert staleness.is_current(facts)
    assert not staleness.is_current(facts | change)


def test_records_of_earlier_versions_are_read_and_not_current(tmp_path):
    made = execute(RunSpec.make("train", SMALL), tmp_path, means())
    record = json.loads((made / runs_folder.RECORD).read_text())
    old = {n: v for n, v in record.items() if n not in ("code", "folder", "sum")} | {"schema": 2}
    runs_folder.write_json(made / runs_folder.RECORD, old | {"sum": runs_folder.sum_of(old)})
    assert [r["schema"] for r in records(tmp_path)] == [2]
    assert [run.state for run in maintenance.listing(tmp_path)] == ["stale"]
