"""Workflow invocations of a repository: create, find, cancel and delete them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dataform_action.emulator.clock import Pace
from dataform_action.emulator.definitions import Course, Repository, Rules
from dataform_action.emulator.google.compilations import CompilationResult
from dataform_action.emulator.google.errors import ApiError
from dataform_action.emulator.google.execution import Execution
from dataform_action.emulator.google.invocation_spec import (
    InvocationSpec,
    Warehouse,
    WorkflowExecution,
)
from dataform_action.emulator.google.parameters import RepositoryName
from dataform_action.emulator.timeline import select_actions

COLLECTION = "workflowInvocations"
_ACTIVE = ("RUNNING", "CANCELING")


class InvocationStore:
    """Starts invocations, and stores them."""

    def __init__(
        self,
        repository: Repository,
        name: RepositoryName,
        rules: Rules,
        pace: Pace,
        warehouse: Warehouse | None,
    ) -> None:
        """Start without invocations; without a warehouse, they are simulated."""
        self._warehouse = warehouse
        self._repository = repository
        self._name = name
        self._rules = rules
        self._pace = pace
        self._executions: dict[str, WorkflowExecution] = {}
        self._created = 0

    @property
    def executions(self) -> Sequence[WorkflowExecution]:
        """All invocations in order of creation."""
        return list(self._executions.values())

    def check_act_as(self, config: Mapping[str, Any]) -> None:
        """Raise ApiError unless the caller may use the account of an InvocationConfig."""
        account = config.get("serviceAccount") or self._repository.service_account
        if account in self._repository.refused_service_accounts:
            message = f"The caller does not have permission to act as service account: {account}"
            raise ApiError("PERMISSION_DENIED", message)
        if self._repository.strict_act_as and not account and "endUserAuthConfig" not in config:
            message = "Service account must be set when strict act as checks are enabled"
            raise ApiError("INVALID_ARGUMENT", message)

    def create(
        self,
        source: Mapping[str, str],
        result: CompilationResult,
        config: Mapping[str, Any],
        course: Course,
        pace: Pace | None = None,
    ) -> WorkflowExecution:
        """Start an invocation; raise ApiError if it is refused.

        With a ``pace`` of its own, it is simulated.
        """
        self.check_act_as(config)
        if result.graph.errors:
            # The response of the service is not documented.
            message = f"Compilation result {result.name} has compilation errors"
            raise ApiError("FAILED_PRECONDITION", message)
        actions = select_actions(result.graph, config)
        number = uuid5(NAMESPACE_URL, f"{self._name}/{COLLECTION}/{self._created}")
        identifier = f"{int((pace or self._pace).clock.now())}-{number}"
        spec = InvocationSpec(
            name=self._name.name(COLLECTION, identifier),
            source=source,
            result=result.name,
            config=config,
            actions=actions,
            pipeline=result.graph.config.get("pipelineConfig"),
            location=str(result.graph.config.get("defaultLocation") or "US"),
        )
        execution: WorkflowExecution
        if pace is None and self._warehouse is not None:
            execution = self._warehouse.start(spec, course)
        else:
            execution = Execution(spec, course, pace or self._pace, self._rules.sends_pending)
        self._executions[identifier] = execution
        self._created += 1
        return execution

    def find(self, identifier: str) -> WorkflowExecution:
        """Return an invocation; raise ApiError if it does not exist."""
        execution = self._executions.get(identifier)
        if execution is None:
            raise self._name.not_found(COLLECTION, identifier)
        return execution

    def cancel(self, identifier: str) -> None:
        """Cancel an invocation; raise ApiError if it has ended, unless the rules allow that."""
        execution = self.find(identifier)
        if execution.true_state not in _ACTIVE and self._rules.refuses_late_cancel:
            # The response of the service is not documented.
            message = f"Workflow invocation is not running: it is {execution.true_state}"
            raise ApiError("FAILED_PRECONDITION", message)
        execution.cancel()

    def delete(self, identifier: str) -> None:
        """Delete an invocation; raise ApiError if it is still running."""
        state = self.find(identifier).true_state
        if state in _ACTIVE:
            # The response of the service is not documented.
            raise ApiError("FAILED_PRECONDITION", f"Workflow invocation is still running: {state}")
        del self._executions[identifier]
