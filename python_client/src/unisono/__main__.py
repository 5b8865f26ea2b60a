"""`python -m unisono` is the command `unisono`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
