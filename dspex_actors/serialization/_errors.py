"""What can be wrong with stored bytes, by what the reader should do about it.

Damage (`DataError` and what is below it) means: take another copy. A `SignatureError` means: somebody else
wrote this, or a key is missing. A `PickleRefusedError` means: the bytes may be sound and are not run.
"""

from __future__ import annotations

from dspex_actors._errors import DspexError


class SerializationError(DspexError):
    """Root of the errors of reading and writing stored values."""


class DataError(SerializationError):
    """Bytes are not a value in the form they claim.

    Attributes:
        reason: what is wrong, as text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedError(DataError):
    """The bytes break a rule of their format: nothing can be read from them."""


class TruncatedError(DataError):
    """The bytes end too early, as a file does that was not written to its end.

    Attributes:
        expected: bytes there should be, at least.
        actual: bytes there are.
    """

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"the data is torn: {actual} bytes, and there should be at least {expected}")
        self.args = (expected, actual)
        self.expected = expected
        self.actual = actual

    def _sentence(self) -> str:
        return self.reason


class ChecksumError(DataError):
    """The bytes are not those that were written.

    Attributes:
        part: `"header"` or `"body"`.
        expected: the SHA-256 that was stored, in hexadecimal digits.
        actual: the SHA-256 of the bytes that are there.
    """

    def __init__(self, part: str, expected: str, actual: str) -> None:
        super().__init__(f"the {part} was changed: its SHA-256 is {actual[:12]}..., not {expected[:12]}...")
        self.args = (part, expected, actual)
        self.part = part
        self.expected = expected
        self.actual = actual

    def _sentence(self) -> str:
        return self.reason


class TooLargeError(SerializationError):
    """A value or its bytes exceed a bound of `Bounds`.

    Attributes:
        bound: name of the bound, for example `"raw_bytes"`.
        seen: what was found or declared.
        allowed: the bound.
    """

    def __init__(self, bound: str, seen: int, allowed: int) -> None:
        super().__init__(bound, seen, allowed)
        self.bound = bound
        self.seen = seen
        self.allowed = allowed

    def _sentence(self) -> str:
        return f"{self.seen} exceeds Bounds.{self.bound} = {self.allowed}"


class SignatureError(SerializationError):
    """The data is not signed by a key of the reader's, or cannot be decrypted with one.

    Attributes:
        key_id: the key that the data names, None if it names none.
        reason: what is wrong, as text.
    """

    def __init__(self, key_id: str | None, reason: str) -> None:
        super().__init__(key_id, reason)
        self.key_id = key_id
        self.reason = reason

    def _sentence(self) -> str:
        return self.reason if self.key_id is None else f"key {self.key_id!r}: {self.reason}"


class PickleRefusedError(SerializationError):
    """The data is a pickle, and loading it would run what it says.

    Attributes:
        reason: which condition of loading pickles is not met.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def _sentence(self) -> str:
        return f"a pickle is not loaded: {self.reason}"


class UnknownFormatError(SerializationError):
    """The bytes are in no format that is read here; `seen` says what they look like."""

    def __init__(self, seen: str) -> None:
        super().__init__(seen)
        self.seen = seen

    def _sentence(self) -> str:
        return f"no format that is read here: the data looks like {self.seen}"


class CodecUnavailableError(SerializationError):
    """A compression or encryption needs a package that is not installed.

    Attributes:
        name: what was asked for.
        fix: what to install.
    """

    def __init__(self, name: str, fix: str) -> None:
        super().__init__(name, fix)
        self.name = name
        self.fix = fix

    def _sentence(self) -> str:
        return f"{self.name} is not available here: {self.fix}"
