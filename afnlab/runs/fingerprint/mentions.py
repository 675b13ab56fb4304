"""What a source names: modules that it imports, names of theirs that it uses, texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from afnlab.runs.fingerprint.syntax import Source, digest, executed, is_text
from afnlab.usercode.writenew import named

_IMPORTERS = ("__import__", "import_module", "run_path", "run_module")
_LOADERS = ("load_ext", "reload_ext")  # magics that import a module
_WRITERS = ("writefile", "file")  # magics whose cell is the content of a file
_OFFERER = "writenew"  # the same, where there is no other; see `usercode.writenew`
# What stands in quotes, also within a word: `--x="y z"`; not after a letter, as in "it's".
_QUOTED = re.compile(r"(?<!\w)([\"'])((?:(?!\1).)*)\1(?!\w)", re.DOTALL)
_WORD = re.compile(rf"(?:{_QUOTED.pattern}|\S)+", re.DOTALL)
_LONGEST = 500  # characters of a text that may name a file or a module


@dataclass(frozen=True)
class Import:
    """`from ..module import names`; level counts the dots. No names: `import module`."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass
class Mentions:
    """What a source names.

    imports: in the order in which they stand. bound: what the imported names stand for, `F` for
    `afnlab.functional`. chains: all names with their attributes, such as `F.srelu`; names: the same
    one by one. texts: all texts but docstrings. written: the files that are written in any case
    (`%%writefile`, `open("a.py", "w")`), and folders. cells: by file the cell that is written into
    it (`%%writefile`). offered: likewise, if nothing else is there (`%%writenew`).
    """

    imports: dict[Import, None] = field(default_factory=dict)
    bound: dict[str, set[str]] = field(default_factory=dict)
    chains: set[tuple[str, ...]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    texts: dict[str, None] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    cells: dict[str, str] = field(default_factory=dict)
    offered: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def mentions(source: Source) -> Mentions:
    """What a source names; nothing, if it is not Python."""
    reader = _Reader()
    trees: list[ast.AST] = list(source.trees)
    for tree in trees:  # grows by the code that stands in magics
        reader.visit(tree)
        trees += reader.inner()
        reader.mentions.written |= set(_written(getattr(tree, "body", ())))
    reader.mentions.bound = imported_names(trees)
    return reader.mentions


def chains(node: ast.AST) -> set[tuple[str, ...]]:
    """The names of a part of a source, with their attributes."""
    reader = _Reader()
    reader.visit(node)
    return reader.mentions.chains


def imported_names(trees: Iterable[ast.AST]) -> dict[str, set[str]]:
    """What the names that are imported anywhere stand for."""
    bound: dict[str, set[str]] = {}
    for node in (n for tree in trees for n in ast.walk(tree)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                bound.setdefault(name, set()).add(alias.name if alias.asname else name)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (f"{node.module}." if node.module else "")
            for alias in node.names:
                bound.setdefault(alias.asname or alias.name, set()).add(start + alias.name)
    return bound


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.mentions = Mentions()
        self._inner: list[ast.AST] = []

    def inner(self) -> list[ast.AST]:
        """Trees of code that stood in texts, each once."""
        inner, self._inner = self._inner, []
        return inner

    def visit_Expr(self, node: ast.Expr) -> None:
        if not is_text(node):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.mentions.imports[Import(alias.name)] = None
            self.mentions.names.update(alias.name.split("."))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        names = tuple(alias.name for alias in node.names)
        self.mentions.imports[Import(node.module or "", names, node.level)] = None
        self.mentions.names.update((node.module or "").split("."), names)

    def visit_Name(self, node: ast.Name) -> None:
        self.mentions.names.add(node.id)
        self.mentions.chains.add((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        parts: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        self.mentions.names.update(parts)
        if isinstance(inner, ast.Name):
            self.mentions.names.add(inner.id)
            self.mentions.chains.add((inner.id, *reversed(parts)))
        else:
            self.visit(inner)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and 0 < len(node.value) <= _LONGEST:
            self.mentions.texts[node.value] = None

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        constants = [a.value for a in node.args if isinstance(a, ast.Constant)]
        words = [w for w in constants if isinstance(w, str)]
        literal = len(words) == len(node.args) > 0
        for part in ast.iter_child_nodes(node):
            if part is not node.func or name not in _IMPORTERS or not literal:
                self.visit(part)  # else it names what it imports
        if not literal:
            return
        if name in ("run_line_magic", "run_cell_magic"):
            self._magic(*words)
        elif name in ("system", "getoutput"):
            self._words(" ".join(words))

    def _magic(self, name: str = "", line: str = "", body: str = "") -> None:
        self.mentions.names.add(f"%{name}")
        self._words(line)
        words = _words_of(line)
        if name in _LOADERS:
            self.mentions.imports |= {Import(word): None for word in words}
        if name in _WRITERS and "-a" not in words and "--append" not in words:
            self.mentions.written |= {*words[-1:]}
            self.mentions.cells |= dict.fromkeys(words[-1:], body)
        if name == _OFFERER:
            self.mentions.offered[named(line)] = body
        if name == "run":
            bare = [word for word in words if not word.endswith(".py")]
            self.mentions.texts |= {f"{word}.py": None for word in bare}
        trees = [_tree(text) for text in (line, body) if text.strip()]
        self._inner += [tree for tree in trees if tree is not None]  # or a file's name, options

    def _words(self, line: str) -> None:
        self.mentions.texts |= dict.fromkeys(_words_of(line))


def _words_of(line: str) -> list[str]:
    """The words of a line; what stands in quotes is of one."""
    return [_QUOTED.sub(r"\2", word[0]).strip("\"'") for word in _WORD.finditer(line)]


def _written(body: object) -> Iterator[str]:
    """The files that these statements begin anew, unless they stand under a condition."""
    for node in body if isinstance(body, list) else ():
        if isinstance(node, ast.With):
            yield from _written(node.body)
        if isinstance(node, (ast.With, ast.Expr, ast.Assign)):
            parts = [i.context_expr for i in node.items] if isinstance(node, ast.With) else [node]
            calls = [c for part in parts for c in ast.walk(part) if isinstance(c, ast.Call)]
            yield from (name for call in calls if (name := _target(call)))


def _target(call: ast.Call) -> str:
    """The file or folder that a call begins anew, if it names it."""
    texts = [_text(a) for a in (*call.args, *(k.value for k in call.keywords))]
    match call.func, texts:
        case (ast.Name() | ast.Attribute(), [name, mode, *_]) if _WRITING.fullmatch(mode):
            return name  # open, io.open, ZipFile
        case ast.Attribute(attr="write_text" | "write_bytes", value=ast.Call(args=[of])), _:
            return _text(of)
        case (ast.Attribute(attr="open", value=ast.Call(args=[of])), [mode, *_]) if (
            _WRITING.fullmatch(mode)
        ):
            return _text(of)
        case ast.Attribute(attr="copy" | "copy2" | "copyfile" | "copytree" | "move"), [_, name, *_]:
            return name
    return ""


def _text(node: ast.expr) -> str:
    value = getattr(node, "value", None)
    return value if isinstance(value, str) else ""


_WRITING = re.compile(r"[wx][bt+]*")


def parsed_cell(text: str) -> ast.Module:
    """The syntax tree of a notebook's cell, magics and all; ValueError if it is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager  # noqa: PLC0415

    try:
        return ast.parse(TransformerManager().transform_cell(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"is not Python ({error})") from None


class Notebook(Source):
    """The code cells of a notebook; its outputs, and what is no code, do not count."""

    def __init__(self, content: bytes, cells: Sequence[str]) -> None:
        super().__init__(content)
        self.cells = tuple(cells)

    def parsed(self) -> Sequence[ast.Module]:
        return [parsed_cell(text) for text in self.cells]

    @cached_property
    def trees(self) -> Sequence[ast.Module]:
        """Those of its cells that are Python."""
        return [tree for tree in map(_tree, self.cells) if tree is not None]

    @cached_property
    def code(self) -> str:
        """SHA-256 of what its cells execute; a text alone counts, as it is shown."""
        parts = []
        for text, tree in zip(self.cells, map(_tree, self.cells), strict=True):
            done = text if tree is None else "".join(map(executed, tree.body))
            parts += [done] if done.strip() else []
        return digest(*parts)


@lru_cache(maxsize=4096)
def _tree(text: str) -> ast.Module | None:
    try:
        return parsed_cell(text)
    except ValueError:
        return None


# A file, whose folders may be called anything; or a module.
_REFERENCE = re.compile(
    r"(?P<where>.+\.py|[^:]+(?:\:[\\/][^:]+)?):(?P<name>[A-Za-z_]\w*)", re.DOTALL
)


def reference(text: str) -> str:
    """The file or module of a reference such as `my.py:fn`; a text that is none, as it is."""
    match = _REFERENCE.fullmatch(text)
    return match["where"] if match else text
