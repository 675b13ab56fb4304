"""The key `metric` of a sweep file."""

from __future__ import annotations

import pytest

from afnlab.runs.sweeps import sweep_file
from tests.runs.test_runs import notebook


def read(tmp_path, line: str, source: str = "notebook: fit.ipynb"):
    notebook(tmp_path / "fit.ipynb", "noise: float = 0.1\nseed: int = 0")
    (tmp_path / "fit.yaml").write_text(f"{source}\nseeds: 2\n{line}\n")
    return sweep_file.read(tmp_path / "fit.yaml").metric


@pytest.mark.parametrize(
    ("line", "metric"),
    [
        ("", None),
        ("metric: ece", ("ece", None, "")),
        ("metric: {name: ece, better: lower}", ("ece", "lower", "")),
        ("metric: {name: ece, better: higher, unit: m}", ("ece", "higher", "m")),
    ],
)
def test_a_file_says_which_metric_it_is_and_which_values_are_better(tmp_path, line, metric):
    assert read(tmp_path, line) == metric


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("metric: 3", "metric must be a name, or a mapping such as {name: ece, better: lower}"),
        ("metric: {better: lower}", "metric must be a name, or a mapping"),
        ("metric: {name: 3}", "name must be a text; got 3"),
        ("metric: {name: ece, better: less}", "better must be higher or lower; got 'less'"),
        ("metric: {name: ece, beter: lower}", "metric: unknown key 'beter'; did you mean 'better'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, line, said):
    with pytest.raises(sweep_file.SweepError) as error:
        read(tmp_path, line)
    assert "fit.yaml, line 3: " in str(error.value)
    assert said in str(error.value)


def test_a_training_s_metric_is_its_task_s(tmp_path):
    with pytest.raises(sweep_file.SweepError, match=r"line 3: metric is only for notebooks that"):
        read(tmp_path, "metric: accuracy", source="notebook: train")
