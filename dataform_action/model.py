"""The vocabulary: what is asked for, what a run is, how to wait. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from dataform_action.errors import DataformError, InputError
from dataform_action.text import cut

#: What the error of a failed run repeats: so many of its actions, so much of each.
_MOST_REASONS = 10
_LONGEST_REASON = 400


def _seconds_between(started: datetime | None, finished: datetime | None) -> float | None:
    if started is None or finished is None:
        return None
    return max(0.0, (finished - started).total_seconds())


class _Value:
    """What compares by its fields and shows them.

    ``dataclass`` would compile these methods for each class, a millisecond of every start.
    """

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._items())
        return f"{type(self).__name__}({given})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._items() == other._items()

    def __hash__(self) -> int:
        return hash(self._items())

    def _items(self) -> tuple[tuple[str, object], ...]:
        return tuple((name, getattr(self, name)) for name in self.__slots__)


class ActionState(Enum):
    """Where one action of a run stands; what is not known counts as pending."""

    PENDING = "pending"
    RUNNING = "running"
    SKIPPED = "skipped"
    DISABLED = "disabled"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Tell whether an action in this state will change no more."""
        return self not in (ActionState.PENDING, ActionState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CompiledAction(_Value):
    """An action as the project defines it.

    ``file`` is a path in the repository, and ``canonical_name`` the name without the compilation's
    suffixes and prefix. ``checked_action`` is the name of the action whose rows an assertion
    checks. It is empty for other kinds, and where it is not known.
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

    ``kind`` says what it is, such as ``BigQuery job``. ``url`` is the page that shows it; it is
    empty where that is not known. ``has_own_page`` is false where the page lists other jobs too.
    """

    kind: str
    id: str
    url: str = ""
    has_own_page: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Action(_Value):
    """An action of a run; ``name`` is ``project.dataset.name``.

    ``reason`` says why it failed, ``started`` and ``finished`` (with their time zones) when
    it ran as far as is known, and ``jobs`` what executed it: a unit test has two, other actions
    have one at most. ``kind`` (such as ``table`` or ``assertion``), ``file``, ``dependencies``
    and ``checked_action`` come from the compilation, as ``CompiledAction`` has them. They are
    empty where the compilation could not be read.
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
        """Return how long the action took; None if that is not known or it still runs."""
        return _seconds_between(self.started, self.finished)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CompileError(_Value):
    """One error of a compilation. ``file`` is a path in the repository, if there is one."""

    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    action: str = ""


class CompileFailed(DataformError):
    """Report a compilation with errors, which is never run.

    ``errors`` holds the ``CompileError`` of each, ``compilation_result`` the full name,
    ``commit`` what was compiled, and ``files_url`` as a ``Compilation`` has it.
    """

    hint = "Mend the errors and compile again. Each names its file, where it has one."

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
class Compilation(_Value):
    """A compilation: its full name, and the commit that it compiled.

    ``files_url`` is the address below which the commit's files are shown, by their paths in
    the repository; it is empty where that is not known. ``actions`` is filled where they
    were asked for. ``core_version`` is the version of Dataform core.
    """

    name: str
    commit: str = ""
    core_version: str = ""
    files_url: str = ""
    actions: tuple[CompiledAction, ...] = ()


class State(Enum):
    """Where a run stands, in GitHub's own words."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def ended(self) -> bool:
        """Tell whether a run in this state will change no more."""
        return self is not State.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RunRequest(_Value):
    """What to run.

    ``schedule`` and ``environment`` are names as the project defines them (on Google
    Cloud, a workflow configuration and a release configuration); ``tags`` narrows the run
    to the actions that carry one of them. The rest is for Google Cloud Dataform:
    ``git_ref`` is compiled with the overrides ``vars``, ``schema_suffix`` and
    ``table_prefix``; ``actions`` (``name``, ``dataset.name`` or ``project.dataset.name``)
    and the three flags narrow or widen the selection (None leaves a flag to the schedule; without
    one it is false); ``service_account`` is whom the run acts as; ``promote`` makes the
    compilation the environment's own after success.

    Raises:
        InputError: ``tags`` or ``actions`` is one text, whose letters would be the names.
    """

    schedule: str | None = None
    environment: str | None = None
    tags: tuple[str, ...] = ()
    git_ref: str | None = None
    vars: tuple[tuple[str, str], ...] = ()
    schema_suffix: str | None = None
    table_prefix: str | None = None
    actions: tuple[str, ...] = ()
    include_dependencies: bool | None = None
    include_dependents: bool | None = None
    full_refresh: bool | None = None
    service_account: str | None = None
    compile_only: bool = False
    promote: bool = False

    def __post_init__(self) -> None:
        """Refuse a text where a tuple of texts belongs: it would be taken letter by letter."""
        problems = [
            (name, "is one text: give a tuple of texts")
            for name in ("tags", "actions")
            if isinstance(getattr(self, name), str)
        ]
        if problems:
            raise InputError(problems)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Run(_Value):
    """A run as its service last described it.

    ``status`` is the service's own word, ``log_url`` the page that shows the run. ``started``
    and ``finished`` (with their time zones) are the service's own times, as far as it has them.
    """

    id: str
    state: State
    status: str
    log_url: str
    #: What the run executes, on Google Cloud: a compilation result's full name.
    compilation_result: str = ""
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long the run took by the service's times; None if one is not known."""
        return _seconds_between(self.started, self.finished)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Prepared(_Value):
    """A request that is ready to be started.

    ``compilation`` is what was compiled for it alone, if anything was, and ``body`` what
    the service is to be sent. ``notes`` are lines that say what is run beyond what was asked for,
    or otherwise than it was written.
    """

    request: RunRequest
    body: Mapping[str, object]
    compilation: Compilation | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Polling(_Value):
    """How to wait for a run; all times in seconds.

    ``interval`` is the longest wait between two polls, ``timeout`` how long to wait
    for the run, ``outage_timeout`` how long the API may give no usable answer in a
    row. ``cancel`` decides whether the run is cancelled at the timeout and on a kill.

    Raises:
        InputError: a time is too short to wait with.
    """

    interval: float = 10.0
    timeout: float = 6 * 3600.0
    outage_timeout: float = 600.0
    cancel: bool = True

    def __post_init__(self) -> None:
        """Refuse times that would make the wait a busy loop or end it at once."""
        problems = [
            (name, f"{getattr(self, name)!r} is not at least 1 second")
            for name in ("interval", "timeout", "outage_timeout")
            if not getattr(self, name) >= 1
        ]
        if problems:
            raise InputError(problems)

    def delay(self, elapsed: float) -> float:
        """Return the wait before the next poll when ``elapsed`` seconds have gone by.

        With the time that the poll itself takes, this notices the end of a run within 5 %
        of its length; short runs are polled often, long ones at the interval.
        """
        return min(max(elapsed / 22, 1.0), self.interval)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Result(_Value):
    """How a run ended, how long it took (``duration``, in seconds), and its actions.

    ``duration`` is by the service's times, or else how long the run was waited for.
    ``actions`` is empty where the service knows none, or where they could not be read:
    ``actions_error`` says why. ``details_error`` says why their files, kinds and dependencies
    could not be. ``compilation`` is what the run executed, as far as is known.
    """

    run: Run
    duration: float
    actions: tuple[Action, ...] = ()
    compilation: Compilation | None = None
    actions_error: DataformError | None = None
    details_error: DataformError | None = None

    @property
    def failed_actions(self) -> tuple[Action, ...]:
        """Return the actions that failed, by name; each has its ``reason`` and ``file``."""
        failed = (action for action in self.actions if action.state is ActionState.FAILED)
        return tuple(sorted(failed, key=lambda action: action.name))

    def raise_for_state(self) -> None:
        """Return if the run succeeded, and raise otherwise.

        Raises:
            RunUnsuccessful: the run failed, was cancelled or timed out; its message has the
                reasons of the first failed actions.
        """
        if self.run.state is not State.SUCCESS:
            raise RunUnsuccessful(self)


class RunUnsuccessful(DataformError):
    """Report a run that ended, but not in success; ``result`` is how it ended."""

    hint = "The run's log says more."

    def __init__(self, result: Result) -> None:
        run, failed = result.run, result.failed_actions
        lines = [f"Run {run.id} ended with status {run.status}: {run.log_url}"]
        lines += [_reason_words(action) for action in failed[:_MOST_REASONS]]
        if len(failed) > _MOST_REASONS:
            lines.append(f"And {len(failed) - _MOST_REASONS} more actions failed.")
        if result.actions_error is not None:
            lines.append(f"Its actions could not be read. {result.actions_error.message}")
        super().__init__("\n".join(lines))
        self.result = result


def _reason_words(action: Action) -> str:
    place = f" ({action.file})" if action.file else ""
    text = f"{action.name}{place}: {action.reason or 'the API gives no reason'}"
    return cut(" ".join(text.split()), _LONGEST_REASON)
