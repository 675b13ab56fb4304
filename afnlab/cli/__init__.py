"""The command line: each group of commands in a file of its own."""

from afnlab.cli.entry import command, main

__all__ = ["command", "main"]
