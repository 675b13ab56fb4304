"""`python -m afnlab` is the command line."""

import sys

from afnlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
