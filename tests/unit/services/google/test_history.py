"""Google Cloud Dataform: the earlier runs that can be compared with a run."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from dataform_action.emulator import Emulator, Fault, PastInvocation, Rules
from dataform_action.errors import DataformError, NoResponse, Refused
from dataform_action.history import History
from dataform_action.model import Run, State
from dataform_action.services.google.service import GoogleDataform
from tests.emulator.support import ManualClock
from tests.support.fakes import FakeClock
from tests.support.past import NOW, OLD_COMMIT, connect, fifty, make_past, paths, with_past
from tests.unit.services.google.support import (
    COMPILATION,
    COMPILATIONS,
    REPOSITORY,
    RUN,
    RUNS,
    SCHEDULE,
    expect,
    make_google,
    make_run,
)

_LIST, _RESULTS = "GET /workflowInvocations", "GET /compilationResults"
_COMMITS = {"release_config": "production"}


@contextmanager
def serving(past: Iterable[PastInvocation], **rules: Any) -> Any:  # noqa: ANN401
    """Serve past runs at the present of the tests; yield the emulator and the service."""
    clock = ManualClock()
    clock.seconds = NOW
    with Emulator(repositories=[with_past(past)], rules=Rules(**rules), clock=clock) as emulator:
        yield emulator, connect(emulator.url, emulator.token)


def newest(emulator: Emulator, hours: float = 0.0) -> Run:
    """Return the run that started so many hours ago, as a poll returns it."""
    name = next(
        it.name for it in emulator.invocations if it.started == pytest.approx(NOW - hours * 3600)
    )
    return make_run(name.rpartition("/")[2])


def own(**more: Any) -> PastInvocation:  # noqa: ANN401
    """Return the run itself: it starts now, and is running."""
    return make_past(0, 60, **more)


def hours_of(history: History | None) -> list[float]:
    """Return how many hours ago the runs started."""
    assert history is not None
    starts = [past.run.started for past in history.runs]
    return [(NOW - start.timestamp()) / 3600 for start in starts if start is not None]


def test_fifty_runs_of_three_schedules() -> None:
    """The runs of a schedule are found among others, in the order of their starts."""
    with serving([*fifty(), own()]) as (emulator, service):
        history = service.past_runs(newest(emulator))
        assert paths(emulator.requests) == [_LIST]
    assert history.source == "schedule nightly"
    # One run is running (3), one was cancelled (6).
    assert hours_of(history) == list(range(9, 49, 3))
    states = [past.run.state for past in history.runs]
    assert states == [State.FAILURE] * 2 + [State.SUCCESS] * 12
    first = history.runs[2].run
    assert (first.status, first.seconds) == ("SUCCEEDED", 615)
    assert first.started == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert first.log_url.endswith(f"/workflows/{first.id}?project=my-project")
    # The median of 615, 618, ..., 642.
    assert history.durations == tuple(range(615, 643, 3))
    assert history.usual == (627 + 630) / 2


def test_runs_that_started_later_are_not_earlier() -> None:
    """A run that is watched later is compared only with what was before it."""
    with serving([*fifty(), own()]) as (emulator, service):
        assert hours_of(service.past_runs(newest(emulator, 24))) == list(range(27, 49, 3))


def test_an_api_that_sorts_oldest_first() -> None:
    """If the newest runs may not have been read, nothing is said."""
    past = sorted([*fifty(), own()], key=lambda it: it.started)
    with serving(past, sorts_lists=False, largest_page_size=20) as (emulator, service):
        assert service.past_runs(newest(emulator)) is None
        assert paths(emulator.requests) == [_LIST] * 2
        # This one is in the first pages, but others may be missing.
        assert service.past_runs(newest(emulator, 24)) is None
    with serving(past, sorts_lists=False) as (emulator, service):
        assert hours_of(service.past_runs(newest(emulator))) == list(range(9, 49, 3))


def test_an_api_in_any_order() -> None:
    """The order does not matter if the list was read to its end."""
    with serving([own(), *fifty()], sorts_lists=False, largest_page_size=30) as (
        emulator,
        service,
    ):
        assert hours_of(service.past_runs(newest(emulator))) == list(range(9, 49, 3))
        assert paths(emulator.requests) == [_LIST] * 2


def test_two_pages_at_most() -> None:
    """With small pages, only the newest runs are compared."""
    with serving([*fifty(), own()], largest_page_size=10) as (emulator, service):
        # The run itself, and those up to 19 hours ago.
        assert hours_of(service.past_runs(newest(emulator))) == [9, 12, 15, 18]
        assert paths(emulator.requests) == [_LIST] * 2


def test_one_page_is_enough() -> None:
    """A second page is not read if the first one has ten runs that ended."""
    past = [make_past(hours, 60) for hours in range(1, 30)]
    with serving([*past, own()], largest_page_size=11) as (emulator, service):
        assert len(hours_of(service.past_runs(newest(emulator)))) == 10
        assert paths(emulator.requests) == [_LIST]


def test_a_run_that_is_not_listed() -> None:
    """A run that is not in the list is compared with nothing."""
    with serving(fifty()) as (_, service):
        assert service.past_runs(make_run("1-x")) is None


_DAILY = {"includedTags": ["daily"]}
_ORDERS = {"database": "my-project", "schema": "marts", "name": "customers"}


@pytest.mark.parametrize(
    ("mine", "same", "other"),
    [
        (_COMMITS, {}, {"workflow_config": "nightly", "release_config": ""}),
        (_COMMITS, {}, {"git_commitish": "main", "release_config": ""}),
        ({"git_commitish": "main"}, {}, {"workspace": "dev"}),
        ({"workspace": "dev"}, {}, {"workspace": "", "git_commitish": "main"}),
        (
            {"git_commitish": "main", "code_compilation_config": {"vars": {"day": "1"}}},
            {"code_compilation_config": {"vars": {"day": "2"}}},
            {"code_compilation_config": {"vars": {"day": "1", "sample": "true"}}},
        ),
        (
            {"git_commitish": "main", "code_compilation_config": {"schemaSuffix": "a"}},
            {},
            {"code_compilation_config": {"schemaSuffix": "b"}},
        ),
        (
            {**_COMMITS, "invocation_config": _DAILY},
            {"invocation_config": {**_DAILY, "executionMode": "DEFAULT", "queryPriority": "BATCH"}},
            {"invocation_config": {}},
        ),
        (
            {**_COMMITS, "invocation_config": {"includedTargets": [_ORDERS]}},
            {},
            {"invocation_config": {"includedTargets": [{**_ORDERS, "name": "revenue"}]}},
        ),
        *(
            (_COMMITS, {"invocation_config": {flag: False}}, {"invocation_config": {flag: True}})
            for flag in (
                "transitiveDependenciesIncluded",
                "transitiveDependentsIncluded",
                "fullyRefreshIncrementalTablesEnabled",
            )
        ),
        (_COMMITS, {}, {"invocation_config": {"executionMode": "UNIT_TESTS_ONLY"}}),
    ],
)
def test_runs_of_the_same_source_and_selection(
    mine: dict[str, Any], same: dict[str, Any], other: dict[str, Any]
) -> None:
    """Without a schedule, source, settings and selection must be the same."""
    past = [
        make_past(1, 60, **{**mine, **other}),
        make_past(2, 60, **{**mine, **same}),
        make_past(3, 60, **{**mine, **other}),
        make_past(4, 60, **mine),
    ]
    with serving([own(**mine), *past]) as (emulator, service):
        history = service.past_runs(newest(emulator))
        assert paths(emulator.requests) == [_LIST, _RESULTS]
    assert hours_of(history) == [2, 4]
    assert {found.commit for found in history.runs} == {OLD_COMMIT}
    names = {
        "release_config": "release configuration production",
        "git_commitish": "git ref main",
        "workspace": "workspace dev",
    }
    assert history.source == names[next(iter(mine))]


def test_no_second_list_without_similar_runs() -> None:
    """Compilations are read only if there is a run with the same selection."""
    past = make_past(1, 60, **_COMMITS, invocation_config=_DAILY)
    with serving([own(**_COMMITS), past]) as (emulator, service):
        assert service.past_runs(newest(emulator)) is None
        assert paths(emulator.requests) == [_LIST]


def test_runs_before_one_with_an_unknown_source() -> None:
    """A run whose compilation is not known may be the same, so older runs are not compared."""
    past = [make_past(hours, 60, **_COMMITS) for hours in range(1, 9)]
    with serving([own(**_COMMITS), *past], largest_page_size=6) as (emulator, service):
        # One of the six is the released compilation, and one that of the run itself.
        assert hours_of(service.past_runs(newest(emulator))) == [1, 2, 3, 4]
        assert paths(emulator.requests) == [_LIST] * 2 + [_RESULTS]


@pytest.mark.parametrize("fields", ["honoured", "ignored", "refused"])
@pytest.mark.parametrize("size", [20, 1000])
def test_three_requests_at_most(fields: str, size: int) -> None:
    """The number of requests is limited, also if the API refuses the fields of each."""
    past = [make_past(hours, 60, **_COMMITS) for hours in range(1, 30)]
    with serving([own(**_COMMITS), *past], fields=fields, largest_page_size=size) as (
        emulator,
        service,
    ):
        try:
            service.past_runs(newest(emulator))
        except NoResponse as error:
            assert fields == "refused"
            assert error.message == "Reading the earlier runs takes too many requests or too long."
        assert len(emulator.requests) <= 3


def test_requests_are_short(api: responses.RequestsMock, clock: FakeClock) -> None:
    """Each request may take 5 seconds to connect and 5 to read, and all together 10 seconds."""
    google = make_google(clock=clock)

    def pass_seconds(_: object) -> tuple[int, dict[str, str], str]:
        clock.time += 6
        return 200, {}, '{"nextPageToken": "x"}'

    for _ in range(2):
        api.add_callback("GET", f"https://dataform.googleapis.com/v1/{RUNS}", pass_seconds)
    assert google.past_runs(make_run()) is None
    timeouts = [call.request.req_kwargs["timeout"] for call in api.calls]  # type: ignore[attr-defined]
    assert timeouts == [(5.0, 5.0), (2.0, 2.0)]


def test_no_request_after_ten_seconds(api: responses.RequestsMock, clock: FakeClock) -> None:
    """After ten seconds, no other request is sent."""
    google = make_google(clock=clock)

    def pass_seconds(_: object) -> tuple[int, dict[str, str], str]:
        clock.time += 9
        return 200, {}, '{"nextPageToken": "x"}'

    api.add_callback("GET", f"https://dataform.googleapis.com/v1/{RUNS}", pass_seconds)
    with pytest.raises(NoResponse, match="too long"):
        google.past_runs(make_run())


@pytest.mark.parametrize("status", [403, 404, 429, 503])
def test_errors_are_raised(status: int) -> None:
    """A failed list is an error, which the caller ignores."""
    with serving([own(), make_past(1, 60)]) as (emulator, service):
        emulator.add_fault(Fault("status", on="list", status=status, times=None))
        with pytest.raises(DataformError):
            service.past_runs(newest(emulator))
        assert len(emulator.requests) == 1


_TIME = {"startTime": "2026-11-22T03:00:00Z"}
_BEFORE = {"startTime": "2026-11-21T03:00:00Z", "endTime": "2026-11-21T03:01:00Z"}
_SCHEDULE = f"{REPOSITORY}/workflowConfigs/nightly"
_OWN = {"name": RUN, "state": "RUNNING", "workflowConfig": _SCHEDULE, "invocationTiming": _TIME}
_GOOD = {
    "name": f"{RUNS}/good",
    "state": "SUCCEEDED",
    "workflowConfig": _SCHEDULE,
    "invocationTiming": _BEFORE,
    "resolvedCompilationResult": COMPILATION,
}


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {**_GOOD, "name": f"{RUNS}/../x"},
        {**_GOOD, "name": 7},
        {**_GOOD, "invocationTiming": {"startTime": "yesterday"}},
        {**_GOOD, "invocationTiming": None},
        {**_GOOD, "workflowConfig": [_SCHEDULE]},
        {**_GOOD, "workflowConfig": f"{_SCHEDULE}/../::error::"},
        {**_GOOD, "invocationConfig": 7, "workflowConfig": ""},
        {**_GOOD, "state": "CANCELING"},
    ],
)
def test_entries_that_do_not_count(
    google: GoogleDataform, api: responses.RequestsMock, entry: dict[str, object]
) -> None:
    """An entry without a valid name, start and source is not compared."""
    query = "pageSize=200&orderBy=name+desc"
    expect(api, f"GET {RUNS}?{query}", {"workflowInvocations": [_OWN, entry, _GOOD]})
    history = google.past_runs(make_run())
    assert history is not None
    assert [past.run.id for past in history.runs] == ["good"]
    assert history.runs[0].run.compilation_result == COMPILATION


def test_runs_before_one_with_an_unknown_state(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """A run with an unknown state may have any outcome, so older runs are not compared."""
    entries = [_OWN, {**_GOOD, "state": "PAUSED"}, _GOOD]
    query = "pageSize=200&orderBy=name+desc"
    expect(api, f"GET {RUNS}?{query}", {"workflowInvocations": entries})
    assert google.past_runs(make_run()) == History("schedule nightly", ())


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        ({"releaseConfig": 7}, None),
        ({}, None),
        ({"workspace": f"{REPOSITORY}/workspaces/::error::"}, None),
        ({"gitCommitish": "a\x1b[31m\nb" + "x" * 500}, "git ref a [31m b" + "x" * 83 + "…"),
        ({"gitCommitish": "main", "codeCompilationConfig": 7}, "git ref main"),
        ({"gitCommitish": "main", "codeCompilationConfig": {"vars": [7]}}, "git ref main"),
    ],
)
def test_sources_from_hostile_responses(
    google: GoogleDataform,
    api: responses.RequestsMock,
    entry: dict[str, object],
    source: str | None,
) -> None:
    """The text of a source is one short line; an unknown source is compared with nothing."""
    compiled = {"compilationResult": COMPILATION}
    entries = [
        {name: value for name, value in {**it, **compiled}.items() if name != "workflowConfig"}
        for it in (_OWN, _GOOD)
    ]
    query = "pageSize=200&orderBy=name+desc"
    expect(api, f"GET {RUNS}?{query}", {"workflowInvocations": entries})
    found = {"compilationResults": [{"name": COMPILATION, **entry}]}
    expect(api, f"GET {COMPILATIONS}?pageSize=500&orderBy=create_time+desc", found)
    history = google.past_runs(make_run())
    assert (None if history is None else history.source) == source


def test_actions_of_a_past_run() -> None:
    """The actions of the first two pages are read, and whether there are more."""
    with serving([make_past(1, 60)], largest_page_size=5) as (emulator, service):
        actions, has_all = service.past_actions(newest(emulator, 1))
        assert (len(actions), has_all) == (10, False)
        assert len(emulator.requests) == 2
    with serving([make_past(1, 60)]) as (emulator, service):
        actions, has_all = service.past_actions(newest(emulator, 1))
        assert (len(actions), has_all) == (11, True)


def test_commit_of_a_past_run() -> None:
    """The commit is that of the compilation result; without a result, nothing is requested."""
    with serving([make_past(1, 60)]) as (emulator, service):
        compiled = emulator.invocations[0].compilation_result
        run = replace(make_run(), compilation_result=compiled)
        assert service.past_commit(run) == OLD_COMMIT
        assert service.past_commit(make_run()) == ""
        assert len(emulator.requests) == 1
        emulator.add_fault(Fault("status", on="other", status=403))
        with pytest.raises(Refused):
            service.past_commit(run)


def listed(hours: int, state: str, compilation: str, **source: str) -> dict[str, object]:
    """Return an invocation that started so many hours ago and took ten minutes."""
    start = datetime.fromtimestamp(NOW - hours * 3600, UTC)
    return {
        "name": f"{RUNS}/{hours}",
        "state": state,
        "resolvedCompilationResult": f"{COMPILATIONS}/{compilation}",
        "invocationTiming": {
            "startTime": start.isoformat(),
            "endTime": (start + timedelta(minutes=10)).isoformat(),
        },
        **source,
    }


def test_a_failure_that_a_rerun_fixed_is_no_failure(api: responses.RequestsMock) -> None:
    """The rerun has the same compilation. How long the whole took is not known."""
    nightly = {"workflowConfig": SCHEDULE}
    entries = [
        listed(0, "RUNNING", "c5", **nightly),
        listed(21, "SUCCEEDED", "c4", compilationResult=f"{COMPILATIONS}/c4"),
        listed(22, "FAILED", "c4", compilationResult=f"{COMPILATIONS}/c4"),
        listed(23, "FAILED", "c4", **nightly),
        listed(47, "FAILED", "c3", **nightly),
        listed(48, "SUCCEEDED", "c3", compilationResult=f"{COMPILATIONS}/c3"),
        listed(71, "SUCCEEDED", "c2", **nightly),
    ]
    expect(
        api,
        f"GET {RUNS}?pageSize=200&orderBy=name+desc",
        {"workflowInvocations": entries},
    )
    history = make_google().past_runs(make_run("0"))
    assert history is not None
    assert hours_of(history) == [23, 47, 71]
    assert [past.run.state for past in history.runs] == [
        *(State.SUCCESS, State.FAILURE, State.SUCCESS)
    ]
    assert history.durations == (600.0,)
    assert history.last_failures == ()
