"""Repositories that a test defines, and the sample repository."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import (
    Emulator,
    ReleaseConfig,
    Repository,
    WorkflowConfig,
    make_warehouse,
)
from dataform_action.emulator.graph.compiled_graph import load_graph
from dataform_action.emulator.graph.sample_repository import WAREHOUSE
from tests.emulator.google.support import HOME, Warehouse, make_graph, serve


def test_repositories_share_nothing() -> None:
    """Two repositories share nothing, and each has its own full name."""
    one = Repository(graph=make_graph("a"))
    two = Repository(graph=make_graph("b"), name="second", git_url="https://example.com/2.git")
    with serve(one, two) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke()
        assert set(client.actions(path)) == {"a"}
        second = HOME.replace("warehouse", "second")
        assert client.call("GET", f"/v1/{second}{path}").status == 404
        assert client.call("GET", f"/v1/{second}/workflowConfigs").data == {}
        url = client.call("GET", f"/v1/{second}").data["gitRemoteSettings"]["url"]
        assert url == "https://example.com/2.git"
        client.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graph": {}}, "A compiled graph is what `dataform compile --json` prints: an object"),
        ({"graph": []}, "A compiled graph is what `dataform compile --json` prints: an object"),
        (
            {"release_configs": (ReleaseConfig(name="r", git_commitish="x"),)},
            "r cannot be released: Git commitish 'x' does not exist in the repository",
        ),
        (
            {"release_configs": (ReleaseConfig(name="r", code_compilation_config={"x": 1}),)},
            'r: Invalid JSON payload received. Unknown name "x": Cannot find field.',
        ),
        (
            {"workflow_configs": (WorkflowConfig(name="w", release_config="r"),)},
            "w: unknown release configuration 'r'",
        ),
        (
            {
                "workflow_configs": (
                    WorkflowConfig(name="w", release_config="r", invocation_config={"x": 1}),
                )
            },
            'w: Invalid JSON payload received. Unknown name "x": Cannot find field.',
        ),
    ],
)
def test_invalid_repositories_are_refused(changes: dict[str, Any], message: str) -> None:
    """An invalid definition is reported when the emulator is created."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Emulator(repositories=(replace(Repository(graph=make_graph("a")), **changes),))


def test_the_sample_accepts_any_graph(tmp_path: Path) -> None:
    """The sample's configurations work on another graph, and even on one without actions."""
    file = tmp_path / "graph.json"
    file.write_text(json.dumps({"graphErrors": {}}), "utf-8")
    assert len(load_graph(WAREHOUSE)["tables"]) == 8
    with serve(make_warehouse(file)) as emulator:
        client = Warehouse(emulator.url)
        assert client.finish(client.invoke("failure")) == "SUCCEEDED"
        client.close()
    with serve(make_warehouse(make_graph("a", "b", after={"b": "a"}))) as emulator:
        client = Warehouse(emulator.url)
        path = client.invoke("failure")
        assert client.finish(path) == "FAILED"
        assert client.states(path) == {"a": "FAILED", "b": "SKIPPED"}
        client.close()
