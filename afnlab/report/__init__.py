"""The report: one HTML page with its evidence, and its verification."""

from afnlab.report.again import commands
from afnlab.report.foreign_page import comparison
from afnlab.report.one_selection import selected
from afnlab.report.write_report import write

__all__ = ["commands", "comparison", "selected", "write"]
