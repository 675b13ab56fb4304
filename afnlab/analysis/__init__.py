"""From runs to tables, figures and pages."""

from afnlab.analysis import blocks, page, plot, profile, report, stats, style, tables, wording
from afnlab.analysis.selection import Selection, select

__all__ = [
    "Selection",
    "blocks",
    "page",
    "plot",
    "profile",
    "report",
    "select",
    "stats",
    "style",
    "tables",
    "wording",
]
