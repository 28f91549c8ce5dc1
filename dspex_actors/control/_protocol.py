"""What crosses a control socket. Pure.

A connection is one request. The runtime says `Hello`; the client sends one request; the runtime sends what
answers it, then `Done`, or `Failed` in place of what is missing. Either side ends it by closing.

A message is a frame: its length as an unsigned number of 4 bytes, the most significant first, then that
many bytes of JSON, with a key `is` that names the message. A length beyond the limit, a key or a message that
is not known, a second request: the connection is closed. Nothing is unpickled, evaluated or imported.
"""

from __future__ import annotations

import struct
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from dspex_actors.control._errors import ControlProtocolError, FailureKind

PROTOCOL: Final = 1
MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_REPLY_BYTES: Final = 1024 * 1024
MAX_TEXT_CHARS: Final = 4096  # of one text in a reply; what is longer is cut
MAX_LISTED: Final = 1000  # entries of one list in a reply; what is more is left out

_HEADER: Final = struct.Struct(">I")

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1024)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0)]
Texts: TypeAlias = tuple[str, ...]
WhenBusyName: TypeAlias = Literal["abort", "restart"]


class Message(Struct, frozen=True, forbid_unknown_fields=True, tag_field="is", tag=True):
    """The base of all messages."""


# -- requests


class ListModules(Message, frozen=True, kw_only=True):
    """List modules; answered by a `ModuleRow` for each. The fields are those of `Modules.discover`."""

    pattern: Name = "*"
    type: Name | None = None
    version: Name | None = None
    tags: Annotated[tuple[Name, ...], Meta(max_length=64)] = ()


class ShowModule(Message, frozen=True, kw_only=True):
    """Show a module; answered by `ModuleDetails`, and an `InstanceRow` for each instance."""

    module_id: Name


class ReloadModule(Message, frozen=True, kw_only=True):
    """Reload a module; answered by `Reloaded`. The fields are those of `Modules.hot_reload`."""

    module_id: Name
    version: Name | None = None
    source: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    when_busy: WhenBusyName = "abort"
    suspend_s: Seconds | None = None


class RollBackModule(Message, frozen=True, kw_only=True):
    """Go back to the version before; answered by `Reloaded`. The fields are those of `Modules.rollback`."""

    module_id: Name
    when_busy: WhenBusyName = "abort"
    suspend_s: Seconds | None = None


class WatchEvents(Message, frozen=True, kw_only=True):
    """Watch modules; answered by `Watching`, then an `Event` or `Missed` for each, until a side closes."""

    pattern: Name = "*"


Request: TypeAlias = ListModules | ShowModule | ReloadModule | RollBackModule | WatchEvents

# -- replies


class Hello(Message, frozen=True, kw_only=True):
    """The first word of a runtime.

    Attributes:
        protocol: version of this protocol.
        pid: of its process.
        python: version of its interpreter.
    """

    protocol: int
    pid: int
    python: str


class ModuleRow(Message, frozen=True, kw_only=True):
    """A registered module, in a line."""

    module_id: str
    version: str
    digest: str
    type: str
    isolation: str
    tags: Texts
    instances: int
    live: int


class VersionRow(Message, frozen=True, kw_only=True):
    """A version that is kept."""

    version: str
    digest: str


class ModuleDetails(Message, frozen=True, kw_only=True):
    """A registered module, with all that is said of it but the arguments its objects are made with.

    Attributes:
        source: the file of a file module; of an importable one None.
        reload_root: the package that is reloaded as one; of a file module None.
        old: versions kept beside the current one, the one that a roll-back goes to first.
        metadata: numbers, short texts, booleans and None as they are; the text of anything else.
    """

    module_id: str
    version: str
    digest: str
    type: str
    target: str
    source: str | None
    reload_root: str | None
    isolation: str
    checkpoint: str
    when_failed: str
    hot_reload: bool
    tags: Texts
    metadata: dict[str, str | int | float | bool | None]
    old: tuple[VersionRow, ...]


class InstanceRow(Message, frozen=True, kw_only=True):
    """An instance of a module.

    Attributes:
        live: whether its object is there now.
        version: what it has, or gets at its next start.
        pinned: whether it stays at that version.
        saved: version of the state it was saved with last; None if there is none.
    """

    name: str
    live: bool
    version: str
    pinned: bool
    saved: str | None


class Reloaded(Message, frozen=True, kw_only=True):
    """What a reload or a roll-back did.

    Attributes:
        modules: Python modules that ran.
        upgraded: how many instances got new objects.
        restarted: how many were busy and were killed.
    """

    module_id: str
    old: str
    new: str
    changed: bool
    modules: Texts
    upgraded: int
    restarted: int
    suspended_s: float


class Watching(Message, frozen=True, kw_only=True):
    """The watch has begun: what happens from now on is told."""

    pattern: str


class Event(Message, frozen=True, kw_only=True):
    """One change of one module; see `ModuleEvent`. What does not belong to its kind is None."""

    number: int
    module_id: str
    event: str
    old: str | None
    new: str | None
    old_digest: str | None
    new_digest: str | None
    instance: str | None = None
    step: str | None = None
    reason: str | None = None


class Missed(Message, frozen=True, kw_only=True):
    """Stands where events are missing, because this client did not take them in time."""

    count: int


class Done(Message, frozen=True, kw_only=True):
    """The request has been answered."""


class Failed(Message, frozen=True, kw_only=True):
    """The request was not done; see `RequestFailedError`."""

    kind: FailureKind
    reason: str


Item: TypeAlias = ModuleRow | ModuleDetails | InstanceRow | Reloaded | Watching | Event | Missed
Reply: TypeAlias = Hello | Item | Done | Failed

_encoder: Final = msgspec.json.Encoder()
_requests: Final = msgspec.json.Decoder(Request)
_replies: Final = msgspec.json.Decoder(Reply)


def encode_request(request: Request) -> bytes:
    """Return a request as a frame.

    Raises:
        ControlProtocolError: a field is wrong, or it is too long.
    """
    frame = _framed(request, MAX_REQUEST_BYTES)
    decode_request(frame[_HEADER.size :])  # fields are checked where they are read
    return frame


def encode_reply(reply: Reply) -> bytes:
    """Return a reply as a frame.

    Raises:
        ControlProtocolError: a text in it cannot be sent, or it is too long.
    """
    return _framed(reply, MAX_REPLY_BYTES)


def decode_request(body: bytes) -> Request:
    """Read a request.

    Raises:
        ControlProtocolError: it is none.
    """
    try:
        request: Request = _requests.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ControlProtocolError(str(error)) from None
    return request


def decode_reply(body: bytes) -> Reply:
    """Read a reply.

    Raises:
        ControlProtocolError: it is none.
    """
    try:
        reply: Reply = _replies.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ControlProtocolError(str(error)) from None
    return reply


class FrameReader:
    """Cuts what comes in into the bodies of frames, whatever pieces it comes in.

    It never holds more than one frame of `most` bytes and what came with its last piece.

    Args:
        most: bytes of the largest body.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece; return the bodies that are complete now.

        Raises:
            ControlProtocolError: a frame says that it is empty, or longer than the limit.
        """
        self._buffer += data
        bodies = []
        while len(self._buffer) >= _HEADER.size:
            (size,) = _HEADER.unpack_from(self._buffer)
            if not 1 <= size <= self._most:
                raise ControlProtocolError(f"a frame of {size} bytes; allowed are 1 to {self._most}")
            end = _HEADER.size + size
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[_HEADER.size : end]))
            del self._buffer[:end]
        return bodies

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and is not complete."""
        return bool(self._buffer)


def text(value: object) -> str:
    """Return a text as it can be sent: what UTF-8 has no bytes for escaped, and cut at `MAX_TEXT_CHARS`."""
    shown = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return shown if len(shown) <= MAX_TEXT_CHARS else f"{shown[: MAX_TEXT_CHARS - 3]}..."


def _framed(message: Message, most: int) -> bytes:
    try:
        body = _encoder.encode(message)
    except UnicodeEncodeError as error:
        raise ControlProtocolError(f"a text that UTF-8 cannot encode: {error.reason}") from None
    if len(body) > most:
        raise ControlProtocolError(f"a message of {len(body)} bytes; allowed are {most}")
    return _HEADER.pack(len(body)) + body
