"""The report: one HTML page with its evidence, and its verification."""

from afnlab.report.write_report import commands, write

__all__ = ["commands", "write"]
