"""The header of an envelope: what a body is and how it was made, as JSON in one form only."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.serialization._compression import Compression
from dspex_actors.serialization._errors import MalformedError
from dspex_actors.serialization._format import Format
from dspex_actors.serialization._keys import KEY_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEADER_BYTES: Final = 64 * 1024
MAX_TEXT: Final = 256
MAX_DEPENDENCIES: Final = 256

# The header of most envelopes, in the one form that `render` writes. A size of 15 digits is below 2**53.
_USUAL: Final = re.compile(
    rb'\{"compression":"(none|lz4|zstd|gzip)","format":"(msgpack|json|etf|protobuf|pickle)",'
    rb'(?:"key_id":"([A-Za-z0-9._-]{1,64})",)?'
    rb'"python":"([0-9]{1,2}\.[0-9]{1,3})","raw_size":(0|[1-9][0-9]{0,14}),"sha256":"([0-9a-f]{64})",'
    rb'"size":(0|[1-9][0-9]{0,14})\}'
)
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_PYTHON: Final = re.compile(r"\d{1,2}\.\d{1,3}", re.ASCII)
_MOST: Final = 2**53  # what every reader of JSON holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an envelope says about its body.

    Attributes:
        format: how the value became bytes.
        compression: how those were compressed.
        python: minor version of Python that wrote it, for example `"3.11"`.
        raw_size: bytes of the body before compression.
        size: bytes of the body as it is stored.
        sha256: of the body as it is stored, 64 hexadecimal digits.
        key_id: name of the key that signed it, None if it is not signed.
        encryption_key_id: name of the key that encrypted it, None if it is not encrypted.
        schema_version: of the value, as its writer counts.
        module_version: of the code that wrote it.
        dependencies: versions of packages that its writer found worth noting, by name.
        created_at: when it was written, with a time zone.
    """

    format: Format
    compression: Compression
    python: str
    raw_size: int
    size: int
    sha256: str
    key_id: str | None = None
    encryption_key_id: str | None = None
    schema_version: str | None = None
    module_version: str | None = None
    dependencies: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None


_NONE: Final = (None,) * 3
_FORMATS: Final = {each.value.encode(): each for each in Format}
_COMPRESSIONS: Final = {each.value.encode(): each for each in Compression}
_NAMES: Final = frozenset(each.name for each in fields(Header))
_REQUIRED: Final = frozenset({"compression", "format", "python", "raw_size", "sha256", "size"})


def render(header: Header) -> bytes:
    """Return the header as JSON: keys sorted, no spaces, ASCII, nothing that is None or empty."""
    texts = header.encryption_key_id, header.schema_version, header.module_version
    if texts == _NONE and header.created_at is None and not header.dependencies:  # a fifth of the time
        signed = "" if header.key_id is None else f'"key_id":"{header.key_id}",'
        return (
            f'{{"compression":"{header.compression.value}","format":"{header.format.value}",{signed}'
            f'"python":"{header.python}","raw_size":{header.raw_size},"sha256":"{header.sha256}",'
            f'"size":{header.size}}}'
        ).encode()
    values: dict[str, Any] = {each.name: getattr(header, each.name) for each in fields(header)}
    values["format"] = header.format.value
    values["compression"] = header.compression.value
    values["dependencies"] = dict(header.dependencies)
    values["created_at"] = None if header.created_at is None else header.created_at.isoformat()
    present = {name: value for name, value in values.items() if value is not None and value != {}}
    return json.dumps(present, sort_keys=True, separators=(",", ":")).encode()


def parse(data: bytes) -> Header:
    """Return the header of these bytes, from anyone.

    Raises:
        MalformedError: they are not a header in the form that `render` writes.
    """
    usual = _USUAL.fullmatch(data)
    if usual is not None:  # a fifth of the time; whatever this does not match is looked at in parts
        compression, format_, key_id, python, raw_size, digest, size = usual.groups()
        return Header(
            format=_FORMATS[format_],
            compression=_COMPRESSIONS[compression],
            python=python.decode(),
            raw_size=int(raw_size),
            size=int(size),
            sha256=digest.decode(),
            key_id=None if key_id is None else key_id.decode(),
        )
    try:
        values = json.loads(data.decode("ascii"))  # of bytes, json would guess the encoding
    except (ValueError, RecursionError):
        raise MalformedError("the header is not JSON") from None
    if type(values) is not dict or not values.keys() <= _NAMES or not values.keys() >= _REQUIRED:
        raise MalformedError("the header does not have the fields of a header")
    try:
        header = _header(values)
    except (TypeError, ValueError) as fault:
        raise MalformedError(f"the header is wrong: {fault}") from None
    if render(header) != data:
        raise MalformedError("the header is not in the one form that a header has")
    return header


def _header(values: dict[str, Any]) -> Header:
    created_at = values.get("created_at")
    return Header(
        format=Format(values["format"]),
        compression=Compression(values["compression"]),
        python=_matching("python", values["python"], _PYTHON),
        raw_size=_size("raw_size", values["raw_size"]),
        size=_size("size", values["size"]),
        sha256=_matching("sha256", values["sha256"], _DIGEST),
        key_id=_key_id("key_id", values),
        encryption_key_id=_key_id("encryption_key_id", values),
        schema_version=short_text("schema_version", values.get("schema_version")),
        module_version=short_text("module_version", values.get("module_version")),
        dependencies=dependencies(values.get("dependencies", {})),
        created_at=None if created_at is None else _moment(created_at),
    )


def _size(name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"{name} is not a size")
    return value


def _matching(name: str, value: object, pattern: re.Pattern[str]) -> str:
    if type(value) is not str or not pattern.fullmatch(value):
        raise ValueError(f"{name} is not of its form")
    return value


def _key_id(name: str, values: dict[str, Any]) -> str | None:
    value = values.get(name)
    return None if value is None else _matching(name, value, KEY_ID)


def short_text(name: str, value: object) -> str | None:
    """Return a text of at most 256 characters, or None.

    Raises:
        ValueError: it is something else.
    """
    if value is not None and (type(value) is not str or len(value) > MAX_TEXT):
        raise ValueError(f"{name} is not a text of at most {MAX_TEXT} characters")
    return value


def dependencies(value: object) -> dict[str, str]:
    """Return versions by name, at most 256.

    Raises:
        ValueError: they are something else.
    """
    if type(value) is not dict or len(value) > MAX_DEPENDENCIES:
        raise ValueError(f"dependencies is not a dict of at most {MAX_DEPENDENCIES} texts")
    for name, version in value.items():
        if short_text("a dependency's name", name) is None or short_text("its version", version) is None:
            raise ValueError("dependencies holds what is no text")
    return value


def _moment(value: object) -> datetime:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ValueError("created_at is not a text")
    return aware(datetime.fromisoformat(value))


def aware(moment: datetime) -> datetime:
    """Return a moment that has a time zone.

    Raises:
        ValueError: it has none.
    """
    if moment.utcoffset() is None:
        raise ValueError("created_at has no time zone")
    return moment
