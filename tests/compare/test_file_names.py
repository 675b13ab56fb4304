"""Texts as names of files."""

from __future__ import annotations

import pytest

from afnlab.compare.file_names import LONGEST, _folded, file_names


def names(*texts: str) -> list[str]:
    return list(file_names({text: text for text in texts}).values())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("digits-mlp, 9.9 epochs, log loss", "digits-mlp-9.9-epochs-log-loss"),
        ("mine of a/m.py:mine, 1 epoch", "mine-of-a-m.py-mine-1-epoch"),
        ("Aufgabe Ä, 1 epoch", "Aufgabe-Ä-1-epoch"),
        ("e\u0301", "\u00e9"),
        ("задача, 1 epoch", "задача-1-epoch"),
        ("a\udc80/../b\0", "a-..-b-"),
        ("-rf", "rf"),
        ("../up", "up"),
        ("?", "unnamed"),
        ("", "unnamed"),
        ("con.x, 1 epoch", "_con.x-1-epoch"),
        ("LPT1", "_LPT1"),
        ("console", "console"),
    ],
)
def test_a_name_is_readable_and_safe(text, name):
    assert names(text) == [name]


@pytest.mark.parametrize(
    "texts",
    [
        ("my task", "my-task", "My Task"),
        ("é", "e\u0301"),
        ("ﬁt", "fit"),
        ("straße", "STRASSE"),
        ("?", "!", ""),
        ("x" * 300, "x" * 300 + "y"),
        ("я" * 300, "я" * 300 + "y"),
    ],
)
def test_no_two_have_one_name(texts):
    made = names("digits", *texts)
    assert made[0] == "digits"  # which has a name of its own
    assert len({_folded(name) for name in made}) == len(made)
    assert max(len(name.encode()) for name in made) < LONGEST + 10
    assert made == names("digits", *texts)
    assert dict(zip(reversed(texts), names(*reversed(texts)), strict=True)) == dict(
        zip(texts, made[1:], strict=True)
    )


def test_texts_that_read_alike_are_told_apart_by_what_they_are_of():
    made = file_names({"one": "tuned", "two": "tuned"})
    assert len(set(made.values())) == 2
    assert all(name.startswith("tuned-") for name in made.values())


def test_a_name_like_one_with_a_hash_is_told_apart_too():
    taken = names("my task", "my-task")
    assert len(set(names("my task", "my-task", *taken))) == 4
