"""A table of pandas' as a piece of a page."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from afnlab.compare.summary_table import unsigned_zeros
from afnlab.figures.fragment import Fragment
from afnlab.markup import filled


def frame(table: pd.DataFrame) -> Fragment:
    """A data frame that scrolls where it is wider than the page, whatever shows it.

    Args:
        table: its labels are texts, which are escaped.
    """
    shown = Markup(unsigned_zeros(table).to_html(border=0))
    return Fragment(filled("<div class=scroll tabindex=0>{}</div>", shown))
