"""Runs the actions of workflow invocations in a BigQuery server."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from dataform_action.emulator.clock import Clock, SystemClock
from dataform_action.emulator.definitions import Course, Invocation
from dataform_action.emulator.google.actions import render_execution
from dataform_action.emulator.google.invocation_spec import (
    Executed,
    InvocationSpec,
    render_invocation,
)
from dataform_action.emulator.google.protobuf_json import present, render_timestamp
from dataform_action.emulator.graph.compiled_graph import Action
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import Response
from dataform_action.emulator.local.warehouse.proxy import Proxy
from dataform_action.emulator.local.warehouse.schedule import Outcome, Progress, Schedule
from dataform_action.emulator.local.warehouse.scripts import make_script
from dataform_action.emulator.local.warehouse.server import BigQueryServer, ServerError

_EXECUTABLE = ("relation", "operations", "assertion")
_JOIN_SECONDS = 5.0


class ServerWarehouse:
    """Starts invocations in a BigQuery server."""

    def __init__(self, server: BigQueryServer, clock: Clock | None = None) -> None:
        """Start without invocations."""
        self._server = server
        self._proxy = Proxy(server)
        self._clock = SystemClock() if clock is None else clock
        self._executions: list[ServerExecution] = []

    def forward(self, request: Request) -> Response:
        """Send a request for datasets, tables or jobs to the server."""
        return self._proxy.forward(request)

    def find_table(self, target: Target) -> Mapping[str, Any] | None:
        """Return the Table resource of a table or a view in the server."""
        return self._proxy.find_table(target)

    def start(self, spec: InvocationSpec, course: Course) -> "ServerExecution":
        """Start an invocation; ``failures`` and ``parallel`` of the course apply."""
        execution = ServerExecution(spec, course, self._server, self._clock)
        self._executions.append(execution)
        return execution

    def close(self) -> None:
        """Cancel all invocations, and wait a little for their threads."""
        for execution in self._executions:
            execution.cancel()
        for execution in self._executions:
            execution.join(_JOIN_SECONDS)


def open_warehouse(url: str) -> ServerWarehouse:
    """Make the warehouse of the server at a URL; raise ValueError if it does not answer."""
    server = BigQueryServer(url)
    try:
        server.check()
    except ServerError as error:
        raise ValueError(f"{error}. Start the server first") from error
    return ServerWarehouse(server)


class ServerExecution:
    """One invocation."""

    def __init__(
        self, spec: InvocationSpec, course: Course, server: BigQueryServer, clock: Clock
    ) -> None:
        """Start it."""
        self.spec = spec
        self.course = course
        self._server = server
        self._polls = 0
        self._started = clock.now()
        self._schedule = Schedule(spec.actions, clock)
        limit = int(spec.config.get("concurrentActionsLimit", course.parallel))
        self._schedule.start(self._run, limit)

    @property
    def true_state(self) -> str:
        """The state that follows from the states of the actions."""
        return self._schedule.state

    def poll(self) -> None:
        """Count a GET."""
        self._polls += 1

    def cancel(self) -> None:
        """Stop, if it is still running."""
        for progress in self._schedule.cancel():
            threading.Thread(target=self._cancel_job, args=(progress,), daemon=True).start()

    def join(self, seconds: float) -> None:
        """Wait for the threads."""
        self._schedule.join(seconds)

    def snapshot(self) -> Invocation:
        """Return its current state."""
        states = dict(self._schedule.view(lambda one: (str(one.action.target), one.state)))
        return self.spec.snapshot(self.true_state, states, self._polls, self._started)

    def render(self) -> dict[str, object]:
        """Render the WorkflowInvocation."""
        return render_invocation(self.spec, self.true_state, self._started, self._schedule.ended)

    def action_renderers(self) -> Sequence[Callable[[], dict[str, object]]]:
        """Return a function for each WorkflowInvocationAction, which returns its present state."""
        return [rendered.copy for rendered in self._schedule.view(_render)]

    def executed(self) -> Iterator[Executed]:
        """Return the actions that have started, for the emulator's own jobs."""
        for one in self._schedule.view(self._executed):
            if one is not None:
                yield one

    def _executed(self, progress: Progress) -> Executed | None:
        if progress.started is None or not progress.job:
            return None
        return Executed(
            spec=self.spec,
            action=progress.action,
            job=progress.job,
            state=progress.state,
            reason=progress.reason,
            started=progress.started,
            ended=progress.ended,
        )

    def _run(self, progress: Progress) -> Outcome:
        action = progress.action
        for name, reason in self.course.failures.items():
            if action.is_called(name):
                return Outcome(reason)
        if action.kind not in _EXECUTABLE:
            return Outcome(f"The emulator cannot run an action of the kind {action.kind}")
        try:
            return self._run_job(progress)
        except ServerError as error:
            return Outcome(str(error))

    def _run_job(self, progress: Progress) -> Outcome:
        action = progress.action
        table = self._server.find_table(action.target) if action.kind == "relation" else None
        progress.sql = make_script(action, table, self.spec.full_refresh, self.spec.location)
        progress.job = f"dataform-{uuid4()}"
        job = self._server.run(
            progress.job,
            self._project(action),
            progress.sql,
            self.spec.location,
            self.spec.make_labels(action),
            self._schedule.cancelled,
        )
        return Outcome(job.error, job.started, job.ended)

    def _cancel_job(self, progress: Progress) -> None:
        if progress.job:
            with suppress(ServerError):
                project = self._project(progress.action)
                self._server.cancel(progress.job, project, self.spec.location)

    def _project(self, action: Action) -> str:
        return action.target.database or self.spec.project


def _render(progress: Progress) -> dict[str, object]:
    """Render a WorkflowInvocationAction."""
    action = progress.action
    if action.kind in _EXECUTABLE:
        details = present(sqlScript=progress.sql, jobId=progress.job)
        run: Mapping[str, Any] = {"bigqueryAction": details}
    else:
        run = render_execution(action, False, None, False)
    timing = present(
        startTime=None if progress.started is None else render_timestamp(progress.started),
        endTime=None if progress.ended is None else render_timestamp(progress.ended),
    )
    return present(
        target=action.target.render(),
        canonicalTarget=action.canonical_target.render(),
        state=None if progress.state == "PENDING" else progress.state,
        failureReason=progress.reason,
        invocationTiming=timing or None,
        **run,
    )
