"""What lies between the sockets of a guest's own network is read from the kernel's tables."""

from __future__ import annotations

import os
import socket

import pytest

from dspex_actors.workers._queue_watch import is_worth_a_look, queued, queued_in_network_of

PAGE = os.sysconf("SC_PAGE_SIZE")
MUCH = 32 * 2**20 // PAGE  # pages
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: 0100007F:0C38 0100007F:9C4A {} {}:{} 00:00000000 00000000     0        0 1 1 0000000000000000\n"


def sockstat(inuse, pages):
    rest = "UDP: inuse 3 mem 99999999\nRAW: inuse 0\n"
    return f"sockets: used 300\nTCP: inuse {inuse} orphan 1 tw 2 alloc 9 mem {pages}\n{rest}"


@pytest.mark.parametrize(
    ("sockets", "sockets6", "pages", "is_worth"),
    [
        (8, 0, MUCH, True),
        (3, 5, MUCH, True),
        (3, 4, MUCH, False),
        (8, 0, MUCH - 1, False),
        (0, 0, MUCH, False),
    ],
)
def test_a_network_is_looked_at_when_it_has_many_sockets_and_the_machine_holds_much(
    sockets, sockets6, pages, is_worth
):
    assert is_worth_a_look(sockstat(sockets, pages), f"TCP6: inuse {sockets6}\nUDP6: inuse 70\n") is is_worth


@pytest.mark.parametrize("text", ["", "TCP: none", "sockets: used 300\n"])
def test_a_table_without_the_machines_sum_has_nothing_to_look_at(text):
    assert not is_worth_a_look(text, "TCP6: inuse 100\n")


def test_both_queues_of_every_socket_count_and_the_callers_of_a_listener_do_not():
    rows = [("01", "00000010", "00000001"), ("0A", "00001000", "00000080"), ("08", "00000000", "FFFFFFFF")]

    assert queued(HEAD) == 0
    assert queued(HEAD + "".join(ROW.format(*row) for row in rows)) == 0x11 + 0xFFFFFFFF


def test_bytes_that_nobody_reads_are_found_in_the_kernels_own_table():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as mine,
    ):
        mine.sendall(bytes(20_000))
        port = f":{server.getsockname()[1]:04X} "
        with open("/proc/self/net/tcp", encoding="ascii") as file:  # noqa: PTH123 -- as it is read
            table = file.read()
    rows = [line for line in table.splitlines(keepends=True) if port in line]

    assert queued(HEAD + "".join(rows)) == 20_000


def test_a_process_that_is_gone_holds_nothing():
    assert queued_in_network_of(2**22 + 1) == 0
