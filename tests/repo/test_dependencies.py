"""The dependency review: every package of the image is explained, and its licence allowed."""

from __future__ import annotations

import pytest

from scripts.dependencies import (
    PAGE,
    PURPOSES,
    ReviewError,
    licence_of,
    read_pins,
    render_here,
    review,
)

_PINS = dict.fromkeys(PURPOSES, "1.0")


def _declares(_name: str) -> dict[str, str]:
    return {"License-Expression": "MIT"}


def test_the_page_is_up_to_date() -> None:
    """It says what is pinned, installed and imported now."""
    assert render_here() == PAGE.read_text("utf-8")


def test_pins_are_read_with_their_versions() -> None:
    """A pin may have a marker and hashes behind it."""
    text = "a-b==1.2 \\\n    --hash=sha256:00\n    # via c\ncffi==2.1 ; x != 'y' \\\n    --hash=\n"
    assert read_pins(text) == {"a-b": "1.2", "cffi": "2.1"}


@pytest.mark.parametrize("pins", [{**_PINS, "new": "1.0"}, {"requests": "1.0"}])
def test_a_package_that_nobody_explained_is_refused(pins: dict[str, str]) -> None:
    """A new package must be given a purpose, and one that is gone must be forgotten."""
    with pytest.raises(ReviewError, match="say what a new one is for"):
        review(pins, _declares, set(), set())


def test_a_package_is_always_imported_or_with_credentials_or_never() -> None:
    """What a step with a token imports counts as always, also if credentials need it."""
    found = review(_PINS, _declares, {"requests"}, {"requests", "google-auth"})
    imported = {one.name: one.imported for one in found}
    assert imported.pop("requests") == "always"
    assert imported.pop("google-auth") == "without a token"
    assert set(imported.values()) == {"never"}


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"License-Expression": "Apache-2.0 OR BSD-3-Clause"}, "Apache-2.0 OR BSD-3-Clause"),
        ({"License": "Apache 2.0"}, "Apache-2.0"),
    ],
)
def test_licences_are_written_as_spdx_does(metadata: dict[str, str], licence: str) -> None:
    """A choice of licences is allowed if one of them is."""
    assert licence_of("package", metadata) == licence


@pytest.mark.parametrize("metadata", [{}, {"License": "AGPL-3.0-only"}])
def test_another_licence_is_refused(metadata: dict[str, str]) -> None:
    """Also none at all: somebody must read it first."""
    with pytest.raises(ReviewError, match="review it"):
        licence_of("package", metadata)
