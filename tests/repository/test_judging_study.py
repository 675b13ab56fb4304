"""The study behind docs/judging.md: it runs in one piece, and the page has what it prints."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "judging.md").read_text(encoding="utf-8")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def heads(text: str) -> list[list[str]]:
    """The heads of the tables of a text."""
    return [cells(m[1]) for m in re.finditer(r"^(\|.+)\n\|[:-]", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("judging_study", DOCS / "judging_study.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_study_runs_in_one_piece_and_prints_the_tables_of_the_page(study, monkeypatch, capsys):
    """At a small size, with draws in place of the trained networks."""
    for name, value in {"IDEAS": 20, "DRAWS": 200, "CAMPAIGNS": 3, "EFFECTS": (3.0,)}.items():
        monkeypatch.setattr(study, name, value)
    rng = np.random.default_rng(5)
    monkeypatch.setattr(study, "disguised_relus", lambda: rng.normal(size=(20, 40)))
    study.main()
    printed = capsys.readouterr().out
    assert heads(printed) == heads(PAGE)
    assert printed.count("\n## ") + printed.startswith("## ") == 3
    for name in (*study.NULLS, "ReLU with other seeds"):
        assert f"| {name} " in printed
        assert f"| {name} " in PAGE
    for name in study.NULLS:
        assert f"| 20 nulls, {name} " in printed
    assert "| 18 nulls, 2 of 1 " in printed
    assert "Simulated campaigns of worthless ideas with a discovery: " in printed


@pytest.mark.parametrize("effect", [1.0, 3.0])
def test_the_power_on_the_page_is_what_the_study_computes(study, effect):
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {effect:g} ")]
    assert cells(row) == study.power(effect)


def test_a_ledger_finds_what_the_study_computes_of_all_seeds_at_once(study):
    rng = np.random.default_rng(0)
    for effect in (0.0, 1.5):
        d = rng.normal(size=(12, 40))
        d[::3] += effect
        assert (study.in_a_ledger(d) == study.discoveries(d)).all()
    assert study.discoveries(d).any()


def test_a_campaign_of_worthless_ideas_has_few_discoveries(study):
    """What is kept by a t test after every seed, and by one seed, is printed beside."""
    rng = np.random.default_rng(1)
    for name, draw in study.NULLS.items():
        parts = [draw(rng, (200, 40)) for _ in range(4)]
        false = [study.discoveries(part).sum() for part in parts]
        assert np.mean(np.array(false) > 0) <= 0.25, name
        assert np.mean([(study.t_tested(part) > 0).sum() for part in parts]) > 10, name
        assert np.mean([(part[:, 0] > 0).sum() for part in parts]) > 50, name
