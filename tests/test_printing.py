"""What rounds to 0 is printed without a sign, whatever prints it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from afnlab.compare.answers import answers
from afnlab.compare.caveats import pairing
from afnlab.compare.headline import facts
from afnlab.compare.summary_table import as_text, compare_histories, final_values, formatted
from afnlab.figures.comparison import comparison
from afnlab.figures.over_tasks import cell
from afnlab.figures.style import to_svg
from afnlab.measures import ACCURACY, Measure
from afnlab.printing import label_of, printed, printed_value, title_of
from afnlab.report import export
from afnlab.report.sections import frame
from afnlab.report.sections.tables import comparison_table
from afnlab.signal.summary import _number
from tests.compare.test_summary_table import rows

NEGATIVE = re.compile(r"(?<![\w.])(?:-|\N{MINUS SIGN}|\$-\$|&#8722;|&minus;)0(?:\.0*)?(?![\d.]|e)")


def drawn(figure: Figure) -> str:
    """All texts of a figure: those that are drawn, and those that the page shows at its marks."""
    return "\n".join(map(str, re.findall(r"<!-- (.*?) -->|'tip:(.*?)'", to_svg(figure, "one"))))


BASE = [0.5 + 0.01 * (s % 3) for s in range(8)]
TINY = {  # what a row adds to the baseline at every seed
    "a little below": [-1e-6] * 4 + [-2e-6] * 4,
    "around": [1e-6, -1e-6, 2e-6, -2e-6, 1e-6, -2e-6, 1e-6, -1e-6],
    "equal": [0.0] * 8,
    "minus nothing": [-0.0] * 8,
    "below in one seed": [0.0] * 7 + [-4e-5],
}
IDS = {"relu": ["0" * 16], "selu": ["1" * 16]}
TEXTS = {  # a medium, and what it makes of a history
    "terminal": lambda history, table: as_text(table),
    "Markdown": lambda history, table: export.as_markdown(formatted(table)),
    "LaTeX": lambda history, table: export.as_latex(formatted(table)),
    "CSV": lambda history, table: export.as_csv(table),
    "page": lambda history, table: comparison_table(table, "relu", IDS, "{id}", ACCURACY),
    "sentences": lambda history, table: " ".join(answers(table, "relu", 450).values()),
    "tiles": lambda history, table: str(facts(table, "relu", None, ACCURACY, 450)),
    "notes": lambda history, table: " ".join(pairing(final_values(history), "relu")),
    "notebook": lambda history, table: frame(table.round(4).T).data,
    "figure": lambda history, table: drawn(comparison(final_values(history), table, "relu")),
}


@pytest.mark.parametrize("medium", TEXTS)
@pytest.mark.parametrize("case", TINY)
def test_no_zero_has_a_sign(case, medium):
    added = [b + d for b, d in zip(BASE, TINY[case], strict=True)]
    history = pd.concat([rows("relu", BASE), rows("selu", added)], ignore_index=True)
    table = compare_histories(history)
    table.loc["selu", "difference"] = min(table.difference["selu"], -0.0)
    text = str(TEXTS[medium](history, table))
    shown = re.sub(r"<[^>]*>", " ", text)
    assert re.search(r"\d", shown)
    assert not NEGATIVE.search(shown), NEGATIVE.search(shown)


@pytest.mark.parametrize("text", ["-0.00", "[\N{MINUS SIGN}0.00, +1]", "$-$0.0", "x -0", "-0.000,"])
def test_a_zero_with_a_sign_is_found(text):
    assert NEGATIVE.search(text)


@pytest.mark.parametrize("text", ["-0.01", "2026-0", "-1e-05", "-0e", "0.00", "-0.5", "1-0.0"])
def test_other_numbers_are_none(text):
    assert not NEGATIVE.search(text)


@pytest.mark.parametrize("value", [-0.0, 0.0, -1e-9, 1e-9])
def test_a_zero_has_one_form(value):
    for form, zero in (("{:+.2f}", "0.00"), ("{:.0f}", "0"), ("{:+.1f}", "0.0")):
        assert printed_value(ACCURACY, value) == "0.00 %"
        assert cell(value, "") == "0.0"
        assert _number(value) == "0.0000"
        assert export.as_csv(pd.DataFrame({"a": [np.copysign(0.0, value)]})).endswith(",0.0\n")
        assert printed(form, value) == zero


@pytest.mark.parametrize(
    ("name", "unit", "title"),
    [
        ("mean absolute error", "m", "mean absolute error (m)"),
        ("mean absolute error", "MPa", "mean absolute error (MPa)"),
        ("bits per character", "bits", "bits per character"),
        ("share in %", "%", "share in %"),
        ("error", "", "error"),
    ],
)
def test_a_letter_of_a_name_is_no_unit(name, unit, title):
    one = Measure(name=name, key="one", unit=unit, better="lower")
    assert title_of(one) == title
    assert label_of(one) == f"{title}, lower is better"
