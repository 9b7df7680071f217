"""Which texts are safe as a path segment, a project's id, a token or a link."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.validation import is_link, is_project_id, is_segment, is_token
from tests.support.runner import BOUNDED, hostile_texts

_AFTER_THE_SCHEME = st.sampled_from(["a", "a.b/c", "[::1]:8080/", "a?", "a#", ""])


@pytest.mark.parametrize("text", ["a", "0", "A-b_9", "x" * 200])
def test_a_segment_is_letters_digits_hyphens_and_underscores(text: str) -> None:
    """Every id that a service makes can stand in a path."""
    assert is_segment(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "a\\b", "a%2Fb", "a?b", "a#b", "a b", "a\n", "é", "٣", "x" * 201]
)
def test_nothing_leaves_its_segment(text: str) -> None:
    """What could change a path, or is overlong, is no segment."""
    assert not is_segment(text)


@pytest.mark.parametrize("text", ["my-project", "example.com:my-project", "123", "a" * 100])
def test_a_google_cloud_project_has_an_id_or_a_number(text: str) -> None:
    """The forms from before there were organisations are still in use."""
    assert is_project_id(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "-a", "a/b", "a b", "a?b", "a#b", "a%2Fb", "a\n", "é", "٣", "a" * 101]
)
def test_no_project_id_leaves_its_segment(text: str) -> None:
    """What could change a path is no project's id."""
    assert not is_project_id(text)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("ya29.a-b_c", True),
        ("|+/=", True),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
    ],
)
def test_a_token_can_stand_in_a_header(text: str, token: bool) -> None:
    """A token is printable and has no blanks."""
    assert is_token(text) is token


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
def test_addresses_of_pages_are_links(text: str) -> None:
    """What a service gives as the address of a run can be shown as a link."""
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
def test_nothing_else_is_a_link(text: str) -> None:
    """Other schemes, user information, and what ends or breaks a link are refused."""
    assert not is_link(text)


@BOUNDED
@given(st.builds("https://{}{}".format, _AFTER_THE_SCHEME, hostile_texts() | st.text("!-~'\"<>\\")))
@example("https://a@b")
def test_a_link_holds_nothing_that_ends_or_breaks_it(text: str) -> None:
    """No link has a blank, a quote, an angle bracket, a backslash, a pipe, or a user."""
    if is_link(text):
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & set(" \"'<>\\`|^{}")
        assert "@" not in urlsplit(text).netloc
