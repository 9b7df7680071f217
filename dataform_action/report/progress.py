"""What the log says while a run is created and waited for. Pure: data in, lines out."""

from __future__ import annotations

from dataform_action.events import Fact, Progressed, Subject, Update
from dataform_action.model import Action, ActionState, RunRequest
from dataform_action.text import cut, format_duration

#: At most so many ends of actions are told at a time, so many running ones named.
_MOST_ENDS = 20
_MOST_RUNNING = 3
_LONGEST_LINE = 300
#: What has not changed is told again after this, in seconds.
_REPEAT_SECONDS = 60.0


def render_intent(subject: Subject) -> str:
    """Return the line that says what is about to happen."""
    project = f"of {', '.join(map(_place, subject.place))}"
    service = subject.service_name
    if subject.run_id is not None:
        return f"{service}: watching run {subject.run_id} {project}; nothing is triggered"
    request = subject.request
    if request.compile_only:
        return f"{service}: compiling {_compiled(request)} {project}"
    return f"{service}: triggering {_triggered(request)} {project}"


def _place(fact: Fact) -> str:
    return f"{fact.label.lower()} {fact.value}" + (f" in {fact.within}" if fact.within else "")


def _compiled(request: RunRequest) -> str:
    schedule = f"schedule {request.schedule}" if request.schedule else ""
    environment = f"environment {request.environment}" if request.environment else ""
    return " in ".join(filter(None, (request.git_ref or schedule, environment))) or "a run"


def _triggered(request: RunRequest) -> str:
    schedule = f"schedule {request.schedule}" if request.schedule else "a run"
    parts = [f"a run of {request.git_ref}" if request.git_ref else schedule]
    if request.environment:
        parts.append(f"in environment {request.environment}")
    if request.tags:
        parts.append(f"with tags {', '.join(request.tags)}")
    return " ".join(parts)


def render_settings(subject: Subject) -> list[str]:
    """Return the lines that say how the run is waited for."""
    polling = subject.polling
    return [
        f"API: {subject.api_url}",
        f"Longest wait between two polls: {format_duration(polling.interval)}",
        f"Timeout for the run: {format_duration(polling.timeout)}",
        f"Timeout for an API that does not answer: {format_duration(polling.outage_timeout)}",
        f"Cancel the run when the step is cancelled or times out: {str(polling.cancel).lower()}",
    ]


class Narrator:
    """Tell of updates line by line; it remembers which actions it has told the end of."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._last: tuple[int, list[str]] = (0, [])
        self._last_elapsed = 0.0

    def render(self, update: Update) -> list[str]:
        """Return the lines that tell of an update."""
        if isinstance(update, Progressed):
            return self._render_progress(update)
        return [str(update)]

    def _render_progress(self, update: Progressed) -> list[str]:
        ended = [action for action in update.actions if action.state.ended]
        new = [action for action in ended if action.name not in self._told]
        self._told.update(action.name for action in new)
        lines = [_render_end(action) for action in new[:_MOST_ENDS]]
        if len(new) > _MOST_ENDS:
            lines.append(f"  and {len(new) - _MOST_ENDS} more actions ended")
        running = [a.name for a in update.actions if a.state is ActionState.RUNNING]
        same = self._last == (len(ended), running)
        if same and update.elapsed < self._last_elapsed + _REPEAT_SECONDS:
            return lines
        self._last, self._last_elapsed = (len(ended), running), update.elapsed
        shown = ", ".join(running[:_MOST_RUNNING])
        more = f" and {len(running) - _MOST_RUNNING} more" if len(running) > _MOST_RUNNING else ""
        now = f"; running: {shown}{more}" if running else ""
        after = format_duration(update.elapsed)
        return [*lines, f"{len(ended)} of {len(update.actions)} actions done after {after}{now}"]


def _render_end(action: Action) -> str:
    took = "" if action.seconds is None else f" after {format_duration(action.seconds)}"
    reason = f": {' '.join(action.reason.split())}" if action.reason else ""
    return cut(f"  {action.name} {action.state.value}{took}{reason}", _LONGEST_LINE)
