"""The vocabulary of actions and compilations, which only Google Cloud Dataform tells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from dataform_action.errors import DataformError


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledAction:
    """An action as the project defines it. ``file`` is a path in the repository."""

    name: str
    kind: str = ""
    file: str = ""
    dependencies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action of a run; ``name`` is ``project.dataset.name``.

    ``reason`` says why it failed, ``started`` and ``finished`` (with their time zones) when
    it ran as far as is known, ``job_id`` which BigQuery job ran it. ``kind`` (such as
    ``table`` or ``assertion``), ``file`` and ``dependencies`` come from the compilation, and
    are empty where that could not be asked for.
    """

    name: str
    state: ActionState
    reason: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    job_id: str = ""
    job_url: str = ""
    kind: str = ""
    file: str = ""
    dependencies: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Return how long the action took; None if that is not known or it still runs."""
        if self.started is None or self.finished is None:
            return None
        return max(0.0, (self.finished - self.started).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileError:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """A compilation: its full name, and the commit that it compiled.

    ``files_url`` is the address below which the commit's files are shown, by their paths in
    the repository; it is empty where that is not known. ``actions`` is filled where they
    were asked for.
    """

    name: str
    commit: str = ""
    files_url: str = ""
    actions: tuple[CompiledAction, ...] = ()
