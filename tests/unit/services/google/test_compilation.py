"""Google Cloud Dataform: what is compiled for a request, and what is selected."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest
import responses

from dataform_action.errors import InputError, InvalidResponse
from dataform_action.model import Compilation, CompileError, CompileFailed, RunRequest
from dataform_action.services.google.service import GoogleDataform
from tests.unit.services.google.support import (
    COMMIT,
    COMPILATION,
    COMPILATIONS,
    FILES,
    GIT,
    NUMBERED,
    RELEASE,
    REPOSITORY,
    RUN,
    SCHEDULE,
    body_of,
    compiled,
    expect,
    target,
)


@pytest.mark.parametrize("commit", [None, 7, ["x"], "main", f"{'0' * 40}\n"])
def test_invalid_commit(
    google: GoogleDataform, api: responses.RequestsMock, commit: object
) -> None:
    """A missing or invalid commit is ignored."""
    response = {"name": COMPILATION, "resolvedGitCommitSha": commit}
    expect(api, f"POST {COMPILATIONS}", response, body={"gitCommitish": "main"})
    prepared = google.prepare(RunRequest(git_ref="main"))
    assert prepared.compilation == Compilation(name=COMPILATION)


def test_git_ref(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A Git ref is compiled with the overrides that are given."""
    body = {
        "gitCommitish": "feature/x",
        "codeCompilationConfig": {
            "vars": {"env": "ci", "empty": ""},
            "schemaSuffix": "pr7",
            "tablePrefix": "t",
        },
    }
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    request_ = RunRequest(
        git_ref="feature/x",
        vars=(("env", "ci"), ("empty", "")),
        schema_suffix="pr7",
        table_prefix="t",
    )
    assert google.prepare(request_).body == {"compilationResult": COMPILATION}


def test_git_ref_alone(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A Git ref without overrides is compiled without a configuration."""
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "v1.2"})
    assert google.prepare(RunRequest(git_ref="v1.2")).compilation is not None


def test_git_ref_and_environment(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The overrides are merged into the configuration of the environment."""
    own = {
        "defaultDatabase": "prod",
        "schemaSuffix": "old",
        "vars": {"env": "prod", "keep": "1"},
    }
    expect(api, f"GET {RELEASE}", {"gitCommitish": "main", "codeCompilationConfig": own})
    body = {
        "gitCommitish": "topic",
        "codeCompilationConfig": {
            "defaultDatabase": "prod",
            "schemaSuffix": "new",
            "vars": {"env": "ci", "keep": "1"},
        },
    }
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    request_ = RunRequest(
        git_ref="topic", environment="production", vars=(("env", "ci"),), schema_suffix="new"
    )
    assert google.prepare(request_).compilation is not None


def test_overrides_of_an_environment(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """With overrides, the commit of the environment is compiled with its merged settings."""
    own = {"defaultDatabase": "prod", "defaultLocation": "EU", "vars": {"env": "prod", "keep": "1"}}
    response = {"gitCommitish": "release-branch", "codeCompilationConfig": own}
    expect(api, f"GET {RELEASE}", response)
    body = {
        "gitCommitish": "release-branch",
        "codeCompilationConfig": {
            "defaultDatabase": "sandbox",
            "defaultLocation": "EU",
            "assertionSchema": "checks",
            "vars": {"env": "ci", "keep": "1"},
            "schemaSuffix": "new",
            "tablePrefix": "t",
        },
    }
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    request_ = RunRequest(
        environment="production",
        vars=(("env", "ci"),),
        schema_suffix="new",
        table_prefix="t",
        compile_overrides=(("defaultDatabase", "sandbox"), ("assertionSchema", "checks")),
    )
    assert google.prepare(request_).body == {"compilationResult": COMPILATION}


def test_all_overrides(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Each override of the API is sent as it is written."""
    names = (
        *("defaultDatabase", "defaultSchema", "defaultLocation", "assertionSchema"),
        *("databaseSuffix", "builtinAssertionNamePrefix"),
    )
    body = {"gitCommitish": "main", "codeCompilationConfig": dict.fromkeys(names, "x-1")}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    overrides = tuple((name, "x-1") for name in names)
    prepared = google.prepare(RunRequest(git_ref="main", compile_overrides=overrides))
    assert prepared.body == {"compilationResult": COMPILATION}


def test_workspace(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A workspace is compiled by its full name."""
    workspace = f"{REPOSITORY}/workspaces/dev"
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"workspace": workspace})
    assert google.prepare(RunRequest(workspace="dev")).body == {"compilationResult": COMPILATION}


def test_workspace_with_overrides(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A workspace is compiled with the overrides, in the folder of the project."""
    body = {
        "workspace": f"{REPOSITORY}/workspaces/dev",
        "codeCompilationConfig": {
            "defaultSchema": "x",
            "vars": {"env": "ci"},
            "schemaSuffix": "s",
            "pipelineConfig": {"pipelineType": "DATAFORM", "path": "pipelines/shop"},
        },
    }
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    request_ = RunRequest(
        workspace="dev",
        project_path="pipelines/shop/",
        vars=(("env", "ci"),),
        schema_suffix="s",
        compile_overrides=(("defaultSchema", "x"),),
    )
    assert google.prepare(request_).body == {"compilationResult": COMPILATION}


def test_project_path(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The folder of a project is part of the settings of the compilation."""
    config = {"pipelineConfig": {"pipelineType": "DATAFORM", "path": "shop"}}
    body = {"gitCommitish": "main", "codeCompilationConfig": config}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    prepared = google.prepare(RunRequest(git_ref="main", project_path="shop"))
    assert prepared.body == {"compilationResult": COMPILATION}


def test_project_path_and_environment(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The folder replaces that of the environment, whose other settings stay."""
    own = {
        "defaultLocation": "EU",
        "pipelineConfig": {"pipelineType": "DATAFORM", "path": "old"},
    }
    expect(api, f"GET {RELEASE}", {"codeCompilationConfig": own})
    config = {"pipelineType": "DATAFORM", "path": "new"}
    body = {
        "gitCommitish": "main",
        "codeCompilationConfig": {"defaultLocation": "EU", "pipelineConfig": config},
    }
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    prepared = google.prepare(
        RunRequest(git_ref="main", environment="production", project_path="new")
    )
    assert prepared.body == {"compilationResult": COMPILATION}


@pytest.mark.parametrize("commitish", [None, "", 7, ["main"]])
def test_overrides_of_an_environment_without_a_commit(
    google: GoogleDataform, api: responses.RequestsMock, commitish: object
) -> None:
    """Without a commit in the release configuration, nothing is compiled."""
    expect(api, f"GET {RELEASE}", {"gitCommitish": commitish})
    with pytest.raises(InputError) as caught:
        google.prepare(RunRequest(environment="production", schema_suffix="x"))
    assert caught.value.message == "environment production has no Git commitish: set git-ref"


@pytest.mark.parametrize(
    ("config", "merged"),
    [
        (None, {"vars": {"a": "1"}}),
        ("x", {"vars": {"a": "1"}}),
        ({"vars": None}, {"vars": {"a": "1"}}),
        ({"vars": ["x"]}, {"vars": {"a": "1"}}),
        ({"vars": "x", "tablePrefix": "t"}, {"vars": {"a": "1"}, "tablePrefix": "t"}),
    ],
)
def test_invalid_configuration_of_an_environment(
    google: GoogleDataform, api: responses.RequestsMock, config: object, merged: object
) -> None:
    """An invalid configuration or invalid variables count as missing."""
    expect(api, f"GET {RELEASE}", {"codeCompilationConfig": config})
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=ANY)
    google.prepare(RunRequest(git_ref="topic", environment="production", vars=(("a", "1"),)))
    assert body_of(api) == {"gitCommitish": "topic", "codeCompilationConfig": merged}


def test_configuration_of_an_environment_without_variables(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """Without overrides, the variables of the environment are sent unchanged."""
    expect(api, f"GET {RELEASE}", {"codeCompilationConfig": {"vars": {"a": "1"}}})
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=ANY)
    google.prepare(RunRequest(git_ref="topic", environment="production"))
    config = {"vars": {"a": "1"}}
    assert body_of(api) == {"gitCommitish": "topic", "codeCompilationConfig": config}


@pytest.mark.parametrize(("errors", "count"), [(1, "1 error"), (2, "2 errors")])
def test_compile_errors(
    google: GoogleDataform, api: responses.RequestsMock, errors: int, count: str
) -> None:
    """A compilation with errors is never run, and every error is reported."""
    error = {"message": "Missing\n dependency", "path": "definitions/a.sqlx"}
    response = {"name": COMPILATION, "compilationErrors": [error] * errors}
    expect(api, f"POST {COMPILATIONS}", response, body={"releaseConfig": RELEASE})
    with pytest.raises(CompileFailed) as caught:
        google.prepare(RunRequest(environment="production"))
    assert caught.value.message == (
        f"The compilation has {count}, so nothing was run. First error: Missing dependency"
    )
    assert caught.value.compilation_result == COMPILATION
    known = CompileError(message="Missing\n dependency", file="definitions/a.sqlx")
    assert caught.value.errors == (known,) * errors
    # Without a commit, the address of the files is not requested.
    assert (caught.value.commit, caught.value.files_url) == ("", "")


def test_commit_of_compile_errors(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """The error of a failed compilation has its commit and the address of its files."""
    response = {
        "name": COMPILATION,
        "compilationErrors": [{"message": "m"}],
        "resolvedGitCommitSha": COMMIT,
    }
    expect(api, f"POST {COMPILATIONS}", response, body={"releaseConfig": RELEASE})
    expect(api, f"GET {REPOSITORY}", GIT)
    with pytest.raises(CompileFailed) as caught:
        google.prepare(RunRequest(environment="production"))
    assert (caught.value.commit, caught.value.files_url) == (COMMIT, FILES)


@pytest.mark.parametrize(
    "response",
    [
        {"name": COMPILATION.replace("shop", "other")},
        {"name": f"{COMPILATIONS}/../../x"},
        {"name": RUN},
        {"name": COMPILATION, "compilationErrors": ["boom"]},
    ],
)
def test_invalid_compilation(
    google: GoogleDataform, api: responses.RequestsMock, response: object
) -> None:
    """An invalid name or invalid errors of a compilation result run nothing."""
    expect(api, f"POST {COMPILATIONS}", response, body={"gitCommitish": "main"})
    with pytest.raises(InvalidResponse):
        google.prepare(RunRequest(git_ref="main"))


@pytest.mark.parametrize("parent", [REPOSITORY, NUMBERED])
def test_environment_and_schedule(
    google: GoogleDataform, api: responses.RequestsMock, parent: str
) -> None:
    """The invocationConfig of the schedule is merged with the request."""
    own = {
        "includedTags": ["daily"],
        "serviceAccount": "old@p",
        "transitiveDependenciesIncluded": True,
        "queryPriority": "BATCH",
    }
    response = {"releaseConfig": f"{parent}/releaseConfigs/production", "invocationConfig": own}
    expect(api, f"GET {SCHEDULE}", response)
    response = {"name": COMPILATION}
    expect(api, f"POST {COMPILATIONS}", response, body={"releaseConfig": RELEASE})
    request_ = RunRequest(
        schedule="nightly",
        environment="production",
        tags=("hourly",),
        service_account="new@p.iam.gserviceaccount.com",
    )
    expect(api, f"GET {COMPILATION}:query?pageSize=400", compiled("hourly"))
    assert google.prepare(request_).body == {
        "compilationResult": COMPILATION,
        "invocationConfig": {
            "includedTags": ["hourly"],
            "serviceAccount": "new@p.iam.gserviceaccount.com",
            "transitiveDependenciesIncluded": True,
            "queryPriority": "BATCH",
        },
    }


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"query_priority": "Batch"}, {"queryPriority": "BATCH"}),
        ({"query_priority": "interactive"}, {"queryPriority": "INTERACTIVE"}),
        ({"max_concurrent_actions": 3}, {"concurrentActionsLimit": 3}),
        ({"unit_tests": "False"}, {"executionMode": "ALL_EXCEPT_UNIT_TESTS"}),
        (
            {"query_priority": "batch", "max_concurrent_actions": 1, "unit_tests": "false"},
            {
                "queryPriority": "BATCH",
                "concurrentActionsLimit": 1,
                "executionMode": "ALL_EXCEPT_UNIT_TESTS",
            },
        ),
    ],
)
def test_settings_of_the_execution(
    google: GoogleDataform,
    api: responses.RequestsMock,
    changes: dict[str, Any],
    sent: dict[str, object],
) -> None:
    """Each setting is sent with the name and the value of the API."""
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "main"})
    prepared = google.prepare(RunRequest(git_ref="main", **changes))
    assert prepared.body == {"compilationResult": COMPILATION, "invocationConfig": sent}


def test_settings_of_the_execution_override_the_schedule(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """The request overrides what the schedule sets, and a note lists the rest."""
    own = {
        "queryPriority": "BATCH",
        "concurrentActionsLimit": 2,
        "executionMode": "UNIT_TESTS_ONLY",
        "serviceAccount": "a@b",
    }
    expect(api, f"GET {SCHEDULE}", {"releaseConfig": RELEASE, "invocationConfig": own})
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    request_ = RunRequest(
        schedule="nightly",
        environment="production",
        query_priority="interactive",
        max_concurrent_actions=5,
        unit_tests="false",
    )
    prepared = google.prepare(request_)
    assert prepared.body["invocationConfig"] == {
        "queryPriority": "INTERACTIVE",
        "concurrentActionsLimit": 5,
        "executionMode": "ALL_EXCEPT_UNIT_TESTS",
        "serviceAccount": "a@b",
    }
    assert prepared.notes == ("Schedule nightly sets: service-account a@b",)


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("UNIT_TESTS_ONLY", "unit-tests only"),
        ("ALL_EXCEPT_UNIT_TESTS", "unit-tests false"),
        ("NEW_MODE", "executionMode NEW_MODE"),
    ],
)
def test_settings_of_the_execution_in_a_note(
    google: GoogleDataform, api: responses.RequestsMock, mode: str, text: str
) -> None:
    """What the schedule sets is listed with the names and values of the inputs."""
    own = {"queryPriority": "BATCH", "concurrentActionsLimit": 2, "executionMode": mode}
    expect(api, f"GET {SCHEDULE}", {"releaseConfig": RELEASE, "invocationConfig": own})
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    if mode == "UNIT_TESTS_ONLY":
        expect(api, f"GET {COMPILATION}:query?pageSize=400", _TESTED)
    prepared = google.prepare(RunRequest(schedule="nightly", environment="production"))
    assert prepared.notes == (
        f"Schedule nightly sets: query-priority batch, max-concurrent-actions 2, {text}",
    )


_TESTED: dict[str, object] = {
    "compilationResultActions": [
        {"target": target("orders"), "relation": {"tags": ["daily"]}},
        {"target": target("orders_test"), "bigqueryUnitTest": {"tags": ["daily"]}},
        {"target": target("items_test"), "bigqueryUnitTest": {}},
    ]
}


@pytest.mark.parametrize(
    ("tags", "count"), [((), "2 of the project's 3"), (("daily",), "1 of the project's 3")]
)
def test_only_unit_tests(
    google: GoogleDataform, api: responses.RequestsMock, tags: tuple[str, ...], count: str
) -> None:
    """Only the unit tests of a selection are run, and shown as selected."""
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "main"})
    for _ in range(2):
        expect(api, f"GET {COMPILATION}:query?pageSize=400", _TESTED)
    request_ = RunRequest(git_ref="main", tags=tags, unit_tests="only", compile_only=True)
    prepared = google.prepare(request_)
    selected = {"includedTags": list(tags)} if tags else {}
    assert prepared.body["invocationConfig"] == {"executionMode": "UNIT_TESTS_ONLY", **selected}
    assert prepared.notes == (f"{count} actions are selected.",)


def test_only_unit_tests_without_any(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """A selection without a unit test is refused, because the run would do nothing."""
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "main"})
    expect(api, f"GET {COMPILATION}:query?pageSize=400", compiled("daily"))
    with pytest.raises(InputError) as caught:
        google.prepare(RunRequest(git_ref="main", unit_tests="only"))
    assert caught.value.message == "unit-tests is only, but the selection has no unit test"


def test_only_unit_tests_of_a_schedule_without_any(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """The problem names the schedule if that runs only unit tests."""
    own = {"executionMode": "UNIT_TESTS_ONLY"}
    expect(api, f"GET {SCHEDULE}", {"releaseConfig": RELEASE, "invocationConfig": own})
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    expect(api, f"GET {COMPILATION}:query?pageSize=400", compiled("daily"))
    with pytest.raises(InputError) as caught:
        google.prepare(RunRequest(schedule="nightly", environment="production"))
    text = "schedule nightly runs only unit tests, but the selection has none"
    assert caught.value.message == text


@pytest.mark.parametrize("config", [None, [], "x", 3])
def test_schedule_without_a_configuration(
    google: GoogleDataform, api: responses.RequestsMock, config: object
) -> None:
    """A schedule without an invocationConfig adds nothing."""
    expect(api, f"GET {SCHEDULE}", {"releaseConfig": RELEASE, "invocationConfig": config})
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    prepared = google.prepare(RunRequest(schedule="nightly", environment="production"))
    assert prepared.body == {"compilationResult": COMPILATION}


@pytest.mark.parametrize(
    ("release", "belongs"),
    [
        *(
            (
                release,
                "has no release configuration, so it does not belong to environment production: "
                "remove environment",
            )
            for release in (None, "", 3, ["x"])
        ),
        *(
            (
                release,
                f"belongs to environment {name!r}, not to production: set environment to that one, "
                "or remove it",
            )
            for release, name in (
                (RELEASE.replace("production", "staging"), "staging"),
                (RELEASE.replace("production", "pre-production"), "pre-production"),
                (RELEASE.replace("shop", "other"), RELEASE.replace("shop", "other")),
            )
        ),
    ],
)
def test_schedule_of_another_release(
    google: GoogleDataform, api: responses.RequestsMock, release: object, belongs: str
) -> None:
    """A schedule of another release configuration is refused before a compilation."""
    expect(api, f"GET {SCHEDULE}", {"releaseConfig": release})
    with pytest.raises(InputError) as caught:
        google.prepare(RunRequest(schedule="nightly", environment="production"))
    assert caught.value.message == f"schedule nightly {belongs}"
    assert caught.value.hint == "Nothing was run."


def test_selection_replaces_the_schedules_own(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """Requested tags replace the selection of the schedule."""
    own = {"includedTags": ["daily"], "serviceAccount": "a@b"}
    expect(api, f"GET {SCHEDULE}", {"releaseConfig": RELEASE, "invocationConfig": own})
    response = {"name": COMPILATION}
    expect(api, f"POST {COMPILATIONS}", response, body={"releaseConfig": RELEASE})
    expect(api, f"GET {COMPILATION}:query?pageSize=400", compiled("hourly"))
    request = RunRequest(schedule="nightly", environment="production", tags=("hourly",))
    body = google.prepare(request).body
    assert body["invocationConfig"] == {"includedTags": ["hourly"], "serviceAccount": "a@b"}


def test_selection(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Names are completed from all pages of the compilation, without declarations."""
    body = {"releaseConfig": RELEASE}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
    query = f"GET {COMPILATION}:query?pageSize=400"
    pages: list[list[dict[str, object]]] = [
        [{"target": target("orders"), "relation": {"tags": ["daily", "hourly"]}}],
        [{"target": target("orders", "raw"), "declaration": {}}],
        [{"target": target("items", "raw", "example.com:p"), "operations": {}}],
    ]
    for number, page in enumerate(pages):
        response: dict[str, object] = {"compilationResultActions": page}
        if number < 2:
            response["nextPageToken"] = f"p/{number + 1}&x="
        token = f"&pageToken=p%2F{number}%26x%3D" if number else ""
        expect(api, f"{query}{token}", response)
    request_ = RunRequest(
        environment="production",
        actions=("orders", "example.com:p.raw.items"),
        tags=("daily", "hourly"),
        include_dependencies=True,
        include_dependents=True,
        full_refresh=True,
        service_account="run@my-project.iam.gserviceaccount.com",
    )
    assert google.prepare(request_).body["invocationConfig"] == {
        "includedTargets": [target("orders"), target("items", "raw", "example.com:p")],
        "includedTags": ["daily", "hourly"],
        "transitiveDependenciesIncluded": True,
        "transitiveDependentsIncluded": True,
        "fullyRefreshIncrementalTablesEnabled": True,
        "serviceAccount": "run@my-project.iam.gserviceaccount.com",
    }


def test_target_without_a_project(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """An incomplete target of the API is sent unchanged."""
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "x"})
    parts = {"schema": "sales", "name": "orders"}
    response = {"compilationResultActions": [{"target": parts, "relation": {}}]}
    expect(api, f"GET {COMPILATION}:query?pageSize=400", response)
    prepared = google.prepare(RunRequest(git_ref="x", actions=("orders",)))
    assert prepared.body["invocationConfig"] == {"includedTargets": [parts]}


def test_unknown_actions(google: GoogleDataform, api: responses.RequestsMock) -> None:
    """Unknown actions are reported at once, and nothing is run."""
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    response = {"compilationResultActions": [{"target": target("orders"), "relation": {}}]}
    expect(api, f"GET {COMPILATION}:query?pageSize=400", response)
    with pytest.raises(InputError) as caught:
        google.prepare(RunRequest(environment="production", actions=("order", "zzz")))
    assert caught.value.problems == (
        ("actions", "'order' is not in the compilation. Did you mean orders?"),
        ("actions", "'zzz' is not in the compilation, and no name is similar"),
    )
