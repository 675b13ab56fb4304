"""IPython's kernel without what the user's own IPython is set to do when it starts.

A run is the same for whoever makes it: configuration files and startup files, which may change
numbers as easily as colours, are not read.
"""

from __future__ import annotations

from ipykernel.kernelapp import IPKernelApp


class KernelApp(IPKernelApp):
    """A kernel as it comes, wherever it is started."""

    name = "afnlab-kernel"

    def load_config_file(self, *_: object, **__: object) -> None:
        """Read no configuration files, of the user's or of the system's."""
        self.config.HistoryManager.enabled = False  # nor note in the user's history what is run

    def _run_startup_files(self) -> None:
        """Run no startup files, `$PYTHONSTARTUP` included."""


if __name__ == "__main__":
    KernelApp.launch_instance()
