"""The filters decide as their rules say: programs are run by a small interpreter of classic BPF."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.workers.confine import _seccomp
from dspex_actors.workers.confine._bpf import (
    ASK,
    Refuse,
    RefuseFlags,
    RefuseUnless,
    RefuseUnlessAll,
    RefuseValues,
    program,
)
from dspex_actors.workers.confine._syscalls import AUDIT_ARCH, FIRST_UNKNOWN, NUMBERS, number

X86 = AUDIT_ARCH["x86_64"]
ALLOW, KILL, NOTIFY = "allow", "kill", "ask"


def decide(code, nr, args=(), *, arch=X86):
    """Return what a program does with a call: "allow", "kill", "ask", or the errno it fails with."""
    data = struct.pack("IIQ6Q", nr, arch, 0, *args, *[0] * (6 - len(args)))
    at = accumulator = 0
    while True:
        op, jump_true, jump_false, k = struct.unpack_from("HBBI", code, at * 8)
        at += 1
        if op == 0x20:
            (accumulator,) = struct.unpack_from("I", data, k)
        elif op == 0x54:
            accumulator &= k
        elif op == 0x05:
            at += k
        elif op == 0x06:
            return {0x7FFF0000: ALLOW, 0x80000000: KILL, 0x7FC00000: NOTIFY}.get(k, k & 0xFFFF)
        else:
            holds = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}[op]
            at += jump_true if holds else jump_false


def x86(name):
    return number(name, "x86_64")


def test_call_that_no_rule_names_is_allowed():
    assert decide(program({5: Refuse()}, audit_arch=X86), 6) == ALLOW


def test_call_for_another_architecture_kills_the_process():
    assert decide(program({}, audit_arch=X86), 1, arch=0x40000003) == KILL


def test_call_by_the_x32_numbers_is_refused():
    assert decide(program({}, audit_arch=X86), 0x40000000 | 1) == 1


def test_call_newer_than_the_table_is_not_implemented():
    code = program({}, audit_arch=X86, first_unknown=470)

    assert [decide(code, nr) for nr in (469, 470, 999)] == [ALLOW, 38, 38]


@pytest.mark.parametrize(
    ("rule", "args", "outcome"),
    [
        (Refuse(), (0,), 1),
        (Refuse(0), (0,), 0),
        (Refuse(38), (0,), 38),
        (Refuse(ASK), (0,), NOTIFY),
        (RefuseFlags(forbidden=0x10, demanded=0x20, errno=ASK), (0x00,), NOTIFY),
        (RefuseFlags(forbidden=0x10, demanded=0x20, errno=ASK), (0x10,), 1),
        (RefuseFlags(forbidden=0x10, demanded=0x20, errno=ASK), (0x20,), ALLOW),
        (RefuseUnless(1, (7,)), (0, 7), ALLOW),
        (RefuseUnless(1, (7,)), (7, 8), 1),
        (RefuseUnless(1, (1,), mask=0xF), (0, 0x80001), ALLOW),
        (RefuseUnless(1, (1,), mask=0xF), (0, 0x80002), 1),
        (RefuseValues(0, (3, 4)), (4,), 1),
        (RefuseValues(0, (3, 4)), (5,), ALLOW),
        (RefuseFlags(forbidden=0x10), (0x10,), 1),
        (RefuseFlags(forbidden=0x10), (0x20,), ALLOW),
        (RefuseFlags(demanded=0x20), (0x20,), ALLOW),
        (RefuseFlags(demanded=0x20), (0x10,), 1),
        (RefuseFlags(forbidden=0x10, demanded=0x20), (0x30,), 1),
        (RefuseUnlessAll((RefuseUnless(0, (2, 3)), RefuseUnless(1, (4,)))), (3, 4), ALLOW),
        (RefuseUnlessAll((RefuseUnless(0, (2, 3)), RefuseUnless(1, (4,)))), (3, 5), 1),
        (RefuseUnlessAll((RefuseUnless(0, (2, 3)), RefuseUnless(1, (4,)))), (4, 4), 1),
    ],
)
def test_rule_decides_by_the_arguments(rule, args, outcome):
    assert decide(program({42: rule}, audit_arch=X86), 42, args) == outcome


@pytest.mark.parametrize(
    ("sockets", "args", "outcome"),
    [
        (_seccomp.Sockets.NONE, (2, 1, 0), 1),
        (_seccomp.Sockets.STREAMS, (2, 1, 0), ALLOW),
        (_seccomp.Sockets.STREAMS, (10, 1 | 0o2004000, 6), ALLOW),  # of IPv6, which does not block
        (_seccomp.Sockets.STREAMS, (2, 2, 0), 1),  # datagrams
        (_seccomp.Sockets.STREAMS, (2, 3, 1), 1),  # raw packets
        (_seccomp.Sockets.STREAMS, (2, 1, 132), 1),  # another protocol of streams
        (_seccomp.Sockets.STREAMS, (1, 1, 0), 1),  # Unix sockets
        (_seccomp.Sockets.STREAMS, (16, 3, 0), 1),  # netlink
        (_seccomp.Sockets.INTERNET, (2, 2, 0), ALLOW),
        (_seccomp.Sockets.INTERNET, (16, 3, 0), 1),
    ],
)
def test_the_filter_leaves_guests_the_sockets_of_their_policy_and_no_others(sockets, args, outcome):
    code = _seccomp.assemble(_seccomp.bulk_rules(sockets), arch="x86_64")

    assert decide(code, x86("socket"), args) == outcome
    assert (decide(code, x86("bind"), (3,)) == ALLOW) is (sockets is not _seccomp.Sockets.NONE)


@given(st.dictionaries(st.integers(0, 600), st.sampled_from([Refuse(1), Refuse(2), Refuse(38)])))
def test_search_finds_every_rule_and_no_other(rules):
    code = program(rules, audit_arch=X86)

    assert {nr: decide(code, nr) for nr in range(602)} == {
        nr: rules[nr].errno if nr in rules else ALLOW for nr in range(602)
    }


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_both_filters_assemble_for_every_architecture(arch):
    for rules in (_seccomp.bulk_rules(), _seccomp.worker_rules(1)):
        code = _seccomp.assemble(rules, arch=arch)
        assert len(code) // 8 <= 4096
        for name, rule in rules.items():
            nr = number(name, arch)
            if nr is not None and isinstance(rule, Refuse):
                assert decide(code, nr, arch=AUDIT_ARCH[arch]) == rule.errno


def test_unknown_architecture_has_no_filter():
    with pytest.raises(OSError, match="no system call table"):
        _seccomp.assemble({}, arch="riscv64")


def test_every_number_lies_below_the_first_unknown():
    assert max(nr for pair in NUMBERS.values() for nr in pair if nr is not None) < FIRST_UNKNOWN


def test_worker_may_signal_nobody_but_itself():
    code = _seccomp.assemble(_seccomp.worker_rules(1234), arch="x86_64")

    assert decide(code, x86("kill"), (1234, 9)) == ALLOW
    assert {decide(code, x86("kill"), (pid & 0xFFFFFFFF, 9)) for pid in (0, 1, -1, 1233, 1235)} == {1}


def test_worker_starts_threads_but_no_processes():
    code = _seccomp.assemble(_seccomp.worker_rules(1), arch="x86_64")

    assert decide(code, x86("clone"), (0x003D0F00,)) == ALLOW  # the flags of pthread_create
    assert decide(code, x86("clone"), (17,)) == 1  # SIGCHLD: fork
    assert decide(code, x86("fork")) == decide(code, x86("execve")) == 1


@pytest.mark.parametrize(
    ("rights", "outcome"),
    [
        (_seccomp.Rights(), 1),
        (_seccomp.Rights(own_pids=True), 1),  # it starts nothing that it could want one of
        (_seccomp.Rights(start=True, signal=True), 1),
        (_seccomp.Rights(start=True, signal=True, own_pids=True), ALLOW),
    ],
)
def test_only_who_starts_processes_and_sees_no_others_gets_descriptors_of_processes(rights, outcome):
    code = _seccomp.assemble(_seccomp.worker_rules(1234, rights), arch="x86_64")

    assert decide(code, x86("pidfd_open"), (1235, 0)) == outcome


def test_the_worker_of_a_session_has_to_ask_before_it_forks_or_signals_another_process():
    rights = _seccomp.Rights(ask=True)
    code = _seccomp.assemble(_seccomp.worker_rules(1234, rights), arch="x86_64")

    assert decide(code, x86("clone"), (17,)) == decide(code, x86("kill"), (1235, 9)) == NOTIFY
    assert decide(code, x86("clone"), (0x003D0F00,)) == decide(code, x86("kill"), (1234, 9)) == ALLOW
    assert decide(code, x86("execve")) == 1
    for namespace in (17, *range(25, 31)):  # about CLONE_NEWUSER and its like no keeper is asked
        assert decide(code, x86("clone"), (17 | 1 << namespace,)) == 1


def test_pairs_of_stream_sockets_are_allowed_but_datagram_pairs_are_not():
    code = _seccomp.assemble(_seccomp.bulk_rules(), arch="x86_64")

    assert decide(code, x86("socketpair"), (1, 0x80001)) == ALLOW
    assert decide(code, x86("socketpair"), (1, 2)) == 1
    assert decide(code, x86("socket"), (1, 1)) == 1
