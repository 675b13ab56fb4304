"""What of a source counts: what is executed, and docstrings where they may be read."""

from __future__ import annotations

import json

import pytest

from afnlab.runs import RunSpec
from afnlab.runs.fingerprint.syntax import Source
from tests.runs.fingerprint.test_checking import MINE
from tests.runs.test_runs import notebook

CODE = '''
"""A module."""
import torch

SCALE = 2.0  # by how much


def bent(x):
    """Of x."""
    return (SCALE * x) if True else f"{x} text"


class Net(torch.nn.Module):
    """A network."""

    size: int = 3
'''
SAME = {
    "a docstring": ("Of x.", "Of every x, as a text."),
    "a module's docstring": ("A module.", "Another one."),
    "a class's docstring": ('    """A network."""\n\n', ""),
    "a comment": ("# by how much", "# not that much"),
    "blank lines": ("\n\n\nclass", "\n\n\n\n\n\nclass"),
    "brackets": ("(SCALE * x)", "SCALE * x"),
    "quotes": ('f"{x} text"', "f'{x} text'"),
    "a broken line": ("SCALE * x", "SCALE\n        * x"),
    "how a number is written": ("2.0", "2.00"),
    "line ends": ("\n", "\r\n"),
    "a text alone": ("SCALE = 2.0", '"""Of SCALE."""\nSCALE = 2.0'),
}
OTHER = {
    "a number": ("2.0", "2.5"),
    "a number's type": ("2.0", "2"),
    "a text": ("text", "texts"),
    "a name": ("SCALE", "SCALES"),
    "an annotation": ("size: int", "size: float"),
    "an order": ("SCALE * x", "x * SCALE"),
    "indentation": ("    size", "size"),
    "a decorator": ("def bent", "@torch.no_grad()\ndef bent"),
    "no Python": ("class Net", "class Net Net"),
}


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_what_is_not_executed_does_not_count(edit):
    edited = CODE.replace(*edit)
    assert edited != CODE
    assert Source(edited.encode()).code == Source(CODE.encode()).code


@pytest.mark.parametrize("edit", OTHER.values(), ids=OTHER)
def test_what_is_executed_counts(edit):
    edited = CODE.replace(*edit)
    assert Source(edited.encode()).code != Source(CODE.encode()).code


@pytest.mark.parametrize(
    "line",
    [
        "told = mine.__doc__",
        "import inspect\ntold = inspect.getsource(mine.fn)",
        "told = getattr(mine, '__doc__')",
        "import doctest",
        "import reader",
    ],
)
def test_docstrings_count_where_they_may_be_read(tmp_path, line):
    file = tmp_path / "my.py"
    (tmp_path / "reader.py").write_text("def told(f):\n    return len(f.__doc__)\n")

    def group(text: str) -> str:
        file.write_text(text)
        return RunSpec.make("train", {"activation": f"{file}:mine"}).group

    assert group(MINE) == group(MINE.replace("Mine.", "My own."))
    assert group(MINE + line) != group(MINE.replace("Mine.", "My own.") + line)


CELLS = ("x: float = 1.0\nout: str = ''", "y = 2 * x\n", "y")


def test_a_notebook_counts_by_its_code_cells(tmp_path):
    path = notebook(tmp_path / "own.ipynb", *CELLS)
    first = RunSpec.make(path, {}).id

    def edited(edit) -> str:
        content = json.loads(notebook(path, *CELLS).read_text())
        edit(content)
        path.write_text(json.dumps(content))
        return RunSpec.make(path, {}).id

    text = {"cell_type": "markdown", "metadata": {}, "source": ["afnlab"], "id": "a"}
    output = {"output_type": "stream", "name": "stdout", "text": ["2"]}
    for neutral in (
        lambda c: c["cells"].insert(1, text),
        lambda c: c["cells"][1]["outputs"].append(output),
        lambda c: c["cells"][1].update(execution_count=7),
        lambda c: c["cells"][1].update(source=["# twice\n", "y = (2*x)"]),
        lambda c: c["metadata"].update(title="Own"),
        lambda c: c["cells"].append(c["cells"][1] | {"source": ["# nothing"]}),
    ):
        assert edited(neutral) == first
    for edit in (
        lambda c: c["cells"][1].update(source=["y = 3 * x"]),
        lambda c: c["cells"][0].update(source=["x: float = 1.5\n", "out: str = ''"]),
        lambda c: c["cells"][2].update(source=["'y'"]),
        lambda c: c["cells"].append(c["cells"][1] | {"source": ["%timeit y"]}),
        lambda c: c["cells"].pop(2),
    ):
        assert edited(edit) != first
