"""A step writes no secret: secrets are everywhere, and are searched for in all spellings.

``make fuzz`` runs all cases of each test; otherwise, each test runs some of them.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

import pytest

from dataform_action.action.input_specs import INPUTS
from dataform_action.emulator import Emulator, Fault
from dataform_action.emulator.http.faults import FaultTarget
from tests.faults.planted import (
    ADDRESS_VARIABLES,
    ADDRESSES,
    EXCHANGES,
    JOINTS,
    OUTCOMES,
    REPEATS,
    STEPS,
    TOKEN,
    VALUES,
    VARIABLES,
    echo,
    run_address,
    run_exchange,
    run_input,
    run_issued,
    run_outcome,
    run_variable,
)
from tests.support.leaks import Leaks, written
from tests.support.steps import google_inputs_for, read_step, run_apart, start_step

SERVICES = ("web", "google")
#: Inputs that may contain any text, and that are shown: a token looks like any other text.
NAMES = {"web": ("schedule", "environment", "tags"), "google": ("git-ref", "tags", "actions")}
KEYS = [name for name in VALUES if "key" in name]
Sweep = Callable[..., list[str]]


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> Sweep:
    """Return a function that runs all cases or some, and returns a line for each leak."""
    runs_all = request.config.getoption("--hypothesis-profile") == "fuzz"

    def sweep(
        find_leaks: Callable[..., list[str]], cases: Iterable[tuple[object, ...]], every: int
    ) -> list[str]:
        some = list(cases)[:: 1 if runs_all else every]
        return [f"{case}: {leaks[0]}" for case in some if (leaks := find_leaks(*case))]

    return sweep


@pytest.mark.parametrize("service", SERVICES)
def test_every_outcome(sweep: Sweep, service: str) -> None:
    """A service that repeats the token in all spellings causes no leak, for all outcomes."""
    assert sweep(run_outcome, product([service], OUTCOMES), every=1) == []


@pytest.mark.parametrize("kind", STEPS)
def test_every_kind_of_credentials(sweep: Sweep, kind: str) -> None:
    """The responses of token exchanges leak neither the credentials nor any of the tokens."""
    assert sweep(run_exchange, product([kind], EXCHANGES, STEPS[kind]), every=5) == []


@pytest.mark.parametrize("kind", STEPS)
def test_issued_tokens(sweep: Sweep, kind: str) -> None:
    """If Dataform repeats the tokens that were issued to a step, they do not leak."""
    assert sweep(run_issued, product([kind], REPEATS), every=1) == []


@pytest.mark.parametrize("service", SERVICES)
def test_secret_in_the_wrong_variable(sweep: Sweep, service: str) -> None:
    """A key or a token in a variable for a path or an address is not repeated."""
    assert sweep(run_variable, product([service], VARIABLES, VALUES), every=11) == []


@pytest.mark.parametrize("variable", ADDRESS_VARIABLES)
def test_password_in_an_address(sweep: Sweep, variable: str) -> None:
    """No part of a password in an address is shown, even if the address is malformed."""
    cases = product([variable], ADDRESSES, JOINTS, [True, False])
    assert sweep(run_address, cases, every=61) == []


@pytest.mark.parametrize("service", SERVICES)
def test_secret_in_the_wrong_input(sweep: Sweep, service: str) -> None:
    """A key or a token in an input that cannot contain it is not repeated."""
    names = [spec.name for spec in INPUTS if spec.name not in NAMES[service]]
    assert sweep(run_input, product([service], names, VALUES), every=11) == []


@pytest.mark.parametrize("service", SERVICES)
def test_key_in_a_name(sweep: Sweep, service: str) -> None:
    """A key is recognized, even in an input that accepts any text."""
    assert sweep(run_input, product([service], NAMES[service], KEYS), every=2) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_process_that_is_stopped(tmp_path: Path, number: int) -> None:
    """A separate process and its post step write no secret to either stream."""
    leaks = Leaks({"token": TOKEN})
    with Emulator(advance="poll", token=TOKEN) as emulator:
        targets: tuple[FaultTarget, ...] = ("get", "cancel", "query")
        for on in targets:
            body = json.dumps({"error": {"message": echo(TOKEN)}})
            emulator.add_fault(Fault("status", on=on, times=None, after=1, body=body))
        inputs = google_inputs_for(emulator, schedule="endless")
        with start_step(tmp_path, inputs, RUNNER_DEBUG="1") as process:
            emulator.wait_for(lambda: len(emulator.requests) > 2)
            process.send_signal(number)
            log, _ = process.communicate(timeout=30)
        step = read_step(tmp_path, process.returncode, log)
        assert step.exit_code in (128 + number, -number)
        state = {f"STATE_{name}": value for name, value in step.state.items()}
        after = run_apart(tmp_path, inputs, "post_entrypoint.py", **state)
        assert leaks.find(written(tmp_path, log, "\n".join(after.log))) == []
