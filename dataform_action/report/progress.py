"""What the log says while a run is created and waited for. Pure: data in, lines out."""

from __future__ import annotations

from collections import Counter

from dataform_action.events import Fact, Progressed, RerunPrepared, Subject, Update
from dataform_action.model import Action, ActionState, Polling, RunRequest
from dataform_action.report.request import RequestFact, inputs_of, option_facts
from dataform_action.text import cut, format_duration, shown_name

#: Failed actions are always named, up to this number in one update; other ends are examples.
_MOST_FAILURES = 100
_MOST_OTHER_ENDS = 5
_MOST_RUNNING = 3
_LONGEST_LINE = 300
#: A line that repeats an unchanged state comes at most once in this many seconds.
_REPEAT_SECONDS = 60.0


def render_intent(subject: Subject) -> list[str]:
    """Return the lines that say what is about to happen, and with which options."""
    place = ", ".join(map(_place, subject.place))
    request, service = subject.request, subject.service_name
    if subject.run_id is not None:
        lines = [f"{service}: watching run {subject.run_id} ({place}). No run is started."]
        return lines + ([unused_inputs(subject)] if unused_inputs(subject) else [])
    source = _source(request)
    doing = "compiling" if request.compile_only else f"starting a run{' of' if source else ''}"
    options = [f"  {fact.label}: {_values(fact)}" for fact in option_facts(request)]
    return [" ".join(filter(None, (f"{service}:", doing, source, f"({place})"))), *options]


def unused_inputs(subject: Subject) -> str:
    """Return the line that names the inputs without effect; empty if there are none."""
    names = inputs_of(subject.request) if subject.run_id is not None else []
    return f"run-id is given, so these inputs have no effect: {', '.join(names)}" if names else ""


def _place(fact: Fact) -> str:
    return f"{fact.label.lower()} {fact.value}" + (f" in {fact.within}" if fact.within else "")


def _source(request: RunRequest) -> str:
    schedule, environment, ref, workspace = (
        f"{word} {shown_name(name)}" if name else ""
        for word, name in (
            ("schedule", request.schedule),
            ("environment", request.environment),
            ("git ref", request.git_ref),
            ("workspace", request.workspace),
        )
    )
    if request.resume:
        return f"what did not succeed in run {request.resume}"
    if ref and environment:
        return f"{ref} with the settings of {environment}"
    return ref or workspace or " in ".join(filter(None, (schedule, environment)))


def _values(fact: RequestFact) -> str:
    shown = ", ".join(fact.values)
    return f"{shown} and {fact.more} more" if fact.more else shown


def render_settings(subject: Subject) -> list[str]:
    """Return the lines that say how the run is waited for."""
    polling = subject.polling
    return [
        f"API: {subject.api_url}",
        f"Longest wait between two polls: {_longest_wait(polling)}",
        f"Timeout for the run: {format_duration(polling.timeout)}",
        f"Timeout for an outage of the API: {format_duration(polling.outage_timeout)}",
        f"Cancel the run when the step is cancelled or times out: {str(polling.cancel).lower()}",
    ]


def _longest_wait(polling: Polling) -> str:
    if polling.spacing <= polling.interval:
        return format_duration(polling.interval)
    return f"{format_duration(polling.spacing)}, because {polling.parallel} runs share the quota"


class Narrator:
    """Render updates as lines. It remembers which ended actions it has named."""

    def __init__(self) -> None:
        self._named: set[str] = set()
        self._last: tuple[int, list[str]] = (0, [])
        self._last_elapsed = 0.0

    def render(self, update: Update) -> list[str]:
        """Return the lines of an update."""
        if isinstance(update, Progressed):
            return self._render_progress(update)
        if isinstance(update, RerunPrepared):
            # The time of another attempt starts at 0 again.
            self._named, self._last, self._last_elapsed = set(), (0, []), 0.0
        return [str(update)]

    def _render_progress(self, update: Progressed) -> list[str]:
        ended = [action for action in update.actions if action.state.ended]
        new = [action for action in ended if action.name not in self._named]
        self._named.update(action.name for action in new)
        lines = _render_ends(new)
        running = [a.name for a in update.actions if a.state is ActionState.RUNNING]
        same = self._last == (len(ended), running)
        if same and update.elapsed < self._last_elapsed + _REPEAT_SECONDS:
            return lines
        self._last, self._last_elapsed = (len(ended), running), update.elapsed
        shown = ", ".join(running[:_MOST_RUNNING])
        more = f" and {len(running) - _MOST_RUNNING} more" if len(running) > _MOST_RUNNING else ""
        now = f"; running: {shown}{more}" if running else ""
        return [*lines, f"{update}{now}"]


def _render_ends(new: list[Action]) -> list[str]:
    """Return a line for each failed action, then examples of the others, then counts."""
    failed = [action for action in new if action.state is ActionState.FAILED]
    others = [action for action in new if action.state is not ActionState.FAILED]
    left_out = [*failed[_MOST_FAILURES:], *others[_MOST_OTHER_ENDS:]]
    lines = [_render_end(action) for action in failed[:_MOST_FAILURES] + others[:_MOST_OTHER_ENDS]]
    if left_out:
        counts = Counter(action.state.value for action in left_out)
        lines.append(f"  and {', '.join(f'{n} more {state}' for state, n in counts.items())}")
    return lines


def _render_end(action: Action) -> str:
    took = "" if action.seconds is None else f" after {format_duration(action.seconds)}"
    reason = f": {' '.join(action.reason.split())}" if action.reason else ""
    return cut(f"  {action.name} {action.state.value}{took}{reason}", _LONGEST_LINE)
