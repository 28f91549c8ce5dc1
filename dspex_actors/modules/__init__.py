"""Modules: objects with parameters and parts, whose state is copied, dumped, loaded and kept.

Names are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "_errors": ("ModuleError",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 -- one table says both what is public and where it lives

if TYPE_CHECKING:
    from dspex_actors.modules._errors import ModuleError as ModuleError

else:

    def __getattr__(name: str) -> Any:  # noqa: ANN401 -- any public object
        """Load a public name from the module that defines it (PEP 562)."""
        home = _HOME_OF.get(name)
        if home is None:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
