"""What native programs in Rust try, with nothing but the standard library, ends at the sandbox's layers."""

from __future__ import annotations

import socket
from contextlib import contextmanager

import pytest

from dspex_actors import Completed, Failed, LimitExceeded, Policy, Profile
from dspex_actors.executors.languages import find_engine
from dspex_actors.workers import _framing
from dspex_actors.workers._protocol import FrameType
from tests._engines import RUST_NATIVE, need_engine
from tests.integration._servers import Listener

pytestmark = [
    pytest.mark.slow,  # the default suite has the contract's denials
    pytest.mark.may_leak("spares come and go; the module is checked as a whole"),
]


@pytest.fixture
def run(runtime):
    """Run a program."""
    need_engine("rust_native")

    def run(code, **options):
        return runtime.execute(code, language="rust_native", **options)

    return run


ATTEMPTS = {
    "reading a file of the host": 'std::fs::read_to_string("{secret}")',
    "writing a file of the host": 'std::fs::write("{secret}", "x")',
    "listing the root's accounts": 'std::fs::read_to_string("/etc/passwd")',
    "reading what the worker was started with": 'std::fs::read("/proc/1/environ")',
    "starting a shell": 'std::process::Command::new("/bin/sh").arg("-c").arg("true").status()',
    "starting its compiler": 'std::process::Command::new("{rustc}").arg("-V").status()',
    "starting its linker": 'std::process::Command::new("{linker}").arg("--version").status()',
    "reading its compiler": 'std::fs::read("{rustc}")',
    "connecting": 'std::net::TcpStream::connect("127.0.0.1:{port}")',
    "listening": 'std::net::TcpListener::bind("127.0.0.1:0")',
    "sending a datagram": 'std::net::UdpSocket::bind("127.0.0.1:0")',
    "connecting to a socket of the host's": 'std::os::unix::net::UnixStream::connect("{unix}")',
    "asking for a name": 'std::net::ToSocketAddrs::to_socket_addrs(&("example.org", 80))',
    "killing what started it": 'extern "C" {{ fn kill(pid: i32, number: i32) -> i32; }}\n'
    "let others = (1..20).filter(|pid| *pid != std::process::id() as i32);\n"
    "let killed = others.filter(|pid| unsafe {{ kill(*pid, 9) }} == 0).count();\n"
    "Some(killed).filter(|count| *count > 0).ok_or(())",
}  # fmt: skip
HARMLESS = (
    "reading a file of the host",
    "writing a file of the host",
    "listing the root's accounts",
    "starting a shell",
    "starting its compiler",
    "starting its linker",
    "reading its compiler",
    "connecting",
    "listening",
    "sending a datagram",
    "connecting to a socket of the host's",
)
"""What a program without a sandbox may do while a test runs."""


@contextmanager
def attempt_of(name, folder):
    """Give the code of an attempt, and a file of the host that it is about."""
    secret, unix = folder / "secret", folder / "unix"
    secret.write_text("of the host")
    secret.chmod(0o666)
    found = find_engine(RUST_NATIVE)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(unix))
        local.listen()
        places = {"secret": secret, "unix": unix, "port": server.getsockname()[1]}
        paths = {"rustc": found.path, "linker": found.options["linker"]}
        yield ATTEMPTS[name].format(**places, **paths) + ".map(|_| 1)", secret


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_a_native_program_tries_is_refused_by_the_sandbox(run, name, tmp_path):
    with attempt_of(name, tmp_path) as (code, secret):
        result = run(code)

    assert isinstance(result, Failed), result
    assert result.error.type == "Err"
    assert secret.read_text() == "of the host"


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_refused_is_done_where_there_is_no_sandbox(run, name, tmp_path):
    with attempt_of(name, tmp_path) as (code, _):
        result = run(code, policy=Policy(profile=Profile.TRUSTED))

    assert isinstance(result, Completed), result


@pytest.mark.parametrize("language", ["rust", "rust_native"])
def test_the_compiler_sees_nothing_that_the_policy_lends_and_the_program_all_of_it(
    runtime, language, tmp_path
):
    need_engine(language)
    lent = tmp_path / "lent"
    lent.mkdir()
    (lent / "text").write_text("of this policy")
    policy = Policy(profile=Profile.SHELL, packages=(), read_paths=(str(lent),))

    included = runtime.execute(f'include_str!("{lent}/text")', language=language, policy=policy)
    read = runtime.execute(f'std::fs::read_to_string("{lent}/text")', language=language, policy=policy)

    assert isinstance(included, Failed), included
    assert included.error.type == "CompileError"
    assert read.value == "of this policy"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["of the host", "that the policy lends"])
def test_the_assembler_finds_no_file_at_compile_time_as_little_as_rustc_does(runtime, tmp_path, where):
    need_engine("rust_native")
    file = tmp_path / "secret"
    file.write_text("of the host")
    lent = (str(file),) if where == "that the policy lends" else ()
    policy = Policy(profile=Profile.SHELL, packages=(), read_paths=lent)
    code = f'std::arch::global_asm!(".incbin \\"{file}\\"");\nfn main() {{}}'

    result = runtime.execute(code, language="rust_native", policy=policy)

    assert isinstance(result, Failed), result
    assert (result.error.type, str(file) in result.error.message) == ("CompileError", True)
    assert "incbin" in result.error.message


def test_a_native_program_reaches_what_is_listed_by_the_proxy_and_nothing_without_it(runtime):
    need_engine("rust_native")
    ask = (
        "use std::io::{Read, Write};\n"
        'let mut proxy = std::net::TcpStream::connect("127.0.0.1:3128").unwrap();\n'
        'write!(proxy, "CONNECT 127.0.0.1:{port} HTTP/1.1\\r\\n\\r\\n").unwrap();\n'
        "let mut said = [0; 12];\n"
        "proxy.read_exact(&mut said).unwrap();\n"
        'let around = std::net::TcpStream::connect(("127.0.0.1", port as u16)).is_ok();\n'
        "(String::from_utf8_lossy(&said).to_string(), around)"
    )
    with Listener() as listed, Listener() as unlisted:
        policy = Policy(profile=Profile.SHELL, packages=(), network=(f"127.0.0.1:{listed.port}",))
        outcomes = [
            runtime.execute(ask, language="rust_native", policy=policy, variables={"port": each.port})
            for each in (listed, unlisted)
        ]
        arrived = listed.callers(), unlisted.callers()
    values = [each.value if isinstance(each, Completed) else each for each in outcomes]
    assert values == [["HTTP/1.1 200", False], ["HTTP/1.1 403", False]]
    assert arrived == (1, 0)


@pytest.mark.parametrize("size", [8, 9, 1000])
def test_a_length_that_is_no_number_of_bytes_is_a_result_that_is_too_big(run, size):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _framing.send_frame(ours, FrameType.FINAL, 0, _framing.pack_parts([b"x", b"\xff" * size]))
        forged = theirs.recv(4096)
    result = run(
        "use std::io::Write;\nuse std::os::fd::FromRawFd;\n"
        "let mut host = unsafe { std::fs::File::from_raw_fd(3) };\n"
        f"host.write_all(&{list(forged)}).unwrap();\n"
        "std::process::exit(0);\n#[allow(unreachable_code)] 1"
    )

    assert isinstance(result, LimitExceeded), result
    assert result.limit == "result"


@pytest.mark.parametrize("kind", ["lib", "staticlib", "dylib", "proc-macro"])
def test_a_program_that_says_it_is_something_else_is_compiled_as_a_program(run, kind):
    result = run(f'#![crate_type = "{kind}"]\nfn main() {{ println!("runs"); }}')

    assert isinstance(result, Completed), result
    assert result.stdout == "runs\n"
