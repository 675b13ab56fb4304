"""Sweeps: many runs from one file, executed here or by the workers of a cluster."""
