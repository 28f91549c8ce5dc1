"""Rust: what its compiler says, what it may see, what it may take, and what programs have of their host."""

from __future__ import annotations

import dataclasses

import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    EngineNotFoundError,
    EngineStartError,
    EngineVersionError,
    ExecutorConfig,
    Failed,
    LimitExceeded,
    Limits,
    Runtime,
    RuntimeConfig,
)
from dspex_actors.executors.languages import RUST, _find, _rust_compiler
from tests._engines import need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture
def run(runtime):
    """Run a program."""
    need_engine("rust")

    def run(code, **options):
        return runtime.execute(code, language="rust", **options)

    return run


def test_what_the_compiler_says_comes_back_place_by_place(run):
    result = run('let x: i32 = "a";\nlet y = 1;\nx + missing\n')

    assert isinstance(result, Failed), result
    assert result.error.type == "CompileError"
    places = {
        (each.code, each.line, each.column) for each in result.error.diagnostics if each.level == "error"
    }
    assert places == {("E0308", 1, 14), ("E0425", 3, 5)}
    assert '1 | let x: i32 = "a";\n  |              ^^^' in result.error.traceback


@pytest.mark.slow
def test_the_warnings_of_a_program_are_told_also_by_who_finds_it_compiled(run, tmp_path):
    need_engine("rust")
    code = "fn idle() {}\nfn main() { let mut x = 1; }"
    config = RuntimeConfig(executor=ExecutorConfig(spares=0, build_cache=str(tmp_path / "built")))
    told = [run(code).diagnostics]
    for _ in range(2):
        with Runtime(config) as own:
            told += [own.execute(code, language="rust").diagnostics for _ in range(2)]

    assert {(each.code, each.line, each.column) for each in told[0]} == {
        ("dead_code", 1, 4),
        ("unused_variables", 2, 21),
        ("unused_mut", 2, 17),
    }
    assert {each.level for each in told[0]} == {"warning"}
    assert told == [told[0]] * 5


def test_warnings_of_a_snippet_leave_out_its_variables_and_what_was_put_around_it(run):
    result = run("let a = 1;\nlet _b = 2;\n3", variables={"given": 1, "Given": 2})

    assert (result.value, [(each.code, each.line) for each in result.diagnostics]) == (
        3,
        [("unused_variables", 1)],
    )


def test_a_flood_of_warnings_is_told_up_to_a_number(run):
    result = run("\n".join(f"let a{number} = 1;" for number in range(150)) + "\n1")

    assert (result.value, len(result.diagnostics)) == (1, 100)


def test_the_compiler_sees_no_file_and_no_environment_of_the_host(run, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    secret.chmod(0o666)
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    code = (
        f'(include_str!("{secret}"), include_str!("/etc/passwd"), env!("SECRET_OF_THE_HOST"), env!("HOME"))'
    )
    result = run(code)

    assert isinstance(result, Failed), result
    assert len([each for each in result.error.diagnostics if each.level == "error"]) == 4
    assert "of the host" not in result.error.traceback


def test_a_program_has_its_command_line_its_input_the_variables_and_a_value(run):
    code = """use std::io::Read;
fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let args: Vec<String> = std::env::args().collect();
    let names: Vec<String> = dspex::variable("names");
    let (sum, twice): (i64, String) = dspex::call("work", (20, 22, "ab"));
    dspex::result((text, args, names, sum, twice));
}
"""
    result = run(
        code,
        args=("-v",),
        stdin="typed",
        variables={"names": ["x", "y"]},
        tools={"work": lambda a, b, text: (a + b, text * 2)},
    )

    assert isinstance(result, Completed), result
    assert result.value == ["typed", ["guest.wasm", "-v"], ["x", "y"], 42, "abab"]


def test_variables_have_types_and_keep_them_as_long_as_their_program_is_kept(run):
    code = 'let total: i64 = list.iter().sum();\n(total, map["k"].len(), r#type, pair.0 + pair.1 as i64)'
    for factor in (1, 2):
        variables = {"list": [factor, 2], "map": {"k": "abc"}, "type": True, "pair": (1, 2.5 * factor)}
        assert run(code, variables=variables).value == [2 + factor, 3, True, 1 + int(2.5 * factor)]

    wrong = run(code, variables={"list": ["a"], "map": {"k": "abc"}, "type": True, "pair": (1, 2.5)})
    assert wrong.error.type == "CompileError"


def test_an_err_that_a_snippet_ends_with_is_a_failure(run):
    code = 'let number: i64 = "x".parse()?;\nOk::<_, std::num::ParseIntError>(number)'
    result = run(code)

    assert isinstance(result, Failed), result
    assert result.error.type == "Err"
    assert "InvalidDigit" in result.error.message


def limited(**limits):
    """Return a configuration whose programs may take only so much to be compiled."""
    rust = dataclasses.replace(RUST, build_limits=dataclasses.replace(RUST.build_limits, **limits))
    return RuntimeConfig(languages=(rust,), executor=ExecutorConfig(spares=0, start_timeout_s=60.0))


@pytest.mark.parametrize(
    ("code", "limits", "limit"),
    [
        ("1", {"time_s": 0.02}, "build_time"),
        (f"[{'1,' * 1_000_000}].len()", {"memory_bytes": 64 * 2**20}, "build_memory"),
    ],
    ids=["time", "memory"],
)
def test_a_program_that_takes_too_much_to_be_compiled_is_stopped(code, limits, limit):
    need_engine("rust")
    with Runtime(limited(**limits)) as runtime:
        result = runtime.execute(code, language="rust")

    assert isinstance(result, LimitExceeded), result
    assert result.limit == limit


def test_fuel_is_counted_in_rust_as_well(run):
    result = run("(1..=1000000u64).map(|x| x ^ 7).fold(0, |a, b| a ^ b)", limits=Limits(fuel=1000))

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("fuel", 1000)


def test_code_as_bytes_and_exports_are_refused(run):
    for code, options in ((b"1", {}), ("1", {"export": "main"})):
        with pytest.raises(ConfigError, match="for rust"):
            run(code, **options)


# What stands in for a compiler: its version and where its libraries are.
_FAKE = """#!/bin/sh
case "$*" in
*sysroot*) echo {root};;
*) echo "rustc {version}";;
esac
"""


def fake(folder, *, version="1.80.0", target="wasm32-wasip1"):
    """Make a program that says it is a compiler, and the folders that one has."""
    root = folder / "root"
    (root / "lib" / "rustlib" / target / "lib").mkdir(parents=True)
    (root / "lib" / "rustlib" / "x86_64-unknown-linux-gnu" / "bin").mkdir(parents=True)
    (root / "lib" / "rustlib" / "x86_64-unknown-linux-gnu" / "bin" / "rust-lld").write_text("")
    path = folder / "rustc"
    path.write_text(_FAKE.format(root=root, version=version))
    path.chmod(0o755)
    return path


def test_the_first_compiler_that_has_the_target_is_taken_whatever_the_order_of_path(tmp_path, monkeypatch):
    without, having = tmp_path / "a", tmp_path / "b"
    without.mkdir(), having.mkdir()
    fake(without, target="x86_64-pc-windows-msvc")
    wanted = fake(having)
    monkeypatch.setenv("PATH", f"{without}:{having}:/usr/bin:/bin")

    found = RUST.find(None)
    assert (found.path, found.version, found.options["target"]) == (str(wanted), "1.80.0", "wasm32-wasip1")
    assert found.options["linker"] == ""


def test_a_compiler_without_the_target_is_told_by_name_with_what_installs_it(tmp_path, monkeypatch):
    path = fake(tmp_path, target="x86_64-unknown-linux-gnu")
    monkeypatch.setattr(_rust_compiler, "SYSTEM", str(tmp_path / "nothing" / "rustc"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/nonexistent")

    with pytest.raises(EngineNotFoundError) as caught:
        RUST.find(None)
    assert f"{path} has no target wasm32-wasip1 or wasm32-wasi" in caught.value.reason
    assert "libstd-rust-dev-wasm32" in caught.value.install

    with pytest.raises(EngineNotFoundError, match="no target"):
        RUST.find(str(path))
    with pytest.raises(EngineNotFoundError, match="is no program"):
        RUST.find(str(tmp_path / "absent"))


def test_a_compiler_that_hangs_when_it_is_asked_is_a_start_error(tmp_path, monkeypatch):
    monkeypatch.setattr(_find, "ANSWER_S", 0.2)
    path = tmp_path / "rustc"
    path.write_text("#!/bin/sh\nexec sleep 1000\n")
    path.chmod(0o755)

    with pytest.raises(EngineStartError, match=r"did not tell its version within 0\.2 s"):
        RUST.find(str(path))


def test_a_compiler_that_does_not_run_in_its_zygote_is_a_start_error(tmp_path):
    path = fake(tmp_path)
    (tmp_path / "root" / "bin").mkdir()
    real = tmp_path / "root" / "bin" / "rustc"
    real.write_text(f"#!/bin/sh\n[ -e {tmp_path}/once ] && exit 7\n: > {tmp_path}/once\necho rustc 1.80.0\n")
    real.chmod(0o755)

    config = RuntimeConfig(engines={"rust": str(path)})
    with Runtime(config) as runtime, pytest.raises(EngineStartError, match="rustc ended with exit code 7"):
        runtime.execute("1", language="rust")


def test_a_compiler_that_is_too_old_is_refused_with_both_versions(tmp_path):
    config = RuntimeConfig(engines={"rust": str(fake(tmp_path, version="1.50.0"))})
    with Runtime(config) as runtime, pytest.raises(EngineVersionError, match=r"1\.50\.0, 1\.63 or later"):
        runtime.execute("1", language="rust")
