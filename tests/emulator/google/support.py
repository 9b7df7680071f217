"""What the tests of Google's API share: a client of the sample repository, and small graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataform_action.emulator import Emulator, Repository
from tests.emulator.support import Answer, Client

HOME = "projects/my-project/locations/europe-west1/repositories/warehouse"


INVALID, FAILED = (400, "INVALID_ARGUMENT"), (400, "FAILED_PRECONDITION")


DENIED, MISSING = (403, "PERMISSION_DENIED"), (404, "NOT_FOUND")


RUNNER = "dataform-runner@my-project.iam.gserviceaccount.com"


ACTIVE = {
    *("customers", "order_events", "revenue", "revenue_by_country", "top_customers"),
    *("customers_cleaned", "orders_cleaned", "export_revenue", "orders_have_customers"),
    "marts_revenue_assertions_uniqueKey_0",
}


class Warehouse(Client):
    """Talks to the sample repository."""

    def ask(self, method: str, path: str, body: object = None, version: str = "v1") -> Answer:
        """Send a request about something in the repository."""
        return self.call(method, f"/{version}/{HOME}{path}", body)

    def data(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Return the body of an answer that has to be a good one."""
        answer = self.ask(method, path, body)
        assert answer.status == 200, answer.text
        return answer.data

    def refusal(self, method: str, path: str, body: object = None) -> tuple[tuple[int, str], str]:
        """Return status, code and message of an answer that has to be an error."""
        answer = self.ask(method, path, body)
        error = answer.data["error"]
        assert error["code"] == answer.status
        return (answer.status, error["status"]), error["message"]

    def compile(self, ref: str = "main", **config: object) -> str:
        """Compile; return the full name of the result."""
        body = {"gitCommitish": ref, "codeCompilationConfig": config}
        return str(self.data("POST", "/compilationResults", body)["name"])

    def invoke(self, workflow: str | None = None, **config: object) -> str:
        """Invoke a workflow configuration or a new compilation result; return the path of it."""
        body: dict[str, object] = {"workflowConfig": f"{HOME}/workflowConfigs/{workflow}"}
        if workflow is None:
            body = {"compilationResult": self.compile(), "invocationConfig": config}
        name = str(self.data("POST", "/workflowInvocations", body)["name"])
        return name.removeprefix(HOME)

    def state(self, path: str) -> str | None:
        """GET an invocation, which takes it a step on; return its state."""
        state: str | None = self.data("GET", path).get("state")
        return state

    def finish(self, path: str) -> str | None:
        """GET an invocation until it does not run any more; return its state."""
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
    """Make a graph of tables in one dataset, with what some of them depend on."""
    tables = []
    for name in names:
        target = {"schema": "s", "name": name}
        above = [{"schema": "s", "name": other} for other in (after or {}).get(name, "").split()]
        tables.append({"type": kind, "target": target, "query": name, "dependencyTargets": above})
    return {"tables": tables}


def running(client: Warehouse, path: str) -> set[str]:
    """Return the actions that run."""
    return {name for name, state in client.states(path).items() if state == "RUNNING"}
