"""A report proved: its tables recomputed, its runs repeated."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from afnlab.cli import main
from afnlab.compare import select
from afnlab.report import export, write_report
from afnlab.report.verify import Verification, _again, verify
from afnlab.runs import RunFailed, RunSpec, records, rerun
from tests.report.test_report import SWEEP
from tests.runs.sweeps.test_until_decided_sweeps import plan, swept
from tests.runs.test_runs import means, rewrite, small_runs

pytestmark = pytest.mark.usefixtures("one_server")


@pytest.fixture(scope="module")
def proved(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("verify")
    (folder / "two.yaml").write_text(SWEEP)
    runs = shutil.copytree(small_runs(), folder / "runs")
    page = write_report.write(
        folder / "two.yaml", runs=runs, out=folder / "out", pdf=False, means=means()
    )
    return page, runs


@pytest.fixture
def copied(proved, tmp_path) -> tuple[Path, Path]:
    """A report and its runs, to be spoiled."""
    out = shutil.copytree(proved[0].parent, tmp_path / "out")
    return out, shutil.copytree(proved[1], tmp_path / "runs")


SOUND = "report.html: its table and its answers are what these runs give"


NOT_HERE = "numbers: not recomputed, since the runs are not here"


def lines(page: Path, **options) -> tuple[bool, list[str]]:
    said: list[str] = []
    return bool(verify(page, log=said.append, **options)), said


def test_of_what_may_come_of_it_only_that_all_agrees_is_true():
    """As `if verify(page):` reads, whatever the exit statuses are."""
    assert list(filter(None, Verification)) == [Verification.AGREES]


def test_a_sound_report(proved, capsys):
    good, said = lines(proved[0], rerun=0)
    assert good
    kept = [p for p in proved[0].parent.rglob("*") if p.is_file() and p.name != "report.json"]
    assert said == [
        f"files: all {len(kept)} as they were written",
        "digits-mlp-2-epochs.csv: recomputed from 2 runs, every digit the same",
        SOUND,
    ]
    assert main(["verify", str(proved[0].parent), "--rerun", "0"]) == 0
    closing = "verified: the report is what its runs give, and no run was made again"
    assert capsys.readouterr().out.splitlines() == [*said, closing]


def test_a_report_that_was_handed_over_says_whose_runs_it_reads(proved, tmp_path):
    """On one machine these are those of whoever made it, also where other runs lie beside it."""
    out = shutil.copytree(proved[0].parent, tmp_path / "reports" / "two")
    good, said = lines(out, rerun=0)
    assert (good, len(said)) == (True, 4)
    assert said[0].startswith(f"runs: read from {proved[1]}, where the report says")
    here = shutil.copytree(proved[1], tmp_path / "runs")
    assert not any(line.startswith("runs:") for line in lines(out, rerun=0, runs=here)[1])


def test_a_report_of_runs_at_a_url_is_verified_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small_runs(), tmp_path / "far")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page = write_report.write(runs="file://far", out="out", pdf=False, means=means())
    state = write_report.read_state(page.parent)
    assert (state["runs"], "folder" in state) == (f"file://{tmp_path}/far", False)
    shutil.rmtree(tmp_path / "cache")
    assert lines(page, rerun=0)[0]
    rewrite(next((tmp_path / "far").glob("*/record.json")).parent, label="forged")
    shutil.rmtree(tmp_path / "cache")
    assert not lines(page, rerun=0)[0]


def test_where_the_runs_are(copied, monkeypatch):
    """Reports once named a folder; an address with a password is not written into a report."""
    out, runs = copied
    state = json.loads((out / "report.json").read_text())
    assert state.pop("runs") != str(runs)
    for where in ({"folder": str(runs)}, {"runs": str(runs)}):
        (out / "report.json").write_text(json.dumps(state | where))
        monkeypatch.setenv("HOME", str(out.parent))
        assert lines("~/out", rerun=0)[0]
    (out / "report.json").write_text(json.dumps(state | {"runs": "s3://***@bucket/runs"}))
    good, said = lines(out)
    assert not good
    assert said[1].startswith(f"{NOT_HERE}: s3://***@bucket/runs: a report does not keep")
    assert lines(out, rerun=0, runs=runs)[0]


def test_an_altered_table(copied):
    out, runs = copied
    path = next(out.glob("tables/*.csv"))
    text = path.read_text()
    path.write_text(text.replace("\nsrelu,2,", "\nsrelu,3,", 1))
    assert main(["verify", str(out), "--rerun", "0", "--runs", str(runs)]) == 1
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert said == [
        f"files: tables/{path.name} is not as it was written",
        f"{path.name}: seeds of srelu is 3, its runs give 2",
        SOUND,
    ]
    path.write_text("\n".join(reversed(text.splitlines())))
    assert "other rows, columns or marks than its runs give" in lines(out, rerun=0, runs=runs)[1][1]
    path.unlink()
    assert lines(out, rerun=0, runs=runs)[1] == [
        f"files: tables/{path.name} is gone",
        f"{path.name}: is gone",
        SOUND,
    ]


def test_an_altered_record(copied):
    out, runs = copied
    path = next(runs.glob("*/record.json"))
    run = path.parent.name
    record = json.loads(path.read_text())
    was = record["metrics"]["test_accuracy"]
    record["metrics"]["test_accuracy"] = 1.0
    path.write_text(json.dumps(record))
    told = f"run {run[:8]}: its record is not what it was: metrics.test_accuracy was {was}, is 1.0"
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert said[1:] == [
        told,
        "digits-mlp-2-epochs.csv: cannot be recomputed, since not all of its runs are whole",
    ]
    rewrite(path.parent, metrics=record["metrics"])  # such that it fits itself again
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert said[1] == told
    assert said[2].endswith("every digit the same")  # which comes from the histories


def test_an_altered_notebook(copied):
    out, runs = copied
    path = next(runs.glob("*/notebook.ipynb"))
    text = path.read_text()
    digit = re.search(r"test_accuracy\D+0\.(\d)", text)
    assert digit is not None
    path.write_text(text[: digit.start(1)] + "9" + text[digit.end(1) :])
    if digit[1] == "9":
        path.write_text(text[: digit.start(1)] + "8" + text[digit.end(1) :])
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert said[1] == f"run {path.parent.name[:8]}: notebook.ipynb is not what it was"


def test_an_altered_page(copied):
    out, runs = copied
    page = out / "report.html"
    page.write_text(page.read_text().replace("2 seeds", "9 seeds"))
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert said[0] == "files: report.html is not as it was written"


@pytest.mark.parametrize(
    ("was", "forged", "told"),
    [
        ("2 seeds and", "9 seeds and", 'its answer to "Which?" is not what its runs give'),
        ('<th scope="row">SReLU', '<th scope="row">mine', "the table of its numbers is not what"),
    ],
)
def test_a_forged_page_whose_sum_is_forged_too(copied, was, forged, told):
    out, runs = copied
    page = out / "report.html"
    text = page.read_text()
    assert was in text
    page.write_text(text.replace(was, forged, 1))
    rewrite_state(out, files=write_report.files(out))
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert said[0].endswith("as they were written")
    assert said[2].startswith(f"report.html: {told}")


FORGED = {  # a file, what is written into it, and what is said of which figures
    "figures/*-comparison.svg": (' d="M 1', ["comparison"]),
    "figures/*-curves.svg": (' d="M 1', ["curves"]),
    "report.ipynb": ('d=\\"M 1', ["comparison", "frontier", "curves", "overlay", "functions"]),
}


@pytest.mark.parametrize("place", FORGED)
def test_a_forged_figure_whose_sum_is_forged_too(copied, place):
    out, runs = copied
    (path,) = out.glob(place)
    first, figures = FORGED[place]
    path.write_text(re.sub(r'\bd=\\?"M \d', lambda found: first, path.read_text()))
    rewrite_state(out, files=write_report.files(out))
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert re.findall(
        r"figures/digits-mlp-2-epochs-(\w+)\.svg is not what report.ipynb", said[0]
    ) == (figures)


def test_a_file_that_is_not_the_reports(copied):
    out, runs = copied
    state = json.loads((out / "report.json").read_text())
    del state["files"]["report.html"]
    rewrite_state(out, files=state["files"])
    good, said = lines(out, rerun=0, runs=runs)
    assert (good, said[0]) == (False, "files: report.html was not written with it")


def test_a_page_of_other_code_is_not_recomputed(copied):
    out, runs = copied
    rewrite_state(out, code="0")
    good, said = lines(out, rerun=0, runs=runs)
    assert (good, said[2]) == (True, "report.html: not recomputed, since afnlab's code was another")


def rewrite_state(out: Path, **changed) -> None:
    path = out / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def altered(history: Path) -> pd.Series:
    """Have the last accuracy of a history be one example more; the row as it was."""
    table = pd.read_parquet(history)
    row = table.iloc[-1]
    table.loc[table.index[-1], "test_accuracy"] += 1 / 450
    table.to_parquet(history, index=False)
    return row


def test_an_altered_history(copied):
    out, runs = copied
    path = next(runs.glob("*/history.parquet"))
    altered(path)
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert "history.parquet" in said[1]
    assert "is not what it was" in said[1] or "bytes when it was written" in said[1]


@pytest.mark.slow
def test_a_history_that_fits_its_record_does_not_repeat(copied):
    """Only making the runs again can tell; and of the other it tells that the bits are the same."""
    out, runs = copied
    path = next(runs.glob("*/history.parquet"))
    row = altered(path)
    rewrite(path.parent)
    good, said = lines(out, rerun=2, runs=runs)
    assert not good
    assert "its record is not what it was: files.history.parquet." in said[1]
    assert "of srelu is" in said[2]
    assert "its runs give" in said[2]
    assert said[3].startswith("report.html: the table of its numbers is not what its runs give")
    ended = dict(line.split(": ", 1) for line in said[4:])
    told = ended.pop(f"run {path.parent.name[:8]}")
    assert told.startswith("the bits differ: history.parquet (test_accuracy at seed")
    assert told.endswith(f"is {row.test_accuracy})")
    assert list(ended.values()) == ["rerun, the same bits"]


def test_other_settings_of_torch_are_not_compared(proved):
    runs = proved[1]
    record = records(runs)[0]
    environment = record["environment"]
    other = environment | {"determinism": environment["determinism"] | {"flush_denormal": True}}
    folder = runs / record["id"]
    verdict = rerun.compare(folder, record, folder, record | {"environment": other})
    assert verdict.refused == ["flush_denormal was False, is True"]
    old = {name: value for name, value in environment.items() if name != "determinism"}
    verdict = rerun.compare(folder, record | {"environment": old}, folder, record)
    assert verdict.refused == []
    assert verdict.same == ["history.parquet", "notebook.ipynb"]


def test_code_that_has_changed(proved, monkeypatch):
    monkeypatch.setattr(RunSpec, "id", "0" * 16)
    good, said = lines(proved[0], rerun=2)
    assert not good
    assert said[1].endswith("every digit the same")
    assert sum("parameters have changed since" in s for s in said) == 2


CLOSING = [
    "verified: the report is what its runs give, and the runs made again gave the same bits",
    "not verified: something is not as it was, see above",
    "not verified: nothing differs, but not everything could be compared, see above",
]


@pytest.mark.parametrize(
    ("came", "status", "said"),
    [
        (rerun.BitComparison(same=["history.parquet"]), 0, "rerun, the same bits"),
        (rerun.BitComparison(differ=["history.parquet"]), 1, "the bits differ: history.parquet"),
        (
            rerun.BitComparison(refused=["torch was 1, is 2"]),
            2,
            "rerun, but its bits cannot be compared",
        ),
        (RunFailed("no", Path()), 1, "failed when it was rerun: no"),
        (ValueError("its code is not here"), 2, "could not be rerun: its code is not here"),
    ],
)
def test_the_exit_status_is_that_of_rerun(proved, monkeypatch, capsys, came, status, said):
    """`afnlab rerun` and `afnlab verify` end alike."""
    asked: list[object] = []

    def again(*_: object, code: object = None, **__: object) -> rerun.BitComparison:
        asked.append(code)
        if isinstance(came, Exception):
            raise came
        return came

    monkeypatch.setattr("afnlab.report.verify.execute_again", again)
    monkeypatch.setattr(rerun, "rerun", again)
    page, runs = proved
    assert main(["verify", str(page), "--code", "theirs"]) == status
    *_, last, closing = capsys.readouterr().out.splitlines()
    assert said in last
    assert closing.startswith(CLOSING[status])
    words = [records(runs)[0]["id"], "--runs", str(runs)]
    assert main(["rerun", *words, "--code", "theirs"]) == status
    assert asked == ["theirs", "theirs"]
    assert lines(page)[0] == (status == 0)


def test_what_differs_weighs_more_than_what_is_not_compared(copied, monkeypatch):
    out, runs = copied
    (out / "report.html").write_text("mine")
    refused = rerun.BitComparison(refused=["torch was 1, is 2"])
    monkeypatch.setattr("afnlab.report.verify.execute_again", lambda *_, **__: refused)
    assert main(["verify", str(out), "--runs", str(runs)]) == 1


def test_of_several_tables_each_is_named(copied):
    out, runs = copied
    (recipe,) = json.loads((out / "report.json").read_text())["tables"]
    rewrite_state(out, tables=[recipe, recipe])
    said = lines(out, rerun=0, runs=runs)[1]
    assert said[2] == said[4] == SOUND.replace(":", ", digits-mlp-2-epochs:", 1)


def test_a_recipe_of_an_older_version(copied):
    """It had no metric, and neither rows that seeds were added to nor confirmations."""
    out, runs = copied
    (recipe,) = json.loads((out / "report.json").read_text())["tables"]
    old = {name: recipe[name] for name in ("csv", "baseline", "margin", "labels", "runs")}
    for further in ({}, {"classes": 10}):
        rewrite_state(out, tables=[old | further])
        good, said = lines(out, rerun=0, runs=runs)
        assert good
        assert said[1].endswith("recomputed from 2 runs, every digit the same")
        assert said[2] == SOUND


def test_runs_that_are_not_where_they_were(copied, tmp_path, capsys):
    """Who has the page's folder alone can check the files, and is told what was not checked."""
    out, _ = copied
    where = tmp_path / "elsewhere"
    rewrite_state(out, runs=str(where))
    assert main(["verify", str(out)]) == 2
    files, numbers, closing = capsys.readouterr().out.splitlines()
    assert closing == CLOSING[2]
    assert re.fullmatch(r"files: all \d+ as they were written", files)
    assert numbers == f"{NOT_HERE}: {where} does not exist; give --runs FOLDER"
    with pytest.raises(ValueError, match=rf"^{where} does not exist; give --runs FOLDER$"):
        verify(out, runs=where)
    (out / "report.html").write_text("mine")
    assert main(["verify", str(out)]) == 1
    assert "report.html is not as it was written" in capsys.readouterr().out


def test_a_file_of_the_user_s_among_those_of_a_report(copied):
    out, runs = copied
    for name in ("figures/mine.svg", "report.docx"):
        (out / name).write_text("mine")
    good, said = lines(out, rerun=0, runs=runs)
    assert good
    assert said[1] == "not part of the report: figures/mine.svg, report.docx"


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"margin": -1.0}, "margin must be above 0"),
        ({"runs": {}}, "there is no history to compare"),
        ({"measure": {"name": "a", "key": "nosuch", "better": "higher"}}, "no column test_nosuch"),
    ],
)
def test_a_table_that_no_runs_can_give(copied, odd, said):
    out, runs = copied
    (recipe,) = json.loads((out / "report.json").read_text())["tables"]
    rewrite_state(out, tables=[recipe | odd])
    good, told = lines(out, rerun=0, runs=runs)
    assert not good
    assert told[-1].startswith(f"{recipe['csv']}: cannot be recomputed: ")
    assert said in told[-1]


def test_a_table_whose_rows_have_no_labels(copied):
    out, runs = copied
    (recipe,) = json.loads((out / "report.json").read_text())["tables"]
    rewrite_state(out, tables=[recipe | {"labels": {}}])
    good, said = lines(out, rerun=0, runs=runs)
    assert not good
    assert said[1] == f"run {next(iter(recipe['runs']))[:8]}: report.json has no label for it"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nowhere", "unknown report 'nowhere'"),
        ("runs", "lacks runs of this report"),
        ("state", "is no report with a report.json"),
    ],
)
def test_nothing_to_verify(copied, what, message, tmp_path, capsys):
    out, runs = copied
    if what == "nowhere":
        out = tmp_path / "nowhere"
    elif what == "state":
        (out / "report.json").write_text("[]")
    else:
        shutil.rmtree(next(runs.glob("*/record.json")).parent)
    with pytest.raises(ValueError, match=message) as error:
        verify(out, runs=runs)
    assert what != "runs" or str(error.value).endswith("give --runs FOLDER")
    assert main(["verify", str(out), "--runs", str(runs)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(ValueError, match="rerun must be a whole number, 0 or more; got -1"):
        verify(out, rerun=-1)


def test_a_table_of_the_first_seeds_is_recomputed_from_these(tmp_path):
    """A sweep file may allow fewer seeds than there are, of which a table is then not made."""
    runs, content = tmp_path / "runs", "grid: {activation: [relu, tanh]}\nparameters: {epochs: 1}\n"
    swept(plan(("relu", "tanh"), 24), runs)
    (tmp_path / "mine.yaml").write_text(f"{content}seeds: until decided, at most 11\n")
    (one,) = select(runs, tmp_path / "mine.yaml")
    sums = {r["id"]: "0" * 64 for r in one.records}
    recipe = write_report._recipe(one, Path("a.csv"), sums)
    again, why = _again(recipe, runs)
    assert not why
    assert again.table.pairs["tanh"] == 11
    assert export.as_csv(again.table) == export.as_csv(one.table)


def test_what_was_known_of_confirmations_and_other_settings_is_that_of_the_page():
    """Others may have been made since, and change what one would propose now."""
    (one,) = select(small_runs())
    known = {"srelu": {"comparisons": 1, "seeds": 60, "said": "SReLU is better than ReLU."}}
    others = {"count": 3, "undecided": ["lr=0.02"], "best": ""}
    page = replace(one, confirmed=known, others=others)
    recipe = write_report._recipe(page, Path("a.csv"), {r["id"]: "0" * 64 for r in one.records})
    again, why = _again(recipe, one.folder)
    assert not why
    assert (again.confirmed, again.others) == (known, others)
