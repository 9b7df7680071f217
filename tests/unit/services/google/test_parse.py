"""Google Cloud Dataform: reading answers, of which nothing is trusted."""

from __future__ import annotations

import pytest

from dataform_action.errors import InvalidResponse
from dataform_action.model import Action, ActionState, CompiledAction, CompileError, State
from dataform_action.services.google.parse import (
    parse_actions,
    parse_compilation_name,
    parse_compile_errors,
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
def test_name_that_is_none(name: object) -> None:
    """What is no name of a run of this repository is odd, and never put into a path."""
    with pytest.raises(InvalidResponse, match=r"The answer (names nothing in|holds no usable id)"):
        parse_invocation_name({"name": name}, PARENT)


def test_names_with_the_number_of_the_project() -> None:
    """A project may be named by its number; the full name is given with ours."""
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
    """Each state of an invocation has one of ours; CANCELING is no end."""
    assert parse_state({"state": word}) == (state, word)


@pytest.mark.parametrize(
    ("path", "stack", "position"),
    [
        ("includes/a.js", "at x (includes/a.js:12:5)", (12, 5)),
        ("includes/a.js", "at x (/project/includes/a.js:12:5)", (12, 5)),
        ("includes/a.js", "includes/a.js:12", (12, None)),
        ("includes/a.js", "includes/a.js:12:\nboom", (12, None)),
        ("workflow_settings.yaml", "workflow_settings.yaml:3:1", (3, 1)),
        ("x.yml", "x.yml:3", (3, None)),
        ("dataform.json", "dataform.json:3", (3, None)),
        ("a.js", "data.js:9:9 then a.js:2:1", (2, 1)),
        ("a.js", "a.js:99999999", (None, None)),
        ("a.js", "a.js:5:99999999", (5, None)),
        ("a+b.js", "aab.js:1:1", (None, None)),
        ("a.js", "b.js:1:1", (None, None)),
        ("a.js", "", (None, None)),
        ("definitions/a.sqlx", "at definitions/a.sqlx:40:7", (None, None)),
        ("../a.js", "../a.js:1:1", (None, None)),
        ("", ":1:1", (None, None)),
    ],
)
@pytest.mark.parametrize("field", ["message", "stack"])
def test_position(
    path: str, stack: str, position: tuple[int | None, int | None], field: str
) -> None:
    """A position counts only in a file that is not translated, where that file is named."""
    (error,) = parse_compile_errors({"compilationErrors": [{"path": path, field: stack}]})
    assert (error.line, error.column) == position


def test_compile_error_in_full() -> None:
    """An error has its message, file, position and action."""
    entry = {
        "message": "boom",
        "path": "includes/a.js",
        "stack": "Error: boom\n  at includes/a.js:3:9",
        "actionTarget": {"database": "p", "schema": "s", "name": "n"},
    }
    assert parse_compile_errors({"compilationErrors": [entry]}) == (
        CompileError(message="boom", file="includes/a.js", line=3, column=9, action="p.s.n"),
    )


@pytest.mark.parametrize("folder", ["", "warehouse"])
def test_compile_error_in_the_compiler(folder: str) -> None:
    """The compiler's own file, which it names for some errors, is none of the project."""
    answer = {
        "codeCompilationConfig": {"pipelineConfig": {"path": folder}},
        "compilationErrors": [{"message": 'Could not resolve "x"', "path": "index.js"}],
    }
    assert parse_compile_errors(answer) == (CompileError(message='Could not resolve "x"'),)


def test_compile_error_without_anything() -> None:
    """An error of which nothing is told is an error all the same."""
    (error,) = parse_compile_errors({"compilationErrors": [{}]})
    assert error == CompileError(message="The API gives no message.")


@pytest.mark.parametrize("answer", [{}, {"compilationErrors": None}, {"compilationErrors": []}])
def test_no_compile_errors(answer: dict[str, object]) -> None:
    """A list that is left out or empty is no error."""
    assert parse_compile_errors(answer) == ()


@pytest.mark.parametrize("errors", ["boom", ["boom"], [{}, None], {"message": "boom"}, 1, False])
def test_odd_compile_errors_are_not_overlooked(errors: object) -> None:
    """What stands in the place of errors and is none never passes for a clean compilation."""
    with pytest.raises(InvalidResponse, match="The compilation errors are no list of objects"):
        parse_compile_errors({"compilationErrors": errors})


@pytest.mark.parametrize(
    ("path", "folder", "file"),
    [
        ("definitions/a.sqlx", None, "definitions/a.sqlx"),
        ("definitions/a.sqlx", "warehouse", "warehouse/definitions/a.sqlx"),
        ("definitions/a.sqlx", "./teams/data/", "teams/data/definitions/a.sqlx"),
        ("warehouse/definitions/a.sqlx", "warehouse", "warehouse/definitions/a.sqlx"),
        ("warehouse2/a.sqlx", "warehouse", "warehouse/warehouse2/a.sqlx"),
        ("./definitions//b/../a.sqlx", None, "definitions/a.sqlx"),
        ("a.sqlx", "../x", "a.sqlx"),
        ("a.sqlx", "/etc", "a.sqlx"),
        ("a.sqlx", ".", "a.sqlx"),
        ("a.sqlx", 7, "a.sqlx"),
        ("/etc/passwd", None, ""),
        ("//etc/passwd", None, ""),
        ("../a.sqlx", "warehouse", ""),
        ("a/../../b", None, ""),
        ("..", None, ""),
        (".", None, ""),
        ("a\nb", None, ""),
        ("a\u202eb", None, ""),
        ("\ud800", None, ""),
        ("a" * 501, None, ""),
        ("", "warehouse", ""),
        (7, None, ""),
    ],
)
def test_files(path: object, folder: object, file: str) -> None:
    """A file is a path in the repository, below the project's folder, or none."""
    answer = {
        "codeCompilationConfig": {"pipelineConfig": {"path": folder}},
        "compilationErrors": [{"message": "m", "path": path}],
    }
    (error,) = parse_compile_errors(answer)
    assert error.file == file


@pytest.mark.parametrize("config", [None, 7, [], {}, {"pipelineConfig": 7}])
def test_configuration_without_a_folder(config: object) -> None:
    """A configuration that tells no folder has the project in the root."""
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
    """A location is told only where it can stand in a link."""
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
    """A target's name is made of what there is of it."""
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
    """An action is of the kind of its one object; what is newer than us is an action."""
    answer = {"compilationResultActions": [entry]}
    assert parse_compiled_actions(answer, "") == [CompiledAction(name="", kind=kind)]


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
    """It is the action whose configuration declares the assertion, or else the only dependency."""
    [action] = parse_compiled_actions({"compilationResultActions": [entry]}, "")
    assert action.checked_action == checked


@pytest.mark.parametrize("odd", [None, 7, "true", {"a": 1}])
def test_odd_tags_are_none(odd: object) -> None:
    """What is no list of tags has none, and only true disables an action."""
    entry = {"operations": {"tags": odd, "disabled": odd}}
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
    """Each state of an action has one of ours; a missing or newer one is pending."""
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
    """A time is known when both ends are, and is never below zero."""
    times = dict(zip(("startTime", "endTime"), timing, strict=True))
    (action,) = parse_actions({"workflowInvocationActions": [{"invocationTiming": times}]})
    assert action.seconds == seconds


@pytest.mark.parametrize("timing", [None, {}, {"startTime": "2026-11-22T00:00:00Z"}, [], 7])
def test_time_that_is_not_known(timing: object) -> None:
    """An action that did not end, or of which no time is told, has none."""
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
    """A job is known only if its id can stand in a link; no page of it is known yet."""
    (action,) = parse_actions({"workflowInvocationActions": [entry]})
    assert [f"{job.kind} {job.id}" for job in action.jobs] == jobs
    assert {(job.url, job.has_own_page) for job in action.jobs} <= {("", True)}


@pytest.mark.parametrize("token", ["\ud800", "a\n", "é"])
def test_a_token_of_a_page_that_cannot_be_sent(token: str) -> None:
    """A token that no address can hold makes no sense."""
    with pytest.raises(InvalidResponse):
        parse_page_token({"nextPageToken": token})


def test_a_token_of_a_page() -> None:
    """The last page has none."""
    assert parse_page_token({"nextPageToken": "a/b=="}) == "a/b=="
    assert parse_page_token({}) == ""
