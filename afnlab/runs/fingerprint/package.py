"""afnlab's own code: whole modules with what they import, or single functions and classes.

What a run need not reach, since it is chosen by name, counts object by object: activations, tasks,
data sets and networks.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import afnlab
from afnlab.paths import PACKAGE
from afnlab.runs.fingerprint import names
from afnlab.runs.fingerprint.mentions import chains, imported_names, mentions
from afnlab.runs.fingerprint.remembered import remembered
from afnlab.runs.fingerprint.syntax import Source, digest, executed, read

ENGINE = "afnlab.training.engine"
_TASKS = "afnlab.training.tasks"
_ACTIVATIONS = "afnlab.activations"
# What every run that computes anything with afnlab reaches.
_BASE = (ENGINE, "afnlab.functional", "afnlab.native", "afnlab.nn")
# These count object by object, as far as a run uses them, or compute no numbers.
BY_OBJECT = (
    _ACTIVATIONS,
    "afnlab.training.data",
    "afnlab.training.embedded",
    "afnlab.training.fields",
    "afnlab.training.machine",
    "afnlab.training.models",
    "afnlab.training.progress",
    "afnlab.training.recurrent",
    _TASKS,
)
# Of these modules the classes, and this function, choose nothing by its name.
_PLAIN = (
    *("afnlab.autorot", "afnlab.param", "afnlab.separable", "afnlab.registry"),
    "afnlab.activation_record",
    *("afnlab.training.augment", "afnlab.training.recorder", "afnlab.training.result"),
)
_DECORATOR = "afnlab.registry.activation"
_CHOOSERS = {"_TASKS", "get_task", "list_tasks"}  # what finds a task by its name
_WORDS = {"summary", "source", "published"}  # what a task says of itself


@dataclass
class Package:
    """What a run reaches of afnlab.

    units: SHA-256 of code by `module` or `module:name`. files: SHA-256 of the bytes of the files
    that this was read from.
    """

    units: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    texts: bool = False  # whether docstrings count

    def base(self) -> None:
        """What every run counts that reaches afnlab at all."""
        for name in _BASE:
            self.module(name)
        self.object("afnlab.training.data", "Data")

    def module(self, name: str, stop: tuple[str, ...] = BY_OBJECT) -> None:
        """A module and those that it imports, up to those that begin with `stop`."""
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in self.units and not one.startswith(stop) and (path := file_of(one)):
                source = self._read(path)
                self.units[one] = _code_with_texts(source) if self.texts else _code(source)
                waiting += _modules(source)

    def registry(self) -> None:
        """All that can be chosen by name: what `import afnlab` loads, and so not `_LATER`."""
        later = tuple(f"afnlab.{name}" for name in afnlab._LATER)
        for name in _modules(self._read(PACKAGE / "__init__.py")):
            if not name.startswith(later):
                self.module(name, stop=())

    def everything(self) -> None:
        for path in sorted(PACKAGE.rglob("*.py")):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            self.module(".".join(parts).removesuffix(".__init__"), stop=())

    def activation(self, name: str) -> None:
        """One that is built in."""
        canonical = names.aliases().get(name, name)
        self.object(names.activations()[canonical][0], canonical)

    def task(self, name: str) -> None:
        """One that is built in."""
        self.object(_TASKS, f"Task({name!r})")

    def object(self, module: str, name: str) -> None:
        """A function, class or value of a module, and what it uses."""
        path, key = file_of(module), f"{module}:{name}"
        if path is None or key in self.units:
            return
        source = self._read(path)
        parts = _parts_with_texts(source) if self.texts else _parts(source)
        if name not in parts:  # made in another way than by a name of its own
            self.module(module, stop=())
            return
        self.units[key], *uses = parts[name]
        for used in uses:
            if used.startswith("afnlab."):
                self._used(used)
            elif used in parts and used not in _CHOOSERS:
                self.object(module, used)

    def _used(self, dotted: str) -> None:
        module, name = split(dotted)
        if name.endswith("Error"):  # no number depends on it
            return
        if name and module.startswith(BY_OBJECT):
            self.object(module, name)
        else:
            self.module(module)

    def reached(self, dotted: str) -> None:
        """What a user's code reaches by such a name: `afnlab.functional.srelu`.

        A single object, where it is one that chooses no other by a name; else all there is.
        """
        module, name = split(dotted)
        if not name:  # a module that is handed on
            self.everything() if module == "afnlab" else self.module(module, stop=())
            self.registry()
        elif module == "afnlab":
            thing = getattr(afnlab, name, None)
            home, real_name = getattr(thing, "__module__", ""), getattr(thing, "__name__", "")
            if home.startswith("afnlab.") and real_name:
                self.reached(f"{home}.{real_name}")
            else:
                self.registry()
        elif module == "afnlab.functional" and name in _activations():
            self.activation(name)
        elif module == "afnlab.nn" and name in names.classes():
            self.activation(names.classes()[name])
        elif module.startswith(BY_OBJECT) and name not in _CHOOSERS:
            self.object(module, name)
        else:
            self.module(module)
            if f"{module}.{name}" != _DECORATOR and not _is_plain(module, name):
                self.registry()

    def _read(self, path: Path) -> Source:
        source = read(path)
        self.files[str(path)] = source.bytes
        return source


def _is_plain(module: str, name: str) -> bool:
    """Whether it is a class that does only what it says itself."""
    return module.startswith(_PLAIN) and name[:1].isupper()


def _activations() -> set[str]:
    """All names of activations."""
    return {*names.activations(), *names.aliases()}


# What has a name, by the method of `Package` that adds it.
NAMED: dict[str, Callable[[], Set[str]]] = {
    "activation": _activations,
    "task": names.tasks,
}


def split(dotted: str) -> tuple[str, str]:
    """The module in a dotted name, and the name of it that follows, if one does."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        if file_of(module):
            return module, "".join(parts[end : end + 1])
    return parts[0], "".join(parts[1:2])


@lru_cache(maxsize=4096)
def file_of(name: str) -> Path | None:
    """The file of one of afnlab's modules; None for others."""
    if name.partition(".")[0] != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*name.split(".")[1:])
    options = (path.with_suffix(".py"), path / "__init__.py")
    return next((p for p in options if p.is_file()), None)


@lru_cache(maxsize=1024)
def _modules(source: Source) -> tuple[str, ...]:
    """afnlab's modules that the import statements of one of its own files mean."""
    return tuple(name for name in _imports(source) if file_of(name))


@remembered
def _imports(source: Source) -> list[str]:
    """The names from `afnlab.` on that a file imports, in the order in which they stand."""
    imports: dict[str, None] = {}
    for one in mentions(source).imports:
        for name in (one.module, *(f"{one.module}.{name}" for name in one.names)):
            if name.startswith("afnlab."):
                imports[name] = None
    return list(imports)


@remembered
def _code(source: Source) -> str:
    return source.code


@remembered
def _code_with_texts(source: Source) -> str:
    return digest(*(executed(tree, texts=True) for tree in source.trees))


@remembered
def _parts(source: Source) -> dict[str, list[str]]:
    """The names at the top of a module: the code that binds each, and then the names it uses."""
    return _parts_of(source, texts=False)


@remembered
def _parts_with_texts(source: Source) -> dict[str, list[str]]:
    return _parts_of(source, texts=True)


def _parts_of(source: Source, texts: bool) -> dict[str, list[str]]:
    """The names that a module binds at its top; a task also under its own name."""
    nodes_by_name: dict[str, list[ast.AST]] = {}
    for node in (n for tree in source.trees for n in tree.body):
        for name in _bound(node):
            nodes_by_name.setdefault(name, []).append(node)
        for call in ast.walk(node):
            match call:
                case ast.Call(func=ast.Name(id="Task"), args=[ast.Constant(value=str(name)), *_]):
                    kept = [k for k in call.keywords if k.arg not in _WORDS]
                    task_call = ast.Call(call.func, call.args, kept)
                    nodes_by_name.setdefault(f"Task({name!r})", []).append(task_call)
    bound = imported_names(source.trees)
    return {name: _part(nodes, bound, texts) for name, nodes in nodes_by_name.items()}


def _part(nodes: Iterable[ast.AST], bound: dict[str, set[str]], texts: bool) -> list[str]:
    uses = set()
    for node in nodes:
        for root, *attributes in chains(node):
            for start in bound.get(root, {root}):
                uses.add(".".join((start, *attributes)) if root in bound else root)
    return [digest(*(executed(node, texts) for node in nodes)), *sorted(uses)]


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a module binds, or changes."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return set()
    bound = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            bound.add(inner.id)
        elif isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
            bound.add(inner.name)
        elif isinstance(inner, (ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, ast.Store):
            bound |= {n.id for n in ast.walk(inner.value) if isinstance(n, ast.Name)}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        bound |= {root for root, *rest in chains(node.value.func) if rest}
    return bound
