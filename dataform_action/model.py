"""The vocabulary: requests, runs, actions, results, and how to wait. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from dataform_action.errors import DataformError, InputError
from dataform_action.text import cut
from dataform_action.values import Value, seconds_between

#: The error of a failed run has at most so many actions, and so many characters of each.
_MOST_REASONS = 10
_LONGEST_REASON = 400


class ActionState(Enum):
    """The state of one action of a run; an unknown state counts as pending."""

    PENDING = "pending"
    RUNNING = "running"
    SKIPPED = "skipped"
    DISABLED = "disabled"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Return whether this state is final."""
        return self not in (ActionState.PENDING, ActionState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CompiledAction(Value):
    """An action as the project defines it; ``file`` is a path in the repository.

    ``canonical_name`` is the name without the suffixes and the prefix of the compilation.
    ``checked_action`` is the name of the action that an assertion checks. It is empty for other
    kinds, and if it is not known.
    """

    name: str
    canonical_name: str = ""
    kind: str = ""
    file: str = ""
    dependencies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    disabled: bool = False
    checked_action: str = ""


class Job(NamedTuple):
    """A job that executes an action, or a part of it, outside of Dataform.

    ``kind`` is a text such as ``BigQuery job``. ``url`` is its page; empty if that is not known.
    ``has_own_page`` is false if the page also lists other jobs. ``in_bigquery`` is false if it is
    not a job of BigQuery.
    """

    kind: str
    id: str
    url: str = ""
    has_own_page: bool = True
    in_bigquery: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Action(Value):
    """An action of a run; ``name`` is ``project.dataset.name``.

    ``reason`` is why it failed. ``started`` and ``finished`` have time zones; None is not known.
    ``jobs`` executed it: a unit test has two, other actions have at most one. ``kind`` (such as
    ``table`` or ``assertion``), ``file``, ``dependencies`` and ``checked_action`` come from the
    compilation, and are empty if that could not be read.
    """

    name: str
    state: ActionState
    reason: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    jobs: tuple[Job, ...] = ()
    kind: str = ""
    file: str = ""
    dependencies: tuple[str, ...] = ()
    checked_action: str = ""

    @property
    def job_id(self) -> str:
        """Return the id of the action's first job; empty if there is none."""
        return self.jobs[0].id if self.jobs else ""

    @property
    def job_url(self) -> str:
        """Return the page that shows the action's first job; empty if it is not known."""
        return self.jobs[0].url if self.jobs else ""

    @property
    def seconds(self) -> float | None:
        """Return how long the action took; None if that is not known."""
        return seconds_between(self.started, self.finished)


class IncompleteActions(DataformError):
    """Report that only ``actions`` could be read of a run's actions, because of ``cause``."""

    def __init__(self, actions: tuple[Action, ...], cause: DataformError) -> None:
        count = f"Only {len(actions):,} of the run's actions could be read."
        super().__init__(f"{count} {cause.message}", hint=cause.hint)
        self.has_remedy = cause.has_remedy
        self.actions = actions
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CompileError(Value):
    """One error of a compilation. ``file`` is a path in the repository, if there is one."""

    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    action: str = ""


class CompileFailed(DataformError):
    """Report a compilation with ``errors``. Such a compilation is never run.

    ``compilation_result``, ``commit`` and ``files_url`` are those of a ``Compilation``.
    """

    hint = "Fix the errors and compile again. Each error names its file if it has one."

    def __init__(
        self,
        message: str,
        *,
        errors: Sequence[CompileError],
        compilation_result: str,
        commit: str = "",
        files_url: str = "",
    ) -> None:
        super().__init__(message)
        self.errors = tuple(errors)
        self.compilation_result = compilation_result
        self.commit = commit
        self.files_url = files_url


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Compilation(Value):
    """A compilation result by its full name, and the commit that was compiled.

    ``files_url`` plus a path in the repository is the address of a file of the commit. It is empty
    if that is not known. ``actions`` are set only with ``compile_only``.
    """

    name: str
    commit: str = ""
    core_version: str = ""
    files_url: str = ""
    actions: tuple[CompiledAction, ...] = ()


class State(Enum):
    """The state of a run, in the words that GitHub uses."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def ended(self) -> bool:
        """Return whether this state is final."""
        return self is not State.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RunRequest(Value):
    """What to run.

    ``schedule`` and ``environment`` are names of the project; on Google Cloud, of a workflow
    configuration and a release configuration. ``tags`` selects the actions that have one of them.

    The rest is for Google Cloud Dataform. ``git_ref``, the commit of ``environment`` or the files
    of ``workspace`` are compiled, in the folder ``project_path``, with the overrides ``vars``,
    ``schema_suffix``, ``table_prefix`` and ``compile_overrides``. The last has names of the API,
    such as ``defaultDatabase``. ``actions`` (``name``, ``dataset.name`` or
    ``project.dataset.name``) selects actions. A flag that is None has the value of the schedule;
    without a schedule, it is false. The run acts as ``service_account``. ``query_priority`` is
    ``interactive`` or ``batch``, and at most ``max_concurrent_actions`` run at the same time.
    ``unit_tests`` is ``only`` (nothing else is run) or ``false``. ``promote`` sets the compilation
    in the release configuration after success, with ``compile_only`` without a run. ``resume`` is
    the id of a run that ended: what did not succeed in it is run again, from the same compilation
    and with the same settings. After a failed run, the same is done up to ``retry_failed`` times.

    Raises:
        InputError: ``tags`` or ``actions`` is a string instead of a tuple.
    """

    schedule: str | None = None
    environment: str | None = None
    tags: tuple[str, ...] = ()
    git_ref: str | None = None
    workspace: str | None = None
    project_path: str | None = None
    vars: tuple[tuple[str, str], ...] = ()
    schema_suffix: str | None = None
    table_prefix: str | None = None
    compile_overrides: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ()
    include_dependencies: bool | None = None
    include_dependents: bool | None = None
    full_refresh: bool | None = None
    service_account: str | None = None
    query_priority: str | None = None
    max_concurrent_actions: int | None = None
    unit_tests: str | None = None
    compile_only: bool = False
    promote: bool = False
    resume: str | None = None
    retry_failed: int = 0

    def __post_init__(self) -> None:
        """Refuse a string instead of a tuple: each of its letters would be a name."""
        problems = [
            (name, "is a string: use a tuple of strings")
            for name in ("tags", "actions")
            if isinstance(getattr(self, name), str)
        ]
        if problems:
            raise InputError(problems)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Run(Value):
    """A run as its service last reported it.

    ``status`` is the service's own word. ``log_url`` is the page of the run. ``started`` and
    ``finished`` are the service's own times, with time zones, if it reports them.
    """

    id: str
    state: State
    status: str
    log_url: str
    #: The full name of the compilation result that the run executes, on Google Cloud.
    compilation_result: str = ""
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long the run took by the service's times; None if that is not known."""
        return seconds_between(self.started, self.finished)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rerun(Value):
    """A run that repeats a part of an earlier ``run``: the ``actions`` that did not succeed in it.

    ``known_runs`` are the ids of all runs of the same compilation that existed before.
    """

    run: Run
    actions: tuple[Action, ...]
    known_runs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Prepared(Value):
    """A request that is ready to be started.

    ``compilation`` was made for this request only, unless there is a ``rerun``. ``body`` is what
    the service is sent. ``notes`` are lines about what the run does that the request does not say,
    such as a schedule's settings.
    """

    request: RunRequest
    body: Mapping[str, object]
    compilation: Compilation | None = None
    notes: tuple[str, ...] = ()
    rerun: Rerun | None = None


#: The longest wait for the sake of a shared quota, in seconds.
LONGEST_SPACING = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Polling(Value):
    """How to wait for a run; all times are in seconds.

    ``interval`` is the longest wait between two polls, and ``timeout`` the longest wait for the
    run. The wait ends after ``outage_timeout`` without a usable response from the API. ``cancel``
    says whether the run is cancelled at the timeout and on a signal. ``parallel`` is how many runs
    are followed at the same time, each by its own ``Polling``: a run among ten sends a tenth of the
    requests that Google's quota allows.

    Raises:
        InputError: a time is less than 1 second, or ``parallel`` is less than 1.
    """

    interval: float = 10.0
    timeout: float = 6 * 3600.0
    outage_timeout: float = 600.0
    cancel: bool = True
    parallel: int = 1

    def __post_init__(self) -> None:
        """Refuse times that would make a busy loop, or no wait at all."""
        problems = [
            (name, f"{getattr(self, name)!r} is not at least 1 second")
            for name in ("interval", "timeout", "outage_timeout")
            if not getattr(self, name) >= 1
        ]
        if not self.parallel >= 1:
            problems.append(("parallel", f"{self.parallel!r} is not at least 1"))
        if problems:
            raise InputError(problems)

    @property
    def spacing(self) -> float:
        """Return the least time between two requests; 0 for a run that has the quota for itself.

        Parallel runs share one request a second.
        """
        return min(float(self.parallel), LONGEST_SPACING) if self.parallel > 1 else 0.0

    def delay(self, elapsed: float) -> float:
        """Return the wait before the next poll, ``elapsed`` seconds after the start.

        Short runs are polled often, long runs at the interval. While the wait is shorter than the
        interval, the end of a run is noticed within 5 % of its duration.
        """
        return min(max(elapsed / 22, 1.0), self.interval)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result(Value):
    """A run that has ended, its ``duration`` in seconds, and its actions.

    ``duration`` is by the service's times, or else the time of the wait. ``actions_error`` is why
    the actions, or some of them, could not be read, and ``details_error`` why their files, kinds
    and dependencies could not be read. ``compilation`` is what the run executed, if that is known.

    If the failed actions were run again, ``attempts`` has the result of each run, the oldest first.
    Then ``run`` is the last one, ``duration`` is the sum, and each action has its last state.
    """

    run: Run
    duration: float
    actions: tuple[Action, ...] = ()
    compilation: Compilation | None = None
    actions_error: DataformError | None = None
    details_error: DataformError | None = None
    attempts: tuple[Result, ...] = ()

    @property
    def unfinished_actions(self) -> tuple[Action, ...]:
        """Return the actions that neither succeeded nor are disabled."""
        done = (ActionState.SUCCEEDED, ActionState.DISABLED)
        return tuple(action for action in self.actions if action.state not in done)

    @property
    def failed_actions(self) -> tuple[Action, ...]:
        """Return the actions that failed, sorted by name."""
        failed = (action for action in self.actions if action.state is ActionState.FAILED)
        return tuple(sorted(failed, key=lambda action: action.name))

    def raise_for_state(self) -> None:
        """Do nothing if the run succeeded.

        Raises:
            RunUnsuccessful: the run did not succeed. The message has the reasons of the first
                failed actions.
        """
        if self.run.state is not State.SUCCESS:
            raise RunUnsuccessful(self)


class RunUnsuccessful(DataformError):
    """Report a run that ended without success; ``result`` is its result."""

    hint = "For details, see the log of the run."

    def __init__(self, result: Result) -> None:
        run, failed = result.run, result.failed_actions
        lines = [f"Run {run.id} ended with status {run.status}: {run.log_url}"]
        lines += [_failure_line(action) for action in failed[:_MOST_REASONS]]
        if len(failed) > _MOST_REASONS:
            lines.append(f"{len(failed) - _MOST_REASONS} more actions failed.")
        if result.actions_error is not None:
            known = () if result.actions else ("The actions could not be read.",)
            lines.append(" ".join((*known, result.actions_error.message)))
        super().__init__("\n".join(lines))
        self.result = result


def _failure_line(action: Action) -> str:
    place = f" ({action.file})" if action.file else ""
    text = f"{action.name}{place}: {action.reason or 'the API gives no reason'}"
    return cut(" ".join(text.split()), _LONGEST_REASON)
