"""What may be an earlier version of an idea: by its name, or by its values."""

from __future__ import annotations

import pytest

from afnlab.judging.kept_runs import KeptRun
from afnlab.judging.versions import versions
from afnlab.runs import RunSpec
from afnlab.runs.execution import facts_of
from afnlab.runs.storage import function_values

SOFT = """
import torch
from afnlab import Param, activation

@activation(k=Param(1.0, low=0.1, high=5.0))
def soft(x, k):
    return x * (0.5 + torch.arctan(k * x) / torch.pi)
"""
CALLED = "def soft(", "def other("
REORDERED = "(0.5 + torch.arctan(k * x) / torch.pi)", "(torch.arctan(k * x) / torch.pi + 0.5)"
ELSEWHERE = "0.5 +", "0.4 +"
USUAL = {"task": "digits-mlp", "epochs": 2, "seeds": 2}
EARLIER = {  # edits, file, function, settings: what it is called, if it counts
    "reordered": ([REORDERED], "my.py", "soft", {}, "my.py:soft with other code"),
    "other values": ([ELSEWHERE], "my.py", "soft", {}, "my.py:soft with other code"),
    "a copied file": ([], "two.py", "soft", {}, "two.py:soft"),
    "renamed": ([CALLED], "my.py", "other", {}, "my.py:other"),
    "renamed and reordered elsewhere": ([CALLED, REORDERED], "two.py", "other", {}, "two.py:other"),
    "the same": ([], "my.py", "soft", {}, None),
    "another function": ([CALLED, ELSEWHERE], "my.py", "other", {}, None),
    "another length": ([REORDERED], "my.py", "soft", {"epochs": 3}, None),
    "another task": ([REORDERED], "my.py", "soft", {"task": "breast-cancer"}, None),
    "another rate": ([REORDERED], "my.py", "soft", {"lr": 0.1}, None),
    "another value": ([REORDERED], "my.py", "soft", {"k": 2.0}, None),
    "afnlab's own": ([], None, "gelu", {}, None),
}


def spec_of(reference, **given):
    return RunSpec.make("train", {**USUAL, "activation": reference, **given})


def kept(folder, spec):
    """A run as a folder of runs holds it, of which nothing was trained."""
    training = spec.training
    (folder / spec.id).mkdir(exist_ok=True)
    if not training.activation.built_in:
        table = function_values.sampled(
            training.activation, training.options.activation, bool(training.options.trainable)
        )
        table.to_parquet(folder / spec.id / function_values.FILE)
    return KeptRun(folder, facts_of(spec))


@pytest.mark.parametrize("case", EARLIER)
def test_a_version_is_told_by_its_name_or_its_values(case, tmp_path):
    edits, file, name, settings, called = EARLIER[case]
    text = SOFT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    if file:
        (tmp_path / file).write_text(text)
    run = kept(tmp_path, spec_of(f"{tmp_path / file}:{name}" if file else name, **settings))
    (tmp_path / "my.py").write_text(SOFT)
    found = versions(spec_of(f"{tmp_path / 'my.py'}:soft"), [run, run])
    assert found == ({run.record["group"]: called} if called else {})


def test_a_copy_of_one_of_afnlabs_own_has_its_values(tmp_path):
    run = kept(tmp_path, spec_of("softplus"))
    text = "import torch\nfrom afnlab import activation\n\n@activation\ndef mine(x):\n    return "
    for value, names in {"torch.nn.functional.softplus(x)": ["softplus"], "x.tanh()": []}.items():
        (tmp_path / "my.py").write_text(f"{text}{value}\n")
        assert [*versions(spec_of(f"{tmp_path / 'my.py'}:mine"), [run]).values()] == names


def test_what_is_trained_is_told_by_its_name_alone(tmp_path):
    (tmp_path / "my.py").write_text(SOFT)
    runs = []
    for name in ("soft", "other"):
        (tmp_path / "two.py").write_text(SOFT.replace("def soft", f"def {name}"))
        runs.append(kept(tmp_path, spec_of(f"{tmp_path / 'two.py'}:{name}", trainable=True)))
    found = versions(spec_of(f"{tmp_path / 'my.py'}:soft", trainable=True), runs)
    assert [*found] == [runs[0].record["group"]]
