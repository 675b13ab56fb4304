"""Which settings of the training split a comparison; no run is needed for it."""

from __future__ import annotations

from itertools import product

from afnlab.runs.within import Configured, recipe, splitting
from tests.over import over

USUAL = {"lr": 0.001, "batch_size": 64, "init": "source", "sites": "each"}


def row(activation: str, named: str = "", own: str = "", **given: object) -> Configured:
    """A row with these settings of the training, and own ones of the activation, as "t=1"."""
    mine = dict([own.split("=")]) if own else {}
    words = {n: f"{v:g}" if isinstance(v, float) else str(v) for n, v in given.items()}
    words = {n: text for n, text in words.items() if text != str(USUAL.get(n))} | mine

    def labelled(without: object) -> str:
        shown = [f"{n}={text}" for n, text in words.items() if n not in without]
        return f"{named or activation}({', '.join(shown)})" if shown else named or activation

    return Configured(activation, named, words, {}, recipe(USUAL | given, words), labelled)


def grid(activations: list[str], **settings: list[object]) -> list[Configured]:
    return [
        row(name, **dict(zip(settings, values, strict=True)))
        for name in activations
        for values in product(*settings.values())
    ]


BOTH = grid(["relu", "gelu"], batch_size=[16, 128], init=["source", "gain"])
RATES = grid(["relu", "gelu"], lr=[0.001, 0.01])
CASES = {  # the rows, the baseline, and what splits
    "a grid": (BOTH, "relu", ["batch_size", "init"]),
    "rates": (RATES, "relu", ["lr"]),
    "an activation in other letters": (RATES, "ReLU", ["lr"]),
    "a named row": (BOTH, "relu(batch_size=128)", []),
    "a named row at a default": (BOTH, "relu(batch_size=16, init=gain)", []),
    "a named row at the recipe's own rate": (RATES, "relu(lr=1e-3)", []),
    "a named row at a rate that is none": (RATES, "relu(lr=0.1)", []),
    "a name that says what all share": (
        grid(["relu", "gelu"], lr=[0.001, 0.01], init=["gain"]),
        "relu(init=gain)",
        ["lr"],
    ),
    "no such baseline": (RATES, "selu", []),
    "the activation alone": (grid(["relu", "gelu"]), "relu", []),
    "one activation": (grid(["relu"], lr=[0.001, 0.01]), "relu", []),
    "a baseline of one rate": ([row("relu"), *grid(["gelu"], lr=[0.001, 0.01])], "relu", []),
    "a second row of the baseline": ([row("relu"), row("relu", lr=0.01), row("gelu")], "relu", []),
    "others at the second rate": (
        [row("relu"), row("relu", lr=0.01), row("gelu", lr=0.01)],
        "relu",
        ["lr"],
    ),
    "one run is missing": (BOTH[:-1], "relu", ["batch_size", "init"]),
    "parameters of the activation": (
        [row("relu"), row("srelu", own="t=1"), row("srelu", own="t=2")],
        "srelu",
        [],
    ),
    "and rates": (
        [row("srelu", own=t, lr=lr) for t in ("t=1", "t=2") for lr in (0.001, 0.01)],
        "srelu(t=2)",
        ["lr"],
    ),
    "whether places share parameters": (
        grid(["relu", "srelu"], sites=["each", "shared"]),
        "relu",
        [],
    ),
    "another name of the field": (
        [
            row("gelu", form="plain"),
            row("gelu", named="GEGLU", form="gated"),
            row("swish", named="SwiGLU", form="gated"),
        ],
        "gelu",
        [],
    ),
}


@over("case", CASES)
def test_what_splits_a_comparison(case):
    rows, baseline, names = CASES[case]
    assert splitting(rows, baseline) == names


def test_rows_that_are_asked_for_are_compared_as_in_the_whole():
    """Of how many a row was picked is that of its table, whichever rows are asked for."""
    usual = [one for one in RATES if not one.settings]
    base = [one for one in RATES if one.activation == "relu"]
    assert splitting(RATES, "relu", usual) == ["lr"]
    assert splitting(RATES, "relu", base) == []  # with one another
    assert splitting(RATES, "relu(lr=0.001)", usual) == []


def test_a_row_may_be_called_without_what_its_table_shares():
    one = row("relu", lr=0.01)
    assert one.under(["lr"]) == (("lr", "0.01"),)
    assert one.row(["lr"]).labels == ("relu(lr=0.01)", "relu")
