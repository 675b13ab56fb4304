"""Sweeps: files with errors that name the line, and runs that are made once."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import threading
from pathlib import Path
from textwrap import dedent

import pytest

import afnlab
from afnlab.cli import main
from afnlab.runs import RunSpec, records, sweep
from afnlab.runs.execution import RunFailed
from afnlab.runs.sweeps import progress, sweep_file
from afnlab.runs.sweeps.pending import standings, too_few
from afnlab.runs.sweeps.sweep_file import SweepError, read
from tests.runs.test_runs import SMALL, notebook, small_runs

pytestmark = pytest.mark.usefixtures("one_server")


def write(path: Path, text: str) -> Path:
    path.write_text(dedent(text))
    return path


def labels(specs) -> list[str]:
    return [spec.training.label for spec in specs]


def test_the_default_sweep():
    specs = read("default").specs()
    elementwise = {n for n in afnlab.list_activations() if afnlab.get_activation(n).elementwise}
    newer = {"celu", "gelu_tanh", "logsigmoid", "relu_squared", "sine", "threshold", "xielu"}
    assert len(specs) == 31
    assert set(labels(specs)) == elementwise - newer
    assert {spec.seeds for spec in specs} == {tuple(range(12))}
    assert {spec.training.task.name for spec in specs} == {"digits-mlp"}


@pytest.mark.parametrize("name", [p.stem for p in afnlab.paths.shared("sweeps").glob("*.yaml")])
def test_every_committed_sweep(name):
    plan = read(name)
    assert plan.title
    assert (plan.baseline or "relu") in labels(plan.specs())


def test_a_grid(tmp_path):
    file = write(
        tmp_path / "my.yaml",
        """\
        title: Mine
        parameters: {task: digits-mlp, epochs: 3, lr: 0.01}
        grid:
          activation:
            - relu
            - srelu: {t: [1.0, 2.21]}
            - elu: {alpha: 2.0, trainable: true}
            - silu
            - swish
          init: [source, gain]
        seeds: [4, 2]
        """,
    )
    plan = read(file)
    assert (plan.name, plan.title) == ("my", "Mine")
    specs = plan.specs()
    assert labels(specs) == [
        "relu(lr=0.01)",
        "relu(init=gain, lr=0.01)",
        "srelu(lr=0.01, t=1)",
        "srelu(init=gain, lr=0.01, t=1)",
        "srelu(lr=0.01)",
        "srelu(init=gain, lr=0.01)",
        "elu(alpha=2, lr=0.01, trainable=alpha)",
        "elu(alpha=2, init=gain, lr=0.01, trainable=alpha)",
        "swish(lr=0.01)",
        "swish(init=gain, lr=0.01)",
    ]
    assert {(s.training.epochs, s.seeds) for s in specs} == {(3, (2, 4))}


def test_overrides(tmp_path):
    file = write(tmp_path / "my.yaml", "parameters: {epochs: 3}\ngrid: {activation: [relu]}\n")
    (spec,) = read(file).specs(epochs=2, seeds=[5], limit_train=100, limit_test=None)
    assert (spec.training.epochs, spec.seeds) == (2, (5,))
    assert (spec.training.limit_train, spec.training.limit_test) == (100, None)


def test_an_override_of_none_leaves_the_grid(tmp_path):
    file = write(tmp_path / "my.yaml", "grid: {activation: [relu], epochs: [1, 2]}\n")
    assert [s.training.epochs for s in read(file).specs(epochs=None)] == [1, 2]
    assert [s.training.epochs for s in read(file).specs(epochs=7)] == [7]


def test_seeds_in_a_grid_are_not_dropped(tmp_path):
    file = write(tmp_path / "my.yaml", "grid: {activation: [relu], seeds: [[0, 1], [2]]}\n")
    try:
        specs = read(file).specs()
    except SweepError as error:
        assert "line 1" in str(error)
    else:
        assert sorted(seed for s in specs for seed in s.seeds) == [0, 1, 2]


OWN = """\
import torch
from afnlab import Param, activation

@activation(b=Param(1.0))
def bent(x, b):
    return x * torch.sigmoid(b * x)
"""


def test_an_own_activation_beside_the_sweep_file(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "my.py").write_text(OWN)
    grid = "grid:\n  activation:\n    - my.py:bent\n    - my.py:bent: {b: 2.0}\n    - relu\n"
    file = write(tmp_path / "there" / "my.yaml", grid)
    monkeypatch.chdir(tmp_path)
    for ref in (file, Path("there/my.yaml")):
        specs = read(ref).specs()
        assert labels(specs) == ["my.py:bent", "my.py:bent(b=2)", "relu"]
        assert specs[0].parameters["activation"] == f"{tmp_path / 'there' / 'my.py'}:bent"


def test_a_notebook_beside_the_sweep_file(tmp_path):
    notebook(tmp_path / "mine.ipynb", "x: int = 1", "x")
    file = write(tmp_path / "my.yaml", "notebook: mine.ipynb\ngrid: {x: [1, 2]}\n")
    specs = read(file).specs()
    assert [s.normal for s in specs] == [{"x": 1}, {"x": 2}]
    assert specs[0].notebook == tmp_path / "mine.ipynb"


# What is wrong: (the file, the line of the mistake, what the message says).
WRONG = {
    "key": ("grid: {activation: [relu]}\nseed: 3\n", 2, "'seed'; did you mean 'seeds'"),
    "key-known": (
        "title: x\ncolour: 3\n",
        2,
        "known: title, baseline, notebook, parameters, tune, grid, zip, seeds",
    ),
    "twice": ("grid:\n  lr: [1]\ngrid:\n  lr: [2]\n", 3, "the key 'grid' stands twice"),
    "twice-inside": ("grid:\n  lr: [1]\n  lr: [2]\n", 3, "the key 'lr' stands twice"),
    "number-key": ("title: x\n3: 3\n", 2, "the key 3 must be a text"),
    "no-mapping": ("hello\n", 1, "must be a mapping with the keys title, baseline, notebook"),
    "baseline": (
        "title: x\nbaseline: rleu\ngrid:\n  activation: [relu, elu]\n",
        2,
        "unknown baseline 'rleu'; did you mean 'relu'",
    ),
    "baseline-number": ("title: x\nbaseline: 3\n", 2, "baseline must be a text"),
    "baseline-row": (
        "grid: {activation: [relu]}\nbaseline: relu(lr=2)\n",
        2,
        "unknown baseline 'relu\\(lr=2\\)'",
    ),
    "baseline-of-no-training": (
        "notebook: plot\nbaseline: relu\n",
        2,
        "baseline is only for notebooks that train .*; plot.ipynb does not: leave it out",
    ),
    "tab": ("grid:\n\tactivation: [relu]\n", 2, "cannot start any token"),
    "bracket": ("title: x\ngrid:\n  activation: [relu\n", 4, "expected ',' or ']'"),
    "two-documents": ("grid: {}\n---\ngrid: {}\n", 2, "another document"),
    "tag": ("grid:\n  activation: [!foo x]\n", 2, "!foo"),
    "notebook": ("title: x\nnotebook: trian\n", 2, "'trian'; did you mean 'train'"),
    "notebook-number": ("title: x\nnotebook: 3\n", 2, "notebook must be a text"),
    "grid-list": ("title: x\ngrid: [relu]\n", 2, "grid must be a mapping"),
    "parameters-list": ("title: x\nparameters: [1]\n", 2, "parameters must be a mapping"),
    "no-list": ("grid:\n  lr: [1]\n  activation: relu\n", 3, "'activation' must be a list .*elem"),
    "empty-list": ("grid:\n  activation: [relu]\n  lr: []\n", 3, "'lr' must be a list with"),
    "activation": (
        "grid:\n  activation:\n    - relu\n    - sreluu\n",
        4,
        "unknown activation 'sreluu'; did you mean 'srelu'",
    ),
    "activation-with": (
        "grid:\n  lr: [0.1]\n  activation:\n    - relu\n    - sreluu: {t: 1}\n",
        5,
        "unknown activation 'sreluu'; did you mean 'srelu'",
    ),
    "its-parameter": (
        "grid:\n  activation:\n    - relu\n    - srelu:\n        t: 1\n        q: 2\n",
        6,
        "unknown parameter 'q'",
    ),
    "its-value": (
        "grid:\n  lr: [0.1]\n  activation:\n    - relu\n    - srelu: {t: -1}\n",
        5,
        "t must be > 0, got -1",
    ),
    "its-trainable": (
        "grid:\n  lr: [0.1]\n  activation:\n    - srelu: {trainable: [q]}\n",
        4,
        "trainable: srelu: unknown parameter 'q'",
    ),
    "its-no-mapping": ("grid:\n  lr: [1]\n  activation:\n    - srelu: 3\n", 4, "srelu"),
    "its-list": ("grid:\n  lr: [1]\n  activation:\n    - srelu: [1, 2]\n", 4, "srelu"),
    "its-empty-list": ("grid:\n  lr: [1]\n  activation:\n    - srelu: {t: []}\n", 4, "t"),
    "null": ("grid:\n  activation:\n    - relu\n    - null\n", 4, "'activation' must be a text"),
    "nested": ("grid:\n  activation:\n    - relu\n    - [elu]\n", 4, "'activation' must be a text"),
    "grid-value": ("grid:\n  activation: [relu]\n  lr:\n    - 0.1\n    - -0.1\n", 5, "got -0.1"),
    "grid-word": (
        "grid:\n  activation: [relu]\n  split: [test, validaton]\n",
        3,
        "split must be one of test, validation; got 'validaton'",
    ),
    "task": ("parameters:\n  task: digit-mlp\n", 2, "'digit-mlp'; did you mean 'digits-mlp'"),
    "parameter": ("grid: {}\nparameters:\n  epoch: 3\n", 3, "'epoch'; did you mean 'epochs'"),
    "type": ("parameters:\n  epochs: ten\n", 2, "'epochs' must be a whole number, got 'ten'"),
    "negative": ("parameters:\n  task: digits-mlp\n  epochs: -2\n", 3, "'epochs' must be 0 or m"),
    "dtype": (
        "parameters:\n  seeds: 2\n  dtype: half\n",
        3,
        "one of float32, float64, bfloat16; got 'half'",
    ),
    "device": ("parameters:\n  seeds: 2\n  device: gpu\n", 3, "device 'gpu' is not available"),
    "lr": (
        "grid:\n  activation: [relu]\nparameters:\n  lr: -1\n",
        4,
        "lr must be a number above 0",
    ),
    "init": (
        "grid:\n  activation: [relu]\nparameters:\n  init: gian\n",
        4,
        "init must be one of source, gain, critical; got 'gian'",
    ),
    "record": (
        "grid:\n  activation: [relu]\nparameters:\n  record: [stps]\n",
        4,
        "unknown record 'stps'; did you mean 'steps'",
    ),
    "out": ("grid:\n  activation: [relu]\nparameters:\n  out: x\n", 4, "'out' is set by afnlab"),
    "seeds": ("grid:\n  activation: [relu]\nseeds: -1\n", 3, "seeds must be .* 1 or more; got -1"),
    "seeds-text": ("grid:\n  activation: [relu]\nseeds: many\n", 3, "seeds must be .* 'many'"),
    "own": ("grid:\n  activation:\n    - relu\n    - absent.py:f\n", 4, "absent.py: no such file"),
    "alias": ("title: x\ngrid: &a\n  activation: [*a]\n", 3, "a"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_the_file_and_the_line(tmp_path, name):
    text, line, message = WRONG[name]
    file = tmp_path / "my.yaml"
    file.write_text(text)
    with pytest.raises(SweepError, match=message) as error:
        read(file).specs()
    assert str(error.value).startswith(f"{file}, line {line}: ")


@pytest.mark.parametrize("name", WRONG)
def test_at_the_command_line_they_are_one_line_and_nothing_runs(tmp_path, name, capsys):
    text, line, _ = WRONG[name]
    (tmp_path / "my.yaml").write_text(text)
    assert main(["sweep", str(tmp_path / "my.yaml"), "--runs", str(tmp_path / "runs")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"afnlab: {tmp_path / 'my.yaml'}, line {line}: ")
    assert [p.name for p in tmp_path.iterdir()] == ["my.yaml"]


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "my.yaml").write_bytes(b"title: \xe9\n")
    with pytest.raises(SweepError, match=rf"^{tmp_path / 'my.yaml'}"):
        read(tmp_path / "my.yaml")


def test_sweeps_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="unknown sweep 'defualt'; did you mean 'default'"):
        read("defualt")
    with pytest.raises(ValueError, match=r"absent\.yaml: no such file"):
        read(tmp_path / "absent.yaml")


@pytest.fixture
def runs(tmp_path) -> Path:
    return shutil.copytree(small_runs(), tmp_path / "runs")


GRID = {"activation": ["relu", "srelu"]}


def test_what_is_there_is_not_run_again(runs):
    said = []
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=GRID, seeds=2)
    outcome = sweep(plan, runs=runs, report=said.append)
    assert said == ["mine: 2 runs, 2 present, 0 to do"]
    assert labels(outcome.there) == ["relu", "srelu"]
    assert not outcome.added
    assert not outcome.failed


@pytest.mark.parametrize(
    ("seeds", "left"), [(2, None), (1, None), (4, (2, 3)), ([1, 7], (7,)), ([8, 9], (8, 9))]
)
def test_only_missing_seeds_are_left(runs, seeds, left):
    spec = RunSpec.make("train", {"activation": "relu", "epochs": 2, "seeds": seeds})
    (standing,) = standings([spec], runs)
    if left is None:
        assert standing.left is None
    else:
        assert (standing.left.seeds, standing.left.group) == (left, spec.group)
    (nowhere,) = standings([spec], runs.parent / "nowhere")
    assert nowhere.left.seeds == spec.seeds


FAILS = OWN.replace("return x *", "assert x.shape[-1] != 32, 'too narrow'\n    return x *")


# jupyter_client leaves the event loop of each thread that ran a notebook to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed (event loop|<socket):ResourceWarning")
def test_a_sweep_runs_what_is_missing_and_goes_on_after_a_failure(runs, tmp_path):
    (tmp_path / "my.py").write_text(FAILS)
    grid = {"activation": ["relu", f"{tmp_path / 'my.py'}:bent", "srelu"]}
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=grid, seeds=3)
    before = {r["id"] for r in records(runs)}
    said: list[str] = []
    outcome = sweep(plan, runs=runs, jobs=2, report=said.append)
    assert outcome.there == []
    assert len(outcome.added) == 2
    new = [r for r in records(runs) if r["id"] not in before]
    assert [r["seeds"] for r in new] == [[2], [2]]
    assert {runs / r["id"] for r in new} == set(outcome.added)
    ((spec, error),) = outcome.failed
    folder = error.folder
    assert spec.training.label == "my.py:bent"
    assert str(error) == "AssertionError: too narrow"
    assert error.link == (folder / "notebook.ipynb").as_uri()
    assert folder == runs / ".failed" / spec.id
    assert "too narrow" in json.dumps((folder / "notebook.ipynb").read_text())
    assert said[0] == "mine: 3 runs, 0 present, 3 to do"
    assert len([s for s in said if "FAILED, AssertionError: too narrow" in s]) == 1
    assert len([s for s in said if "test accuracy" in s and "over 1 seed," in s]) == 2
    assert {p.name for p in runs.iterdir()} == {".failed", *before, *(r["id"] for r in new)}
    table = afnlab.runs.load(runs)
    assert table.groupby("activation").seed.unique().map(sorted).to_dict() == {
        "relu": [0, 1, 2],
        "srelu": [0, 1, 2],
    }
    assert not any(standing.left for standing in standings(plan.specs()[::2], runs))
    gc.collect()


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, as its only element."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_say_how_far_it_is(capsys, clock):
    with progress.Progress("mine", 3, lambda: 2) as shown:
        clock[0] = 30.0
        shown.ended("a", "well", failed=False)
        clock[0] = 60.0
        shown.ended("b", "FAILED, x", failed=True)
        clock[0] = 400.0
        shown.ended("c", "well", failed=False)
    lines = ["[1/3] a: well; 60 s left", "[2/3] b: FAILED, x; 30 s left", "[3/3] c: well"]
    assert capsys.readouterr().out.splitlines() == lines
    assert [progress.spoken(s) for s in (7.4, 600, 36000)] == ["7 s", "10 min", "10.0 h"]


@pytest.fixture
def log(monkeypatch) -> logging.Logger:
    """The logger of the library, put back as it was."""
    found = logging.getLogger("afnlab")
    level = found.level
    monkeypatch.setattr(found, "handlers", list(found.handlers))
    monkeypatch.setattr(found, "propagate", found.propagate)
    yield found
    found.setLevel(level)


ROUTES = {  # what a program says of the logger, and whether lines are printed and logged
    "as it is": (lambda log, mine: None, True, False),
    "silenced": (lambda log, mine: log.setLevel(logging.WARNING), False, False),
    "off": (lambda log, mine: log.setLevel(logging.CRITICAL + 1), False, False),
    "routed": (lambda log, mine: setattr(log, "handlers", [mine]), False, True),
    "both": (lambda log, mine: log.addHandler(mine), True, True),
}


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("case", ROUTES)
def test_lines_can_be_routed_and_silenced(case, watched, log, runs, capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: watched, raising=False)
    route, printed, logged = ROUTES[case]
    lines: list[str] = []
    mine = logging.Handler()
    mine.emit = lambda record: lines.append(record.getMessage())
    route(log, mine)
    line = "a\\x1b: well" if watched else "[1/1] a\\x1b: well"
    expected = ["mine: 2 runs, 2 present, 0 to do", line]
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=GRID, seeds=2)
    afnlab.runs.sweep(plan, runs=runs)
    with progress.Progress("mine", 1, lambda: 1) as shown:
        shown.ended("a\x1b", "well", failed=False)
    out, err = capsys.readouterr()
    assert ("1 of 1 done" in err) == (watched and case not in ("silenced", "off"))
    assert out.splitlines() == (expected if printed else [])
    assert lines == (expected if logged else [])


def test_lines_of_a_call_go_where_it_says(log, runs, capsys):
    said: list[str] = []
    log.setLevel(logging.WARNING)
    plan = sweep_file.Sweep("mine", parameters={"epochs": 2}, grid=GRID, seeds=2)
    afnlab.runs.sweep(plan, runs=runs, report=said.append)
    assert said == ["mine: 2 runs, 2 present, 0 to do"]
    assert capsys.readouterr() == ("", "")


def test_a_bar_where_someone_looks(capsys, clock, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with progress.Progress("mine", 3, lambda: 2) as shown:
        assert shown.words() == "0 of 3 done, 2 running"
        clock[0] = 10.0
        shown.ended("a", "well", failed=False)
        assert shown.words() == "1 of 3 done, 2 running, 20 s left"
        clock[0] = 15.0
        assert shown.words() == "1 of 3 done, 2 running, 15 s left"
        clock[0] = 20.0
        shown.ended("b", "FAILED, x", failed=True)
        assert shown.words() == "1 of 3 done, 1 running, 1 failed, 10 s left"
        shown.ended("c", "well", failed=False)
    out, err = capsys.readouterr()
    assert "a: well\nb: FAILED, x\nc: well\n" in out
    assert "| 1 of 3 done, 1 running, 1 failed, 10 s left" in err
    assert err.rstrip().endswith("| 2 of 3 done, 1 failed, in 20 s")


def test_a_bar_moves_while_nothing_ends(capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    running, seen = [0], threading.Event()

    def count() -> int:
        if running[0]:
            seen.set()
        return running[0]

    with progress.Progress("mine", 3, count):
        running[0] = 2
        assert seen.wait(60)
    assert "0 of 3 done, 2 running" in capsys.readouterr().err


def test_a_bar_in_a_notebook_is_a_page(clock):
    with progress.Progress("a < b", 4, lambda: 1, print) as shown:
        shown.ended("a", "well", failed=False)
        shown.ended("b", "FAILED, x", failed=True)
        page = "".join(progress.page_of(shown))
    assert "<b>a &lt; b</b>" in page
    assert 'aria-valuenow="2"' in page
    assert page.count("width: 25.00%") == 3
    assert "1 of 4 done, 1 running, 1 failed" in page


def test_what_a_sweep_returns_is_short_to_read(runs):
    outcome = sweep({"parameters": {"epochs": 2}, "grid": GRID, "seeds": 2}, runs=runs)
    assert repr(outcome) == "2 present, 0 added, 0 failed"


@pytest.mark.parametrize("jobs", [0, -1, 1.5])
def test_jobs_that_are_not_allowed(tmp_path, jobs):
    with pytest.raises(ValueError, match="jobs must be a whole number, 1 or more"):
        sweep("small", runs=tmp_path, jobs=jobs, **SMALL)


def test_many_runs_are_announced_before_they_are_looked_up(monkeypatch):
    said: list[str] = []
    plan = sweep_file.read({"grid": {"lr": [0.1, 0.2], "batch_size": [8, 16]}})
    assert len(plan.specs(report=said.append)) == 4
    assert said == []
    monkeypatch.setattr(sweep_file, "_MANY", 4)
    plan.specs(report=said.append)
    assert said == ["sweep: 4 runs; looking up what each of them is"]


def test_what_runs_reach_is_looked_up_once_for_all_alike(monkeypatch):
    from afnlab.runs.fingerprint import manifest  # noqa: PLC0415

    looked: list[object] = []
    look = manifest._manifest_of
    monkeypatch.setattr(manifest, "_manifest_of", lambda *a: looked.append(a) or look(*a))
    plan = {"grid": {"lr": [0.1, 0.2, 0.3], "activation": ["relu", "srelu"]}}
    first = sweep_file.read(plan).specs()
    assert len(looked) == 2
    assert [spec.id for spec in first] == [
        RunSpec.make("train", {"lr": lr, "activation": name}).id
        for lr in (0.1, 0.2, 0.3)
        for name in ("relu", "srelu")
    ]
    sweep_file.read(plan).specs()
    assert len(looked) == 2 + 6 + 2  # nothing is remembered beyond a plan


FEW = {  # activations, tasks, seeds; what is said of the tasks
    "enough": (["relu", "gelu"], ["digits-mlp"], 6, []),
    "too few for one": (
        ["relu", "gelu"],
        ["digits-mlp"],
        5,
        [
            "digits-mlp: with 5 seeds and 1 comparison no difference can pass a test at 5 %;"
            " that takes 6 seeds"
        ],
    ),
    "too few for eleven": (
        ["relu", "gelu", "elu", "selu", "tanh", "mish", "swish", "srelu", "apec", "mapec"],
        ["digits-mlp", "breast-cancer"],
        7,
        [
            "digits-mlp and breast-cancer: with 7 seeds and 9 comparisons no difference can pass a"
            " test at 5 %; that takes 9 seeds"
        ],
    ),
    "nothing to compare": (["relu"], ["digits-mlp"], 1, []),
}


@pytest.mark.parametrize("case", FEW)
def test_what_no_test_can_decide_is_said_before_training(case):
    activations, tasks, seeds, said = FEW[case]
    content = {"grid": {"activation": activations, "task": tasks}, "seeds": seeds}
    assert too_few(read(content).specs()) == said


@pytest.mark.parametrize(("seeds", "notes"), [(2, 1), (6, 0)])
def test_a_sweep_says_at_its_start_that_nothing_can_be_decided(seeds, notes, tmp_path):
    """Where nothing is left to run it is not said, as the tests above have it."""
    said: list[str] = []
    content = {"grid": {"activation": ["relu", "gelu"]}, "seeds": seeds}

    class Nothing:
        here, running = True, 0

        def results(self, specs, _):
            said.append("begin")
            yield from ((spec, RunFailed("stopped", tmp_path)) for spec in specs)

    sweep(content, runs=tmp_path / "runs", executor=Nothing(), report=said.append)
    before = said[: said.index("begin")]
    assert (
        sum("no difference can pass a test" in line for line in before) == notes == len(before) - 1
    )
