"""What commands print on a terminal: how wide, in which colours, and how soon."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout

import pytest

import afnlab
from afnlab import messages
from afnlab.cli import main, terminal
from afnlab.paths import PACKAGE
from afnlab.runs import records
from tests.runs.test_runs import small_runs

QUICK = {
    "help": ["--help"],
    "version": ["--version"],
    "a command's help": ["sweep", "--help"],
    "another's": ["compare", "--help"],
    "no command": ["swep"],
    "data": ["data", "list"],
    "runs": ["runs", "list"],
    "one run": ["runs", "show", "{id}"],
}
SCRIPT = """
import sys
sys.argv = ["bin/afnlab", *{words!r}]
from afnlab.cli import main
try:
    main()
except SystemExit:
    pass
print("loaded", "torch" in sys.modules, "afnlab.training.engine" in sys.modules)
"""


@pytest.mark.parametrize("case", QUICK)
def test_what_needs_no_torch_does_not_load_it(case, tmp_path):
    run = records(small_runs())[0]["id"]
    words = [word.format(id=run) for word in QUICK[case]]
    env = os.environ | {"AFNLAB_RUNS": str(small_runs()), "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", SCRIPT.format(words=words)]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded False False"
    assert len(done.stdout.splitlines()) > 1 or "did you mean 'sweep'" in done.stderr


NAMES = """
import sys
sys.argv = ["bin/afnlab"]
import afnlab
from afnlab import paths
names = {}
unknown = hasattr(afnlab, "_nothing")
print("torch" in sys.modules, unknown)
exec("from afnlab import *", names)
print(sorted(names.keys() - {"__builtins__"}) == sorted(afnlab.__all__), hasattr(afnlab, "trian"))
print(*afnlab.__all__)
"""


def test_a_command_offers_the_names_that_the_library_has(tmp_path):
    """They are listed once, in what loads torch; here that is loaded by the first such name."""
    env = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", NAMES]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["False False", "True False", " ".join(afnlab.__all__)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch):
    """A terminal of 80 columns that shows colours."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def shown(screen: Terminal, *words: str) -> list[str]:
    """The lines of a command, without their colours."""
    with redirect_stdout(screen):
        assert main(words) == 0
    return SGR.sub("", screen.getvalue()).splitlines()


SGR = re.compile(r"\x1b\[[\d;]*m")
GREEN = terminal.VERDICTS["better"]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_comparison_fits_the_terminal_and_begins_with_the_answer(columns, screen, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown(screen, "compare", "--runs", str(small_runs()))
    assert max(map(len, lines)) <= columns
    assert lines[1].startswith("Which?         Undecided.")
    assert lines[2].startswith(" " * 15)
    table = next(i for i, line in enumerate(lines) if line.split()[:1] == ["accuracy"])
    assert "verdict  seeds" in lines[table] or "seeds" not in lines[table]
    assert table > 4
    assert any("too narrow" in line for line in lines) == (columns < 120)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("relu", "relu"),
        ("a" * 20, "a" * 20),
        ("folder/ideas.py:softer_than_all", "folder/i...than_all"),
        ("\x1b[2Jabc", "\\x1b[2Jabc"),
    ],
)
def test_a_long_label_loses_its_middle(text, shown):
    assert terminal.middle_cut(20, text) == shown


def test_verdicts_are_coloured_on_a_terminal_alone(screen, monkeypatch):
    line, styles = "worse     94.10   better   12", {"better": GREEN}
    messages.say(line, screen, styles)
    assert screen.getvalue() == f"worse     94.10   \x1b[{GREEN}mbetter\x1b[0m   12\n"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            before = screen.getvalue()
            messages.say(line, screen, styles)
            assert screen.getvalue() == f"{before}{line}\n"
    plain = io.StringIO()
    messages.say(line, plain, styles)
    assert plain.getvalue() == f"{line}\n"
    messages.say("\x1b[31mbetter", screen, styles)  # what is in a text stays a text
    assert screen.getvalue().endswith(f"\\x1b[31m\x1b[{GREEN}mbetter\x1b[0m\n")


def test_columns_stay_apart_however_wide_a_cell_is():
    rows = [("run", "seeds", "result"), ("a" * 30, "8 seeds", "0.1085 nats")]
    assert terminal.columns(rows, right=(1, 2)) == [
        f"run{' ' * 27}    seeds       result",
        f"{'a' * 30}  8 seeds  0.1085 nats",
    ]


@pytest.mark.parametrize("words", [["list", "sweeps"], ["data", "list"], ["runs", "list"]])
def test_lists_have_two_spaces_between_columns(words, capsys, monkeypatch):
    monkeypatch.setenv("AFNLAB_RUNS", str(small_runs()))
    monkeypatch.setattr("afnlab.runs.storage.record_schema.result", lambda _: "0.1085 nats")
    assert main(words) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.endswith(":")]
    cells = {len(re.split(r"  +", line.strip())) for line in lines}
    assert cells <= {"list": {2, 7}, "data": {1, 3}}.get(words[0], {7})


def test_an_answer_stands_apart_from_a_long_question(screen):
    with redirect_stdout(screen):
        terminal.tell("Better.", "Was it the recipe?", 14)
    assert SGR.sub("", screen.getvalue()) == "Was it the recipe?  Better.\n"


FORMULAS = {
    "relu": "max(0, x)",
    "swish": "x σ(β x)",
    "elu": "x if x > 0, α (e^x - 1) if x <= 0",
    "srelu": "x sin^2(π/4 (1 + clip(x/t, -1, 1)))",
    "gelu_tanh": "x σ(2 sqrt(2/π) (x + 0.044715 x^3))",
    "softmax": "e^(x_i) / Σ_j e^(x_j)",
    "apec": "α + (β - x)/(γ - e^(-x) + ε)",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_as_one_writes_it(name):
    assert terminal.formula(afnlab.get_activation(name).latex) == FORMULAS[name]


@pytest.mark.parametrize("name", afnlab.list_activations())
def test_no_formula_holds_latex(name):
    assert not re.search(r"[\\{}]|  ", terminal.formula(afnlab.get_activation(name).latex))


LONG = "digits-mlp double_relu(lr=0.01), tuned lr+init_scale of 6"


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_table_is_as_wide_as_the_terminal(columns, screen, monkeypatch):
    """Columns go before texts are cut, and what is gone is named."""
    monkeypatch.setenv("COLUMNS", str(columns))
    head = ("id", "started", "run", "seeds", "result", "")
    rows = [
        head,
        ("a" * 16, "2026-11-29 06:42", LONG, "12 seeds", "97.22 %", ""),
        ("b" * 16, "2026-11-29 06:42", "own(x=1)", "", "", "loss 0.125, steps 7, most 1e+40"),
    ]
    with redirect_stdout(screen):
        terminal.tell_table(rows, "run", ("started", "seeds"), right=("seeds", "result"))
    lines = SGR.sub("", screen.getvalue()).splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[1].startswith("a" * 16)
    assert ("started" in lines[0].split()) == (columns > 120)
    assert "too narrow: started" in " ".join(lines)
    assert ("  digits-mlp" in lines[1]) and ("..." in lines[1]) == (columns < 120)


def test_a_table_that_nobody_reads_as_it_is_printed_is_whole(capsys):
    rows = [("id", "run"), ("a", "b" * 400)]
    terminal.tell_table(rows, "run", ("id",))
    assert capsys.readouterr().out == f"id  run\na   {'b' * 400}\n"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_list_of_runs_fits_the_terminal(columns, screen, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown(screen, "runs", "list", "--runs", str(small_runs()))
    assert max(map(len, lines)) <= columns
    assert {"id", "state", "run", "result"} <= set(lines[0].split())
    assert sum("digits-mlp" in line for line in lines) == 2


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_what_differs_between_runs_fits_the_terminal(columns, screen, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    one, other = sorted(r["id"] for r in records(small_runs()))
    lines = shown(screen, "runs", "diff", one, other, "--runs", str(small_runs()))
    assert max(map(len, lines)) <= columns
    assert lines[0].startswith("digits-mlp ")
    cells = [line.split() for line in lines]
    assert ["name", one, other] in cells
    assert any(sorted(row[1:]) == ["relu", "srelu"] for row in cells)


def test_a_list_on_a_terminal_is_a_line_each(screen):
    assert max(map(len, shown(screen, "list"))) <= 80
