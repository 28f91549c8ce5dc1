"""Settings of the backends on servers, and which servers they refuse, without a server."""

from __future__ import annotations

import pickle

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import (
    Postgres,
    Redis,
    StorageBusyError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)
from dspex_actors.state._postgres_errors import kind_of
from dspex_actors.state._postgres_line import fault as postgres_fault
from dspex_actors.state._redis_line import fault as redis_fault

URL = "redis://:secret@localhost/0"
DSN = "postgresql://me:secret@localhost/states"


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://localhost"},
        {"url": None},
        {"prefix": ""},
        {"prefix": "a{b}"},
        {"prefix": "a\n"},
        {"prefix": "x" * 129},
        {"prefix": 5},
        {"durability": "full"},
        {"timeout_s": 0},
        {"connect_timeout_s": float("nan")},
    ],
)
def test_settings_of_redis_that_make_no_sense_are_refused_at_once(settings):
    with pytest.raises(ConfigError):
        Redis(**{"url": URL, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {"dsn": None},
        {"listen_dsn": 5},
        {"schema": ""},
        {"schema": 'a"b'},
        {"schema": "1a"},
        {"schema": "é"},
        {"schema": "x" * 64},
        {"schema": None},
        {"durability": "always"},
        {"watch": "notify"},
        {"max_connections": 0},
        {"max_connections": True},
        {"max_connections": 1001},
        {"poll_s": 0},
        {"timeout_s": -1},
        {"busy_timeout_s": "5"},
    ],
)
def test_settings_of_postgres_that_make_no_sense_are_refused_at_once(settings):
    with pytest.raises(ConfigError):
        Postgres(**{"dsn": DSN, **settings})


@pytest.mark.parametrize("backend", [Redis(url=URL), Postgres(dsn=DSN, listen_dsn=DSN)])
def test_a_password_is_not_shown_and_a_backend_can_be_pickled(backend):
    assert "secret" not in repr(backend)
    assert pickle.loads(pickle.dumps(backend)) == backend  # noqa: S301 -- our own


def test_a_wrong_url_is_not_shown_either_since_it_may_hold_a_password():
    with pytest.raises(ConfigError) as caught:
        Redis(url="rediss:/:secret@host")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("server", "memory", "persistence", "durability", "found"),
    [
        ("6.0.0", {}, "1", "always", None),
        ("10.1.0", {}, "1", "always", None),
        ("5.0.14", {}, "1", "always", "its version is 5.0.14"),
        ("", {}, "1", "always", "its version is unknown"),
        ("7.2.4", {}, "0", "always", "its appendonly is no"),
        ("7.2.4", {}, "0", "everysec", "its appendonly is no"),
        ("7.2.4", {}, "0", "server", None),
        (
            "7.2.4",
            {"maxmemory": "9", "maxmemory_policy": "allkeys-lru"},
            "1",
            "server",
            "its maxmemory-policy",
        ),
        ("7.2.4", {"maxmemory": "0", "maxmemory_policy": "allkeys-lru"}, "1", "server", None),
        ("7.2.4", {"maxmemory": "9", "maxmemory_policy": "noeviction"}, "1", "server", None),
        ("7.2.4", {"maxmemory": "9", "maxmemory_policy": "volatile-lru"}, "1", "server", None),
    ],
)
def test_a_redis_that_would_lose_what_it_acknowledges_is_refused(
    server, memory, persistence, durability, found
):
    fault = redis_fault({"redis_version": server}, memory, {"aof_enabled": persistence}, durability)
    assert (fault is None) if found is None else fault.startswith(found)


@pytest.mark.parametrize(
    ("settings", "durability", "found"),
    [
        ((130000, "UTF8", False, "on", "on", "on"), "full", None),
        ((180000, "UTF8", False, "on", "remote_apply", "on"), "full", None),
        ((120022, "UTF8", False, "on", "on", "on"), "full", "its version is 12"),
        (
            (150000, "SQL_ASCII", False, "on", "on", "on"),
            "normal",
            "the encoding of the database is SQL_ASCII",
        ),
        ((150000, "UTF8", True, "on", "on", "on"), "normal", "it is a standby"),
        ((150000, "UTF8", False, "off", "on", "on"), "full", "fsync is off"),
        ((150000, "UTF8", False, "off", "off", "on"), "full", "fsync and synchronous_commit is off"),
        ((150000, "UTF8", False, "on", "on", "off"), "full", "full_page_writes is off"),
        ((150000, "UTF8", False, "off", "off", "off"), "normal", None),
    ],
)
def test_a_postgres_that_would_lose_what_it_acknowledges_is_refused(settings, durability, found):
    fault = postgres_fault(settings, durability)
    assert (fault is None) if found is None else fault.reason.startswith(found)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("08006", StorageUnavailableError),
        ("57P01", StorageUnavailableError),
        ("57014", StorageBusyError),
        ("25006", StorageUnavailableError),
        ("25P02", StorageError),
        ("40P01", StorageBusyError),
        ("53100", StorageFullError),
        ("53300", StorageUnavailableError),
        ("XX001", StorageDamagedError),
        ("42P01", StorageDamagedError),
        ("42501", StorageError),
        ("", StorageError),
    ],
)
def test_what_a_code_of_postgres_means_for_a_store(code, kind):
    assert kind_of(code) is kind
