"""From runs to tables, figures and pages."""

from afnlab.analysis import (
    blocks,
    page,
    plot,
    profile,
    report,
    rotation,
    stats,
    style,
    tables,
    tuning,
    wording,
)
from afnlab.analysis.selection import Selection, select
from afnlab.analysis.tables import published

__all__ = [
    "Selection",
    "blocks",
    "page",
    "plot",
    "profile",
    "published",
    "report",
    "rotation",
    "select",
    "stats",
    "style",
    "tables",
    "tuning",
    "wording",
]
