"""Experiments of their own, which train networks and show what comes out."""

from afnlab.studies import parameter_scan, rotation

__all__ = ["parameter_scan", "rotation"]
