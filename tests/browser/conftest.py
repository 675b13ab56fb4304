"""The browser of these tests. Without one they are skipped; with AFNLAB_BROWSER=1 they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupyter
import pytest

REQUIRED = "AFNLAB_BROWSER"


def _absent(reason: str) -> None:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}, and {REQUIRED} is set")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415
    except ImportError:
        _absent("playwright is not installed (pip install playwright)")
    program = jupyter.find_chromium()
    if program is None:
        _absent("no Chromium (apt-get install chromium, or set AFNLAB_CHROMIUM)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=jupyter.CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def lab(browser, lab_folder) -> Iterator[str]:
    """Address of a JupyterLab on copies of the notebooks."""
    with jupyter.server(lab_folder) as address:
        yield address


@pytest.fixture
def notebooks(lab, lab_folder) -> Path:
    """Where the copies are."""
    return lab_folder / "notebooks"


@pytest.fixture
def notebook(browser, tmp_path) -> Iterator[str]:
    """Address of a Notebook 7."""
    with jupyter.server(tmp_path, "notebook") as address:
        yield address


@pytest.fixture
def voila(browser, tmp_path) -> Iterator[str]:
    """Address of voila."""
    with jupyter.server(tmp_path, "voila") as address:
        yield address


# What the servers complain of on any notebook, also on one without widgets: Notebook 7.6 about its
# own settings, voila 0.5 about Notebook's extension and about icons that it wants from the network.
THEIRS = ("reading 'schema'", "@jupyter-notebook/lab-extension", "fontawesome")


def _told(error: Any) -> str:
    return f"{error}\n{getattr(error, 'stack', None) or ''}"


def _is_the_labs(error: Any) -> bool:
    """JupyterLab, under load, takes a node away twice; widgets' code is loaded from blobs."""
    stack = getattr(error, "stack", None) or ""
    return "'removeChild' on 'Node'" in str(error) and "/static/" in stack and "blob:" not in stack


@pytest.fixture
def page(browser) -> Iterator[Any]:
    """A page whose console must stay free of errors. To be asked for after its server.

    Pages that a test adds to its context are held to the same.
    """
    context = browser.new_context(viewport={"width": 1250, "height": 1500})
    context.set_default_timeout(90_000)  # a busy machine is slow, not wrong
    errors: list[str] = []

    def note(message: Any) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location['url']})")

    context.on("console", note)
    context.on(
        "weberror", lambda e: None if _is_the_labs(e.error) else errors.append(_told(e.error))
    )
    yield context.new_page()
    context.close()
    ours = [text for text in errors if not any(theirs in text for theirs in THEIRS)]
    assert not ours, ours


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what the tests have measured (`record_property`)."""
    for report in terminalreporter.getreports("passed"):
        for what, value in report.user_properties:
            terminalreporter.write_line(f"{what}: {value}")
