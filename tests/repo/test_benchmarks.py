"""How often the action polls compared with other programs, and the maths of the benchmarks."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.contenders import (
    ACTION,
    ACTION_ON_GOOGLE,
    BARE,
    CURL,
    PYTHON,
    SAMPLE,
    SESSION,
    Contender,
    available,
    environ_for,
    script_runs,
)
from benchmarks.figures import alternate, cell, ratio, show, spread, table, target
from benchmarks.measure.simulated_polls import (
    Poll,
    Schedule,
    action_schedule,
    earlier_schedule,
    fixed_pause,
)
from benchmarks.measure.steps import first_request, launch, wait
from benchmarks.measure.without_waiting import FileClock
from benchmarks.questions import noticing, side_by_side
from benchmarks.questions.options import Cost, Variant, render_row
from benchmarks.questions.waiting import cpu_of_100_polls
from benchmarks.setup import Setup
from dataform_action import Polling
from dataform_action.emulator import Emulator
from tests.support.fakes import FakeClock
from tests.support.steps import ROOT, inputs_for, run_here

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
    assert ours.polls_in_an_hour <= 1.15 * sample.polls_in_an_hour


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


def test_an_earlier_package_has_its_own_schedule() -> None:
    """The schedule of another folder's package comes from a process that imports that package."""
    assert earlier_schedule(ROOT, 100.0) == action_schedule(until=100.0)


def test_processes_share_a_simulated_time(tmp_path: Path) -> None:
    """A pause of one process moves the time that another one reads."""
    clock = FileClock(str(tmp_path / "clock"))
    before = clock.now()
    script = tmp_path / "pause.py"
    script.write_text("import time; time.sleep(3600)\n")
    command = (*PYTHON, str(ROOT / "benchmarks" / "measure" / "without_waiting.py"), str(script))
    environ = {"CLOCK_FILE": str(tmp_path / "clock")}
    subprocess.run(command, env=environ, check=True, timeout=60)
    assert clock.now() - before == pytest.approx(3600)
    clock.close()


# Figures


@pytest.mark.parametrize(("rounds", "order"), [(2, "baab"), (1, "ba")])
def test_rounds_alternate(rounds: int, order: str) -> None:
    """Each measure is taken once per round, in alternating order."""
    taken: list[str] = []

    def measure(name: str) -> int:
        taken.append(name)
        return len(taken)

    measures: dict[str, Callable[[], int]] = {name: partial(measure, name) for name in "ab"}
    values = alternate(rounds, measures)
    assert "".join(taken) == order
    assert values == {name: [at for at, one in enumerate(order, 1) if one == name] for name in "ab"}


def test_a_ratio_compares_values_of_the_same_round() -> None:
    """A ratio is the median of the rounds' ratios, even if one figure is zero."""
    assert ratio([2.0, 9.0, 1.0], [1.0, 3.0, 0.0]) == 3.0
    assert ratio([1.0], [0.0]) == math.inf


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.6049, "0.60"), (12.34, "12.3"), (123.4, "123"), (4711.0, "4,711"), (1.0, "1")],
)
def test_figures_have_few_digits(value: float, text: str) -> None:
    """A figure has about three digits."""
    assert show(value) == text


def test_a_cell_has_the_ratio_to_our_figure() -> None:
    """Beside a figure is its multiple of ours; our own figure is alone."""
    ours = [0.1, 0.2, 0.1]
    assert cell([0.2, 0.2, 0.3], ours) == "0.20 (2.00x)"
    assert cell(ours, ours) == "0.10"
    assert cell([20.0], [1.0]) == "20 (20x)"


def test_the_spread_is_that_of_the_noisiest_figure() -> None:
    """The line under a table says how far the middle half of the rounds is from the median."""
    text = spread([[1.0, 1.0, 1.0, 1.0, 1.0], [8.0, 9.0, 10.0, 11.0, 90.0]])
    assert "the median of 5 rounds" in text
    assert "within 10% of its median" in text


@pytest.mark.parametrize(("value", "verdict"), [(1.15, "met"), (1.16, "**missed**")])
def test_targets(value: float, verdict: str) -> None:
    """A target is met if the figure is at most its limit."""
    assert target("at most 1.15x", value, 1.15) == f"Target: at most 1.15x: {verdict}."


def test_a_table_is_markdown() -> None:
    """Figures are aligned to the right."""
    assert table(("a", "b"), [("c", "1")]) == "| a | b |\n| --- | ---: |\n| c | 1 |"


# Measures


def test_a_wait_is_measured_in_simulated_time() -> None:
    """An hour of waiting makes hundreds of polls over one connection, in a moment."""
    none, hour = wait(ACTION_ON_GOOGLE, 0), wait(ACTION_ON_GOOGLE, 3600)
    assert (none.polls, none.connections, hour.connections) == (1, 1, 1)
    assert 360 <= hour.polls <= 420
    assert hour.lists > none.lists
    assert hour.received > none.received
    many = replace(none, polls=201, cpu=none.cpu + 0.4)
    assert cpu_of_100_polls(none, many) == pytest.approx(0.2)


def test_peers_wait_in_the_same_simulated_time() -> None:
    """A loop with pauses of 10 s makes a poll every 10 s, and one at the start."""
    assert wait(SESSION, 60).polls == 7


def test_a_first_request_comes_after_the_start() -> None:
    """The time to the first request is positive, and a program that sends nothing has its end."""
    assert first_request(BARE) > 0
    assert first_request(SESSION) > 0


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
        "(apt-get install curl jq)."
    )
    assert replace(CURL, programs=(), modules=("json",)).missing == ""
    assert (CURL.missing == "") == all(map(shutil.which, ("bash", "curl", "jq")))


def test_an_earlier_commit_is_one_more_program(tmp_path: Path) -> None:
    """It is measured on both services, beside the present one, and not in the image."""
    found, _ = available(tmp_path, "abc1234")
    earlier = [one for one in found if one.name == "this action at abc1234"]
    assert [one.google for one in earlier] == [True, False]
    assert {one.in_image for one in earlier} == {()}
    assert found.index(ACTION_ON_GOOGLE) < found.index(earlier[0])
    assert [one for one in available(None, "")[0] if one.root] == [ACTION_ON_GOOGLE, ACTION]


# The page


def test_the_page_has_the_simulated_figures() -> None:
    """The page has the figures that are the same on every machine."""
    assert page.read("noticing").startswith(noticing.simulated({}))
    setup = Setup(contenders=[], rounds=1)
    assert page.read("side by side") == f"{side_by_side.answer(setup)}\n"


def test_the_page_has_a_place_for_each_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run replaces each answer, and an answer without a place is an error."""
    copy = tmp_path / "page.md"
    copy.write_text(page.PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(page, "PAGE", copy)
    names = (
        *("machine", "noticing", "waiting", "downloading", "side by side"),
        *("starting", "planning", "options"),
    )
    page.write({name: f"new {name}" for name in names})
    assert [page.read(name) for name in names] == [f"new {name}\n" for name in names]
    assert copy.read_text("utf-8").count("<!-- measured: ") == 2 * len(names)
    with pytest.raises(ValueError, match="unpack"):
        page.write({"no such question": ""})


def test_what_an_option_adds() -> None:
    """The figures of each round are compared with those of the step without the option."""
    taken = {
        "with": [Cost(3, 2500, 0.25), Cost(3, 2500, 0.35)],
        "without": [Cost(1, 1000, 0.1), Cost(1, 1000, 0.2)],
    }
    assert render_row(Variant("with", {}, "without"), taken) == ("with", "+2", "+2", "+150")
    assert render_row(Variant("without", {}), taken) == ("without", "1", "1", "150")
