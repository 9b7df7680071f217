"""The vocabulary of actions and compilations, which only Google Cloud Dataform tells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action of a run; ``name`` is ``project.dataset.name``.

    ``reason`` says why it failed, ``seconds`` how long it took as far as is known,
    ``job_id`` which BigQuery job ran it. ``file`` and ``dependencies`` come from the
    compilation, and are empty where that could not be asked for.
    """

    name: str
    state: ActionState
    reason: str = ""
    seconds: float | None = None
    job_id: str = ""
    job_url: str = ""
    file: str = ""
    dependencies: tuple[str, ...] = ()


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

    ``errors`` holds the ``CompileError`` of each, and ``compilation_result`` the full name.
    """

    hint = "Each error is shown on its file, where it names one, and in the job summary."

    def __init__(
        self, message: str, *, errors: Sequence[CompileError], compilation_result: str
    ) -> None:
        super().__init__(message)
        self.errors = tuple(errors)
        self.compilation_result = compilation_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """A compilation without errors: its full name, and the commit that it compiled."""

    name: str
    commit: str = ""
