"""The report: one HTML page with its evidence, and its verification."""
