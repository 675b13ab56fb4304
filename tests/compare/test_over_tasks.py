"""The comparison over several tasks: effects in one direction, ranks over tasks, what is said."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from afnlab import stats
from afnlab.compare.over_tasks import compared, over_tasks
from afnlab.compare.proper_names import proper_name
from afnlab.figures import over_tasks as heat_map
from afnlab.figures.style import BLUE, ORANGE, styled
from afnlab.measures import ACCURACY
from afnlab.paths import find
from afnlab.report import sections
from tests.compare.test_headline import DOWN, UP, made

LABELS = ["relu", "good", "bad", "even"]
TASKS = [f"task {i}" for i in range(6)]


def values(seed: int, seeds: int = 8) -> pd.DataFrame:
    """Seeds x labels, higher is better: "good" by 2, "bad" by -1, "even" the same on average."""
    noise = np.random.default_rng(seed).normal(size=(seeds, 4)) * 0.3
    noise[:, 3] -= noise[:, 3].mean() - noise[:, 0].mean()
    return pd.DataFrame(noise + np.array([0.0, 2.0, -1.0, 0.0]), columns=LABELS)


def verdicts(**changes) -> pd.Series:
    told = {"relu": "baseline", "good": "better", "bad": "worse", "even": "not told apart"}
    return pd.Series(told | changes)


def selection(task: str, better: str, seed: int, **changes):
    """What the comparison reads of a selection; where lower is better, the values are negative."""
    sign = 1 if better == "higher" else -1
    made = SimpleNamespace(
        task=SimpleNamespace(name=task),
        measure=SimpleNamespace(sign=sign),
        final=sign * values(seed),
        table=pd.DataFrame({"verdict": verdicts()}),
        baseline="relu",
        rows={},
        brief="",
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def both_ways() -> list:
    return [selection(task, ("higher", "lower")[i % 2], i) for i, task in enumerate(TASKS)]


def test_better_is_up_whatever_the_metric():
    found = over_tasks(both_ways())
    assert list(found.effects) == TASKS
    assert (found.effects.loc["good"] > 2).all()
    assert (found.effects.loc["bad"] < -1).all()
    assert found.effects.loc["relu"].isna().all()
    assert found.effects.loc["even"].abs().max() < 1e-9
    assert found.effects.index[0] == "good"
    assert found.effects.index[-1] == "bad"


def test_an_effect_is_in_deviations_of_the_differences():
    table = pd.DataFrame({"relu": [1.0, 2.0, 3.0], "good": [2.0, 4.0, 6.0]})
    found = compared({"a": table, "b": -table}, {}, "relu")
    assert found.effects.loc["good", "a"] == pytest.approx(2.0)  # 1, 2, 3: mean 2, deviation 1
    assert found.effects.loc["good", "b"] == pytest.approx(-2.0)


def test_a_task_is_a_block_however_many_seeds_it_has():
    tables = {task: values(i, seeds=8 + 4 * i) for i, task in enumerate(TASKS)}
    found = compared(tables, {t: verdicts() for t in TASKS}, "relu")
    assert found.ranking.blocks == 6
    wanted = stats.ranking(pd.DataFrame({t: v.mean() for t, v in tables.items()}).T)
    assert found.ranking.p == pytest.approx(wanted.p)
    pd.testing.assert_series_equal(found.ranking.ranks, wanted.ranks)
    assert found.distinguishes


def test_an_activation_that_a_task_lacks_has_no_rank():
    tables = {task: values(i) for i, task in enumerate(TASKS)}
    tables["task 2"] = tables["task 2"].drop(columns="good")
    found = compared(tables, {t: verdicts() for t in TASKS}, "relu")
    assert "good" not in found.ranking.ranks
    assert np.isnan(found.effects.loc["good", "task 2"])
    assert "good" in found.effects.index


def test_what_is_no_comparison_over_tasks():
    assert over_tasks([]) is None
    assert over_tasks([selection("a", "higher", 0)]) is None
    assert over_tasks([selection("a", "higher", 0), selection("a", "higher", 1)]) is None
    others = selection("b", "higher", 1, baseline="good")
    assert over_tasks([selection("a", "higher", 0), others]) is None


def test_too_few_for_ranks():
    two = values(0)[["relu", "good"]]
    found = compared({"a": two, "b": two}, {}, "relu")
    assert found.ranking is None
    assert "Ranks are not compared" in found.sentences[0]


def said(found) -> str:
    return " ".join(found.sentences)


def test_the_sentences():
    told = said(over_tasks(both_ways()))
    assert "Ranks are over 6 tasks as blocks" in told
    assert "for the 4 activations" in told
    assert "apart to be distinguishable (Nemenyi)" in told
    assert "What may be said: every cell, about its own task" in told
    assert "What may not: that an order holds on another task. 6 tasks are few" in told


def test_all_tasks_in_a_sentence():
    assert over_tasks(both_ways()).sentence == (
        "On 6 tasks, each by its own test: of 3 other activations, 1 (good) is shown to be better"
        " than ReLU on all 6 and 1 (bad) is worse on one or more. Mean ranks over the tasks are"
        " not all alike."
    )
    parts = both_ways()[:2]
    parts[0].table = pd.DataFrame({"verdict": verdicts(good="not distinguishable", bad="open")})
    parts[1].table = pd.DataFrame({"verdict": verdicts(bad="open", even="better")})
    assert over_tasks(parts).sentence == (
        "On 2 tasks, each by its own test: of 3 other activations, none is shown to be better than"
        " ReLU on both and 2 (good and even) are on one of them. Mean ranks over the tasks tell no"
        " two apart."
    )


def test_two_tasks_cannot_tell_many_apart():
    """Nemenyi's critical difference is then larger than any difference of ranks."""
    labels = [f"f{i:02}" for i in range(30)]
    rows = np.arange(30) + 0.01 * np.random.default_rng(0).normal(size=(8, 30))
    tables = {t: pd.DataFrame(rows + i, columns=labels) for i, t in enumerate("ab")}
    found = compared(tables, {}, "f00")
    assert found.distinguishes
    assert "which so few tasks cannot show: ranks lie at most 29 apart" in said(found)


def test_alike_on_all_tasks():
    rng = np.random.default_rng(3)
    tables = {t: pd.DataFrame(rng.normal(size=(8, 4)), columns=LABELS) for t in TASKS}
    found = compared(tables, {}, "relu")
    assert not found.distinguishes
    assert "No two activations are distinguishable over these tasks." in said(found)


@pytest.mark.parametrize(
    ("effect", "verdict", "text"),
    [
        (1.23, "better", "+1.2 \N{BLACK UP-POINTING TRIANGLE}"),
        (-0.5, "worse", "\N{MINUS SIGN}0.5 \N{BLACK DOWN-POINTING TRIANGLE}"),
        (0.04, "not told apart", "0.0"),
        (0.3, "equivalent", "+0.3 ="),
        (9.0, "too few seeds", "+9.0 ?"),
        (-0.04, "not told apart", "0.0"),
        (np.inf, "better", "+\N{INFINITY} \N{BLACK UP-POINTING TRIANGLE}"),
        (-np.inf, "", "\N{MINUS SIGN}\N{INFINITY}"),
        (np.nan, "baseline", "\N{MIDDLE DOT}"),
        (np.nan, "", ""),
    ],
)
def test_a_cell(effect, verdict, text):
    assert heat_map.cell(effect, verdict) == text


def test_the_heat_map():
    found = over_tasks(both_ways())
    with styled():
        figure = heat_map.over_tasks(found.effects, found.verdicts)
    (ax,) = figure.axes
    figure.draw_without_rendering()
    assert len(ax.texts) == 4 * 6
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        proper_name(label) for label in found.effects.index
    ]
    assert [t.get_text() for t in ax.get_xticklabels()] == TASKS
    image = ax.images[0]
    assert image.get_array().shape == (4, 6)
    colours = [image.cmap(image.norm(v))[:3] for v in (-3.0, 3.0)]
    assert np.allclose(colours, [to_rgb(ORANGE), to_rgb(BLUE)], atol=0.02)
    assert image.cmap(image.norm(0.0))[3] < 0.02


def test_the_section():
    page = sections.over_tasks(both_ways())
    assert "<h2>Over tasks</h2>" in page.data
    assert set(page.figures) == {"over-tasks", "over-tasks-ranks"}
    assert "better</td>" in page.data
    assert "What may not" in page.data
    assert sections.over_tasks(both_ways()[:1]).data == ""


def test_names_are_escaped_and_none_is_mathematics():
    odd = "<b>$x$"
    parts = both_ways()
    for part in parts:
        part.final = part.final.rename(columns={"good": odd})
        part.table = part.table.rename(index={"good": odd})
    page = sections.over_tasks(parts).data
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_a_report_says_what_holds_for_all_tasks_before_it_tells_of_one():
    notebook = find("notebooks", "report", ".ipynb").read_text(encoding="utf-8")
    places = [notebook.index(f"sections.{n}(") for n in ("every_setting", "over_tasks")]
    assert places == sorted(places)
    assert places[-1] < notebook.index("sections.first_screen(")
    parts = []
    for task, better in (("one", {"good": UP, "bad": DOWN}), ("two", {"good": UP, "bad": UP})):
        table = made(**better)
        changes = {"table": table, "measure": ACCURACY, "setting": f"{task}, 5 epochs"}
        parts.append(selection(task, "higher", 0, **changes))
    page = sections.every_setting(parts).data
    assert page.index("On 2 tasks, each by its own test") < page.index("one, 5 epochs")
    assert "1 (good) is shown to be better than ReLU on both, 1 (bad) is on one of them" in page
    assert "On 2 tasks" not in sections.every_setting([parts[0], parts[0]]).data  # of one task


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("better", "open", "GELU is better than ReLU on 1 and worse on none."),
        ("worse", "worse", "GELU is better than ReLU on none and worse on 2."),
    ],
)
def test_of_one_other_row_the_sentence_names_it(first, second, said):
    tables = {task: values(i)[["relu", "good"]] for i, task in enumerate("ab")}
    tables = {task: one.rename(columns={"good": "gelu"}) for task, one in tables.items()}
    kinds = [pd.Series({"relu": "baseline", "gelu": verdict}) for verdict in (first, second)]
    found = compared(tables, dict(zip("ab", kinds, strict=True)), "relu")
    assert found.sentence == f"On 2 tasks, each by its own test: {said}"
