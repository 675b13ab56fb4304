"""What an own notebook or file names of afnlab is in its run's id, however it names it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from afnlab.runs.fingerprint.mentions import Notebook, mentions
from tests.runs.fingerprint.test_fingerprint import changed_of, package  # noqa: F401  (a fixture)
from tests.runs.test_runs import notebook

X = "x: float = 0.7"
Y = "import torch\nx_ = torch.tensor([x])\n"
# Each computes SReLU of x, whatever else it does.
WAYS = {
    "its name": "import afnlab\ny = afnlab.functional.srelu(x_)",
    "another name": "import afnlab as a\ny = a.functional.srelu(x_)",
    "the module by another name": "from afnlab import functional as F\ny = F.srelu(x_)",
    "the module's own name": "import afnlab.functional as G\ny = G.srelu(x_)",
    "the function": "from afnlab.functional import srelu\ny = srelu(x_)",
    "the function by another name": "from afnlab.functional import srelu as relu\ny = relu(x_)",
    "all of the module": "from afnlab.functional import *\ny = srelu(x_)",
    "inside a function": "def f():\n    import afnlab\n    return afnlab.nn.SReLU()(x_)\nf()",
    "where it may fail": "try:\n    from afnlab.functional import srelu\nexcept OSError:\n    pass",
    "a text": "import importlib\ny = importlib.import_module('afnlab.functional').srelu(x_)",
    "two texts": "import importlib as i\ny = i.import_module('afn' + 'lab.functional').srelu(x_)",
    "a part of a text": "n = 'lab'\ny = __import__(f'afn{n}').functional.srelu(x_)",
    "getattr": "import afnlab\ny = getattr(afnlab.functional, 's' + 'relu')(x_)",
    "a module handed on": "import afnlab\nF = afnlab.functional\ny = F.srelu(x_)",
    "vars": "import afnlab\ny = vars(afnlab)['functional'].srelu(x_)",
    "loaded modules": "import sys\nimport afnlab\ny = sys.modules['afn' + 'lab.nn'].SReLU()",
    "exec": "exec('import afn' + 'lab; y = afn' + 'lab.functional.srelu(x_)')",
    "eval": "import afnlab as b\ny = eval('b.functional.s' + 'relu(x_)')",
    "the registry": "import afnlab\ny = afnlab.get_activation('s' + 'relu')(x_)",
    "a module": "import afnlab\ny = afnlab.nn.SReLU()(x_)",
    "a module by another name": "from afnlab.nn import SReLU as S\ny = S()(x_)",
    "a maker": "from afnlab import nn\ny = nn.make('s' + 'relu')(x_)",
    "a replacement": "import afnlab\ny = afnlab.replace(torch.nn.ReLU(), torch.nn.ReLU, n)",
    "a training": "import afnlab\nr = afnlab.train('digits-mlp', name)",
    "the definition": "from afnlab.activations.gated import srelu\ny = srelu(x_)",
    "a magic": "%time import afnlab; y = afnlab.functional.srelu(x_)",
    "a magic for a cell": "%%time\nimport afnlab as c\ny = c.functional.srelu(x_)",
    "run": "%run other.py\ny = z",
    "an extension": "%load_ext other",
    "a neighbour": "from other import z",
    "a neighbour's neighbour": "import farther\ny = farther.other.z",
    "a neighbour's name": "from names import F\ny = F.srelu(x_)",
    "all names of a neighbour": "from names import *\ny = F.srelu(x_)",
    "a file by its name": "exec(open('other.py').read())",
    "runpy": "import runpy\ny = runpy.run_path('other.py')['z']",
    "another notebook": "%run other.ipynb",
    "a cell that writes a file": "%%writefile made.py\nimport afnlab\nz = afnlab.functional.srelu",
    "pickle": "import pickle\ny = pickle.load(open('model', 'rb'))(x_)",
    "torch's pickle": "y = torch.load('model', weights_only=False)(x_)",
    "an analysis": "from afnlab import figures\nfigures.function('s' + 'relu')",
}
APART = {
    "another function": "import afnlab\ny = afnlab.functional.relu(x_)",
    "another function, with a docstring": '"""afnlab.functional.srelu"""\nimport afnlab as d\n'
    "y = d.nn.GELU()(x_)",
    "none": "y = torch.relu(x_)",
    "a word of a library": "import numpy as np\ny = np.exp(x); torch.nn.ReLU().eval()",
}
FILES = {
    "other.py": "import afnlab, torch\nz = afnlab.functional.srelu(torch.ones(1))\n",
    "farther.py": "import other\n",
    "names.py": "from afnlab import functional as F\n",
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> dict:
    """Own notebooks, and own files for `train.ipynb`, that reach SReLU; and some that do not."""
    folder = tmp_path_factory.mktemp("own")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    notebook(folder / "other.ipynb", FILES["other.py"])
    made = {}
    for i, (name, code) in enumerate((WAYS | APART).items()):
        path = notebook(folder / f"n{i}.ipynb", X, Y if code[0] != "%" else "", code)
        made[name] = {"notebook": str(path)}
    return made | of_files(folder)


ACTIVATION = """
    import torch, afnlab
    from afnlab import activation
    {imported}

    @activation()
    def mine(x):
        return {used}
"""
TASK = """
    import afnlab
    from torch import nn
    from afnlab import Recipe, Task
    from afnlab.training.data import digits
    from afnlab.training.models import mlp

    def model(activation):
        return nn.Sequential(nn.Linear(64, 8), {used}, nn.Linear(8, 10))

    mine = Task("mine", digits, model, Recipe(epochs=1, batch_size=64))
"""
USED = {  # whether SReLU is in it
    "functional": ("", "afnlab.functional.srelu(x)", "afnlab.nn.SReLU()", True),
    "by name": ("", "afnlab.get_activation(n)(x)", "afnlab.nn.make(n)", True),
    "a neighbour": ("import other", "other.z * x", "afnlab.autorot.auto_rotate(n)", True),
    "another": ("", "afnlab.functional.elu(x)", "afnlab.nn.ELU()", False),
    "rotated": ("", "torch.tanh(x)", "afnlab.autorot.AutoRotLinear(8, 8)", False),
}


def of_files(folder: Path) -> dict:
    made = {}
    for i, (name, (imported, in_activation, in_task, reaches)) in enumerate(USED.items()):
        act, task = folder / f"act{i}.py", folder / f"task{i}.py"
        act.write_text(dedent(ACTIVATION).format(imported=imported, used=in_activation))
        task.write_text(dedent(TASK).format(used=in_task))
        part = f"{'' if reaches else 'apart, '}{name}"
        made[f"{part} in an activation"] = {"activation": f"{act}:mine"}
        made[f"{part} in a task"] = {"task": f"{task}:mine", "activation": "relu"}
    return made


def test_an_edited_activation_reaches_every_run_that_can_use_it(package, asked):  # noqa: F811
    folder = Path(asked["its name"]["notebook"]).parent
    edited = changed_of(
        asked,
        package,
        "afnlab/activations/gated.py",
        lambda source: source.replace("angle = (pi / 4)", "angle = (pi / 3)"),
        folder,
    )
    apart = {*APART, *(name for name in asked if name.startswith("apart, "))}
    assert asked.keys() - apart - edited == set()
    assert edited & apart == set()


def test_the_name_of_a_file_may_hold_blanks():
    """In quotes; after `%%writenew` without them too."""
    cells = [
        "%%writefile 'made of.py'\nx = 1",
        "%run \"other file.py\" it's 'so",
        "%%writenew my file.py\nx = 2",
        "%run plain",
    ]
    named = mentions(Notebook(b"", cells))
    assert named.written == {"made of.py"}
    assert named.offered == {"my file.py": "x = 2\n"}
    assert {"other file.py", "it's", "so", "plain.py"} <= named.texts.keys()


def test_quotes_within_a_word_hold_it_together():
    """Else the rest would be a word of its own, and so a file that nobody names."""
    cells = ['%run made.py --x="y z" --t=\'\' a"b', '!python "in here"/of.py sub\\a.py']
    named = mentions(Notebook(b"", cells))
    assert {"made.py", "--x=y z", "--t=", 'a"b.py'} <= named.texts.keys()
    assert {"python", "in here/of.py", "sub\\a.py"} <= named.texts.keys()
    assert not named.texts.keys() & {"z", "z.py", "here"}
