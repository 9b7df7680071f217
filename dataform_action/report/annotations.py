"""The annotations: one error for each cause, on its file if GitHub can show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dataform_action.github.commands import ANNOTATION_LIMIT
from dataform_action.report.causes import Causes, CompileErrors, FailedActions
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.places import describe_action, describe_error, place_of, title_of
from dataform_action.report.words import NO_REASON
from dataform_action.text import count_of, cut

#: The runner keeps one more error, which is for the outcome.
_MOST = ANNOTATION_LIMIT - 1
#: A message with its reason, names and places stays below the runner's limit.
_REASON_LIMIT = 2000
_NAME_LIMIT = 300
_MOST_PLACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An error. ``file`` is a file of the workflow's repository, or empty.

    The title is a fixed text.
    """

    title: str
    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None


def render_annotations(
    outcome: StepOutcome, causes: Causes, repository_url: str, elsewhere: str
) -> list[Annotation]:
    """Return one error for each cause, up to the number that the runner keeps.

    ``repository_url`` is the address of the repository that the workflow runs in. It is empty if
    that is not known. GitHub shows annotations on files of this repository only. If the code is
    in another repository, the message names the file. Errors on files come first. If causes are
    left out, the last message has their number and points to ``elsewhere``.
    """
    is_own = _is_own(outcome, repository_url)
    annotations = [
        *(annotate_compile_errors(cause, is_own=is_own) for cause in causes.compile_errors),
        *(_of_actions(cause, is_own) for cause in causes.failures),
    ]
    return as_many_as_fit(annotations, "more cause", elsewhere)


def as_many_as_fit(annotations: list[Annotation], noun: str, elsewhere: str) -> list[Annotation]:
    """Return the annotations that the runner keeps, those on files first.

    ``noun`` names the others, such as ``more cause``, and ``elsewhere`` is where they are.
    """
    annotations = sorted(annotations, key=lambda annotation: not annotation.file)
    shown = annotations[:_MOST]
    if len(annotations) > _MOST:
        rest = f"{count_of(len(annotations) - _MOST, noun)}: see {elsewhere}."
        shown[-1] = replace(shown[-1], message=f"{shown[-1].message}\nAnd {rest}")
    return shown


def _is_own(outcome: StepOutcome, repository_url: str) -> bool:
    """Return whether the code was compiled from the workflow's repository."""
    files_url = f"{repository_url}/blob/{outcome.commit}"
    return bool(repository_url) and outcome.files_url.lower() == files_url.lower()


def annotate_compile_errors(cause: CompileErrors, *, is_own: bool) -> Annotation:
    """Return the annotation of a cause. ``is_own``: its files are in the workflow's repository."""
    # The compiler may omit the file of some errors.
    places = sorted(cause.places, key=lambda error: not error.file) or [*cause.errors[:1]]
    first, *others = places
    on_file = is_own and bool(first.file)
    names = ("" if on_file else place_of(first), first.action)
    return Annotation(
        title="Dataform: compile error",
        message=_message(names, cause.message, "message", map(describe_error, others)),
        file=first.file if on_file else "",
        line=first.line if on_file else None,
        column=first.column if on_file else None,
    )


def _of_actions(cause: FailedActions, is_own: bool) -> Annotation:
    first, *others = sorted(cause.actions, key=lambda action: not action.file)
    on_file = is_own and bool(first.file)
    names = ("" if on_file else first.file, title_of(first))
    reason = cause.reason.strip() or NO_REASON
    message = _message(names, reason, "reason", map(describe_action, others))
    if cause.blocked:
        message += f"\nBlocked {count_of(len(cause.blocked), 'action')}."
    return Annotation(
        title="Dataform: action failed", message=message, file=first.file if on_file else ""
    )


def _message(names: tuple[str, str], reason: str, noun: str, others: Iterable[str]) -> str:
    """Return the text of an error: place, name and reason, then the other places."""
    known = [cut(name, _NAME_LIMIT) for name in names if name]
    message = ": ".join((*known, cut(reason.strip(), _REASON_LIMIT)))
    every = list(others)
    if not every:
        return message
    shown = ", ".join(cut(other, _NAME_LIMIT) for other in every[:_MOST_PLACES])
    more = f" and {len(every) - _MOST_PLACES:,} more" if len(every) > _MOST_PLACES else ""
    return f"{message}\nThe same {noun}: {shown}{more}."
