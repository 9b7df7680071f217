"""Checks whether a text is safe as a path segment, a token, a link or an API address. No I/O."""

from __future__ import annotations

import ipaddress
import re

from dataform_action.text import shown

# Patterns that not every start needs are strings: re compiles and caches them at their first use.

#: A segment of an API path: no character of it can end the segment.
_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)

#: Such as ``my-project`` and ``123456``, or ``example.com:my-project`` in older organizations.
_PROJECT_ID = r"(?:[a-z0-9][a-z0-9.-]{0,60}:)?[a-z0-9][a-z0-9-]{0,62}"

_REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}"
#: As Git allows. Two dots and a colon, which separate commits and repositories, are not in a name.
_BRANCH = r"(?!.*(?:\.\.|//|@\{))[^ ~^:?*\[\\/.][^ ~^:?*\[\\]{0,249}"

#: Without user information, and without characters that end a link in Markdown, HTML or a log.
_LINK = (
    r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"
    r"(?:[/?#][!#-&(-;=?-\[\]_a-z~]*)?"
)
_LINK_LIMIT = 2000
_API_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
#: Numbers are excluded, because a number is an IPv4 address.
_UNDOTTED_NAME = r"(?!(?:[0-9]+|0[xX][0-9A-Fa-f]*)\Z)[A-Za-z0-9_-]+"


def is_segment(text: str) -> bool:
    """Tell whether a text is safe as one segment of an API path."""
    return _SEGMENT.fullmatch(text) is not None


def is_project_id(text: str) -> bool:
    """Tell whether a text has a form of a Google Cloud project id, including older forms."""
    return re.fullmatch(_PROJECT_ID, text, re.ASCII) is not None


def is_commit(text: str) -> bool:
    """Tell whether a text has the form of a whole commit id: 40 or 64 hexadecimal digits."""
    return re.fullmatch("(?:[0-9a-f]{40}|[0-9a-f]{64})", text, re.ASCII) is not None


def is_branch(text: str) -> bool:
    """Tell whether a text may be the name of a branch, without ``refs/heads/``."""
    return text.isprintable() and re.fullmatch(_BRANCH, text) is not None


def is_github_repository(text: str) -> bool:
    """Tell whether a text has the form ``owner/name``, as GITHUB_REPOSITORY has it."""
    return re.fullmatch(_REPOSITORY, text, re.ASCII) is not None


def is_token(text: str) -> bool:
    """Tell whether a text is safe in an Authorization header: printable ASCII without spaces."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def is_link(text: str) -> bool:
    """Tell whether a text is an http(s) address that is safe as a link."""
    return len(text) <= _LINK_LIMIT and re.fullmatch(_LINK, text, re.ASCII) is not None


def is_host(host: str) -> bool:
    """Tell whether a host name or address has a valid form.

    ``socket.getaddrinfo`` encodes a host in this way. It raises an error for an empty label and for
    a label of more than 63 characters.
    """
    try:
        host.strip("[]").encode("idna")
    except UnicodeError:
        return False
    return True


def api_url_problem(url: str) -> str:
    """Return what is wrong with the address of an API and how to fix it, or an empty string."""
    match = _API_URL.fullmatch(url)
    if match is None or int(match["port"] or 443) > 65535:
        # The value is not repeated: it may contain a password.
        return (
            "is not an API address: use the form https://host or https://host/path, "
            "without user, query or fragment"
        )
    if not is_host(match["host"]):
        return (
            f"{shown(url)} contains an invalid host name: each part between dots must have "
            "1 to 63 characters"
        )
    if match["scheme"] == "http" and not is_local(match["host"]):
        return (
            f"{shown(url)} would send the token unencrypted: use https (http is only for "
            "loopback, private addresses and names without a dot)"
        )
    if match["path"].endswith(("/v1", "/v1beta1")):
        return f"{shown(url)} must not end with the API version: remove it"
    return ""


def api_host(url: str) -> str:
    """Return the host of an API address in lower case, or an empty string for other texts."""
    match = _API_URL.fullmatch(url)
    return "" if match is None else match["host"].lower()


def is_local(host: str) -> bool:
    """Tell whether a host is a loopback or private address, or a name without a dot."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return re.fullmatch(_UNDOTTED_NAME, host, re.ASCII) is not None
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_private
