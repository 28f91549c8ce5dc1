"""Whether a request is one for this executor, which runs one language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._errors import ConfigError, UnknownLanguageError
from dspex_actors._execution import PYTHON
from supervisors import Refuse

if TYPE_CHECKING:
    from dspex_actors._execution import ExecutionContext
    from dspex_actors._language import Language


def check_language(context: ExecutionContext, own: Language | None) -> None:
    """Refuse a request that another executor is for.

    Args:
        context: of the request.
        own: the executor's language, None for Python.

    Raises:
        Refuse: its language is another one, or has no use for its limits.
    """
    name = PYTHON if own is None else own.name
    if context.language != name:
        raise Refuse(UnknownLanguageError("language", context.language, f"{name!r}, the executor's own"))
    if own is not None and context.limits is not None:
        try:
            own.check_limits(context.limits)
        except ConfigError as error:
            raise Refuse(error) from error
