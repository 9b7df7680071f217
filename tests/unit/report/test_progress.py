"""What the log says while a run is created and waited for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dataform_action.errors import CancelUnsupported, NoResponse, NotConnected, Throttled
from dataform_action.events import (
    CancelRequested,
    Changed,
    Compiled,
    Created,
    Fact,
    LeftRunning,
    OutageEnded,
    OutageStarted,
    Progressed,
    Promoted,
    Subject,
    Update,
    Waiting,
)
from dataform_action.model import Action, ActionState, Compilation, Polling, Run, RunRequest, State
from dataform_action.report.progress import Narrator, render_intent, render_settings
from tests.support.fakes import make_action

_RUN = Run(id="77", state=State.RUNNING, status="RUNNING", log_url="https://a/77")
_OVER = Run(id="77", state=State.SUCCESS, status="SUCCEEDED", log_url="https://a/77")


def _subject(
    request: RunRequest, service_name: str, *place: Fact, run_id: str | None = None
) -> Subject:
    return Subject(
        service_name=service_name,
        place=(Fact("Project", "1234"), *place),
        project_id="1234",
        request=request,
        polling=Polling(interval=30, timeout=5400, outage_timeout=600, cancel=False),
        run_id=run_id,
        api_url="https://api.dataform.co",
        has_actions=False,
        summary=True,
    )


_REPOSITORY = Fact("Repository", "warehouse", within="europe-west1")


@pytest.mark.parametrize(
    ("request_", "run_id", "line"),
    [
        (RunRequest(), None, "Web: triggering a run of project 1234"),
        (
            RunRequest(schedule="nightly"),
            None,
            "Web: triggering schedule nightly of project 1234",
        ),
        (
            RunRequest(schedule="nightly", environment="production", tags=("a", "b")),
            None,
            "Web: triggering schedule nightly in environment production with tags a, b "
            "of project 1234",
        ),
        (
            RunRequest(schedule="nightly"),
            "77",
            "Web: watching run 77 of project 1234; nothing is triggered",
        ),
    ],
)
def test_the_first_line_says_what_is_about_to_happen(
    request_: RunRequest, run_id: str | None, line: str
) -> None:
    """Everything that chooses what runs is named, before it runs."""
    assert render_intent(_subject(request_, "Web", run_id=run_id)) == line


@pytest.mark.parametrize(
    ("request_", "run_id", "words"),
    [
        (RunRequest(schedule="nightly"), None, "triggering schedule nightly"),
        (
            RunRequest(environment="production"),
            None,
            "triggering a run in environment production",
        ),
        (
            RunRequest(schedule="nightly", environment="production"),
            None,
            "triggering schedule nightly in environment production",
        ),
        (RunRequest(git_ref="main"), None, "triggering a run of main"),
        (
            RunRequest(git_ref="main", environment="production", tags=("a",)),
            None,
            "triggering a run of main in environment production with tags a",
        ),
        (RunRequest(git_ref="main", compile_only=True), None, "compiling main"),
        (
            RunRequest(git_ref="main", environment="staging", compile_only=True),
            None,
            "compiling main in environment staging",
        ),
    ],
)
def test_the_first_line_names_the_repository(
    request_: RunRequest, run_id: str | None, words: str
) -> None:
    """On Google Cloud the place belongs to what chooses what runs, or what is compiled."""
    assert render_intent(_subject(request_, "Cloud", _REPOSITORY, run_id=run_id)) == (
        f"Cloud: {words} of project 1234, repository warehouse in europe-west1"
    )


def test_compiling_an_environment_reads_well() -> None:
    """Without a ref, what is compiled is the environment."""
    line = render_intent(
        _subject(RunRequest(environment="production", compile_only=True), "Cloud", _REPOSITORY)
    )
    assert line == (
        "Cloud: compiling environment production of project 1234, "
        "repository warehouse in europe-west1"
    )


def test_watching_a_run_names_the_repository() -> None:
    """The same goes for a run that exists."""
    assert render_intent(_subject(RunRequest(), "Cloud", _REPOSITORY, run_id="1-a")) == (
        "Cloud: watching run 1-a of project 1234, repository warehouse in europe-west1; "
        "nothing is triggered"
    )


def test_settings_are_told_without_the_token() -> None:
    """The log shows how the run is waited for, in units for people."""
    assert render_settings(_subject(RunRequest(), "Web")) == [
        "API: https://api.dataform.co",
        "Longest wait between two polls: 30s",
        "Timeout for the run: 1h 30m",
        "Timeout for an API that does not answer: 10m",
        "Cancel the run when the step is cancelled or times out: false",
    ]


@pytest.mark.parametrize(
    ("update", "line"),
    [
        (Created(_RUN), "Run 77: https://a/77"),
        (Changed(_RUN, 61.9), "Status RUNNING after 1m 1s"),
        (Waiting(_RUN, 120.0, None), "Still RUNNING after 2m"),
        (Waiting(None, 120.0, None), "Still waiting for a status after 2m"),
        (Waiting(_RUN, 120.0, 0.0), "Still no usable answer from the API after 0s"),
        (Waiting(None, 120.0, 60.0), "Still no usable answer from the API after 1m"),
        (
            OutageStarted(NoResponse("GET x: HTTP 503."), 600.0),
            "No usable answer from the API, trying again for up to 10m. GET x: HTTP 503.",
        ),
        (
            OutageStarted(Throttled("GET x: HTTP 429."), 600.0),
            "No usable answer from the API, trying again for up to 10m. GET x: HTTP 429.\n"
            "Too many requests were made: run fewer jobs at a time.",
        ),
        (
            OutageStarted(NotConnected("POST x.", hint="See.", has_remedy=False), 600.0),
            "No usable answer from the API, trying again for up to 10m. POST x.",
        ),
        (OutageEnded(75.0), "The API answers again after 1m 15s"),
        (CancelRequested(_RUN), "Asked the service to cancel run 77: https://a/77"),
        (CancelRequested(_OVER), "Run 77 was over already (SUCCEEDED): https://a/77"),
        (Compiled(Compilation(name="c/1")), "Compiled without errors: c/1"),
        (
            Compiled(Compilation(name="c/1", commit="6f1c2b9")),
            "Compiled without errors (commit 6f1c2b9): c/1",
        ),
        (
            Promoted(Compilation(name="c/1")),
            "Promoted, for scheduled runs as well: c/1",
        ),
        (
            Progressed((make_action("a"), make_action("b", ActionState.RUNNING)), 30.0),
            "1 of 2 actions done after 30s",
        ),
        (LeftRunning(_RUN, None), "Run 77 goes on, since it is not to be cancelled: https://a/77"),
        (
            LeftRunning(_RUN, CancelUnsupported("No way.", hint="By hand.")),
            "The run was not cancelled. No way. By hand.",
        ),
    ],
)
def test_every_update_has_a_line(update: Update, line: str) -> None:
    """Whatever happens is told in one line, with names and values."""
    assert str(update) == line
    if not isinstance(update, Progressed):
        assert Narrator().render(update) == [line]


_START = datetime(2026, 1, 1, tzinfo=UTC)


def _running(count: int) -> tuple[Action, ...]:
    return tuple(make_action(f"d.r{n}", ActionState.RUNNING) for n in range(count))


def test_each_end_is_told_once() -> None:
    """An action's end is told when it is first seen; what stays the same, once a minute."""
    narrator = Narrator()
    first = make_action("d.a", started=_START, finished=_START + timedelta(seconds=61))
    failed = make_action("d.b", ActionState.FAILED, reason="Division\n  by zero")
    pending = make_action("d.c", ActionState.PENDING)
    assert narrator.render(Progressed((first, *_running(1), pending), 15.0)) == [
        "  d.a succeeded after 1m 1s",
        "1 of 3 actions done after 15s; running: d.r0",
    ]
    assert narrator.render(Progressed((first, failed, pending), 30.0)) == [
        "  d.b failed: Division by zero",
        "2 of 3 actions done after 30s",
    ]
    assert narrator.render(Progressed((first, failed, pending), 45.0)) == []
    assert narrator.render(Progressed((first, failed, pending), 90.0)) == [
        "2 of 3 actions done after 1m 30s"
    ]


def test_narrators_remember_on_their_own() -> None:
    """What one has told another has not."""
    update = Progressed((make_action("d.a"),), 15.0)
    assert Narrator().render(update) == Narrator().render(update)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (ActionState.SKIPPED, "skipped"),
        (ActionState.DISABLED, "disabled"),
        (ActionState.CANCELLED, "cancelled"),
    ],
)
def test_every_end_has_its_word(state: ActionState, word: str) -> None:
    """An action that did not run ended as well."""
    assert Narrator().render(Progressed((make_action("d.a", state),), 15.0)) == [
        f"  d.a {word}",
        "1 of 1 actions done after 15s",
    ]


@pytest.mark.parametrize(
    ("count", "last"), [(20, "  d.a19 succeeded"), (21, "  and 1 more actions ended")]
)
def test_many_ends_at_a_time_are_counted(count: int, last: str) -> None:
    """At most 20 ends are told at a time; those left out are not told later."""
    narrator = Narrator()
    update = Progressed(tuple(make_action(f"d.a{n}") for n in range(count)), 15.0)
    *ends, summary = narrator.render(update)
    assert ends[-1] == last
    assert len(ends) == count
    assert summary == f"{count} of {count} actions done after 15s"
    assert narrator.render(update) == []


@pytest.mark.parametrize(
    ("count", "words"),
    [(3, "d.r0, d.r1, d.r2"), (4, "d.r0, d.r1, d.r2 and 1 more")],
)
def test_many_running_actions_are_counted(count: int, words: str) -> None:
    """At most three running actions are named."""
    assert Narrator().render(Progressed(_running(count), 15.0)) == [
        f"0 of {count} actions done after 15s; running: {words}"
    ]


def test_an_end_is_one_line_of_bounded_length() -> None:
    """A reason of any length and form is one line that can be read."""
    action = make_action("d.a", ActionState.FAILED, reason="word\n" * 1000)
    [line, _] = Narrator().render(Progressed((action,), 15.0))
    assert len(line) <= 300
    assert line.startswith("  d.a failed: word word")
    assert line.endswith("word…")
