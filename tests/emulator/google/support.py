"""Shared by the tests of Google's API: a client of the sample repository, and small graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataform_action.emulator import Emulator, Repository
from tests.emulator.support import Client, Response

HOME = "projects/my-project/locations/europe-west1/repositories/warehouse"
RUNNER = "dataform-runner@my-project.iam.gserviceaccount.com"
INVALID, FAILED = (400, "INVALID_ARGUMENT"), (400, "FAILED_PRECONDITION")
DENIED, MISSING = (403, "PERMISSION_DENIED"), (404, "NOT_FOUND")
ACTIVE = {
    *("customers", "order_events", "revenue", "revenue_by_country", "top_customers"),
    *("customers_cleaned", "orders_cleaned", "export_revenue", "orders_have_customers"),
    "marts_revenue_assertions_uniqueKey_0",
}
"""The actions of the sample that an invocation runs: all except the disabled one."""


class Warehouse(Client):
    """A client of the sample repository."""

    def request(self, method: str, path: str, body: object = None, version: str = "v1") -> Response:
        """Send a request for a path in the repository."""
        return self.call(method, f"/{version}/{HOME}{path}", body)

    def data(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Send a request that must succeed; return the body of the response."""
        response = self.request(method, path, body)
        assert response.status == 200, response.text
        return response.data

    def error(self, method: str, path: str, body: object = None) -> tuple[tuple[int, str], str]:
        """Send a request that must fail; return status, code and message of the error."""
        response = self.request(method, path, body)
        error = response.data["error"]
        assert error["code"] == response.status
        return (response.status, error["status"]), error["message"]

    def compile(self, ref: str = "main", **config: object) -> str:
        """Compile; return the full name of the result."""
        body = {"gitCommitish": ref, "codeCompilationConfig": config}
        return str(self.data("POST", "/compilationResults", body)["name"])

    def invoke(self, workflow: str | None = None, **config: object) -> str:
        """Invoke a workflow configuration or a new result; return the path of the invocation."""
        body: dict[str, object] = {"workflowConfig": f"{HOME}/workflowConfigs/{workflow}"}
        if workflow is None:
            body = {"compilationResult": self.compile(), "invocationConfig": config}
        name = str(self.data("POST", "/workflowInvocations", body)["name"])
        return name.removeprefix(HOME)

    def state(self, path: str) -> str | None:
        """GET an invocation, which advances it one step; return its state."""
        state: str | None = self.data("GET", path).get("state")
        return state

    def finish(self, path: str) -> str | None:
        """GET an invocation until it has stopped running; return its state."""
        states = (self.state(path) for _ in range(60))
        return next(state for state in states if state != "RUNNING")

    def actions(self, path: str) -> dict[str, Any]:
        """Return the actions of an invocation by their names."""
        actions = self.data("GET", f"{path}:query").get("workflowInvocationActions", [])
        return {action["target"]["name"]: action for action in actions}

    def states(self, path: str) -> dict[str, str | None]:
        """Return the states of the actions of an invocation."""
        return {name: action.get("state") for name, action in self.actions(path).items()}


def serve(*repositories: Repository, **options: Any) -> Emulator:  # noqa: ANN401
    """Make an emulator of these repositories."""
    return Emulator(repositories=repositories, **options)


def make_graph(
    *names: str, kind: str = "table", after: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Make a graph of tables in one dataset, some of which depend on others."""
    tables = []
    for name in names:
        target = {"schema": "s", "name": name}
        above = [{"schema": "s", "name": other} for other in (after or {}).get(name, "").split()]
        tables.append({"type": kind, "target": target, "query": name, "dependencyTargets": above})
    return {"tables": tables}


def running(client: Warehouse, path: str) -> set[str]:
    """Return the names of the actions that are running."""
    return {name for name, state in client.states(path).items() if state == "RUNNING"}
