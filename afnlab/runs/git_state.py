"""Which commit afnlab's own code is, by git: known, unknown, or of no working tree at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from afnlab.messages import masked
from afnlab.paths import PACKAGE

_PATIENCE = 10.0  # seconds
# What tells git to look at another tree or index than those of the folder that it is in.
_ELSEWHERE = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES"),
    *("GIT_PREFIX", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_INTERNAL_SUPER_PREFIX", "GIT_LITERAL_PATHSPECS"),
}


class _Unknown(Exception):
    """Git did not say."""


@cache
def git_state() -> dict[str, object] | None:
    """Commit of afnlab's working tree, and whether anything in it is not as committed.

    None where the code is in no working tree. Where git does not say, `commit` and `dirty` are
    None, and `unknown` tells why: not known is not the same as clean.
    """
    return state_of(PACKAGE)


def state_of(package: Path) -> dict[str, object] | None:
    """The commit of any package that may be a folder of its own working tree, see `git_state`."""
    root = package.parent
    if not os.path.lexists(root / ".git"):
        return None
    try:
        top = _ask(root, "rev-parse", "--show-toplevel")
        if Path(top).resolve() != root.resolve():
            raise _Unknown(f"the .git in {root} is not readable")
        if not _ask(root, "ls-files", "--", f":(literal){package.name}/__init__.py"):
            return None  # installed into the tree of another project
        commit = _ask(root, "rev-parse", "--verify", "HEAD")
        changes = _ask(
            root,
            *("-c", "core.fsmonitor=false", "status", "--porcelain"),
            *("--untracked-files=normal", "--ignore-submodules=none"),
        )
    except _Unknown as error:
        return {"commit": None, "dirty": None, "unknown": masked(str(error))}
    return {"commit": commit, "dirty": bool(changes)}


def described(state: Mapping[str, object] | None) -> str:
    """What a record says of this, in words."""
    if not state:
        return "not from a git checkout"
    if not state.get("commit") or state.get("dirty") is None:
        return f"unknown ({state.get('unknown') or 'git did not say'})"
    return f"{state['commit']}{', with changes' if state['dirty'] else ''}"


def _ask(root: Path, *words: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise _Unknown("git is not installed")
    environment = {n: v for n, v in os.environ.items() if n not in _ELSEWHERE}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [git, *words],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _Unknown(f"git did not answer within {_PATIENCE:g} s") from None
    except OSError as error:
        raise _Unknown(f"git cannot be started: {error}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"git ended with {done.returncode}"]
        raise _Unknown(lines[0][:200])
    return done.stdout.strip()
