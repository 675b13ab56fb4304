"""From runs to tables, figures and pages."""

from afnlab.analysis import plot, profile, stats, style, tables

__all__ = ["plot", "profile", "stats", "style", "tables"]
