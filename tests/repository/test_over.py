"""Many cases in one test: all are tried, and those that fail are named."""

from __future__ import annotations

import inspect

import pytest

from tests.over import over


def test_all_cases_are_tried_and_those_that_fail_named():
    tried = []

    @over("a, b", [(1, "x"), (2, "y"), (3, "z")])
    def check(f, a, b):
        tried.append((f, a, b))
        assert a == 2, "no"

    assert list(inspect.signature(check).parameters) == ["f"]
    with pytest.raises(ExceptionGroup, match="2 of 3 cases") as error:
        check(f="relu")
    assert tried == [("relu", 1, "x"), ("relu", 2, "y"), ("relu", 3, "z")]
    notes = [one.__notes__ for one in error.value.exceptions]
    assert notes == [["where a is 1, b is 'x'"], ["where a is 3, b is 'z'"]]


def test_what_does_not_raise_fails():
    @over("f", [float])
    @over("text", lambda f: ["1", "one"])
    def check(f, text):
        with pytest.raises(ValueError, match="could not convert"):
            f(text)

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE") as error:
        check()
    assert error.value.__notes__ == ["where text is '1'", f"where f is {float!r}"]


@pytest.mark.parametrize(("first", "error"), [(1, pytest.skip.Exception), (2, RuntimeError)])
def test_a_test_is_skipped_as_a_whole_or_not_at_all(first, error):
    @over("a", [1, 2])
    def check(a):
        if a >= first:
            pytest.skip("none here")

    with pytest.raises(error):
        check()


def test_no_cases_are_no_test():
    @over("a", [])
    def check(a):
        pass

    with pytest.raises(AssertionError, match="check has no cases"):
        check()
