"""What guest code tries that must be refused: name to source and expected outcome.

Each source defines `attempt()`. Its outcome is the errno's name, the exception's class, or `allowed`.
Also a script: run as another user, it prints the outcomes of all of them as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap

from dspex_actors import Limits, Policy, Runtime
from dspex_actors.workers.confine import _seccomp, _syscalls

_HARNESS = """
import ctypes, errno, fcntl, os, resource, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def syscall(number, *args):
    padded = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    padded += [ctypes.c_long(0)] * (6 - len(args))
    answer = libc.syscall(ctypes.c_long(number), *padded)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return answer
{attempt}
try:
    attempt()
except OSError as error:
    result = errno.errorcode.get(error.errno, type(error).__name__)
except BaseException as error:
    result = type(error).__name__
else:
    result = "allowed"
"""


def guest_code(attempt: str) -> str:
    """Return the whole source of one attempt: an expression, or the body of a function."""
    body = textwrap.dedent(attempt).strip()
    return _HARNESS.format(attempt="def attempt():\n" + textwrap.indent(body, "    "))


# Landlock refuses what is outside; in a root of its own a guest does not find it, or finds it read-only.
_OUTSIDE = ("EACCES", "ENOENT", "EROFS")

FILES = {
    "reading a file of the host": ("open('/etc/passwd').read()", _OUTSIDE),
    "reading the file of secrets": ("open('/etc/shadow').read()", _OUTSIDE),
    "reading the test's own file": ("open(host_file).read()", _OUTSIDE),
    "overwriting the test's own file": ("open(host_file, 'w')", _OUTSIDE),
    "appending to the test's own file": ("open(host_file, 'a')", _OUTSIDE),
    "truncating the test's own file": ("os.truncate(host_file, 0)", _OUTSIDE),
    "removing the test's own file": ("os.unlink(host_file)", _OUTSIDE),
    "renaming the test's own file": ("os.rename(host_file, 'mine')", (*_OUTSIDE, "EXDEV")),
    "linking to the test's own file": ("os.link(host_file, 'mine')", (*_OUTSIDE, "EXDEV")),
    "reading through a symbolic link": ("os.symlink(host_file, 'link'); open('link').read()", _OUTSIDE),
    "listing the root": ("os.listdir('/')", "EACCES"),
    "listing the home folder": ("os.listdir('/root')", _OUTSIDE),
    "listing all scratch folders": ("os.listdir('..')", "EACCES"),
    "leaving the scratch folder by a new name": ("os.mkdir('../other')", ("EACCES", "EROFS")),
    "moving out of the scratch folder": (
        "open('f', 'w').close(); os.rename('f', '../f')",
        (*_OUTSIDE, "EXDEV"),
    ),
    "writing to the temporary folder": ("open('/tmp/dspex-escape', 'w')", (*_OUTSIDE, "EROFS")),
    "writing to shared memory": ("open('/dev/shm/dspex-escape', 'w')", _OUTSIDE),
    "writing into the standard library": (
        "open(os.path.join(os.path.dirname(os.__file__), 'x.py'), 'w')",
        ("EACCES", "EROFS"),
    ),
    "reading the memory map": ("open('/proc/self/maps').read()", _OUTSIDE),
    "writing to the own memory file": ("open('/proc/self/mem', 'r+b')", _OUTSIDE),
    "reading the environment of a process": (
        "open(f'/proc/{host_pid}/environ').read()",
        _OUTSIDE,
    ),
    "listing processes": ("os.listdir('/proc')", _OUTSIDE),
    "reading kernel settings": ("os.listdir('/sys')", _OUTSIDE),
    "opening a terminal": ("os.open('/dev/tty', os.O_RDWR)", ("EACCES", "ENOENT", "ENXIO")),
    "opening a new terminal": ("os.openpty()", _OUTSIDE),
    "reading the host's package": ("open(package_file).read()", _OUTSIDE),
    "changing an owner": ("open('f', 'w').close(); os.chown('f', 1, 1)", "EPERM"),
    "setting an attribute": ("open('f', 'w').close(); os.setxattr('f', 'user.a', b'b')", "ENOTSUP"),
    "setting an attribute by the newer call": (
        """
        value = ctypes.create_string_buffer(b"v")
        arguments = struct.pack("QII", ctypes.addressof(value), 1, 0)
        syscall(463, -100, host_file.encode(), 0, b"user.dspex", arguments, 16)
        """,
        ("EPERM", "ENOTSUP", "ENOSYS"),
    ),
    "removing an attribute by the newer call": (
        "syscall(466, -100, host_file.encode(), 0, b'user.dspex')",
        ("EPERM", "ENOTSUP", "ENOSYS"),
    ),
    "setting flags by the newer call": (
        "syscall(469, -100, host_file.encode(), bytes(24), 24, 0)",
        ("EPERM", "ENOTSUP", "ENOSYS"),
    ),
    "setting flags of a readable file": (
        """
        file = os.open(os.__file__, os.O_RDONLY)
        flags = ctypes.create_string_buffer(8)
        fcntl.ioctl(file, 0x80086601, flags)
        fcntl.ioctl(file, 0x40086602, flags)  # as they are
        """,
        ("EPERM", "ENOTTY", "ENOTSUP"),
    ),
    "a lease on a readable file": (
        "fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
        "EPERM",
    ),
    "the mount table": (
        "syscall(458, struct.pack('IIQQ', 24, 0, 2**64 - 1, 0), bytes(4096), 100, 0)",
        ("EPERM", "ENOSYS"),
    ),
    "a mount as a descriptor": ("syscall(467, -100, host_file.encode(), 0, None, 0)", ("EPERM", "ENOSYS")),
    "reading a package of the base interpreter": (
        "os.open(os.path.join(os.path.dirname(os.__file__), 'site-packages', 'README.txt'), os.O_RDONLY)",
        _OUTSIDE,
    ),
    "making a device": ("os.mknod('dev', 0o20666, os.makedev(1, 5))", "EPERM"),
    "making a fifo": ("os.mkfifo('fifo')", "EPERM"),
    "changing the root": ("os.chroot('.')", "EPERM"),
}
PROCESSES = {
    "fork": ("os.fork()", "EPERM"),
    "vfork": ("syscall({vfork})", "EPERM"),
    "clone without a thread": ("syscall({clone}, signal.SIGCHLD)", "EPERM"),
    "clone into a new user namespace": ("syscall({clone}, 0x10000000 | signal.SIGCHLD)", "EPERM"),
    "clone3": ("syscall({clone3}, 0, 88)", "ENOSYS"),
    "exec": ("os.execv('/bin/true', ['true'])", "EPERM"),
    "exec of the interpreter": (
        "os.execv(sys.executable or '/usr/bin/python3', ['python'])",
        ("EPERM", "EACCES"),
    ),
    "execveat": ("syscall({execveat}, -100, b'/bin/true', None, None, 0)", "EPERM"),
    "posix_spawn": ("os.posix_spawn('/bin/true', ['true'], {{}})", "EPERM"),
    "a shell": ("raise OSError(1, '') if os.system('true') != 0 else None", ("EPERM", "TypeError")),
    "subprocess": ("import subprocess; subprocess.run(['/bin/true'])", "EPERM"),
    "multiprocessing": (
        "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=print).start()",
        "EPERM",
    ),
    "forkpty": ("os.forkpty()", ("EPERM", "EACCES", "ENOENT")),
    "a signal to the host": ("os.kill(host_pid, 0)", "EPERM"),
    "killing the host": ("os.kill(host_pid, signal.SIGKILL)", "EPERM"),
    "killing the parent": ("os.kill(os.getppid(), signal.SIGKILL)", "EPERM"),
    "killing everybody": ("os.kill(-1, signal.SIGKILL)", "EPERM"),
    "killing the own group": ("os.kill(0, signal.SIGKILL)", "EPERM"),
    "killing a group": ("os.killpg(os.getpgid(0), signal.SIGKILL)", "EPERM"),
    "killing the host's group": ("os.kill(-host_pid, signal.SIGKILL)", "EPERM"),
    "a signal to a thread of the host": ("syscall({tgkill}, host_pid, host_pid, 0)", "EPERM"),
    "a signal by tkill": ("syscall({tkill}, host_pid, 0)", "EPERM"),
    "a queued signal": ("syscall({rt_sigqueueinfo}, host_pid, 0, ctypes.create_string_buffer(128))", "EPERM"),
    "a descriptor of the host": ("os.pidfd_open(host_pid)", "EPERM"),
    "a signal through a descriptor": ("signal.pidfd_send_signal(3, 0)", "EPERM"),
    "ptrace of the host": ("syscall({ptrace}, 16, host_pid)", "EPERM"),
    "ptrace of itself": ("syscall({ptrace}, 0)", "EPERM"),
    "reading the host's memory": ("syscall({process_vm_readv}, host_pid)", "EPERM"),
    "writing the host's memory": ("syscall({process_vm_writev}, host_pid)", "EPERM"),
    "limits of the host": ("resource.prlimit(host_pid, resource.RLIMIT_NOFILE, (0, 0))", "EPERM"),
    "reading limits of the host": ("resource.prlimit(host_pid, resource.RLIMIT_NOFILE)", "EPERM"),
    "the priority of the host": ("os.setpriority(os.PRIO_PROCESS, host_pid, 19)", "EPERM"),
    "the processors of the host": ("os.sched_setaffinity(host_pid, {{0}})", "EPERM"),
    "the death signal": ("libc.prctl(1, 0, 0, 0, 0) and syscall({prctl}, 1)", "EPERM"),
    "signals from a descriptor to the host": ("fcntl.fcntl(3, fcntl.F_SETOWN, host_pid)", "EPERM"),
    "choosing that signal": ("fcntl.fcntl(3, fcntl.F_SETSIG, signal.SIGKILL)", "EPERM"),
    "signals by the long form": ("fcntl.fcntl(3, 15, struct.pack('ii', 1, host_pid))", "EPERM"),
    "signals by ioctl": ("fcntl.ioctl(3, 0x8901, struct.pack('i', host_pid))", "EPERM"),
    "typing into a terminal": ("fcntl.ioctl(0, 0x5412, b'x')", "EPERM"),
}
NETWORK = {
    **{
        f"a socket of {family}": (f"socket.socket({number}, {kind})", "EPERM")
        for family, number, kind in (
            ("IPv4", 2, 1),
            ("IPv4 datagrams", 2, 2),
            ("IPv6", 10, 1),
            ("this machine", 1, 1),
            ("the kernel", 16, 3),
            ("raw packets", 17, 3),
            ("virtual machines", 40, 1),
            ("crypto", 38, 5),
        )
    },
    "a name look-up": ("socket.getaddrinfo('example.org', 80)", ("gaierror", "EPERM", "EAI_AGAIN")),
    "a pair of datagram sockets": ("socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", "EPERM"),
    "a pair of packet sockets": ("socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)", "EPERM"),
    "listening on a pair": ("a, b = socket.socketpair(); a.listen()", "EPERM"),
}
KERNEL = {
    "memory without a limit": ("os.memfd_create('x')", "ENOSYS"),
    "secret memory": ("syscall({memfd_secret}, 0)", "ENOSYS"),
    "a call that this table does not know": ("syscall(470)", "ENOSYS"),
    "another user": ("os.setuid(1)", "EPERM"),
    "another group": ("os.setgid(1)", "EPERM"),
    "other groups": ("os.setgroups([1])", "EPERM"),
    "a real user id": ("os.setresuid(0, 0, 0)", "EPERM"),
    "more memory": ("resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))", ("ValueError", "EPERM")),
    "more processor time": ("resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))", ("ValueError", "EPERM")),
    "more files": ("resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))", ("ValueError", "EPERM")),
    "larger files": ("resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))", ("ValueError", "EPERM")),
    "core dumps": ("resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))", ("ValueError", "EPERM")),
}
if os.uname().machine == "x86_64":
    KERNEL["a call of the x32 kind"] = ("syscall(0x40000000 + 39)", "EPERM")

DENIALS = {**FILES, **PROCESSES, **NETWORK, **KERNEL}
LIMITS = Limits(time_s=10, cpu_s=20)


def numbers() -> dict[str, int]:
    """Return the system call numbers of this machine by name."""
    arch = _syscalls.machine()
    found = {name: _syscalls.number(name, arch) for name in _syscalls.NUMBERS}
    return {name: number for name, number in found.items() if number is not None}


def source_of(name: str) -> str:
    """Return the guest code of one denial."""
    return guest_code(DENIALS[name][0].format_map({**numbers(), "host_pid": "{host_pid}"}))


def refused_calls() -> dict[str, int]:
    """Return every call that the bulk filter refuses whatever its arguments."""
    here = numbers()
    return {
        name: here[name]
        for name in (*_seccomp._REFUSED, *_seccomp._REFUSED_TO_WORKERS, *_seccomp._NETWORK)
        if name in here
    }


def is_expected(name: str, outcome: str) -> bool:
    """Say whether an outcome is one that the table allows."""
    expected = DENIALS[name][1]
    return outcome in (expected if isinstance(expected, tuple) else (expected,))


def facts(host_file: str) -> dict[str, object]:
    """Return the variables that the attempts use."""
    package = sys.modules["dspex_actors"].__file__
    return {"host_file": host_file, "host_pid": os.getpid(), "package_file": package}


def main() -> None:
    """Run all attempts and print the outcomes."""
    with Runtime(policy=Policy(), limits=LIMITS) as runtime:
        outcomes = {
            name: runtime.execute(source_of(name), variables=facts(sys.argv[1])).value for name in DENIALS
        }
        missing = [layer.name for layer in runtime.sandbox_report().missing]
    print(json.dumps({"uid": os.getuid(), "missing": missing, "outcomes": outcomes}))  # noqa: T201 -- for the test


if __name__ == "__main__":
    main()
