"""Files of data that a user's code names count in the ids of its runs."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from math import inf
from pathlib import Path
from textwrap import dedent

import pytest
import torch

import afnlab
from afnlab.cli import main
from afnlab.runs import RunSpec, session, staleness
from afnlab.runs.execution import facts_of
from afnlab.runs.fingerprint import check, datafiles, require_planned_data
from afnlab.runs.kernel.read_audit import WRITTEN
from afnlab.runs.relocation import planned_again
from afnlab.runs.staleness import CHANGED, CURRENT, ELSEWHERE
from afnlab.runs.storage.location import Place
from afnlab.runs.sweeps.local_executor import Local
from tests.over import over

ACTIVATION = """
import torch
from afnlab import activation
{reading}

@activation()
def rat(x):
    return torch.tanh(x) * A
"""
TASK = """
import json
from pathlib import Path
import torch
from afnlab import Data, Recipe, Task
from afnlab.training.models import mlp

WIDTH = json.loads(Path("cfg.json").read_text())["width"]

def points():
    x, y = torch.arange(16.0).view(8, 2), torch.arange(8) % 2
    return Data(train_x=x, train_y=y, test_x=x, test_y=y)

wine = Task("wine", points, mlp(2, WIDTH, 2), Recipe(epochs=1, batch_size=4))
"""
READ = {  # what an activation reads, from which file, and other files that are needed
    "a path from a parent": (
        "import json\nfrom pathlib import Path\n"
        'A = json.loads((Path(__file__).parent / "coef.json").read_text())["a"]',
        "coef.json",
        {},
    ),
    "a path that os.path joins": (
        "import os\nimport numpy as np\n"
        'HERE = os.path.join(os.path.dirname(__file__), "..", "tables")\n'
        'A = float(np.loadtxt(os.path.join(HERE, "old", "t.csv"), delimiter=",")[0])',
        "../tables/old/t.csv",
        {},
    ),
    "a table of torch": (
        "from pathlib import Path\n"
        'TABLE = Path(__file__).with_name("table.pt")\nA = torch.load(TABLE)["a"]',
        "table.pt",
        {},
    ),
    "a neighbour's constant": (
        "from consts import A",
        "consts.yaml",
        {
            "consts.py": "from pathlib import Path\nimport yaml\n"
            'A = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())["a"]'
        },
    ),
    "in the current folder": (
        'from json import load\nwith open("here.json") as file:\n    A = load(file)["a"]',
        "../work/here.json",
        {},
    ),
    "a package's resource": (
        "from pack.inner import A",
        "pack/tables/a.json",
        {
            "pack/__init__.py": "",
            "pack/inner.py": "import json\nfrom importlib.resources import files\n"
            'A = json.loads((files(__package__) / "tables" / "a.json").read_text())["a"]',
        },
    ),
}


CACHED = """
    from pathlib import Path
    CACHE = Path(__file__).with_name("cache.pt")
    if not CACHE.exists():
        torch.save(1.0, CACHE)
    A = torch.load(CACHE)
"""


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """A folder of code, beside the current one."""
    (tmp_path / "own").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "own"


def put(file: Path, a: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".pt":
        torch.save({"a": a}, file)
    elif file.suffix == ".csv":
        file.write_text(f"{a},0\n")
    else:
        file.write_text(json.dumps({"a": a, "width": 4}))


def spec(own: Path, reading: str = "") -> RunSpec:
    if reading:
        (own / "rat.py").write_text(ACTIVATION.format(reading=reading))
    return RunSpec.make("train", {"activation": f"{own / 'rat.py'}:rat"})


@pytest.mark.parametrize(("reading", "name", "files"), READ.values(), ids=READ)
def test_what_an_activation_reads_counts(own, reading, name, files):
    for file, text in files.items():
        put(own / file, 0)
        (own / file).write_text(text)
    file = (own / name).resolve()
    put(file, 1.0)
    record = facts_of(spec(own, reading))
    assert str(file) in record["code"]
    assert staleness.state(record) == CURRENT
    put(file, 0.01)
    assert spec(own).group != record["group"]
    assert staleness.state(record) == CHANGED
    assert file.name in staleness.what_changed(record)
    file.unlink()
    assert staleness.state(record) == ELSEWHERE


def test_what_a_task_makes_its_network_of_counts(own):
    (own / "wine.py").write_text(TASK)

    def made() -> RunSpec:
        return RunSpec.make("train", {"task": f"{own / 'wine.py'}:wine", "activation": "relu"})

    Path("cfg.json").write_text('{"width": 16}')
    then = made()
    assert made().group == then.group
    Path("cfg.json").write_text('{"width": 5}')
    assert made().group != then.group


WAYS = READ["a path from a parent"][0]


def test_ids_do_not_depend_on_where_data_lie(own):
    """So a run is planned again with files that were handed over."""
    put(own / "coef.json", 1.0)
    record = facts_of(spec(own, WAYS))
    assert spec(Path(shutil.copytree(own, own.parent / "other"))).group == record["group"]
    (own / "coef.json").unlink()
    with pytest.raises(ValueError, match=r"coef\.json is not here, and .* holds no coef\.json"):
        planned_again(record)
    assert planned_again(record, code=own.parent / "other").id == record["id"]


def test_an_edit_of_data_makes_runs_stale_and_a_sweep_makes_them_again(own, monkeypatch, capsys):
    monkeypatch.setattr(session, "BEGAN", inf)
    monkeypatch.setenv("AFNLAB_RUNS", "runs")
    (own / "wine.py").write_text(TASK)
    (own / "rat.py").write_text(ACTIVATION.format(reading=WAYS))
    Path("cfg.json").write_text('{"width": 3}')
    put(own / "coef.json", 1.0)
    asked = {"task": f"{own / 'wine.py'}:wine", "activation": f"{own / 'rat.py'}:rat"}
    run = afnlab.runs.parameters(asked | {"seeds": [0, 1]})
    assert run.save(run.train()).startswith("kept as run")
    lines = [
        f"parameters: {{task: '{asked['task']}'}}",
        f"grid: {{activation: ['{own}/rat.py:rat']}}",
    ]
    Path("s.yaml").write_text("\n".join([*lines, "seeds: 2"]))

    def said(*command: str) -> str:
        assert main([*command]) == 0
        return capsys.readouterr().out

    assert "stale" not in said("runs", "list")
    assert "present" in said("sweep", "s.yaml", "--dry-run")
    put(own / "coef.json", 0.01)
    assert "stale" in said("runs", "list")
    dry = said("sweep", "s.yaml", "--dry-run", "--seeds", "3")
    assert "present" not in dry
    assert "0-2" in dry or "0, 1, 2" in dry


def test_a_training_is_not_kept_that_may_have_been_made_with_the_data_of_before(own, monkeypatch):
    """In a session: what a module has read once stays as it was then."""
    monkeypatch.setenv("AFNLAB_RUNS", "runs")
    (own / "wine.py").write_text(TASK)
    Path("cfg.json").write_text('{"width": 3}')
    run = afnlab.runs.parameters({"task": f"{own / 'wine.py'}:wine", "activation": "relu"})
    assert run.save(run.train()) == (
        "not saved: cfg.json has been edited since; restart the kernel; if this code writes it each"
        " time, write it under a name that ends in .tmp, .log or .db"
    )


def test_data_that_were_edited_while_a_run_was_made_fail_it(own):
    put(own / "coef.json", 1.0)
    manifest = spec(own, WAYS).code
    check(manifest, [])
    put(own / "coef.json", 2.0)
    with pytest.raises(RuntimeError, match=r"coef\.json was edited after this run was planned"):
        check(manifest, [])


def test_large_files_and_those_that_no_text_names_do_not_count(own, monkeypatch):
    put(own / "coef.json", 1.0)
    named = {f"{own / 'coef.json'}"}
    assert spec(own, WAYS).code.data == named
    monkeypatch.setattr(datafiles, "LARGEST", (own / "coef.json").stat().st_size - 1)
    assert spec(own).code.data == set()
    monkeypatch.undo()
    monkeypatch.chdir(own)
    assert spec(own, 'def f():\n    """coef.json"""\nA = 1').code.data == set()
    assert spec(own, 'A = 1 + 0 * len("co" + "ef.json")').code.data == set()


def test_what_the_code_only_writes_does_not_count(own):
    text = """
        from pathlib import Path
        A = 1.0
        with open(Path(__file__).parent / "log.txt", "a") as log:
            log.write("read")
    """
    then = spec(own, dedent(text))  # loads it
    assert (own / "log.txt").is_file()
    assert spec(own).group == then.group


def test_a_cache_counts_from_when_it_is_there(own):
    """An old one, or one that was edited, would change numbers, and nobody would see it."""
    then = spec(own, dedent(CACHED))  # loads it
    cached = spec(own)
    assert cached.code.data == {f"{own / 'cache.pt'}"}
    assert cached.group != then.group
    assert spec(own).group == cached.group
    torch.save(2.0, own / "cache.pt")
    assert spec(own).group != cached.group


def test_a_file_counts_though_another_one_of_its_name_is_written(own):
    put(own / "coef.json", 1.0)
    other = '(Path.home() / "results" / "coef.json").write_text("1")'
    text = f"from pathlib import Path\ndef keep():\n    {other}\n"
    read = 'A = len(Path(__file__).with_name("coef.json").read_text())'
    assert spec(own, text + read).code.data == {f"{own / 'coef.json'}"}


def test_a_hidden_file_that_is_written_does_not_count(own):
    put(own / ".cache", 1.0)
    text = 'P = Path(__file__).with_name(".cache")\nP.write_text("1.0")\nA = 1'
    assert spec(own, f"from pathlib import Path\n{text}").code.data == set()


def test_logs_and_databases_do_not_count(own):
    """However they are written: a name may come to what writes them by ways that nobody sees."""
    text = (
        'HERE = Path(__file__).parent\nclass C:\n    log = HERE / "calls.log"\nDB = HERE / "a.db"'
    )
    for name in ("calls.log", "a.db"):
        put(own / name, 1.0)
    assert spec(own, f"from pathlib import Path\n{text}\nA = 1").code.data == set()


@over(
    "reading, name",
    [
        ('def f(x):\n    raise ValueError("README.md")', "README.md"),
        ('def f(x):\n    assert x, "README.md"', "README.md"),
        ('def f(x):\n    print("README.md")\n    warnings.warn("README.md")', "README.md"),
        ('class C:\n    """README.md"""', "README.md"),
        ('def f(x):\n    return {"data": x}', "data"),
        ('def f(x):\n    x["data"] = x["data"][0]', "data"),
        ("def f(x):\n    return x.data", "data"),
    ],
)
def test_a_text_that_is_read_by_people_or_is_a_key_names_no_file(own, reading, name):
    put(own / name, 1.0)
    assert spec(own, f"{reading}\nA = 1").code.data == set()


@over(
    "reading, name",
    [
        ('A = len(Path(f"{os.path.dirname(__file__)}/tables/a.csv").read_text())', "tables/a.csv"),
        ('A = len(Path(os.path.dirname(__file__) + "/a.csv").read_text())', "a.csv"),
        ('A = sum(len((HERE / n).read_text()) * w for n, w in {"a.csv": 1}.items())', "a.csv"),
        ('NAMES = ["README.md"]\nA = 1', "README.md"),
        ('if not (HERE / "data").exists():\n    raise OSError("data")\nA = 1', "data"),
        (
            'A = len((HERE / "a.csv").read_text())\n'
            'def fit():\n    (HERE / "a.csv").write_text("1")\n'
            'if __name__ == "__main__":\n    fit()',
            "a.csv",
        ),
        (
            'A = len((HERE / "a.csv").read_text())\nD = {}\nD.update(b=2)\n'
            'def update():\n    (HERE / "a.csv").write_text("1")\n'
            'if __name__ == "__main__":\n    update()',
            "a.csv",
        ),
        (
            "import shutil, tempfile\nwith tempfile.TemporaryDirectory() as fast:\n"
            '    shutil.copy(HERE / "a.csv", Path(fast) / "a.csv")\n'
            '    A = len((Path(fast) / "a.csv").read_text())',
            "a.csv",
        ),
        ('with open(HERE / "a.csv", "r+") as file:\n    A = len(file.read())', "a.csv"),
        (
            'def saved(path):\n    return len(path.read_text())\nA = saved(HERE / "a.csv")',
            "a.csv",
        ),
        # Of which it cannot be told, or is not followed, whether it is this one that is written.
        (
            'def fit(folder):\n    (folder / "a.csv").write_text("1")\n'
            'A = len((HERE / "a.csv").read_text())',
            "a.csv",
        ),
        (
            'import sys\nREFIT = "--refit" in sys.argv\nTABLE = HERE / "a.csv"\n'
            'if REFIT:\n    TABLE.write_text("1")\nA = len(TABLE.read_text())',
            "a.csv",
        ),
        (
            "class Keeper:\n    def save(self, path):\n        return path.read_text()\n"
            'A = len(Keeper().save(HERE / "a.csv"))',
            "a.csv",
        ),
        (
            'path = HERE / "a.csv"\nA = len(path.read_text())\n'
            'path = Path.home() / "out" / "b.csv"\ndef f():\n    path.write_text("1")',
            "a.csv",
        ),
        ('A = 1\ndef f():\n    library.download_table(HERE / "a.csv")', "a.csv"),
        # A folder that is made may hold what is read.
        (
            'os.makedirs(HERE / "tables", exist_ok=True)\n'
            'A = sum(len(Path(f"{d.path}/b.csv").read_text()) for d in os.scandir(HERE)'
            ' if d.name[0] == "t")',
            "tables/b.csv",
        ),
    ],
)
def test_a_file_that_the_code_reads_counts(own, reading, name):
    put(own / name, 1.0)
    start = "import os\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"
    assert spec(own, start + reading).code.data == {f"{own / name}"}


KEEP = "def keep(path, text):\n    path.write_text(text)"


@over(
    "helper, reading",
    [
        (KEEP, 'from helper import keep\nkeep(HERE / "out.csv", "1")\nA = 1'),
        ('OUT = "out.csv"', "from helper import OUT\n(HERE / OUT).write_text('1')\nA = 1"),
        # One writes it and the other one reads it.
        (
            'from pathlib import Path\nP = Path(__file__).with_name("out.csv")\nP.write_text("1")',
            'import helper\nA = len((HERE / "out.csv").read_text())',
        ),
        (
            'from pathlib import Path\nP = Path(__file__).with_name("out.csv")\nP.write_text("1")',
            "from helper import P\nA = len(P.read_text())",
        ),
    ],
)
def test_what_a_helper_may_read_or_write_counts(own, helper, reading):
    (own / "helper.py").write_text(helper)
    put(own / "out.csv", 1.0)
    start = "from pathlib import Path\nHERE = Path(__file__).parent\n"
    assert spec(own, start + reading).code.data == {f"{own / 'out.csv'}"}


def test_a_run_that_has_written_its_own_data_says_so(own):
    """What a way of writing is that nobody sees in the code is seen while the run is made."""
    put(own / "coef.json", 1.0)
    made, path = spec(own, WAYS), str(own / "coef.json")
    check(made.code, [(path, "", WRITTEN)], made.data_now)  # as it was
    put(own / "coef.json", 2.0)
    with pytest.raises(
        RuntimeError, match=r"^\S+coef\.json counts as data, .* own code has written"
    ):
        check(made.code, [(path, "", WRITTEN)], made.data_now)
    with pytest.raises(RuntimeError, match=r"^\S+coef\.json was edited after this run was planned"):
        check(made.code, [(str(own / "other.json"), "", WRITTEN)], made.data_now)


def test_a_run_whose_own_code_makes_a_file_of_data_says_so(own):
    """Else it would be kept, and be stale from its first moment."""
    made, path = spec(own, "A = 1 if __file__ else open(['out.csv'][0])"), own / "out.csv"
    check(made.code, [(str(path), "", WRITTEN)], made.data_now)  # it is gone again
    put(path, 1.0)
    with pytest.raises(
        RuntimeError, match=r"out\.csv was written by this run's own code and count"
    ):
        check(made.code, [(str(path), "", WRITTEN)], made.data_now)
    with pytest.raises(RuntimeError, match=r"out\.csv was not there when .*; run it again"):
        check(made.code, [], made.data_now)  # which the run before it, say, has written


def test_nothing_is_run_of_a_task_that_has_written_a_cache_when_it_was_tried(own):
    """The ids that were planned before do not cover it; those that are planned next do."""
    text = TASK.replace("x, y =", "(FILE.exists() or FILE.write_text('1'))\n    x, y =")
    text = text.replace("WIDTH =", 'FILE = Path("cache.json")\nWIDTH =')
    (own / "wine.py").write_text(text)
    Path("cfg.json").write_text('{"width": 3}')

    def begun() -> object:
        given = {"task": f"{own / 'wine.py'}:wine", "activation": "relu"}
        with closing(Local().results([RunSpec.make("train", given)], Place(Path("runs")))) as runs:
            return next(runs)

    with pytest.raises(ValueError, match=r"^not begun: \S+cache\.json has appeared since"):
        begun()
    assert not Path("runs").exists()
    planned = RunSpec.make("train", {"task": f"{own / 'wine.py'}:wine", "activation": "relu"})
    require_planned_data(planned.code, planned.data_now)
    Path("cache.json").write_text("2")
    with pytest.raises(ValueError, match=r"cache\.json was edited since .* give the same command"):
        require_planned_data(planned.code, planned.data_now)
