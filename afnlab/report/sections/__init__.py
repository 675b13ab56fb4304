"""The pieces of a page: each turns a selection into HTML that a notebook shows.

A piece for which the runs hold nothing is empty, heading and all.
"""

from afnlab.report.sections.figures import (
    comparison,
    curves,
    frontier,
    gallery,
    ranks,
    sensitivity,
    trajectories,
)
from afnlab.report.sections.first_screen import (
    confirmed,
    every_setting,
    first_screen,
    folder_of_runs,
)
from afnlab.report.sections.frames import frame
from afnlab.report.sections.inside import inside
from afnlab.report.sections.tables import claims, details, how_to_read, milestones, table
from afnlab.report.sections.tasks import over_tasks
from afnlab.report.sections.text import headline, provenance, runs_table, title
from afnlab.report.sections.tuning import cheaply, choices, rates, recipe, trial_curves

__all__ = [
    "cheaply",
    "choices",
    "claims",
    "comparison",
    "confirmed",
    "curves",
    "details",
    "every_setting",
    "first_screen",
    "folder_of_runs",
    "frame",
    "frontier",
    "gallery",
    "headline",
    "how_to_read",
    "inside",
    "milestones",
    "over_tasks",
    "provenance",
    "ranks",
    "rates",
    "recipe",
    "runs_table",
    "sensitivity",
    "table",
    "title",
    "trajectories",
    "trial_curves",
]
