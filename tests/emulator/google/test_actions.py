"""Notebooks, data preparations and unit tests: compiled actions, and their execution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dataform_action.emulator import Emulator, Repository
from tests.emulator.google.mixed_graph import MIXED_GRAPH
from tests.emulator.google.support import HOME, Warehouse, make_graph, serve


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with serve(Repository(graph=MIXED_GRAPH)) as emulator:
        yield emulator


def compiled(client: Warehouse, **config: Any) -> dict[str, Any]:  # noqa: ANN401
    """Compile; return the actions by name."""
    path = client.compile(**config).removeprefix(HOME)
    actions = client.data("GET", f"{path}:query")["compilationResultActions"]
    return {action["target"]["name"]: action for action in actions}


def target(name: str, schema: str = "marts") -> dict[str, str]:
    """Return the target of an action."""
    return {"database": "my-project", "schema": schema, "name": name}


def test_compiled_notebooks_preparations_and_unit_tests(client: Warehouse) -> None:
    """Each kind of action has its own field; a unit test without a target is no action."""
    actions = compiled(client)
    assert set(actions) == {"orders", "report", "prepared", "designed", "orders are kept"}
    assert actions["report"] == {
        "target": target("report"),
        "canonicalTarget": target("report"),
        "filePath": "definitions/report.ipynb",
        "notebook": {
            "contents": '{"cells":["SELECT * FROM `my-project.marts.orders`"]}',
            "dependencyTargets": [target("orders")],
            "tags": ["weekly"],
        },
    }
    assert actions["prepared"]["dataPreparation"] == {
        "contentsSql": {
            "query": "FROM `my-project.marts.orders` |> SELECT id",
            "errorTable": {"target": target("errors"), "retentionDays": 3},
            "load": {"maximum": {"column": "id"}},
        },
        "dependencyTargets": [target("orders")],
    }
    assert actions["designed"]["dataPreparation"] == {
        "contentsYaml": "nodes: []\n",
        "dependencyTargets": [target("errors")],
    }
    assert actions["orders are kept"]["bigqueryUnitTest"] == {
        "displayName": "orders are kept",
        "testQuery": "SELECT * FROM (SELECT 1 AS id)",
        "expectedOutputQuery": "SELECT 1 AS id",
    }


def test_overrides_change_targets_but_no_notebooks(client: Warehouse) -> None:
    """A suffix changes the targets and the SQL of all kinds, and the contents of no notebook."""
    actions = compiled(client, schemaSuffix="dev")
    assert {action["target"]["schema"] for action in actions.values()} == {"marts_dev"}
    assert {action["canonicalTarget"]["schema"] for action in actions.values()} == {"marts"}
    prepared = actions["prepared"]["dataPreparation"]
    assert prepared["contentsSql"]["query"].startswith("FROM `my-project.marts_dev.orders`")
    assert prepared["contentsSql"]["errorTable"]["target"] == target("errors", "marts_dev")
    designed = actions["designed"]["dataPreparation"]
    assert designed["dependencyTargets"] == [target("errors", "marts_dev")]
    assert "`my-project.marts.orders`" in actions["report"]["notebook"]["contents"]


def test_notebooks_and_preparations_run(client: Warehouse) -> None:
    """By default everything runs except unit tests; jobs have their ids after the start."""
    path = client.invoke()
    before = client.actions(path)
    assert set(before) == {"orders", "report", "prepared", "designed"}
    contents = '{"cells":["SELECT * FROM `my-project.marts.orders`"]}'
    file = "definitions/report.ipynb"
    assert before["report"]["notebookAction"] == {"contents": contents, "filePath": file}
    assert client.finish(path) == "SUCCEEDED"
    after = client.actions(path)
    assert after["report"]["notebookAction"]["jobId"]
    preparation = after["prepared"]["dataPreparationAction"]
    assert preparation.pop("jobId")
    assert preparation.pop("generatedSql").startswith("CREATE OR REPLACE TABLE `my-project.marts.p")
    assert preparation["contentsSql"]["loadConfig"] == {"maximum": {"column": "id"}}
    assert set(after["designed"]["dataPreparationAction"]) == {"contentsYaml", "jobId"}


def test_unit_tests_run_by_themselves(emulator: Emulator, client: Warehouse) -> None:
    """A unit test runs only on request: it has two scripts, two jobs, and its bytes at the end."""
    path = client.invoke(executionMode="UNIT_TESTS_ONLY")
    scripts = {
        "actualResultsSqlScript": "SELECT * FROM (SELECT 1 AS id)",
        "expectedResultsSqlScript": "SELECT 1 AS id",
    }
    (before,) = client.actions(path).values()
    assert before["bigqueryUnitTestAction"] == scripts
    client.state(path)
    (during,) = client.actions(path).values()
    jobs = {"actualResultsJobId", "expectedResultsJobId"}
    assert set(during["bigqueryUnitTestAction"]) == {*scripts, *jobs}
    assert client.finish(path) == "SUCCEEDED"
    (after,) = client.actions(path).values()
    unit_test = after["bigqueryUnitTestAction"]
    assert unit_test["actualResultsJobId"] != unit_test["expectedResultsJobId"]
    bytes_of = {name: value for name, value in unit_test.items() if name.endswith("Bytes")}
    assert bytes_of == {"totalBilledBytes": "20971520", "totalProcessedBytes": "4096"}
    emulator.fail_action("orders are kept", "Expected 1 row, got 0")
    path = client.invoke(executionMode="UNIT_TESTS_ONLY")
    assert client.finish(path) == "FAILED"


@pytest.mark.parametrize("mode", ["DEFAULT", "ALL_EXCEPT_UNIT_TESTS"])
def test_execution_modes_without_unit_tests(client: Warehouse, mode: str) -> None:
    """Both modes leave out the unit tests, even those that are selected by name."""
    names = ("orders", "orders are kept")
    targets = [target(name) for name in names]
    path = client.invoke(executionMode=mode, includedTargets=targets)
    assert set(client.actions(path)) == {"orders"}


def test_effective_settings_are_shown(client: Warehouse) -> None:
    """A result has the project's settings, with those of the request on top, without defaults."""
    name = client.compile(defaultLocation="US", tablePrefix="pr", vars={"currency": "USD"})
    result = client.data("GET", name.removeprefix(HOME))
    assert result["codeCompilationConfig"] == {
        "defaultDatabase": "my-project",
        "defaultSchema": "marts",
        "assertionSchema": "assertions",
        "defaultLocation": "US",
        "tablePrefix": "pr",
        "vars": {"region": "at", "currency": "USD"},
        "defaultNotebookRuntimeOptions": {
            "gcsOutputBucket": "gs://results",
            "gcsRepositorySnapshotDestination": {"repositorySnapshotUri": "gs://snapshots"},
        },
    }


def test_overrides_replace_the_suffix_of_the_project() -> None:
    """A suffix in a request replaces the project's own suffix, in the settings and the names."""
    graph = make_graph("a")
    (table,) = graph["tables"]
    table["canonicalTarget"], table["target"] = table["target"], {"schema": "s_dev", "name": "a"}
    graph["projectConfig"] = {"defaultSchema": "s", "schemaSuffix": "dev"}
    with serve(Repository(graph=graph)) as emulator:
        client = Warehouse(emulator.url)
        schemas = [
            compiled(client, **config)["a"]["target"]["schema"]
            for config in ({}, {"schemaSuffix": "pr_7"})
        ]
        client.close()
    assert schemas == ["s_dev", "s_pr_7"]


def test_results_without_settings_show_none() -> None:
    """A graph without settings and a request without settings make a result without them."""
    with serve(Repository(graph=make_graph("a"))) as emulator:
        client = Warehouse(emulator.url)
        result = client.data("GET", client.compile().removeprefix(HOME))
        client.close()
    assert "codeCompilationConfig" not in result
