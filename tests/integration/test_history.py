"""The whole step with earlier runs: what it says, and which requests it costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any, Literal

import pytest

from dataform_action.emulator import Course, Emulator, Fault, PastInvocation, Rules
from dataform_action.model import Result, RunRequest, State
from dataform_action.runs.api import run
from dataform_action.runs.history import HistoryReader
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import FakeClock, Recorder
from tests.support.past import connect, fifty, make_past, with_past
from tests.support.steps import Step, google_inputs_for, inputs_for, run_here

_CUSTOMERS = "marts.customers"


def play(
    folder: Path,
    past: Callable[[float], Iterable[PastInvocation]],
    prepare: Callable[[Emulator], object] = lambda _: None,
    rules: Rules | None = None,
    **inputs: str,
) -> tuple[Step, list[str], FakeClock]:
    """Run the step after past runs; return it with its requests and its clock.

    The emulator has the clock of the step, which is the time of day at the start.
    """
    clock = FakeClock(time())
    repository = with_past(past(clock.time))
    with Emulator(
        repositories=[repository], clock=clock, advance="clock", rules=rules or Rules()
    ) as emulator:
        prepare(emulator)
        step = run_here(folder, google_inputs_for(emulator, **inputs), clock)
        return step, [f"{it.method} {it.path}" for it in emulator.requests], clock


def takes(seconds: float, **more: Any) -> Callable[[Emulator], object]:  # noqa: ANN401
    """Return a preparation after which new runs take so many seconds."""

    def prepare(emulator: Emulator) -> None:
        for schedule in (None, "nightly"):
            emulator.set_course(schedule, Course(seconds=seconds, **more))

    return prepare


def lists(requests: list[str]) -> list[str]:
    """Return the collections that were listed."""
    collections = ("workflowInvocations", "compilationResults")
    ends = [it.rpartition("/")[2] for it in requests if it.startswith("GET ")]
    return [end for end in ends if end in collections]


def test_a_usual_run_among_fifty(tmp_path: Path) -> None:
    """One request tells when the end is expected; the summary has one fact."""
    step, requests, _ = play(tmp_path, fifty, takes(620))
    assert step.exit_code == 0
    (line,) = [line for line in step.log if line.startswith("Usually")]
    # The median of 615, 618, ..., 642 seconds.
    assert line.startswith("Usually 10m 28s (median of 10 runs of schedule nightly): expected end")
    assert any(re.search(r"after 5m \d+s \(about 5\d % of the usual", line) for line in step.log)
    assert "**Usual duration** 10m 28s (10 runs)" in step.summary
    assert lists(requests) == ["workflowInvocations"]
    # The first requests: create, poll, list.
    assert [it.partition(" ")[0] for it in requests[:3]] == ["POST", "GET", "GET"]
    assert requests[2].endswith("/workflowInvocations")


def test_a_slow_run(tmp_path: Path) -> None:
    """The summary and the log say how slow the run was, and which action is to blame."""
    slow = takes(1300, lengths={"marts.revenue": 30})
    step, requests, _ = play(tmp_path, fifty, slow)
    assert step.exit_code == 0
    (line,) = [line for line in step.log if line.startswith("Slower than usual")]
    assert "instead of 10m 28s (median of 10 runs of schedule nightly)" in line
    assert "What took longer: my-project.marts.revenue (+" in line
    assert "🐢 Slower than usual" in step.summary
    assert "| <code>marts.revenue</code> |" in step.summary
    queries = {it for it in requests if "workflowInvocations" in it and it.endswith(":query")}
    assert len(queries) == 2
    assert lists(requests) == ["workflowInvocations"]


def test_a_failure_that_lasts(tmp_path: Path) -> None:
    """The summary says since when runs fail, and links the commit of the last success."""

    def fails(emulator: Emulator) -> None:
        emulator.fail_action(_CUSTOMERS, "no luck")

    step, requests, _ = play(tmp_path, fifty, fails)
    assert step.exit_code == 1
    (line,) = [line for line in step.log if line.startswith("The last 3 completed runs")]
    assert "of schedule nightly failed, the first one at" in line
    assert line.endswith(f", commit {'1' * 40}.")
    assert f"[<code>1111111</code>](<https://github.com/OWNER/warehouse/commit/{'1' * 40}>)" in (
        step.summary
    )
    assert lists(requests) == ["workflowInvocations"]


def test_a_new_failure_of_an_environment(tmp_path: Path) -> None:
    """Without a schedule, the source comes from the list of compilations, and the commit too."""

    def past(now: float) -> list[PastInvocation]:
        return [make_past(hours, 60.0, now=now, release_config="production") for hours in (2, 1, 3)]

    step, requests, _ = play(
        tmp_path,
        past,
        lambda emulator: emulator.fail_action(_CUSTOMERS, "no luck"),
        schedule="",
        environment="production",
    )
    assert step.exit_code == 1
    text = "The failure is new: the last completed run of release configuration production"
    assert any(line.startswith(text) for line in step.log)
    assert lists(requests) == ["workflowInvocations", "compilationResults"]
    results = {it for it in requests if "/compilationResults/" in it and ":query" not in it}
    # That of the run, for the files.
    assert len(results) == 1


@pytest.mark.parametrize("size", [3, 20])
@pytest.mark.parametrize("fields", ["honoured", "refused"])
@pytest.mark.parametrize("source", [{}, {"schedule": "", "environment": "production"}])
def test_five_requests_at_most(
    size: int,
    fields: Literal["honoured", "refused"],
    source: dict[str, str],
    tmp_path: Path,
) -> None:
    """The comparison costs at most five requests: the difference to a step without it."""

    def past(now: float) -> list[PastInvocation]:
        config = {"release_config": "production"} if source else {}
        return [
            *fifty(now, 60),
            *(make_past(hours + 0.5, 60, now=now, **config) for hours in range(12)),
        ]

    rules = Rules(fields=fields, largest_page_size=size)
    counts = []
    for history in ("true", "false"):
        folder = tmp_path / history
        folder.mkdir()
        more = {**source, "history": history, "poll_interval": "5m"}
        step, requests, _ = play(folder, past, takes(200), rules, **more)
        assert step.exit_code == 0
        counts.append(len(requests))
    assert 1 <= counts[0] - counts[1] <= 5


def test_a_run_that_is_repeated_in_part(tmp_path: Path) -> None:
    """With ``retry-failed``, only the first run is compared, and the sum is not a duration."""

    def prepare(emulator: Emulator) -> None:
        failing = Course(seconds=620, failures={_CUSTOMERS: "no luck"})
        emulator.set_course("nightly", failing)
        emulator.set_course(None, Course(seconds=2000))

    step, requests, _ = play(tmp_path, fifty, prepare, retry_failed="1")
    assert (step.exit_code, step.outputs["attempts"]) == (0, "2")
    assert lists(requests).count("workflowInvocations") == 2
    assert len([line for line in step.log if line.startswith("Usually")]) == 1
    _, second = (place for place, it in enumerate(step.log) if re.match(r"Run \S+: http", it))
    assert any("of the usual time" in line for line in step.log[:second])
    assert not any("of the usual time" in line for line in step.log[second:])
    assert not any(line.startswith(("Slower", "The last")) for line in step.log)


def test_a_run_that_resumes_another(tmp_path: Path) -> None:
    """With ``resume``, no earlier run is read."""
    clock = FakeClock(time())
    past = make_past(1, 60, now=clock.time, course=Course(failures={_CUSTOMERS: "no luck"}))
    with Emulator(repositories=[with_past([past])], clock=clock, advance="clock") as emulator:
        failed = emulator.invocations[0].name.rpartition("/")[2]
        inputs = google_inputs_for(emulator, schedule="", resume=failed)
        counts = []
        for history in ("true", "false"):
            folder = tmp_path / history
            folder.mkdir()
            before = len(emulator.requests)
            assert run_here(folder, {**inputs, "history": history}, clock).exit_code == 0
            sent = [f"{it.method} {it.path}" for it in emulator.requests[before:]]
            counts.append(lists(sent))
    assert counts[0] == counts[1]


def test_history_false_sends_nothing(tmp_path: Path) -> None:
    """With ``history: false``, no earlier run is read, and nothing is said."""
    step, requests, _ = play(tmp_path, fifty, takes(2000), history="false")
    assert lists(requests) == []
    assert {it.rpartition("/")[2] for it in requests if ":query" in it} == {
        f"{step.outputs['run-id']}:query",
        f"{step.outputs['compilation-result'].rpartition('/')[2]}:query",
    }
    text = "\n".join(step.log) + step.summary
    assert not any(word in text for word in ("usual", "Usual"))


@pytest.mark.parametrize("status", [401, 403, 429, 503])
@pytest.mark.parametrize("fails", [True, False])
def test_lists_that_fail(status: int, fails: bool, tmp_path: Path) -> None:
    """If the earlier runs cannot be read, result and timing are those of a step without them."""

    def prepare(emulator: Emulator) -> None:
        takes(60, failures={_CUSTOMERS: "no luck"} if fails else {})(emulator)
        emulator.add_fault(Fault("status", on="list", status=status, times=None))

    ends = []
    for history in ("true", "false"):
        folder = tmp_path / history
        folder.mkdir()
        step, requests, clock = play(folder, fifty, prepare, history=history)
        times = round(sum(clock.sleeps), 3)
        ends.append((step.exit_code, step.outputs["duration"], step.warnings, times))
        said = [line for line in step.log if "The earlier runs could not be read." in line]
        assert len(said) == len(lists(requests)) == (history == "true")
    assert ends[0] == ends[1]
    assert ends[0][0] == int(fails)


@pytest.mark.parametrize("kind", ["hang", "close", "html"])
def test_lists_without_a_response(kind: Any) -> None:  # noqa: ANN401
    """A list that hangs is given up after one request, and the wait goes on."""
    clock = FakeClock(time())
    with Emulator(
        repositories=[with_past(fifty(clock.time))], clock=clock, advance="clock"
    ) as emulator:
        emulator.add_fault(Fault(kind, on="list", times=None, **_SECONDS.get(kind, {})))
        service = GoogleDataform(
            project_id="my-project",
            location="europe-west1",
            repository="warehouse",
            token=emulator.token,
            api_url=emulator.url,
            read_seconds=0.5 if kind == "hang" else 30,
        )
        result = run(service, RunRequest(schedule="nightly"), clock=clock, history=True)
        assert result.run.state is State.SUCCESS
        assert len(lists([f"{it.method} {it.path}" for it in emulator.requests])) == 1


_SECONDS: dict[str, dict[str, Any]] = {"hang": {"seconds": 600}}


def test_a_run_that_is_watched(tmp_path: Path) -> None:
    """A watched run is compared with the runs of its own schedule, whatever the inputs say."""
    clock = FakeClock(time())
    past = [*fifty(clock.time), make_past(0.1, 620, now=clock.time)]
    with Emulator(
        repositories=[with_past(past)], clock=clock, advance="clock", rules=Rules()
    ) as emulator:
        watched = max(emulator.invocations, key=lambda it: it.started)
        inputs = google_inputs_for(emulator, schedule="slow", run_id=watched.name)
        step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == 0
    (line,) = [line for line in step.log if line.startswith("Usually")]
    assert "of schedule nightly" in line


def test_the_end_that_is_expected() -> None:
    """The end is that of the usual duration after the start, by the service's time."""
    clock = FakeClock(time())
    past = [make_past(hours, 600, now=clock.time) for hours in (1, 2, 3)]
    with Emulator(repositories=[with_past(past)], clock=clock, advance="clock") as emulator:
        takes(600)(emulator)
        seen = Recorder(clock)
        service = connect(emulator.url, emulator.token)
        result = run(
            service, RunRequest(schedule="nightly"), on_update=seen, clock=clock, history=True
        )
    (expected,) = [update for update in seen.updates if type(update).__name__ == "Expected"]
    assert isinstance(result, Result)
    assert result.run.started is not None
    end = expected.end  # type: ignore[attr-defined]
    assert (end - result.run.started).total_seconds() == 600
    assert HistoryReader(service).history is None


@pytest.mark.parametrize("history", ["true", "false"])
def test_dataform_web_has_no_history(
    history: str, emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """On Dataform Web, the input has no effect."""
    step = run_here(tmp_path, inputs_for(emulator, history=history), clock)
    assert step.exit_code == 0
    assert {request.method for request in emulator.requests[1:]} == {"GET"}
    assert len({request.path for request in emulator.requests}) == 2


def test_old_runs_are_not_changed(tmp_path: Path) -> None:
    """The run of the step is not among the earlier ones, nor is one that started later."""
    past = replace(make_past(-5, 60, now=time()), course=Course())
    step, _, _ = play(tmp_path, lambda _: [past], takes(60))
    assert "Usually" not in "\n".join(step.log)
