"""Experiments of their own, which train networks and show what comes out."""
