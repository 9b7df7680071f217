"""The table of faults, over a scripted service and over Dataform Web on the emulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataform_action.emulator import Emulator
from tests.integration.faults import (
    GOOGLE_TABLE,
    TABLE,
    Played,
    Row,
    documented,
    documented_responses,
    play_over_dataform_web,
    play_over_fake,
    play_over_google,
    play_random,
    render_responses,
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row.name))
@pytest.mark.parametrize("play", [play_over_fake, play_over_dataform_web])
def test_fault(row: Row, play: Callable[[Row], Played]) -> None:
    """Each fault ends as its row says, with as many creates, runs and warnings as it says."""
    played = play(row)
    assert int(played.outcome.exit_code) == row.exit_code
    assert played.outages == row.outages
    if row.creates < 100:
        assert played.creates == row.creates
    if played.runs is not None:
        assert played.runs == row.runs
    # However long it lasts, an outage is never a storm of requests.
    assert played.creates + played.polls < 5 + played.seconds


@pytest.mark.parametrize("row", [*TABLE, *GOOGLE_TABLE], ids=lambda row: str(row.name))
def test_fault_on_google(row: Row) -> None:
    """Each fault that Google Cloud Dataform can have ends as its row says, with one create."""
    if row.course is None:
        return
    played = play_over_google(row)
    exit_code = row.exit_code if row.google_exit_code is None else row.google_exit_code
    assert int(played.outcome.exit_code) == exit_code, played.outcome
    if row.creates < 100:
        assert played.creates == row.creates
    assert played.runs == row.runs
    assert played.creates + played.polls < 5 + played.seconds


def test_tables_in_the_docs() -> None:
    """The docs show every row with its exit code; ``make faults`` compares the whole tables."""
    shown = [
        [tuple(cell.strip() for cell in line.split("|")[1:4:2]) for line in text.splitlines()[2:]]
        for text in documented()
    ]
    web = [(row.name, str(row.exit_code)) for row in TABLE]
    google = [
        (row.name, str(row.exit_code if row.google_exit_code is None else row.google_exit_code))
        for row in (*TABLE, *GOOGLE_TABLE)
        if row.course is not None
    ]
    assert shown == [web, google]


def test_responses_in_the_docs() -> None:
    """The docs show what every response means."""
    assert documented_responses() == render_responses()


@pytest.mark.parametrize("seed", range(20))
def test_random_faults(emulator: Emulator, seed: int) -> None:
    """A random sequence of faults ends in the truth or an honest give-up, with one create."""
    assert play_random(emulator, seed) in ("true outcome", "gave up")
