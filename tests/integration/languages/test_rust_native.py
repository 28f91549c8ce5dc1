"""Rust as native code: what programs have of their host, what they may use, and how they end."""

from __future__ import annotations

import dataclasses
import errno

import pytest

from dspex_actors import (
    MIB,
    Completed,
    ConfigError,
    ExecutorConfig,
    Failed,
    LimitExceeded,
    Limits,
    Policy,
    Profile,
    Runtime,
    RuntimeConfig,
)
from tests._engines import RUST_NATIVE, need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture
def run(runtime):
    """Run a program."""
    need_engine("rust_native")

    def run(code, **options):
        return runtime.execute(code, language="rust_native", **options)

    return run


PROGRAM = """use std::io::Read;
fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let args: Vec<String> = std::env::args().collect();
    let names: Vec<String> = dspex::variable("names");
    let (sum, twice): (i64, String) = dspex::call("work", (20, 22, "ab"));
    dspex::result((text, args, names, sum, twice));
}
"""


def test_a_native_program_has_its_command_line_its_input_variables_tools_and_a_value(run):
    result = run(
        PROGRAM,
        args=("-v",),
        stdin="typed",
        variables={"names": ["x", "y"]},
        tools={"work": lambda a, b, text: (a + b, text * 2)},
    )

    assert isinstance(result, Completed), result
    assert result.value == ["typed", ["guest", "-v"], ["x", "y"], 42, "abab"]


@pytest.mark.slow
def test_without_a_standard_input_a_native_program_reads_its_variables(run):
    code = "let mut text = String::new();\nstd::io::stdin().read_line(&mut text).unwrap();\ntext"

    assert run(code, variables={"a": [1, "x"]}).value == '{"a":[1,"x"]}'
    assert run(code).value == ""


def test_an_invalid_access_is_one_clear_failure_and_the_next_program_runs(run):
    code = "unsafe { *(at as *mut i32) = 1 }\nat"
    result = run(code, variables={"at": 0})

    assert isinstance(result, Failed), result
    assert result.error.type == "Crash"
    assert result.error.message.startswith("the program was ended by SIGSEGV: it used memory")
    assert run("1 + 1").value == 2


ENDINGS = [
    ("std::process::exit(3);\n1", "ExitError", "the program ended with exit code 3"),
    ("std::process::abort();\n1", "Crash", "the program was ended by SIGABRT: it gave up"),
    ("fn deep(n: i64) -> i64 { [n; 999].iter().map(|x| deep(x + 1)).sum() }\ndeep(1)", "Crash", "SIGSEGV"),
    ('extern "C" { fn raise(number: i32); }\nunsafe { raise(15) };\n1', "Crash", "ended by SIGTERM"),
    ('extern "C" { fn close(fd: i32) -> i32; }\nunsafe { close(3) };\n1', "Panic", "has lost its host"),
    ('std::thread::spawn(|| panic!("within")).join().map_err(|_| 1)', "Err", "1"),
    ('dspex::call::<i64>("missing", ())', "LookupError", "the execution has no tool 'missing'"),
    ('dspex::variable::<i64>("missing")', "Panic", "there is no variable missing"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("code", "kind", "message"), ENDINGS)
def test_each_way_to_end_is_a_failure_that_says_so(run, code, kind, message):
    result = run(code)

    assert isinstance(result, Failed), result
    assert result.error.type == kind
    assert message in result.error.message


@pytest.mark.slow
def test_a_tool_that_raises_ends_a_native_program_with_its_error(run):
    def broken():
        raise ValueError("not today")

    result = run('dspex::call::<i64>("broken", ())', tools={"broken": broken})

    assert (result.error.type, result.error.message) == ("ValueError", "not today")


@pytest.mark.slow
def test_threads_that_call_tools_at_once_each_get_their_own_answer(run):
    code = """let all: Vec<_> = (0..8i64)
    .map(|n| {
        let ask = move |m| dspex::call::<i64>("twice", (n + m,)) - n - m - n;
        std::thread::spawn(move || (0..20).map(ask).sum::<i64>())
    })
    .collect();
all.into_iter().map(|each| each.join().unwrap()).collect::<Vec<_>>()"""
    result = run(code, tools={"twice": lambda n: 2 * n}, limits=Limits(time_s=60.0, tool_calls=1000))

    assert isinstance(result, Completed), result
    assert result.value == [190] * 8


THREADS = """let made: Vec<_> = (0..n)
    .map(|_| std::thread::Builder::new().spawn(|| std::thread::sleep(std::time::Duration::from_millis(300))))
    .collect();
let count = made.iter().filter(|each| each.is_ok()).count();
for each in made { if let Ok(thread) = each { thread.join().unwrap() } }
count"""


@pytest.mark.parametrize(
    ("threads", "started"), [pytest.param(3, 3, marks=pytest.mark.slow), (9, 4)], ids=["fewer", "more"]
)
def test_threads_start_up_to_the_limit_of_processes_and_no_further(run, threads, started):
    result = run(THREADS, variables={"n": threads}, limits=Limits(time_s=30.0, processes=4))

    assert isinstance(result, Completed), result
    assert result.value == started


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mib", "fits"),
    [
        (40, True),
        (56, False),
    ],
    ids=["below", "above"],
)
def test_memory_is_there_up_to_the_limit_and_not_beyond(run, mib, fits):
    code = """let mut kept = vec![0u8; (mib as usize) << 20];
for at in (0..kept.len()).step_by(4096) { unsafe { kept.as_mut_ptr().add(at).write_volatile(1) } }
kept.len()"""
    result = run(code, variables={"mib": mib}, limits=Limits(time_s=30.0, memory_bytes=48 * MIB))

    assert isinstance(result, Completed if fits else LimitExceeded), result
    assert fits or result.limit == "memory"


# Filled, then made read-only, so that the kernel's limit does not count it any more.
READ_ONLY = """extern "C" {
    fn mmap(at: *mut u8, size: usize, rights: i32, kind: i32, file: i32, from: i64) -> *mut u8;
    fn mprotect(at: *mut u8, size: usize, rights: i32) -> i32;
}
let mut filled = 0;
for _ in 0..64 {
    let size = 8 << 20;
    let at = unsafe { mmap(std::ptr::null_mut(), size, 3, 0x22, -1, 0) };
    if at as isize == -1 { break }
    for page in (0..size).step_by(4096) { unsafe { *at.add(page) = 1 } }
    unsafe { mprotect(at, size, 1) };
    filled += size;
}
std::thread::sleep(std::time::Duration::from_millis(wait as u64));
filled >> 20"""


@pytest.mark.slow
def test_memory_that_the_kernel_does_not_count_is_bounded_by_addresses_and_the_hosts_look(run):
    limits = Limits(time_s=30.0, memory_bytes=16 * MIB)
    at_once = run(READ_ONLY, variables={"wait": 0}, limits=limits)
    seen = run(READ_ONLY, variables={"wait": 20_000}, limits=limits)

    # In the time between two looks it gets what there are addresses for, and no more.
    assert isinstance(at_once, LimitExceeded) or at_once.value <= 16 + 256
    assert isinstance(seen, LimitExceeded), seen
    assert seen.limit == "memory"


@pytest.mark.slow
def test_the_file_that_runs_has_no_name_and_no_descriptor_that_a_guest_could_use(run):
    code = """extern "C" { fn fcntl(fd: i32, command: i32, ...) -> i32; }
let flags = (0..100).map(|fd| (fd, unsafe { fcntl(fd, 1) }));
let open: Vec<(i32, i32)> = flags.filter(|pair| pair.1 >= 0).collect();
let names = std::fs::read_dir(".").unwrap().map(|each| each.unwrap().file_name().into_string().unwrap());
(open, names.collect::<Vec<String>>())"""

    # 3 is the program's socket, which is closed in what it starts.
    assert run(code).value == [[[0, 0], [1, 0], [2, 0], [3, 1]], []]


@pytest.mark.slow
def test_a_file_beyond_its_limit_is_an_error_that_the_program_can_handle(run):
    code = 'std::fs::write("big", vec![1u8; 2 << 20]).map_err(|error| error.raw_os_error()).unwrap_err()'
    result = run(code, limits=Limits(time_s=30.0, file_bytes=MIB))

    assert isinstance(result, Completed), result
    assert result.value == errno.EFBIG


@pytest.mark.slow
def test_files_come_back_from_a_native_program_and_its_own_are_not_among_them(runtime):
    need_engine("rust_native")
    policy = Policy(profile=Profile.SHELL, packages=(), files=("*", ".*"))
    code = 'std::fs::write("out.txt", "made").map(|_| 1)'
    result = runtime.execute(code, language="rust_native", policy=policy)

    assert isinstance(result, Completed), result
    assert {name: bytes(content) for name, content in result.files.items()} == {"out.txt": b"made"}


def test_fuel_sessions_and_policies_that_start_nothing_are_refused(runtime):
    for options in (
        {"limits": Limits(fuel=1000)},
        {"policy": Policy(profile=Profile.PROCESS, packages=())},
        {"export": "main"},
    ):
        with pytest.raises(ConfigError, match="rust_native"):
            runtime.execute("1", language="rust_native", **options)
    with pytest.raises(ConfigError, match="a language that has sessions"):
        runtime.session(language="rust_native")


@pytest.mark.slow
def test_a_native_program_and_one_for_webassembly_are_not_taken_for_each_other(tmp_path):
    need_engine("rust")
    need_engine("rust_native")
    executor = ExecutorConfig(
        limits=Limits(time_s=60.0), spares=0, start_timeout_s=60.0, build_cache=str(tmp_path / "c")
    )
    code = 'cfg!(target_arch = "wasm32")'
    rows = {"rust": True, "rust_native": False}
    for _ in range(2):  # the second time from the folder
        with Runtime(RuntimeConfig(executor=executor, languages=(RUST_NATIVE,))) as runtime:
            assert {name: runtime.execute(code, language=name).value for name in rows} == rows


@pytest.mark.slow
def test_a_program_without_the_profile_s_layers_is_native_code_all_the_same(runtime):
    need_engine("rust_native")
    policy = Policy(profile=Profile.TRUSTED)
    result = runtime.execute(
        'std::fs::metadata("/proc/self/exe").is_ok()', language="rust_native", policy=policy
    )

    assert isinstance(result, Completed), result
    assert result.value is True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "limits", "limit"),
    [
        ("1", {"time_s": 0.02}, "build_time"),
        ("1", {"memory_bytes": 64 * MIB}, "build_memory"),
    ],
    ids=["time", "memory"],
)
def test_a_native_program_that_takes_too_much_to_be_compiled_is_stopped(code, limits, limit):
    need_engine("rust_native")
    row = dataclasses.replace(
        RUST_NATIVE, build_limits=dataclasses.replace(RUST_NATIVE.build_limits, **limits)
    )
    executor = ExecutorConfig(spares=0, start_timeout_s=60.0)
    with Runtime(RuntimeConfig(executor=executor, languages=(row,))) as runtime:
        result = runtime.execute(code, language="rust_native")

    assert isinstance(result, LimitExceeded), result
    assert result.limit == limit
