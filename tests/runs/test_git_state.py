"""Which commit the code is of: what git does not say is unknown, and never clean."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from afnlab.report.sections import text
from afnlab.runs import git_state

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *words: str) -> str:
    own = {n: v for n, v in os.environ.items() if not n.startswith("GIT_")}
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", *who, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=own).stdout


@pytest.fixture
def package(tmp_path) -> Path:
    """A package in a working tree of its own, with one commit."""
    made = tmp_path / "tree" / "mine"
    made.mkdir(parents=True)
    (made / "__init__.py").write_text("")
    git(made.parent, "init", "-q")
    git(made.parent, "add", ".")
    git(made.parent, "commit", "-qm", "one")
    return made


def test_what_git_says(package):
    commit = git(package.parent, "rev-parse", "HEAD").strip()
    assert git_state.state_of(package) == {"commit": commit, "dirty": False}
    (package / "new.py").write_text("")  # untracked, but it may be imported
    git(package.parent, "config", "status.showUntrackedFiles", "no")
    assert git_state.state_of(package) == {"commit": commit, "dirty": True}
    assert git_state.described(git_state.state_of(package)) == f"{commit}, with changes"


def fake(folder: Path, script: str) -> str:
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


UNKNOWN = {
    "others": ({"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}, None, "dubious ownership"),
    "missing": ({"PATH": "/nowhere"}, None, "git is not installed"),
    "broken": ({}, "echo 'fatal: bad tree' >&2; exit 128", "fatal: bad tree"),
    "hangs": ({}, "exec sleep 60", "did not answer within 0.5 s"),
    "no format": ({}, "exec /nowhere/git", "not found"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_is_not_clean(package, tmp_path, monkeypatch, name):
    environment, script, why = UNKNOWN[name]
    (package / "__init__.py").write_text("changed = True")
    monkeypatch.setattr(git_state, "_PATIENCE", 0.5 if name == "hangs" else 10)
    if script:
        environment = {"PATH": fake(tmp_path / "bin", script)}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    state = git_state.state_of(package)
    assert (state["commit"], state["dirty"]) == (None, None)
    assert why in state["unknown"]
    assert git_state.described(state) == f"unknown ({state['unknown']})"


def test_a_tree_without_commits_or_with_a_broken_one_is_unknown(package, tmp_path):
    shutil.rmtree(package.parent / ".git")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    assert git_state.state_of(package)["commit"] is None
    shutil.rmtree(package.parent / ".git" / "objects")
    assert git_state.state_of(package)["dirty"] is None
    # An empty .git has git look further up, at somebody else's tree.
    shutil.rmtree(package.parent / ".git")
    (package.parent / ".git").mkdir()
    git(tmp_path, "init", "-q")
    assert git_state.state_of(package)["dirty"] is None


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_the_callers_variables_do_not_lead_elsewhere(package, tmp_path, monkeypatch, name):
    expected = git_state.state_of(package)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv(name, str(other / ".git" if name == "GIT_DIR" else other / "x"))
    assert git_state.state_of(package) == expected


def test_a_package_in_the_tree_of_another_project_has_no_commit(package):
    installed = package.parent / "site" / "mine"
    shutil.copytree(package, installed)
    assert git_state.state_of(installed) is None
    beside = package.with_name("beside")  # as by `pip install --target .`
    shutil.copytree(package, beside)
    assert git_state.state_of(beside) is None
    assert git_state.described(None) == "not from a git checkout"


def test_a_shallow_clone_has_its_commit(package, tmp_path):
    (package / "b.py").write_text("")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-qm", "two")
    address = f"file://{package.parent}"
    git(tmp_path, "clone", "-q", "--depth", "1", address, str(tmp_path / "shallow"))
    assert git_state.state_of(tmp_path / "shallow" / "mine") == git_state.state_of(package)


def test_old_records_that_called_it_clean_are_shown_as_unknown():
    """As git_state was written where git had refused."""
    assert text.git_state.described({"commit": "", "dirty": False}) == "unknown (git did not say)"
