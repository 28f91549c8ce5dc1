"""Where a store is, as it is written on a command line, and the backend that this means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from dspex_actors.cli._redaction import HIDDEN, redacted
from dspex_actors.cli._usage import UsageError
from dspex_actors.state import FileSystem, Postgres, Redis, Sqlite

if TYPE_CHECKING:
    from dspex_actors.state import Backend

FORMS: Final = "a path of a store, sqlite:PATH, file:FOLDER, redis://HOST/DB, rediss://..., unix://SOCKET or postgresql://HOST/DB"
_SCHEME: Final = re.compile(r"([a-z]+):", re.IGNORECASE)
_REDIS: Final = frozenset({"redis", "rediss", "unix"})
_POSTGRES: Final = frozenset({"postgresql", "postgres"})


@dataclass(frozen=True, slots=True)
class Place:
    """A store that was named.

    Attributes:
        backend: opens it.
        shown: its address without the password.
        secrets: what must not be printed.
    """

    backend: Backend
    shown: str
    secrets: tuple[str, ...] = ()

    def hidden(self, text: str) -> str:
        """Return the text without any of the secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return redacted(text)


def place_of(
    text: str,
    *,
    name: str | None = None,
    password: str | None = None,
    durability: str | None = None,
    writes: bool = False,
    create: bool = False,
) -> Place:
    """Return the store that a text names. Nothing is opened, but a path is looked at.

    Args:
        text: one of `FORMS`. Paths are taken as they are, without decoding; of `sqlite:///a` it is `/a`.
        name: the prefix of a store on Redis, the schema on Postgres; None for the backend's own.
        password: for an address of a server that has none.
        durability: what a server must be set to; see the backend. None: its default if `writes`, and what any
            server does if nothing but old versions is at stake.
        writes: whether states will be saved.
        create: whether the store may be made.

    Raises:
        UsageError: it names none.
        ConfigError: a part of it is wrong.
    """
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if scheme in {"sqlite", "file"}:
        return _of_path(scheme, _path(text), name, durability, create=create)
    if scheme in _REDIS | _POSTGRES:
        weakest = "server" if scheme in _REDIS else "normal"
        chosen = durability or (None if writes else weakest)
        return _of_server(scheme, text, name, password, chosen, create=create)
    path = Path(text)
    if not text or not _exists(path):
        raise UsageError(f"there is no store {redacted(text)!r}; allowed are {FORMS}")
    return _of_path("file" if path.is_dir() else "sqlite", text, name, durability, create=create)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _path(text: str) -> str:
    """Return the path of `sqlite:PATH` and its like.

    Raises:
        UsageError: there is none.
    """
    path = text.partition(":")[2]
    if path.startswith("//"):
        path = path[2:]
        if not path.startswith("/"):
            raise UsageError(f"{text!r} must be sqlite:PATH or file:FOLDER, with three slashes if absolute")
    if not path:
        raise UsageError(f"{text!r} names no path")
    return path


def _of_path(scheme: str, path: str, name: str | None, durability: str | None, *, create: bool) -> Place:
    if name is not None:
        raise UsageError("--name is for stores on a server")
    backend: Backend
    if scheme == "sqlite":
        backend = Sqlite(path=path, durability=durability or "normal", create=create)
    elif durability is not None:
        raise UsageError("--durability is for sqlite and for servers")
    else:
        backend = FileSystem(path=path, create=create)
    return Place(backend, f"{scheme}:{path}")


def _of_server(
    scheme: str, text: str, name: str | None, password: str | None, durability: str | None, *, create: bool
) -> Place:
    try:
        parts = urlsplit(text)
        known, _ = parts.password, parts.port
    except ValueError:  # its text may hold the password
        raise UsageError(f"the address of the store is no URL; allowed are {FORMS}") from None
    if "://" not in text or "[" in text.partition("://")[2].rpartition("@")[0]:
        raise UsageError(f"the address of the store is no URL; allowed are {FORMS}")
    if known is None and password:
        parts = _with_password(parts, password)
        text = parts.geturl()
    settings: dict[str, Any] = {"create": create}
    if durability is not None:
        settings["durability"] = durability
    if name is not None:
        settings["prefix" if scheme in _REDIS else "schema"] = name
    backend: Backend = (
        Redis(url=text, **settings) if scheme in _REDIS else Postgres(dsn=text, max_connections=1, **settings)
    )
    return Place(backend, redacted(text), _secrets(parts))


def _with_password(parts: SplitResult, password: str) -> SplitResult:
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}")


def _secrets(parts: SplitResult) -> tuple[str, ...]:
    """Return every spelling of the passwords of an address, the longest first."""
    found = {parts.password or "", *parse_qs(parts.query).get("password", ())}
    found |= {unquote(each) for each in found} | {quote(each, safe="") for each in found}
    return tuple(sorted(found - {""}, key=len, reverse=True))
