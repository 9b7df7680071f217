"""The errors that belong to files of the repository: the most useful ones of a step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dataform_action.github.commands import ANNOTATION_LIMIT
from dataform_action.model import CompileError
from dataform_action.report.analysis import Analysis
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.words import NO_REASON, count_of
from dataform_action.text import cut

#: One of the errors that the runner keeps is for the outcome.
_MOST = ANNOTATION_LIMIT - 1
#: Inside the runner's own limit, with room for what stands around a reason.
_REASON_LIMIT = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An error on a file of the repository; the title is made of fixed words."""

    title: str
    message: str
    file: str
    line: int | None = None
    column: int | None = None


def render_annotations(
    outcome: StepOutcome, analysis: Analysis, elsewhere: str
) -> list[Annotation]:
    """Return the errors that belong to files: those that fit beside the outcome's own.

    First come those that name a file, of these the ones that blocked the most. The last
    one counts those that are not here, and says that they are in ``elsewhere``.
    """
    # Those without a file point nowhere, and are in the summary as well.
    places = [*_compiled(outcome.compile_errors), *_failed(analysis)]
    places.sort(key=lambda place: not place.file)
    shown = places[:_MOST]
    if len(places) > _MOST:
        rest = f"And {count_of(len(places) - _MOST, 'more error')}: see {elsewhere}."
        shown[-1] = replace(shown[-1], message=f"{shown[-1].message}\n{rest}")
    return shown


def _compiled(errors: tuple[CompileError, ...]) -> list[Annotation]:
    return [
        Annotation(
            title="Dataform: compile error",
            message=_message(error.action, error.message),
            file=error.file,
            line=error.line,
            column=error.column,
        )
        for error in errors
    ]


def _failed(analysis: Analysis) -> list[Annotation]:
    annotations = []
    for action in analysis.failed:
        count = len(analysis.blocked[action.name])
        after = f"\nIt held up {count_of(count, 'action')}." if count else ""
        message = _message(action.name, action.reason or NO_REASON) + after
        annotations.append(
            Annotation(title="Dataform: action failed", message=message, file=action.file)
        )
    return annotations


def _message(name: str, reason: str) -> str:
    words = cut(reason.strip(), _REASON_LIMIT)
    return f"{cut(name, 300)}: {words}" if name else words
