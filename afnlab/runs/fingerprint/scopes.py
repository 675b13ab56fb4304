"""The modules, classes and functions of some sources, and what the names in them are assigned."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from afnlab.runs.fingerprint.syntax import Source

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Imported(NamedTuple):
    """What a name was imported as, of a module by its last name; no name: the module itself."""

    module: str
    name: str = ""


class Scope:
    """A module, a class or a function.

    bound: what its names are assigned; those of a class are its objects' attributes. parameters:
    the names that a call gives values, of a class without an `__init__` its annotated ones.
    names: all that stand in it, `.name` of an attribute, `module.name` of what is imported, and
    those in texts such as `"my.py:name"`. calls, returns: those in it.
    """

    def __init__(self, node: ast.AST, outer: Scope | None, path: Path) -> None:
        self.node, self.outer, self.path = node, outer, path
        self.bound: dict[str, list[Bound]] = {}
        self.parameters: list[str] = []
        self.defaults: dict[str, ast.expr] = {}
        self.names: set[str] = set()
        self.calls: list[ast.Call] = []
        self.returns: list[ast.expr] = []

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def its_class(self) -> Scope | None:
        """The class whose object, or itself, its first parameter is; None: it is no method."""
        inside = self.outer is not None and self.outer.is_class and not self.is_class
        static = any(getattr(d, "id", "") == "staticmethod" for d in self._decorators)
        return self.outer if inside and not static else None

    @property
    def _decorators(self) -> list[ast.expr]:
        return getattr(self.node, "decorator_list", [])

    def is_executed(self, used: set[str]) -> bool:
        """Whether it is executed where what is around it is, and these names are used: also by
        Python, a decorator or a class of others."""
        if self.outer is None or self.is_class or self._decorators:
            return True
        name = str(getattr(self.node, "name", ""))
        if self.outer.is_class:
            name_used = f".{name}" in used or name in used
        else:  # `x.fit()` is a call of it only where x is its module
            name_used = name in used or f"{_module_name(self.path)}.{name}" in used
        inherits = bool(getattr(self.outer.node, "bases", ()))
        return inherits or name_used or name[:2] == name[-2:] == "__"

    def holder(self, name: str) -> Scope | None:
        """The scope whose name this is where it stands in this one; None: it is no source's."""
        scope: Scope | None = self
        while scope and not (name in scope.bound or name in scope.parameters):
            scope = scope.outer
            while scope and scope.is_class:  # whose names its methods do not see
                scope = scope.outer
        return scope

    def object_of(self, name: str) -> Scope | None:
        """The class of the object that a method, or what stands in it, calls by a name: `self`."""
        scope: Scope | None = self
        while scope and name not in scope.parameters:
            scope = scope.outer
        return scope.its_class if scope and scope.parameters[0] == name else None


class Assignment(NamedTuple):
    """An expression that a name is assigned, and where it is evaluated."""

    node: ast.expr
    scope: Scope


Bound = Assignment | Scope | Imported


class Program(ast.NodeVisitor):
    """The scopes of sources, without what stands below `if __name__ == "__main__":`.

    modules: by their names, without those of packages. scopes: all.
    """

    def __init__(self, sources: Iterable[tuple[Path, Source]]) -> None:
        self.modules: dict[str, list[Scope]] = {}
        self.scopes: list[Scope] = []
        for path, source in sources:
            self._scope = Scope(ast.Module([], []), None, path)
            self.scopes.append(self._scope)
            self.modules.setdefault(_module_name(path), []).append(self._scope)
            for tree in source.trees:
                self.visit(tree)

    def _visit_within(self, scope: Scope, body: list[ast.stmt]) -> None:
        self.scopes.append(scope)
        outer, self._scope = self._scope, scope
        for part in body:
            self.visit(part)
        self._scope = outer

    def visit_FunctionDef(self, node: _Function) -> None:
        args = node.args
        for part in (*node.decorator_list, *args.defaults, *filter(None, args.kw_defaults)):
            self.visit(part)
        scope = Scope(node, self._scope, self._scope.path)
        plain = [a.arg for a in (*args.posonlyargs, *args.args)]
        scope.parameters = [*plain, *(a.arg for a in args.kwonlyargs)]
        scope.defaults = dict(zip(plain[::-1], args.defaults[::-1], strict=False))
        named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
        scope.defaults |= {a.arg: default for a, default in named if default}
        self._bind(node.name, scope)
        self._visit_within(scope, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases):
            self.visit(part)
        scope = Scope(node, self._scope, self._scope.path)
        self._bind(node.name, scope)
        self._visit_within(scope, node.body)
        if "__init__" not in scope.bound:
            fields = [p.target for p in node.body if isinstance(p, ast.AnnAssign)]
            scope.parameters = [field.id for field in fields if isinstance(field, ast.Name)]

    def visit_If(self, node: ast.If) -> None:
        if not any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test)):
            self.generic_visit(node)  # else a run does not execute it

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            first, last = alias.name.partition(".")[0], alias.name.rpartition(".")[2]
            self._bind(alias.asname or first, Imported(last if alias.asname else first))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = (node.module or "").rpartition(".")[2]
        for alias in node.names:
            self._bind(alias.asname or alias.name, Imported(module, alias.name))

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign | ast.NamedExpr) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)
        self.generic_visit(node)

    visit_NamedExpr = visit_AnnAssign

    def visit_For(self, node: ast.For | ast.AsyncFor | ast.comprehension) -> None:
        if isinstance(node.iter, (ast.List, ast.Tuple, ast.Set)):
            for value in node.iter.elts:
                self._assign(node.target, value)
        self.generic_visit(node)

    visit_AsyncFor = visit_comprehension = visit_For

    def visit_Return(self, node: ast.Return) -> None:
        self._scope.returns += [node.value] if node.value else []
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._scope.calls.append(node)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._scope.names.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._scope.names.add(f".{node.attr}")
        if isinstance(node.value, ast.Name):
            holder = self._scope.holder(node.value.id)
            for one in holder.bound.get(node.value.id, ()) if holder else ():
                if isinstance(one, Imported):
                    self._scope.names.add(f"{one.name or one.module}.{node.attr}")
        self.generic_visit(node)

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._assign(node.optional_vars, node.context_expr)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and ":" in node.value:  # "my.py:name"
            self._scope.names.add(node.value.rpartition(":")[2])

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._bind(name, Assignment(value, self._scope))
            case ast.Attribute(value=ast.Name(id=name), attr=field):
                if holder := self._scope.object_of(name):
                    holder.bound.setdefault(field, []).append(Assignment(value, self._scope))

    def _bind(self, name: str, value: Bound) -> None:
        self._scope.bound.setdefault(name, []).append(value)


def _module_name(path: Path) -> str:
    return path.parent.name if path.stem == "__init__" else path.stem
