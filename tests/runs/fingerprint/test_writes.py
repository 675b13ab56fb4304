"""Which texts in a user's code stand only for files that it writes, which are no data."""

from __future__ import annotations

import ast

from afnlab.runs.fingerprint.syntax import Source
from afnlab.runs.fingerprint.writes import written_texts
from tests.over import over

NONE: set[str] = set()
IMPORTS = """
import bz2, codecs, gzip, io, json, logging, os, shelve, shutil, warnings
import logging.handlers
import matplotlib.pyplot as plt
import numpy as np
import torch
from pathlib import Path
"""


def only_written(*codes: str) -> set[str]:
    """The texts that stand in these sources only for files that they write."""
    sources = [Source((IMPORTS + code).encode()) for code in codes]
    written = written_texts(sources)
    nodes = [node for s in sources for tree in s.trees for node in ast.walk(tree)]
    texts = [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    read = {node.value for node in texts if node not in written}
    return {node.value for node in texts} & {node.value for node in written} - read


@over(
    "code, names",
    [
        ('open("a", "w")\nopen("b", mode="ab")\nopen(file="c", mode="xt")', {"a", "b", "c"}),
        ('io.open("a", "w")\ngzip.open("b", "wt")\nbz2.open("c", "w")', {"a", "b", "c"}),
        ('Path("a").open("w")\n(H / "b").write_text(t)\nPath(H, "c").write_bytes(t)', {*"abc"}),
        ('Path("a").open(mode="w")\nPath("b").touch()\nPath("c").unlink()', {*"abc"}),
        ('torch.save(x, "a")\ntorch.save(x, f="b")\nnp.save("c", x)', {"a", "b", "c"}),
        ('from torch import save\nsave(x, "a")\nimport numpy\nnumpy.savez("b", x=x)', {"a", "b"}),
        ('plt.savefig("a")\nfigure.savefig(H / "b")\nx.tofile("c")', {"a", "b", "c"}),
        ('t.to_csv(H / "a")\nt.to_json(path_or_buf="b")\nf(t)[0].to_parquet("c")', {*"abc"}),
        ('json.dump(x, open("a", "w"))\nwith Path("b").open("wb") as f:\n    f.write(x)', {*"ab"}),
        ('os.replace(x, "a")\nshutil.copy(x, H / "b")\nshutil.move(src=x, dst="c")', {*"abc"}),
        ('logging.FileHandler(H / "a")\nlogging.basicConfig(filename="b")', {"a", "b"}),
        ('from logging.handlers import RotatingFileHandler as R\nR("a", maxBytes=9)', {"a"}),
        ('os.makedirs("a")\nPath("b/c").parent.mkdir()\nos.remove("d")', {"a", "b/c", "d"}),
        ('print("a", Path("b"), f"c{x}")\nwarnings.warn("d")', {"a", "b", "c", "d"}),
    ],
)
def test_what_a_call_writes_is_written(code, names):
    assert only_written(code) == names


@over(
    "code, names",
    [
        ('open(os.path.join(H, "a"), "w")\nopen(H + "/b", "w")', {"a", "/b"}),
        ('open(f"{H}/a", "w")\nopen(str(Path(H).joinpath("b")), "w")', {"/a", "b"}),
        ('Path(__file__).with_suffix(".a").write_text(t)', {".a"}),
        ('(Path.home() / "b" / "a").resolve().write_text(t)', {"a", "b"}),
        # What is read to make a path, or chooses one, is read.
        ('open(load("a"), "w")\nopen(Path("b").read_text(), "w")', NONE),
        ('open(H / load("a")["b"] / "c", "w")', {"c"}),
        ('open("a" if x else "b", "w")\nopen(p := "c", "w")', NONE),
        ('for p in ("a", "b"):\n    open(p, "w")', NONE),
        ('D = {"a": "b"}\nopen(D["a"], "w")', NONE),
    ],
)
def test_a_path_may_be_made_of_texts(code, names):
    assert only_written(code) == names


@over(
    "code",
    [
        'open("a")\nopen("b", "rb")\nopen("c", mode="r")',
        'open("a", "r+")\nopen("b", "w+")\nopen("c", "a+")',
        'open("a", mode)\nopen("b", **kind)\ntorch.save(*x, "c")',
        'shelve.open("a", "w")\nother.open("b", "w")\narchive.open("c", "w")',
        'os.replace("a", x)\nshutil.copy("b", x)\nPath("c").replace(x)',
        'x.to_csv(y, "a")\nnp.load("b")\ntorch.load("c")',
        'urlretrieve(x, "a")\nlib.save(x, "b")\ndownload("c")',
        'x.save("a")\nx.dump("b")\ndataset.download(root="c")',
        'def saved(p):\n    return p.read_text()\nsaved("a")',
        'def open(p, mode):\n    return p\nopen("a", "w")',
        'from other import open\nopen("a", "w")',
        'from other import *\nopen("a", "w")',
        'import other as np\nnp.save("a", x)',
        'if fast:\n    import fast as np\nnp.save("a", x)',
        'class T:\n    def to_csv(self, p):\n        return p.read_text()\nT().to_csv("a")',
        'class P:\n    def with_name(self, p):\n        return p\nP().with_name("a").touch()',
        'def f(np):\n    np.save("a")',
        # Not followed: parameters, attributes, other calls.
        'def keep(p):\n    p.write_text(t)\nkeep("a")\ndef f(p="b"):\n    open(p, "w")',
        'class C:\n    p = Path("a")\n    def f(self):\n        self.p.write_text(t)',
        'class C:\n    def f(self):\n        self.p = "a"\n        open(self.p, "w")',
        'def at():\n    return Path("a")\nat().write_text(t)',
    ],
)
def test_what_may_be_read_or_cannot_be_told_is_not_written(code):
    assert only_written(code) == NONE


def test_what_is_read_too_is_not_written():
    """A cache; a table that a script or a condition makes anew; whatever the order."""
    write, read = 'Path("a").write_text(t)', 'x = Path("a").read_text()'
    for code in (
        f"{write}\n{read}",
        f"{read}\n{write}",
        f"if REFIT:\n    {write}\n{read}",
        f'{read}\nif __name__ == "__main__":\n    {write}',
        f"def fit():\n    {write}\ndef f():\n    {read}",
        f'{write}\nif not Path("a").exists():\n    pass',
    ):
        assert only_written(code) == NONE


OUT = 'OUT = Path("a")\n'


@over(
    "code, names",
    [
        (OUT + "OUT.write_text(t)", {"a"}),
        (OUT + "def f():\n    OUT.parent.mkdir()\n    open(OUT, 'w')\n    print(OUT)", {"a"}),
        ('OUT: Path = H / "a"\nnp.save(OUT.resolve(), x)', {"a"}),
        ('OUT: Path = H / "a"\nnp.save(OUT.with_suffix(".b"), x)', {".b"}),  # beside it
        ('def f():\n    p = H / "a"\n    p.write_text(t)', {"a"}),
        # Each function has names of its own, and those within it share them.
        (
            'def f():\n    p = "a"\n    open(p, m)\ndef g():\n    p = "b"\n    torch.save(x, p)',
            {"b"},
        ),
        ('def f():\n    p = "a"\n    def g():\n        torch.save(x, p)', {"a"}),
        ('def f():\n    p = "a"\n    def g():\n        torch.load(p)\n    torch.save(x, p)', NONE),
        # Used in another way, or not at all.
        (OUT + "OUT.write_text(t)\nOUT.read_text()", NONE),
        (OUT + "if not OUT.exists():\n    OUT.write_text(t)", NONE),
        (OUT + "def f():\n    OUT.write_text(t)\n    return OUT", NONE),
        (OUT + "def f(p=OUT):\n    return p\nOUT.write_text(t)", NONE),
        (OUT + "P = OUT\nOUT.write_text(t)", NONE),
        (OUT + "x = [OUT]\nOUT.write_text(t)", NONE),
        (OUT, NONE),
        # Assigned twice, in whatever way.
        (OUT + 'OUT = Path("b")\nOUT.write_text(t)', NONE),
        (OUT + "OUT.write_text(t)\ndef f(OUT):\n    OUT.write_text(t)", NONE),
        (OUT + "OUT.write_text(t)\nfor OUT in x:\n    pass", NONE),
        (OUT + "OUT.write_text(t)\ndef OUT():\n    pass", NONE),
        (OUT + "OUT.write_text(t)\nfrom other import OUT", NONE),
        ('def f():\n    global p\n    p = Path("a")\n    p.write_text(t)', NONE),
        ('P = Q = Path("a")\nP.write_text(t)', NONE),
        ('P, Q = Path("a"), 1\nP.write_text(t)', NONE),
        # Reached by a text or as an attribute.
        (OUT + "OUT.write_text(t)\nglobals()['OUT'].read_text()", NONE),
        (OUT + "OUT.write_text(t)\neval('OUT.read_text()')", NONE),
        (OUT + "OUT.write_text(t)\nsys.modules[__name__].OUT.read_text()", NONE),
        ('class C:\n    P = Path("a")\n    P.write_text(t)', NONE),
    ],
)
def test_a_name_that_is_assigned_once_and_only_written_is_written(code, names):
    assert only_written(code) == names


@over(
    "other",
    [
        "import m\nm.OUT.read_text()",
        "from m import OUT\nOUT.read_text()",
        "from m import *\nOUT.read_text()",
        "import m\ngetattr(m, 'OUT').read_text()",
        'x = Path("a")',
    ],
)
def test_another_source_may_read_it(other):
    code = OUT + "OUT.write_text(t)"
    assert only_written(code, "x = 1") == {"a"}
    assert only_written(code, other) == NONE
    assert only_written(other, code) == NONE


def test_a_helpers_method_is_not_a_librarys():
    code = 'def f(table):\n    table.to_csv("a")'
    assert only_written(code, "x = 1") == {"a"}
    assert only_written(code, "class T:\n    def to_csv(self, p):\n        read(p)") == NONE
