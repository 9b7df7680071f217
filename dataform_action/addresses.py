"""Which addresses of an API are safe to send a token to. Pure."""

from __future__ import annotations

import re

from dataform_action.errors import shown

_API_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
#: Without the numbers, each of which is some machine's IPv4 address.
_UNDOTTED_NAME = re.compile(r"(?!(?:[0-9]+|0[xX][0-9A-Fa-f]*)\Z)[A-Za-z0-9_-]+", re.ASCII)


def api_url_problem(url: str) -> str:
    """Return what is wrong with an API's address, and what to do; empty if nothing is."""
    match = _API_URL.fullmatch(url)
    if match is None or int(match["port"] or 443) > 65535:
        # The value is not repeated: it may hold a user's password.
        return (
            "is not an API address: write it like https://host or https://host/path, "
            "without user, query or fragment"
        )
    if match["scheme"] == "http" and not _is_local(match["host"]):
        return (
            f"{shown(url)} would send the token in the clear: use https (http is for "
            "loopback, private addresses and names without a dot)"
        )
    if match["path"].endswith(("/v1", "/v1beta1")):
        return f"{shown(url)} must not end in the API's version: remove it"
    return ""


def _is_local(host: str) -> bool:
    """Tell whether a host is this machine, a private address or a name without a dot."""
    # Only for the rare http address, so that a usual start does not pay for the import.
    import ipaddress

    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _UNDOTTED_NAME.fullmatch(host) is not None
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_private
