"""`python -m dspex_actors` is the command `dspex-actors`."""

from __future__ import annotations

import sys

from dspex_actors.cli import main

if __name__ == "__main__":
    sys.exit(main())
