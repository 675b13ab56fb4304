"""`python -m afnlab` is the command line."""

import sys

from afnlab.cli import command

if __name__ == "__main__":
    sys.exit(command())
