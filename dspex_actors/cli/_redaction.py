"""Text without the passwords that addresses of databases may hold."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"
_IN_AN_ADDRESS: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s]*(@)", re.IGNORECASE)
_IN_A_SETTING: Final = re.compile(r"(\bpassword\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&#'\"]+)", re.IGNORECASE)


def redacted(text: str) -> str:
    """Return the text with `***` for each password of an address and each `password=...`.

    Of an address that is not well-formed too much is hidden rather than too little: all up to its last @.
    """
    return _IN_A_SETTING.sub(rf"\g<1>{HIDDEN}", _IN_AN_ADDRESS.sub(rf"\g<1>{HIDDEN}\g<2>", text))
