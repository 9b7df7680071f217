"""What a test defines for Google Cloud Dataform: repositories, invocations, rules of the API."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from dataform_action.emulator.graph.compiled_graph import GraphSource

MAIN_SHA = "6f1c2b9d0e4a58c7f3b1d2e90a7c64835e1f0b2d"
"""The commit of ``main`` in a repository that defines no refs; it is invented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How invocations run; actions are named ``dataset.name`` or ``project.dataset.name``.

    failures: the actions that fail, and the ``failureReason`` of each.
    endless: the actions that never end.
    steps: how many steps each action takes, unless it is in ``lengths``.
    lengths: the number of steps of single actions.
    parallel: how many actions run at once.
    seconds: how long an invocation takes by the clock; None: the emulator's ``run_seconds``.
    queues: whether an action that waits for a free slot is QUEUED instead of PENDING; with a
        ``concurrentActionsLimit`` it always is QUEUED.
    ending: the final state of the invocation, independent of the states of its actions.
    state: the state in all responses about the invocation; an empty one is omitted.
    action_states: the state of single actions in all responses; an empty one is omitted.
    """

    failures: Mapping[str, str] = field(default_factory=dict)
    endless: Collection[str] = ()
    steps: int = 1
    lengths: Mapping[str, int] = field(default_factory=dict)
    parallel: int = 4
    seconds: float | None = None
    queues: bool = False
    ending: str | None = None
    state: str | None = None
    action_states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit and the graph that its code compiles to; None: the graph of its repository."""

    sha: str
    graph: GraphSource | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compiler made of a commit: its SHA, which is empty for a workspace, and the graph."""

    sha: str
    graph: Mapping[str, Any]


class Compiler(Protocol):
    """Compiles the code of a repository with the settings of a request.

    Both methods may take long, and raise ``google.errors.ApiError``.
    """

    def compile_commit(self, commitish: str, config: Mapping[str, Any]) -> Compiled:
        """Compile a branch, a tag or a commit."""

    def compile_workspace(self, config: Mapping[str, Any]) -> Compiled:
        """Compile the code in the only workspace."""

    def close(self) -> None:
        """Stop what is running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseConfig:
    """A release configuration; ``released``: whether it has a released result at the start."""

    name: str
    git_commitish: str = "main"
    code_compilation_config: Mapping[str, Any] = field(default_factory=dict)
    released: bool = True
    cron_schedule: str = ""
    time_zone: str = ""
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowConfig:
    """A workflow configuration, and how its invocations run."""

    name: str
    release_config: str
    invocation_config: Mapping[str, Any] = field(default_factory=dict)
    course: Course = field(default_factory=Course)
    cron_schedule: str = ""
    time_zone: str = ""
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PastInvocation:
    """An invocation that started before the emulator did.

    It is of a workflow configuration, or else of a compilation: of a release configuration, a
    workspace, or a commitish.

    started: when it started, in seconds since the epoch.
    seconds: how long it took or takes. It is running as long as that time has not passed.
    course: how it ran. ``lengths`` divides the seconds among the actions.
    cancelled: whether it was cancelled after these seconds.
    commit: the commit that was compiled; empty: the present one.
    """

    started: float
    seconds: float
    workflow_config: str = ""
    release_config: str = ""
    workspace: str = ""
    git_commitish: str = "main"
    code_compilation_config: Mapping[str, Any] = field(default_factory=dict)
    invocation_config: Mapping[str, Any] = field(default_factory=dict)
    course: Course = field(default_factory=Course)
    cancelled: bool = False
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository and its contents when the emulator starts.

    graph: the compiled graph of its code: the data that ``dataform compile --json`` prints, or a
        file with it.
    workspaces: the development workspaces, and the graph of the code in each; None: the graph of
        the repository.
    refs: the commits by branch, tag or other name. A commit is also found by its SHA, or by at
        least its first seven digits.
    past_invocations: what ran before the emulator started, in the order of an unsorted list.
    service_account: the account of invocations that name no other account.
    refused_service_accounts: the accounts that the caller may not use.
    strict_act_as: whether invocations without a service account are refused.
    project_folder: the path of the project in the Git repository. If it is not the root, a
        compilation must name it as ``pipelineConfig.path``.
    compiler: compiles the code on request. Then ``graph``, ``refs``, the graphs of the workspaces
        and ``project_folder`` are not used.
    """

    graph: GraphSource
    name: str = "warehouse"
    project: str = "my-project"
    location: str = "europe-west1"
    refs: Mapping[str, Commit] = field(default_factory=lambda: {"main": Commit(sha=MAIN_SHA)})
    workspaces: Mapping[str, GraphSource | None] = field(default_factory=dict)
    release_configs: Sequence[ReleaseConfig] = ()
    workflow_configs: Sequence[WorkflowConfig] = ()
    past_invocations: Sequence[PastInvocation] = ()
    service_account: str = ""
    refused_service_accounts: Collection[str] = ()
    strict_act_as: bool = False
    project_folder: str = ""
    git_url: str = "https://github.com/OWNER/warehouse.git"
    compiler: Compiler | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the API behaves where its documentation does not say.

    sends_pending: whether the state PENDING of an action is sent, instead of omitted as a default.
    refuses_late_cancel: whether it is an error to cancel an invocation that has ended.
    sorts_lists: whether ``orderBy`` is honoured, or ignored.
    default_page_size, largest_page_size: the sizes of pages.
    fields: whether the parameter ``fields`` is honoured, ignored, or refused like an unknown field.
    has_operations: whether the API offers compilations as long-running operations.
    compilation_polls: how many GETs find such an operation still running; 0: it is done at once.
    """

    sends_pending: bool = False
    refuses_late_cancel: bool = True
    sorts_lists: bool = True
    default_page_size: int = 50
    largest_page_size: int = 1000
    fields: Literal["honoured", "ignored", "refused"] = "honoured"
    has_operations: bool = True
    compilation_polls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A snapshot of a workflow invocation.

    ``name``, ``workflow_config`` and ``compilation_result`` are full resource names; ``actions``
    maps full action names to states. ``polls`` counts the GETs of the invocation.
    """

    name: str
    state: str
    workflow_config: str | None
    compilation_result: str
    invocation_config: Mapping[str, Any]
    actions: Mapping[str, str]
    polls: int
    started: float
