"""How a command line is read: what is wrong with it is one line, with the nearest spelling."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from afnlab.errors import shown
from afnlab.spellings import unknown


class UsageError(ValueError):
    """A command line that is not understood."""


class Parser(argparse.ArgumentParser):
    """argparse's, but for what it says, and for what it takes: no shortened flags, no empty texts.

    An empty text is what a shell makes of a variable that is not set; an argument of type=str may
    be one all the same.
    """

    advice = ""  # on a flag that is not known, with {} where the flag belongs

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings, allow_abbrev=False)
        self._negative_number_matcher = re.compile(r"-(\.?\d|\.inf$)", re.IGNORECASE)  # and -1e-3

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")

    def parse_known_args(self, args: Any = None, namespace: object = None) -> tuple[Any, list[str]]:
        parsed, rest = super().parse_known_args(args, namespace)
        if rest:
            seen = [a for a in self._actions if a.help != argparse.SUPPRESS]
            flags = [f for a in seen for f in a.option_strings if f.startswith("--")]
            flag = rest[0].partition("=")[0]
            if not flag.startswith("-"):
                self.error(f"what is {shown(rest[0])} for?")
            advice = f"; {self.advice.format(flag)}" if self.advice else ""
            self.error(unknown("flag", flag, flags) + advice)
        return parsed, rest

    def _check_value(self, action: argparse.Action, value: object) -> None:
        choices: Sequence[str] = list(action.choices or ())
        if choices and value not in choices:
            kind = str(action.metavar or action.dest).lower()
            raise argparse.ArgumentError(None, unknown(kind, value, choices))

    def _get_values(self, action: argparse.Action, texts: list[str]) -> object:
        checked_here = action.nargs != argparse.PARSER and action.type is not str
        if checked_here and any(not text.strip() for text in texts):
            raise argparse.ArgumentError(action, "must not be empty")
        return super()._get_values(action, texts)

    def _get_value(self, action: argparse.Action, text: str) -> object:
        try:
            return super()._get_value(action, text)
        except argparse.ArgumentError:
            if action.type not in (int, float):
                raise
            kind = "a whole number" if action.type is int else "a number"
            raise argparse.ArgumentError(action, f"must be {kind}, got {shown(text)}") from None
