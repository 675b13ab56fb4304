"""Widgets for JupyterLab."""

from afnlab.widgets.rotation import RotationExplorer

__all__ = ["RotationExplorer"]
