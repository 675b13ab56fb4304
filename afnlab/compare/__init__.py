"""The comparison of runs: which are chosen, their table, and what it says."""
