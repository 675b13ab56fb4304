"""What an object is made of, to be compared with one from another file or an earlier time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from afnlab.usercode.by_text import ByText, by_text, is_path
from afnlab.usercode.object_parts import state_of, within

_PLAIN = (bool, int, float, complex, str, type(None), type(...), type(NotImplemented))
_LONG = 64  # bytes, from which on they stand as their digest


class Opaque(ValueError):
    """An object cannot be looked into, so that two of its kind may do the same or not."""


def made_of(value: object) -> str:
    """An object's values and code as a text, which is the same for two that do the same.

    Args:
        value: a part of a task, say; see `seen`.

    Returns:
        The text.

    Raises:
        Opaque: a ValueError, if there is anything in it that cannot be looked into.
    """
    text, unseen = seen(value)
    if unseen:
        raise Opaque(unseen)
    return text


def seen(value: object) -> tuple[str, str]:
    """All that can be seen of an object's values and code, and why that is not all.

    It is one walk through the object: what is no plain value, function, class or module consists
    of its fields or of what `pickle` would keep of it. A user's functions and classes count by
    their code and by what that names of the user's, not by the file or the lines that they stand
    in; those of libraries by their names; both with what they enclose, and with numbers and texts
    that are taken out of a library's module. What code reaches by a text (`globals()[name]`, a
    file, a variable of the environment) is not seen, and a value that was put in the place of a
    cached property is taken for one that it has made.

    Args:
        value: a part of a task, say.

    Returns:
        A text, which is the same for two that do the same; and why two of one text need not do the
        same, "" if they do.
    """
    walk = _Walk()
    try:
        text = repr(walk.parts(value))
        unseen = walk.unseen or (walk.of_paths if walk.paths else [])
        return text, unseen[0] if unseen else ""
    except RecursionError:
        return "", "it is nested too deeply to be looked into"


@dataclass(frozen=True)
class _Walk:
    """A walk through an object.

    known: what has been met, by its id, with its number; it is kept there so that nothing else
    gets that id. unseen: why something could not be looked into; of_paths: the same, where it is a
    path. paths: what is there of paths. kinds: the ids of the classes of the objects that it is in,
    and of those that they are derived from: an object that is there already is seen as any other,
    even if its class would read a file to make one.
    """

    known: dict[int, tuple[int, object]] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    of_paths: list[str] = field(default_factory=list)
    paths: list[object] = field(default_factory=list)
    kinds: frozenset[int] = frozenset()

    def parts(self, value: object) -> object:
        """The parts of a value as tuples, lists and plain values."""
        if type(value) in _PLAIN:
            return value
        if type(value) is bytes:
            return value if len(value) <= _LONG else ["digest", hashlib.sha256(value).hexdigest()]
        if name := "" if id(value) in self.kinds else by_text(value):
            of_path = isinstance(value, ByText) and value.of_path
            unseen = self.of_paths if of_path else self.unseen
            unseen.append(f"its code uses {name}, and what that leads to is not seen")
            if not isinstance(value, type):
                return name
        if is_path(value):
            self.paths.append(value)
        if type(value) is tuple:
            return tuple(self.parts(part) for part in value)
        if id(value) in self.known:
            return ["as above", self.known[id(value)][0]]
        self.known[id(value)] = len(self.known), value
        kinds = self.kinds.union(map(id, type(value).__mro__))
        return type(value).__name__, replace(self, kinds=kinds).inside(value)

    def inside(self, value: object) -> object:
        """The parts of an object, as far as it can be looked into."""
        try:
            if isinstance(value, (set, frozenset)):
                return self.unordered(value)
            return [self.parts(part) for part in within(value)]
        except RecursionError:
            raise
        except Exception:  # of whatever kind: it is another's code
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            self.unseen.append(f"an object of {kind} cannot be looked into")
            return "not seen"

    def unordered(self, value: set | frozenset) -> list[object]:
        """A set has no order: it gets that of what its parts are, each seen by itself."""
        inside = [
            one if type(one) in _PLAIN else replace(self, known=dict(self.known)).parts(one)
            for one in value
        ]
        inside.sort(key=repr)
        if type(value) not in (set, frozenset):
            inside += [self.parts(part) for part in (type(value), state_of(value))]
        return inside
