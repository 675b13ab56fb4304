"""Experiments of their own, which train networks and show what comes out."""

from afnlab.studies import feed_forward, parameter_scan, rotation

__all__ = ["feed_forward", "parameter_scan", "rotation"]
