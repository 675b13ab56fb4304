"""The runs that a report is of: selected once, for its page, its tables and its state.

The page is made by a kernel, a process of its own. Meanwhile others may add runs to the folder,
remove some or make them anew, and who selects again may find others.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec

from afnlab.compare.confirmed_row import with_confirmed
from afnlab.compare.other_tables import with_other_tables
from afnlab.compare.select_runs import select
from afnlab.compare.selection import Selection

_Arguments = ParamSpec("_Arguments")
VARIABLE = "AFNLAB_SELECTED"  # names the file, in the kernel that makes a page


@contextmanager
def handed_over(chosen: Sequence[Selection]) -> Iterator[dict[str, str]]:
    """Hand a selection, with its comparison, to a process.

    Args:
        chosen: of `afnlab.compare.select`.

    Returns:
        What has to be in the environment of the process, as a context manager.
    """
    for one in chosen:  # computed now, and kept in it: there is one table, whatever is read later
        _ = one.table, one.picked_among
    with tempfile.TemporaryDirectory(prefix="afnlab-report-") as private:
        file = Path(private) / "selected"
        file.write_bytes(pickle.dumps([*chosen]))
        yield {VARIABLE: str(file)}


def _unless_handed_over(
    choose: Callable[_Arguments, list[Selection]],
) -> Callable[_Arguments, list[Selection]]:
    def selected(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> list[Selection]:
        """The runs of a report: those that `afnlab report` has handed over, or a selection.

        Args:
            *args: as of `afnlab.compare.select`.
            **kwargs: the same.

        Returns:
            One `Selection` per task and setting.

        Raises:
            ValueError: as of `afnlab.compare.select`.
        """
        if file := os.environ.get(VARIABLE):
            handed: list[Selection] = pickle.loads(Path(file).read_bytes())
            return handed
        return with_confirmed(with_other_tables(choose(*args, **kwargs)))

    return selected


selected = _unless_handed_over(select)
