"""Log records: a fixed dotted event and keys, through structlog where the program has set that up.

structlog is never imported here: a program that configured it has imported it. Otherwise records go to the
standard logger of the package's name, of which an unconfigured program shows warnings and worse.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import logging
    from types import ModuleType

    from supervisors._types import Argument

_PLAIN: Final = (str, int, float, type(None))
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Log:
    """Writes the records of one package.

    Args:
        name: of the logger.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger: logging.Logger | None = None

    def __call__(self, level: str, event: str, /, **keys: Argument) -> None:
        """Write one record.

        Args:
            level: "debug", "info", "warning" or "error".
            event: fixed, `<noun>.<past participle>`.
            keys: everything that varies; turned into text only if somebody reads it.
        """
        structlog = self._structlog()
        if structlog is not None:
            plain = {key: value if isinstance(value, _PLAIN) else repr(value) for key, value in keys.items()}
            getattr(structlog.get_logger(self._name), level)(event, **plain)
            return
        logger = self._standard()
        if logger.isEnabledFor(_LEVELS[level]):
            text = " ".join(f"{key}={value!r}" for key, value in keys.items())
            logger.log(_LEVELS[level], "%s %s", event, text)

    def is_heard(self, level: str) -> bool:
        """Whether anybody would read a record of this level; it is not worth composing otherwise."""
        return self._structlog() is not None or self._standard().isEnabledFor(_LEVELS[level])

    def _structlog(self) -> ModuleType | None:
        structlog = sys.modules.get("structlog")
        return structlog if structlog is not None and structlog.is_configured() else None

    def _standard(self) -> logging.Logger:
        if self._logger is None:
            import logging  # noqa: PLC0415 -- only the first record needs it

            self._logger = logging.getLogger(self._name)
        return self._logger


log: Final = Log("supervisors")
