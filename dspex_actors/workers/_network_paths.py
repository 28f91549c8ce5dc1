"""What guests find on their way into the network: certificates, how to resolve names, where the proxy is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors._policy import NETWORK_HOST, NETWORK_LIST, NETWORK_NONE, Profile
from dspex_actors.workers.confine._own_network import ADDRESS, PORT

if TYPE_CHECKING:
    from dspex_actors._policy import Policy

# Where distributions keep the certificates of public authorities, and what the links in there lead to; no
# private keys.
_CERTIFICATES = (
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/ca-trust/extracted",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
_RESOLVER = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
)


def read_paths(access: str) -> list[str]:
    """Return the files and folders that guests may read for the sake of the network.

    Args:
        access: what the policy gives of it.
    """
    if access == NETWORK_NONE:
        return []
    import ssl  # noqa: PLC0415 -- 10 ms that only those with a network should pay

    built_in = ssl.get_default_verify_paths()
    paths = [*_CERTIFICATES, built_in.openssl_cafile, built_in.openssl_capath]
    if access == NETWORK_HOST:
        paths += _RESOLVER
    return [path for path in dict.fromkeys(paths) if Path(path).exists()]


# All authorities in one file, by distribution; what a program is told that has a list of its own.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
_OWN = "localhost,127.0.0.1,::1"


def proxy_of(policy: Policy) -> str:
    """Return `"address:port"` of the proxy that the programs of guests find; empty if there is none."""
    has_one = policy.network_access == NETWORK_LIST and policy.profile is Profile.SHELL
    return f"{ADDRESS}:{PORT}" if has_one else ""


def environment(policy: Policy) -> dict[str, str]:
    """Return what tells the programs of guests whose network is a list where the proxy is, and whom to trust.

    What is on the loopback interface they reach without the proxy, for it is their own; but not if the list
    has an address on that of the host.

    Args:
        policy: of the guests; empty if they start no programs or have no list.
    """
    if not (proxy := proxy_of(policy)):
        return {}
    found = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), f"http://{proxy}")
    if not policy.lists_loopback:
        found["NO_PROXY"] = _OWN
    found |= {name.lower(): value for name, value in found.items()}
    found["NODE_USE_ENV_PROXY"] = "1"
    bundle = next((path for path in _BUNDLES if Path(path).is_file()), None)
    if bundle is not None:
        found |= {"SSL_CERT_FILE": bundle, "NODE_EXTRA_CA_CERTS": bundle}
    return found
