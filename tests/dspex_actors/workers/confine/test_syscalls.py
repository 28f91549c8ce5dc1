"""The system call tables of both architectures are the kernel's, and the filters decide alike on both."""

from __future__ import annotations

import errno
import itertools
import re
from pathlib import Path

import pytest

from dspex_actors.workers.confine import _libc, _probe, _seccomp
from dspex_actors.workers.confine._bpf import Refuse
from dspex_actors.workers.confine._syscalls import AUDIT_ARCH, FIRST_UNKNOWN, NUMBERS
from tests.dspex_actors.workers.confine.test_bpf import ALLOW, decide

ARCHES = ("x86_64", "aarch64")
RIGHTS = [
    _seccomp.Rights(*flags, start=start, signal=start, ask=ask)
    for flags in itertools.product((0, 1, 3, 7), (False, True))
    for start, ask in ((False, False), (True, False), (False, True))
]
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def kernel_calls() -> dict[str, dict[str, int]]:
    """Return the kernel's number of each call by name, by architecture."""
    text = Path(__file__).with_name("kernel_calls.txt").read_text("utf-8")
    found: dict[str, dict[str, int]] = {arch: {} for arch in ARCHES}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, *numbers = line.split()
            found_in = zip(ARCHES, numbers, strict=True)
            for arch, number in found_in:
                if number != "-":
                    found[arch][name] = int(number)
    return found


KERNEL = kernel_calls()


def outcomes(rules, arch, args=()):
    """Return what a filter does with every call of the kernel that comes before the first unknown one."""
    code = _seccomp.assemble(rules, arch=arch, first_unknown=FIRST_UNKNOWN)
    return {name: decide(code, at, args, arch=AUDIT_ARCH[arch]) for name, at in KERNEL[arch].items()}


@pytest.mark.parametrize(("at", "arch"), list(enumerate(ARCHES)))
def test_each_number_of_our_table_is_the_kernels_and_missing_where_the_kernel_has_none(at, arch):
    ours = {name: numbers[at] for name, numbers in NUMBERS.items()}

    assert ours == {name: KERNEL[arch].get(name) for name in NUMBERS}
    assert len(KERNEL[arch]) > 300


@pytest.mark.parametrize("arch", ARCHES)
def test_numbers_that_are_used_before_there_is_a_filter_are_the_kernels_too(arch):
    used = {
        "seccomp": _seccomp._SECCOMP[arch],
        "ptrace": _probe._SYS_PTRACE[arch],
        "clone": _libc._CLONE[arch],
        "pivot_root": _libc._PIVOT_ROOT[arch],
        "mount_setattr": _libc._MOUNT_SETATTR,
    }
    assert used == {name: KERNEL[arch][name] for name in used}


@pytest.mark.parametrize("arch", ARCHES)
def test_the_written_down_numbers_are_those_of_the_headers_of_this_machine(arch):
    header = HEADERS[arch]
    if not header.is_file():
        pytest.skip(f"the kernel's headers are not installed ({header})")
    defined = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text("utf-8"), re.MULTILINE)
    numbers = {name: int(number) for name, number in defined}
    if "fstatat" in numbers:
        numbers["newfstatat"] = numbers["fstatat"]  # the name it has on machines of 64 bits

    assert {name: numbers.get(name) for name in KERNEL[arch]} == KERNEL[arch]


@pytest.mark.parametrize("rights", RIGHTS)
@pytest.mark.parametrize(
    "args", [(), (17,), (0x003D0F00,), (0x10000000,), (1, 1), (1, 2), (35,), (1025, 1024)]
)
def test_a_call_that_both_architectures_have_meets_the_same_decision_on_both(rights, args):
    for rules in (_seccomp.bulk_rules(), _seccomp.worker_rules(1025, rights)):
        x86, arm = (outcomes(rules, arch, args) for arch in ARCHES)

        assert {name: arm[name] for name in arm if name in x86} == {
            name: x86[name] for name in x86 if name in arm
        }


def test_arm64_has_no_allowed_call_that_x86_64_refuses_or_does_not_know():
    rules = _seccomp.bulk_rules() | _seccomp.worker_rules(1)
    x86, arm = (outcomes(rules, arch) for arch in ARCHES)

    assert {name for name, outcome in arm.items() if outcome == ALLOW and x86.get(name) != ALLOW} == set()


@pytest.mark.parametrize("arch", ARCHES)
def test_every_call_that_we_refuse_whatever_its_arguments_is_refused_where_the_kernel_has_it(arch):
    rules = _seccomp.bulk_rules() | _seccomp.worker_rules(1)
    seen = outcomes(rules, arch)
    refused = {name: rule.errno for name, rule in rules.items() if isinstance(rule, Refuse)}

    assert {name: seen[name] for name in refused if name in seen} == {
        name: code for name, code in refused.items() if name in seen
    }
    assert len([name for name in refused if name in seen]) > 100


@pytest.mark.parametrize("arch", ARCHES)
def test_calls_from_the_first_unknown_on_are_not_implemented(arch):
    code = _seccomp.assemble(_seccomp.bulk_rules(), arch=arch, first_unknown=FIRST_UNKNOWN)

    decisions = {decide(code, at, arch=AUDIT_ARCH[arch]) for at in (FIRST_UNKNOWN, FIRST_UNKNOWN + 1, 2**20)}
    assert decisions == {errno.ENOSYS}
    assert decide(code, FIRST_UNKNOWN - 1, arch=AUDIT_ARCH[arch]) == ALLOW  # futex_waitv
