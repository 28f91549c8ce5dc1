"""What is understood of clients of a proxy, and what they are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.executors._proxy_request import (
    BadRequestError,
    Wanted,
    greeting_size,
    http_answer,
    http_misunderstanding,
    read_http,
    read_socks,
    request_size,
    socks_answer,
)
from dspex_actors.workers import ConnectCode


def head(first, *headers):
    return "\r\n".join([first, *headers, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("CONNECT example.org:443 HTTP/1.1", "example.org", 443),
        ("CONNECT [2001:db8::1]:8443 HTTP/1.0", "2001:db8::1", 8443),
        ("GET http://example.org/ HTTP/1.1", "example.org", 80),
        ("GET HTTP://user:secret@example.org:8080?x=1 HTTP/1.1", "example.org", 8080),
        ("POST http://[::1]:80/a#b HTTP/1.1", "::1", 80),
    ],
)
def test_a_request_names_the_host_and_the_port_that_are_wanted(line, host, port):
    wanted = read_http(head(line, "Host: another.example"))

    assert (wanted.host, wanted.port, wanted.is_tunnel) == (host, port, line.startswith("CONNECT"))


def test_a_request_is_passed_on_with_its_path_and_without_what_is_for_the_proxy():
    wanted = read_http(
        head(
            "POST http://example.org:81/a/b?c=d HTTP/1.1",
            "Host: example.org:81",
            "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic x",
            "connection: keep-alive",
            "Content-Length: 4",
        )
    )

    assert wanted.first == head(
        "POST /a/b?c=d HTTP/1.1", "Host: example.org:81", "Content-Length: 4", "Connection: close"
    )


def test_a_request_to_change_the_protocol_keeps_its_connection():
    wanted = read_http(head("GET http://a/ HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade"))

    assert wanted.first == head("GET / HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "GET",
        "GET / HTTP/1.1",
        "GET https://example.org/ HTTP/1.1",
        "GET ftp://example.org/ HTTP/1.1",
        "GET http:/// HTTP/1.1",
        "GET http://a:0/ HTTP/1.1",
        "GET http://a:65536/ HTTP/1.1",
        "GET http://a@b@c/ HTTP/1.1",
        "CONNECT example.org HTTP/1.1",
        "CONNECT example.org:0 HTTP/1.1",
        "CONNECT ::1:443 HTTP/1.1",
        "CONNECT a:1 HTTP/2",
        "CONNECT a:1\tHTTP/1.1",
        "CONNECT \xe4:1 HTTP/1.1",
    ],
)
def test_what_is_no_request_to_a_proxy_is_refused_with_what_would_be_one(line):
    with pytest.raises(BadRequestError) as caught:
        read_http(head(line))

    assert http_misunderstanding(caught.value).startswith(b"HTTP/1.1 400 ")


@given(st.binary(max_size=200) | st.from_regex(rb"[A-Z]{1,7} (http://)?[!-~]{1,40} HTTP/1\.[01](\r\n.*)*"))
def test_any_bytes_at_all_are_a_connection_that_is_wanted_or_a_bad_request(data):
    try:
        wanted = read_http(data)
    except BadRequestError:
        return
    assert 1 <= wanted.port <= 65535
    assert wanted.host.isascii()


SOCKS_REQUESTS = [
    (b"\x05\x01\x00\x01\x7f\x00\x00\x01\x1f\x90", Wanted("127.0.0.1", 8080, is_tunnel=True)),
    (b"\x05\x01\x00\x03\x03a.b\x01\xbb", Wanted("a.b", 443, is_tunnel=True)),
    (b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x00P", Wanted("::1", 80, is_tunnel=True)),
]


@pytest.mark.parametrize(("request_", "wanted"), SOCKS_REQUESTS)
def test_a_request_of_socks_is_read_to_its_end_and_no_further(request_, wanted):
    sizes = [request_size(request_[:size]) for size in range(len(request_))]

    assert all(len(request_[:at]) < size <= len(request_) for at, size in enumerate(sizes))
    assert request_size(request_ + b"more") == len(request_)
    assert read_socks(request_) == wanted


@pytest.mark.parametrize(
    "request_",
    [b"\x05\x02\x00\x01\x7f\0\0\x01\0\x50", b"\x05\x01\0\x01\x7f\0\0\x01\0\0", b"\x05\x01\0\x03\0\0\x50"],
    ids=["to bind", "no port", "no name"],
)
def test_what_is_no_connection_is_refused_in_socks(request_):
    with pytest.raises(BadRequestError):
        read_socks(request_)


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_a_request_of_socks_or_none(data):
    try:
        while len(data) < request_size(data):
            data += b"\x01" * (request_size(data) - len(data))
        wanted = read_socks(data[: request_size(data)])
    except BadRequestError:
        return
    assert 1 <= wanted.port <= 65535


def test_a_greeting_has_as_many_methods_as_it_says():
    assert [greeting_size(b"\x05"), greeting_size(b"\x05\x00"), greeting_size(b"\x05\x03\x00")] == [2, 2, 5]


@pytest.mark.parametrize("code", ConnectCode)
def test_each_outcome_has_an_answer_in_both_languages(code):
    said = http_answer(code, "because\r\nX: y \xe4")
    first = said.split(b"\r\n")[0]

    if code is ConnectCode.CONNECTED:
        assert (first, socks_answer(code)[1]) == (b"HTTP/1.1 200 Connection established", 0)
    else:
        assert first.endswith(b" because??X: y ?")
        assert said.endswith(b"\r\n\r\nbecause??X: y ?\n")
        assert socks_answer(code)[1] != 0
    assert (first[9:12] == b"403") is (code is ConnectCode.NOT_ALLOWED)
