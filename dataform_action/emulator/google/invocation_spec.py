"""What a workflow invocation runs, and the interface of what executes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from dataform_action.emulator.definitions import Course, Invocation
from dataform_action.emulator.google.protobuf_json import present, render_timestamp
from dataform_action.emulator.graph.compiled_graph import Action
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import Response


@dataclass(frozen=True, slots=True)
class InvocationSpec:
    """What an invocation runs: full resource names, the effective configuration, the actions."""

    name: str
    source: Mapping[str, str]
    result: str
    config: Mapping[str, Any]
    actions: Sequence[Action]
    pipeline: Mapping[str, Any] | None
    location: str = ""

    @property
    def project(self) -> str:
        """The project of the repository."""
        return self.name.split("/")[1]

    @property
    def account(self) -> str:
        """The service account; empty if the configuration names none."""
        return str(self.config.get("serviceAccount", ""))

    @property
    def full_refresh(self) -> bool:
        """Whether incremental tables are built from scratch."""
        return bool(self.config.get("fullyRefreshIncrementalTablesEnabled"))

    def make_labels(self, action: Action) -> dict[str, str]:
        """Make the labels of an action's job."""
        *_, repository, _, invocation = self.name.split("/")
        return {
            "dataform_repository_id": repository,
            "dataform_workflow_execution_id": invocation,
            "dataform_workflow_execution_action_id_name": action.target.name.lower(),
        }

    def snapshot(
        self, state: str, actions: Mapping[str, str], polls: int, started: float
    ) -> Invocation:
        """Return the state of the invocation, with the states of its actions by their names."""
        return Invocation(
            name=self.name,
            state=state,
            workflow_config=self.source.get("workflowConfig"),
            compilation_result=self.result,
            invocation_config=self.config,
            actions=actions,
            polls=polls,
            started=started,
        )


class Executed(NamedTuple):
    """An action of an invocation that has started; ``ended`` is None while it is running."""

    spec: InvocationSpec
    action: Action
    job: str
    state: str
    reason: str
    started: float
    ended: float | None


class WorkflowExecution(Protocol):
    """An invocation that was started."""

    @property
    def true_state(self) -> str:
        """The state that follows from the states of the actions."""

    def poll(self) -> None:
        """Count a GET."""

    def cancel(self) -> None:
        """Stop, if it is still running."""

    def snapshot(self) -> Invocation:
        """Return its current state."""

    def render(self) -> dict[str, object]:
        """Render the WorkflowInvocation."""

    def action_renderers(self) -> Sequence[Callable[[], dict[str, object]]]:
        """Return a function for each WorkflowInvocationAction, which renders it."""

    def executed(self) -> Iterator[Executed]:
        """Return the actions that have started."""


class Warehouse(Protocol):
    """Executes invocations, instead of a simulation."""

    def start(self, spec: InvocationSpec, course: Course) -> WorkflowExecution:
        """Start an invocation."""

    def forward(self, request: Request) -> Response:
        """Send a request for BigQuery's datasets, tables or jobs to what has them."""

    def find_table(self, target: Target) -> Mapping[str, Any] | None:
        """Return BigQuery's Table resource of a table or a view."""

    def close(self) -> None:
        """Stop what is running."""


def render_invocation(
    spec: InvocationSpec, state: str, started: float, ended: float | None
) -> dict[str, object]:
    """Render a WorkflowInvocation."""
    timing = present(
        startTime=render_timestamp(started),
        endTime=None if ended is None else render_timestamp(ended),
    )
    return {
        "name": spec.name,
        **spec.source,
        "invocationConfig": spec.config,
        **present(state=state, pipelineConfig=spec.pipeline),
        "invocationTiming": timing,
        "resolvedCompilationResult": spec.result,
    }
