"""Where GitHub shows the files of a commit. Pure: texts in, an address out."""

from __future__ import annotations

import re

GITHUB_URL = "https://github.com"

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))"
_PORT = r"(?::[0-9]{1,5})?"
_PATH = r"(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]{0,99})/(?P<name>[A-Za-z0-9._-]{1,104})/?"
#: The forms that Git and the API take: HTTPS, SSH, and the short one of SSH.
_REMOTES = (
    rf"https://{_HOST}{_PORT}/{_PATH}",
    rf"ssh://git@{_HOST}{_PORT}/{_PATH}",
    rf"git@{_HOST}:{_PATH}",
)
_SERVER = rf"https?://{_HOST}{_PORT}"
_COMMIT = r"[0-9a-f]{40}"


def files_url(remote: str, commit: str, github_url: str = GITHUB_URL) -> str:
    """Return the address of a commit's files, without a slash at its end.

    ``remote`` is the address that Git fetches from, and ``github_url`` that of a GitHub
    server beside github.com. The address is empty where the remote is on another host, or
    where anything is not as GitHub would have it.
    """
    match = next((found for form in _REMOTES if (found := re.fullmatch(form, remote))), None)
    if match is None or re.fullmatch(_COMMIT, commit) is None:
        return ""
    server = _server_of(match["host"], github_url.rstrip("/"))
    name = match["name"].removesuffix(".git")
    if not server or name in ("", ".", ".."):
        return ""
    return f"{server}/{match['owner']}/{name}/blob/{commit}"


def _server_of(host: str, github_url: str) -> str:
    """Return the address of the GitHub server that a host is; empty if it is none."""
    for url in (GITHUB_URL, github_url):
        server = re.fullmatch(_SERVER, url)
        if server is not None and server["host"].lower() == host.lower():
            return url
    return ""
