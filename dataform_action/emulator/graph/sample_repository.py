"""The repository that the emulator serves by default: a small invented shop."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dataform_action.emulator.definitions import (
    MAIN_SHA,
    Commit,
    Course,
    ReleaseConfig,
    Repository,
    WorkflowConfig,
)
from dataform_action.emulator.graph.compiled_graph import GraphSource, compile_graph, load_graph

WAREHOUSE = Path(__file__).with_name("warehouse.json")
"""The compiled graph of the sample."""

FEATURE_SHA = "f3a7c25e91d04b86c7f2e1a05d9b8347c6e0f1d2"
BROKEN_SHA = "b20c3e7d6a915f48c0e2d7b3196fa85c4d0e7f12"
FAILURE_REASON = (
    "Query error: Division by zero: 0 / 0 at [3:12]; the BigQuery job's log has the statement"
)

_BROKEN: Mapping[str, Any] = MappingProxyType(
    {
        "graphErrors": {
            "compilationErrors": [
                {
                    "fileName": "definitions/marts/margin.js",
                    "message": "costs is not defined",
                    "stack": (
                        "ReferenceError: costs is not defined\n"
                        "    at definitions/marts/margin.js:12:37\n"
                        "    at Session.main (index.js:1:20481)"
                    ),
                    "actionName": "my-project.marts.margin",
                    "actionTarget": {
                        "database": "my-project",
                        "schema": "marts",
                        "name": "margin",
                    },
                },
                {
                    "message": (
                        'Missing dependency detected: Action "my-project.marts.margin" depends on '
                        '"{"name":"costs_cleaned"}" which does not exist'
                    ),
                },
            ]
        },
        "dataformCoreVersion": "3.0.0",
    }
)


def _make_feature() -> Mapping[str, Any]:
    """Return the sample after a change: a column is removed, a table partitioned, a view added."""
    graph: dict[str, Any] = json.loads(WAREHOUSE.read_text("utf-8"))
    tables = {table["target"]["name"]: table for table in graph["tables"]}
    tables["customers_cleaned"]["query"] = (
        "\nSELECT id, LOWER(email) AS email FROM `my-project.raw.accounts`\n"
    )
    tables["revenue"]["bigquery"] = {"partitionBy": "day"}
    target = {"database": "my-project", "schema": "marts", "name": "best_days"}
    best_days = {
        **tables["top_customers"],
        "target": target,
        "canonicalTarget": target,
        "fileName": "definitions/marts/best_days.sqlx",
        "query": "\nSELECT day FROM `my-project.marts.revenue` ORDER BY revenue DESC LIMIT 10\n",
        "dependencyTargets": [tables["revenue"]["target"]],
    }
    graph["tables"].append(best_days)
    return graph


def make_warehouse(graph: GraphSource = WAREHOUSE) -> Repository:
    """Make the sample repository ``my-project``, ``europe-west1``, ``warehouse``.

    The branch ``main`` and the workspace ``dev`` have the graph; the branch ``broken`` does not
    compile. In the sample's own graph, the branch ``feature`` changes some actions. The workflow
    configuration ``nightly`` succeeds, ``failure`` fails, ``slow`` takes ten minutes, and
    ``endless`` never ends.
    """
    failing = "marts.customers" if graph is WAREHOUSE else _choose_failing(graph)
    refs = {"main": Commit(sha=MAIN_SHA), "broken": Commit(sha=BROKEN_SHA, graph=_BROKEN)}
    if graph is WAREHOUSE:
        refs["feature"] = Commit(sha=FEATURE_SHA, graph=_make_feature())
    return Repository(
        graph=graph,
        refs=refs,
        workspaces={"dev": None},
        release_configs=(
            ReleaseConfig(name="production", cron_schedule="0 1 * * *", time_zone="Europe/Vienna"),
            ReleaseConfig(
                name="staging",
                code_compilation_config={"schemaSuffix": "staging"},
                released=False,
            ),
        ),
        workflow_configs=(
            WorkflowConfig(
                name="nightly",
                release_config="production",
                cron_schedule="0 2 * * *",
                time_zone="Europe/Vienna",
            ),
            _workflow("failure", Course(failures={failing: FAILURE_REASON})),
            _workflow("slow", Course(steps=6, seconds=600.0)),
            _workflow("endless", Course(endless=(failing,))),
        ),
        service_account="dataform-runner@my-project.iam.gserviceaccount.com",
        strict_act_as=True,
    )


def _workflow(name: str, course: Course) -> WorkflowConfig:
    return WorkflowConfig(name=name, release_config="production", course=course)


def _choose_failing(graph: GraphSource) -> str:
    """Return the action of a graph that most other actions depend on."""
    actions = compile_graph(load_graph(graph), {}, "").actions
    dependencies = [target for action in actions for target in action.dependencies]
    runnable = [str(action.target) for action in actions if action.kind != "declaration"]
    counts = Counter(map(str, dependencies))
    return max(runnable, key=counts.__getitem__, default="")
