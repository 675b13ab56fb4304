"""A table of pandas' as a piece of a page."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from afnlab.compare.selection import Selection
from afnlab.compare.summary_table import unsigned_zeros
from afnlab.figures.fragment import Fragment
from afnlab.markup import filled
from afnlab.report.sections.html import heading


def frame(table: pd.DataFrame, selection: Selection | None = None) -> Fragment:
    """A data frame that scrolls where it is wider than the page, whatever shows it.

    Args:
        table: its labels are texts, which are escaped.
        selection: what it is of, which a heading says where several settings are told of.
    """
    title = Markup("") if selection is None else heading("", selection)
    shown = Markup(unsigned_zeros(table).to_html(border=0))
    return Fragment(title, filled("<div class=scroll tabindex=0>{}</div>", shown))
