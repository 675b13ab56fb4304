"""`python -m afnlab.cli` is the command line, as `afnlab` and `python -m afnlab` are."""

import sys

from afnlab.cli.entry import command

sys.exit(command())
