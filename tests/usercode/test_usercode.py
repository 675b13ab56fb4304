"""A user's own activation, by `path/my.py:name` or `package.module:name`."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from afnlab import Param, activation, get_activation, list_activations, nn

X = torch.linspace(-3, 3, 13)
SOURCE = """
    import torch
    from afnlab import Param, activation

    @activation(latex="x / (1 + e^{-b x})", b=Param(1.5, low=0.1, high=5.0, domain="> 0"))
    def bent(x, b):
        '''Bent.'''
        return x * torch.sigmoid(b * x)

    def plain(x):
        return x
"""


def write(path: Path, source: str) -> Path:
    path.write_text(dedent(source))
    return path


@pytest.fixture
def my(tmp_path) -> Path:
    return write(tmp_path / "my.py", SOURCE)


def test_a_function_in_a_file(my):
    f = get_activation(f"{my}:bent")
    assert_close(f(X), X * torch.sigmoid(1.5 * X))
    assert_close(f(X, b=2), X * torch.sigmoid(2 * X))
    assert (f.name, f.label, f.key) == ("bent", "my.py:bent", f"{my}:bent")
    assert Path(f.file) == my
    assert "bent" not in list_activations()
    with pytest.raises(ValueError, match="bent: b must be > 0, got 0"):
        f(X, b=0)


def test_one_file_is_one_record(my, monkeypatch):
    f = get_activation(f"{my}:bent")
    monkeypatch.chdir(my.parent)
    assert get_activation("my.py:bent") is f
    assert get_activation(f) is f
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.deepcopy(f) is f


@pytest.mark.parametrize("trainable", [False, True])
def test_its_module(my, trainable):
    cls = nn.module_class(f"{my}:bent")
    assert cls is nn.module_class(f"{my}:bent")
    module = cls(b=2.0, trainable=trainable, num_features=13 if trainable else None)
    assert_close(module(X), X * torch.sigmoid(2 * X))
    for other in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert type(other) is cls
        assert_close(other(X), module(X), rtol=0, atol=0)
        assert_close(dict(other.state_dict()), dict(module.state_dict()))
    model = torch.nn.Sequential(torch.nn.Linear(13, 13), module)
    assert_close(copy.deepcopy(model)(X), model(X))


def test_a_module_is_unpickled_by_another_process(my, tmp_path):
    module = nn.make(f"{my}:bent", {"b": 2.0}, trainable=True)
    (tmp_path / "module.pickle").write_bytes(pickle.dumps(module))
    read = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).b.item())"
    command = [sys.executable, "-c", read, str(tmp_path / "module.pickle")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("2.0\n", 0), done.stderr


def test_an_edited_file_is_loaded_again(my):
    before = get_activation(f"{my}:bent")
    write(my, SOURCE.replace("Param(1.5", "Param(3.0"))
    after = get_activation(f"{my}:bent")
    assert after is not before
    assert_close(after(X), X * torch.sigmoid(3.0 * X))
    assert_close(before(X), X * torch.sigmoid(1.5 * X))
    assert nn.module_class(f"{my}:bent")().b == 3.0
    write(my, SOURCE)
    assert_close(get_activation(f"{my}:bent")(X), before(X))


def test_a_file_may_import_its_neighbours(tmp_path, monkeypatch):
    write(tmp_path / "own_neighbour_of_mine.py", "FACTOR = 7.0")
    mine = write(
        tmp_path / "mine.py",
        """
        from afnlab import activation
        from own_neighbour_of_mine import FACTOR

        @activation()
        def seven(x):
            return x * FACTOR
        """,
    )
    path = list(sys.path)
    assert_close(get_activation(f"{mine}:seven")(X), 7 * X)
    assert sys.path == path
    assert "own_neighbour_of_mine" not in sys.modules


def test_a_function_may_have_a_builtin_ones_name(tmp_path):
    mine = write(
        tmp_path / "mine.py",
        """
        from afnlab import activation

        @activation("GELU")
        def gelu(x):
            return 2 * x
        """,
    )
    own = get_activation(f"{mine}:gelu")
    assert_close(own(X), 2 * X)
    assert own.key == f"{mine}:gelu"
    assert get_activation("gelu") is not own
    module = nn.make(own)
    assert nn.module_class("gelu") is nn.GELU is not type(module)
    assert_close(pickle.loads(pickle.dumps(module))(X), 2 * X)


def test_a_function_in_a_package(tmp_path, monkeypatch):
    package = tmp_path / "own_package_of_mine"
    package.mkdir()
    write(package / "__init__.py", "")
    write(package / "constants.py", "FACTOR = 5.0")
    write(
        package / "functions.py",
        """
        from afnlab import activation
        from .constants import FACTOR

        @activation()
        def five(x):
            return x * FACTOR
        """,
    )
    monkeypatch.syspath_prepend(tmp_path)
    f = get_activation("own_package_of_mine.functions:five")
    assert_close(f(X), 5 * X)
    module = nn.make(f)
    assert_close(pickle.loads(pickle.dumps(module))(X), 5 * X)
    with pytest.raises(ValueError, match="unknown activation 'fife'; did you mean 'five'"):
        get_activation("own_package_of_mine.functions:fife")
    for name in [n for n in sys.modules if n.startswith("own_package_of_mine")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("{my}:bend", r"my\.py: unknown activation 'bend'; did you mean 'bent'\? \(known: bent\)"),
        ("{my}:plain", r"my\.py:plain: is a function, .*decorate it with @afnlab\.activation"),
        ("{my}:", r"my\.py: unknown activation ''"),
        ("{my}x.py:bent", r"my\.pyx\.py: no such file"),
        ("no_such_package.module:bent", "cannot import 'no_such_package.module'"),
        ("afnlab.functional:sreul", "unknown activation 'sreul'; did you mean 'srelu'"),
        (":bent", "bent"),
        ("{my}", r"my\.py: which function of it\? write .*my\.py:NAME"),
    ],
)
def test_a_wrong_reference_says_what_is_wrong(my, ref, message):
    with pytest.raises(ValueError, match=message):
        get_activation(ref.format(my=my))


def test_a_module_whose_file_lies_here_is_named_by_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hinge").mkdir()
    (tmp_path / "hinge" / "wave.py").write_text("")
    with pytest.raises(ValueError, match=r"; of the file here it is hinge/wave\.py:f$"):
        get_activation("hinge.wave:f")


def test_an_error_in_the_file_is_shown_and_not_remembered(tmp_path):
    mine = write(tmp_path / "mine.py", "1 / 0")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"mine\.py: ZeroDivisionError while loading it"):
            get_activation(f"{mine}:anything")
    write(mine, "def broken(:")
    with pytest.raises(ValueError, match="SyntaxError"):
        get_activation(f"{mine}:anything")
    write(mine, "import sys\nsys.exit(3)")  # a script that was not meant to be imported
    with pytest.raises(ValueError, match="SystemExit while loading it: 3"):
        get_activation(f"{mine}:anything")


def test_without_brackets():
    @activation
    def same(x):
        """Same."""
        return x

    assert (same.name, same.module, same.__doc__) == ("same", "Same", "Same.")
    assert_close(same(X), X)


def test_what_a_definition_may_hold():
    with pytest.raises(
        TypeError, match=r"unknown field 'a' .* must be a Param, such as Param\(0.5\)"
    ):
        activation(a=0.5)
    with pytest.raises(TypeError, match="unknown field 'latx'; did you mean 'latex'"):
        activation(latx="x")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"default": "1"}, "default must be a number"),
        ({"default": 5.0, "low": 0, "high": 1}, r"between low and high, got 5.0 and \[0, 1\]"),
        ({"default": 0, "domain": "> 0"}, "default must be > 0, got 0"),
        ({"default": 0, "domain": ">0"}, "unknown domain '>0'; did you mean '> 0'"),
    ],
)
def test_a_parameter_that_cannot_be(given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Param(**given)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda x: None, "must return a floating-point tensor, returned NoneType"),
        (lambda x: x > 0, "must return a floating-point tensor, returned a tensor of torch.bool"),
        (lambda x: x.sum(), r"must return a tensor of x's shape \(13,\), returned one of \(\)"),
    ],
)
def test_what_it_returns_is_looked_at(returned, message):
    with pytest.raises((ValueError, TypeError), match=message):
        activation(returned)(X)


def test_a_constant_of_float64_leaves_the_type():
    two = torch.tensor([2.0], dtype=torch.float64)
    f = activation(lambda x: two * x)
    assert f(X).dtype == torch.float32
    assert_close(f(X), 2 * X)


@pytest.mark.parametrize("number", [np.float32(2), np.int64(2), np.float64(2)])
def test_numpy_s_numbers(number):
    srelu = get_activation("srelu")
    assert_close(srelu(X, t=number), srelu(X, t=2.0))
    assert nn.SReLU(t=number).extra_repr() in ("t=2", "t=2.0")


# Neighbours: what lies beside a file, or in its package, is that file's alone.

VALUE = """
    from afnlab import activation
    {line}

    @activation
    def mine(x):
        return x * {name}
"""


def place(folder: Path, files: dict[str, str]) -> Path:
    """A folder with these files in it; the folder."""
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, source)
    return folder


def factor(ref: str) -> float:
    return get_activation(ref)(torch.ones(1)).item()


LAZY = """
    from afnlab import activation

    @activation
    def mine(x):
        {line}
        return x * {name}
"""
CALLED = ("import importlib", "NAME = importlib.import_module('helpers').SCALE")
LIB = "import sys; from pathlib import Path; sys.path.{}str(Path(__file__).parent / 'lib')); "
NEIGHBOURS = {
    "plain": ("my.py", VALUE, "import helpers", "helpers.SCALE", "helpers.py"),
    "from": ("my.py", VALUE, "from helpers import SCALE", "SCALE", "helpers.py"),
    "star": ("my.py", VALUE, "from helpers import *", "SCALE", "helpers.py"),
    "lazily, at call time": ("my.py", LAZY, "from helpers import SCALE", "SCALE", "helpers.py"),
    "a module of a package": ("my.py", VALUE, "import pkg.sub as s", "s.SCALE", "pkg/sub.py"),
    "by its whole name": ("my.py", VALUE, "import pkg.sub", "pkg.sub.SCALE", "pkg/sub.py"),
    "from a package": ("my.py", VALUE, "from pkg import sub", "sub.SCALE", "pkg/sub.py"),
    "a package itself": ("my.py", VALUE, "import pkg", "pkg.SCALE", "pkg/__init__.py"),
    "a folder without __init__": (
        "my.py",
        VALUE,
        "import bare.sub",
        "bare.sub.SCALE",
        "bare/sub.py",
    ),
    "importlib": ("my.py", VALUE, "; ".join(CALLED), "NAME", "helpers.py"),
    "importlib, at call time": ("my.py", LAZY, "; ".join(CALLED), "NAME", "helpers.py"),
    "__import__": ("my.py", LAZY, "h = __import__('helpers')", "h.SCALE", "helpers.py"),
    "exec": ("my.py", VALUE, "exec('import helpers')", "helpers.SCALE", "helpers.py"),
    "relative": ("pkg/my.py", VALUE, "from .sub import SCALE", "SCALE", "pkg/sub.py"),
    "relative, at call time": ("pkg/my.py", LAZY, "from . import sub", "sub.SCALE", "pkg/sub.py"),
    "relative, from above": (
        "pkg/in/my.py",
        VALUE,
        "from ..sub import SCALE",
        "SCALE",
        "pkg/sub.py",
    ),
    "absolute, in a package": ("pkg/my.py", VALUE, "import pkg.sub as s", "s.SCALE", "pkg/sub.py"),
    "beside, in a package": ("pkg/my.py", VALUE, "import sub", "sub.SCALE", "pkg/sub.py"),
    "a folder put on the path": (
        *("my.py", VALUE, LIB.format("insert(0, ") + "import libmod"),
        *("libmod.SCALE", "lib/libmod.py"),
    ),
    "a folder put on the path, later": (
        *("my.py", LAZY, LIB.format("append(") + "import libmod"),
        *("libmod.SCALE", "lib/libmod.py"),
    ),
    "of the standard library's name": ("my.py", VALUE, "import json", "json.SCALE", "json.py"),
    "of a library's name": ("my.py", VALUE, "import pandas", "pandas.SCALE", "pandas.py"),
}


@pytest.mark.parametrize("way", NEIGHBOURS)
def test_neighbours_of_one_name_are_each_their_own(tmp_path, way):
    file, template, line, name, neighbour = NEIGHBOURS[way]
    path, known = list(sys.path), {n for n in sys.modules if not n.startswith("afnlab.")}
    refs = []
    for folder, scale in (("A", -6.0), ("B", 2.0)):
        source = template.format(line=line, name=name)
        packages = {
            f"{p}/__init__.py": "" for p in ("pkg", "pkg/in") if f"{p}/" in file + neighbour
        }
        files = packages | {file: source, neighbour: f"SCALE = {scale}"}
        refs.append(f"{place(tmp_path / folder, files) / file}:mine")
    first = get_activation(refs[0])
    assert [factor(ref) for ref in (refs[1], refs[0], refs[1])] == [2.0, -6.0, 2.0]
    assert get_activation(refs[0]) is first
    write(tmp_path / "A" / neighbour, "SCALE = 5.0")
    assert [factor(ref) for ref in refs] == [5.0, 2.0]
    assert first(torch.ones(1)).item() == -6.0 or template is LAZY
    if "later" not in way:
        assert sys.path == path
    names = {n for n in sys.modules if not n.startswith("afnlab.")} - known
    assert not {n for n in names if str(tmp_path) in str(getattr(sys.modules[n], "__file__", ""))}
    sys.path[:] = path


def test_libraries_meet_the_standard_library_not_the_neighbours(tmp_path):
    names = ("random", "queue", "json", "torch_like")
    files = {f"{name}.py": "raise RuntimeError('a neighbour')" for name in names}
    place(tmp_path, files | {"my.py": VALUE.format(line="import torch, sklearn.svm", name="2")})
    assert factor(f"{tmp_path / 'my.py'}:mine") == 2


@pytest.mark.parametrize("name", ["itertools", "sys", "time", "os", "afnlab", "wandb_like"])
def test_what_no_neighbour_may_be(tmp_path, name):
    """As `python my.py` has it: built-in modules, and a mere folder of a library's name."""
    if name == "wandb_like":
        (tmp_path / "pandas").mkdir()
        line, name = "import pandas as it", "len(it.Series([1]))"
    else:
        place(tmp_path, {f"{name}.py": "raise RuntimeError('a neighbour')"})
        line, name = f"import {name} as it", "bool(it.__name__)"
    place(tmp_path, {"my.py": VALUE.format(line=line, name=name)})
    assert factor(f"{tmp_path / 'my.py'}:mine") == 1


CIRCLE = {
    "my.py": VALUE.format(line="import one", name="one.two.SCALE"),
    "one.py": "import two\nSCALE = 3",
    "two.py": "import one\nSCALE = 4",
}
CHAIN = {
    "my.py": VALUE.format(line="import one", name="one.SCALE"),
    "one.py": "from two import SCALE",
    "two.py": "from deep.three import SCALE",
    "deep/three.py": "SCALE = 4",
}
PARENT = {
    "my.py": VALUE.format(line="from pkg import SCALE", name="SCALE"),
    "pkg/__init__.py": "from .two import SCALE",
    "pkg/two.py": "from . import constants\nSCALE = constants.SCALE",
    "pkg/constants.py": "SCALE = 4",
}
PACKAGED = {
    "pkg/my.py": VALUE.format(line="from . import sub", name="sub.SCALE"),
    "pkg/__init__.py": "",
    "pkg/sub.py": "SCALE = 4",
}


@pytest.mark.parametrize(
    ("files", "edited"),
    [
        (CIRCLE, "two.py"),
        (CHAIN, "deep/three.py"),
        (PARENT, "pkg/constants.py"),
        (PACKAGED, "pkg/sub.py"),
    ],
    ids=["circle", "chain", "package", "relative"],
)
def test_neighbours_of_neighbours_are_loaded_anew(tmp_path, files, edited):
    place(tmp_path, files)
    ref = f"{tmp_path / next(iter(files))}:mine"
    before = get_activation(ref)
    assert (before(torch.ones(1)).item(), get_activation(ref)) == (4, before)
    source = (tmp_path / edited).read_text()
    write(tmp_path / edited, source.replace("SCALE = 4", "SCALE = 9"))
    assert (factor(ref), before(torch.ones(1)).item()) == (9, 4)
    write(tmp_path / edited, source)
    assert factor(ref) == 4


def test_a_neighbour_that_comes_later_counts(tmp_path):
    place(tmp_path, {"my.py": VALUE.format(line="import colorsys as c", name="len(dir(c))")})
    ref = f"{tmp_path / 'my.py'}:mine"
    assert factor(ref) > 9
    place(tmp_path, {"colorsys.py": "__dir__ = lambda: [1]"})
    assert factor(ref) == 1
    (tmp_path / "colorsys.py").unlink()
    assert factor(ref) > 9


SHARED = """
    import torch
    from afnlab import Recipe, Task, activation
    from helpers import Net, data

    def model(make):
        return Net(make)

    task = Task("own", data, model, Recipe(epochs=1, batch_size=8))
    made = Net(torch.nn.Identity)
"""
NET = """
    import torch
    import afnlab

    class Net(torch.nn.Module):
        def __init__(self, make):
            super().__init__()
            self.layer = torch.nn.Linear(2, 3)
            self.act = make()

    def data():
        return afnlab.Data(torch.zeros(4, 2), torch.zeros(4), torch.zeros(4, 2), torch.zeros(4))
"""


def test_classes_of_neighbours(tmp_path):
    """One class for all files of a folder, also in another process."""
    place(tmp_path, {"a.py": SHARED, "b.py": SHARED, "helpers.py": NET})
    from afnlab.usercode.private import module  # noqa: PLC0415

    one, two = module(tmp_path / "a.py"), module(tmp_path / "b.py")
    assert one.Net is two.Net
    assert isinstance(two.made, one.Net)
    assert pickle.loads(pickle.dumps(one.task.model)) is one.model
    torch.save(one.made, tmp_path / "net.pt")
    read = "import sys, torch; print(torch.load(sys.argv[1], weights_only=False).layer)"
    done = subprocess.run(
        [sys.executable, "-c", read, str(tmp_path / "net.pt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Linear(in_features=2" in done.stdout, done.stderr


@pytest.mark.parametrize("stem", ["my-idea", "my idea.v2", "a&b", "__init__", "ünï", "1st"])
def test_any_name_of_a_file(tmp_path, stem):
    folder = tmp_path / "a.b_c"
    place(
        folder,
        {f"{stem}.py": VALUE.format(line="from helpers import S", name="S"), "helpers.py": "S = 3"},
    )
    f = get_activation(f"{folder / stem}.py:mine")
    assert f(torch.ones(1)).item() == 3
    assert get_activation(f.lasting_key()) is pickle.loads(pickle.dumps(f)) is f


def test_threads_load_one_record(tmp_path):
    place(tmp_path, CHAIN | {"two.py": "import time\ntime.sleep(0.05)\nSCALE = 4"})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(get_activation, [f"{tmp_path / 'my.py'}:mine"] * 8))
    assert len({id(f) for f in found}) == 1


def test_an_error_in_a_neighbour_is_not_remembered(tmp_path):
    place(tmp_path, {"my.py": VALUE.format(line="import helpers", name="helpers.S")})
    ref = f"{tmp_path / 'my.py'}:mine"
    for source, message in (
        (None, "ModuleNotFoundError while loading it: No module named 'helpers'"),
        ("1 / 0", "ZeroDivisionError while loading it"),
        ("import nothing_like_it", "No module named 'nothing_like_it'"),
        ("def broken(:", "SyntaxError"),
    ):
        if source:
            write(tmp_path / "helpers.py", source)
        with pytest.raises(ValueError, match=message):
            get_activation(ref)
    write(tmp_path / "helpers.py", "S = 3")
    assert factor(ref) == 3


# A script that defines its activation and trains or sweeps itself.

HEAD = """
    import torch
    import afnlab
    from afnlab import activation, nn
    print("executed")

    @activation
    def mine(x):
        return torch.tanh(x)

"""
SMALL = "seeds=1, epochs=1, limit_train=64, limit_test=64, progress=False"
TRAIN = f"""
    print(len(afnlab.train('digits-mlp', __file__ + ':mine', {SMALL}).history))
"""
SAVES = """
    import io, pickle
    model = torch.nn.Sequential(nn.make(__file__ + ":mine"))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    print(type(again[0]) is type(model[0]), pickle.loads(pickle.dumps(mine)) is mine)
"""
SPAWNS = """
    if __name__ == "__main__":
        import multiprocessing
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(torch.nn.Module.__call__, [nn.make(mine), torch.zeros(2)]).tolist())
"""
LOADS = """
    if __name__ == "__main__":
        from torch.utils.data import DataLoader
        loader = DataLoader([nn.make(mine)], num_workers=1, multiprocessing_context="spawn",
                            collate_fn=len, batch_size=1)
        print(list(loader))
"""
CHILD = """
    import multiprocessing
    process = multiprocessing.get_context("spawn").Process(target=print)
    if __name__ == "__main__":
        process.start()
        process.join()
        print("ended", process.exitcode)
    else:
        afnlab.train("digits-mlp", mine)
"""
SCRIPTS = {
    "saves, loads and trains": (SAVES + TRAIN, ["executed", "True True", "1"], ""),
    "saves and loads": (SAVES, ["executed", "True True"], ""),
    "spawns, and loads data in workers": (
        SPAWNS + LOADS,
        ["executed", "executed", "[0.0, 0.0]", "executed", "[1]"],
        "",
    ),
    "trains in a child that only imports it": (
        *(CHILD, ["executed", "executed", "ended 1"]),
        "calls afnlab.train when it is imported",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "how"),
    [
        *((script, "script") for script in SCRIPTS if script != "saves and loads"),
        *(("saves and loads", how) for how in ("module", "stdin")),
    ],
)
def test_a_script_is_executed_once(tmp_path, script, how):
    body, said, error = SCRIPTS[script]
    if how == "stdin":
        body, said = body.replace('__file__ + ":mine"', "mine"), ["executed"]
        error = "PicklingError: mine: is defined in a notebook's cell or an interactive session"
    place(tmp_path, {"pkg/script.py": dedent(HEAD) + dedent(body), "pkg/__init__.py": ""})
    file = tmp_path / "pkg" / "script.py"
    words = {"script": [file], "module": ["-m", "pkg.script"], "stdin": ["-"]}[how]
    done = subprocess.run(
        [sys.executable, *words],
        input=file.read_text() if how == "stdin" else "",
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout.splitlines() == said, done.stderr
    assert error in done.stderr
    assert ("Error" in done.stderr) == bool(error), done.stderr


UNGUARDED = {
    "train": "afnlab.train('digits-mlp', mine)",
    "train itself": "afnlab.train('digits-mlp', __file__ + ':mine')",
    "scan": "from afnlab.training.scan import scan; scan('digits-mlp', mine, 'b', [1.0])",
    "sweep": "afnlab.runs.sweep({'grid': {'activation': [__file__ + ':mine']}}, runs='runs')",
    "execute": "afnlab.runs.execute(afnlab.runs.RunSpec.make('train', {}), 'runs')",
    "command": "from afnlab.cli import main; main(['sweep', 'small', '--runs', 'runs'])",
    "run command": "from afnlab.cli import main; main(['run', 'train', '--runs', 'runs'])",
}


@pytest.mark.parametrize("by", ["file", "neighbour", "package"])
@pytest.mark.parametrize("what", UNGUARDED)
def test_what_is_imported_for_what_it_defines_starts_nothing(tmp_path, monkeypatch, what, by):
    monkeypatch.chdir(tmp_path)
    place(tmp_path, {"swept_by_itself.py": dedent(HEAD) + UNGUARDED[what]})
    place(tmp_path, {"my.py": "from swept_by_itself import mine"})
    monkeypatch.syspath_prepend(tmp_path)
    ref = {"file": "swept_by_itself.py", "neighbour": "my.py", "package": "swept_by_itself"}[by]
    message = r'calls .* put that call below `if __name__ == "__main__":`'
    with pytest.raises(ValueError, match=message):
        get_activation(f"{ref}:mine")
    assert not (tmp_path / "runs").exists()
    sys.modules.pop("swept_by_itself", None)


def of_cell(source: str, file: str) -> dict:
    """What a cell, a prompt or `exec` has defined."""
    names = {"__name__": "__main__"}
    exec(compile(dedent(source), file, "exec"), names)
    return names


CELL = """
    from afnlab import activation

    @activation
    def mine(x):
        return x.tanh()
"""


@pytest.mark.parametrize("file", ["<stdin>", "<string>", "<ipython-input-1>", "/tmp/ipy_1/2.py"])
def test_what_no_other_process_finds_is_not_pickled(tmp_path, file):
    mine = of_cell(CELL, file)["mine"]
    model = torch.nn.Sequential(nn.make(mine))
    advice = r"mine: is defined in a notebook's cell .* put it into a file \(my\.py\) and refer"
    for what in (mine, model):
        with pytest.raises(pickle.PicklingError, match=advice):
            pickle.dumps(what)
    with pytest.raises(pickle.PicklingError, match=advice):
        torch.save(model, tmp_path / "model.pt")
    assert_close(copy.deepcopy(model)(X), X.tanh())
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    assert_close(mine(X), X.tanh())


@pytest.mark.parametrize(
    "source",
    [
        "def make():\n    return activation(mine)\ndef mine(x):\n    return x\nit = make()",
        "def mine(x):\n    return x\nit = activation(mine)",
        "it = activation(lambda x: x)",
        "@activation\ndef mine(x):\n    return x\nit = mine\ndel mine",
    ],
    ids=["made by a function", "another name", "lambda", "deleted"],
)
def test_what_its_file_does_not_hold_is_not_pickled(tmp_path, source):
    from afnlab.usercode.private import module  # noqa: PLC0415

    file = write(tmp_path / "my.py", f"from afnlab import activation\n{source}")
    with pytest.raises(pickle.PicklingError, match=r"my\.py, but not as .* at its top level"):
        pickle.dumps(module(file).it)
