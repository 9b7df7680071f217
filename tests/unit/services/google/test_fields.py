"""Google Cloud Dataform: the fields of requests, and pages of any size."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import parse_qs

import pytest

from dataform_action.emulator import Course, Emulator, Fault, Repository, Rules, make_warehouse
from dataform_action.errors import NoResponse, Refused, TooLarge
from dataform_action.model import ActionState, Polling, RunRequest
from dataform_action.runs.api import run
from dataform_action.services.google.fields import INVOCATION_ACTIONS
from dataform_action.services.google.parse import _JOBS
from dataform_action.services.google.service import GoogleDataform
from dataform_action.transport import client as transport
from tests.support.fakes import FakeClock

_RELEASE = RunRequest(environment="production")
_FIELDS = ("honoured", "ignored", "refused")


def warehouse(actions: int, sql: str) -> Repository:
    """Return a repository whose actions have some SQL, one of them with a tag."""
    tables = [
        {
            "target": {"database": "my-project", "schema": "marts", "name": f"table_{number}"},
            "type": "table",
            "query": sql,
            "fileName": f"definitions/table_{number}.sqlx",
            "tags": ["daily"] if number == 0 else [],
        }
        for number in range(actions)
    ]
    return replace(make_warehouse(), graph={"tables": tables}, refs=_refs())


def _refs() -> Any:  # noqa: ANN401
    sample = make_warehouse()
    return {"main": replace(sample.refs["main"], graph=None)}


def connect(emulator: Emulator, **more: Any) -> GoogleDataform:  # noqa: ANN401
    return GoogleDataform(
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        token=emulator.token,
        api_url=emulator.url,
        **more,
    )


def sizes(emulator: Emulator, collection: str) -> list[int]:
    """Return the requested page sizes of a list."""
    return [
        int(parse_qs(request.query)["pageSize"][0])
        for request in emulator.requests
        if request.path.endswith(":query") and f"/{collection}/" in request.path
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Set a size limit for responses that the SQL of a few actions exceeds."""
    monkeypatch.setattr(transport, "_BODY_LIMIT", 200_000)
    return 200_000


@pytest.mark.parametrize("fields", _FIELDS)
def test_a_selection_in_a_project_with_much_sql(
    clock: FakeClock, small: int, fields: Literal["honoured", "ignored", "refused"]
) -> None:
    """Much more SQL than one response may have is read, with any support of ``fields``."""
    repository = warehouse(100, "x" * (small // 10))
    with Emulator(repositories=[repository], rules=Rules(fields=fields)) as emulator:
        emulator.set_course(None, Course(failures={"table_7": "no luck"}))
        request = replace(_RELEASE, actions=("table_7", "table_99"))
        result = run(connect(emulator), request, clock=clock)
    assert [action.file for action in result.failed_actions] == ["definitions/table_7.sqlx"]
    assert len(result.actions) == 2


def test_fields_need_one_page(clock: FakeClock, small: int) -> None:
    """If the API supports ``fields``, no page is requested twice."""
    with Emulator(repositories=[warehouse(100, "x" * (small // 10))]) as emulator:
        run(connect(emulator), replace(_RELEASE, actions=("table_7",)), clock=clock)
        assert sizes(emulator, "compilationResults") == [400, 400]
        assert all("fields=" in r.query for r in emulator.requests if r.method == "GET")


def test_a_page_that_is_too_large_is_halved(clock: FakeClock, small: int) -> None:
    """A page is halved until it fits, without a wait. Later pages keep that size."""
    repository = warehouse(100, "x" * (small // 10))
    rules = Rules(fields="ignored")
    with Emulator(repositories=[repository], rules=rules) as emulator:
        service = connect(emulator)
        service.prepare(replace(_RELEASE, actions=("table_7",)))
        found = sizes(emulator, "compilationResults")
    assert found[:7] == [400, 200, 100, 50, 25, 12, 6]
    assert set(found[6:]) == {6}
    assert len(found[6:]) == 17


def test_an_entry_that_is_too_large(small: int) -> None:
    """A single entry that is too large is not requested forever."""
    rules = Rules(fields="ignored")
    with Emulator(repositories=[warehouse(1, "x" * small)], rules=rules) as emulator:
        with pytest.raises(TooLarge):
            connect(emulator).prepare(replace(_RELEASE, actions=("table_0",)))
        assert sizes(emulator, "compilationResults")[-1] == 1


def test_a_late_page_is_halved(clock: FakeClock) -> None:
    """A lost page is requested again in a smaller size, because it may have been slow."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("close", on="query", times=2))
        emulator.add_fault(Fault("status", on="query", status=503))
        service = connect(emulator)
        retries: list[int | None] = []

        def retry(request: Any) -> Any:  # noqa: ANN401
            while True:
                try:
                    return request()
                except NoResponse as error:
                    retries.append(error.http_status)

        service.prepare(replace(_RELEASE, tags=("daily",), actions=("marts.revenue",)), retry)
        assert sizes(emulator, "compilationResults") == [400, 200, 100, 100]
        assert retries == [None, None, 503]


def test_more_pages_than_usual(clock: FakeClock) -> None:
    """With tiny pages, all 5,000 actions that are allowed are read."""
    rules = Rules(default_page_size=2, largest_page_size=2)
    with Emulator(repositories=[warehouse(500, "x")], rules=rules) as emulator:
        request = replace(_RELEASE, actions=("table_499",))
        body = connect(emulator).prepare(request).body
        assert len(sizes(emulator, "compilationResults")) == 250
    assert "table_499" in str(body)


@pytest.mark.parametrize("fields", _FIELDS)
def test_other_fields_are_not_needed(
    clock: FakeClock, fields: Literal["honoured", "ignored", "refused"]
) -> None:
    """The result is the same with all fields as with the requested fields."""
    with Emulator(rules=Rules(fields=fields)) as emulator:
        emulator.set_course(None, Course(failures={"marts.customers": "no luck"}))
        request = RunRequest(environment="production", schedule="nightly", tags=("daily",))
        result = run(connect(emulator), request, Polling(interval=1), clock=clock)
    failed = {action.name: action for action in result.failed_actions}
    action = failed["my-project.marts.customers"]
    assert (action.kind, action.reason) == ("table", "no luck")
    assert action.file == "definitions/marts/customers.sqlx"
    assert action.dependencies
    assert action.started is not None
    assert action.job_id
    assert {it.state for it in result.actions} >= {ActionState.FAILED, ActionState.SUCCEEDED}
    assert result.compilation is not None
    assert result.compilation.commit
    assert result.compilation.files_url.startswith("https://github.com/OWNER/warehouse/blob/")


def test_the_parent_of_an_assertion_is_requested(clock: FakeClock) -> None:
    """An assertion with several dependencies checks the action that declares it."""
    repository = warehouse(2, "x")
    assert isinstance(repository.graph, dict)
    tables = [table["target"] for table in repository.graph["tables"]]
    target = {"database": "my-project", "schema": "checks", "name": "unique"}
    assertion = {"target": target, "parentAction": tables[1], "dependencyTargets": tables}
    graph = {**repository.graph, "assertions": [assertion]}
    with Emulator(repositories=[replace(repository, graph=graph)]) as emulator:
        actions = run(connect(emulator), _RELEASE, clock=clock).actions
    assert {action.checked_action for action in actions} == {"", "my-project.marts.table_1"}


@pytest.mark.parametrize(("action", "field", "kind"), _JOBS)
def test_every_job_is_requested(action: str, field: str, kind: str) -> None:
    """The ids of all kinds of jobs are among the fields."""
    assert re.search(rf"{action}(/|\([^()]*\b){field}\b", INVOCATION_ACTIONS), kind


def test_a_refused_field_costs_one_request(clock: FakeClock) -> None:
    """After the API refused a list of fields, the list is not sent again."""
    with Emulator(rules=Rules(fields="refused")) as emulator:
        run(connect(emulator), RunRequest(schedule="nightly"), clock=clock)
        polls = [r for r in emulator.requests if r.path.rpartition("/")[0].endswith("Invocations")]
        gets = [r for r in polls if r.method == "GET" and ":query" not in r.path]
        assert len(gets) > 2
        assert ["fields=" in request.query for request in gets] == [True] + [False] * (
            len(gets) - 1
        )


def test_a_request_that_is_refused_with_and_without_fields() -> None:
    """A 400 with another cause is reported unchanged."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("status", on="get", status=400, times=2))
        service = connect(emulator)
        with pytest.raises(Refused, match="HTTP 400"):
            service.get(service.describe("1-2"))


def test_messages_have_no_query() -> None:
    """An error has the address without the list of fields."""
    with Emulator() as emulator:
        service = connect(emulator)
        with pytest.raises(Refused) as caught:
            service.get(service.describe("1-2"))
    assert "fields" not in caught.value.message
    assert "/workflowInvocations/1-2: HTTP 404" in caught.value.message
