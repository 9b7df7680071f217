"""The hidden marker of a comment: what it survives, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from dataform_action.github.marker import (
    COMMENT_LIMIT,
    Marker,
    make_key,
    parse_marker,
    render_marker,
)

HEAD = "9f2c1e7" + "0" * 33
MARKER = Marker("plan", "my-project/europe-west1/warehouse/production/", HEAD, (812, 1))
LINE = (
    '<!-- dataform-action {"v": 1, "job": "plan", "key": "my-project/europe-west1/warehouse/'
    f'production/", "head": "{HEAD}", "run": "812/1"}} -->'
)


def test_marker() -> None:
    """The first line of a comment is its marker, in text that people can read."""
    assert render_marker(MARKER) == LINE
    assert parse_marker(f"{LINE}\n### Plan") == MARKER
    assert parse_marker(f"{LINE}\r\n### Plan") == MARKER


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_key(key: str, job: str) -> None:
    """A key can contain any character, and cannot end the HTML comment or mention anyone."""
    marker = Marker(job, key, HEAD, (1, 2))
    line = render_marker(marker)
    assert parse_marker(line) == marker
    inside = line.removeprefix("<!--").removesuffix("-->")
    assert not set("<>@#&`\n\r").intersection(inside)


@pytest.mark.parametrize(
    "body",
    [
        "",
        f"Hello\n{LINE}",
        f" {LINE}",
        f"{LINE} x",
        LINE.replace("plan", "plan\n"),
        LINE.replace('"v": 1', '"v": 2'),
        LINE.replace('"v": 1', '"v": "1"'),
        LINE.replace('"job": "plan", ', ""),
        LINE.replace('"plan"', "1"),
        LINE.replace(HEAD, "main"),
        LINE.replace("812/1", "812"),
        LINE.replace("812/1", "-1/1"),
        LINE.replace("812/1", f"{'9' * 40}/1"),
        LINE.replace("{", "").replace("}", ""),
        LINE.replace('"run"', "run"),
        "<!-- dataform-action [1] -->",
        "<!-- dataform-action {" + "[" * 2000 + "} -->",
        "<!-- dataform-action {}" + " " * 10_000 + "-->",
        "<!-- " + "x" * 1_000_000,
    ],
)
def test_bad_markers(body: str) -> None:
    """Everything else is no marker of this version."""
    assert parse_marker(body) is None


def test_deep_json() -> None:
    """JSON that is nested too deeply is no marker."""
    deep = "[" * 2400 + "]" * 2400
    assert parse_marker(f'<!-- dataform-action {{"v": {deep}}} -->') is None


def test_order_of_runs() -> None:
    """A later run has a higher id, or the same id and a later attempt. Commits are not compared."""
    assert MARKER._replace(run=(813, 1)).is_later_than(MARKER)
    assert MARKER._replace(run=(812, 2)).is_later_than(MARKER)
    assert not MARKER.is_later_than(MARKER)
    assert not MARKER._replace(run=(811, 9)).is_later_than(MARKER)
    assert not MARKER._replace(run=(813, 1), head="b" * 40).is_later_than(MARKER)


def test_long_keys() -> None:
    """The longest marker can be read again, and leaves room for the longest comment."""
    assert make_key("a", "b", "") == "a/b/"
    assert len(make_key("a" * 501)) == 64
    marker = MARKER._replace(key=make_key("\u00e9" * 500))
    line = render_marker(marker)
    assert parse_marker(line) == marker
    assert len(line) + COMMENT_LIMIT < 65_536


def test_marker_is_json() -> None:
    """Other programs can read it."""
    text = render_marker(MARKER._replace(key="<é>")).split(" ", 2)[2].removesuffix(" -->")
    assert json.loads(text)["key"] == "<é>"
