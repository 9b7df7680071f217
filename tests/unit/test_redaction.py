"""Secrets hidden in data."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.redaction import redacted
from tests.support.golden import hostile_outcome, outcomes


def test_every_text_is_redacted() -> None:
    """No text of an outcome or of a subject keeps a secret, however deep it stands."""
    outcome, subject = hostile_outcome("a s3cret b")
    assert str((outcome, subject)).count("s3cret") > 20
    clean = redacted((outcome, subject), lambda text: text.replace("s3cret", "***"))
    assert "s3cret" not in str(clean)
    assert str(clean) == str((outcome, subject)).replace("s3cret", "***")


def test_what_holds_no_secret_stays_as_it_is() -> None:
    """States, times and numbers are no texts."""
    for outcome, subject in outcomes().values():
        assert redacted((outcome, subject), str) == (outcome, subject)
        assert redacted(outcome, str) is outcome
        assert redacted(replace(outcome, duration=1.5), str.upper).duration == 1.5
