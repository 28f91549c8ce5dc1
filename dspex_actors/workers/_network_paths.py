"""What guests read on their way into the network: certificates, and how names are resolved."""

from __future__ import annotations

from pathlib import Path

from dspex_actors._policy import NETWORK_HOST, NETWORK_NONE

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
