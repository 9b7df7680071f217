"""How often the action polls compared with other programs, and the maths of the benchmarks."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.contenders import (
    ACTION,
    BARE,
    CURL,
    PYTHON,
    SAMPLE,
    SESSION,
    Contender,
    environ_for,
    script_runs,
)
from benchmarks.measure.options import Cost, Variant, render_row
from benchmarks.measure.real_runs import RealRun
from benchmarks.measure.simulated_polls import Poll, Schedule, action_schedule, fixed_pause
from benchmarks.measure.steps import Launched, Start, Wait, cpu_of_100_polls, launch, read_start
from benchmarks.round_statistics import alternate, ratios, render_peer, render_spread
from dataform_action import Polling
from dataform_action.emulator import Emulator
from tests.support.fakes import FakeClock
from tests.support.steps import ROOT, inputs_for, run_here

_DOCS = ROOT / "docs" / "benchmarks.md"
_UNTIL = 3700.0
#: Polls after 0, 10 and 20 s whose responses take a second.
_EVERY_10 = Schedule((Poll(0, 1), Poll(10, 11), Poll(20, 21)))


# The policy


@pytest.mark.parametrize("request_seconds", [0.0, 0.05, 0.1, 0.2])
def test_ends_are_noticed_sooner_than_by_a_fixed_pause(request_seconds: float) -> None:
    """The mean delay is 5 times shorter up to 30 s, 3 times at 65 s, and never longer."""
    ours = action_schedule(until=_UNTIL, request_seconds=request_seconds)
    sample = fixed_pause(until=_UNTIL, request_seconds=request_seconds)
    width = 10 + request_seconds
    speedups = {
        length: sample.mean_delay(length, width) / ours.mean_delay(length, width)
        for length in range(1, 1201)
    }
    assert min(speedups[length] for length in range(1, 31)) >= 5
    assert speedups[65] >= 3
    assert min(speedups.values()) >= 1 - 1e-9


@pytest.mark.parametrize("request_seconds", [0.0, 0.05, 0.1, 0.2])
def test_an_hour_costs_few_more_requests(request_seconds: float) -> None:
    """In an hour, the action sends at most 15 % more requests than a fixed pause of 10 s."""
    ours = action_schedule(until=_UNTIL, request_seconds=request_seconds)
    sample = fixed_pause(until=_UNTIL, request_seconds=request_seconds)
    assert ours.requests_in_an_hour <= 1.15 * sample.requests_in_an_hour


def test_simulated_polls_match_a_real_step(emulator: Emulator, tmp_path: Path) -> None:
    """Until the timeout, a step polls as often as the simulation."""
    emulator.set_outcome("nightly", ["RUNNING"])
    run_here(tmp_path, inputs_for(emulator, timeout="5m"), FakeClock())
    polls = sum(request.method == "GET" for request in emulator.requests)
    assert len(action_schedule(until=300, request_seconds=0).polls) == polls


# The simulation


def test_a_delay_lasts_until_the_response() -> None:
    """An end is noticed with the response to the first poll at or after it."""
    assert [_EVERY_10.delay(end) for end in (0, 0.5, 10, 10.5, 20)] == [1, 10.5, 1, 10.5, 1]


def test_no_delay_after_the_last_poll() -> None:
    """A simulation that is too short raises an error."""
    with pytest.raises(ValueError, match=r"No poll after 20\.1 s: the last is at 20 s"):
        _EVERY_10.delay(20.1)


@pytest.mark.parametrize(
    ("length", "width", "mean"),
    [(5, 10, 6), (15, 10, 6), (10, 10, 6), (12, 4, 9), (15, 2, 6), (19, 2, 2), (1, 10, 6)],
)
def test_mean_delay(length: float, width: float, mean: float) -> None:
    """The mean covers all ends in the window, which does not start before the run."""
    assert _EVERY_10.mean_delay(length, width) == pytest.approx(mean)


def test_mean_delay_matches_samples() -> None:
    """The exact mean of the action's schedule equals the mean of many sampled ends."""
    schedule = action_schedule(until=100)
    ends = [60 + 10 * (number + 0.5) / 5000 for number in range(5000)]
    sampled = sum(map(schedule.delay, ends)) / len(ends)
    assert schedule.mean_delay(65, 10) == pytest.approx(sampled, abs=1e-3)


def test_fixed_pause_starts_after_the_response() -> None:
    """A script polls at once, and pauses after each response."""
    polls = fixed_pause(10, until=25, request_seconds=2).polls
    assert polls == (Poll(1, 2), Poll(13, 14), Poll(25, 26))


def test_the_actions_schedule_is_its_polling() -> None:
    """The action polls at once, and waits after each response as ``Polling`` defines."""
    polls = action_schedule(until=300, request_seconds=0).polls
    assert polls[0] == Poll(0, 0)
    # The last poll is at the timeout.
    for before, after in pairwise(polls[:-1]):
        waited = after.read - before.read
        assert waited == pytest.approx(Polling().delay(before.read))


def test_requests_for_progress_count() -> None:
    """On Google Cloud, requests for the actions are added to the polls."""
    web = action_schedule(until=_UNTIL, request_seconds=0)
    google = action_schedule(until=_UNTIL, request_seconds=0, google=True)
    assert web.others == ()
    assert google.requests_in_an_hour == web.requests_in_an_hour + sum(
        moment < 3600 for moment in google.others
    )
    assert google.others[0] >= 15


# Figures


@pytest.mark.parametrize(("warm_up", "order"), [(True, "abbaab"), (False, "baab")])
def test_rounds_alternate(*, warm_up: bool, order: str) -> None:
    """Each measure is taken once per round, in alternating order; a warm-up does not count."""
    taken: list[str] = []

    def measure(name: str) -> int:
        taken.append(name)
        return len(taken)

    measures: dict[str, Callable[[], int]] = {name: partial(measure, name) for name in "ab"}
    values = alternate(2, measures, warm_up=warm_up)
    assert "".join(taken) == order
    last = len(order)
    assert values == {"a": [last - 2, last - 1], "b": [last - 3, last]}


def test_ratios_are_taken_round_by_round() -> None:
    """A ratio compares two values of the same round, even if one is zero."""
    assert ratios([2.0, 9.0, 1.0], [1.0, 3.0, 0.0]) == [2.0, 3.0, math.inf]


@pytest.mark.parametrize(
    ("values", "scale", "digits", "text"),
    [
        ([0.1], 1000, None, "100"),
        ([0.0123], 1000, None, "12.3"),
        ([0.1, 0.3, 0.2], 1000, None, "200 (150..250)"),
        ([1.0, 1.0], 1, None, "1"),
        ([1.001, 1.002], 1, 2, "1.00"),
        ([1.0, 2.0, 3.0, 4.0, 100.0], 1, 1, "3.0 (2.0..4.0)"),
    ],
)
def test_spread(values: list[float], scale: float, digits: int | None, text: str) -> None:
    """A figure is a median, with the range of the middle half of its values if they differ."""
    assert render_spread(values, scale, digits) == text


def test_peer() -> None:
    """A peer's cell has its own median, and our figure as a multiple of it."""
    assert render_peer([0.2, 0.2, 0.3], [0.1, 0.2, 0.1], 1000) == "100, 2.00x (1.50..2.50)"
    assert render_peer([2.0], [1.0]) == "1, 2.00x"


def test_cpu_of_polls() -> None:
    """The cost of polls is the difference between many and few polls."""
    few, many = Wait(1, 1, 0.1, 0), Wait(201, 1, 0.5, 0)
    assert cpu_of_100_polls(few, many) == pytest.approx(0.2)


# Measures and the table


def test_start_is_read_from_the_first_request(emulator: Emulator, tmp_path: Path) -> None:
    """The start lasts until the first request; the ending begins with the last request."""
    script_runs(emulator, 1)
    run_here(tmp_path, inputs_for(emulator), FakeClock())
    first, last = (request.time for request in emulator.requests)
    launched = Launched(started=first - 2, ended=last + 3, cpu=0.5, peak_memory=1)
    start = read_start(launched, emulator, sends=True)
    assert (start.first_request, start.ending, start.cpu) == pytest.approx((2, 3, 0.5))
    whole = last + 3 - (first - 2)
    assert read_start(launched, emulator, sends=False) == Start(whole, 0.0, 0.5)


def test_a_contender_that_fails_is_not_measured(tmp_path: Path) -> None:
    """A program that fails ends the benchmark with its output."""
    command = (*PYTHON, "-c", "import sys; sys.exit('no such run')")
    with pytest.raises(RuntimeError, match="exit code 1:\nno such run"):
        launch(command, {}, tmp_path)


@pytest.fixture(params=[SAMPLE, SESSION, CURL], ids=lambda one: one.name)
def peer(request: pytest.FixtureRequest) -> Contender:
    contender: Contender = request.param
    if contender.missing:
        pytest.skip(contender.missing)
    return contender


def test_peers_poll_to_the_end(peer: Contender, emulator: Emulator, tmp_path: Path) -> None:
    """Each script creates one run, and polls it until its end."""
    script_runs(emulator, 3)
    launch(peer.command, environ_for(peer, emulator, tmp_path, pause=0), tmp_path)
    assert [request.method for request in emulator.requests] == ["POST", "GET", "GET", "GET"]


def test_peers_fail_with_the_run(peer: Contender, emulator: Emulator, tmp_path: Path) -> None:
    """Each script fails when the run fails."""
    emulator.set_outcome("nightly", ["FAILED"])
    with pytest.raises(RuntimeError, match="exit code 1"):
        launch(peer.command, environ_for(peer, emulator, tmp_path, pause=0), tmp_path)


def test_missing_tools_are_named() -> None:
    """A contender whose tools are missing names them, and says how to install them."""
    unavailable = replace(CURL, programs=("no-such-program",), modules=("no.such", "nosuch"))
    assert unavailable.missing == (
        "curl and jq loop is not measured: no-such-program, no.such, nosuch missing "
        "(apt-get install curl jq)"
    )
    assert replace(CURL, programs=(), modules=("json",)).missing == ""
    assert (CURL.missing == "") == all(map(shutil.which, ("bash", "curl", "jq")))


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [([1.15], [1.0], "met"), ([1.2, 1.1, 1.2], [1.0] * 3, "**missed**"), ([1.0], None, None)],
)
def test_targets(ours: list[float], theirs: list[float] | None, verdict: str | None) -> None:
    """A target is met if the median of the rounds' ratios is at most its limit."""
    values = {ACTION: ours} if theirs is None else {ACTION: ours, SAMPLE: theirs}
    rendered = table.Target(SAMPLE, 1.15).render(values)
    assert rendered == (f"at most 1.15x of {SAMPLE.name}: {verdict}" if verdict else "")


def test_table_has_a_cell_for_every_column() -> None:
    """Each row has as many cells as the head, even if a contender is missing."""
    start, wait = Start(0.1, 0.01, 0.1), Wait(10, 1, 0.2, 2**20)
    everyone = [one for contenders, _ in table.SERVICES for one in contenders]
    collected = table.Collected(
        starts={one: [start] for one in everyone},
        image_starts={one: [start] for one in everyone if one.in_image},
        waits={one: [(replace(wait, polls=1), wait)] for one in everyone if one is not BARE},
        real_runs=[RealRun(ACTION, 3.5, 0.6, 0.5)],
    )
    lines = table.render(collected).splitlines()
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert "3.5 s: delay until the step ends, s [simulated] | 0.60 [0.50] |" in "\n".join(lines)


def test_docs_contain_the_simulated_rows() -> None:
    """The docs have the machine-independent figures, and all their targets are met."""
    documented = _DOCS.read_text("utf-8").splitlines()
    for contenders, prefix in table.SERVICES:
        for row in table.simulated_rows(contenders, prefix):
            assert row in documented
            assert "missed" not in row


def test_what_an_option_adds() -> None:
    """The figures of each round are compared with those of the step without the option."""
    taken = {
        "with": [Cost(3, 1500, 0.25), Cost(3, 1500, 0.35)],
        "without": [Cost(1, 500, 0.1), Cost(1, 500, 0.2)],
    }
    assert render_row(Variant("with", {}, "without"), taken) == "| with | +2 | +1,000 | +150 |"
    assert render_row(Variant("without", {}), taken) == "| without | 1 | 500 | 150 |"
