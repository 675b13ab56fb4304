"""Many cases in one test: what a test takes beside what it tests, two milliseconds, is more."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def over(names: str, cases: Iterable | Callable[[Any], Iterable]) -> Callable[[Callable], Callable]:
    """Like `pytest.mark.parametrize`, within one test: all cases are tried, those that fail named.

    `cases` may be a function of the activation, the argument `f`. A test is skipped as a whole or
    not at all.
    """
    words = [name.strip() for name in names.split(",")]
    listed = cases if callable(cases) else list(cases)

    def decorated(test: Callable) -> Callable:
        @functools.wraps(test)
        def all_cases(**arguments: Any) -> None:
            chosen = list(listed(arguments["f"]) if callable(listed) else listed)
            assert chosen, f"{test.__name__} has no cases"
            failures: list[BaseException] = []
            for i, case in enumerate(chosen):
                values = dict(zip(words, case if len(words) > 1 else [case], strict=True))
                try:
                    test(**arguments, **values)
                except pytest.skip.Exception as error:
                    if i:
                        raise RuntimeError(f"skips at {values} alone, not as a whole") from error
                    raise
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f"where {', '.join(f'{n} is {v!r}' for n, v in values.items())}")
                    failures.append(error)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(chosen)} cases", failures)

        signature = inspect.signature(test)
        others = [p for name, p in signature.parameters.items() if name not in words]
        all_cases.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return all_cases

    return decorated
