"""Checks of what an execution is asked for, made before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dspex_actors._errors import ConfigError, ToolError, describe_limit
from dspex_actors._limits import LONGEST_S

MAX_CODE_BYTES = 8 * 2**20
"""Largest source text that is sent to a worker, in UTF-8 bytes."""


MAX_MODULE_BYTES = 32 * 2**20
"""Largest module, which is code as bytes, that is sent to a worker."""


def check_code(code: object) -> None:
    """Refuse code that no worker could be given.

    Raises:
        ConfigError: it is neither text nor bytes, is longer than `MAX_CODE_BYTES` as text or
            `MAX_MODULE_BYTES` as bytes, or is text with lone surrogates.
    """
    if isinstance(code, bytes):
        if len(code) > MAX_MODULE_BYTES:
            allowed = f"at most {describe_limit('code', MAX_MODULE_BYTES)} as bytes"
            raise ConfigError("code", f"{len(code)} bytes", allowed)
        return
    if not isinstance(code, str):
        raise ConfigError("code", code, "source text (str), or bytes in a language that has modules")
    if len(code) > MAX_CODE_BYTES:
        raise ConfigError(
            "code", f"{len(code)} characters", f"at most {describe_limit('code', MAX_CODE_BYTES)}"
        )
    try:
        size = len(code) if code.isascii() else len(code.encode())
    except UnicodeEncodeError as error:
        raise ConfigError("code", code[error.start : error.end], "text that UTF-8 can encode") from None
    if size > MAX_CODE_BYTES:
        raise ConfigError("code", f"{size} bytes", f"at most {describe_limit('code', MAX_CODE_BYTES)}")


def check_names(field_name: str, names: object) -> Mapping[str, Any]:
    """Return a mapping of variables or tools whose names can be names in the guest's code.

    Raises:
        ConfigError: not a mapping, or a name that is no identifier or is a keyword.
    """
    if names.__class__ is dict and not names:  # most requests; saves them a fourth of their check
        return names
    import keyword  # noqa: PLC0415 -- only this check needs it
    import unicodedata  # noqa: PLC0415 -- as above

    if not isinstance(names, Mapping):
        raise ConfigError(field_name, names, "a mapping with names as keys")
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ConfigError(field_name, name, "a mapping whose keys are Python identifiers and no keywords")
        if unicodedata.normalize("NFKC", name) != name:
            allowed = "a mapping whose keys are in normal form NFKC, as Python reads names"
            raise ConfigError(field_name, name, allowed)
        if name.startswith("__"):
            raise ConfigError(field_name, name, "a mapping without names that start with two underscores")
    return names


def check_tools(tools: object, variables: Mapping[str, Any]) -> None:
    """Refuse tools that no guest could call.

    Raises:
        ConfigError: not a mapping of names to callables, or a name that means something else already.
    """
    taken = {*variables, ToolError.__name__}
    for name, tool in check_names("tools", tools).items():
        if not callable(tool):
            raise ConfigError(f"tools[{name!r}]", tool, "a callable")
        if name in taken or ToolError.__name__ in variables:
            raise ConfigError(
                "tools", name, "a mapping whose keys are no variables, and ToolError is neither"
            )


def check_switch(field_name: str, value: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(value, bool):
        raise ConfigError(field_name, value, "True or False")


def check_seconds(field_name: str, value: object) -> None:
    """Refuse a duration that is not a finite number of seconds above zero.

    Raises:
        ConfigError: it is something else.
    """
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if not 0 < number <= LONGEST_S:
        raise ConfigError(field_name, value, f"a number of seconds > 0 and <= {LONGEST_S}")


def check_invocation(export: object, args: object, stdin: object) -> None:
    """Refuse what no program could be called with.

    Raises:
        ConfigError: the export is no text, the arguments are no tuple or list, or the input is neither bytes
            nor text.
    """
    if not isinstance(export, str):
        raise ConfigError("export", export, "the name of an export, or '' for the default one")
    if not isinstance(args, tuple | list):
        raise ConfigError("args", args, "a sequence of arguments")
    if not isinstance(stdin, bytes | str):
        raise ConfigError("stdin", stdin, "bytes or text")
