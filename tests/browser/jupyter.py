"""A real JupyterLab in a real Chromium."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from afnlab.paths import PACKAGE, shared

TOKEN = "afnlab"
FOLDERS = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
LAB_FOLDERS = ("SETTINGS_DIR", "WORKSPACES_DIR")
QUIET = '{"fetchNews": "false", "checkForUpdates": false}'
CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-sync", "--disable-component-update"),
    "--disable-background-networking",
)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"


def find_chromium() -> str | None:
    """$AFNLAB_CHROMIUM, or what is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("AFNLAB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def environment(folder: Path, theme: str = "light") -> dict[str, str]:
    """Jupyter's own folders below this one, so that nobody's settings matter."""
    env = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    for prefix, names in (("JUPYTER_", FOLDERS), ("JUPYTERLAB_", LAB_FOLDERS)):
        for name in names:
            (folder / name).mkdir(parents=True, exist_ok=True)
            env[prefix + name] = str(folder / name)
    settings = folder / "SETTINGS_DIR" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text(QUIET)
    chosen = f'{{"theme": "{THEMES[theme]}"}}'
    (settings / "themes.jupyterlab-settings").write_text(chosen)
    return env


def free_port() -> int:
    """A port below those that the system gives to whoever asks for any: none takes it meanwhile."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("none of a hundred ports is free")


@contextmanager
def server(folder: Path, program: str = "jupyterlab", theme: str = "light") -> Iterator[str]:
    """JupyterLab, Notebook ("notebook") or voila on copies of the notebooks; gives its address."""
    work = folder / "notebooks"
    shutil.copytree(shared("notebooks"), work, dirs_exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", program, "--no-browser", f"--port={port}"]
    if program == "voila":
        command += [str(work), "--Voila.ip=127.0.0.1"]
    else:
        command += ["--allow-root", "--ip=127.0.0.1", "--ServerApp.port_retries=0"]
        command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={work}"]
        command += ["--LabApp.extension_manager=readonly", "--expose-app-in-browser"]
    env, log = environment(folder, theme), folder / f"{program}.log"
    with _running(command, work, env, port, log):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """`afnlab lab`, started in a folder; gives its address."""
    port = free_port()
    flags = ["--no-browser", f"--port={port}", "--allow-root", "--ip=127.0.0.1"]
    flags += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    flags += ["--LabApp.extension_manager=readonly", "--expose-app-in-browser"]
    command = [sys.executable, "-m", "afnlab.cli", "lab", "--no-pictures", "--", *flags]
    env = {k: v for k, v in environment(folder).items() if k != "AFNLAB_RUNS"}
    with _running(command, folder, env, port, folder / "lab.log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(
    command: list[str], folder: Path, env: dict[str, str], port: int, log: Path
) -> Iterator[None]:
    """A server, until the block ends."""
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=file, stderr=file)
    try:
        wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 180  # of which modules that were never compiled may take a minute
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")


def open_notebook(page: Any, address: str, name: str) -> None:
    """Open a notebook in a JupyterLab that begins with it."""
    page.goto(f"{address}/lab/tree/{name}.ipynb?token={TOKEN}&reset")
    page.wait_for_selector(f"{PANEL} .jp-Cell")


OPEN = "async path => { await jupyterapp.commands.execute('docmanager:open', {path}); }"


def open_another(page: Any, name: str) -> None:
    """Open a notebook in the JupyterLab that the page shows, beside those that are open."""
    page.evaluate(OPEN, f"{name}.ipynb")
    page.wait_for_selector(f"{PANEL} .jp-Cell")


# The application's own command, which ends when the cells do: what a click in its menu begins can
# only be guessed from prompts. Without a connected kernel it would do nothing, and say nothing.
READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.context?.isReady && panel.sessionContext.isReady
    && panel.sessionContext.session?.kernel?.connectionStatus === 'connected';
}"""
RUN_ALL = """() => {
  window.afnlabRan = null;
  jupyterapp.commands.execute('notebook:run-all-cells').then(
    well => { window.afnlabRan = well; }, error => { window.afnlabRan = String(error); });
}"""


def begin_all(page: Any) -> None:
    """Begin to run all cells of the open notebook."""
    page.wait_for_function(READY)
    page.evaluate(RUN_ALL)


def wait_for_all(page: Any, seconds: float = 240) -> None:
    """Wait until all cells have run, and well."""
    page.wait_for_function("window.afnlabRan !== null", timeout=1000 * seconds)
    assert page.evaluate("window.afnlabRan") is True, complaints(page)
    assert not complaints(page), complaints(page)


def run_all(page: Any) -> None:
    """Run all cells of the open notebook."""
    begin_all(page)
    wait_for_all(page)


def choose_theme(page: Any, name: str) -> None:
    """Set JupyterLab's theme, and wait until the page has it."""
    page.evaluate("n => jupyterapp.commands.execute('apputils:change-theme', {theme: n})", name)
    page.wait_for_function("n => document.body.dataset.jpThemeName === n", arg=name)


def complaints(page: Any) -> list[str]:
    """What the cells have written as errors."""
    kinds = [f"{PANEL} [data-mime-type='application/vnd.jupyter.{k}']" for k in ("error", "stderr")]
    return page.locator(", ".join(kinds)).all_text_contents()
