"""Lists of hosts: what an entry is, which requests it takes, which addresses are left out."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors import ConfigError
from dspex_actors._network import (
    RefusedError,
    is_public,
    judge_addresses,
    judge_request,
    parse_rule,
    parse_rules,
    plain_address,
)

USUAL_FORM = {
    "api.example.org:443": "api.example.org:443",
    "api.example.org": "api.example.org:443",
    "API.Example.ORG.:80": "api.example.org:80",
    "*.example.org": "*.example.org:443",
    "*.example.org:*": "*.example.org:*",
    "*": "*:443",
    "*:8080": "*:8080",
    "localhost:65535": "localhost:65535",
    "_srv.example.org:1": "_srv.example.org:1",
    "bücher.example:443": "xn--bcher-kva.example:443",
    "127.0.0.1:8080": "127.0.0.1:8080",
    "10.1.0.0/16:5432": "10.1.0.0/16:5432",
    "10.1.2.3": "10.1.2.3:443",
    "[::1]:80": "[::1]:80",
    "[fd00::/8]:*": "[fd00::/8]:*",
    "[::ffff:10.0.0.1]:80": "10.0.0.1:80",
    "[2001:db8::1]": "[2001:db8::1]:443",
}
NO_ENTRIES = [
    "",
    ":443",
    "example.org:",
    "example.org:0",
    "example.org:65536",
    "example.org:https",
    "example.org:+1",
    "example.org:٤٤٣",
    "https://example.org",
    "example.org/path",
    "user@example.org",
    "exa mple.org",
    "*example.org",
    "a.*.org",
    "**",
    "*.",
    "-a.org",
    "a-.org",
    "a..org",
    ".org",
    "a" * 64 + ".org",
    ".".join(["abc"] * 64),
    "::1",
    "::1:80",
    "[127.0.0.1]:80",
    "10.1.2.3/16:80",
    "127.1:80",
    "0x7f000001:80",
    "2130706433:80",
    "1.2.3.4.5:80",
    "example.0x1:80",
]


@pytest.mark.parametrize(("text", "usual"), USUAL_FORM.items())
def test_an_entry_is_brought_into_its_usual_form_and_stays_in_it(text, usual):
    assert str(parse_rule(text)) == usual
    assert parse_rule(usual) == parse_rule(text)


@pytest.mark.parametrize("text", NO_ENTRIES)
def test_what_is_no_entry_is_refused_with_what_would_be_one(text):
    with pytest.raises(ConfigError) as caught:
        parse_rules([text])

    assert caught.value.field == "Policy.network"
    assert caught.value.allowed


@pytest.mark.parametrize("value", ["example.org", "None", 5, {"a.org": 1}, b"a.org", [5], [None], [b"a"]])
def test_a_list_is_a_sequence_of_texts_and_nothing_else(value):
    with pytest.raises(ConfigError, match="network"):
        parse_rules(value)


def test_a_list_holds_each_entry_once_and_in_its_order():
    assert parse_rules(["b.org", "a.org:443", "B.org:443"]) == ("b.org:443", "a.org:443")
    assert parse_rules({"b.org", "a.org"}) == ("a.org:443", "b.org:443")


# entry, host, port, what is to be resolved or connected to; None if it is refused
REQUESTS = [
    ("api.example.org:443", "api.example.org", 443, "api.example.org"),
    ("api.example.org:443", "API.example.org.", 443, "api.example.org"),
    ("api.example.org:443", "api.example.org", 80, None),
    ("api.example.org:443", "example.org", 443, None),
    ("api.example.org:443", "x.api.example.org", 443, None),
    ("api.example.org:443", "api.example.org.evil.org", 443, None),
    ("api.example.org:443", "api.example.org..", 443, None),
    ("api.example.org:443", "api.example.org\0.evil.org", 443, None),
    ("api.example.org:443", "api.example.org ", 443, None),
    ("api.example.org:443", "api。example.org", 443, None),
    ("api.example.org:*", "api.example.org", 1, "api.example.org"),
    ("*.example.org:443", "a.example.org", 443, "a.example.org"),
    ("*.example.org:443", "b.a.example.org", 443, "b.a.example.org"),
    ("*.example.org:443", "example.org", 443, None),
    ("*.example.org:443", "badexample.org", 443, None),
    ("*.example.org:443", ".example.org", 443, None),
    ("*:443", "anything.org", 443, "anything.org"),
    ("*:443", "anything.org", 80, None),
    ("*:*", "127.0.0.1", 80, None),
    ("*:*", "8.8.8.8", 80, None),
    ("*:*", "::1", 80, None),
    ("*:*", "127.1", 80, None),
    ("*:*", "0x7f000001", 80, None),
    ("*:*", "2130706433", 80, None),
    ("*:*", "017700000001", 80, None),
    ("127.0.0.1:80", "127.0.0.1", 80, "127.0.0.1"),
    ("127.0.0.1:80", "127.0.0.1", 81, None),
    ("127.0.0.1:80", "127.0.0.2", 80, None),
    ("127.0.0.1:80", "::ffff:127.0.0.1", 80, "127.0.0.1"),
    ("127.0.0.1:80", "localhost", 80, None),
    ("10.0.0.0/8:80", "10.255.0.1", 80, "10.255.0.1"),
    ("10.0.0.0/8:80", "11.0.0.1", 80, None),
    ("[::1]:80", "::1", 80, "::1"),
    ("[::1]:80", "0:0:0:0:0:0:0:1", 80, "::1"),
    ("[fe80::/10]:80", "fe80::1%lo", 80, None),
]


@pytest.mark.parametrize(("entry", "host", "port", "expected"), REQUESTS)
def test_a_request_is_judged_by_name_and_port_before_anything_is_resolved(entry, host, port, expected):
    rules = [parse_rule(entry)]

    if expected is None:
        with pytest.raises(RefusedError):
            judge_request(rules, host, port)
    else:
        assert str(judge_request(rules, host, port)) == expected


def test_an_empty_list_takes_nothing_at_all():
    with pytest.raises(RefusedError, match="not in the policy's list"):
        judge_request([], "example.org", 443)


NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1
""".split()
PUBLIC = """
1.1.1.1 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.255.255
169.255.0.1 172.15.255.255 172.32.0.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255
::ffff:1.1.1.1 64:ff9b::101:101 2000::1 2606:4700:4700::1111 2a00:1450:4001::1
""".split()


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_addresses_with_a_special_purpose_are_not_public(text):
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_beside_the_special_ones_are_public(text):
    assert is_public(ip_address(text))


def test_what_a_name_leads_to_is_judged_again_and_only_public_addresses_are_left():
    rules = [parse_rule("good.org:443")]

    assert judge_addresses(rules, ["10.0.0.1", "1.1.1.1", "::1", "1.1.1.1"], 443) == ["1.1.1.1"]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["::1", "169.254.169.254"], ["fe80::1%eth0"], [], ["x"]]
)
def test_a_name_that_leads_to_no_public_address_is_refused_without_telling_the_address(addresses):
    with pytest.raises(RefusedError) as caught:
        judge_addresses([parse_rule("good.org:443"), parse_rule("*:*")], addresses, 443)

    assert "127" not in str(caught.value)


def test_an_address_that_is_listed_itself_may_be_where_a_name_leads_to():
    rules = [parse_rule("good.org:443"), parse_rule("127.0.0.1:443")]

    assert judge_addresses(rules, ["127.0.0.1", "127.0.0.2"], 443) == ["127.0.0.1"]
    assert judge_addresses(rules, ["::ffff:127.0.0.1"], 443) == ["127.0.0.1"]
    with pytest.raises(RefusedError):
        judge_addresses(rules, ["127.0.0.1"], 444)


@given(st.text(max_size=260), st.integers(1, 65535))
def test_whatever_is_asked_for_it_is_refused_or_a_name_that_the_list_has(host, port):
    rules = [parse_rule("*.example.org:*"), parse_rule("127.0.0.1:80")]

    try:
        wanted = judge_request(rules, host, port)
    except RefusedError:
        return
    assert (str(wanted), port) == ("127.0.0.1", 80) or str(wanted).endswith(".example.org")


@given(st.text(alphabet="0123456789abcdefx.:[]*/%-", max_size=30))
def test_whatever_is_written_as_an_entry_it_is_refused_or_has_a_usual_form(text):
    try:
        rule = parse_rule(text)
    except ValueError:
        return
    assert parse_rule(str(rule)) == rule


@given(st.ip_addresses())
def test_an_address_is_public_or_not_whichever_way_it_is_written(address):
    mapped = IPv6Address(f"::ffff:{address}") if isinstance(address, IPv4Address) else address

    assert is_public(mapped) is is_public(address)
    assert plain_address(str(mapped)) == plain_address(str(address))
    assert not (is_public(address) and (address.is_loopback or address.is_link_local or address.is_private))
