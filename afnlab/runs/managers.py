"""Jupyter's side of a kernel: starts it, or has it forked, waits no longer than needed, ends it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from afnlab.runs import reading
from afnlab.runs.forking import LAUNCHER, SILENT
from afnlab.runs.kernels import KernelServer, search_path, thread_limits

_TICK = 0.005  # seconds between two looks
_NOTED = reading.starter(f"import runpy; runpy.run_module({LAUNCHER!r}, None, '__main__', True)")
_LONG = 10.0  # seconds, after which the sockets' files are waited for no more


def manager_class(
    server: KernelServer | None,
    threads: int | None,
    log: Path,
    extra: Mapping[str, str] | None = None,
    made: list[Any] | None = None,
) -> type:
    """A Jupyter kernel manager whose kernels come from the server, or are started anew without one.

    They talk over Unix sockets where there are any, since TCP ports can be snatched. extra: their
    environment's additions. made: takes the managers that are made.
    """

    class Provisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            arguments = cmd[cmd.index(LAUNCHER) + 1 :]
            if server is None:
                return await super().launch_kernel([cmd[0], *_NOTED, *arguments], **kwargs)
            cwd = str(kwargs.get("cwd") or Path.cwd())
            forked = server.fork(arguments, kwargs["env"], cwd, str(log))
            self.process: Any = forked
            self.pid = self.pgid = forked.pid
            return self.connection_info

    class Manager(_Prompt):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            if sys.platform != "win32":
                own = server.folder if server else Path(tempfile.gettempdir())
                name = f"afnlab-{uuid.uuid4().hex[:12]}"
                self.transport, self.ip = "ipc", str(own / name)
                self.connection_file = str(own / f"{name}.json")
            argv = self.kernel_spec.argv if self.kernel_spec else ()
            if LAUNCHER in argv:
                self.provisioner = Provisioner(
                    kernel_id="", kernel_spec=self.kernel_spec, parent=self
                )
            if made is not None:
                made.append(self)

        async def _async_start_kernel(self, **kwargs: Any) -> None:
            env = dict(kwargs.pop("env", os.environ)) | search_path() | thread_limits(threads)
            env |= SILENT | dict(extra or {})
            await super()._async_start_kernel(env=env, **kwargs)
            await self.bound()

        start_kernel = _async_start_kernel  # type: ignore[assignment]

    return Manager


class _Prompt(AsyncKernelManager):
    """Looks often: Jupyter's own looks ten times a second whether a kernel has ended."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(client_factory=_Client, **kwargs)

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
                    raise RuntimeError("the kernel ended before it answered") from None
            else:
                self._handle_kernel_info_reply(reply)
                return
        raise RuntimeError(f"the kernel did not answer within {timeout:g} seconds")

    wait_for_ready = _async_wait_for_ready
