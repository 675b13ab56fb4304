"""The pages on results have what their scripts print from the values beside them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {
    "apec_table": "apec-cifar100",
    "atlas_table": "atlas",
    "feed_forward_table": "feed-forward",
    "srelu_mnist_table": "srelu-mnist",
}


@pytest.mark.parametrize(("script", "page"), PAGES.items())
def test_a_page_has_the_tables_that_its_script_prints(script, page, monkeypatch, capsys):
    monkeypatch.syspath_prepend(DOCS)
    module = importlib.import_module(script)
    monkeypatch.setattr(module, "over_tasks", Mock(), raising=False)  # a picture, not a table
    monkeypatch.setattr(sys, "argv", [script])
    module.main()
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    there = (DOCS / "results" / f"{page}.md").read_text(encoding="utf-8").splitlines()
    assert len(printed) > 5
    assert [line for line in printed if line not in there] == []
