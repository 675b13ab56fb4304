"""What a selection says of its runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from afnlab.compare import select
from tests.runs.test_runs import small_runs

pytestmark = pytest.mark.usefixtures("one_server")


def test_notes_and_sentences_call_an_activation_alike():
    (one,) = select(small_runs())
    few = one.final.copy()
    few.iloc[0, list(few.columns).index("relu")] = np.nan
    made = replace(one)
    vars(made)["final"] = few
    assert any("without: ReLU (0)" in note for note in made.notes)
