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
from afnlab.analysis.choosing import select
from afnlab.analysis.claims import published
from afnlab.analysis.selection import Selection

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
