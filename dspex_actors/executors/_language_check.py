"""Whether a request is one for this executor, which runs one language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._errors import ConfigError, UnknownLanguageError
from dspex_actors._execution import PYTHON
from dspex_actors.executors.languages import PYTHON as PYTHON_ROW
from supervisors import Refuse

if TYPE_CHECKING:
    from dspex_actors._execution import Execute
    from dspex_actors._language import Language


def check_language(request: Execute, own: Language | None) -> None:
    """Refuse a request that another executor is for.

    Args:
        request: as it came.
        own: the executor's language, None for Python.

    Raises:
        Refuse: its language is another one, or has no use for its limits or for what it gives its code.
    """
    context = request.context
    name = PYTHON if own is None else own.name
    if context.language != name:
        raise Refuse(UnknownLanguageError("language", context.language, f"{name!r}, the executor's own"))
    given = context.invocation | ({"module": request.code} if isinstance(request.code, bytes) else {})
    try:
        if given:
            (own or PYTHON_ROW).check_given(given)
        if own is not None and context.limits is not None:
            own.check_limits(context.limits)
    except ConfigError as error:
        raise Refuse(error) from error
