"""Checks whether a text is safe as a path segment, a token, a link or an API address.

API addresses are tested through the input ``api-url``.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.validation import (
    is_branch,
    is_commit,
    is_github_repository,
    is_link,
    is_project_id,
    is_segment,
    is_token,
)
from tests.support.runner import BOUNDED, hostile_texts
from tests.unit.action.support import problems, read

_AFTER_THE_SCHEME = st.sampled_from(["a", "a.b/c", "[::1]:8080/", "a?", "a#", ""])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 40, True),
        ("0123456789" * 6 + "abcd", True),
        ("a" * 39, False),
        ("A" * 40, False),
        ("g" * 40, False),
        ("٣" * 40, False),
        ("a" * 40 + "\n", False),
        ("main", False),
    ],
)
def test_commits(text: str, expected: bool) -> None:
    """A whole commit id has 40 or 64 hexadecimal digits."""
    assert is_commit(text) is expected


@pytest.mark.parametrize("text", ["main", "feature/a", "a.b", "it's-é", "x" * 250, "a#b@c%&"])
def test_branches(text: str) -> None:
    """Names that Git allows are names of branches."""
    assert is_branch(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "/a", "a//b", "..", "a..b", ".a", "a:b", "a b", "a\nb", "a\n", "a~1", "a^", "a?"),
        *("a*", "a[", "a\\b", "a@{1}", "x" * 251, "\u202eb"),
    ],
)
def test_texts_that_are_not_branches(text: str) -> None:
    """Names that Git refuses, or that could have another meaning, are not names of branches."""
    assert not is_branch(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("octo/shop", True),
        ("Octo-1/my.shop_2", True),
        ("a_b/.github", True),
        ("octo", False),
        ("octo/", False),
        ("octo/..", False),
        ("octo/.", False),
        ("octo/a/b", False),
        ("../shop", False),
        ("octo/shop?", False),
        ("octo/shop\n", False),
    ],
)
def test_github_repositories(text: str, expected: bool) -> None:
    """A repository of GitHub is an owner and a name, which are safe in a path."""
    assert is_github_repository(text) is expected


@pytest.mark.parametrize("text", ["a", "0", "A-b_9", "x" * 200])
def test_segments(text: str) -> None:
    """Ids of letters, digits, hyphens and underscores are safe in a path."""
    assert is_segment(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "a\\b", "a%2Fb", "a?b", "a#b", "a b", "a\n", "é", "٣", "x" * 201]
)
def test_texts_that_are_not_segments(text: str) -> None:
    """A text that could change a path, or is too long, is not a segment."""
    assert not is_segment(text)


@pytest.mark.parametrize("text", ["my-project", "example.com:my-project", "123", "a" * 63])
def test_project_ids(text: str) -> None:
    """A project has an id or a number. Older ids start with a domain."""
    assert is_project_id(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "-a", "a/b", "a b", "a?b", "a#b", "a%2Fb", "a\n", "é", "٣", "a" * 101]
)
def test_texts_that_are_not_project_ids(text: str) -> None:
    """A text that could change a path is not a project id."""
    assert not is_project_id(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ya29.a-b_c", True),
        ("|+/=", True),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
    ],
)
def test_tokens(text: str, expected: bool) -> None:
    """A token is printable ASCII without spaces."""
    assert is_token(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "https://app.dataform.co/#/1234/run/77",
        "http://localhost:8080/a?b=c&d=%20e",
        "http://[::1]:8080/",
        "https://a",
        "https://a?b",
        "https://a#b",
        "https://a/(b);c,d!e$f*g+h@i~j[k]",
        "https://a/" + "b" * 1990,
    ],
)
def test_links(text: str) -> None:
    """The http(s) address of a page is safe as a link."""
    assert is_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "https:///a",
        "HTTPS://a",
        "ftp://a",
        "javascript:alert(1)",
        " https://a",
        "https://a\n",
        "https://a/ b",
        "https://user@a/",
        "https://user:password@a/",
        "https://a\\@b",
        "https://a/\\b",
        "https://[::1",
        "https://a]b",
        "https://a:b",
        "https://a:123456",
        'https://a/"',
        "https://a/'",
        "https://a/<b>",
        "https://a/`",
        "https://a/|",
        "https://a/^{}",
        "https://a/é",
        "https://é/",
        "https://a/" + "b" * 1991,
    ],
)
def test_texts_that_are_not_links(text: str) -> None:
    """Other schemes, user information, and characters that end a link are refused."""
    assert not is_link(text)


@BOUNDED
@given(st.builds("https://{}{}".format, _AFTER_THE_SCHEME, hostile_texts() | st.text("!-~'\"<>\\")))
@example("https://a@b")
def test_characters_of_links(text: str) -> None:
    """A link never contains a space, quote, angle bracket, backslash, pipe or user."""
    if is_link(text):
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & set(" \"'<>\\`|^{}")
        assert "@" not in urlsplit(text).netloc


_ADDRESS_PROBLEM = (
    "is not an API address: use the form https://host or https://host/path, "
    "without user, query or fragment"
)
_UNENCRYPTED_PROBLEM = (
    "{!r} would send the token unencrypted: use https (http is only for loopback, private "
    "addresses and names without a dot)"
)
_HOST_PROBLEM = "contains an invalid host name: each part between dots must have 1 to 63 characters"


@pytest.mark.parametrize(
    "value",
    [
        "https://api.example.com",
        "https://host:8443/a/b",
        "https://8.8.8.8",
        "https://[2001:db8::1]:443",
        "http://localhost:8080",
        "http://emulator",
        "http://data_form-1:80/base",
        "http://0xdata",
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://10.0.0.1",
        "http://172.31.255.255",
        "http://192.168.1.1:65535",
        "http://[::1]:8080",
        "http://[fd00::1]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:10.0.0.1]",
        "https://host.example.",
        "https://a_b-.example",
        f"https://{'a' * 63}.{'b' * 63}.example",
        "https://host/v1/x",
        "https://host/xv1",
    ],
)
def test_api_addresses(value: str) -> None:
    """https is allowed for every host, and http for loopback, private addresses and short names."""
    assert read(api_url=value).api_url == value
    assert read(api_url=f" {value}/\n").api_url == value


@pytest.mark.parametrize(
    "value",
    [
        "http://api.example.com",
        "http://localhost.",
        "http://8.8.8.8",
        "http://172.32.0.1",
        "http://100.64.0.1",
        "http://010.0.0.1",
        "http://134744072",
        "http://0x08080808",
        "http://0X",
        "http://[2606:4700::1]",
        "http://[::ffff:8.8.8.8]",
        "http://[::::]",
        "http://[abcd]",
        "http://api.example.com/v1",
    ],
)
def test_unencrypted_api_addresses(value: str) -> None:
    """http is refused for every host that may be public, in every notation of its address."""
    assert problems({"api-url": value}) == {"api-url": _UNENCRYPTED_PROBLEM.format(value)}


@pytest.mark.parametrize(
    "value",
    [
        "api.dataform.co",
        "ftp://host",
        "HTTPS://host",
        "https://",
        "https:///path",
        "https://user:passw0rd@host",
        "https://passw0rd@host",
        "http://passw0rd@localhost",
        "https://host?key=passw0rd",
        "https://host#passw0rd",
        "https://host\\@passw0rd",
        "https://host:",
        "https://host:65536",
        "https://host:99999",
        "https://host:123456",
        "https://host:a",
        "https://host//",
        "https://host/a b",
        "https://host/%2e",
        "https://host/a\nb",
        "https://[::1",
        "https://[fe80::1%eth0]",
        "https://é",
        "https://" + "a" * 254,
    ],
)
def test_texts_that_are_not_api_addresses(value: str) -> None:
    """The message does not repeat the value, because it may contain a password."""
    assert problems({"api-url": value}) == {"api-url": _ADDRESS_PROBLEM}
    assert "passw0rd" not in _ADDRESS_PROBLEM


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://api..example.com", "'https://api..example.com'"),
        ("http://a..b/v1", "'http://a..b/v1'"),
        ("https://api.example.com..", "'https://api.example.com..'"),
        (f"https://{'a' * 64}", "(72 characters)"),
        (f"https://api.{'a' * 64}.com:443/x", "(86 characters)"),
    ],
)
def test_api_addresses_with_an_invalid_host(value: str, shown: str) -> None:
    """A host name that no resolver accepts is refused before anything is sent."""
    assert problems({"api-url": value}) == {"api-url": f"{shown} {_HOST_PROBLEM}"}


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/base/v1", "/v1beta1"])
def test_api_address_with_a_version(path: str) -> None:
    """An address must not contain the version, because the paths of requests contain it."""
    value = f"https://host{path}"
    assert problems({"api-url": value}) == {
        "api-url": f"{value!r} must not end with the API version: remove it"
    }
