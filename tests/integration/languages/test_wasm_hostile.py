"""Modules that are broken, cut short, hostile or too large, and the cache of what was compiled."""

from __future__ import annotations

import dataclasses
import random

import pytest
import wasmtime

from dspex_actors import (
    Completed,
    ConfigError,
    EngineNotFoundError,
    ExecutorConfig,
    Failed,
    LimitExceeded,
    Limits,
    Runtime,
    RuntimeConfig,
)
from dspex_actors.executors.languages import RUST, WASM
from dspex_actors.executors.languages import _wasm as row
from tests._engines import need_engine
from tests.integration.languages._snippets_wasm import WASM as PROGRAMS

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

MODULE = bytes(wasmtime.wat2wasm(PROGRAMS.flood.replace("2000", "2")))


@pytest.fixture
def run(runtime):
    """Run a module."""

    def run(code, **options):
        return runtime.execute(code, language="wasm", **options)

    return run


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (b"\0asm", "version"),
        (b"\0asm\x02\0\0\0", "version 2"),
        (b"\0asm\x0d\0\x01\0\xff", "malformed section id"),
        (b"\x7fELF\x02\x01\x01\0\xff", "begins with 00 61 73 6d"),
        (b"MZ", "expected `(`"),
        (MODULE[:-1], "unexpected end"),
        (MODULE + b"\0", "unexpected end"),
        ("(module (func (result i32)))", "type mismatch"),
        ('(module (func (export "wide") (param v128)))', "wide has one"),
        ('(module (import "a" "b" (func (result v128))))', "a.b has one"),
        ("(modul)", "<anon>:1:2"),
        ("\0", "unexpected character"),
    ],
)
def test_what_is_no_valid_module_does_not_compile_and_says_why(run, code, said):
    result = run(code)

    assert isinstance(result, Failed), result
    assert result.error.type == "CompileError"
    assert said in result.error.message


def test_a_module_cut_short_anywhere_never_compiles(run):
    for end in sorted(random.Random(7).sample(range(8, len(MODULE)), 12)):  # noqa: S311 -- no secret
        result = run(MODULE[:end])
        assert isinstance(result, Failed | Completed), (end, result)
        assert isinstance(result, Completed) or result.error.type in {"CompileError", "ExportError"}, end


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.slow] * (seed > 1)) for seed in range(20)]
)
def test_a_module_with_bytes_changed_ends_in_one_of_the_ways_there_are(run, seed):
    chance = random.Random(seed)  # noqa: S311 -- no secret
    for _ in range(8):
        changed = bytearray(MODULE)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(8, len(changed))] = chance.randrange(256)
        result = run(bytes(changed), limits=Limits(time_s=1.0))
        assert isinstance(result, Completed | Failed | LimitExceeded), (seed, result)


@pytest.mark.parametrize(
    ("code", "allowed"),
    [(" " * (8 * 2**20 + 1), "8 MiB"), (bytes(64 * 2**20), "32 MiB")],
    ids=["text", "bytes"],
)
def test_a_program_beyond_the_limit_of_size_is_refused_before_it_is_sent(run, code, allowed):
    with pytest.raises(ConfigError, match=f"at most {allowed}"):
        run(code)


def limited(**limits):
    """Return a configuration whose modules may take only so much to be compiled."""
    row = dataclasses.replace(WASM, build_limits=dataclasses.replace(WASM.build_limits, **limits))
    return RuntimeConfig(languages=(row,), executor=ExecutorConfig(spares=0))


def large(functions):
    """Return a module that takes long to compile: 2.5 s of CPU time were measured for 1500 functions."""
    body = (
        "(local.set 0 (i32.xor (i32.mul (local.get 0) (local.get 1)) (i32.rotl (local.get 1) (local.get 0))))"
        * 200
    )
    one = f"(func (param i32 i32) (result i32) {body} (local.get 0))"
    text = f'(module {one * functions} (func (export "main") (result i32) (i32.const 1)))'
    return bytes(wasmtime.wat2wasm(text))


@pytest.mark.parametrize(
    ("limits", "limit"), [({"time_s": 0.5}, "build_time"), ({"memory_bytes": 2 * 2**20}, "build_memory")]
)
def test_a_module_that_takes_too_much_to_be_compiled_is_stopped_and_the_next_one_runs(limits, limit):
    with Runtime(limited(**limits)) as runtime:
        result = runtime.execute(large(1500), language="wasm")
        assert isinstance(result, LimitExceeded), result
        assert result.limit == limit
        assert "build" in str(result)

        assert runtime.execute(PROGRAMS.two, language="wasm").value == 2


def kept(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_module_is_compiled_once_for_each_way_of_counting_and_outlives_the_runtime(tmp_path):
    folder = tmp_path / "builds"
    config = RuntimeConfig(executor=ExecutorConfig(spares=0, build_cache=str(folder)))
    with Runtime(config) as runtime:
        assert runtime.execute(PROGRAMS.two, language="wasm").value == 2
        first = kept(folder)
        assert runtime.execute(PROGRAMS.two, language="wasm").value == 2
        assert kept(folder) == first
        assert len(first) == 1

        assert runtime.execute(PROGRAMS.two, language="wasm", limits=Limits(fuel=1000)).value == 2
        assert len(kept(folder)) == 2
        assert runtime.execute(PROGRAMS.broken[0], language="wasm").error.type == "CompileError"
        assert len(kept(folder)) == 2

    (path,) = (folder / name for name in first)
    path.write_bytes(b"what somebody else has put there")
    with Runtime(config) as runtime:
        assert runtime.execute(PROGRAMS.two, language="wasm").value == 2
    assert kept(folder)[path.name] == first[path.name]


def test_a_folder_for_compiled_programs_that_is_not_ours_alone_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    config = RuntimeConfig(executor=ExecutorConfig(spares=0, build_cache=str(tmp_path)))
    with Runtime(config) as runtime, pytest.raises(ConfigError, match="ours alone"):
        runtime.execute(PROGRAMS.two, language="wasm")


def test_without_wasmtime_each_language_that_needs_it_says_what_installs_it(monkeypatch):
    need_engine("rust")
    monkeypatch.setattr(row, "find_package", lambda _: None)

    for language in (WASM, RUST):
        with pytest.raises(EngineNotFoundError, match="wasmtime is not installed") as caught:
            language.find(None)
        assert (caught.value.language, caught.value.install) == (language.name, "pip install wasmtime")


def test_an_engine_that_is_not_the_installed_package_is_refused(tmp_path):
    with pytest.raises(EngineNotFoundError, match="is not the installed package wasmtime"):
        WASM.find(str(tmp_path))
