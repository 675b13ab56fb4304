"""The first screen of a report: its tiles about the task and about more seeds, and the caption."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import unescape
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from afnlab import stats
from afnlab.cli.entry import parser
from afnlab.compare import select
from afnlab.compare.baseline_differences import BESIDE
from afnlab.compare.costs import Cost
from afnlab.compare.headline import Fact
from afnlab.compare.next_step import NextStep, next_step
from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import compare_histories, final_values
from afnlab.measures import ACCURACY
from afnlab.messages import spoken
from afnlab.report.sections.figures import _key, frontier
from afnlab.report.sections.first_screen import (
    LONG,
    _confirming,
    _more_seeds,
    _next,
    _task,
    _tile,
    _time,
    _tuning,
    confirmed,
    first_screen,
)
from afnlab.report.sections.html import heading, typed
from afnlab.runs import filtering
from afnlab.runs.notebook_parameters import parsing
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.pending import planned
from afnlab.training.space import space
from afnlab.training.tasks import get_task, list_tasks
from tests.compare.test_headline import DOWN, EVEN, SHORT, UP
from tests.compare.test_summary_table import rows
from tests.report.test_again import with_seeds
from tests.runs.test_runs import small_runs

BASE = [0.5 + 0.01 * (s % 3) for s in range(8)]
SAME = [0.001 * g for g in EVEN]
SEEDS = (
    "each grey dot is one of {}, which differ in initial weights and order of batches, not in"
    " examples; below them is their mean with its 95 % interval."
)
RIGHT = (
    f"First panel: {SEEDS.format('8 seeds')} Whether a row differs from ReLU is seen in the second"
    " one alone: the mean difference within the seeds, with its 95 % interval"
)
CAPTIONS = {  # rows by what they add, a margin, and the caption
    "open": (
        {"selu": EVEN, "tanh": EVEN[::-1]},
        None,
        f"{RIGHT} adjusted for 2 comparisons (ticks: unadjusted). Hollow circles: it includes 0.",
    ),
    "decided": (
        {"selu": UP, "tanh": EVEN},
        None,
        f"{RIGHT} adjusted for 2 comparisons (ticks: unadjusted). Filled circles: it excludes 0, so"
        " a difference is shown.",
    ),
    "one other": (
        {"selu": EVEN},
        None,
        f"{RIGHT} by the sign-flip test. Hollow circles: it includes 0.",
    ),
    "too few": (
        {"selu": UP[:3], "tanh": DOWN[:3]},
        None,
        f"{RIGHT.replace('8 seeds', '3 seeds')}. Circles are hollow: so few seeds can show no"
        " difference.",
    ),
    "a margin": (
        {"selu": SAME, "tanh": SAME[::-1]},
        0.02,
        f"{RIGHT} adjusted for 2 comparisons (ticks: unadjusted). Hollow circles: it includes 0."
        " Squares: equivalent. Shaded: within the margin.",
    ),
    "alone": ({}, None, f"E{SEEDS.format('8 seeds')[1:]}"),
}


def selected(gaps, margin=None):
    """What the caption reads, of rows by what each adds to ReLU."""
    seeds = min((len(g) for g in gaps.values()), default=8)
    parts = [rows("relu", BASE[:seeds])]
    parts += [rows(n, [b + v for b, v in zip(BASE, g, strict=False)]) for n, g in gaps.items()]
    history = pd.concat(parts, ignore_index=True)
    table = compare_histories(history, margin=margin)
    final = final_values(history)
    return SimpleNamespace(
        table=table, final=final, baseline="relu", margin=margin, measure=ACCURACY
    )


@pytest.mark.parametrize("case", CAPTIONS)
def test_the_caption_says_what_is_drawn(case):
    gaps, margin, said = CAPTIONS[case]
    assert _key(selected(gaps, margin)) == said


@pytest.mark.parametrize("gaps", [{"selu": EVEN}, {"selu": UP, "tanh": EVEN}], ids=len)
def test_the_caption_counts_comparisons_that_the_table_does_not_show(gaps):
    """As those of further confirmations: for them the bars are adjusted, too."""
    made = selected(gaps)
    made.table[BESIDE] = 2
    assert f" adjusted for {len(gaps) + 2} comparisons (ticks: unadjusted)." in _key(made)


def test_the_caption_of_unequal_seeds_and_of_what_is_cut():
    for values, said in (
        ([0.95] * 7 + [0.9], "At a triangle on the left edge, bar or dots go on."),
        ([0.1] * 8, "Numbers at the left edge: means far below."),
    ):
        near = [rows(f"a{i}", [0.95 + (s + i) / 1000 for s in range(8)]) for i in range(8)]
        history = pd.concat([*near, rows("wide", values)], ignore_index=True)
        made = selected({})
        made.table, made.final = compare_histories(history, "a0"), final_values(history)
        assert _key(made).endswith(said)
    made = selected({"selu": EVEN})
    made.table.loc["selu", "seeds"] = len(SHORT)
    assert SEEDS.format("4 to 8 seeds") in _key(made)


@pytest.fixture
def chosen():
    (one,) = select(small_runs())
    return one


def task_of(chosen, **facts):
    one = chosen.first
    changed = replace(one, task=replace(one.task, **facts))
    return _task(replace(chosen, rows=dict(chosen.rows) | {"relu": changed}))


def test_the_tile_about_the_task(chosen):
    tile = task_of(chosen)
    assert (tile.about, tile.value) == (
        "task: digits-mlp",
        "MLP 64-64-32-10 on scikit-learn's 8 x 8 digits",
    )
    assert tile.note == "1,347 to train, 450 to test, 2 epochs. Not tuned. Other tasks may differ."


@pytest.mark.parametrize(
    ("summary", "about", "value", "note"),
    [
        ("", "task", "digits-mlp", "1,347 to train, 450 test examples, 2 epochs. Not"),
        (
            "ring of dots",
            "task: digits-mlp",
            "Ring of dots",
            "1,347 to train, 450 test examples, 2 epochs. Not",
        ),
        (
            "a net (900 to train, 450 to test); deep",
            "task: digits-mlp",
            "A net",
            "900 to train, 450 to test, deep, 2 epochs. Not",
        ),
        (f"{'long ' * 20}net", "task", "digits-mlp", "long long"),
        (
            "a net, 2 epochs",
            "task: digits-mlp",
            "A net, 2 epochs",
            "1,347 to train, 450 test examples. Not",
        ),
        ("a net (9 to train), deep", "task: digits-mlp", "A net (9 to train), deep", "450 test"),
        (
            "a field of (x, y)",
            "task: digits-mlp",
            "A field of (x, y)",
            "1,347 to train, 450 test examples",
        ),
    ],
)
def test_the_tile_about_a_task_of_yours(summary, about, value, note, chosen):
    tile = task_of(chosen, summary=summary)
    assert (tile.about, tile.value) == (about, value)
    assert tile.note.startswith(note)


@pytest.mark.parametrize("name", list_tasks())
def test_every_task_is_told_in_large_type(name, chosen):
    summary = get_task(name).summary
    tile = task_of(chosen, name=name, summary=summary)
    assert tile.value[1:] == summary[1 : len(tile.value)]
    assert 10 < len(tile.value) <= LONG


def test_fewer_examples_than_the_task_has(chosen):
    few = {label: replace(one, limit_train=100) for label, one in chosen.rows.items()}
    note = _task(replace(chosen, rows=few)).note
    assert note.startswith("100 to train, 450 test examples, 2 epochs.")


@pytest.mark.parametrize(
    ("tuned", "said"),
    [
        (
            {"lr": {"from": 0.001, "to": 0.1, "log": True}, "init_scale": [1, 2], "budget": 6},
            "learning rate and scale of initial weights, 6 candidates",
        ),
        ({"lr": [0.1, 0.01]}, "learning rate, 2 candidates"),
        (
            {"lr": [0.1, 0.01], "weight_decay": [0.1, 0.2], "batch_size": [8, 16]},
            "learning rate, weight decay and batch size, 8 candidates",
        ),
    ],
)
def test_what_was_tuned(tuned, said):
    of = SimpleNamespace(tuning=space(tuned))
    assert _tuning(of) == f"Tuned for each seed on held-out training examples: {said} each"


def test_what_more_seeds_take(chosen):
    a_seed = sum(r["seconds"] for r in chosen.records) / 4
    for more, seeds in ((1, 3), (998, 1000)):
        told = _more_seeds(chosen, seeds)
        assert told.startswith(
            f"That trains {more} more seed{'s' * (more > 1)} of both activations"
        )
        time = told.split(" in about ")[1]
        assert time == f"{spoken(2 * more * a_seed)}."
    relu = chosen.rows["relu"].group
    some = [r | {"seeds": r["seeds"][:1]} if r["group"] == relu else r for r in chosen.records]
    unequal = replace(chosen, records=some)
    vars(unequal)["table"] = chosen.table
    told = _more_seeds(unequal, 3)
    assert told.startswith("That trains the missing seeds of both activations, in about ")


def test_the_command_is_about_the_task_where_there_are_others(chosen):
    seeds = next_step(chosen.table, "relu").seeds
    chosen = replace(chosen, place="")
    alone = first_screen(chosen, "mine.yaml", {"epochs": 2, "seeds": 2})
    assert typed(f"afnlab sweep mine.yaml --epochs 2 --seeds {seeds}") in alone.data
    among = first_screen(replace(chosen, apart={"task": "digits-mlp"}), "mine.yaml")
    line = typed(f"afnlab sweep mine.yaml --only task=digits-mlp --seeds {seeds}")
    assert line in among.data
    assert "<code><span>" not in first_screen(chosen).data.partition("</section>")[0]


def added(chosen, **changes):
    """The same with eight seeds of each row, and four more of srelu that came half an hour later.

    changes: of the record of the four.
    """
    first = [
        r | {"seeds": list(range(8)), "started": "2026-11-30T10:00:00+00:00"}
        for r in chosen.records
    ]
    of_srelu = next(r for r in first if r["group"] == chosen.rows["srelu"].group)
    four = {"seeds": list(range(8, 12)), "started": "2026-11-30T10:30:00+00:00", **changes}
    made = replace(chosen, records=[*first, of_srelu | four])
    vars(made).update(table=chosen.table, history=chosen.history)
    return made


def test_seeds_that_were_added_after_a_look_are_told(chosen):
    """Beside the table and among the notes; not once more where the evidence decided on them."""
    (said,) = added(chosen).stopping
    assert said.startswith("SReLU: 4 seeds were added when the others had been trained. If that")
    assert said in added(chosen).notes
    (other,) = added(chosen, until_decided=True).stopping
    assert "seeds were added until the evidence decided" in other
    assert added(chosen, started="2026-11-30T10:00:00+00:00").stopping == []
    of_baseline = replace(added(chosen), baseline="srelu")
    vars(of_baseline)["table"] = chosen.table
    assert of_baseline.stopping == []  # every row is told of by its own


def test_seeds_that_the_baseline_was_given_later_are_told(chosen):
    first = added(chosen)
    of_srelu = chosen.rows["srelu"].group
    twelve = [
        r if r["group"] == of_srelu else r | {"seeds": list(range(12))} for r in first.records
    ]
    made = replace(first, baseline="srelu", records=twelve)
    vars(made)["table"] = chosen.table
    (said,) = made.stopping
    assert said.startswith("SReLU: 4 seeds were added when the others had been trained. If that")
    fresh = replace(made, picking=chosen)  # another row was confirmed with more
    vars(fresh)["table"] = chosen.table
    assert fresh.stopping == []


def test_what_is_to_be_tuned_stands_with_where_to_write_it(chosen, monkeypatch):
    step = NextStep(Fact("what next", "Tune lr below 0.1", "A note."), tune={"lr": [0.01, 0.1]})
    module = import_module("afnlab.compare.statements")
    monkeypatch.setattr(module, "next_step", lambda *_, **__: step)
    chosen = replace(chosen, place="", apart={"task": "iris"})
    code = typed("tune: {lr: [0.01, 0.1]}")
    told = unescape(_next(chosen, "a.yaml", {"epochs": 5}))
    again = typed("afnlab sweep a.yaml --epochs 5 --only task=iris")
    assert f'<p class="note">In a.yaml:</p>{code}{again}' in told
    some = replace(chosen, only={"activation": ["relu", "srelu"]})
    again = typed("afnlab sweep a.yaml --only task=iris --only activation=relu,srelu")
    assert again in unescape(_next(some, "a.yaml", {}))
    told = unescape(_next(chosen, "default", {}))
    assert f"In a copy of the sweep default:</p>{code}" in told
    assert "afnlab sweep" not in told
    assert f"In the sweep file:</p>{code}" in unescape(_next(chosen, "", {}))


def test_the_command_that_tunes_is_that_of_the_setting(chosen):
    """Where nothing is open: the rows as they are, each within one budget."""
    table = compare_histories(
        pd.concat(
            [rows("relu", BASE), rows("srelu", [b + g for b, g in zip(BASE, UP, strict=True)])]
        )
    )
    one = replace(chosen, place="", apart={"task": "iris"})
    vars(one)["table"] = table
    told = unescape(_next(one, "a.yaml", {"epochs": 5, "seeds": 8}))
    line = "afnlab tune a.yaml --epochs 5 --seeds 8 --budget 8 --only task=iris"
    assert "Tune every row" in told
    assert typed(line) in told
    assert parser().parse_args(shlex.split(line)[1:]).budget == 8
    assert "<code>" not in _next(one, "", {})
    until = replace(one, most=40)
    vars(until)["table"] = table
    assert "Another task" in _next(until, "a.yaml", {})


def test_a_sweep_that_has_not_ended_goes_on_as_its_file_is(chosen, monkeypatch):
    """Until its rows have had as many seeds as the file allows; then that allows more."""
    step = NextStep(Fact("what next", "Up to 24 seeds", "A note."), most=24)
    module = import_module("afnlab.compare.statements")
    monkeypatch.setattr(module, "next_step", lambda *_, **__: step)
    chosen = replace(chosen, place="", most=24)
    told = unescape(_next(chosen, "a.yaml", {}))
    assert typed("afnlab sweep a.yaml --retry-failed") in told
    assert "In a.yaml:" not in told
    told = unescape(_next(replace(chosen, most=12), "a.yaml", {}))
    line = typed("seeds: until decided, at most 24")
    assert f"In a.yaml:</p>{line}{typed('afnlab sweep a.yaml')}" in told


def test_a_long_name_in_a_tile_breaks_between_its_words():
    """And a short one not at all."""
    tile = _tile(Fact("is hwave(batch_size=16) it?", "GELU(lr=0.03)", "No flag --only."))
    assert "Is hwave(<wbr>batch_<wbr>size=<wbr>16) it?" in tile
    assert "GELU(lr=0.03)" in tile
    assert "<span class=flag>--only</span>" in tile


def test_headings_below_a_settings_own_are_short(chosen):
    among = replace(chosen, among=True, brief="digits-mlp")
    assert heading("", among) == "<h2>digits-mlp, 2 epochs</h2>"
    assert heading("", among, 3) == "<h3>digits-mlp</h3>"
    assert heading("Every run", among) == "<h2>Every run: digits-mlp</h2>"
    assert heading("Every run", chosen) == "<h2>Every run</h2>"
    assert heading("", chosen) == heading("", chosen, 3) == ""


def test_the_setting_says_what_was_tuned(chosen):
    tune = {"lr": [0.1, 0.2], "init_scale": [1.0, 2.0], "budget": 3, "selection_seeds": 1}
    first, *others = chosen.records
    tuned = replace(
        chosen, records=[first | {"parameters": first["parameters"] | {"tune": tune}}, *others]
    )
    assert tuned.setting == "digits-mlp, 2 epochs, lr and init_scale tuned, 3 candidates"


def test_a_line_is_told_of_where_it_joins_something(chosen):
    means = chosen.table.accuracy
    best, other = means.index
    for seconds, said in (
        ({best: 1.0, other: 2.0}, f"{proper_name(best)} has the best mean, and none is quicker as"),
        ({best: 2.0, other: 1.0}, "the line joins what no other activation beats in both, from"),
    ):
        made = replace(chosen)
        vars(made).update(table=chosen.table, cost=Cost(pd.Series(seconds)))
        page = frontier(made).data
        assert said in page
        assert ("the line joins" in page) == ("the line joins" in said)


def picked(chosen, monkeypatch, seeds=17, **facts):
    """A selection whose best row is to be confirmed."""
    step = NextStep(Fact("what next", "Confirm it", "A note."), seeds, "srelu")
    module = import_module("afnlab.compare.statements")
    monkeypatch.setattr(module, "next_step", lambda *_, **__: step)
    return replace(chosen, **facts)


@pytest.mark.parametrize(
    ("sweep", "overrides", "facts", "line"),
    [
        ("default", {}, {"place": ""}, "afnlab confirm default srelu --seeds 17"),
        (
            "my sweep.yaml",
            {"epochs": 2, "seeds": 12, "limit_train": None},
            {"place": ""},
            "afnlab confirm 'my sweep.yaml' srelu --seeds 17 --epochs 2",
        ),
        (
            "a.yaml",
            {"budget": 8},
            {"place": str(Path.cwd() / "the runs"), "own_baseline": "relu(lr=0.1)"},
            "afnlab confirm a.yaml srelu --seeds 17 --budget 8 --baseline 'relu(lr=0.1)'"
            " --runs 'the runs'",
        ),
        (
            "a.yaml",
            {},
            {"place": "s3://user:word@bucket/runs", "margin": 0.005, "judged_by": "accuracy"},
            "afnlab confirm a.yaml srelu --seeds 17 --metric accuracy --margin 0.5"
            " --runs 's3://***@bucket/runs'",
        ),
        (
            "a.yaml",
            {},
            {"place": "/other", "only": {"lr": [0.1, 0.2]}, "apart": {"task": "iris", "epochs": 5}},
            "afnlab confirm a.yaml srelu --seeds 17 --only lr=0.1,0.2 --only task=iris"
            " --only epochs=5 --runs /other",
        ),
    ],
)
def test_the_command_confirms_in_the_setting_of_the_page(
    sweep, overrides, facts, line, chosen, monkeypatch
):
    """Whole, as a shell takes it, with what the page was made with."""
    made = picked(chosen, monkeypatch, **facts)
    told = unescape(_next(made, sweep, overrides))
    assert unescape(typed(line)) in told
    assert " for both." in told


def test_the_command_shows_the_confirmation_that_there_is(chosen, monkeypatch):
    step = NextStep(Fact("what next", "See it", "A note."), confirm="srelu", confirmed=True)
    module = import_module("afnlab.compare.statements")
    monkeypatch.setattr(module, "next_step", lambda *_, **__: step)
    made = replace(chosen, place="/other", own_baseline="relu", apart={"task": "iris"})
    line = (
        "afnlab compare a.yaml --confirmation --epochs 2 --baseline relu --only task=iris --runs"
        " /other"
    )
    tile = _next(made, "a.yaml", {"epochs": 2, "seeds": 9})
    assert unescape(typed(line)) in unescape(tile)
    assert parser().parse_args(typed_in(tile)[1:]).confirmation
    assert "<code>" not in _next(made, "", {})


@pytest.mark.parametrize(("first", "then"), [("tanh", "gelu"), ("gelu", "tanh")])
def test_the_commands_confirm_in_the_order_in_which_it_was_done(first, then, chosen):
    """How many seeds a row takes depends on how many were confirmed before it."""
    table = pd.DataFrame({"difference": 0.1, "spread": 0.1}, ["relu", "gelu", "tanh"])
    alone, second = (stats.seeds_to_detect(0.1, 0.1, n) for n in (1, 2))
    assert 6 < alone < second
    picking = replace(chosen, place="")
    vars(picking)["table"] = table

    def lines(**seeds):
        records = [
            {"group": n, "started": f"2026-11-30T1{n == then:d}:00:00", "seeds": [*range(count)]}
            for n, count in sorted(seeds.items())
        ]
        rows = {n: replace(chosen.rows["relu"], group=n) for n in ("relu", "gelu", "tanh")}
        made = replace(chosen, rows=rows, records=records, picking=picking)
        return [line.removeprefix("afnlab confirm s.yaml ") for line in confirmed(made, "s.yaml")]

    assert lines(**{first: 6, then: alone}) == [
        f"{first} --seeds 6 --few",
        f"{then} --seeds {alone} --few",
    ]
    assert lines(**{first: alone, then: second}) == [
        f"{first} --seeds {alone}",
        f"{then} --seeds {second}",
    ]
    table["difference"] = 0.0  # nothing is proposed, and two comparisons take seven seeds
    assert lines(**{first: 6, then: 6}) == [f"{first} --seeds 6", f"{then} --seeds 6 --few"]


FILE = "parameters: {epochs: 2}\ngrid: {activation: [relu, srelu]}\nseeds: 2\n"
THERE = {  # the seeds of both rows, what is in the file, and what chooses the page's rows
    "the first": (([0, 1], [0, 1]), FILE, {}),
    "others": (([100, 200], [100, 200]), FILE.replace("2\n", "[100, 200]\n"), {}),
    "more of one": (([100, 200], [100, 200, 300]), FILE, {}),
    "one in common": (([3, 4], [4, 5]), FILE, {}),
    "a row that is missing": (([3, 5], [3, 5]), FILE.replace("srelu]", "srelu, gelu]"), {}),
    "chosen by id": (([100, 200], [100, 200]), FILE.replace("2\n", "[100, 200]\n"), {"id": ...}),
    "chosen by a value": (([3, 5], [3, 5]), FILE.replace("]", ", gelu]"), {"activation": "srelu"}),
}


def typed_in(tile: str) -> list[str]:
    """The words of the command in a tile."""
    return shlex.split(unescape(re.sub("<[^>]*>", "", re.search("<code>(.*)</code>", tile)[1])))


@pytest.mark.parametrize("case", THERE)
def test_the_command_makes_what_is_promised(case, tmp_path, monkeypatch):
    """So many seeds in all, of the page's rows and no others."""
    (relu, srelu), file, only = THERE[case]
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(file)
    with_seeds(Path("runs"), {"relu": relu, "srelu": srelu})
    if "id" in only:
        (spec,) = (s for s in sweep_file.read("a.yaml").specs() if "srelu" in s.label)
        only = {"id": spec.id}
    (one,) = select(None, "a.yaml", only=only)
    there = {row.group: set(s) for row, s in zip(one.rows.values(), (relu, srelu), strict=True)}
    number = next_step(one.table, "relu").seeds
    tile = _next(one, "a.yaml", {})
    a = parser().parse_args(typed_in(tile)[1:])
    specs = planned(a.file, filtering.parsed(a.only), seeds=parsing.seeds(a.seeds)).specs
    assert {spec.group for spec in specs} == there.keys()
    assert f'<p class="value">{number} seeds in all</p>' in tile
    for spec in specs:
        assert len(there[spec.group] | set(spec.seeds)) == number
    more = {len(set(spec.seeds) - there[spec.group]) for spec in specs}
    said = f"That trains {min(more)} more seeds of both" if len(more) == 1 else "the missing seeds"
    assert said in tile


def test_seeds_that_not_all_rows_can_share_are_told(chosen):
    """Of rows with more seeds than are advised, as many are common to all."""
    relu = chosen.rows["relu"].group
    some = [r | {"seeds": [3, 5, 7] if r["group"] == relu else [7]} for r in chosen.records]
    made = replace(chosen, records=some)
    vars(made)["table"] = chosen.table
    assert _more_seeds(made, 2).endswith(" Some have 3 then, and all these 2.")
    assert "Some have" not in _more_seeds(made, 3)


@pytest.mark.parametrize("label", ["srelu(t=1.5)", "my idea.py:f", "it's", "$HOME", "a;b"])
def test_a_row_is_quoted(label, chosen):
    line = _confirming(replace(chosen, place=""), label, 6, "my sweep.yaml", {})
    assert shlex.split(line) == ["afnlab", "confirm", "my sweep.yaml", label, "--seeds", "6"]


def test_there_is_no_command_without_a_sweep(chosen, monkeypatch):
    assert "<code>" not in _next(picked(chosen, monkeypatch), "", {})


def test_how_long_a_confirmation_takes(chosen):
    """Of the row and the baseline alone, by what a seed of each took."""
    rows = ("relu", "srelu")
    seconds = sum(r["seconds"] / len(r["seeds"]) for n in rows for r in chosen.runs_of(n))
    assert _time(chosen, rows, 30) == spoken(30 * seconds)
    assert _time(chosen, rows[:1], 1) == spoken(chosen.runs_of("relu")[0]["seconds"] / 2)
