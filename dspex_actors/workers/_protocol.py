"""What host, zygote and worker say to each other.

Between host and worker, on a stream socket: frames (see `_framing`) whose payload is a list of parts; part 0
is one of the messages below as MessagePack, the rest is an encoded value.

    host -> worker    EXECUTE      Request, variables
                      TOOL_RESULT  ToolResult, value           once for each TOOL_CALL
                      FREEZE       Freeze, without parts       to the worker of a session, between requests
    worker -> host    READY        Ready                       once, before anything else
                      OUTPUT       stream number, then raw bytes     any number of times
                      NOTES        see `_notes`                any number of times
                      TOOL_CALL    ToolCall, [args, kwargs]    one at a time, within a request that has tools
                      CONNECT      see `_network_protocol`     within a request, where the policy has a list
                      FINAL        Final, value                exactly once per request
                      FROZEN       one byte                    once for each FREEZE: 1 if it has become two

A worker that sends anything else, or more, is killed. Between host and zygote, on a seqpacket socket: a
`ZygoteConfig`, answered by `Up` and, where that says so, by `Tried` later; then one `SPAWN` datagram per
worker, or `SPAWN_BUILDER` for one that will compile or be tried, which carries the worker's two sockets and,
if it has a control group, the file that kills all in it; or one `SPAWN_SESSION` per session, with five
sockets, see `_keeping_protocol`. On the control socket that comes along the zygote alone writes: `Born` with
the pidfd (or `Unborn`), and `Exited` with the status.
"""

from __future__ import annotations

import array
import socket
from enum import IntEnum
from typing import Annotated, Literal

import msgspec

VERSION = 5
"""Version of this protocol; both sides are of one installation, a difference means two of them are mixed."""

SPAWN, SPAWN_BUILDER, SPAWN_SESSION = b"spawn", b"builder", b"session"

STDOUT, STDERR = b"\x01", b"\x02"
STREAM_NAMES = {1: "stdout", 2: "stderr"}

READY_CAP = 4096
OUTPUT_CAP = 64 * 1024 + 1
REPORT_CAP = 64 * 1024
FINAL_OVERHEAD = 64 * 1024
"""Bytes a FINAL frame may take beside its value: message and traceback are cut to fit."""

TOOL_CALL_OVERHEAD = 128 * 1024
"""Bytes a TOOL_CALL frame may take beside the arguments: a name, and the table of up to 4097 parts."""

REQUEST_CAP = 2**32 - 1

INVOCATION, DECLARATIONS, LIBRARY = "(invocation)", "(declarations)", "(library)"
"""What is sent among the variables of a request and is none: no name looks like that.

An invocation has `export`, `args` and `stdin` of `ExecutionContext`, as far as they are given.
"""

TRIAL, REHEARSAL = "trial", "rehearsal"
"""Steps of a request, see there."""

Size = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class FrameType(IntEnum):
    """The kinds of frame on a worker's socket."""

    EXECUTE = 1
    READY = 2
    OUTPUT = 3
    FINAL = 4
    TOOL_CALL = 5
    TOOL_RESULT = 6
    FREEZE = 7
    FROZEN = 8
    CONNECT = 9
    NOTES = 10


class Footprint(msgspec.Struct, array_like=True, frozen=True):
    """What an idle driver uses; see `engines`.

    Attributes:
        data_bytes: private writable memory, which RLIMIT_DATA counts.
        threads: how many it has.
        files: descriptors that it has open.
    """

    data_bytes: int = 0
    threads: int = 1
    files: int = 4


class Request(msgspec.Struct, array_like=True, frozen=True):
    """Run code.

    Attributes:
        code: the source text.
        keep: whether names stay bound for the next request to this worker.
        cpu_s, memory_bytes, output_bytes, result_bytes, file_bytes, open_files, processes, fuel: limits, None
            for none.
        tools: names that the code may call, each a function of the host's.
        read: the name whose value is asked for; no code is run then.
        step: `"build"` if the code is to be compiled and not to be run, `"library"` if that is what all
            programs need, `TRIAL` if it is the host's own, in Python, whatever the worker's language is,
            `REHEARSAL` if the worker has asked it itself, to get quicker.
        module: whether the last part of the frame is no value but a module: to be run as it is, or to be
            compiled.
        time_s: seconds after which an engine that can do so stops the code by itself.
        idle: what the driver uses that runs the code, beside the code.
    """

    code: str
    keep: bool = False
    cpu_s: float | None = None
    memory_bytes: int | None = None
    output_bytes: int | None = None
    result_bytes: int | None = None
    file_bytes: int | None = None
    open_files: int | None = None
    processes: int | None = None
    tools: tuple[str, ...] = ()
    read: str = ""
    fuel: int | None = None
    step: str = ""
    module: bool = False
    time_s: float | None = None
    idle: Footprint = Footprint()


class ToolCall(msgspec.Struct, array_like=True, frozen=True):
    """Call a tool of the request; the other parts of the frame are the value `[args, kwargs]`."""

    tool: str


class ToolResult(msgspec.Struct, array_like=True, frozen=True):
    """How a call of a tool ended.

    Attributes:
        error_type: name of the class it raised; empty if it returned, and then the other parts are the value.
        message: text of what it raised.
    """

    error_type: str
    message: str


class Ready(msgspec.Struct, array_like=True, frozen=True):
    """The worker is confined and warm; or it is of no use, and `error` says why."""

    version: int
    error: str = ""


class Final(msgspec.Struct, array_like=True, frozen=True):
    """How a request ended.

    Attributes:
        outcome: `"completed"`, with the value in the other parts of the frame; `"failed"`; `"memory"`,
            `"result"`, `"fuel"` or `"time"` when that limit was exceeded.
        error_type, message, traceback: the failure.
        used: bytes of the result that was too big.
        cpu_s: CPU seconds used by the call.
        memory_peak_bytes: largest resident size of the worker so far.
        dropped_bytes: output that was not sent because it was beyond the limit.
        dropped_notes: how many notes were not.
        is_last: whether the state that a session keeps is gone, and the worker of no further use.
    """

    outcome: Literal["completed", "failed", "memory", "result", "fuel", "time"]
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    used: Size = 0
    cpu_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    memory_peak_bytes: Size = 0
    dropped_bytes: Size = 0
    is_last: bool = False
    dropped_notes: Size = 0


class EngineConfig(msgspec.Struct, array_like=True, frozen=True):
    """The engine of a zygote whose guests write another language than Python.

    Attributes:
        maker: `"module:function"`, which is called with this object and returns an `engines.Engine`.
        language: name of the language.
        install: the command that installs it.
        path: the program or package that runs it.
        version: of that.
        start_timeout_s: seconds it may take to start.
        modules: the folders that the engine and its packages are imported from.
        options: settings that the language's finder has made for its engine.
        read_paths: what the policy lends its guests to read.
        links: links that guests find where they have a root of their own, each with what it leads to.
        grace_s: seconds that it has in a session to stop a call that is out of time.
        profile: name of the policy's profile.
        proxy: `"address:port"` of the proxy that its guests' connections go by; empty if they have none, or
            have the host's network. The environment names it, too.
    """

    maker: str
    language: str
    install: str = ""
    path: str = ""
    version: str = ""
    start_timeout_s: float = 10.0
    modules: tuple[str, ...] = ()
    options: dict[str, str] = {}
    read_paths: tuple[str, ...] = ()
    links: dict[str, str] = {}
    grace_s: float = 0.0
    profile: str = ""
    proxy: str = ""


class ScratchQuota(msgspec.Struct, array_like=True, frozen=True):
    """What one scratch folder may hold, None for no limit.

    Attributes:
        size_bytes: of all files together.
        files: how many files and folders.
    """

    size_bytes: int | None = None
    files: int | None = None


class ZygoteConfig(msgspec.Struct, array_like=True, frozen=True):
    """What a zygote is told when it starts.

    Attributes:
        profile: name of the policy's profile.
        packages: importable top-level name to its file (`__init__` of a package, or a module's file).
        read_paths: files and folders a guest may read.
        preload: modules to import before the first fork.
        environment: the guest's whole environment.
        scratch: an empty folder of our own, for the workers' scratch folders.
        allow, forbid: import rules of the strict profile beside its own.
        disabled_layers: layers to leave out although they could be had; for tests of degraded machines.
        listed_paths: folders a guest may list, but not read.
        hidden_paths: folders below those that are to look empty, where the machine allows it.
        scratch_quota: of each worker's scratch folder.
        lent_paths: those of the `read_paths` that the policy names.
        withheld_paths: folders of which guests have a copy, and that they must not reach themselves.
        lends_scratch: whether the host looks into scratch folders: `Born` then carries a descriptor of the
            worker's as the last, and the folder is kept until the host closes the control socket.
        network: what the policy gives of the network: `"none"`, `"host"` or `"allow-list"`.
        engine: what runs the guests' language; None for Python.
    """

    profile: str
    packages: dict[str, str]
    read_paths: list[str]
    preload: list[str]
    environment: dict[str, str]
    scratch: str
    allow: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    disabled_layers: list[str] = []
    listed_paths: list[str] = []
    hidden_paths: list[str] = []
    scratch_quota: ScratchQuota = ScratchQuota()
    lent_paths: list[str] = []
    withheld_paths: list[str] = []
    lends_scratch: bool = False
    network: str = "none"
    engine: EngineConfig | None = None


class LayerReport(msgspec.Struct, frozen=True):
    """One layer of the sandbox, as found.

    Attributes:
        name: see `dspex_actors._policy.LAYERS`.
        active: whether the probe below was refused as it should be.
        probe: what was tried.
        detail: what was seen; for an inactive layer, why it is not active.
        fix: for an inactive layer, how to get it; filled in by the host.
    """

    name: str
    active: bool
    probe: str
    detail: str
    fix: str = ""


class Up(msgspec.Struct, array_like=True, frozen=True):
    """The zygote's answer to its configuration; `error` is empty if it works.

    `engine_error` says so if it is the engine of its language that does not; `tries_engine`, that it is being
    tried, and `Tried` will tell.
    """

    version: int
    layers: list[LayerReport]
    error: str = ""
    no_copies: str = ""
    engine_error: str = ""
    tries_engine: bool = False


class Tried(msgspec.Struct, array_like=True, frozen=True):
    """What came of the trial of an engine: what an idle driver uses, or one of the errors, as in `Up`."""

    idle: Footprint = Footprint()
    error: str = ""
    engine_error: str = ""


class Born(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """A worker was forked; the datagram carries its pidfd.

    If the worker can leave processes behind, the pidfd of its pid namespace's first process comes with it:
    killing that one kills them all.

    Attributes:
        pid: its process id.
        has_listener: whether a socket comes after the pidfds, which the host listens on for what is in the
            worker's network namespace; see `confine._own_network`.
    """

    pid: int
    has_listener: bool = False


class Unborn(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """The keeper of a session could not be forked."""

    reason: str


class Exited(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """A worker ended; `status` is as waitpid(2) gives it, `cpu_s` what it used in all."""

    status: int
    cpu_s: float


def send_with_fds(channel: socket.socket, message: bytes, fds: list[int]) -> None:
    """Send one datagram together with copies of descriptors.

    Raises:
        OSError: the peer is gone.
    """
    channel.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


def receive_with_fds(channel: socket.socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """Receive one datagram and at most `most` descriptors, close-on-exec; empty bytes at the end.

    Raises:
        OSError: the socket failed or timed out.
    """
    room = socket.CMSG_SPACE(most * array.array("i").itemsize)
    data, ancillary, _, _ = channel.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)
