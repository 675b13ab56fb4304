"""Widgets for JupyterLab, Notebook and voila: `explore()`, `playground()`, `RotationExplorer()`."""

from afnlab.widgets.explorer import Explorer, explore
from afnlab.widgets.rotation import RotationExplorer
from afnlab.widgets.sandbox import Playground, playground

__all__ = ["Explorer", "Playground", "RotationExplorer", "explore", "playground"]
