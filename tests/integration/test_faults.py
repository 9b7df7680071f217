"""The table of faults, over a scripted service and over Dataform Web on the emulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.fault_rows import GOOGLE_TABLE, NETWORK_TABLE, TABLE, Row
from tests.integration.faults import (
    Played,
    documented,
    play_over_dataform_web,
    play_over_fake,
    play_over_google,
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row.name))
@pytest.mark.parametrize("play", [play_over_fake, play_over_dataform_web])
def test_fault(row: Row, play: Callable[[Row], Played]) -> None:
    """Each fault ends as its row says, with as many creates, runs and warnings as it says."""
    played = play(row)
    _compare(row, played, row.exit_code)
    assert row.outages in (None, played.outages)


def _compare(row: Row, played: Played, exit_code: int) -> None:
    assert int(played.outcome.exit_code) == exit_code, played.outcome
    assert row.title in played.outcome.title, played.outcome
    if row.creates < 100:
        assert played.creates == row.creates
    if played.runs is not None:
        assert played.runs == row.runs
    # However long it lasts, an outage is never a storm of requests.
    assert played.creates + played.polls < 5 + played.seconds
    assert row.most_seconds is None or played.seconds <= row.most_seconds


@pytest.mark.parametrize("row", NETWORK_TABLE, ids=lambda row: str(row.name))
def test_network(row: Row) -> None:
    """What nobody got is sent again, and a machine that is set up wrongly is told so."""
    played = play_over_dataform_web(row)
    _compare(row, played, row.exit_code)
    assert row.outages in (None, played.outages)


@pytest.mark.parametrize(
    "row", [*TABLE, *NETWORK_TABLE, *GOOGLE_TABLE], ids=lambda row: str(row.name)
)
def test_fault_on_google(row: Row) -> None:
    """Each fault that Google Cloud Dataform can have ends as its row says, with one create."""
    if row.course is None:
        return
    exit_code = row.exit_code if row.google_exit_code is None else row.google_exit_code
    _compare(row, play_over_google(row), exit_code)


def test_tables_in_the_docs() -> None:
    """The docs show every row with its exit code; ``make faults`` compares the whole tables."""
    shown = [
        [tuple(cell.strip() for cell in line.split("|")[1:4:2]) for line in text.splitlines()[2:]]
        for text in documented()
    ]
    web = [(row.name, str(row.exit_code)) for row in (*TABLE, *NETWORK_TABLE)]
    google = [
        (row.name, str(row.exit_code if row.google_exit_code is None else row.google_exit_code))
        for row in (*TABLE, *NETWORK_TABLE, *GOOGLE_TABLE)
        if row.course is not None
    ]
    assert shown == [web, google]
