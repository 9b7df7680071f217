"""What a workflow invocation runs, and the interface of what executes it."""

from collections.abc import Iterator, Mapping, Sequence
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


class Executed(NamedTuple):
    """An action that has started, in the project and the default location of its repository.

    ``invocation`` is the full name. ``account`` is empty if the invocation names none. ``ended`` is
    None while the action is running.
    """

    invocation: str
    location: str
    account: str
    action: Action
    full_refresh: bool
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

    def render_actions(self) -> Iterator[dict[str, object]]:
        """Render the WorkflowInvocationActions."""

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
