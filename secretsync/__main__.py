"""`python -m secretsync`."""

import sys

from secretsync.cli import main

if __name__ == "__main__":
    sys.exit(main())
