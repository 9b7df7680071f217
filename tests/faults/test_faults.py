"""The tables of faults, over a scripted service and over the emulator."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.emulator import Course, Emulator, Fault
from tests.faults.fault_rows import TABLE
from tests.faults.faults import (
    RowResult,
    documented,
    documented_responses,
    render_responses,
    run_over_dataform_web,
    run_over_fake,
    run_over_google,
)
from tests.faults.google_rows import GOOGLE_TABLE
from tests.faults.network_rows import NETWORK_TABLE
from tests.faults.row import MANY, Row
from tests.support.fakes import FakeClock
from tests.support.networks import NETWORKS
from tests.support.steps import google_inputs_for, inputs_for, run_here


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row.name))
@pytest.mark.parametrize("run", [run_over_fake, run_over_dataform_web])
def test_fault(row: Row, run: Callable[[Row], RowResult]) -> None:
    """Each fault has the outcome of its row, with its numbers of creates, runs and warnings."""
    found = run(row)
    assert _differences(row, found, row.exit_code) == []
    assert row.outages in (None, found.outages)


def _differences(row: Row, found: RowResult, exit_code: int) -> list[str]:
    """Return how a result differs from its row."""
    outcome = found.outcome
    differences = {
        f"exit code: {outcome}": int(outcome.exit_code) != exit_code,
        f"title: {outcome}": row.title not in outcome.title,
        f"{found.creates} creates": row.creates < MANY and found.creates != row.creates,
        f"{found.runs} runs": found.runs not in (None, row.runs),
        # However long an outage lasts, the step must not flood the service with requests.
        f"{found.creates + found.polls} requests": found.creates + found.polls >= 5 + found.seconds,
        f"{found.seconds} seconds": row.most_seconds is not None
        and found.seconds > row.most_seconds,
    }
    return [difference for difference, is_so in differences.items() if is_so]


@pytest.mark.parametrize("row", NETWORK_TABLE, ids=lambda row: str(row.name))
def test_network(row: Row) -> None:
    """A request that was not received is sent again, and a misconfigured machine is reported."""
    found = run_over_dataform_web(row)
    assert _differences(row, found, row.exit_code) == []
    assert row.outages in (None, found.outages)


_ON_GOOGLE = [row for row in (*TABLE, *NETWORK_TABLE, *GOOGLE_TABLE) if row.course is not None]


@pytest.mark.parametrize("row", _ON_GOOGLE, ids=lambda row: str(row.name))
def test_fault_on_google(row: Row) -> None:
    """Each fault on Google Cloud Dataform has the outcome of its row."""
    assert _differences(row, run_over_google(row), row.exit_code_on_google) == []


def test_tables_in_the_docs() -> None:
    """The docs have every row with its exit code; ``make faults`` compares the whole tables."""
    shown = [
        [tuple(cell.strip() for cell in line.split("|")[1:4:2]) for line in text.splitlines()[2:]]
        for text in documented()
    ]
    web = [(row.name, str(row.exit_code)) for row in (*TABLE, *NETWORK_TABLE)]
    google = [(row.name, str(row.exit_code_on_google)) for row in _ON_GOOGLE]
    assert shown == [web, google]


def test_actions_that_cannot_be_read(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """If the actions of a failed run cannot be read, the report says so."""
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
def test_misconfigured_machine(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, network: str, variable: str
) -> None:
    """A wrong setting of the machine is reported at once, with the variable to change."""
    with NETWORKS[network](emulator) as url:
        environ = {variable: os.environ[variable]}
        step = run_here(tmp_path, inputs_for(emulator, api_url=url), clock, **environ)
    assert step.exit_code == 4
    assert variable in (step.warnings + step.errors)[0]
    assert "may exist" not in step.errors[0]


def test_responses_in_the_docs() -> None:
    """The docs have the meaning of every response."""
    assert documented_responses() == render_responses()
