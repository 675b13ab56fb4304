"""What sweeps until decided train and say, with runs whose values are planted."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afnlab import stats
from afnlab.cli import main
from afnlab.compare import select, summary_table
from afnlab.compare.next_step import next_step
from afnlab.measures import ACCURACY, accuracy_of
from afnlab.runs import execution, load, records, sweep
from afnlab.runs.run_spec import TrainingSpec
from afnlab.runs.seed_pairs import differences, seed_pairs
from afnlab.runs.storage import runs_folder
from afnlab.runs.storage.atomic_write import Attempt
from afnlab.runs.sweeps import sweep_file
from afnlab.runs.sweeps.until_decided import Comparisons
from afnlab.training.history_columns import AFTER, BEFORE

ENVIRONMENT = {
    **{"examples": {"train": 1000, "test": 450}, "evaluated": "test", "classes": 10, "data": ""},
    **{"dtype": "float32", "device": "cpu", "device_name": "cpu", "python": "", "torch": ""},
    **{"numpy": "", "platform": "", "threads": 1},
}


EFFECTS = {"relu": 0.0, "gelu": 0.3, "tanh": 0.0, "selu": -0.3}


class Killed(BaseException):
    """The end of a process."""


class Planted:
    """An executor that trains nothing: an accuracy is 50 %, an effect, and what the seed adds.

    effects: by activation, or a function of the spec and the seed; None: the seed diverges.
    failing: the activations whose runs fail. lasting: how many runs are made before the process is
    killed. meanwhile: what another process does during the first batch.
    """

    here, running = True, 0

    def __init__(self, effects=None, failing=(), lasting=10_000, meanwhile=None):
        self.effects, self.failing, self.lasting = effects or EFFECTS, failing, lasting
        self.meanwhile = meanwhile

    def results(self, specs, place):
        if self.meanwhile is not None:
            self.meanwhile, meanwhile = None, self.meanwhile
            meanwhile()
        for spec in specs:
            if self.lasting == 0:
                raise Killed
            self.lasting -= 1
            if spec.training.label in self.failing:
                yield spec, execution.note_failure(spec, place.folder, "boom")
            else:
                self.write(spec, place.folder)
                yield spec, None

    def value(self, spec: TrainingSpec, seed: int) -> float | None:
        name = spec.training.label
        effect = self.effects(spec, seed) if callable(self.effects) else self.effects[name]
        noise = np.random.default_rng([seed, *name.encode()]).normal(0, 0.02)
        return None if effect is None else float(np.clip(0.5 + effect + noise, 0, 1))

    def write(self, spec: TrainingSpec, folder: Path) -> None:
        attempt = Attempt(folder, spec.id)
        values = {seed: self.value(spec, seed) for seed in spec.seeds}
        epochs = range(1, int(spec.training.epochs) + 1)
        rows = [(s, e, 1.0, 1.0, v, 0.1, v is None) for s, v in values.items() for e in epochs]
        history = pd.DataFrame(rows, columns=[*BEFORE, ACCURACY.column, *AFTER])
        history = history.astype({ACCURACY.column: float})
        history.to_parquet(attempt.folder / runs_folder.HISTORY)
        (attempt.folder / runs_folder.NOTEBOOK).write_text("{}")
        mean = None if None in values.values() else float(np.mean(list(values.values())))
        made = {"metrics": {ACCURACY.column: mean, "diverged": [*values.values()].count(None)}}
        made |= {"environment": ENVIRONMENT, "versions": {}, "seconds": 1.0, "git": None}
        attempt.finish(execution.facts_of(spec) | made)


def plan(activations=("relu", "gelu", "tanh", "selu"), most=24, **grid):
    shared = {} if "epochs" in grid else {"epochs": 1}
    content = {"grid": {"activation": list(activations), **grid}, "parameters": shared}
    return sweep_file.read(content | {"seeds": f"until decided, at most {most}"})


def swept(what, runs, executor=None, **how):
    """The lines of a sweep on its decisions, and its outcome."""
    said: list[str] = []
    outcome = sweep(what, runs=runs, executor=executor or Planted(), report=said.append, **how)
    return [line for line in said if "against" in line or "baseline" in line], outcome


APART = {  # what the grid has beside activations, and what lines begin with
    "epochs": ({"epochs": [1, 2]}, ["digits-mlp gelu, 1 epoch: ", "digits-mlp gelu, 2 epochs: "]),
    "examples": (
        {"limit_train": [40, 0]},
        ["digits-mlp gelu, 40 to train: ", "digits-mlp gelu, all to train: "],
    ),
    "tasks": (
        {"task": ["digits-mlp", "digits-convnet"]},
        ["digits-mlp gelu: ", "digits-convnet gelu: "],
    ),
    "precision": (
        {"dtype": ["float32", "float64"]},
        ["digits-mlp gelu: ", "digits-mlp gelu(dtype=float64): "],
    ),
    "nothing": ({}, ["digits-mlp gelu: "]),
}


@pytest.mark.parametrize("case", APART)
def test_runs_are_compared_with_the_baseline_of_their_setting(case, tmp_path):
    """That networks with more examples are better says nothing of their activations."""
    grid, begin = APART[case]

    def effect(spec, _):
        few = spec.training.limit_train == 40 or spec.training.epochs == 1
        return {"relu": 0.0, "gelu": -0.1}[spec.training.activation.label] - 0.2 * few

    what = plan(("relu", "gelu"), **grid)
    lines, _ = swept(what, tmp_path, Planted(effect))
    assert [line.partition("worse, against relu")[0] for line in lines] == begin
    comparisons = Comparisons.of(what.specs(), "relu")
    for group, base in comparisons.against.items():
        assert comparisons.specs[group].setting == base.setting


def test_the_setting_without_a_baseline_is_named(tmp_path):
    pairs = {"activation": ["relu", "gelu", "gelu"], "epochs": [1, 1, 2]}
    what = sweep_file.read({"zip": pairs, "seeds": "until decided"})
    with pytest.raises(ValueError, match="digits-mlp, 2 epochs has none among the runs: relu"):
        sweep(what, runs=tmp_path, executor=Planted())


def test_a_sweep_ends_where_nothing_comes_of_a_batch(tmp_path):
    class Nothing(Planted):
        """Says of every run that it was made."""

        def results(self, specs, place):
            self.lasting -= 1
            assert self.lasting
            yield from ((spec, None) for spec in specs)

    lines, _ = swept(plan(("relu", "gelu")), tmp_path, Nothing(lasting=3))
    assert lines == ["digits-mlp gelu: open, against relu, after 0 seeds"]


def test_parts_of_a_sweep_decide_as_all_of_it_does(tmp_path):
    """A part has its share of the error; the baselines are trained though nobody asks for them."""
    every = [f"srelu(t={t})" for t in range(1, 9)]
    effects = {"relu": 0.0, **dict.fromkeys(every, 0.3)}
    what = plan(["relu", {"srelu": {"t": list(range(1, 9))}}], most=10)
    whole, _ = swept(what, tmp_path / "whole", Planted(effects))
    parts = []
    for name in every:
        only = {"label": name}
        parts += swept(what, tmp_path / "parts", Planted(effects), only=only)[0]
    assert parts == whole
    assert all(" open, against" in line for line in whole)  # at 5 % each would be decided by 8
    alone, _ = swept(
        plan(["relu", {"srelu": {"t": 1}}], most=10), tmp_path / "alone", Planted(effects)
    )
    assert "better, against relu, after 8 seeds" in alone[0]
    comparisons = Comparisons.of(what.specs(), "relu")
    part = comparisons.only(comparisons.runs[1:2])
    assert part.families == comparisons.families
    assert [len(groups) for groups in part.families.values()] == [8]
    assert [spec.training.label for spec in part.runs] == ["relu", "srelu(t=1)"]


def test_a_baseline_alone_is_compared_with_nothing(tmp_path):
    lines, outcome = swept(plan(), tmp_path, only={"activation": "relu"})
    assert lines == ["only baselines are asked for: nothing is compared, and no seeds are added"]
    assert outcome.added == []


@pytest.mark.parametrize("again", [False, True])
def test_a_row_that_fails_is_left_out(again, tmp_path):
    effects = EFFECTS | {"elu": 0.0}
    what = plan(("relu", "elu", "gelu", "tanh", "selu"))
    whole, _ = swept(what, tmp_path / "whole", Planted(effects))
    failing = Planted(effects, failing=["elu"])
    lines, outcome = swept(what, tmp_path / "runs", failing)
    assert (len(outcome.failed), outcome.earlier) == (1, [])
    if again:
        lines, outcome = swept(what, tmp_path / "runs", failing)
        assert (outcome.failed, len(outcome.earlier)) == ([], 1)
        assert outcome.added == []
    assert lines[0] == "digits-mlp elu: open, against relu, after 0 seeds; its next seeds failed"
    assert lines[1:] == whole[1:]
    lines, outcome = swept(what, tmp_path / "runs", Planted(effects), retry_failed=True)
    assert lines == whole
    assert outcome.failed == []


def test_a_baseline_that_fails_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.yaml").write_text(
        "zip: {activation: [relu, gelu, relu, gelu, tanh], epochs: [1, 1, 2, 2, 2],\n"
        "      lr: [0.01, 0.01, 0.1, 0.1, 0.1]}\nseeds: until decided, at most 24\n"
    )
    what = sweep_file.read(tmp_path / "mine.yaml")

    def effect(spec, _):
        return EFFECTS[spec.training.activation.label]

    executor = Planted(effect, failing=["relu(lr=0.1)"])
    monkeypatch.setattr("afnlab.cli.sweep.executor_of", lambda _: executor)
    assert main(["sweep", str(what.path), "--runs", str(tmp_path / "runs")]) == 1
    printed = capsys.readouterr()
    lines = [line for line in printed.out.splitlines() if "against" in line or "baseline" in line]
    assert lines == [
        "digits-mlp gelu(lr=0.01), 1 epoch: better, against relu(lr=0.01), after 8 seeds",
        "digits-mlp relu(lr=0.1), 2 epochs: failed, and is the baseline: 2 comparisons with it stay"
        " open",
    ]
    assert printed.err.startswith("failed: digits-mlp relu(lr=0.1), 2 epochs: boom\n")
    seeds = trained(tmp_path / "runs")
    assert {label: len(its) for label, its in seeds.items()} == {
        **{"digits-mlp relu(lr=0.01)": 8, "digits-mlp gelu(lr=0.01)": 8},
        **{"digits-mlp gelu(lr=0.1)": 8, "digits-mlp tanh(lr=0.1)": 8},
    }


def test_a_seed_that_diverges_counts_as_in_a_comparison(tmp_path):
    def effect(spec, seed):
        name = spec.training.label
        return None if (name, seed) in {("gelu", 3), ("relu", 5), ("tanh", 2)} else EFFECTS[name]

    what = plan()
    swept(what, tmp_path, Planted(effect))
    ideas, base = what.specs()[1:], what.specs()[0]
    labels = {spec.group: spec.training.label for spec in what.specs()}
    history = load(tmp_path)
    history = history.assign(label=history.group.map(labels))
    table = summary_table.as_history(history, accuracy_of(10))
    values = summary_table.final_values(table)
    for spec in ideas:
        pairs = seed_pairs(tmp_path, spec, base)
        compared = (values[spec.training.label] - values["relu"]).dropna()
        assert differences(pairs.values(), ACCURACY) == pytest.approx(compared.to_numpy())


def test_it_is_said_beforehand_that_so_few_seeds_decide_nothing(tmp_path, capsys):
    least = stats.seeds_to_decide(1 - 0.05 / 3)
    note = (
        "digits-mlp: with at most 8 seeds and 3 comparisons not even a difference that is the same"
        f" at every seed is decided; that takes {least} seeds, so at the least 'seeds: until"
        f" decided, at most {least}'"
    )
    file = tmp_path / "mine.yaml"
    for most, notes in ((8, [note]), (least, [])):
        file.write_text(
            "grid: {activation: [relu, gelu, tanh, selu]}\nparameters: {epochs: 1}\n"
            f"seeds: until decided, at most {most}\n"
        )
        said: list[str] = []
        runs = tmp_path / f"runs{most}"
        sweep(file, runs=runs, executor=Planted(), report=said.append)
        assert said[0].endswith("4 runs, 0 present, 4 to do")
        assert [line for line in said if "at the least" in line] == said[1:2] * len(notes) == notes
        assert main(["sweep", str(file), "--dry-run", "--runs", str(runs)]) == 0
        assert capsys.readouterr().err.splitlines() == notes
        sweep(file, runs=runs, seeds=2, executor=Planted(), report=said.append)


GOING_ON = {
    "killed at once": 0,
    "killed in the first batch": 2,
    "killed between two": 4,
    "killed in the second": 5,
    "killed later": 7,
}


@pytest.mark.parametrize("case", GOING_ON)
def test_a_sweep_that_was_killed_goes_on_as_if_it_had_not_been(case, tmp_path):
    whole, _ = swept(plan(), tmp_path / "whole")
    assert [line.split()[2] for line in whole] == ["better,", "open,", "worse,"]
    for _ in range(2):
        with pytest.raises(Killed):
            swept(plan(), tmp_path / "runs", Planted(lasting=GOING_ON[case]))
        if GOING_ON[case] > 3:
            break
    lines, _ = swept(plan(), tmp_path / "runs")
    assert lines == whole
    assert trained(tmp_path / "runs") == trained(tmp_path / "whole")


def trained(runs) -> dict[str, set[int]]:
    """The seeds that there are, by label."""
    made: dict[str, list[int]] = {}
    for record in records(runs):
        made.setdefault(record["label"], []).extend(record["seeds"])
    assert all(len(set(seeds)) == len(seeds) for seeds in made.values())
    return {label: set(seeds) for label, seeds in made.items()}


def verdicts(lines):
    """Without numbers of seeds: by Holm's procedure these depend on what the others have."""
    return [line.partition(", after")[0] for line in lines]


def test_a_file_that_changes_decides_as_if_it_had_been_so(tmp_path):
    whole, _ = swept(plan(most=24), tmp_path / "whole")
    for activations, most in ((("relu", "gelu"), 8), (("relu", "gelu", "selu"), 12)):
        swept(plan(activations, most), tmp_path / "runs")
    lines, _ = swept(plan(most=24), tmp_path / "runs")
    assert verdicts(lines) == verdicts(whole)
    fixed = sweep_file.read(
        {"grid": {"activation": ["relu", "gelu", "tanh"]}, "parameters": {"epochs": 1}}
    )
    sweep(
        fixed,
        runs=tmp_path / "fixed",
        seeds=[0, 1, *range(30, 40)],
        executor=Planted(),
        report=print,
    )
    lines, _ = swept(plan(most=24), tmp_path / "fixed")
    assert verdicts(lines) == verdicts(whole)
    assert set(range(8)) <= trained(tmp_path / "fixed")["digits-mlp gelu"]
    less, _ = swept(plan(most=8), tmp_path / "runs")
    assert less == swept(plan(most=8), tmp_path / "less")[0] != whole


def test_two_sweeps_of_a_file_decide_alike(tmp_path):
    whole, _ = swept(plan(), tmp_path / "whole")
    other: list[str] = []

    def meanwhile():
        other.extend(swept(plan(), tmp_path / "runs")[0])

    lines, _ = swept(plan(), tmp_path / "runs", Planted(meanwhile=meanwhile))
    assert lines == other == whole
    assert trained(tmp_path / "runs") == trained(tmp_path / "whole")


def dry(file, runs, capsys, *flags) -> dict[str, tuple[str, str]]:
    """What a dry run says of each row, by its activation: the id, and how it stands."""
    assert main(["sweep", str(file), "--dry-run", "--runs", str(runs), *flags]) == 0
    lines = [re.split(" {2,}", line) for line in capsys.readouterr().out.splitlines()]
    return {label.removeprefix("digits-mlp "): (run, state) for run, label, state in lines}


BOTH = """\
zip: {activation: [relu, gelu, relu, tanh], epochs: [1, 1, 2, 2]}
seeds: until decided, at most 18
"""
FIRST, SECOND = "0, 1, 2, 3, 4, 5, 6, 7", "8, 9, 10, 11, 12, 13, 14, 15"


def test_a_dry_run_says_what_a_sweep_would_do_next(tmp_path, capsys):
    """Which runs it makes, under which ids, and how many seeds there may be at most.

    A row whose next seeds failed gets none, nor does a baseline for its sake.
    """
    file, runs = tmp_path / "mine.yaml", tmp_path / "runs"
    file.write_text(BOTH)
    said = dry(file, runs, capsys)
    to_do = "to do: seeds {}; then more until decided, at most 18"
    assert {state for _, state in said.values()} == {to_do.format(FIRST)}
    with pytest.raises(Killed):
        swept(file, runs, Planted(lasting=4))
    assert {r["id"] for r in records(runs)} == {run for run, _ in said.values()}
    later = dry(file, runs, capsys)
    assert later["relu, 1 epoch"] == (said["relu, 1 epoch"][0], "present")
    gelu = "present; better after 8 seeds"
    assert later["gelu, 1 epoch"] == (said["gelu, 1 epoch"][0], gelu)
    for label in ("relu, 2 epochs", "tanh, 2 epochs"):
        assert later[label][1] == to_do.format(SECOND)
    swept(file, runs, Planted(failing=["tanh"]))
    failed = dry(file, runs, capsys)
    run, state = failed["tanh, 2 epochs"]
    assert run == later["tanh, 2 epochs"][0]
    assert state.startswith("failed: boom")
    assert state.endswith(f": seeds {SECOND}")
    assert failed["relu, 2 epochs"] == (later["relu, 2 epochs"][0], "present")
    assert swept(file, runs)[1].added == []  # as it says
    swept(file, runs, retry_failed=True)
    ended = dry(file, runs, capsys)
    assert [state for _, state in ended.values()] == [
        *("present", gelu, "present", "present; open after 18 seeds")
    ]
    assert {run for run, _ in ended.values()} <= {r["id"] for r in records(runs)}
    words = ["sweep", str(file), "--dry-run", "--runs", str(runs), "--only", "activation=relu"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("only baselines are asked for: nothing is compared")


def test_a_dry_run_of_a_baseline_that_failed_expects_no_more(tmp_path, capsys):
    file, runs = tmp_path / "mine.yaml", tmp_path / "runs"
    file.write_text(BOTH)
    swept(file, runs, Planted(failing=["relu"]))
    said = dry(file, runs, capsys)
    assert said["relu, 1 epoch"][1].startswith("failed: boom")
    assert said["gelu, 1 epoch"][1] == "present"
    assert swept(file, runs)[1].added == []


def compared(file, runs) -> dict[str, tuple[str, int]]:
    """The verdict of a comparison on each row of a sweep, in a sweep's words, and by how many seeds
    it is."""
    words = {"not distinguishable": "open", "too few seeds": "open"}
    (one,) = select(runs, file)
    rows = one.table[one.table.verdict != "baseline"]
    return {
        str(n): (words.get(row.verdict, row.verdict), int(row.pairs)) for n, row in rows.iterrows()
    }


def test_a_comparison_counts_the_seeds_that_the_sweep_counts(tmp_path):
    """Of a file that allows fewer than there are, and where others were trained beside them."""
    file, runs = tmp_path / "mine.yaml", tmp_path / "runs"
    text = "grid: {activation: [relu, gelu, tanh]}\nparameters: {epochs: 1}\nseeds: until decided"
    file.write_text(f"{text}, at most 40\n")
    swept(file, runs)
    sweep(file, runs=runs, seeds=[0, *range(60, 80)], executor=Planted(), report=print)
    for most, gelu in ((7, "open"), (12, "better"), (40, "better")):
        file.write_text(f"{text}, at most {most}\n")
        lines, outcome = swept(file, runs)
        assert outcome.added == []
        told = {line.split()[1].rstrip(":"): line.split()[2].rstrip(",") for line in lines}
        said = compared(file, runs)
        assert {label: verdict for label, (verdict, _) in said.items()} == told
        assert told["gelu"] == gelu
        assert all(pairs <= most for _, pairs in said.values())
    (one,) = select(runs, file, seeds=7)  # a fixed number: of all that is there
    assert one.table.pairs["gelu"] >= 7 + 20
    (said,) = (note for note in one.notes if "asks for" in note)
    assert said.startswith("The sweep asks for 7 seeds; ")
    assert f"GELU has {one.final.gelu.notna().sum()}" in said


def test_a_row_whose_next_seeds_failed_is_named_in_a_comparison(tmp_path):
    file, runs = tmp_path / "mine.yaml", tmp_path / "runs"
    file.write_text(
        "grid: {activation: [relu, tanh]}\nparameters: {epochs: 1}\n"
        "seeds: until decided, at most 24\n"
    )
    with pytest.raises(Killed):
        swept(file, runs, Planted(lasting=2))
    (one,) = select(runs, file)
    assert one.absent == ()
    swept(file, runs, Planted(failing=["tanh"]))
    (one,) = select(runs, file)
    assert one.absent == (("digits-mlp tanh", f"seeds {SECOND}: failed: boom"),)
    assert any(
        f"missing here: digits-mlp tanh (seeds {SECOND}: failed: boom)" in n for n in one.missing
    )
    step = next_step(one.table, "relu", most=one.most)
    assert (step.most, one.table.pairs["tanh"]) == (24, 8)
    swept(file, runs, retry_failed=True)
    (one,) = select(runs, file)
    assert one.absent == ()
