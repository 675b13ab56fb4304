"""What a newcomer reads: labels, names that are not known, what a value must be."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest
import torch

import afnlab
from afnlab.compare import select_runs, summary_table
from afnlab.compare.training_facts import Trained
from afnlab.functions import check
from afnlab.messages import distinct_endings, in_stretches
from afnlab.report.verify import verify
from afnlab.runs import RunFailed, RunSpec, execute, records
from afnlab.runs.notebook_parameters import allowed_values
from afnlab.runs.storage import runs_folder
from afnlab.spellings import unknown
from tests.runs.test_runs import SMALL, means, notebook, small_runs

MINE = "from afnlab import activation\n\n@activation()\ndef mine(x):\n    return x.relu()\n"


@pytest.mark.parametrize(
    ("paths", "short"),
    [
        ([], []),
        (["/a/my.py:f"], ["my.py:f"]),
        (["/a/my.py:f", "/a/my.py:g"], ["my.py:f", "my.py:g"]),
        (["/a/my.py:f", "/b/my.py:f"], ["a/my.py:f", "b/my.py:f"]),
        (["/a/c/my.py:f", "/b/c/my.py:f", "/a/x.py:f"], ["a/c/my.py:f", "b/c/my.py:f", "x.py:f"]),
        (["/a/my.py:f", "/a/my.py:f"], ["my.py:f", "my.py:f"]),
        (["/my.py:f", "/a/my.py:f"], ["/my.py:f", "a/my.py:f"]),
    ],
)
def test_paths_are_told_apart_by_their_ends(paths, short):
    assert distinct_endings(paths) == short


OWN = "one: str = ''\nother: str = ''\nmany: list = []\nfile: str = ''"


def test_the_label_of_a_notebook_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("my.py", "sub/my.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(MINE)
    path = notebook(tmp_path / "own.ipynb", OWN, "y = 1")

    def label(**given) -> str:
        return RunSpec.make(path, given).label

    assert label(one=f"{tmp_path}/my.py:mine") == "own(one=my.py:mine)"
    both = {"one": f"{tmp_path}/my.py:mine", "other": f"{tmp_path}/sub/my.py:mine"}
    assert label(**both) == f"own(one={tmp_path.name}/my.py:mine, other=sub/my.py:mine)"
    assert label(many=list(both.values())) == (
        f"own(many=['{tmp_path.name}/my.py:mine', 'sub/my.py:mine'])"
    )
    assert label(file="/data/x.csv", one="relu") == "own(file=/data/x.csv, one=relu)"
    spec = RunSpec.make(path, both)
    assert spec.normal["one"] == both["one"]  # of which the id is made


def test_rows_of_two_files_of_one_name(tmp_path):
    record = next(r for r in records(small_runs()) if r["label"].endswith(" relu"))
    plain = Trained.of_record(record)

    def own(reference: str, group: str, settings: dict) -> Trained:
        label = "my.py:mine" + "".join(f"({n}={v})" for n, v in settings.items())
        changed = {"activation": "my.py:mine", "label": label, "settings": settings}
        return replace(plain, reference=reference, group=group, **changed)

    def labels(*rows: Trained) -> list[str]:
        runs = [record | {"group": one.group} for one in (plain, *rows)]
        return list(select_runs._one_task(tmp_path, [plain, *rows], runs, "relu").rows)

    one, other = own("/x/a/my.py:mine", "1", {}), own("/x/b/my.py:mine", "2", {})
    assert labels(one) == ["relu", "my.py:mine"]
    assert labels(one, other) == ["relu", "a/my.py:mine", "b/my.py:mine"]
    assert labels(one, own("/x/b/my.py:mine", "2", {"lr": "1"}))[2] == "b/my.py:mine(lr=1)"
    edited = [f"my.py:mine (version {number} of 2)" for number in (1, 2)]
    assert labels(one, own("/x/a/my.py:mine", "2", {})) == ["relu", *edited]
    assert labels(own("pkg.my:mine", "1", {})) == ["relu", "my.py:mine"]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("int", "a whole number"),
        ("float", "a number"),
        ("str", "a text"),
        ("bool", "true or false"),
        ("dict", "a mapping"),
        ("pathlib.Path", "a path"),
        ("int | None", "a whole number or None"),
        ("int | float", "a number"),
        ("float | int", "a number or a whole number"),
        ("Optional[int]", "a whole number or None"),
        ("'int'", "a whole number"),
        ("Annotated[int, '1..']", "a whole number"),
        ("tuple[int, ...]", "tuple[int, ...]"),
    ],
)
def test_what_an_annotation_allows(annotation, words):
    assert allowed_values.words(ast.parse(annotation, mode="eval").body) == words


@pytest.mark.parametrize("name", ["nosuch", "zebra", "abc", "seed", "foo", "identity", "x" * 99])
def test_what_is_near_no_name_is_given_none(name):
    said = unknown("activation", name, afnlab.list_activations())
    assert "did you mean" not in said
    assert "(known: " in said


def test_a_report_that_is_not_there(tmp_path):
    for name in ("default", "wide"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text("{}")
    for page in ("defalt", "defalt/", "default.html"):
        with pytest.raises(ValueError, match=r"unknown report '.*'; did you mean 'default'\?"):
            verify(tmp_path / page)
    with pytest.raises(ValueError, match=r"unknown report 'nosuch' \(known: default, wide\)"):
        verify(tmp_path / "nosuch")
    with pytest.raises(ValueError, match=r"unknown report 'x' \(known: none"):
        verify(tmp_path / "nowhere" / "x")


@pytest.mark.parametrize("name", ["GELU", "SiLU", "Mish", "ELU", "Softplus", "LogSigmoid"])
def test_a_slope_that_float32_rounds_away_is_no_fault(name):
    table = check.check([f"torch.nn:{name}"])
    assert check.summary(table) == "1 checked: nothing wrong"


@pytest.mark.parametrize("name", ["Tanh", "Sigmoid", "Softsign"])
def test_slopes_that_lose_their_digits_are_found(name):
    assert "slope" in check.lines(check.check([f"torch.nn:{name}"]))[0]


@pytest.mark.parametrize(
    ("scale", "error", "found"),
    [(1.0, 0.0, False), (1.0, 1e-6, False), (1.0, 4e-6, True), (1e-6, 1e-7, True)],
)
def test_a_slope_is_off_by_more_than_float32_rounds(scale, error, found):
    class Off(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.error = 0.0 if x.dtype == torch.float64 else error
            return x * scale

        @staticmethod
        def backward(ctx, grad):
            return grad * (scale + ctx.error)

    assert bool(check.problems(Off.apply)[2]) is found


def test_columns_are_called_as_the_field_calls_them():
    history = afnlab.runs.load(small_runs())
    shown = summary_table.formatted(summary_table.compare_histories(history, "relu", 10))
    assert "its interval" not in shown
    assert {"95 % CI", "95 % CI of the difference"} <= set(shown)


@pytest.mark.parametrize("what", ["a file", "a link"])
def test_what_stands_under_the_name_of_a_run_is_named(tmp_path, what):
    spec = RunSpec.make("train", SMALL)
    place = tmp_path / "runs" / spec.id
    place.parent.mkdir()
    if what == "a file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path)
    with pytest.raises(
        RunFailed, match=f"{place}: is {what}, where the folder of this run"
    ) as failed:
        execute(spec, tmp_path / "runs", means())
    assert "\n" not in str(failed.value)
    assert place.is_symlink() or place.read_text() == "mine"
    place.unlink()
    execute(spec, tmp_path / "runs", means())
    assert (place / runs_folder.RECORD).is_file()


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ((), ""),
        ((0, 1), "0, 1"),
        ((8, 9, 10, 11), "8 to 11"),
        ((0, 1, 2, 5, 7, 8, 9), "0 to 2, 5, 7 to 9"),
        ((3, 1, 2), "3, 1, 2"),
    ],
)
def test_numbers_are_named_in_a_few_words(listed, words):
    assert in_stretches(listed) == words
