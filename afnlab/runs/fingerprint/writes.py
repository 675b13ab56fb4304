"""Which texts in sources stand only for files that the code writes, and never reads.

A text is written where it stands in the path of a call that writes and reads nothing
(`open("a.csv", "w")`), or in the only assignment of a name that is used in such paths alone. Paths
are followed no further, not through parameters, attributes or other modules: what else there is
counts as read.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from afnlab.runs.fingerprint.mentions import mentions
from afnlab.runs.fingerprint.syntax import Source

# Functions that write, with the place and the name of the argument that is the path.
_FUNCTIONS = {
    **dict.fromkeys(("open", "io.open"), (0, "file")),
    **dict.fromkeys(("bz2.open", "codecs.open", "gzip.open", "lzma.open"), (0, "filename")),
    **dict.fromkeys(("numpy.save", "numpy.savez", "numpy.savez_compressed"), (0, "file")),
    **dict.fromkeys(("numpy.savetxt", "matplotlib.pyplot.savefig"), (0, "fname")),
    "torch.save": (1, "f"),
    **dict.fromkeys(("os.rename", "os.replace", "shutil.move"), (1, "dst")),
    **dict.fromkeys(("shutil.copy", "shutil.copy2", "shutil.copyfile"), (1, "dst")),
    **dict.fromkeys(("os.mkdir", "os.remove", "os.unlink"), (0, "path")),
    "os.makedirs": (0, "name"),
    **dict.fromkeys(("logging.FileHandler", "logging.basicConfig"), (0, "filename")),
    "logging.handlers.RotatingFileHandler": (0, "filename"),
    "logging.handlers.TimedRotatingFileHandler": (0, "filename"),
}
_TO_FIRST = {  # methods of tables, figures and arrays that write their first argument, by its name
    **dict.fromkeys(("to_csv", "to_json"), "path_or_buf"),
    **dict.fromkeys(("to_feather", "to_parquet", "to_pickle"), "path"),
    **dict.fromkeys(("to_html", "to_latex", "to_markdown"), "buf"),
    **{"savefig": "fname", "to_excel": "excel_writer", "tofile": "fid"},
}
_OF_PATHS = ("mkdir", "touch", "unlink", "write_bytes", "write_text")
_SAY = ("print", "warnings.warn")  # which read no file that they are called with
_MODE = re.compile(r"[bt]*[wxa][bt]*")  # of an `open` that only writes
# What makes a path of others.
_MAKE = ("os.fspath", "os.path.dirname", "os.path.join", "pathlib.Path", "pathlib.PurePath", "str")
_MAKE_OF_PATHS = (
    *("absolute", "expanduser", "joinpath", "resolve", "with_name", "with_stem", "with_suffix"),
)
_METHODS = {"open", *_TO_FIRST, *_OF_PATHS, *_MAKE_OF_PATHS}
_WORD = re.compile(r"\w+")


def written_texts(sources: Iterable[Source]) -> frozenset[ast.Constant]:
    """The texts in the sources of a run that name nothing but files that these write."""
    sources = list(sources)
    redefined = frozenset(n for s in sources for n in _names(s).module.bound if n in _METHODS)
    mentioned = Counter(name for s in sources for name in {*mentions(s).names, *_words(s)})
    texts: set[ast.Constant] = set()
    for source in sources:
        for name, its in _written(source, redefined):
            texts |= its if mentioned[name] <= 1 else set()  # else another source may read it
    return frozenset(texts)


@lru_cache(maxsize=4096)
def _written(source: Source, redefined: Collection[str]) -> list[tuple[str, set[ast.Constant]]]:
    """The texts of a source that stand for what it writes, with the name by which other sources may
    read it; empty: with none. redefined: methods that a user has, of which nothing is known."""
    names = _names(source)
    paths = {
        leaf
        for call in names.calls
        for path in _paths(call, names, redefined)
        for leaf in _leaves(path, names, redefined)
    }
    texts = [("", {leaf for leaf in paths if isinstance(leaf, ast.Constant)})]
    for scope in (names.module, *names.functions):
        hidden = _words(source) | (names.attributes if scope is names.module else set())
        for name, value in scope.assigned.items():
            uses = scope.uses.get(name)
            once = scope.bound[name] == 1 and name not in names.imported
            if once and name not in hidden and uses and paths.issuperset(uses):
                leaves = _leaves(value, names, redefined)
                its = {leaf for leaf in leaves if isinstance(leaf, ast.Constant)}
                texts.append((name if scope is names.module else "", its))
    return texts


def _paths(call: ast.Call, names: _Names, redefined: Collection[str]) -> Iterator[ast.expr]:
    """The paths that a call writes, and does not read."""
    function = names.dotted(call.func)
    if function in _SAY:
        yield from call.args
    elif function in _FUNCTIONS:
        if not function.endswith("open") or _only_writes(_argument(call, 1, "mode")):
            yield from _argument(call, *_FUNCTIONS[function])
    elif isinstance(call.func, ast.Attribute) and call.func.attr not in redefined:
        method = call.func.attr
        if method in _TO_FIRST:
            yield from _argument(call, 0, _TO_FIRST[method])
        if method in _OF_PATHS or (method == "open" and _only_writes(_argument(call, 0, "mode"))):
            yield call.func.value


def _argument(call: ast.Call, at: int, keyword: str) -> list[ast.expr]:
    """What a call gives in a place or by a keyword; nothing, if that cannot be told."""
    if any(isinstance(one, ast.Starred) for one in call.args):
        return []
    return call.args[at : at + 1] or [k.value for k in call.keywords if k.arg == keyword]


def _only_writes(mode: list[ast.expr]) -> bool:
    texts = [str(one.value) for one in mode if isinstance(one, ast.Constant)]
    return any(map(_MODE.fullmatch, texts))


def _leaves(path: ast.expr, names: _Names, redefined: Collection[str]) -> Iterator[ast.expr]:
    """The texts and the names that a path is made of, without what is read to make it."""
    parts: list[ast.expr] = []
    match path:
        case ast.Constant(value=str()) | ast.Name():
            yield path
        case ast.BinOp(left=left, op=ast.Add() | ast.Div(), right=right):
            parts = [left, right]
        case ast.JoinedStr(values=values):
            parts = values
        case ast.FormattedValue(value=value) | ast.Attribute(value=value, attr="parent"):
            parts = [value]
        case ast.Call(func=function, args=args) if names.dotted(function) in _MAKE:
            parts = args
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args):
            if name in _MAKE_OF_PATHS and name not in redefined:
                parts = args if name.startswith("with_") else [value, *args]  # beside another one
    for part in parts:
        yield from _leaves(part, names, redefined)


class _Scope:
    """A module, a class or a function, with what stands within it at any depth.

    bound: how often a name is given something, by other means than an import.
    """

    def __init__(self) -> None:
        self.bound: Counter[str] = Counter()
        self.uses: dict[str, list[ast.expr]] = {}
        self.assigned: dict[str, ast.expr] = {}  # in itself alone


class _Names:
    """The names in a source, by the scopes that they are assigned in."""

    def __init__(self, source: Source) -> None:
        self.module = _Scope()
        self.functions: list[_Scope] = []
        self.calls: list[ast.Call] = []
        self.attributes: set[str] = set()
        self.imported = mentions(source).bound
        for tree in source.trees:
            self._read(tree, [self.module])

    def dotted(self, node: ast.expr) -> str:
        """What a name or an attribute stands for outside of this source, such as `numpy.save`;
        empty if that cannot be told."""
        if isinstance(node, ast.Attribute):
            module = self.dotted(node.value)
            return f"{module}.{node.attr}" if module else ""
        if not isinstance(node, ast.Name) or node.id in self.module.bound:
            return ""
        meant = self.imported.get(node.id, set() if "*" in self.imported else {node.id})
        return " or ".join(meant)  # of several, no function that is known

    def _read(self, node: ast.AST, scopes: list[_Scope]) -> None:
        for name in _bound_by(node):
            for scope in scopes:
                scope.bound[name] += 1
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                for scope in scopes:
                    scope.uses.setdefault(name, []).append(node)
            case ast.Attribute(attr=name):
                self.attributes.add(name)
            case ast.Call():
                self.calls.append(node)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                scopes[-1].assigned[name] = value
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.ClassDef():
                scopes = [*scopes, _Scope()]
                if not isinstance(node, ast.ClassDef):  # whose names are attributes too
                    self.functions.append(scopes[-1])
        for child in ast.iter_child_nodes(node):
            self._read(child, scopes)


def _bound_by(node: ast.AST) -> Iterator[str]:
    """The names that a node itself gives something: of functions, parameters, `global`, ..."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.expr() | ast.keyword() | ast.alias() | ast.ImportFrom():
            pass  # these name what there is, or are in `imported`
        case _:
            for _, value in ast.iter_fields(node):
                parts = value if isinstance(value, list) else [value]
                yield from (part for part in parts if isinstance(part, str))


@lru_cache(maxsize=4096)
def _names(source: Source) -> _Names:
    return _Names(source)


@lru_cache(maxsize=4096)
def _words(source: Source) -> frozenset[str]:
    """The words of a source's texts, which may be names: `globals()["OUT"]`."""
    return frozenset(word for text in mentions(source).texts for word in _WORD.findall(text))
