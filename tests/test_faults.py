"""The table of faults, over a scripted service and over Dataform Web on the emulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataform_action.emulator import Emulator
from tests.faults import (
    TABLE,
    Played,
    Row,
    documented,
    play_over_dataform_web,
    play_over_fake,
    play_random,
    render_table,
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row.name))
@pytest.mark.parametrize("play", [play_over_fake, play_over_dataform_web])
def test_fault(row: Row, play: Callable[[Row], Played]) -> None:
    """Each fault ends as its row says, with as many creates, runs and warnings as it says."""
    played = play(row)
    assert int(played.ending.exit_code) == row.exit_code
    assert played.outages == row.outages
    if row.creates < 100:
        assert played.creates == row.creates
    if played.runs is not None:
        assert played.runs == row.runs
    # However long it lasts, an outage is never a storm of requests.
    assert played.creates + played.polls < 5 + played.seconds


def test_table_in_the_docs() -> None:
    """The docs show the table as it is played."""
    assert render_table() == documented()


@pytest.mark.parametrize("seed", range(0, 60))
def test_random_faults(emulator: Emulator, seed: int) -> None:
    """A random sequence of faults ends in the truth or an honest give-up, with one create."""
    assert play_random(emulator, seed) in ("true outcome", "gave up")
