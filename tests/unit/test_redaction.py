"""Secrets hidden in data."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.redaction import redacted
from tests.support.golden import endings, hostile_ending


def test_every_text_is_redacted() -> None:
    """No text of an ending or of inputs keeps a secret, however deep it stands."""
    ending, inputs, _ = hostile_ending("a s3cret b")
    assert str((ending, inputs)).count("s3cret") > 20
    clean = redacted((ending, inputs), lambda text: text.replace("s3cret", "***"))
    assert "s3cret" not in str(clean)
    assert str(clean) == str((ending, inputs)).replace("s3cret", "***")


def test_what_holds_no_secret_stays_as_it_is() -> None:
    """States, times and numbers are no texts."""
    for ending, inputs, _ in endings().values():
        assert redacted((ending, inputs), str) == (ending, inputs)
        assert redacted(ending, str) is ending
        assert redacted(replace(ending, duration=1.5), str.upper).duration == 1.5
