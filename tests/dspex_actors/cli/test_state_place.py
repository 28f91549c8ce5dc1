"""Where a store is, as people write it: what is meant, what is refused, no password is ever shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors import ConfigError
from dspex_actors.cli._redaction import redacted
from dspex_actors.cli._state_place import place_of
from dspex_actors.cli._usage import UsageError
from dspex_actors.state import FileSystem, Postgres, Redis, Sqlite

SECRET = "hunter2/%@:"  # noqa: S105 -- of nobody


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:states.db", "states.db"),
        ("sqlite:///var/states.db", "/var/states.db"),
        ("sqlite:////var/states.db", "//var/states.db"),
        ("SQLITE:/a b%20c.db", "/a b%20c.db"),
    ],
)
def test_the_path_of_a_sqlite_file_is_taken_as_it_is(text, path):
    backend = place_of(text).backend
    assert backend == Sqlite(path=path, create=False)


def test_a_path_of_something_that_is_there_needs_no_scheme(tmp_path):
    (tmp_path / "a.db").touch()
    assert place_of(str(tmp_path / "a.db")).backend == Sqlite(path=str(tmp_path / "a.db"), create=False)
    assert place_of(str(tmp_path)).backend == FileSystem(path=str(tmp_path), create=False)
    assert place_of(f"file:{tmp_path}").backend == FileSystem(path=str(tmp_path), create=False)


def test_a_server_has_a_name_for_its_prefix_or_schema():
    assert place_of("redis://host/1", name="mine").backend.prefix == "mine"
    assert place_of("postgresql://host/db", name="mine").backend.schema == "mine"
    assert place_of("postgres://host/db").backend.schema == Postgres(dsn="").schema


@pytest.mark.parametrize(
    ("text", "reading", "writing"),
    [("redis://host", "server", "always"), ("postgresql://host/db", "normal", "full")],
)
def test_a_server_has_to_be_careful_only_where_states_are_saved(text, reading, writing):
    assert place_of(text).backend.durability == reading
    assert place_of(text, writes=True).backend.durability == writing
    assert place_of(text, writes=True, durability=reading).backend.durability == reading


def test_no_place_is_made_unless_that_is_asked_for():
    for text in ("sqlite:a", "file:a", "redis://host", "postgresql://host/db"):
        assert place_of(text).backend.create is False
        assert place_of(text, create=True).backend.create is True


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", {}, "there is no store ''"),
        ("nowhere.db", {}, "there is no store 'nowhere.db'; allowed are a path"),
        ("nul\0byte", {}, "there is no store"),
        ("mysql://host/db", {}, "there is no store 'mysql://host/db'"),
        ("sqlite:", {}, "names no path"),
        ("sqlite://states.db", {}, "with three slashes if absolute"),
        ("sqlite:a", {"name": "b"}, "--name is for stores on a server"),
        ("file:a", {"durability": "full"}, "--durability is for sqlite and for servers"),
        ("redis:host", {}, "is no URL"),
        ("redis://host:port", {}, "is no URL"),
        ("postgresql://[::1/db", {}, "is no URL"),
    ],
)
def test_what_is_no_place_is_refused_with_what_would_be_one(text, options, said):
    with pytest.raises(UsageError, match=said):
        place_of(text, **options)


def test_settings_that_a_backend_does_not_know_are_refused_by_it():
    for text, options in (
        ("sqlite:a", {"durability": "always"}),
        ("redis://host", {"durability": "full"}),
        ("redis://host", {"name": "a{b}"}),
        ("postgresql://host/db", {"name": "a-b"}),
    ):
        with pytest.raises(ConfigError):
            place_of(text, **options)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("redis://host:1/2", "redis://:hunter2%2F%25%40%3A@host:1/2"),
        ("redis://me@host", "redis://me:hunter2%2F%25%40%3A@host"),
        ("unix:///run/redis", "unix://:hunter2%2F%25%40%3A@/run/redis"),
        ("redis://me:own@host", "redis://me:own@host"),
    ],
)
def test_a_password_from_the_environment_completes_an_address_that_has_none(text, url):
    assert place_of(text, password=SECRET).backend == Redis(url=url, durability="server", create=False)


def test_the_same_holds_for_postgres_whose_address_may_have_no_host():
    place = place_of("postgresql://me@/db?host=/run/pg", password=SECRET)
    assert place.backend.dsn == "postgresql://me:hunter2%2F%25%40%3A@/db?host=/run/pg"
    assert place.shown == "postgresql://me:***@/db?host=/run/pg"


@pytest.mark.parametrize(
    "text",
    [
        "redis://:hunter2@host/0",
        "rediss://me:hunter2@host/0",
        "postgresql://me:hunter2@host/db",
        "postgresql://host/db?password=hunter2&sslmode=require",
        "postgresql://me:hunt%65r2@host/db",
    ],
)
def test_an_address_is_shown_without_its_password_in_whatever_spelling(text):
    place = place_of(text)
    said = f"{place.shown} {place.backend!r}"
    assert "hunter2" not in said
    assert "hunt%65r2" not in said
    assert place.hidden("it said hunter2 to me:hunter2@host") == "it said *** to me:***@host"


@pytest.mark.parametrize("text", ["redis://:hunter2@host:port", "postgresql://me:hunter2@[::1/db"])
def test_an_address_that_is_refused_is_not_repeated_with_its_password(text):
    with pytest.raises(UsageError) as caught:
        place_of(text)
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--stroe redis://me:pw@host/0 list", "--stroe redis://me:***@host/0 list"),
        ("a://u:p@ss@host b://v:q@h", "a://u:***@host b://v:***@h"),
        ("host=h password=secret user=me", "host=h password=*** user=me"),
        ("host=h password = 'a \\' b' user=me", "host=h password = *** user=me"),
        ("sqlite:///a:b@c", "sqlite:///a:b@c"),
        ("http://host:80/path", "http://host:80/path"),
    ],
)
def test_passwords_in_any_text_are_hidden_and_nothing_else(text, shown):
    assert redacted(text) == shown


@settings(max_examples=50, deadline=None)
@given(st.text("abé/@:%[]?#& '\\", min_size=3, max_size=12))
def test_no_password_whatever_its_characters_is_to_be_seen(secret):
    for text in ("redis://me@host/0", "postgresql://me@host/db"):
        place = place_of(text, password=f"<{secret}>")
        said = f"{place.shown} {place.backend!r} {place.hidden(f'in the middle <{secret}> of it')}"
        assert f"<{secret}>" not in said
