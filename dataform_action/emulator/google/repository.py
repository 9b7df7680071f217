"""A repository: its definition, and the changes that requests made."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dataform_action.emulator.clock import Clock, Pace, SetClock
from dataform_action.emulator.definitions import Course, PastInvocation, Repository, Rules
from dataform_action.emulator.google.compilations import (
    WORKSPACES,
    CompilationOperation,
    CompilationResult,
    CompilationStore,
)
from dataform_action.emulator.google.configs import (
    RELEASES,
    WORKFLOWS,
    ReleaseConfigStore,
    WorkflowConfigStore,
)
from dataform_action.emulator.google.errors import ApiError, bad_request
from dataform_action.emulator.google.execution import CANCEL_SECONDS
from dataform_action.emulator.google.invocation_spec import Warehouse, WorkflowExecution
from dataform_action.emulator.google.invocations import InvocationStore
from dataform_action.emulator.google.parameters import RepositoryName
from dataform_action.emulator.google.protobuf_json import present, render_timestamp


class Script:
    """What a test sets for future invocations, in all repositories."""

    def __init__(self) -> None:
        """Start without failures and without courses."""
        self._lock = threading.Lock()
        self._failures: dict[str, str] = {}
        self._courses: dict[str | None, list[Course]] = {}

    def fail_action(self, action: str, reason: str) -> None:
        """Make an action fail."""
        with self._lock:
            self._failures[action] = reason

    def set_course(self, workflow_config: str | None, *courses: Course) -> None:
        """Set the courses of a workflow configuration; None: of invocations without one.

        Each invocation has the next course; the last one repeats.
        """
        with self._lock:
            self._courses[workflow_config] = list(courses)

    def find_course(self, workflow_config: str | None, default: Course) -> Course:
        """Return the course of a new invocation."""
        with self._lock:
            courses = self._courses.get(workflow_config, [default])
            course = courses.pop(0) if len(courses) > 1 else courses[0]
            return replace(course, failures={**course.failures, **self._failures})


class RepositoryStore:
    """Processes the requests to a repository; all methods raise ApiError."""

    def __init__(
        self,
        repository: Repository,
        rules: Rules,
        pace: Pace,
        script: Script,
        warehouse: Warehouse | None = None,
    ) -> None:
        """Compile the released configurations; raise ValueError for an invalid definition."""
        self.name = RepositoryName(repository.project, repository.location, repository.name)
        self._repository = repository
        self._script = script
        self._rules = rules
        self.operations: dict[str, CompilationOperation] = {}
        self._lock = threading.Lock()
        self._created = pace.clock.now()
        self.releases = ReleaseConfigStore(repository, self.name)
        self.workflows = WorkflowConfigStore(repository, self.name, self._created)
        self.compilations = CompilationStore(repository, self.name, pace.clock)
        self.invocations = InvocationStore(repository, self.name, rules, pace, warehouse)
        self.sorts_lists = rules.sorts_lists
        for config in repository.release_configs:
            if config.released:
                self._release(config.name)
        for past in repository.past_invocations:
            try:
                self._replay(past, pace.clock)
            except ApiError as error:
                raise ValueError(f"A past invocation is not possible: {error}") from error

    def render(self) -> dict[str, object]:
        """Render the Repository."""
        return {
            "name": str(self.name),
            "gitRemoteSettings": {
                "url": self._repository.git_url,
                "defaultBranch": "main",
                "effectiveDefaultBranch": "main",
            },
            **present(
                serviceAccount=self._repository.service_account,
                createTime=render_timestamp(self._created),
            ),
        }

    def close(self) -> None:
        """Stop what is running."""
        if self._repository.compiler is not None:
            self._repository.compiler.close()

    def compile(self, body: Mapping[str, Any]) -> CompilationResult:
        """Create a compilation result; settings in the request override those of the release."""
        settings = body.get("codeCompilationConfig", {})
        if "workspace" in body:
            return self.compilations.compile_workspace(body["workspace"], settings)
        if "releaseConfig" in body:
            release = self.releases.resolve(body["releaseConfig"])
            source = {"releaseConfig": release["name"]}
            settings = release["codeCompilationConfig"] | settings
            return self.compilations.compile(release["gitCommitish"], source, settings)
        if "gitCommitish" not in body:
            raise bad_request("One of git_commitish, workspace and release_config must be set")
        source = {"gitCommitish": body["gitCommitish"]}
        return self.compilations.compile(body["gitCommitish"], source, settings)

    def compile_long(self, body: Mapping[str, Any]) -> CompilationOperation:
        """Start a compilation; only a wrong source is refused at once."""
        if "releaseConfig" in body:
            self.releases.resolve(body["releaseConfig"])
        elif "gitCommitish" not in body:
            return self._operation(self.compile(body))
        try:
            return self._operation(self.compile(body))
        except ApiError as error:
            return self._operation(error)

    def _operation(self, outcome: CompilationResult | ApiError) -> CompilationOperation:
        location = f"projects/{self.name.project}/locations/{self.name.location}"
        with self._lock:
            number = uuid5(NAMESPACE_URL, f"{self.name}/operations/{len(self.operations)}")
            identifier = f"operation-{number}"
            operation = CompilationOperation(
                f"{location}/operations/{identifier}", outcome, self._rules.compilation_polls
            )
            self.operations[identifier] = operation
            return operation

    def invoke(self, body: Mapping[str, Any]) -> WorkflowExecution:
        """Create a workflow invocation."""
        if "workflowConfig" in body:
            return self._invoke_workflow(body)
        if "compilationResult" not in body:
            raise bad_request("One of compilation_result and workflow_config must be set")
        result = self.compilations.resolve(body["compilationResult"])
        course = self._script.find_course(None, Course())
        source = {"compilationResult": result.name}
        return self.invocations.create(source, result, body.get("invocationConfig", {}), course)

    def update_release(
        self, identifier: str, changes: Mapping[str, Any], mask: str | None
    ) -> dict[str, Any]:
        """Change a release configuration."""
        release = self.releases.find(identifier)
        if "releaseCompilationResult" in changes:
            result = self.compilations.resolve(changes["releaseCompilationResult"])
            if result.source.get("releaseConfig") != release["name"]:
                message = f"{result.name} was not created using release config {release['name']}"
                raise ApiError("INVALID_ARGUMENT", message)
        for workflow in self.workflows.list():
            if workflow.release_config == identifier:
                self.invocations.check_act_as(self.workflows.invocation_config(workflow))
        self.releases.update(identifier, changes, mask)
        return self.releases.find(identifier)

    def _release(self, identifier: str) -> None:
        name = self.releases.find(identifier)["name"]
        try:
            result = self.compile({"releaseConfig": name})
        except ApiError as error:
            raise ValueError(f"{identifier} cannot be released: {error}") from error
        self.releases.release(identifier, result.name)

    def _replay(self, past: PastInvocation, clock: Clock) -> None:
        """Add an invocation that started before the emulator did."""
        workflow = self.workflows.find(past.workflow_config) if past.workflow_config else None
        release = workflow.release_config if workflow else past.release_config
        settings = {"codeCompilationConfig": past.code_compilation_config}
        if release:
            source = {"releaseConfig": self.name.name(RELEASES, release)}
        elif past.workspace:
            source = {"workspace": self.name.name(WORKSPACES, past.workspace)}
        else:
            source = {"gitCommitish": past.git_commitish}
        result = self.compilations.backdate(
            self.compile(source | settings), past.started, past.commit
        )
        config = self.workflows.invocation_config(workflow) if workflow else past.invocation_config
        if workflow:
            source = {"workflowConfig": self.name.name(WORKFLOWS, workflow.name)}
        else:
            source = {"compilationResult": result.name}
        course = replace(past.course, seconds=past.seconds)
        set_clock = SetClock(clock, past.started)
        pace = Pace("clock", past.seconds, set_clock)
        execution = self.invocations.create(source, result, config, course, pace)
        if past.cancelled:
            set_clock.past = past.started + past.seconds - CANCEL_SECONDS
            execution.cancel()
        set_clock.past = None

    def _invoke_workflow(self, body: Mapping[str, Any]) -> WorkflowExecution:
        workflow = self.workflows.resolve(body["workflowConfig"])
        if "invocationConfig" in body:
            # The response of the service is not documented: this is the strictest possibility.
            raise bad_request("invocation_config must not be set together with workflow_config")
        release = self.releases.find(workflow.release_config)
        if "releaseCompilationResult" not in release:
            message = f"release_compilation_result is not set in {release['name']}"
            raise ApiError("FAILED_PRECONDITION", message)
        result = self.compilations.resolve(release["releaseCompilationResult"])
        config = self.workflows.invocation_config(workflow)
        course = self._script.find_course(workflow.name, workflow.course)
        return self.invocations.create(
            {"workflowConfig": str(body["workflowConfig"])}, result, config, course
        )
