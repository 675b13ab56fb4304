"""Widgets for JupyterLab, Notebook and voila: `explore()`, `playground()`, `RotationExplorer()`."""

from afnlab.widgets.explorer import Explorer, explore
from afnlab.widgets.playground import Playground, playground
from afnlab.widgets.rotation import RotationExplorer

__all__ = ["Explorer", "Playground", "RotationExplorer", "explore", "playground"]
