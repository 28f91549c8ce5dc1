"""Looking for engines: the given path, an installed package, then PATH; each way to fail has its error."""

from __future__ import annotations

import pytest

from dspex_actors import (
    ConfigError,
    EngineNotFoundError,
    EngineStartError,
    EngineVersionError,
    FoundEngine,
    Language,
    Limits,
    Policy,
    Profile,
    SessionKind,
    UnknownLanguageError,
)
from dspex_actors.executors.languages import (
    BUILT_IN,
    Languages,
    _find,
    find_engine,
    find_package,
    find_program,
    version_of,
)


def make_program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def found_in(given, packaged, names=("ruby",)):
    return find_program("ruby", "apt-get install ruby", given, packaged=packaged, names=names)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Put a program of the same name into each place."""
    folders = {name: tmp_path / name for name in ("given", "package", "path")}
    for folder in folders.values():
        folder.mkdir()
        make_program(folder / "ruby", "echo 3.2")
    monkeypatch.setenv("PATH", str(folders["path"]))
    return {name: folder / "ruby" for name, folder in folders.items()}


def test_a_given_path_wins_then_a_package_then_the_search_path(places):
    assert found_in(str(places["given"]), places["package"]) == (places["given"], "given")
    assert found_in(None, places["package"]) == (places["package"], "package")
    assert found_in(None, None) == (places["path"], "PATH")
    assert found_in(None, places["package"].parent / "nothing") == (places["path"], "PATH")


@pytest.mark.parametrize("given", ["/nothing/there", "/etc/passwd", "/"])
def test_a_given_path_that_is_no_program_is_not_replaced_by_another(places, given):
    with pytest.raises(EngineNotFoundError, match="is no program") as caught:
        found_in(given, places["package"])

    assert (caught.value.language, caught.value.install) == ("ruby", "apt-get install ruby")


def test_a_program_that_is_nowhere_names_what_installs_it(monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(EngineNotFoundError) as caught:
        found_in(None, None, names=("ruby", "ruby3"))
    assert str(caught.value) == (
        "no engine for ruby: ruby or ruby3 is not in PATH, and no package has it; "
        "to install one: apt-get install ruby"
    )


@pytest.mark.integration
@pytest.mark.parametrize(
    ("script", "version"),
    [("echo v22.3.1", "22.3.1"), ("echo 'ruby 3.2.1p31 (2023) [x86]'", "3.2.1"), ("echo 1.10 >&2", "1.10")],
)
def test_the_version_is_the_first_thing_printed_that_looks_like_one(tmp_path, script, version):
    assert version_of("ruby", "", [str(make_program(tmp_path / "ruby", script))]) == version


@pytest.mark.integration
@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        ("exit 3", EngineStartError, "ended with 3 when asked for its version"),
        ("echo one; echo two; exit 3", EngineStartError, "asked for its version: 'one two'"),
        ("echo broken >&2; exit 1", EngineStartError, "broken"),
        ("echo 'no numbers'", EngineVersionError, "did not print a version but 'no numbers'"),
        ("", EngineVersionError, "did not print a version"),
    ],
)
def test_a_program_that_tells_no_version_is_told_by_what_it_said(tmp_path, script, error, said):
    program = make_program(tmp_path / "ruby", script)

    with pytest.raises(error, match=said):
        version_of("ruby", "", [str(program)])


@pytest.mark.integration
def test_a_program_that_hangs_when_asked_for_its_version_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(_find, "ANSWER_S", 0.2)
    program = make_program(tmp_path / "ruby", "exec sleep 1000")

    with pytest.raises(EngineStartError, match=r"did not tell its version within 0\.2 s"):
        version_of("ruby", "", [str(program)])


@pytest.mark.integration
def test_a_program_that_cannot_be_run_is_a_start_error(tmp_path):
    program = make_program(tmp_path / "ruby", "")
    program.write_bytes(b"\x7fELF rubbish")

    with pytest.raises(EngineStartError, match="cannot be run"):
        version_of("ruby", "", [str(program)])


def row(**changed):
    facts = {
        "name": "ruby",
        "maker": "ruby_engine:make",
        "find": lambda given: FoundEngine(path=given or "/usr/bin/ruby", version="3.2.1"),
        "install": "apt-get install ruby",
    }
    return Language(**(facts | changed))


@pytest.mark.parametrize(
    ("minimum", "will_do"),
    [("", True), ("3.2", True), ("3.2.1", True), ("3.2.2", False), ("3.10", False), ("4.0", False)],
)
def test_an_engine_below_the_minimum_of_its_row_is_refused(minimum, will_do):
    if will_do:
        assert find_engine(row(minimum=minimum)).path == "/usr/bin/ruby"
        return
    with pytest.raises(EngineVersionError, match=f"is version 3.2.1, {minimum} or later will do"):
        find_engine(row(minimum=minimum), "/opt/ruby")


def test_a_package_is_found_by_what_is_imported_and_nothing_else():
    assert find_package("msgspec").name == "msgspec"
    assert find_package("no_such_package") is None
    assert find_package("..") is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "Language.name"),
        ({"name": "two words"}, "Language.name"),
        ({"name": 5}, "Language.name"),
        ({"maker": "ruby_engine"}, "Language.maker"),
        ({"maker": ":make"}, "Language.maker"),
        ({"profiles": (Profile.PROCESS,)}, "Language.policy"),
    ],
)
def test_a_row_that_is_wrong_is_refused_when_it_is_made(changed, field):
    with pytest.raises(ConfigError) as caught:
        row(**changed)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (Policy(), "Policy.profile"),
        (Policy(profile="strict"), "Policy.profile"),
        (Policy(profile="shell", network=("example.org",)), "Policy.network"),
    ],
)
def test_a_policy_that_the_engine_cannot_run_under_is_refused(policy, field):
    with pytest.raises(ConfigError) as caught:
        row().check_policy(policy)

    assert caught.value.field == field


def test_a_list_of_hosts_is_for_rows_that_connect_and_for_the_profile_that_starts_programs():
    listed = Policy(profile="shell", network=("example.org",))
    inside = row(connects=True, profiles=(Profile.PROCESS, Profile.SHELL))

    inside.check_policy(listed)
    with pytest.raises(ConfigError, match="outside of the profile 'shell'"):
        inside.check_policy(Policy(network=("example.org",)))
    with pytest.raises(ConfigError, match="'none' for the language ruby, whose programs have no sockets"):
        row().check_policy(listed)


@pytest.mark.parametrize("language", BUILT_IN, ids=lambda each: each.name)
def test_rows_that_run_in_webassembly_without_sockets_take_no_list(language):
    listed = Policy(profile="process" if language.name == "wasm" else "shell", network=("example.org",))
    if language.connects or language.is_python:
        language.check_policy(listed)
        return
    with pytest.raises(ConfigError, match="have no sockets"):
        language.check_policy(listed)
    assert language.name in {"wasm", "rust"}


def test_fuel_and_sessions_are_refused_where_a_language_has_none():
    with pytest.raises(ConfigError, match="fuel"):
        row().check_limits(Limits(fuel=1))
    with pytest.raises(ConfigError, match="sessions"):
        row(sessions=SessionKind.NONE).check_session(Limits())
    row(counts_fuel=True).check_session(Limits(fuel=1))


def test_a_runtimes_own_row_wins_over_one_of_this_package():
    own = row(name="javascript")
    languages = Languages((own, row()))

    assert languages["javascript"] is own
    assert [each.name for each in languages] == [*(each.name for each in BUILT_IN), "ruby"]
    with pytest.raises(UnknownLanguageError, match="'python'"):
        languages["cobol"]


@pytest.mark.parametrize("language", BUILT_IN, ids=lambda each: each.name)
def test_every_row_of_this_package_says_what_installs_it_and_where_it_is(language, monkeypatch):
    assert language.install
    if language.is_python:
        return
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(_find.importlib.util, "find_spec", lambda _: None)

    with pytest.raises(EngineNotFoundError) as caught:
        find_engine(language)
    needs_wasmtime = "wasmtime is not installed" in caught.value.reason
    assert caught.value.install == ("pip install wasmtime" if needs_wasmtime else language.install)
    assert caught.value.install in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"module": b"\0asm"}, r"code must be text \(str\) for ruby, got b'.x00asm'"),
        ({"export": "f"}, "export must be left out for ruby, whose code has no use for it, got 'f'"),
        ({"stdin": b"x", "args": ["a"]}, "args must be left out for ruby, .* got \\['a'\\]"),
    ],
)
def test_what_a_language_has_no_use_for_is_refused_with_what_it_was(given, said):
    with pytest.raises(ConfigError, match=said):
        row().check_given(given)
    row(takes=frozenset(given)).check_given(given)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"maker": None}, "Language.maker"),
        ({"maker": "ruby_engine"}, "Language.maker"),
        ({"find": None}, "Language.find"),
        ({"profiles": ("shell",)}, "Language.profiles"),
        ({"profiles": Profile.SHELL}, "Language.profiles"),
    ],
)
def test_a_row_whose_parts_are_of_other_types_is_refused(changed, field):
    with pytest.raises(ConfigError) as caught:
        row(**changed)

    assert caught.value.field == field


def test_a_row_that_finds_something_else_than_an_engine_is_told_so():
    with pytest.raises(EngineStartError, match=r"Language\.find must return a FoundEngine, got None"):
        find_engine(row(find=lambda _: None))
