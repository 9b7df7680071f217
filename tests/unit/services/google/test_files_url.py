"""The address of a commit's files on GitHub, which remote text cannot change."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.services.google.enrich import files_url
from dataform_action.validation import is_link
from tests.support.runner import hostile_texts

COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
SERVER = "https://github.example.com:8443"
REMOTE = "https://github.com/OWNER/shop.git"

_ANY = st.sampled_from(
    (REMOTE, COMMIT, "https://", "ssh://git@", "git@", "github.com", ":", "/", "..", "o", "r", "@")
)
#: Texts that resemble addresses.
NEARLY = st.lists(_ANY | hostile_texts(), max_size=6).map("".join)


@pytest.mark.parametrize(
    "remote",
    [
        REMOTE,
        "https://github.com/OWNER/shop",
        "https://github.com/OWNER/shop/",
        "https://GitHub.com/OWNER/shop.git",
        "https://github.com:443/OWNER/shop.git",
        "git@github.com:OWNER/shop.git",
        "git@github.com:OWNER/shop",
        "ssh://git@github.com/OWNER/shop.git",
        "ssh://git@github.com:22/OWNER/shop.git",
    ],
)
def test_every_form_of_a_remote(remote: str) -> None:
    """HTTPS and both forms of SSH have the same page."""
    assert files_url(remote, COMMIT) == f"https://github.com/OWNER/shop/blob/{COMMIT}"


@pytest.mark.parametrize("name", [".github", "a.b_c-d", "git", "x.git.git", "..a"])
def test_names_of_repositories(name: str) -> None:
    """All names that GitHub allows are kept; one .git at the end is removed."""
    repository = name.removesuffix(".git")
    url = files_url(f"git@github.com:OWNER_x/{name}", COMMIT)
    assert url == f"https://github.com/OWNER_x/{repository}/blob/{COMMIT}"


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.example.com:8443/OWNER/shop.git",
        "git@github.example.com:OWNER/shop.git",
        "ssh://git@GITHUB.example.com/OWNER/shop.git",
    ],
)
def test_a_github_server(remote: str) -> None:
    """A GitHub server has its own address, and is used only if it is given."""
    assert files_url(remote, COMMIT, f"{SERVER}/") == f"{SERVER}/OWNER/shop/blob/{COMMIT}"
    assert files_url(remote, COMMIT) == ""
    assert files_url(REMOTE, COMMIT, SERVER).startswith("https://github.com/OWNER/")


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "https://gitlab.com/OWNER/shop.git",
        "https://github.com.example.com/OWNER/shop.git",
        "https://example.com/github.com/shop.git",
        "http://github.com/OWNER/shop.git",
        "https://eve@github.com/OWNER/shop.git",
        "https://github.com@example.com/OWNER/shop.git",
        "ssh://eve@github.com/OWNER/shop.git",
        "https://github.com/shop.git",
        "https://github.com/OWNER/shop/tree",
        "https://github.com/OWNER/..",
        "https://github.com/OWNER/.git",
        "https://github.com/../shop.git",
        "https://github.com/OWNER/shop.git?a",
        "https://github.com/OWNER/shop.git#a",
        "https://github.com/OWNER/sh%6Fp.git",
        "https://github.com/OWNER/shöp.git",
        "https://github.com/OWNER/shop.git\n",
        "git@github.com:/OWNER/shop.git",
    ],
)
def test_other_remotes_have_no_page(remote: str) -> None:
    """Another host or an invalid path has no page."""
    assert files_url(remote, COMMIT) == ""


@pytest.mark.parametrize(
    "commit", ["", "main", COMMIT[:7], COMMIT.upper(), f"{COMMIT}0", f"{COMMIT}\n", "../" * 14]
)
def test_only_a_whole_commit_has_a_page(commit: str) -> None:
    """A branch or a short commit may be another one later."""
    assert files_url(REMOTE, commit) == ""


@pytest.mark.parametrize(
    "server",
    ["", "github.example.com", "https://", "https://a b", "https://x@github.example.com", "file:/"],
)
def test_an_invalid_server(server: str) -> None:
    """An invalid server is ignored, and github.com still works."""
    assert files_url("git@github.example.com:OWNER/shop.git", COMMIT, server) == ""
    assert files_url(REMOTE, COMMIT, server) != ""


@given(NEARLY, NEARLY | st.just(COMMIT), NEARLY | st.just(SERVER))
@example("https://github.com/a/b", COMMIT, "https://github.com/x")
def test_no_text_makes_another_address(remote: str, commit: str, server: str) -> None:
    """The result is empty, or the page of a commit on a known host."""
    url = files_url(remote, commit, server)
    if url:
        assert is_link(url)
        base = url.removesuffix(f"/blob/{COMMIT}")
        assert base != url
        host, owner, name = re.split("/(?!/)", base.removeprefix("https://"), maxsplit=2)
        assert host == "github.com" or f"https://{host}" == server.rstrip("/")
        assert not {owner, name} & {"", ".", ".."}
        assert "/" not in name
