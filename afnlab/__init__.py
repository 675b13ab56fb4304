"""afnlab: is an activation function any good?"""

from afnlab import _startup  # (before all that takes long, or may be hijacked)

# isort: split
import importlib
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Of a command only what needs torch loads it, which takes most of a second; see `cli.entry`.
if TYPE_CHECKING or not _startup.AS_COMMAND:
    from afnlab._library import *  # noqa: F403
    from afnlab._library import __all__ as __all__

_LATER = (
    "compare",
    "figures",
    "functions",
    "judging",
    "live",
    "report",
    "runs",
    "search",
    "stats",
    "studies",
    "widgets",
)

if TYPE_CHECKING:
    from afnlab import compare as compare
    from afnlab import figures as figures
    from afnlab import functions as functions
    from afnlab import judging as judging
    from afnlab import live as live
    from afnlab import report as report
    from afnlab import runs as runs
    from afnlab import search as search
    from afnlab import stats as stats
    from afnlab import studies as studies
    from afnlab import widgets as widgets
    from afnlab.judging import judge as judge
else:

    def __getattr__(name: str) -> Any:
        """The other rooms load on first use: they bring Jupyter and plotting."""
        if name in _LATER:
            return importlib.import_module(f"afnlab.{name}")
        if name == "judge":
            return importlib.import_module("afnlab.judging").judge
        public = name == "__all__" or not name.startswith("_")
        if _startup.AS_COMMAND and public and find_spec(f"afnlab.{name}") is None:
            library = importlib.import_module("afnlab._library")
            if hasattr(library, name):
                return getattr(library, name)
        this = sys.modules[__name__]
        raise AttributeError(f"module 'afnlab' has no attribute {name!r}", name=name, obj=this)


def __dir__() -> list[str]:
    """The public names, for completion."""
    names = importlib.import_module("afnlab._library").__all__
    return sorted(
        {*names, *_LATER, "judge", *(name for name in globals() if name.startswith("__"))}
    )
