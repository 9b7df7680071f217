"""Google Cloud Dataform: parsing responses, which are not trusted."""

from __future__ import annotations

import pytest

from dataform_action.errors import InvalidResponse
from dataform_action.model import Action, ActionState, CompiledAction, State
from dataform_action.services.google.parse import (
    parse_actions,
    parse_compilation_name,
    parse_compiled_actions,
    parse_default_location,
    parse_invocation_name,
    parse_page_token,
    parse_project_path,
    parse_state,
    parse_target,
)
from tests.unit.services.google.support import PARENT


@pytest.mark.parametrize(
    "name",
    [
        None,
        7,
        "",
        "1",
        f"{PARENT}/workflowInvocations",
        f"{PARENT}/workflowInvocations/",
        f"{PARENT}/workflowInvocations/..",
        f"{PARENT}/workflowInvocations/a/b",
        f"{PARENT}/workflowInvocations/a?b",
        f"{PARENT}/workflowInvocations/a:cancel",
        f"{PARENT}/workflowInvocations/a\n",
        f"{PARENT}/workflowInvocations/{'9' * 201}",
        f"{PARENT}2/workflowInvocations/1",
        f"x/{PARENT}/workflowInvocations/1",
        "projects/p/locations/l/repositories/other/workflowInvocations/1",
        "projects/p/locations/other/repositories/r/workflowInvocations/1",
        "projects//locations/l/repositories/r/workflowInvocations/1",
    ],
)
def test_invalid_names(name: object) -> None:
    """A name that is not that of a run in this repository is refused."""
    with pytest.raises(InvalidResponse, match=r"The response has no (name in|valid id)"):
        parse_invocation_name({"name": name}, PARENT)


def test_names_with_the_number_of_the_project() -> None:
    """A name may have the project number; the result has the project id."""
    numbered = PARENT.replace("/p/", "/1234/")
    name = {"name": f"{numbered}/workflowInvocations/1-a_B"}
    assert parse_invocation_name(name, PARENT) == "1-a_B"
    name = {"name": f"{numbered}/compilationResults/c"}
    assert parse_compilation_name(name, PARENT) == f"{PARENT}/compilationResults/c"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("RUNNING", State.RUNNING),
        ("CANCELING", State.RUNNING),
        ("SUCCEEDED", State.SUCCESS),
        ("FAILED", State.FAILURE),
        ("CANCELLED", State.CANCELLED),
    ],
)
def test_states(word: str, state: State) -> None:
    """Each state of an invocation has one of ours; CANCELING is not final."""
    assert parse_state({"state": word}) == (state, word)


@pytest.mark.parametrize("config", [None, 7, [], {}, {"pipelineConfig": 7}])
def test_configuration_without_a_folder(config: object) -> None:
    """Without a folder, the project is in the root."""
    assert parse_project_path(config) == ""


@pytest.mark.parametrize(
    ("config", "location"),
    [
        ({"defaultLocation": "europe-west1"}, "europe-west1"),
        ({"defaultLocation": "US"}, "US"),
        ({"defaultLocation": "a b"}, ""),
        ({"defaultLocation": "&x=1"}, ""),
        ({"defaultLocation": "a\n"}, ""),
        ({"defaultLocation": 7}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_default_location(config: object, location: str) -> None:
    """A location that is not valid in a link is ignored."""
    assert parse_default_location(config) == location


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ({"database": "p", "schema": "s", "name": "n"}, "p.s.n"),
        ({"schema": "s", "name": "n"}, "s.n"),
        ({"database": 7, "schema": "", "name": "n"}, "n"),
        ({}, ""),
        (None, ""),
        ("p.s.n", ""),
    ],
)
def test_target(target: object, name: str) -> None:
    """A target's name has the parts that exist."""
    assert parse_target(target) == name


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"relation": {"relationType": "INCREMENTAL_TABLE"}}, "incremental table"),
        ({"relation": {}}, "relation"),
        ({"operations": {}}, "operation"),
        ({"assertion": {}}, "assertion"),
        ({"notebook": {}}, "notebook"),
        ({"dataPreparation": {}}, "data preparation"),
        ({"bigqueryUnitTest": {}}, "unit test"),
        ({"declaration": {}}, "declaration"),
        ({"somethingNew": {}}, "action"),
        ({"relation": 7}, "action"),
        ({"": {"tags": ["x"]}}, "action"),
        ({}, "action"),
    ],
)
def test_kinds(entry: dict[str, object], kind: str) -> None:
    """An action has the kind of its object; an unknown kind is an action."""
    response = {"compilationResultActions": [entry]}
    assert parse_compiled_actions(response, "") == [CompiledAction(name="", kind=kind)]


def test_compiled_action_in_full() -> None:
    """A compiled action has its name, kind, file, dependencies and tags."""
    dependencies = [{"schema": "s", "name": "raw"}, {}, 7]
    entry = {
        "target": {"database": "p", "schema": "s", "name": "n"},
        "filePath": "definitions/n.sqlx",
        "assertion": {
            "tags": ["daily", 7, "", "finance"],
            "disabled": True,
            "dependencyTargets": dependencies,
        },
    }
    assert parse_compiled_actions({"compilationResultActions": [entry, 7]}, "sub") == [
        CompiledAction(
            name="p.s.n",
            kind="assertion",
            file="sub/definitions/n.sqlx",
            dependencies=("s.raw",),
            tags=("daily", "finance"),
            disabled=True,
            checked_action="s.raw",
        )
    ]


@pytest.mark.parametrize(
    ("entry", "checked"),
    [
        ({"assertion": {"parentAction": {"name": "p"}, "dependencyTargets": [{"name": "d"}]}}, "p"),
        ({"assertion": {"dependencyTargets": [{"name": "d"}]}}, "d"),
        ({"assertion": {"parentAction": 7, "dependencyTargets": [{"name": "d"}, {}]}}, "d"),
        ({"assertion": {"dependencyTargets": [{"name": "d"}, {"name": "e"}]}}, ""),
        ({"assertion": {}}, ""),
        ({"relation": {"parentAction": {"name": "p"}, "dependencyTargets": [{"name": "d"}]}}, ""),
    ],
)
def test_what_an_assertion_checks(entry: dict[str, object], checked: str) -> None:
    """It is the action whose configuration has the assertion, or else the only dependency."""
    [action] = parse_compiled_actions({"compilationResultActions": [entry]}, "")
    assert action.checked_action == checked


@pytest.mark.parametrize("value", [None, 7, "true", {"a": 1}])
def test_invalid_tags(value: object) -> None:
    """Invalid tags are ignored, and only true disables an action."""
    entry = {"operations": {"tags": value, "disabled": value}}
    assert parse_compiled_actions({"compilationResultActions": [entry]}, "") == [
        CompiledAction(name="", kind="operation")
    ]


@pytest.mark.parametrize(
    ("state", "known"),
    [
        *((state.name, state) for state in ActionState),
        ("QUEUED", ActionState.PENDING),
        ("", ActionState.PENDING),
        (None, ActionState.PENDING),
        (3, ActionState.PENDING),
        (["FAILED"], ActionState.PENDING),
    ],
)
def test_action_states(state: object, known: ActionState) -> None:
    """Each state of an action has one of ours; an unknown state is pending."""
    (action,) = parse_actions({"workflowInvocationActions": [{"state": state}]})
    assert action == Action(name="(an action without a name)", state=known)
    (missing,) = parse_actions({"workflowInvocationActions": [{}]})
    assert missing.state is ActionState.PENDING


@pytest.mark.parametrize(
    ("timing", "seconds"),
    [
        (["2026-11-22T00:00:00.000000009Z", "2026-11-22T00:00:01.500000009Z"], 1.5),
        (["2026-11-22T01:00:00+01:00", "2026-11-22T00:00:10Z"], 10.0),
        (["2026-11-22T00:00:10Z", "2026-11-22T00:00:00Z"], 0.0),
        (["2026-11-22T00:00:00Z", None], None),
        (["2026-11-22T00:00:00Z", "2026-11-22T00:00:01"], None),
        (["yesterday", "today"], None),
        ([7, 8], None),
    ],
)
def test_times(timing: list[object], seconds: float | None) -> None:
    """The duration needs both times, and is never negative."""
    times = dict(zip(("startTime", "endTime"), timing, strict=True))
    (action,) = parse_actions({"workflowInvocationActions": [{"invocationTiming": times}]})
    assert action.seconds == seconds


@pytest.mark.parametrize("timing", [None, {}, {"startTime": "2026-11-22T00:00:00Z"}, [], 7])
def test_missing_times(timing: object) -> None:
    """Without a start or an end, there is no duration."""
    (action,) = parse_actions({"workflowInvocationActions": [{"invocationTiming": timing}]})
    assert action.seconds is None


@pytest.mark.parametrize(
    ("entry", "jobs"),
    [
        ({"bigqueryAction": {"jobId": "dataform-gen_1.x:y"}}, ["BigQuery job dataform-gen_1.x:y"]),
        ({"notebookAction": {"jobId": "n1"}}, ["notebook execution n1"]),
        ({"dataPreparationAction": {"jobId": "d1"}}, ["BigQuery job d1"]),
        ({"bigqueryAction": 7, "notebookAction": {"jobId": "n1"}}, ["notebook execution n1"]),
        (
            {"bigqueryUnitTestAction": {"actualResultsJobId": "a", "expectedResultsJobId": "e"}},
            ["BigQuery job (actual results) a", "BigQuery job (expected results) e"],
        ),
        (
            {"bigqueryUnitTestAction": {"expectedResultsJobId": "e"}},
            ["BigQuery job (expected results) e"],
        ),
        ({"bigqueryAction": {"jobId": "a b"}}, []),
        ({"bigqueryAction": {"jobId": "a)](http://x"}}, []),
        ({"bigqueryAction": {"jobId": "a\n"}}, []),
        ({"bigqueryAction": {"jobId": "x" * 301}}, []),
        ({"bigqueryAction": {"jobId": 7}}, []),
        ({"bigqueryAction": {}}, []),
        ({}, []),
    ],
)
def test_jobs(entry: dict[str, object], jobs: list[str]) -> None:
    """A job with an id that is not valid in a link is ignored."""
    (action,) = parse_actions({"workflowInvocationActions": [entry]})
    assert [f"{job.kind} {job.id}" for job in action.jobs] == jobs
    assert {(job.url, job.has_own_page) for job in action.jobs} <= {("", True)}


def test_long_reason() -> None:
    """A very long reason of a failure is cut."""
    entry = {"target": {"name": "a"}, "failureReason": "no " * 1_000_000}
    (action,) = parse_actions({"workflowInvocationActions": [entry]})
    assert 9_990 < len(action.reason) <= 10_000
    assert action.reason.endswith("no…")


@pytest.mark.parametrize("token", ["\ud800", "a\n", "é"])
def test_invalid_page_token(token: str) -> None:
    """A token that cannot be part of an address is an error."""
    with pytest.raises(InvalidResponse):
        parse_page_token({"nextPageToken": token})


def test_page_token() -> None:
    """The last page has no token."""
    assert parse_page_token({"nextPageToken": "a/b=="}) == "a/b=="
    assert parse_page_token({}) == ""
