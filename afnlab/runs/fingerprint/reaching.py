"""What a user's sources reach of afnlab, by what they name; all of it, where that hides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from afnlab.runs.fingerprint.mentions import Mentions, mentions
from afnlab.runs.fingerprint.package import Package, split
from afnlab.runs.fingerprint.syntax import Source

# With these a source can use what it does not name: as names, as attributes of anything, or of
# these modules.
_EXECUTING = {
    *("exec", "eval", "__builtins__", "builtins.exec", "builtins.eval"),
    *(".run_cell", ".run_code", ".ex", ".ev"),
}
_COMPILING = {"builtins", "codeop", "timeit", "InteractiveInterpreter", "cProfile"}
_CONCEALING = _EXECUTING | {
    *("__import__", "builtins.__import__", "sys.modules", "pydoc.locate"),
    *(".import_module", ".find_spec", ".resolve_name", ".run_path", ".run_module"),
    *(".spec_from_file_location", ".SourceFileLoader"),
}
_SHARING = {"%run", "exec", "run_path"}  # with which names come from other sources
# What makes objects of classes that it does not name.
_UNPICKLING = {
    *("pickle", "joblib", "dill", "cloudpickle", "read_pickle", "Unpickler"),
    *("torch.load", "torch.hub", "torch.jit", "numpy.load"),
}


def reach(sources: Iterable[Source], package: Package) -> None:
    """Add what these sources reach, each of which may use the names that others have imported."""
    named = [mentions(source) for source in sources]
    imported = _imported(named)
    for one in named:
        if _conceals(one):
            package.everything()
        if _unpickles(one):
            package.registry()
        for dotted in sorted(reached_names(one, imported)):
            package.base()
            package.reached(dotted)
        if any(_is_ours(i.module) for i in one.imports):
            package.base()


def names_reached(sources: Iterable[Source]) -> set[str]:
    """The names of afnlab's that these sources use, from `afnlab` on, see `reach`."""
    named = [mentions(source) for source in sources]
    imported = _imported(named)
    return {name for one in named for name in reached_names(one, imported)}


def _imported(named: Iterable[Mentions]) -> dict[str, set[str]]:
    """What the names of afnlab's stand for that any of these has imported."""
    imported: dict[str, set[str]] = {}
    for one in named:
        for name, targets in one.bound.items():
            imported.setdefault(name, set()).update(filter(_is_ours, targets))
    return imported


def executes_texts(source: Source) -> bool:
    """Whether it may execute what it has as a text."""
    named = mentions(source)
    return bool((_used(named) | named.names | named.texts.keys()) & (_EXECUTING | _COMPILING))


def reached_names(one: Mentions, imported: dict[str, set[str]] | None = None) -> set[str]:
    """The names of afnlab's that a source uses, from `afnlab` on.

    imported: what names stand for that other sources have imported, which it may have from them.
    """
    names = set()
    for chain in one.chains:
        names |= set(_of_chain(chain, one, imported or {}))
    for import_ in one.imports:
        for name in import_.names if _is_ours(import_.module) else ():
            dotted = import_.module if name == "*" else f"{import_.module}.{name}"
            if name == "*" or split(dotted)[1]:  # a module's name is used by itself
                names.add(dotted)
    return names


def _of_chain(
    chain: tuple[str, ...], one: Mentions, imported: dict[str, set[str]]
) -> Iterator[str]:
    root, *attributes = chain
    for target in one.bound.get(root, ()):
        if _is_ours(target):
            yield ".".join((target, *attributes))
        else:
            yield from _handed_on((*target.split("."), *attributes)[1:], imported)
    if root not in one.bound and (one.names & _SHARING or _takes_all(one)):
        yield from _handed_on(chain, imported)


def _handed_on(parts: tuple[str, ...], imported: dict[str, set[str]]) -> Iterator[str]:
    for i, part in enumerate(parts):
        for target in imported.get(part, ()):
            yield ".".join((target, *parts[i + 1 :]))


def _takes_all(one: Mentions) -> bool:
    return any("*" in import_.names for import_ in one.imports)


def _conceals(one: Mentions) -> bool:
    return bool(_used(one) & _CONCEALING) or any("afnlab" in text for text in one.texts)


def _unpickles(one: Mentions) -> bool:
    modules = {i.module.partition(".")[0] for i in one.imports}
    return bool((_used(one) | one.names | modules) & _UNPICKLING)


def _used(one: Mentions) -> set[str]:
    """`name`, `.attribute` and `module.name` of all that a source uses or imports."""
    names = {f"{i.module}.{name}" for i in one.imports for name in i.names}
    names |= {f".{name}" for i in one.imports for name in i.names}
    for root, *attributes in one.chains:
        names |= {root, *(f".{name}" for name in attributes)}
        names |= {".".join((t, *attributes[:1])) for t in one.bound.get(root, ())}
    return names | {f".{name}" for name in one.names if name not in {c[0] for c in one.chains}}


def _is_ours(name: str) -> bool:
    return name == "afnlab" or name.startswith("afnlab.")
