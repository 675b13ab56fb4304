"""Experiments of their own, which train networks and show what comes out."""

from afnlab.studies import parameter_scan, rotation, trainable_depth

__all__ = ["parameter_scan", "rotation", "trainable_depth"]
