"""Jupyter's side of a kernel: starts it, or has it forked, waits no longer than needed, ends it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from afnlab.runs.kernel import application, process_environment, read_audit
from afnlab.runs.kernel.fork_client import KernelServer

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

_BEGIN = f"import runpy; runpy.run_module({application.__name__!r}, None, '__main__', True)"
_COMMAND = (sys.executable, *read_audit.starter(_BEGIN), "-f", "{connection_file}")
_TICK = 0.005  # seconds between two looks
_LONG = 10.0  # seconds, after which the sockets' files are waited for no more


def manager_class(
    server: KernelServer | None,
    threads: int | None,
    private: Path,
    log: Path,
    extra: Mapping[str, str] | None = None,
    made: list[AsyncKernelManager] | None = None,
) -> type:
    """A Jupyter kernel manager whose kernels come from the server, or are started anew without one.

    They are of this Python, whatever kernels Jupyter knows of, and talk over Unix sockets where
    there are any, since TCP ports can be snatched. private: the folder of these. log: takes what
    their processes print. extra: their environment's additions. made: takes the managers that are
    made.
    """

    class Provisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
            if server is None:
                with log.open("ab") as file:
                    streams = {"stdout": file, "stderr": file}
                    return await super().launch_kernel(cmd, **kwargs | streams)
            arguments = cmd[cmd.index("-f") :]
            cwd = str(kwargs.get("cwd") or Path.cwd())
            forked = server.fork(arguments, kwargs["env"], cwd, str(log))
            self.process: Any = forked
            self.pid = self.pgid = forked.pid
            return self.connection_info

    class Client(_Client):
        output = log

    class Manager(_Prompt):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(argv=list(_COMMAND), display_name="afnlab", language="python")

        def __init__(self, **kwargs: object) -> None:
            super().__init__(client_factory=Client, **kwargs)
            name = uuid.uuid4().hex[: len(process_environment.SOCKET) - 4]  # and a number behind it
            if sys.platform != "win32":
                self.transport, self.ip = "ipc", str(private / name)
            self.connection_file = str(private / f"{name}.json")
            self.provisioner = Provisioner(kernel_id="", kernel_spec=self.kernel_spec, parent=self)
            if made is not None:
                made.append(self)

        async def _async_start_kernel(self, **kwargs: Any) -> None:
            env = process_environment.environment(threads, private, kwargs.pop("env", os.environ))
            await super()._async_start_kernel(env=env | dict(extra or {}), **kwargs)
            await self.bound()

        start_kernel = _async_start_kernel  # type: ignore[assignment]

    return Manager


class _Prompt(AsyncKernelManager):
    """Looks often: Jupyter's own looks ten times a second whether a kernel has ended."""

    async def bound(self) -> None:
        """Wait for the kernel's sockets: what connects earlier tries again only later."""
        end = time.monotonic() + _LONG
        paths = [f"{self.ip}-{port}" for port in self.ports] if self.transport == "ipc" else []
        while not all(map(os.path.exists, paths)) and time.monotonic() < end:
            if not await self.is_alive():
                return
            await asyncio.sleep(_TICK)

    async def _async_wait(self, pollinterval: float = _TICK) -> None:
        await super()._async_wait(min(pollinterval, _TICK))


class _Client(AsyncKernelClient):
    output: Path  # takes what the kernel's process writes

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until a kernel answers; RuntimeError if it ends, or does not within the seconds.

        Jupyter's own then listens for another fifth of a second.
        """
        end = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < end:
            self.kernel_info()
            try:
                reply = await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)  # else it is not connected yet
            except Empty:
                if not await self.is_alive():
                    raise RuntimeError(
                        f"the kernel ended before it answered{_last_line(self.output)}"
                    ) from None
            else:
                self._handle_kernel_info_reply(reply)
                return
        raise RuntimeError(f"the kernel did not answer within {timeout:g} seconds")

    wait_for_ready = _async_wait_for_ready


def _last_line(log: Path) -> str:
    """What a kernel's process wrote last, to go behind a message; empty if it wrote nothing."""
    try:
        lines = log.read_text(errors="replace").split("\n")
    except OSError:
        return ""
    return next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")
