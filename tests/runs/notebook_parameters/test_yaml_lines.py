"""What is taken of YAML: nothing that could mean two things, counted before anything is made."""

from __future__ import annotations

import os
import time

import pytest

from afnlab.runs.notebook_parameters import yaml_lines
from afnlab.runs.notebook_parameters.yaml_lines import LinedError, NotYaml, read, value

MEANS = [
    ("no", "no"),
    ("on", "on"),
    ("Yes", "Yes"),
    ("true", True),
    ("FALSE", False),
    ("1:20", "1:20"),
    ("190:20:30", "190:20:30"),
    ("1_000", "1_000"),
    ("010", 10),
    ("0o10", 8),
    ("0x1F", 31),
    ("0b11", "0b11"),
    ("1.", 1.0),
    ("-.5e1", -5.0),
    ("2024-01-01", "2024-01-01"),
    ("2024-99-99", "2024-99-99"),
    ("=", "="),
    ("~", None),
    ("", None),
    ("'1'", "1"),
    ("!!str 1", "1"),
    ("[&a 1, *a]", [1, 1]),
    ("{'<<': 1}", {"<<": 1}),
    ("\ufeffa: 1", {"a": 1}),
    ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ("9" * 400, int("9" * 400)),
]


@pytest.mark.parametrize(("text", "means"), MEANS, ids=[repr(t)[:20] for t, _ in MEANS])
def test_a_scalar_is_what_yaml_1_2_says(text, means):
    assert repr(value(text, "x")) == repr(means)


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 300))
REFUSED = [
    (BOMB, "line 6: more than 20,000 entries, aliases counted"),
    (CHAIN, "line 49: lists and mappings more than 50 deep"),
    ("[" * 3000, "more than 50 deep"),
    ("{a: " * 3000 + "1" + "}" * 3000, "more than 50 deep"),
    ("- " * 3000, "more than 50 deep"),
    (f"[{'x, ' * 30_000}]", "more than 20,000 entries"),
    ("&a [*a]", "an alias stands for what holds it"),
    ("{<<: {a: 1}}", "mappings are not merged"),
    ("a: 1\na: 2", "line 2: the key 'a' stands twice"),
    ("{[1]: 2}", "the key [1] must be a text"),
    ("x: 1e400", "'1e400' is too large or small"),
    ("x: 1e-400", "'1e-400' is too large or small"),
    ("9" * 5000, "is too large or small"),
    ("!!python/object/apply:os.system [x]", "the tag !!python/object/apply:os.system is not taken"),
    ("!!binary aGk=", "the tag !!binary is not taken"),
    ("!!timestamp 2024-01-01", "the tag !!timestamp is not taken"),
    ("!!int abc", "'abc' is too large or small, or no int"),
    ("!!set {a, b}", "the tag !!set is not taken"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_taken_is_refused_at_once(text, message):
    start = time.monotonic()
    with pytest.raises(LinedError) as error:
        value(text, "x")
    assert time.monotonic() - start < 20
    assert not isinstance(error.value, NotYaml)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[", "a: b: c", "*nope", "--- 1\n--- 2", "\ta: 1", "a\0b", "!<"])
def test_what_is_no_yaml_says_where(text):
    with pytest.raises(NotYaml, match=r"^x, line \d+: .") as error:
        value(text, "x")
    assert "\n" not in str(error.value)


def test_only_files_are_opened_and_only_small_ones(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "zero"):
        with pytest.raises(LinedError, match=f"{name}.yaml: is no regular file"):
            read(tmp_path / f"{name}.yaml")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(1 << 30)  # which takes no room
    with pytest.raises(LinedError, match="has 1,073,741,824 bytes, may have 1,000,000"):
        read(tmp_path / "large.yaml")
    (tmp_path / "utf16.yaml").write_text("a: 1", encoding="utf-16")
    with pytest.raises(LinedError, match="cannot be read as text in UTF-8"):
        read(tmp_path / "utf16.yaml")
    assert yaml_lines.MOST_ENTRIES <= 100_000
