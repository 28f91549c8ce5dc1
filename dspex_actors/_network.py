"""Which connections a policy's guests may have: the rules of its list, and what follows from them.

A guest asks for a host, as it wrote it, and a port. The name is looked for in the list first; only then is it
resolved, in the host, and each address that comes out is judged again: what is not public is refused even if
a name that is allowed leads there, unless the list has the address itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

from dspex_actors._errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

DEFAULT_PORT = 443
MAX_NAME_CHARS = 253
"""Characters of a host's name: what the domain name system can carry (RFC 1035)."""

# One label; an underscore is no host name's, but resolvers take it.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
# What the C library reads as an address although it has not four parts: 127.1, 0x7f000001, 2130706433.
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)

# Special-purpose addresses, from the IANA registries of both families (RFC 6890 and its updates), multicast
# included. Of IPv6, only 2000::/3 is given out for use in the Internet, so all else is left out as well.
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
        192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
        198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4""".split(),
    )
)
_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_GIVEN_OUT_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(IPv6Network, "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split())
)
_TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a list.

    Attributes:
        name: a host's name in lower case, `"*."` before it for all names below it, or `"*"` for any; empty
            if the rule is about addresses.
        network: addresses; None if the rule is about names.
        port: None for any.
    """

    name: str
    network: Network | None
    port: int | None

    def __str__(self) -> str:
        port = "*" if self.port is None else self.port
        if self.network is None:
            return f"{self.name}:{port}"
        one = self.network.num_addresses == 1
        text = str(self.network.network_address if one else self.network)
        return f"[{text}]:{port}" if self.network.version == 6 else f"{text}:{port}"

    def takes_name(self, name: str, port: int) -> bool:
        """Whether the rule is about this name and port."""
        if self.network is not None or self.port not in {None, port}:
            return False
        if self.name.startswith("*"):
            return name.endswith(self.name[1:])
        return name == self.name

    def takes_address(self, address: Address, port: int) -> bool:
        """Whether the rule is about this address and port."""
        return self.network is not None and self.port in {None, port} and address in self.network


class RefusedError(Exception):
    """The list does not allow a connection; the message is for the guest and tells it no address."""


def parse_rule(text: str) -> Rule:
    """Return an entry of a list.

    Args:
        text: `"host:port"`, `"host"` for port 443 or `"host:*"` for any port; the host is a name, a name with
            `"*."` before it, `"*"`, an address or a network like `"10.1.0.0/16"`, those of IPv6 in brackets.

    Raises:
        ValueError: it is none; the message says what would be one.
    """
    host, port = _split(text)
    network = _network_of(host.strip("[]")) if "*" not in host else None
    if network is not None:
        if (":" in host) != host.startswith("["):
            raise ValueError("an address of IPv6 in brackets, as in '[::1]:80'")
        return Rule("", network, port)
    name = _encoded(host)
    name = name if name == "*." else name.removesuffix(".")
    if name != "*" and not is_name(name.removeprefix("*.")):
        raise ValueError("the name of a host, '*.' before a name, '*', an address or a network")
    return Rule(name, None, port)


def _split(text: str) -> tuple[str, int | None]:
    """Return host and port of an entry; an address of IPv6 keeps its brackets.

    Raises:
        ValueError: the port is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]") or (":" in host and not host.endswith("]")):
        return text, DEFAULT_PORT  # no port; or a bare address of IPv6, which is refused later
    if port == "*":
        return host, None
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError("a port from 1 to 65535, or '*'")
    return host, int(port)


def _encoded(host: str) -> str:
    """Return a host's name in lower case, as it is asked for in the network (IDNA).

    Raises:
        ValueError: it has no such form.
    """
    if host.isascii():
        return host.lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ValueError("a name that can be written in ASCII (IDNA)") from None


def _network_of(text: str) -> Network | None:
    """Return a network, or an address as one; None if it is neither.

    Raises:
        ValueError: an address that lies within a network in place of the network.
    """
    try:
        network = ip_network(text)
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        return network if mapped is None or network.num_addresses > 1 else ip_network(mapped)
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError("a network without bits of an address in it, as in '10.1.0.0/16'") from None
        return None


def is_name(text: str) -> bool:
    """Whether a text is a host's name in lower case; what could be read as an address in numbers is none."""
    labels = text.split(".")
    if len(text) > MAX_NAME_CHARS or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return _NUMBER.fullmatch(labels[-1]) is None


def parse_rules(value: object) -> tuple[str, ...]:
    """Return the entries of a list in their usual form, each once.

    Raises:
        ConfigError: an entry is none, or the value is no sequence of texts; a single text, too.
    """
    if not isinstance(value, (tuple, list, set, frozenset)):
        raise ConfigError("Policy.network", value, "'none', 'host' or a sequence like ('example.org:443',)")
    rules: dict[str, None] = {}
    for item in value:
        if not isinstance(item, str):
            raise ConfigError("Policy.network", item, "texts like 'example.org:443'")
        try:
            rules[str(parse_rule(item))] = None
        except ValueError as error:
            raise ConfigError("Policy.network", item, str(error)) from None
    return tuple(sorted(rules) if isinstance(value, (set, frozenset)) else rules)


def lists_loopback(entries: Iterable[str]) -> bool:
    """Whether some entry of a list takes an address of the loopback interface; names do not lead there."""
    networks = [network for text in entries if (network := parse_rule(text).network) is not None]
    return any(
        network.version == each.version and network.overlaps(each)
        for network in networks
        for each in _LOOPBACK
    )


def is_public(address: Address) -> bool:
    """Whether an address is one that everybody in the Internet could be given."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _TRANSLATED:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GIVEN_OUT_6 and not any(address in network for network in _NOT_PUBLIC_6)


def plain_address(text: str) -> Address | None:
    """Return the address that a text is, a mapped one of IPv4 as what it stands for; None if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def judge_request(rules: Iterable[Rule], host: str, port: int) -> str | Address:
    """Judge what a guest has asked for, before anything is resolved.

    Args:
        rules: of the policy.
        host: as the guest wrote it.
        port: 1 to 65535.

    Returns:
        The name to resolve, or the address to connect to.

    Raises:
        RefusedError: the list does not have it.
    """
    address = plain_address(host)
    if address is not None:
        if any(rule.takes_address(address, port) for rule in rules):
            return address
        raise RefusedError(
            f"{host} port {port} is not in the policy's list; addresses have entries of their own"
        )
    name = host.lower().removesuffix(".")
    if not host.isascii() or not is_name(name):
        raise RefusedError("that is not the name of a host")
    if any(rule.takes_name(name, port) for rule in rules):
        return name
    raise RefusedError(f"{name} port {port} is not in the policy's list")


def judge_addresses(rules: Iterable[Rule], addresses: Iterable[str], port: int) -> list[str]:
    """Judge the addresses that a name has; return those that may be connected to.

    Args:
        rules: of the policy.
        addresses: from the resolver, as text.
        port: of the connection.

    Raises:
        RefusedError: none of them may be.
    """
    rules = tuple(rules)
    good = []
    for text in addresses:
        address = plain_address(text)
        if address is None:
            continue
        if is_public(address) or any(rule.takes_address(address, port) for rule in rules):
            good.append(str(address))
    if not good:
        raise RefusedError(
            "the name leads to no public address; others have to be in the policy's list themselves"
        )
    return list(dict.fromkeys(good))
