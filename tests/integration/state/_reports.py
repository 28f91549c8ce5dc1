"""What the long tests have in common: they are not in the default suite, and say what they have counted."""

from __future__ import annotations

import sys

import pytest

LONG_S = 1800
LONG = (pytest.mark.slow, pytest.mark.timeout(LONG_S))


def report(request, figures):
    """Say what was counted: with `-s` on the terminal, and in a report of the results."""
    request.node.user_properties.append(("counted", figures))
    sys.stdout.write(f"\n{request.node.name}: {figures}\n")
