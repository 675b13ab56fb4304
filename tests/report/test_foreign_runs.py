"""The runs on the page of a notebook's metric."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from afnlab.compare import compare_table
from afnlab.compare.foreign_table import RunOfRow
from afnlab.report import foreign_page, foreign_runs

ROWS = [("<a>", 0, 0.5), ("<a>", 1, 0.6), ("b", 0, 0.7), ("b", 1, 0.9)]


def test_a_page_lists_the_runs_and_the_versions_that_they_were_made_with(tmp_path):
    one = compare_table(pd.DataFrame(ROWS, columns=["label", "seed", "value"]))
    assert foreign_runs.as_html(one) == ""
    assert foreign_runs.as_text(one) == []
    runs = [
        RunOfRow(label, seed, {
            "id": f"{number:016x}",
            "started": "2026-01-02T03:04:05+00:00",
            "versions": {"afnlab": "0.1.0"} | ({"torch": "2.13"} if number else {}),
        })
        for number, (label, seed, _) in enumerate(ROWS)
    ]  # fmt: skip
    page = foreign_page.write_foreign(replace(one, made_by=runs), tmp_path / "out")
    html, markdown = page.read_text(), page.with_suffix(".md").read_text()
    made = "4 runs, made with afnlab 0.1.0 and torch 2.13 and an unrecorded version."
    for text in (html, markdown):
        assert made in text
        for number in range(4):
            assert f"{number:016x}" in text
    assert "<details><summary>Every run</summary>" in html
    assert "2026-01-02 03:04:05" in html
    assert "&lt;a&gt;" in html
    assert "Runs of b: 0000000000000002 (seed 0), 0000000000000003 (seed 1)." in markdown
