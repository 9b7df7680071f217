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
    RerunPrepared,
    Subject,
    Update,
    Waiting,
)
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    Polling,
    Rerun,
    Run,
    RunRequest,
    State,
)
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
    ("request_", "line"),
    [
        (RunRequest(), "Web: starting a run (project 1234)"),
        (RunRequest(schedule="nightly"), "Web: starting a run of schedule nightly (project 1234)"),
        (
            RunRequest(schedule="nightly", environment="production"),
            "Web: starting a run of schedule nightly in environment production (project 1234)",
        ),
        (
            RunRequest(environment="production"),
            "Web: starting a run of environment production (project 1234)",
        ),
        (RunRequest(git_ref="main"), "Web: starting a run of git ref main (project 1234)"),
        (
            RunRequest(git_ref="main", environment="production"),
            "Web: starting a run of git ref main with the settings of environment production "
            "(project 1234)",
        ),
        (RunRequest(workspace="dev"), "Web: starting a run of workspace dev (project 1234)"),
        (
            RunRequest(git_ref="main", compile_only=True),
            "Web: compiling git ref main (project 1234)",
        ),
        (
            RunRequest(environment="production", compile_only=True),
            "Web: compiling environment production (project 1234)",
        ),
    ],
)
def test_the_first_line_says_what_is_about_to_happen(request_: RunRequest, line: str) -> None:
    """The first line names what is run and where, before anything is sent."""
    assert render_intent(_subject(request_, "Web")) == [line]


def test_the_first_line_names_the_repository() -> None:
    """On Google Cloud the place is a project, a repository and a region."""
    assert render_intent(_subject(RunRequest(git_ref="main"), "Cloud", _REPOSITORY)) == [
        "Cloud: starting a run of git ref main (project 1234, repository warehouse in europe-west1)"
    ]


def test_every_option_has_a_line() -> None:
    """Whatever narrows or changes the run is shown; of variables only the names."""
    request = RunRequest(
        git_ref="main",
        tags=("daily", "hourly"),
        actions=tuple(f"a{number}" for number in range(12)),
        vars=(("region", "eu"), ("key", "s3cret")),
        project_path="pipelines/shop",
        schema_suffix="pr_7",
        table_prefix="x",
        compile_overrides=(
            ("defaultDatabase", "sandbox"),
            ("defaultSchema", "a1b2c3d4e5f6a7b8c9d0"),
        ),
        service_account="a@p.iam.gserviceaccount.com",
        include_dependencies=True,
        include_dependents=False,
        full_refresh=True,
        query_priority="batch",
        max_concurrent_actions=4,
        unit_tests="only",
        promote=True,
    )
    first, *options = render_intent(_subject(request, "Web"))
    assert first == "Web: starting a run of git ref main (project 1234)"
    assert options == [
        "  Tags: daily, hourly",
        "  Actions: a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 and 2 more",
        "  Variables: region, key",
        "  Compilation overrides: defaultDatabase=sandbox, defaultSchema=(20 characters)",
        "  Project path: pipelines/shop",
        "  Schema suffix: pr_7",
        "  Table prefix: x",
        "  Service account: a@p.iam.gserviceaccount.com",
        "  Query priority: batch",
        "  Concurrent actions at most: 4",
        "  Unit tests: only",
        "  Dependencies: true",
        "  Dependents: false",
        "  Full refresh: true",
        "  Promote: true",
    ]


def test_long_lists_are_counted_and_no_name_is_cut() -> None:
    """A cut name could be a part of a secret, which no search finds."""
    names = tuple(f"{'x' * 90}{number}" for number in range(6))
    request = RunRequest(git_ref="main", actions=names, tags=("t" * 251, "ghp_a1B2c3D4e5F6g7H8"))
    assert render_intent(_subject(request, "Web"))[1:] == [
        "  Tags: (251 characters), (20 characters)",
        f"  Actions: {', '.join(names[:3])} and 3 more",
    ]


def test_a_commit_is_shown() -> None:
    """The digits and letters of a commit alternate as those of a token do."""
    request = RunRequest(git_ref="6f1c2b9d0e4a58c7f3b1d2e90a7c64835e1f0b2d")
    assert "git ref 6f1c2b9d0e4a58c7f3b1d2e90a7c64835e1f0b2d (" in "".join(
        render_intent(_subject(request, "Web"))
    )


def test_a_value_that_looks_like_a_token_is_not_shown() -> None:
    """A token in the wrong input is only counted."""
    request = RunRequest(git_ref="main", schema_suffix="a1b2c3d4e5f6a7b8c9d0")
    assert render_intent(_subject(request, "Web"))[1:] == ["  Schema suffix: (20 characters)"]


def test_watching_a_run() -> None:
    """A run that exists is named, and inputs without effect are listed."""
    first = "Web: watching run 77 (project 1234). No run is started."
    assert render_intent(_subject(RunRequest(), "Web", run_id="77")) == [first]
    request = RunRequest(schedule="nightly", tags=("a",), full_refresh=False)
    assert render_intent(_subject(request, "Web", run_id="77")) == [
        first,
        "run-id is given, so these inputs have no effect: schedule, tags, full-refresh",
    ]


def test_settings_are_shown_without_the_token() -> None:
    """The log shows how the run is waited for, in units for people."""
    assert render_settings(_subject(RunRequest(), "Web")) == [
        "API: https://api.dataform.co",
        "Longest wait between two polls: 30s",
        "Timeout for the run: 1h 30m",
        "Timeout for an outage of the API: 10m",
        "Cancel the run when the step is cancelled or times out: false",
    ]


def test_a_shared_quota_is_shown() -> None:
    """The log of a slower step shows how often it polls, and why."""
    subject = _subject(RunRequest(), "Web")._replace(polling=Polling(parallel=30))
    line = "Longest wait between two polls: 30s, because 30 runs share the quota"
    assert line in render_settings(subject)
    subject = subject._replace(polling=Polling(parallel=10))
    assert "Longest wait between two polls: 10s" in render_settings(subject)


@pytest.mark.parametrize(
    ("update", "line"),
    [
        (Created(_RUN), "Run 77: https://a/77"),
        (Changed(_RUN, 61.9), "Status RUNNING after 1m 1s"),
        (Waiting(_RUN, 120.0, None), "Still RUNNING after 2m"),
        (Waiting(None, 120.0, None), "Still waiting for a status after 2m"),
        (Waiting(_RUN, 120.0, 0.0), "Still no usable response from the API after 0s"),
        (Waiting(None, 120.0, 60.0), "Still no usable response from the API after 1m"),
        (
            OutageStarted(NoResponse("GET x: HTTP 503."), 600.0),
            "No usable response from the API. Retrying for up to 10m. GET x: HTTP 503.",
        ),
        (
            OutageStarted(Throttled("GET x: HTTP 429."), 600.0),
            "No usable response from the API. Retrying for up to 10m. GET x: HTTP 429.\n"
            "The service received too many requests: run fewer jobs at the same time.",
        ),
        (
            OutageStarted(NotConnected("POST x.", hint="See.", has_remedy=False), 600.0),
            "No usable response from the API. Retrying for up to 10m. POST x.",
        ),
        (OutageEnded(75.0), "The API responds again after 1m 15s"),
        (CancelRequested(_RUN), "Requested cancellation of run 77: https://a/77"),
        (CancelRequested(_OVER), "Run 77 had already ended (SUCCEEDED): https://a/77"),
        (Compiled(Compilation(name="c/1")), "Compiled without errors: c/1"),
        (
            Compiled(Compilation(name="c/1", commit="6f1c2b9")),
            "Compiled without errors (commit 6f1c2b9): c/1",
        ),
        (
            Promoted(Compilation(name="c/1")),
            "Release configuration now uses this compilation: c/1",
        ),
        (
            Progressed((make_action("a"), make_action("b", ActionState.RUNNING)), 30.0),
            "1 of 2 actions done after 30s",
        ),
        (LeftRunning(_RUN, None), "Run 77 left running: cancellation is disabled: https://a/77"),
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
    ("count", "last"), [(5, "  d.a4 succeeded"), (6, "  and 1 more succeeded")]
)
def test_many_ends_at_a_time_are_counted(count: int, last: str) -> None:
    """At most five successes are named at a time. Those left out are not named later."""
    narrator = Narrator()
    update = Progressed(tuple(make_action(f"d.a{n}") for n in range(count)), 15.0)
    *ends, summary = narrator.render(update)
    assert ends[-1] == last
    assert len(ends) == count
    assert summary == f"{count} of {count} actions done after 15s"
    assert narrator.render(update) == []


def test_failures_come_first() -> None:
    """A failure among many other ends is always named, ahead of them."""
    succeeded = [make_action(f"d.a{n}") for n in range(50)]
    skipped = [make_action(f"d.s{n}", ActionState.SKIPPED) for n in range(80)]
    failed = [make_action(f"d.f{n}", ActionState.FAILED, reason="Boom") for n in range(30)]
    lines = Narrator().render(Progressed((*succeeded, *skipped, *failed), 16.0))
    assert lines[:30] == [f"  d.f{n} failed: Boom" for n in range(30)]
    assert lines[30:35] == [f"  d.a{n} succeeded" for n in range(5)]
    assert lines[35:] == [
        "  and 45 more succeeded, 80 more skipped",
        "160 of 160 actions done after 16s",
    ]


def test_the_number_of_named_failures_is_bounded() -> None:
    """Failures beyond the first hundred of an update are counted."""
    failed = tuple(make_action(f"d.f{n}", ActionState.FAILED) for n in range(103))
    lines = Narrator().render(Progressed(failed, 16.0))
    assert lines[99:101] == ["  d.f99 failed", "  and 3 more failed"]


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


def test_another_attempt_starts_anew() -> None:
    """Its time starts at 0, so an equal state is not a repetition of the earlier run's."""
    narrator, running = Narrator(), Progressed(_running(1), 3600.0)
    line = "0 of 1 actions done after 15s; running: d.r0"
    rerun = RerunPrepared(Rerun(_OVER, ()), Compilation(name="c/1"), 2, 2)
    narrator.render(running)
    narrator.render(rerun)
    assert narrator.render(running._replace(elapsed=15.0)) == [line]
