"""Compilation results, and the actions in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dataform_action.emulator import Emulator, ReleaseConfig, Rules, make_warehouse
from dataform_action.emulator.graph.sample_repository import BROKEN_SHA
from tests.emulator.google.support import HOME, INVALID, MISSING, Warehouse, serve

SETTINGS = {
    "defaultDatabase": "my-project",
    "defaultSchema": "marts",
    "defaultLocation": "EU",
    "assertionSchema": "assertions",
    "vars": {"currency": "EUR"},
}
"""The settings of the sample project."""


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_compile_returns_the_result(client: Warehouse, version: str) -> None:
    """A commit-ish is compiled at once, and a GET by name finds the result."""
    body = {"gitCommitish": "main", "codeCompilationConfig": {"schemaSuffix": "dev"}}
    result = client.request("POST", "/compilationResults", body, version).data
    assert result.pop("createTime").endswith("Z")
    name = result["name"]
    assert name.startswith(f"{HOME}/compilationResults/")
    assert result.pop("codeCompilationConfig") == SETTINGS | {"schemaSuffix": "dev"}
    assert result == {
        "name": name,
        "gitCommitish": "main",
        "resolvedGitCommitSha": "6f1c2b9d0e4a58c7f3b1d2e90a7c64835e1f0b2d",
        "dataformCoreVersion": "3.0.0",
    }
    assert client.data("GET", name.removeprefix(HOME)).items() >= result.items()


@pytest.mark.parametrize("ref", ["broken", BROKEN_SHA, BROKEN_SHA[:7]])
def test_compile_errors_are_part_of_the_result(client: Warehouse, ref: str) -> None:
    """A commit that does not compile gets a response 200 with its errors."""
    result = client.data("POST", "/compilationResults", {"gitCommitish": ref})
    first, second = result["compilationErrors"]
    assert first["path"] == "definitions/marts/margin.js"
    assert "margin.js:12:37" in first["stack"]
    assert first["actionTarget"]["name"] == "margin"
    assert list(second) == ["message"]
    assert result["resolvedGitCommitSha"] == BROKEN_SHA
    query = client.data("GET", f"{result['name'].removeprefix(HOME)}:query")
    assert query == {}


def test_compile_uses_the_settings_of_the_release(client: Warehouse) -> None:
    """A release configuration sets the commit and the settings; a request overrides them."""
    body: dict[str, Any] = {"releaseConfig": f"{HOME}/releaseConfigs/staging"}
    result = client.data("POST", "/compilationResults", body)
    assert result["codeCompilationConfig"] == SETTINGS | {"schemaSuffix": "staging"}
    assert result["releaseConfig"] == body["releaseConfig"]
    body["codeCompilationConfig"] = {"schemaSuffix": "x", "vars": {}}
    result = client.data("POST", "/compilationResults", body)
    assert result["codeCompilationConfig"] == SETTINGS | {"schemaSuffix": "x"}


def test_compile_a_workspace(client: Warehouse) -> None:
    """The code of a workspace is compiled with the settings of the request, without a commit."""
    body: dict[str, Any] = {"workspace": f"{HOME}/workspaces/dev"}
    result = client.data("POST", "/compilationResults", body)
    assert result["workspace"] == body["workspace"]
    assert result["codeCompilationConfig"] == SETTINGS
    assert "resolvedGitCommitSha" not in result
    body["codeCompilationConfig"] = {"schemaSuffix": "x"}
    result = client.data("POST", "/compilationResults", body)
    assert result["codeCompilationConfig"] == SETTINGS | {"schemaSuffix": "x"}


def test_a_workspace_has_code_of_its_own() -> None:
    """A workspace may have another graph than the commits."""
    graph = {"tables": [{"target": {"schema": "s", "name": "draft"}, "type": "table"}]}
    repository = replace(make_warehouse(), workspaces={"mine": graph})
    with serve(repository) as emulator:
        client = Warehouse(emulator.url)
        body = {"workspace": f"{HOME}/workspaces/mine"}
        name = client.data("POST", "/compilationResults", body)["name"].removeprefix(HOME)
        [action] = client.data("GET", f"{name}:query")["compilationResultActions"]
        client.close()
    assert action["target"]["name"] == "draft"


def query(client: Warehouse, **config: Any) -> dict[str, Any]:  # noqa: ANN401
    """Compile; return the actions by their full names."""
    path = client.compile(**config).removeprefix(HOME)
    actions = client.data("GET", f"{path}:query")["compilationResultActions"]
    return {".".join(action["target"].values()): action for action in actions}


def test_compiled_actions_are_shown(client: Warehouse) -> None:
    """Each kind of action has its own fields, and every default is omitted."""
    actions = query(client)
    assert len(actions) == 13
    assert actions["my-project.raw.orders"] == {
        "target": {"database": "my-project", "schema": "raw", "name": "orders"},
        "canonicalTarget": {"database": "my-project", "schema": "raw", "name": "orders"},
        "filePath": "definitions/sources/orders.sqlx",
        "declaration": {},
    }
    events = actions["my-project.marts.order_events"]["relation"]
    assert events["relationType"] == "INCREMENTAL_TABLE"
    assert events["incrementalTableConfig"]["uniqueKeyParts"] == ["id"]
    assert events["partitionExpression"] == "DATE(ordered_at)"
    assert "disabled" not in events
    kinds = {name: actions[f"my-project.marts.{name}"]["relation"] for name in MARTS}
    assert {name: relation["relationType"] for name, relation in kinds.items()} == MARTS
    assert kinds["legacy_report"]["disabled"] is True
    assert kinds["revenue"]["relationDescriptor"] == {"description": "Revenue by day"}
    assert "'EUR' AS currency" in kinds["revenue"]["selectQuery"]
    operations = actions["my-project.marts.export_revenue"]["operations"]
    assert operations["tags"] == ["daily", "export"]
    assert len(operations["queries"]) == 1
    unique = actions["my-project.assertions.marts_revenue_assertions_uniqueKey_0"]["assertion"]
    assert unique["parentAction"]["name"] == "revenue"


MARTS = {
    "revenue": "TABLE",
    "legacy_report": "TABLE",
    "top_customers": "VIEW",
    "revenue_by_country": "MATERIALIZED_VIEW",
}


def test_overrides_change_targets(client: Warehouse) -> None:
    """Overrides change targets, references and SQL, but no declaration or canonical target."""
    config = {"schemaSuffix": "dev", "tablePrefix": "pr", "databaseSuffix": "x"}
    actions = query(client, **config, vars={"currency": "USD"})
    assert "my-project.raw.orders" in actions
    revenue = actions["my-project_x.marts_dev.pr_revenue"]
    assert revenue["canonicalTarget"]["name"] == "revenue"
    assert "'USD' AS currency" in revenue["relation"]["selectQuery"]
    assert "FROM `my-project_x.marts_dev.pr_order_events`" in revenue["relation"]["selectQuery"]
    assert revenue["relation"]["dependencyTargets"][0]["name"] == "pr_order_events"
    unique = "my-project_x.assertions_dev.pr_marts_revenue_assertions_uniqueKey_0"
    assert actions[unique]["assertion"]["parentAction"]["schema"] == "marts_dev"


def test_other_defaults_change_targets(client: Warehouse) -> None:
    """Defaults replace those of the project, but not explicit names."""
    config = {"defaultDatabase": "other", "defaultSchema": "d", "assertionSchema": "a"}
    schemas = {name.rpartition(".")[0] for name in query(client, **config)}
    assert schemas == {"other.raw", "other.staging", "other.d", "other.a"}


def test_actions_are_filtered_by_file(client: Warehouse) -> None:
    """The only documented filter finds the actions of a file; a plus sign means a space."""
    path = client.compile().removeprefix(HOME)
    filtered = f'{path}%3Aquery?filter=file_path+=+"definitions/marts/revenue.sqlx"&%24alt=json'
    actions = client.data("GET", filtered)["compilationResultActions"]
    names = [action["target"]["name"] for action in actions]
    assert names == ["revenue", "marts_revenue_assertions_uniqueKey_0"]
    error = client.error("GET", f"{path}:query?filter=tag=x")
    assert error == (INVALID, "Invalid filter 'tag=x': only file_path = \"...\" is supported")


def test_a_project_in_a_folder_must_be_named() -> None:
    """A project below the root is compiled from its folder; file paths start with the folder."""
    repository = replace(
        make_warehouse(),
        project_folder="analytics",
        release_configs=(ReleaseConfig(name="production", released=False),),
    )
    with serve(repository) as emulator:
        client = Warehouse(emulator.url)
        body = {"gitCommitish": "main"}
        response = client.error("POST", "/compilationResults", body)
        assert response == (MISSING, "Can't find package.json")
        config = {"path": "/analytics", "pipelineType": 1}
        name = client.compile(pipelineConfig=config)
        result = client.data("GET", name.removeprefix(HOME))
        assert result["codeCompilationConfig"]["pipelineConfig"]["pipelineType"] == "DATAFORM"
        actions = client.data("GET", f"{name.removeprefix(HOME)}:query")
        assert actions["compilationResultActions"][0]["filePath"].startswith("analytics/defin")
        order = {"compilationResult": name}
        invocation = client.data("POST", "/workflowInvocations", order)
        assert invocation["pipelineConfig"]["path"] == "/analytics"
        client.close()


_LONG = "/compilationResults:createLongRunning"
_OPERATIONS = f"{HOME.partition('/repositories')[0]}/operations"


def test_compile_in_an_operation() -> None:
    """The rules set how many GETs find an operation running; then it has the result."""
    with Emulator(rules=Rules(compilation_polls=2)) as emulator:
        client = Warehouse(emulator.url)
        made = client.data("POST", _LONG, {"gitCommitish": "main"})
        assert made["name"].startswith(f"{_OPERATIONS}/")
        polls = [client.call("GET", f"/v1/{made['name']}").data for _ in range(3)]
        client.close()
    assert ["done" in poll for poll in (made, *polls)] == [False, False, False, True]
    assert polls[-1]["response"]["resolvedGitCommitSha"]
    assert polls[-1]["response"]["@type"].endswith(".CompilationResult")


def test_operation_that_fails(client: Warehouse) -> None:
    """An unknown commit is an error of the operation."""
    made = client.data("POST", _LONG, {"gitCommitish": "gone"})
    assert made["error"]["code"] == 3
    assert "'gone' does not exist" in made["error"]["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, INVALID), ({"releaseConfig": f"{HOME}/releaseConfigs/gone"}, MISSING)],
)
def test_operation_that_is_not_started(
    client: Warehouse, body: dict[str, Any], code: object
) -> None:
    """A source that does not exist is refused at once."""
    assert client.error("POST", _LONG, body)[0] == code


def test_operation_that_does_not_exist(client: Warehouse) -> None:
    """An operation with another name or another location is not found."""
    made = client.data("POST", _LONG, {"gitCommitish": "main"})["name"]
    for method, path in (
        ("GET", f"{_OPERATIONS}/operation-1"),
        ("GET", made.replace("europe-west1", "us-east1")),
        ("POST", made),
    ):
        assert client.call(method, f"/v1/{path}", None).status == 404


def test_api_without_operations() -> None:
    """The rules can remove the operations, which not every version of the API has."""
    with Emulator(rules=Rules(has_operations=False)) as emulator:
        client = Warehouse(emulator.url)
        code, message = client.error("POST", _LONG, {"gitCommitish": "main"})
        client.close()
    assert code == MISSING
    assert message.startswith("Method not found")
