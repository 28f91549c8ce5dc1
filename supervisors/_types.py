"""Names for what is untyped on purpose: actors may say anything to each other."""

from __future__ import annotations

from typing import Any, TypeAlias

Message: TypeAlias = Any  # what is sent; not copied
Reply: TypeAlias = Any  # what a handler returns: the reply, or one of the package's markers
Argument: TypeAlias = Any  # passed on to the user's `init`
