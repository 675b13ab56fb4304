"""The command line: exit statuses, and one clear line for what went wrong."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

import afnlab
from afnlab import lab
from afnlab.cli import main
from afnlab.cli.entry import _makes_errors
from afnlab.runs import RunFailed, load, records
from afnlab.runs.sweeps.local_executor import Local
from afnlab.runs.sweeps.run_sweep import _said
from afnlab.training import files
from tests.report.test_report import SWEEP
from tests.runs.test_runs import rewrite, small_runs

pytestmark = pytest.mark.usefixtures("one_server")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> Path:
    """Commands run in an empty folder, without the user's settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("AFNLAB_RUNS", "AFNLAB_DEBUG", "AFNLAB_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def two(tmp_path) -> str:
    (tmp_path / "two.yaml").write_text(SWEEP)
    return "two.yaml"


@pytest.fixture
def runs(tmp_path) -> Path:
    return shutil.copytree(small_runs(), tmp_path / "runs")


def test_list(capsys):
    assert main(["list"]) == 0
    parts = capsys.readouterr().out.split("\n\n")
    kinds = ["activations", "tasks", "parameters", "sweeps", "notebooks"]
    assert [p.splitlines()[0] for p in parts] == [f"{kind}:" for kind in kinds]
    rows = [dict(line.split(maxsplit=1) for line in p.splitlines()[1:]) for p in parts]
    assert list(rows[0]) == list(afnlab.list_activations())
    assert rows[0]["relu"] == "max(0, x)"
    assert list(rows[1]) == list(afnlab.list_tasks())
    assert rows[2]["lr"] == "a number above 0 (default: the task's)"
    assert rows[3]["small"] == "A small trial on handwritten digits"
    assert rows[4]["train"] == "Train an activation"
    assert rows[4]["report"] == "The report of runs, as `afnlab report` writes it"
    assert "index" not in rows[4]


@pytest.mark.parametrize("what", ["activations", "tasks", "parameters", "sweeps", "notebooks"])
def test_list_one_kind(what, capsys):
    assert main(["list", what]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head == f"{what}:"
    assert len(rows) > 5
    assert all(row.startswith("  ") for row in rows)


def test_list_long(capsys):
    assert main(["list", "activations", "--long"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    at = next(i for i, line in enumerate(lines) if line.startswith("srelu "))
    assert lines[at + 1] == "nn.SReLU(t=2.21)"
    assert main(["list", "tasks", "--long"]) == 0
    out = capsys.readouterr().out
    assert "epochs 40, batch_size 64, lr 0.001, weight_decay 0.0001, optimizer adamw\n" in out
    assert ", optimizer adamw, cell rnn, auto_rot false, L 2\n" in out
    assert main(["list", "parameters", "--long"]) == 0
    assert "a factor on the initial weights" in capsys.readouterr().out


def test_version_and_help(capsys):
    for flag, word in (("--version", f"afnlab {afnlab.__version__}"), ("--help", "COMMAND")):
        with pytest.raises(SystemExit) as stop:
            main([flag])
        assert stop.value.code == 0
        assert word in capsys.readouterr().out


USAGE = {
    "nothing": ([], "the following arguments are required: COMMAND"),
    "command": (["swep"], "unknown command 'swep'; did you mean 'sweep'?"),
    "notebook": (["plot"], "plot is a notebook: afnlab run plot;"),
    "notebook-with-sliders": (["explore"], "explore is a notebook: afnlab lab;"),
    "table": (
        ["report", "--table", "my results.csv"],
        "afnlab compare --table 'my results.csv' --label COLUMN --value COLUMN;",
    ),
    "seeds-of-a-report": (
        ["report", "two.yaml", "--seeds", "12"],
        "this takes all seeds that are in the folder of runs; to look at some alone, train them in"
        " a folder of their own and name that: `afnlab sweep SWEEP --seeds 12 --runs FOLDER`",
    ),
    "seeds-of-a-comparison": (["compare", "--seeds"], "SWEEP --seeds N --runs FOLDER`, and here"),
    "flag-of-jupyterlab": (
        ["lab", "--no-browser"],
        "JupyterLab's own flags follow --, as in `afnlab lab -- --no-browser`; see",
    ),
    "unseen": (["report", "--tabel", "x.csv"], "unknown flag '--tabel' (known: --help,"),
    "action": (["runs", "lst"], "unknown action 'lst'; did you mean 'list'?"),
    "missing": (["run"], "the following arguments are required: notebook"),
    "number": (["sweep", "x", "--jobs", "two"], "--jobs: must be a whole number, got 'two'"),
    "digits": (["sweep", "x", "--jobs", "9" * 5000], "--jobs: must be a whole number, got '999"),
    "flag": (["sweep", "x", "--job", "3"], "unknown flag '--job'; did you mean '--jobs'?"),
    "flag-of-runs": (["runs", "gc", "--stall"], "unknown flag '--stall'; did you mean '--stale'?"),
    "shortened": (["runs", "gc", "--sta"], "unknown flag '--sta'; did you mean '--stale'?"),
    "further": (["run", "train", "srelu"], "what is 'srelu' for?"),
    "empty": (["compare", "--runs", ""], "argument --runs: must not be empty"),
    "blank": (["run", " "], "argument notebook: must not be empty"),
    "kind": (["list", "sweps"], "unknown list 'sweps'; did you mean 'sweeps'?"),
    "choice": (["data", "verfy"], "unknown action 'verfy'; did you mean 'verify'?"),
    "text": (["report", "--margin", "x"], "argument --margin: must be a number, got 'x'"),
}


@pytest.mark.parametrize("name", USAGE)
def test_usage_errors_are_one_line(name, capsys):
    command, message = USAGE[name]
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("afnlab: ")
    assert message in err
    assert err.rstrip().endswith("--help`")
    assert len(err) < 700


BAD = {
    "notebook": (["run", "trian"], "unknown notebook 'trian'; did you mean 'train'"),
    "parameter": (["run", "train", "-p", "activatoin", "x"], "did you mean 'activation'"),
    "synonym": (["run", "train", "-p", "learning_rate", "1"], "did you mean 'lr'?"),
    "abbreviation": (["run", "train", "-p", "wd", "1"], "did you mean 'weight_decay'?"),
    "table": (
        ["compare", "results.csv"],
        "results.csv is no sweep; for a table of results:"
        " afnlab compare --table results.csv --label COLUMN --value COLUMN",
    ),
    "table-to-report": (["report", "a/results.tsv"], "a/results.tsv is no sweep; for a table"),
    "activation": (["run", "train", "-p", "activation", "sreluu"], "did you mean 'srelu'"),
    "type": (["run", "train", "-p", "epochs", "ten"], "'epochs' must be a whole number, got 'ten'"),
    "domain": (["run", "train", "-p", "t", "-1"], "t must be > 0, got -1"),
    "exponent": (["run", "train", "-p", "t", "-1e-3"], "t must be > 0, got -0.001"),
    "fraction": (["run", "train", "-p", "t", "-.5"], "t must be > 0, got -0.5"),
    "infinity": (["run", "train", "-p", "lr", "-.inf"], "lr must be a number above 0, got -inf"),
    "own": (["run", "train", "-p", "activation", "no.py:f"], "no.py: no such file"),
    "params": (
        ["run", "train", "-p", "params", "3", "-p", "task.lr", "1"],
        "'params' must be a mapping",
    ),
    "number-of-sweep": (["sweep", "smal"], "unknown sweep 'smal'; did you mean 'small'"),
    "missing-notebook": (["run", "trian.ipynb"], "trian.ipynb: no such file"),
    "folder": (["sweep", "."], ".: is a folder; a sweep ends in .yaml"),
    "timeout": (["run", "train", "--timeout", "0"], "--timeout must be above 0 seconds, got 0"),
    "seeds": (["sweep", "two.yaml", "--seeds", "none"], "seeds must be a number or a list"),
    "epochs": (["sweep", "two.yaml", "--epochs", "-1"], "parameter 'epochs' must be 0 or more"),
    "jobs": (["sweep", "two.yaml", "--jobs", "0"], "jobs must be a whole number, 1 or more"),
    "no-runs": (["compare"], "runs: no such folder; execute runs first"),
    "many-seeds": (
        ["sweep", "two.yaml", "--seeds", "100000000"],
        "seeds must be a whole number, 1 to",
    ),
    "large-seeds": (
        ["sweep", "two.yaml", "--seeds", str(2**64)],
        "seeds must be a whole number, 1 to",
    ),
    "computed-seeds": (
        ["sweep", "two.yaml", "--seeds", "2**64"],
        "seeds must be a number or a list",
    ),
    "null-seeds": (["sweep", "two.yaml", "--seeds", "null"], "seeds must be a whole number"),
    "large-seed": (
        ["sweep", "two.yaml", "--seeds", f"[0, {2**63}]"],
        "seeds must be a whole number",
    ),
    "lr-of-400-digits": (
        ["run", "train", "-p", "lr", "9" * 400],
        "lr must be a number above 0, got a",
    ),
    "lr-of-5000-digits": (["run", "train", "-p", "lr", "9" * 5000], "is too large or small"),
    "infinite": (["run", "train", "-p", "lr", "1e400"], "'1e400' is too large or small"),
    "number-name": (["run", "train", "-p", "params", "{1: 2}"], "unknown parameter 1"),
    "list-name": (["run", "train", "-p", "params", "{[1]: 2}"], "the key [1] must be a text"),
    "brackets": (["run", "train", "-p", "record", "[" * 3000], "more than 50 deep"),
    "underscores": (
        ["run", "train", "-p", "batch_size", "1_000"],
        "whole number, 1 or more; got '1_0",
    ),
    "truth": (["run", "train", "-p", "batch_size", "true"], "whole number, 1 or more; got True"),
    "home": (["run", "~nosuch/x.ipynb"], "~nosuch/x.ipynb: "),
    "home-of-a-sweep": (["sweep", "~nosuch/x.yaml"], "~nosuch/x.yaml: "),
    "home-of-ones-own": (["run", "train", "-p", "activation", "~nosuch/x.py:f"], "~nosuch/x.py: "),
    "null-byte": (["run", "train", "-p", "activation", "a\0.py:f"], "a\\x00.py"),
    "escape": (["run", "\x1b[2J"], "unknown notebook '\\x1b[2J'"),
    "surrogate": (["run", "train", "-p", "activation", "\ud800"], "activation"),
    "twice": (["run", "train", "-p", "t", "1", "-p", "t", "2"], "-p: 't' is given twice"),
    "only-unknown": (["sweep", "two.yaml", "--only", "a=1"], "only: unknown key 'a' (known: "),
    "only-nothing": (["sweep", "two.yaml", "--only", "=1"], "--only takes KEY=VALUE, got '=1'"),
    "no-sweep-and-no-runs": (["compare", "nothing.yaml"], "nothing.yaml: no such file"),
    "no-report": (["report", "two.yaml"], "runs: no such folder; execute runs first"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name, two, capsys):
    command, message = BAD[name]
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("afnlab: ")
    assert message in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


RAISES = {
    "syntax": ("x = (\n", "SyntaxError", 1),
    "runtime": ("\nraise RuntimeError('no idea\\nat all')\n", "RuntimeError", 2),
    "exit": ("import sys\n\nsys.exit(3)\n", "SystemExit", 3),
    "deep": ("def f():\n    f()\nf()\n", "RecursionError", 2),
    "memory": ("raise MemoryError\n", "MemoryError", 1),
    "odd": ("class Odd(BaseException): pass\nraise Odd('x')\n", "Odd", 2),
    "library": ("import json\njson.loads('x')\n", "JSONDecodeError", 2),
    "absent": ("\n\nimport no_such_module\n", "ModuleNotFoundError", 3),
    "encoding": ("# coding: nonsense\n", "SyntaxError", 0),
}


@pytest.mark.parametrize("way", ["{folder}/{name}.py:f", "{name}:f"])
@pytest.mark.parametrize("name", RAISES)
def test_whatever_a_file_does_when_it_is_imported_is_one_line(
    name, way, tmp_path, monkeypatch, capsys
):
    text, kind, line = RAISES[name]
    (tmp_path / f"raising_{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    ref = way.format(folder=tmp_path, name=f"raising_{name}")
    for command in (["run", "train", "-p", "activation", ref], ["check", ref]):
        assert main(command) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert kind in err
        assert not line or f"raising_{name}.py, line {line})" in err, err


def test_what_nobody_foresaw_is_one_line_that_names_the_traceback(monkeypatch, capsys, tmp_path):
    def broken(*_: object) -> None:
        raise KeyError("no\nsuch \x1b[31mkey")

    monkeypatch.setattr(files, "source", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["data", "verify", "mnist"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("afnlab: KeyError: ")
    assert "\x1b" not in err
    assert "in broken" in Path(err.rpartition(" in ")[2].strip()).read_text()
    monkeypatch.setattr(files, "source", lambda name: sys.exit("enough"))
    assert main(["data", "verify", "mnist"]) == 1
    assert "told to exit, with 'enough'" in capsys.readouterr().err
    monkeypatch.setenv("AFNLAB_DEBUG", "1")
    monkeypatch.setattr(files, "source", broken)
    with pytest.raises(KeyError):
        main(["data", "verify", "mnist"])


def test_a_terminal_that_lacks_letters_is_written_to():
    encoding = "ascii"
    env = os.environ | {
        "PYTHONPATH": str(Path(afnlab.__file__).parents[1]),
        "PYTHONIOENCODING": encoding,
    }
    command = [sys.executable, "-m", "afnlab", "data", "fetch", "tr\xe4n\N{SNOWMAN}"]
    done = subprocess.run(command, capture_output=True, env=env, check=False)
    err = done.stderr.decode(encoding)
    assert (done.returncode, err.count("\n")) == (2, 1)
    shown = "tr\xe4n\N{SNOWMAN}".encode(encoding, "backslashreplace").decode(encoding)
    assert f"unknown data set '{shown}'" in err


def test_an_empty_sweep_file_is_no_sweep(capsys):
    Path("empty.yaml").write_text("# nothing yet\n")
    assert main(["sweep", "empty.yaml"]) == 2
    assert "empty.yaml, line 1: must be a mapping" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run", "train"], ["sweep", "two.yaml"]])
def test_where_runs_cannot_be_kept(command, two, capsys):
    Path("file").touch()
    assert main([*command, "--runs", "file"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("afnlab: file: cannot hold runs")


def test_a_bad_sweep_file_is_one_line(capsys):
    Path("bad.yaml").write_text("grid:\n  activation:\n    - srelu: 3\n")
    assert main(["sweep", "bad.yaml"]) == 2
    err = capsys.readouterr().err
    assert "bad.yaml, line 3: " in err
    assert err.count("\n") == 1


def test_debug_shows_where(monkeypatch):
    monkeypatch.setenv("AFNLAB_DEBUG", "1")
    with pytest.raises(ValueError, match="unknown notebook"):
        main(["run", "trian"])


def test_as_a_module():
    """A process of its own: what is printed where, and no traceback."""
    env = os.environ | {"PYTHONPATH": str(Path(afnlab.__file__).parents[1])}
    command = [sys.executable, "-m", "afnlab", *["run", "train", "-p", "activatoin", "srelu"]]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    expected = "afnlab: unknown parameter 'activatoin'; did you mean 'activation'"
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1


def test_what_a_notebook_of_ones_own_measured_is_listed(runs, capsys):
    first, second = sorted(records(runs), key=lambda record: record["label"])
    metrics = {"test_accuracy": 92.5, "steps": 7, "most": 10**40}  # whatever its accuracy means
    rewrite(runs / first["id"], metrics=metrics, parameters={"x": 1})
    assert main(["runs", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines[first["id"]].endswith("  test_accuracy 92.5, steps 7, most 1e+40")
    assert _said(runs / first["id"]).startswith("done in ")
    assert _said(runs / second["id"]).startswith("test accuracy ")
    assert lines[second["id"]].endswith(" s")


SMALL = ["-p", "epochs", "2", "-p", "seeds", "2"]


def test_a_run_that_is_there(runs, capsys):
    before = records(runs)
    for words in ("-p activation srelu", "-p activation srelu -p t 2.21 -p lr 1e-3"):
        assert main(["run", "train", *words.split(), *SMALL]) == 0
        assert "exists already: digits-mlp srelu" in capsys.readouterr().out
    assert records(runs) == before


@pytest.mark.slow
def test_run(capsys):
    words = [
        "run",
        "train",
        "-p",
        "activation",
        "srelu",
        "-p",
        "t",
        "1.5",
        "-p",
        "lr",
        "1e-2",
        "-p",
        "epochs",
        "1",
        "-p",
        "seeds",
        "[3,5]",
    ]
    assert main(words) == 0
    out = capsys.readouterr().out
    (record,) = records("runs")
    assert record["seeds"] == [3, 5]
    assert record["label"] == "digits-mlp srelu(lr=0.01, t=1.5)"
    accuracy = load("runs").test_accuracy.mean()
    assert f"test accuracy {100 * accuracy:.2f} %" in out
    assert out.splitlines()[-1] == str(Path("runs").resolve() / record["id"] / "notebook.ipynb")


@pytest.mark.slow
def test_a_run_that_fails(capsys):
    Path("my.py").write_text(
        "from afnlab import activation\n\n"
        "@activation()\ndef bad(x):\n    raise RuntimeError('no idea')\n"
    )
    assert main(["run", "train", "-p", "activation", "my.py:bad"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("afnlab: RuntimeError: no idea; see ")
    assert Path(err.rpartition("see file://")[2].strip()).is_file()
    assert err.count("\n") == 1
    assert records("runs") == []


def test_dry_run(two, runs, capsys):
    assert main(["sweep", two, "--dry-run"]) == 0
    there = capsys.readouterr().out.splitlines()
    assert [line.split()[1:] for line in there] == [
        ["digits-mlp", name, "present"] for name in ("relu", "srelu")
    ]
    assert main(["sweep", two, "--dry-run", "--seeds", "[1, 5]"]) == 0
    more = capsys.readouterr().out.splitlines()
    assert [line.endswith("to do: seeds 5") for line in more] == [True, True]
    assert main(["sweep", two, "--dry-run", "--epochs", "1"]) == 0
    assert capsys.readouterr().out.count("to do: seeds 0, 1\n") == 2
    assert main(["sweep", two, "--dry-run", "--runs", "nowhere"]) == 0
    assert capsys.readouterr().out.count("to do") == 2
    assert not Path("nowhere").exists()


def test_a_dry_run_of_a_grid_of_epochs(capsys):
    Path("grid.yaml").write_text("grid: {activation: [relu], epochs: [1, 2]}\n")
    assert main(["sweep", "grid.yaml", "--dry-run"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_sweep_that_is_there(two, runs, capsys):
    before = records(runs)
    assert main(["sweep", two]) == 0
    assert capsys.readouterr().out == "two: 2 runs, 2 present, 0 to do\n"
    assert records(runs) == before


def test_compare(two, runs, capsys):
    for command in (["compare"], ["compare", two], ["compare", two, "--runs", str(runs)]):
        assert main(command) == 0
        out = capsys.readouterr().out
        assert out.startswith("digits-mlp, 2 epochs\n")
        assert "too few seeds" in out
        assert "With 2 seeds and 1 comparison no difference to ReLU could pass" in out
    assert main(["compare", "--baseline", "srelu"]) == 0
    assert "no difference to SReLU" in capsys.readouterr().out
    assert main(["compare", "--baseline", "srleu"]) == 2
    assert "unknown baseline 'srleu'; did you mean 'srelu'" in capsys.readouterr().err
    assert main(["compare", two, "--epochs", "3"]) == 2
    assert "holds no runs of two.yaml" in capsys.readouterr().err


@pytest.mark.slow
# jupyter_client leaves the event loop of each thread that ran a notebook to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed (event loop|<socket):ResourceWarning")
def test_sweep_then_report(capsys):
    limits = ["--epochs", "1", "--limit-train", "100", "--limit-test", "50"]
    Path("own.yaml").write_text("grid: {activation: [relu, 'my.py:bent']}\nseeds: 2\n")
    Path("my.py").write_text(
        "import torch\nfrom afnlab import activation\n\n"
        "@activation()\ndef bent(x):\n    return torch.tanh(x)\n"
    )
    assert main(["sweep", "own.yaml", *limits]) == 0
    assert "2 runs, 0 present, 2 to do" in capsys.readouterr().out
    assert main(["report", "own.yaml", "--no-pdf", *limits]) == 0
    folder = Path("reports/own-epochs-1-limit-test-50-limit-train-100")
    assert capsys.readouterr().out == f"wrote {folder / 'report.html'} (2 runs)\n"
    page = (folder / "report.html").read_text()
    assert "my.py:bent" in page
    assert "evaluated on 50 test examples" in page
    assert main(["report", "own.yaml", "--no-pdf", *limits]) == 0
    assert "up to date" in capsys.readouterr().out
    Path("my.py").write_text(Path("my.py").read_text().replace("tanh", "relu"))
    assert main(["sweep", "own.yaml", *limits]) == 0
    assert "2 runs, 1 present, 1 to do" in capsys.readouterr().out
    gc.collect()


def test_a_sweep_with_a_run_that_fails(two, runs, capsys, monkeypatch):
    """What the sweep says of a failure is tested where it runs; here only the exit status."""
    failing = runs / ".failed" / "x"

    def results(self, todo, place):
        yield todo[0], RunFailed("ValueError: no", failing)

    monkeypatch.setattr(Local, "results", results)
    assert main(["sweep", two, "--seeds", "3"]) == 1
    err = capsys.readouterr().err
    assert f"failed: digits-mlp relu: ValueError: no\n  {failing.as_uri()}" in err


def test_doctor(capsys, monkeypatch, tmp_path):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"afnlab {afnlab.__version__}")
    assert "FAIL" not in out
    assert "ok    activations: 41, all finite" in out
    monkeypatch.setenv("AFNLAB_DATA", str(tmp_path / "absent"))
    assert main(["doctor"]) == 1
    assert "FAIL  data: AFNLAB_DATA is" in capsys.readouterr().out


def test_copied_notebooks_stay_the_users(tmp_path):
    folder = tmp_path / "a" / "mine"
    copied = lab.copy_notebooks(folder)
    assert {p.name for p in copied} >= {
        "train.ipynb",
        "plot.ipynb",
        "compare.ipynb",
        "report.ipynb",
    }
    (folder / "train.ipynb").write_text("mine")
    (folder / "plot.ipynb").unlink()
    assert [p.name for p in lab.copy_notebooks(folder)] == ["plot.ipynb"]
    assert (folder / "train.ipynb").read_text() == "mine"
    assert json.loads((folder / "plot.ipynb").read_text())["cells"]


@pytest.mark.parametrize(
    ("options", "variable"),
    [
        (["-We"], ""),
        ([], "default,error::UserWarning"),
    ],
    ids=str,
)
def test_a_warning_is_a_line_whatever_filters_python_is_given(tmp_path, options, variable):
    (tmp_path / "0123456789abcdef").mkdir()
    (tmp_path / "0123456789abcdef" / "record.json").write_text("{}")
    command = [sys.executable, *options, "-m", "afnlab", "runs", "list", "--runs", str(tmp_path)]
    environment = os.environ | ({"PYTHONWARNINGS": variable} if variable else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("afnlab: left out ")


def test_options_that_make_errors_of_warnings():
    made = ("error", "e", "err::UserWarning", " error:::afnlab")
    others = ("", "default", "ignore::UserWarning", "errors", ":error", "always")
    assert [_makes_errors(option) for option in (*made, *others)] == [True] * 4 + [False] * 6


def test_a_caller_that_makes_errors_of_warnings_gets_one(tmp_path, capsys, monkeypatch):
    (tmp_path / "0123456789abcdef").mkdir()
    (tmp_path / "0123456789abcdef" / "record.json").write_text("{}")
    monkeypatch.delenv("AFNLAB_DEBUG", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["runs", "list", "--runs", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "record.json: " in told
    assert told.endswith("this warning ended the command, as this process's filters ask\n")
