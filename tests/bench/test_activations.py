"""The benchmark of activations: somebody else's beside ours, and each pass by itself."""

from __future__ import annotations

import json
from functools import partial

import pandas as pd
import pytest
import torch

from afnlab.bench import activations, timing
from afnlab.cli import main
from afnlab.figures import speed

OWN = """
import torch

class Halved(torch.nn.Module):
    def forward(self, x):
        return x / 2

def only_float32(x):
    if x.dtype != torch.float32:
        raise RuntimeError("expected float32")
    return x.exp()
"""


@pytest.fixture
def few(monkeypatch):
    """Small tensors, of few functions."""
    monkeypatch.setattr(activations, "SIZES", {"cpu": (64,)})
    monkeypatch.setattr(activations, "DTYPES", {"cpu": ("float32", "bfloat16")})
    monkeypatch.setattr(activations.kernels, "names", lambda: ("srelu",))
    monkeypatch.setattr(activations, "list_activations", lambda: ("relu", "srelu"))


@pytest.mark.usefixtures("few")
def test_a_bar_shows_what_is_measured(capsys):
    activations.measure(rounds=2, progress=True)
    shown = capsys.readouterr().err
    for part in ("64 elements, float32, normal", "64 elements, bfloat16, normal", "6/6"):
        assert part in shown
    activations.measure(rounds=1, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("few")
@pytest.mark.filterwarnings("default:.*is left out of")
def test_somebody_else_s_are_measured_beside(tmp_path, capsys):
    file, out = tmp_path / "own.py", tmp_path / "out.json"
    file.write_text(OWN)
    words = ["bench", "activations", "--rounds", "1", "--json", str(out)]
    words += ["--beside", f"{file}:Halved", "--beside", f"{file}:only_float32"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "only_float32 is left out of torch.bfloat16: expected float32" in said.err
    header, *lines = said.out.splitlines()
    assert "of copy, forward" in header
    assert "of copy, backward" in header
    assert sum("Halved" in line for line in lines) == 2
    rows = json.loads(out.read_text())["activations"]
    found = {(r["function"], r["dtype"], r["pass"]) for r in rows if r["way"] == "beside"}
    passes = ("forward", "backward", "both")
    wanted = {("Halved", d, p) for d in ("float32", "bfloat16") for p in passes}
    assert found == wanted | {("only_float32", "float32", p) for p in passes}


def times(costs):
    """Measured times: {(function, way): seconds}, for two sizes, the second twice as slow."""
    rows = [
        {"function": f, "way": way, "dtype": "float32", "elements": n, "input": "normal"}
        | {"pass": "both", "seconds": seconds * n / 64}
        for n in (64, 128)
        for (f, way), seconds in costs.items()
    ]
    copies = [
        r | {"function": "copy", "way": "torch", "pass": "forward"} for r in rows[:: len(costs)]
    ]
    return pd.DataFrame(rows + copies)


def test_tables_of_what_was_measured():
    expressions = {
        ("srelu", "expression"): 9.0,
        ("gelu", "expression"): 8,
        ("swish", "expression"): 5,
    }
    own = {("relu", "torch"): 1.0, ("silu", "torch"): 2.0, ("gelu", "torch"): 4.0}
    measured = times(own | {("srelu", "kernel"): 2.1} | expressions)
    summary = activations.summary(measured)
    shown = speed.beside(summary)
    assert list(shown.columns) == ["function", "by", "float32, 64", "float32, 128"]
    assert list(shown["float32, 128"]) == pytest.approx([1.0, 2.0, 2.1, 4.0])
    (row,) = speed.beside(summary, "expression / kernel").itertuples(index=False)
    assert row[:2] == ("srelu", "kernel")
    assert row[2:] == pytest.approx([9 / 2.1] * 2)
    said = speed.verdict(measured)
    assert list(said.by) == ["kernel", "expression"] * 2
    assert list(said["GELU > SReLU"][:2]) == ["holds", "does not hold"]
    assert list(said["SReLU ~ Swish"][:2]) == ["holds", "does not hold"]
    assert list(said["SReLU / Swish"]) == pytest.approx([1.05, 1.8] * 2)


def test_how_far_rounds_scatter_is_said(monkeypatch):
    slow = iter([1.0, 1.0, 1.5, 2.0])  # two rounds of two functions
    monkeypatch.setattr(timing, "_time", lambda call, repeats, *_: call() * next(slow, 1.0))
    laps = timing.laps_in_turn({"relu": lambda: 1.0, "mish": lambda: 2.0}, 1)
    assert laps == {"relu": [1.5], "mish": [4.0]}
    measured = times({("relu", "torch"): 1.0, ("mish", "torch"): 2.0}).assign(scatter=0.1)
    measured.loc[measured.function == "mish", "scatter"] = 0.85
    measured.loc[measured.function == "copy", "scatter"] = 9.0
    assert speed.noise(measured, 2) == (
        "Of the 2 rounds of a function the slowest took 48 % longer than the quickest (median over"
        " functions and sizes; Mish: 85 %). A ratio that differs from 1 by less than that median"
        " may be noise."
    )
    assert speed.noise(measured, 1).startswith("One round does not say how far times scatter")


@pytest.mark.usefixtures("few")
def test_the_scatter_of_the_rounds_is_measured():
    measured = activations.measure(rounds=2, dtypes=("float32",), progress=False)
    assert (measured.scatter > 0).any()
    assert (measured.scatter >= 0).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's compiler of itself
@pytest.mark.usefixtures("few")
def test_compiled_expressions_are_compiled(monkeypatch):
    """However many: past its limit torch.compile calls the expression itself, and only warns.

    What the compiler makes of a graph is not of interest here, and takes 20 seconds.
    """
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    monkeypatch.setattr(activations.kernels, "names", lambda: ("softsign", "srelu"))
    compiled = torch._dynamo.utils.counters["stats"]
    before = compiled["unique_graphs"]
    with torch._dynamo.config.patch(recompile_limit=1):
        times = activations.measure(rounds=1, dtypes=("float32",), compiled=True)
    assert set(times[times.way == "compiled"].function) == {"softsign", "srelu"}
    assert compiled["unique_graphs"] == before + 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["activations", "--beside", "nowhere.py:it"], "nowhere.py: no such file"),
        (["train", "--beside", "nowhere.py:it"], "are for activations"),
    ],
)
def test_bad_input(words, message, capsys):
    assert main(["bench", *words]) == 2
    assert message in capsys.readouterr().err
