"""From runs to tables, figures and pages."""

from afnlab.analysis import (
    blocks,
    overlays,
    page,
    plot,
    profile,
    regions,
    report,
    rotation,
    stats,
    style,
    surface,
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
    "overlays",
    "page",
    "plot",
    "profile",
    "published",
    "regions",
    "report",
    "rotation",
    "select",
    "stats",
    "style",
    "surface",
    "tables",
    "tuning",
    "wording",
]
