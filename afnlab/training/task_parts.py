"""What the parts of a task are made of when it is trained: another time they may be others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

from afnlab.registry import Activation
from afnlab.training.tasks import Task
from afnlab.usercode.made_of import seen

_TELLS = ("name", "summary", "source", "published")  # of a task, and changes no number
PARTS = tuple(one.name for one in fields(Task) if one.name not in _TELLS)
ACTIVATION = "activation"
_FIRST: dict[str, str] = {}  # of a digest that trainings led to, the one that they began with


@dataclass(frozen=True)
class Part:
    """What a part of a task is made of, by the digests of what can be seen of it.

    Users' functions may count their calls or fill a cache: what a training has made of a part is
    the same part. Whether it computes the same from there on nobody can tell, as a loss may follow
    a schedule by its calls.

    Attributes:
        first: before the training, and before all those that led to this.
        began: before the training.
        last: after the training.
        unseen: why there may be more to it than can be seen; "": there is not.
    """

    first: str
    began: str
    last: str
    unseen: str = ""

    def same(self, other: Part) -> bool:
        """Whether nothing that can be seen was changed but by trainings."""
        return self.first in (other.first, other.last) or other.first == self.last

    @property
    def changes(self) -> bool:
        """Whether the training has changed it."""
        return self.first != self.last

    def goes_on(self, other: Part) -> bool:
        """Whether it is the same, and trainings had changed it when one of the two began."""
        return self.began != other.began and self.same(other)


@contextmanager
def watched(task: Task, activation: Activation) -> Iterator[dict[str, Part]]:
    """What the parts of a task, and its activation, are made of while its functions are called.

    Yields:
        The parts by the names of the task's fields, and that of the activation; with what they
        have become when the block ends.
    """
    before = _now(task, activation)
    parts = {
        name: Part(_FIRST.get(digest, digest), began=digest, last=digest, unseen=unseen)
        for name, (digest, unseen) in before.items()
    }
    try:
        yield parts
    finally:
        for name, (digest, unseen) in _now(task, activation).items():
            if digest != before[name][0]:
                _FIRST.setdefault(digest, parts[name].first)
            parts[name] = replace(parts[name], last=digest, unseen=parts[name].unseen or unseen)


def _now(task: Task, activation: Activation) -> dict[str, tuple[str, str]]:
    """The digest of each part, and why there may be more to it."""
    objects = {name: getattr(task, name) for name in PARTS} | {ACTIVATION: activation}
    texts = {name: seen(value) for name, value in objects.items()}
    return {
        name: (hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), unseen)
        for name, (text, unseen) in texts.items()
    }
