"""The table of faults, over a scripted service and over Dataform Web on the emulator."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.emulator import Course, Emulator, Fault
from tests.faults.fault_rows import GOOGLE_TABLE, NETWORK_TABLE, TABLE, Row
from tests.faults.faults import (
    Played,
    documented,
    documented_responses,
    play_over_dataform_web,
    play_over_fake,
    play_over_google,
    render_responses,
)
from tests.support.fakes import FakeClock
from tests.support.networks import NETWORKS
from tests.support.steps import google_inputs_for, inputs_for, run_here


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


def test_actions_that_cannot_be_read(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A failed run whose actions cannot be read is not one without failed actions."""
    emulator.set_course("nightly", Course(failures={"orders_cleaned": "Out of memory"}))
    emulator.add_fault(Fault("status", on="query", status=503, times=None))
    step = run_here(tmp_path, google_inputs_for(emulator), clock)
    assert step.exit_code == 1
    assert step.outputs.get("failed-actions", "") == ""
    for text in ("\n".join(step.log), step.summary):
        assert "HTTP 503" in text


@pytest.mark.parametrize(
    ("network", "variable"),
    [
        ("proxy wants a password", "HTTPS_PROXY"),
        ("no key log", "SSLKEYLOGFILE"),
        ("no proxy there", "HTTPS_PROXY"),
    ],
)
def test_set_up_of_the_machine(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, network: str, variable: str
) -> None:
    """What is wrong with the machine is said at once, with the variable to change."""
    with NETWORKS[network](emulator) as url:
        environ = {variable: os.environ[variable]}
        step = run_here(tmp_path, inputs_for(emulator, api_url=url), clock, **environ)
    assert step.exit_code == 4
    assert variable in (step.warnings + step.errors)[0]
    assert "may exist" not in step.errors[0]


def test_responses_in_the_docs() -> None:
    """The docs show what every response means."""
    assert documented_responses() == render_responses()
