"""A process that has imported something, and forks one for each script, which then starts at once.

For tests that need a process of its own many times, but not its imports.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory


@dataclass(frozen=True)
class Done:
    """How a script ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class Forks:
    """The process, seen from the tests.

    Args:
        imports: a script that it executes first.
        env: its environment, which that of its forks extends.
    """

    def __init__(self, imports: str, env: dict[str, str]) -> None:
        self._folder = TemporaryDirectory(prefix="afnlab-tests-")
        command = [sys.executable, __file__, imports, self._folder.name]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=env, **pipes)
        atexit.register(self.close)

    def run(
        self, script: str, *arguments: str, cwd: Path, env: dict[str, str] | None = None
    ) -> Done:
        """Execute a script with these arguments, as `python -c` does."""
        asked = {"script": script, "arguments": arguments, "cwd": str(cwd), "env": env or {}}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        out, err = ((Path(self._folder.name) / name).read_text() for name in ("out", "err"))
        return Done(code, out, err)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()


def _serve(imports: str, folder: str) -> None:
    exec(imports, {})
    for line in sys.stdin:
        if pid := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        else:
            _become(Path(folder), **json.loads(line))


def _become(folder: Path, script: str, arguments: list[str], cwd: str, env: dict[str, str]) -> None:
    code = 1
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    try:
        os.environ |= env
        os.chdir(cwd)
        sys.argv = ["-c", *arguments]
        exec(script, {"__name__": "__main__"})
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    del sys.path[0]  # this file's folder, which a new process would not search either
    _serve(*sys.argv[1:])
