"""What native Rust needs: a compiler, a linker and the C library, each named where it is missing."""

from __future__ import annotations

import os
import shutil

import pytest

from dspex_actors import ConfigError, EngineNotFoundError, ExecutorConfig, Limits, Runtime, RuntimeConfig
from dspex_actors.cli import _engines
from dspex_actors.executors.languages import _rust_compiler as compilers
from dspex_actors.executors.languages import find_engine, rust
from tests._engines import RUST_NATIVE, need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

SYSTEM_RUSTC = "/usr/bin/rustc"


def test_both_rows_have_names_of_their_own_and_the_native_one_may_take_the_usual_one():
    assert (rust().name, rust().counts_fuel) == ("rust", True)
    assert (rust(native=True).name, rust(native=True).counts_fuel) == ("rust", False)
    with pytest.raises(ConfigError, match=r"Language\.name"):
        rust(native=True, name="not a word")


@pytest.mark.slow
def test_the_systems_compiler_does_as_well_as_the_one_in_path():
    if not os.access(SYSTEM_RUSTC, os.X_OK):
        pytest.skip(f"{SYSTEM_RUSTC} is not there: apt-get install rustc")
    config = RuntimeConfig(
        executor=ExecutorConfig(limits=Limits(time_s=60.0), spares=0, start_timeout_s=60.0),
        languages=(rust(native=True),),
        engines={"rust": SYSTEM_RUSTC},
    )
    with Runtime(config) as runtime:
        panicked = runtime.execute('let x = 1;\npanic!("so it goes: {}", x);', language="rust")
        total = runtime.execute("xs.iter().sum::<i64>()", language="rust", variables={"xs": [1, 2]})

    assert (panicked.error.type, panicked.error.message) == ("Panic", "so it goes: 1")
    assert "guest.rs:2" in panicked.error.traceback
    assert total.value == 3


@pytest.mark.slow
def test_a_linker_in_a_folder_whose_name_has_a_space_links_programs(tmp_path, monkeypatch):
    need_engine("rust_native")
    folder = tmp_path / "with a space"
    folder.mkdir()
    for name in ("cc", "ld.bfd"):
        (folder / name).symlink_to(os.path.realpath(shutil.which(name)))
    rustc = find_engine(RUST_NATIVE).path
    monkeypatch.setattr(compilers, "_PROGRAM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(folder))
    config = RuntimeConfig(
        executor=ExecutorConfig(limits=Limits(time_s=60.0), spares=0, start_timeout_s=60.0),
        languages=(rust(native=True),),
        engines={"rust": rustc},
    )

    with Runtime(config) as runtime:
        result = runtime.execute("1 + 2", language="rust")

    assert result.unwrap() == 3


@pytest.fixture
def only(tmp_path, monkeypatch):
    """Have no programs in PATH but those that are named, in a folder of their own."""
    need_engine("rust_native")
    monkeypatch.setattr(compilers, "_PROGRAM_FOLDERS", ())
    monkeypatch.setattr(compilers, "SYSTEM", str(tmp_path / "nothing" / "rustc"))

    def only(*names):
        for name in names:
            (tmp_path / name).symlink_to(os.path.realpath(shutil.which(name)))
        monkeypatch.setenv("PATH", str(tmp_path))

    return only


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ((), "there is no linker: none of cc, gcc, clang is in PATH"),
        (("cc",), "there is no linker ld.lld or ld.bfd in PATH"),
    ],
)
def test_a_missing_linker_is_named_with_the_command_that_installs_it(only, there, reason):
    given = find_engine(RUST_NATIVE).path
    only(*there)

    with pytest.raises(EngineNotFoundError) as caught:
        find_engine(RUST_NATIVE, given)
    assert caught.value.language == "rust_native"
    assert caught.value.reason == reason
    assert caught.value.install.startswith("apt-get install rustc gcc libc6-dev")


def test_doctor_looks_for_the_native_row_too_and_says_that_it_is_to_be_asked_for(only, monkeypatch):
    monkeypatch.setattr(_engines, "Languages", tuple)  # the others are looked for elsewhere
    there = {each.language: each.line for each in _engines.find_engines()}
    assert there["rust_native"].startswith("rust_native (a row of RuntimeConfig.languages) 1.")

    only()
    monkeypatch.setenv("PATH", "")
    missing = {each.language: each for each in _engines.find_engines()}["rust_native"]
    assert missing.engine is None
    assert missing.line.endswith(f"rustc is not in PATH; to have it: {RUST_NATIVE.install}")


def test_a_missing_c_library_is_named_as_what_it_is(only, tmp_path):
    given = find_engine(RUST_NATIVE).path
    only()
    (tmp_path / "cc").write_text("#!/bin/sh\necho ${1#-print-file-name=}\n")
    (tmp_path / "cc").chmod(0o755)

    with pytest.raises(EngineNotFoundError, match=r"has no file crt1\.o.*: the C library is missing"):
        find_engine(RUST_NATIVE, given)


def test_without_a_compiler_the_native_row_says_what_installs_one(only):
    only()

    with pytest.raises(EngineNotFoundError, match="rustc is not in PATH") as caught:
        find_engine(RUST_NATIVE)
    assert "gcc libc6-dev" in caught.value.install


def test_what_guests_may_read_has_neither_the_compiler_nor_the_linker():
    need_engine("rust_native")
    found = find_engine(RUST_NATIVE)
    guests, compilers_own = (found.options[name].split("\n") for name in ("guest_paths", "compile_paths"))

    assert not {found.path, found.options["linker"]} & set(guests)
    assert {found.path, found.options["linker"], *guests} <= set(compilers_own)
