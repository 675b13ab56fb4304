"""Fixtures of tests that start commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.driver import Driver


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Iterator[Driver]:
    made = Driver(tmp_path_factory.mktemp("driver"))
    yield made
    made.close()
