"""No secret in anything that a step writes: planted everywhere, looked for in every spelling.

``make fuzz`` plays all cases of each test; otherwise, each plays some of them.
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
    ENDINGS,
    EXCHANGES,
    JOINTS,
    STEPS,
    TOKEN,
    VALUES,
    VARIABLES,
    echo,
    play_address,
    play_ending,
    play_exchange,
    play_input,
    play_minted,
    play_variable,
)
from tests.support.leaks import Leaks, written
from tests.support.steps import google_inputs_for, read_step, run_apart, start_step

SERVICES = ("web", "google")
#: The inputs that may hold any text and are shown as what is run: a token cannot be told from it.
NAMES = {"web": ("schedule", "environment", "tags"), "google": ("git-ref", "tags", "actions")}
KEYS = [name for name in VALUES if "key" in name]
Play = Callable[..., list[str]]
Sweep = Callable[..., None]


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> Sweep:
    """Play cases, all of them or some, and fail if one of them leaks."""
    plays_all = request.config.getoption("--hypothesis-profile") == "fuzz"

    def run(
        play: Callable[..., list[str]], cases: Iterable[tuple[object, ...]], every: int
    ) -> None:
        some = list(cases)[:: 1 if plays_all else every]
        leaks = {case: found for case in some if (found := play(*case))}
        shown = [f"{case}: {found[0]}" for case, found in leaks.items()]
        assert not leaks, "\n".join([f"{len(leaks)} of {len(some)} cases leak:", *shown[:20]])

    return run


@pytest.mark.parametrize("service", SERVICES)
def test_every_ending(sweep: Sweep, service: str) -> None:
    """A service that repeats the token in every spelling does not betray it, whatever the end."""
    sweep(play_ending, product([service], ENDINGS), every=1)


@pytest.mark.parametrize("kind", STEPS)
def test_every_kind_of_credentials(sweep: Sweep, kind: str) -> None:
    """What makes a token, and each token on the way, is hidden in what the exchanges say."""
    sweep(play_exchange, product([kind], EXCHANGES, STEPS[kind]), every=3)


@pytest.mark.parametrize("kind", STEPS)
def test_tokens_that_were_minted(sweep: Sweep, kind: str) -> None:
    """Dataform that repeats the tokens of a step does not betray them."""
    sweep(play_minted, product([kind], ("refused", "outage", "odd")), every=1)


@pytest.mark.parametrize("service", SERVICES)
def test_secret_in_the_wrong_variable(sweep: Sweep, service: str) -> None:
    """A key or a token in a variable for a path or an address is not repeated."""
    sweep(play_variable, product([service], VARIABLES, VALUES), every=5)


@pytest.mark.parametrize("variable", ADDRESS_VARIABLES)
def test_password_in_an_address(sweep: Sweep, variable: str) -> None:
    """The password of an address is not shown, not in part, however broken the address is."""
    sweep(play_address, product([variable], ADDRESSES, JOINTS, [True, False]), every=61)


@pytest.mark.parametrize("service", SERVICES)
def test_secret_in_the_wrong_input(sweep: Sweep, service: str) -> None:
    """A key or a token in an input that cannot take it is not repeated."""
    names = [spec.name for spec in INPUTS if spec.name not in NAMES[service]]
    sweep(play_input, product([service], names, VALUES), every=5)


@pytest.mark.parametrize("service", SERVICES)
def test_key_in_a_name(sweep: Sweep, service: str) -> None:
    """A key is known for what it is, even where an input takes any text."""
    sweep(play_input, product([service], NAMES[service], KEYS), every=2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_process_that_is_stopped(tmp_path: Path, number: int) -> None:
    """A process of its own, its post step included, writes no secret on either stream."""
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
