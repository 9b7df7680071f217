"""The execution of one workflow invocation: its progress, and how the API shows it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from dataform_action.emulator.clock import Pace
from dataform_action.emulator.definitions import Course, Invocation
from dataform_action.emulator.google.actions import render_execution
from dataform_action.emulator.google.invocation_spec import (
    Executed,
    InvocationSpec,
    render_invocation,
)
from dataform_action.emulator.google.protobuf_json import present, render_timestamp
from dataform_action.emulator.graph.compiled_graph import Action
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.timeline import Span, make_timeline

CANCEL_SECONDS = 1.0
"""How long cancelling takes by the clock; by polls, one GET returns CANCELING."""

_CANCEL_STEPS = 2
_ROUNDING = 1e-9
_TIMED = ("RUNNING", "SUCCEEDED", "CANCELLED", "FAILED")


class _Steps:
    """Counts the steps of an invocation: one for each GET, or evenly spread over its seconds."""

    def __init__(self, pace: Pace, count: int, seconds: float | None) -> None:
        self._pace = pace
        self._length = (pace.run_seconds if seconds is None else seconds) / count
        self._poll_times = [pace.clock.now()]

    def poll(self) -> None:
        """Count a GET."""
        self._poll_times.append(self._pace.clock.now())

    @property
    def polls(self) -> int:
        """The number of GETs so far."""
        return len(self._poll_times) - 1

    @property
    def now(self) -> int:
        """The current step."""
        if self._pace.advance == "poll":
            return self.polls
        elapsed = self._pace.clock.now() - self.time_of(0)
        return int(elapsed / self._length + _ROUNDING) if self._length else sys.maxsize

    def time_of(self, step: int) -> float:
        """Return when a past step, or the current one, began."""
        if self._pace.advance == "poll":
            return self._poll_times[step]
        return self._poll_times[0] + step * self._length

    def has_cancelled(self, step: int, moment: float) -> bool:
        """Return whether a cancellation has finished that was requested at this step and time."""
        if self._pace.advance == "poll":
            return self.now >= step + _CANCEL_STEPS
        return self._pace.clock.now() >= moment + CANCEL_SECONDS

    def end_of_cancelling(self, step: int, moment: float) -> float:
        """Return when the cancellation finished that was requested at this step and time."""
        polled = self._pace.advance == "poll"
        return self._poll_times[step + _CANCEL_STEPS] if polled else moment + CANCEL_SECONDS


@dataclass(slots=True)
class Execution:
    """Runs one invocation along its course."""

    spec: InvocationSpec
    course: Course
    pace: Pace
    sends_pending: bool = False
    _timeline: dict[Target, Span] = field(init=False)
    _steps: _Steps = field(init=False)
    _cancelled: tuple[int, float] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Plan the steps, and start."""
        limit = self.spec.config.get("concurrentActionsLimit", self.course.parallel)
        self._timeline = make_timeline(self.spec.actions, self.course, max(1, limit))
        self._steps = _Steps(self.pace, self._last_step, self.course.seconds)

    @property
    def _last_step(self) -> int:
        return max([1, *(span.end for span in self._timeline.values() if span.end is not None)])

    @property
    def _step(self) -> int:
        """The current step of the actions; a cancellation stops them."""
        return self._steps.now if self._cancelled is None else self._cancelled[0]

    @property
    def _is_cancelled(self) -> bool:
        return self._cancelled is not None and self._steps.has_cancelled(*self._cancelled)

    @property
    def true_state(self) -> str:
        """The state that follows from the states of the actions."""
        if self._cancelled is not None:
            return "CANCELLED" if self._is_cancelled else "CANCELING"
        endless = any(span.end is None for span in self._timeline.values())
        if endless or self._steps.now < self._last_step:
            return "RUNNING"
        if self.course.ending is not None:
            return self.course.ending
        failed = any(span.state == "FAILED" for span in self._timeline.values())
        return "FAILED" if failed else "SUCCEEDED"

    @property
    def state(self) -> str:
        """The state in responses; an empty one is omitted."""
        return self.true_state if self.course.state is None else self.course.state

    def poll(self) -> None:
        """Count a GET; by polls, advance one step."""
        self._steps.poll()

    def cancel(self) -> None:
        """Stop, if it is still running."""
        if self.true_state == "RUNNING":
            self._cancelled = (self._steps.now, self.pace.clock.now())

    def snapshot(self) -> Invocation:
        """Return its current state."""
        states = {str(action.target): self._shown_state(action) for action in self.spec.actions}
        return self.spec.snapshot(self.state, states, self._steps.polls, self._steps.time_of(0))

    def render(self) -> dict[str, object]:
        """Render the WorkflowInvocation."""
        ended = self.true_state not in ("RUNNING", "CANCELING")
        end = self._end() if ended else None
        return render_invocation(self.spec, self.state, self._steps.time_of(0), end)

    def action_renderers(self) -> Sequence[Callable[[], dict[str, object]]]:
        """Return a function for each WorkflowInvocationAction, which renders it."""
        return [partial(self._render_action, action) for action in self.spec.actions]

    def _render_action(self, action: Action) -> dict[str, object]:
        span = self._timeline[action.target]
        state, shown = self._state(span), self._shown_state(action)
        is_sent = shown != "PENDING" or self.sends_pending
        started = span.start is not None and self._step >= span.start
        job = self._job_of(action)
        return present(
            target=action.target.render(),
            canonicalTarget=action.canonical_target.render(),
            state=shown if is_sent else None,
            failureReason=span.reason if state == "FAILED" else None,
            invocationTiming=self._timing(span) if state in _TIMED else None,
            **render_execution(
                action,
                self.spec.full_refresh,
                job if started else None,
                state in ("SUCCEEDED", "FAILED"),
            ),
        )

    def executed(self) -> Iterator[Executed]:
        """Return the actions that have started."""
        for action in self.spec.actions:
            span = self._timeline[action.target]
            start, end = self._times(span)
            # A cancelled action that has not started has two equal times.
            if start is not None and span.start is not None and self._step >= span.start:
                yield Executed(
                    spec=self.spec,
                    action=action,
                    job=self._job_of(action),
                    state=self._state(span),
                    reason=span.reason,
                    started=start,
                    ended=end,
                )

    def _job_of(self, action: Action) -> str:
        return f"dataform-{uuid5(NAMESPACE_URL, f'{self.spec.name}/{action.target}')}"

    def _state(self, span: Span) -> str:
        queues = self.course.queues or "concurrentActionsLimit" in self.spec.config
        state = span.state_at(self._step, "QUEUED" if queues else "PENDING")
        if self._is_cancelled and state in ("PENDING", "QUEUED", "RUNNING"):
            return "CANCELLED"
        return state

    def _shown_state(self, action: Action) -> str:
        for name, state in self.course.action_states.items():
            if action.is_called(name):
                return state
        return self._state(self._timeline[action.target])

    def _timing(self, span: Span) -> dict[str, object]:
        start, end = self._times(span)
        return present(
            startTime=None if start is None else render_timestamp(start),
            endTime=None if end is None else render_timestamp(end),
        )

    def _times(self, span: Span) -> tuple[float | None, float | None]:
        """Return the times of an action; if cancelled before its start, it has both."""
        has_ended = span.end is not None and self._step >= span.end
        end = self._steps.time_of(span.end) if has_ended and span.end is not None else None
        if end is None and self._is_cancelled:
            end = self._end()
        has_started = span.start is not None and self._step >= span.start
        start = self._steps.time_of(span.start) if has_started and span.start is not None else end
        return start, end

    def _end(self) -> float:
        if self._cancelled is not None:
            return self._steps.end_of_cancelling(*self._cancelled)
        return self._steps.time_of(self._last_step)
