"""What is said of tuned runs: from tables made by hand, and from a real tuning."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import afnlab
from afnlab.compare import tuning_summary
from afnlab.figures import tuning
from afnlab.figures.style import styled
from afnlab.stats.best_of import tuning_curve
from afnlab.training.space import space

AMONG = {"lr": {"from": 1e-4, "to": 1.0, "log": True}, "budget": 4, "selection_seeds": 2}


def made(**laws) -> pd.DataFrame:
    """Candidates of labels, whose accuracies are drawn from these laws of log10(lr)."""
    rng, among = np.random.default_rng(0), space(AMONG)
    rows = []
    for label, law in laws.items():
        for seed in range(12):
            for number, own in enumerate(among.candidates(seed)):
                lr = own.get("lr", 1e-3)
                for turn in range(2):
                    accuracy = np.clip(law(np.log10(lr)) + 0.002 * rng.normal(), 0, 1)
                    rows.append([label, seed, number, number > 0, turn, lr, accuracy])
    names = ["label", "seed", "candidate", "drawn", "selection", "lr", "validation_accuracy"]
    return pd.DataFrame(rows, columns=names).assign(validation_loss=1.0, diverged=False)


def hill(at: float, width: float, top: float = 0.98):
    return lambda x: top - 0.4 * (max(abs(x - at) - width, 0)) ** 2


def test_a_trial_is_the_mean_over_its_selection_seeds():
    table = made(a=hill(-2, 1))
    tried = tuning_summary.trials(table)
    assert len(tried) == 12 * 4
    first = table[(table.seed == 5) & (table.candidate == 2)].validation_accuracy.mean()
    assert tried[(tried.seed == 5) & (tried.candidate == 2)].accuracy.item() == first
    assert tuning_summary.parameters(table) == ["lr"]


def test_curves_are_of_the_drawn_candidates_alone():
    table = made(a=hill(-2, 1), b=hill(-1, 0.2))
    found = tuning_summary.curves(table, ["a", "b"], most=6)
    tried = tuning_summary.trials(table)
    values = tried[(tried.label == "b") & (tried.candidate > 0)].accuracy
    expected = tuning_curve(values, range(1, 7))
    mine = found[found.label == "b"]
    np.testing.assert_array_equal(mine[["expected", "low", "high"]], expected)
    assert mine.draws.tolist() == [36] * 6
    grid = table.assign(drawn=False)
    assert tuning_summary.curves(grid, ["a"], most=3).empty


def test_where_curves_cross_is_said():
    rows = []
    for k, (low_a, high_a, low_b, high_b) in enumerate(
        [(0.5, 0.6, 0.1, 0.4), (0.5, 0.7, 0.2, 0.45), (0.6, 0.8, 0.5, 0.9), (0.6, 0.8, 0.5, 0.9)], 1
    ):
        rows += [["a", k, 0, low_a, high_a, 9], ["b", k, 0, low_b, high_b, 9]]
    found = pd.DataFrame(rows, columns=["label", "trials", "expected", "low", "high", "draws"])
    assert tuning_summary.crossing(found, "a", "b") == [(1, 2, "a"), (3, 4, "")]
    assert tuning_summary.crossing(found, "b", "a") == [(1, 2, "a"), (3, 4, "")]
    told = tuning_summary.stretches_in_words(tuning_summary.crossing(found, "a", "b"))
    assert told == "with 1 to 2 trials a is ahead; from 3 on neither is ahead"
    assert tuning_summary.stretches_in_words([(1, 1, ""), (2, 9, "b")]) == (
        "with 1 trial neither is ahead; from 2 on b is ahead"
    )
    assert tuning_summary.stretches_in_words([(1, 9, "")]) == "with 1 to 9 trials neither is ahead"


def test_two_bands_hold_together_at_the_stated_level():
    """Of two laws that are the same, a curve is called ahead in at most 5 % of comparisons."""
    rng, called = np.random.default_rng(2), 0
    for _ in range(400):
        parts = []
        for label in "ab":
            curve = tuning_curve(rng.beta(20, 1, 36), range(1, 9), tuning_summary.BOTH)
            part = pd.DataFrame(curve, columns=["expected", "low", "high"])
            parts.append(part.assign(label=label, trials=range(1, 9)))
        called += any(who for *_, who in tuning_summary.crossing(pd.concat(parts), "a", "b"))
    assert stats.binomtest(called, 400).proportion_ci(0.99).low < 0.05


def test_the_wider_hill_is_easier_to_tune():
    found = tuning_summary.close_to_best(made(wide=hill(-2, 1.0), narrow=hill(-2, 0.2)))
    assert found["wide"].share > found["narrow"].share
    # |x + 2| < width + sqrt(0.01 / 0.4), of four decades
    assert found["wide"].low < 2 * (1.0 + 0.158) / 4 < found["wide"].high
    assert found["narrow"].low < 2 * (0.2 + 0.158) / 4 < found["narrow"].high
    exact = stats.binomtest(round(36 * found["wide"].share), 36).proportion_ci(method="exact")
    assert (found["wide"].low, found["wide"].high) == (exact.low, exact.high)


def two_axes(rng: np.random.Generator, replicates: int) -> pd.DataFrame:
    """Candidates of which the best depends on a learning rate and on another parameter."""
    count = replicates * 6
    lr, other = 10 ** rng.uniform(-4, 0, count), rng.uniform(0, 1, count)
    law = 0.98 - 0.4 * np.maximum(abs(np.log10(lr) + 2) - 0.5, 0) ** 2 - 0.02 * other
    accuracy = np.clip(law + 0.003 * rng.normal(size=count), 0, 1)
    return pd.DataFrame(
        {
            "label": "a",
            "seed": np.repeat(range(replicates), 6),
            "candidate": np.tile(range(6), replicates),
            "drawn": np.tile([False, *[True] * 5], replicates),
            "selection": 0,
            "lr": lr,
            "other": other,
            "validation_loss": 1.0,
            "validation_accuracy": accuracy,
            "diverged": False,
        }
    )


def test_the_interval_of_a_width_holds_the_true_width():
    """With two axes: the mean, over the other one, of the decades of learning rates that do."""
    axis, rng = space(AMONG).axes["lr"], np.random.default_rng(0)
    (true,) = tuning_summary.close_to_best(two_axes(rng, 20_000)).values()
    true = tuning_summary.width(true, axis).share
    assert 0.5 < true < 2.0
    held = 0
    for _ in range(300):
        (found,) = tuning_summary.close_to_best(two_axes(rng, 12)).values()
        _, low, high = tuning_summary.width(found, axis)
        held += low <= true <= high
    assert stats.binomtest(held, 300).proportion_ci(0.99).high > 0.95
    assert held / 300 > 0.93


def test_a_width_is_in_decades_or_in_the_unit_of_its_axis():
    share = tuning_summary.Share(0.5, 0.25, 1.0)
    assert tuning_summary.width(share, space(AMONG).axes["lr"]) == (2.0, 1.0, 4.0)
    plain = space({"momentum": {"from": 0.5, "to": 0.9}, "budget": 2}).axes["momentum"]
    assert tuning_summary.width(share, plain) == pytest.approx((0.2, 0.1, 0.4))


def compared(**rows) -> pd.DataFrame:
    """A table of comparisons: verdict and failed seeds of each row, beside the baseline's."""
    names = ["base", *rows]
    table = pd.DataFrame([["baseline", 0], *rows.values()], names, ["verdict", "failed"])
    return table.assign(seeds=12, p=[np.nan, *[0.5] * len(rows)])


FAR = [0.9, 0.5, 0.95, 0.4, 0.8]


def test_what_cheaper_tunings_would_have_said():
    same = "not distinguishable"
    tunings = {
        "fixed recipe": compared(a=["worse", 4], b=["worse", 0], c=["better", 0]),
        "2 candidates": compared(a=["worse", 3], b=[same, 0], c=["better", 0]),
        "6 candidates": compared(a=[same, 1], b=[same, 0], c=["better", 0]),
    }
    assert tuning_summary.cheaply(tunings) == (
        "No: with 2 candidates, 1 verdict would be another: a (worse instead of not"
        " distinguishable). Of 48 trainings each, these got stuck, collapsed or diverged: 4 at the"
        " fixed recipe, 3 with 2 candidates and 1 in full."
    )
    tunings["2 candidates"] = tunings["6 candidates"]
    every = "Yes: with 2 candidates, every verdict is the same."
    assert tuning_summary.cheaply(tunings).startswith(f"{every} Of 48 trainings each")
    good = {title: table.assign(failed=0) for title, table in tunings.items()}
    none = "In none of these tunings did a training get stuck, collapse or diverge."
    assert tuning_summary.cheaply(good) == f"{every} {none}"
    bare = {title: table.assign(p=np.nan, verdict="no pairs") for title, table in tunings.items()}
    nothing = "There is no verdict that it could have changed."
    assert tuning_summary.cheaply(bare).startswith(f"{nothing} Of 48 trainings each")
    few = {title: table.assign(verdict="too few seeds") for title, table in tunings.items()}
    assert tuning_summary.cheaply(few).startswith("It cannot be said: so few seeds show no")
    del tunings["2 candidates"]
    assert tuning_summary.cheaply(tunings) == ""


def test_several_cheaper_tunings_are_answered_together():
    same = "not distinguishable"
    full = compared(a=[same, 0], b=["better", 0])
    other = compared(a=[same, 0], b=[same, 0])
    tunings = {"fixed recipe": full, "2 candidates": full, "1 training each": full, "in full": full}
    assert tuning_summary.cheaply(tunings).startswith(
        "Yes: with 2 candidates and with 1 training each, every verdict is the same. In none"
    )
    assert tuning_summary.cheaply(tunings | {"1 training each": other}).startswith(
        "No: with 1 training each, 1 verdict would be another: b (not distinguishable instead of"
        " better); with 2 candidates, every verdict is the same. In none"
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((0, 0), (0, 0), "none is better or worse than base, at the fixed recipe and tuned."),
        ((2, 0), (2, 0), "2 are better and none worse than base, at the fixed recipe and tuned."),
        ((0, 1), (0, 0), "Of the 2 others, 1 is worse and none better than base at the fixed"),
        ((1, 1), (2, 0), "recipe; tuned, 2 are better and none worse."),
    ],
)
def test_what_the_recipe_had_said_is_one_sentence(before, after, said):
    tables = []
    for better, worse in (before, after):
        verdicts = ["better"] * better + ["worse"] * worse
        verdicts += ["not distinguishable"] * (2 - len(verdicts))
        table = compared(a=[verdicts[0], 0], b=[verdicts[1], 0])
        tables.append(table.assign(accuracy=[0.5, 0.6, 0.7]))
    assert said in tuning_summary.recipe(*tables, "base")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("open", "open", "a is neither better nor worse than base, at the fixed recipe and tuned."),
        ("better", "better", "a is better than base, at the fixed recipe and tuned."),
        ("worse", "open", "a is worse than base at the fixed recipe; tuned, it is neither better"),
    ],
)
def test_of_one_row_the_recipe_is_said_in_the_singular(before, after, said):
    tables = [compared(a=[verdict, 0]) for verdict in (before, after)]
    tables = [table.assign(accuracy=[0.5, 0.6]) for table in tables]
    assert tuning_summary.recipe(*tables, "base").startswith(said)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (FAR, [0.91, 0.91, 0.911, 0.91, 0.91], "tuning took away more than 99 % of the variance."),
        (FAR, [0.5] * 5, "0.00 points tuned: tuning took away 100 % of the variance."),
        (FAR, [0.5 + v / 2 for v in FAR], "tuning took away 75 % of the variance."),
        (
            [0.5 + v / 2 for v in FAR],
            FAR,
            "12.30 points at the fixed recipe and 24.60 points tuned.",
        ),
        (FAR, FAR, ""),
        (FAR, [v + d for v, d in zip(FAR, [0.01, -0.02, -0.02, -0.01, 0.02], strict=True)], ""),
        ([0.90, 0.901, 0.9], [0.90, 0.91, 0.905], ""),  # three rows: noise
    ],
)
def test_what_tuning_did_to_the_variance(before, after, said):
    rows = {name: ["", 0] for name in "abcd"[: len(before) - 1]}
    fixed, now = (compared(**rows).assign(accuracy=values) for values in (before, after))
    found = tuning_summary.recipe(fixed, now, "base")
    assert said in found
    assert ("standard deviation" in found) == bool(said)


def test_choices_and_the_ends_of_an_axis():
    rows = [("a", s, 0 if s < 3 else 1, 1e-3 if s < 3 else 0.9) for s in range(12)]
    rows += [("b", s, 1, 0.01) for s in range(12)]
    chosen = pd.DataFrame(rows, columns=["label", "seed", "candidate", "lr"])
    found = tuning_summary.choices(chosen, space(AMONG)).set_index("label")
    assert found.loc["a", ["recipe", "low", "high", "replicates"]].tolist() == [3, 0, 9, 12]
    assert found.loc["b", ["least", "median", "most", "high"]].tolist() == [0.01, 0.01, 0.01, 0]
    tried = [(label, s, n, lr) for label in "ab" for s in range(12) for n, lr in enumerate(TRIED)]
    candidates = pd.DataFrame(tried, columns=["label", "seed", "candidate", "lr"])
    assert tuning_summary.at_edges(chosen, candidates, space(AMONG)) == [("lr", "high", ["a"])]
    at_ends = candidates.assign(lr=[1e-4, 1e-4, 0.9, 0.9] * 24)
    assert tuning_summary.at_edges(chosen, at_ends, space(AMONG)) == []
    assert tuning_summary.at_edges(chosen, candidates[:0], space(AMONG)) == []


TRIED = [1e-3, 0.9, 0.01, 0.02]


@pytest.mark.parametrize("values", [[0.5, 1, 2], [0.25, 0.5, 1, 2, 4]])
def test_a_choice_at_random_is_rarely_called_one_of_an_end(values):
    """Of few values many are ends: chance takes one in a quarter of the seeds or more."""
    rng, rows, wrong = np.random.default_rng(0), 3, 0
    among = space({"init_scale": values, "budget": 3})
    for trial in range(100):
        tried, chosen = [], []
        for seed in range(8 * trial, 8 * trial + 8):
            own = [one.get("init_scale", 1) for one in among.candidates(seed)]
            for label in range(rows):
                tried += [[label, seed, number, value] for number, value in enumerate(own)]
                chosen.append([label, seed, rng.choice(own)])
        names = ["label", "seed", "candidate", "init_scale"]
        tables = (
            pd.DataFrame(chosen, columns=[*names[:2], "init_scale"]),
            pd.DataFrame(tried, columns=names),
        )
        wrong += bool(tuning_summary.at_edges(*tables, among))
    assert wrong <= 8


def test_an_end_that_many_seeds_chose_is_told_with_its_value():
    edges = [("lr", "high", ["a", "b"])]
    assert tuning_summary.notes(edges, space(AMONG)) == [
        "In more seeds than chance explains the lr that was chosen lies at the high end of what was"
        " tried (1): a, b. The best may lie beyond it."
    ]


def test_how_much_of_the_spread_was_the_recipe():
    assert tuning_summary.removed({"a": 0.9, "b": 0.5}, {"a": 0.9, "b": 0.9}) == 1
    assert tuning_summary.removed({"a": 0.9, "b": 0.5}, {"a": 0.9, "b": 0.7}) == pytest.approx(0.75)
    assert tuning_summary.removed({"a": 0.9}, {"a": 0.9}) == 0
    assert tuning_summary.spread({"a": 0.9, "b": 0.5}) == pytest.approx(np.std([0.9, 0.5], ddof=1))


@pytest.fixture(scope="module")
def real() -> dict[str, pd.DataFrame]:
    among = AMONG | {"budget": 6}
    tables: dict[str, list] = {"candidates": [], "chosen": [], "fixed": [], "history": []}
    for name in ("relu", "srelu"):
        result = afnlab.tune("digits-mlp", name, among, seeds=4, epochs=3)
        for what, found in tables.items():
            found.append(getattr(result, what).assign(label=name))
    return {what: pd.concat(found, ignore_index=True) for what, found in tables.items()}


def test_figures_of_a_real_tuning(real):
    tried = tuning_summary.trials(real["candidates"])
    with styled():
        figure = tuning.over(tried, "lr", ["relu", "srelu"], "relu", log=True)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["ReLU", "SReLU"]
    assert figure.axes[0].get_xscale() == "log"
    dots = figure.axes[1].lines[0].get_xdata()
    np.testing.assert_array_equal(dots, tried[tried.label == "srelu"].lr)
    found = tuning_summary.curves(real["candidates"], ["relu", "srelu"], most=8)
    ax = tuning.curves(plt.Figure().subplots(), found, ["relu", "srelu"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["ReLU", "SReLU"]
    last = {
        what: real[what][real[what].epoch == 3].groupby("label").test_accuracy.mean()
        for what in ("fixed", "history")
    }
    figure = tuning.shift(last["fixed"], last["history"], "relu")
    assert len(figure.axes[0].patches) + len(figure.axes[0].texts) >= 2
    figure.draw_without_rendering()
