"""The console that pictures are drawn on."""

from __future__ import annotations

from rich.console import Console

_WIDTH_OF_A_FILE = 120  # characters; a file has no width of its own


def new_console() -> Console:
    """Return a console on stdout: as wide as the terminal, and of one width everywhere else."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    return console
