"""The folder of runs: how a run is written, read, checked, moved and deleted."""
