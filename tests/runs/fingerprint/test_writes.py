"""Which files a user's code writes itself: they are no data that its runs read."""

from __future__ import annotations

from pathlib import Path

from afnlab.runs.fingerprint.syntax import Source
from afnlab.runs.fingerprint.writes import written
from tests.over import over

NONE: set[str] = set()


def texts(*codes: str, entries: frozenset[str] = frozenset()) -> set[str]:
    """What the modules m0, m1, ... write."""
    sources = tuple((Path(f"m{i}.py"), Source(code.encode())) for i, code in enumerate(codes))
    return {end.text for end in written(sources, entries)}


@over(
    "code, names",
    [
        ('open("a", "w")', {"a"}),
        ('open("a"); open("b", "rb")', NONE),
        ('import os\nopen(os.path.join("d", "a"), mode="ab")', {"d/a"}),
        ('P = Q = "a"\nwith Q.open("r+") as f: pass', NONE),
        ('x = np.loadtxt("a")\nnp.save("b", x)', {"b"}),
        ('p = "a"\nPath(p).with_suffix(".b").write_text(t)', {"a.b"}),
        ('Path(__file__).with_suffix(".b").write_text("a")', {".b"}),
        ('plt.savefig(D / "a")\nt.to_csv(str(D / "b"))', {"a", "b"}),
        ('p = p / "a"\nopen(p, "x")', {"a"}),
        ('(Path.home() / "d" / "a").write_text(t)', {"d/a"}),
        ('D = ROOT / "d"\nopen(f(x) / D / "a", "w")', {"d/a"}),
        ('open(f"{D}/d/a", "w")\nopen(os.path.dirname(x) + "/b", "w")', {"d/a", "b"}),
        ('open(f"{name}.csv", "w")', NONE),
        ('gzip.open("a", "wt")\nZipFile("b", "w")\nh5py.File("c", mode="a")', {"a", "b", "c"}),
        ('open(p := H / "a", "w")', {"a"}),
        ('open("a" if x else "b", "w")', {"a", "b"}),
        ('for p in ("a", "b"):\n    open(p, "w")', {"a", "b"}),
        ('D = {"in": "a", "out": "b"}\nopen(D["out"], "w")', {"b"}),
        ('os.replace(tmp, "a")\nlogging.basicConfig(filename="b")', {"a", "b"}),
        ('tmp.replace("a")', {"a"}),
        ('with TemporaryDirectory() as d:\n    shutil.copy(x, Path(d) / "a")', NONE),
        ('T = Path(os.environ["T"])\nD = T / y\nshutil.copy(x, D / "a")', NONE),
        ('open(file=H / "a", mode="a")\nos.open(H / "b", os.O_CREAT | os.O_WRONLY)', {"a", "b"}),
        ('RotatingFileHandler(H / "a")\nx.tofile(H / "b")\nt.to_html("c")', {"a", "b", "c"}),
        ('t.replace("x", "a")', NONE),  # of a text
    ],
)
def test_what_is_written_by_a_library_is_found(code, names):
    assert texts(code) == names


@over(
    "code, names",
    [
        ('def keep(p):\n    p.write_text(t)\nkeep(H / "a")\nload("b")', {"a"}),
        ('def keep(x, *, to="a"):\n    open(to, "w")\nkeep(1)', {"a"}),
        ('def keep(x, *, to="a"):\n    open(to, "w")\nkeep(1, to="b")', {"b"}),
        ('def keep(p):\n    p.write_text(t)\ndef f(n):\n    keep(H / n)\nf("a")', {"a"}),
        ('def f(p):\n    p = Path(p)\n    p.write_text(t)\nf("a")', {"a"}),
        ('def f(*p):\n    open(p[0], "w")\nf("a")', NONE),
        ('p = "a"\ndef f(p):\n    p.write_bytes(x)\nf(q)', NONE),  # not the module's p
        ('p = "a"\ndef f(q):\n    p.write_bytes(q)\nf(1)', {"a"}),
        ('def f(p):\n    f(p)\n    p.write_text(t)\nf("a")', {"a"}),
        (
            "@contextmanager\ndef atomic(p):\n    tmp = p.with_suffix('.tmp')\n"
            "    with tmp.open('w') as file:\n        yield file\n    tmp.replace(p)\n"
            'with atomic(H / "a.b") as file:\n    pass',
            {"a.tmp", "a.b"},
        ),
        (
            "def cached(name):\n    def deco(f):\n        def inner(x):\n"
            "            (H / name).write_text(t)\n        return inner\n    return deco\n"
            '@cached("a")\ndef f(x):\n    pass',
            {"a"},
        ),
        # A helper that is called as one that saves and does not.
        ('def saved(p):\n    return p.read_text()\nsaved(H / "a")', NONE),
        ('def dump(p):\n    return p.write_text(t)\ndump(H / "a")', {"a"}),
        # A helper that returns paths, of which one alone is written.
        ('def at(n):\n    return H / n\nat("a").read_text()\nat("b").write_text(t)', {"b"}),
        (
            'def at(n):\n    return H / n\ndef f(n):\n    at(n).write_text(t)\nf("a")\nat("b")',
            {"a"},
        ),
    ],
)
def test_a_path_is_followed_through_parameters(code, names):
    assert texts(code) == names


STATS = """
class Stats:
    def __init__(self, path):
        self.path = path
    def note(self):
        with open(self.path, "a") as file:
            file.write("1")
"""


@over(
    "code, names",
    [
        (STATS + 'Stats(H / "a").note()', {"a"}),
        (STATS.replace("= path", '= "a"') + "Stats().note()", {"a"}),
        (STATS + 's = Stats(path="a")\ndef f(x):\n    s.note()\nf(1)', {"a"}),
        ('class C:\n    P = "a"\n    def f(self):\n        self.P.write_text(t)\nC().f()', {"a"}),
        ('class C:\n    P = "a"\nC.P.write_text(t)', {"a"}),
        ('class B:\n    P = "a"\nclass C(B):\n    def f(self):\n        open(self.P, "w")', {"a"}),
        (
            "@dataclass\nclass C:\n    p: str\n    def f(self):\n"
            '        self.p.write_text(t)\nC(H / "a").f()',
            {"a"},
        ),
        (
            "class C:\n    @property\n    def p(self):\n        return H / 'a'\n"
            "    def f(self):\n        self.p.write_text(t)\nC().f()",
            {"a"},
        ),
        (
            "class C:\n    def __init__(self):\n        self.d = {'in': 'a', 'out': 'b'}\n"
            "    def f(self):\n        open(self.d['out'], 'w')\nC().f()",
            {"b"},
        ),
        ("class A(B):\n    pass\nclass B(A):\n    pass\nA().p.write_text(t)", NONE),
        # Of two objects one may write and the other read.
        (STATS + 'Stats("a").note()\nStats("b").show()', NONE),
        # Another class's attribute.
        (STATS + 'class R:\n    path = "a"\nR.path.read_text()\nStats(q).note()', NONE),
        # No run executes it.
        (STATS + 'Stats("a").show()', NONE),
    ],
)
def test_a_path_is_followed_through_attributes(code, names):
    assert texts(code) == names


KEEP = "def keep(p):\n    p.write_text(t)"


@over(
    "codes, names",
    [
        (['from m1 import keep\nkeep(H / "a")', KEEP], {"a"}),
        (['from . import m1 as x\nx.keep("a")', KEEP], {"a"}),
        (['import m1\nm1.keep("a")', KEEP], {"a"}),
        (["from m1 import P\nP.write_text(t)", 'P = "a"'], {"a"}),
        (["from m1 import P", "from m0 import P\nP.write_text(t)"], NONE),  # in a circle
        (['from other import keep\nkeep("a")', KEEP], NONE),
    ],
)
def test_a_path_is_followed_into_other_modules(codes, names):
    assert texts(*codes) == names


FIT = 'def fit():\n    open("a", "w")\n'


@over(
    "code, names",
    [
        ('if __name__ == "__main__":\n    open("a", "w")', NONE),
        (FIT + 'if __name__ == "__main__":\n    fit()', NONE),
        (FIT + 'def main():\n    fit()\nif __name__ == "__main__":\n    main()', NONE),
        (FIT, NONE),
        (FIT + "fit()", {"a"}),
        (FIT + "task = Task(fit)", {"a"}),
        (FIT + 'getattr(m, "fit")()', NONE),
        (FIT + "Ridge().fit(x)\nmodel.fit(x)\nd = {'fit': 1}", NONE),
        ("@activation()\n" + FIT, {"a"}),
        ("class C(Module):\n    def forward(self):\n        open('a', 'w')", {"a"}),
        ("class C:\n    def __call__(self):\n        open('a', 'w')", {"a"}),
    ],
)
def test_what_no_run_executes_writes_nothing(code, names):
    """A table that a script fits, and that its module reads in runs, is data."""
    assert texts(code) == names
    assert texts(code, entries=frozenset({"fit"})) >= names


def test_what_a_run_is_given_is_executed():
    assert texts(FIT, entries=frozenset({"fit"})) == {"a"}
    assert texts(FIT, "import m0\nm0.fit()") == {"a"}
    assert texts(FIT, 'train("digits", "m0.py:fit")') == {"a"}


def test_many_calls_of_functions_that_call_one_another_are_followed_at_once():
    """The number of paths doubles with each function, the work does not."""
    lines = [f"def f{i}(p):\n    return f{i + 1}(p / 'x') or f{i + 1}(p / 'y')" for i in range(60)]
    code = "\n".join([*lines, "def f60(p):\n    p.write_text(t)", 'f0("a")'])
    assert len(texts(code)) < 1000
