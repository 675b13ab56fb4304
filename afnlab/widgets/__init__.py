"""Widgets for JupyterLab, Notebook and voila: explorers and a playground."""

from afnlab.widgets.explorer import Explorer, explore
from afnlab.widgets.playground import Playground, playground
from afnlab.widgets.rotation import RotationExplorer
from afnlab.widgets.signal import SignalExplorer

__all__ = [
    "Explorer",
    "Playground",
    "RotationExplorer",
    "SignalExplorer",
    "explore",
    "playground",
]
