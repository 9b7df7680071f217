"""A workflow invocation that is carried out: where it stands by the pace, and how it is shown."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dataform_action.emulator.clock import Pace
from dataform_action.emulator.compiled_graph import Action, Target
from dataform_action.emulator.definitions import Course, Invocation
from dataform_action.emulator.google.protobuf_json import present
from dataform_action.emulator.google.rendering import render_sql
from dataform_action.emulator.google.timeline import Span, make_timeline

CANCEL_SECONDS = 1.0
"""How long cancelling takes by the clock; by polls, one GET answers CANCELING."""

_CANCEL_STEPS = 2
_ROUNDING = 1e-9
_TIMED = ("RUNNING", "SUCCEEDED", "CANCELLED", "FAILED")


def render_time(seconds: float) -> str:
    """Write a moment as RFC 3339 does, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


class _Steps:
    """Counts the steps of an invocation: a step a GET, or evenly spread over its seconds."""

    def __init__(self, pace: Pace, count: int, seconds: float | None) -> None:
        self._pace = pace
        self._length = (pace.run_seconds if seconds is None else seconds) / count
        self._moments = [pace.clock.now()]

    def poll(self) -> None:
        """Take a GET."""
        self._moments.append(self._pace.clock.now())

    @property
    def polls(self) -> int:
        """How many GETs there were."""
        return len(self._moments) - 1

    @property
    def now(self) -> int:
        """The step that has been reached."""
        if self._pace.advance == "poll":
            return self.polls
        elapsed = self._pace.clock.now() - self.moment(0)
        return int(elapsed / self._length + _ROUNDING) if self._length else sys.maxsize

    def moment(self, step: int) -> float:
        """Return when a step that has been reached was reached."""
        if self._pace.advance == "poll":
            return self._moments[step]
        return self._moments[0] + step * self._length

    def has_passed_since(self, step: int, moment: float) -> bool:
        """Tell whether what was cancelled then has come to its end."""
        if self._pace.advance == "poll":
            return self.now >= step + _CANCEL_STEPS
        return self._pace.clock.now() >= moment + CANCEL_SECONDS

    def end_of_cancelling(self, step: int, moment: float) -> float:
        """Return when that was."""
        polled = self._pace.advance == "poll"
        return self._moments[step + _CANCEL_STEPS] if polled else moment + CANCEL_SECONDS


@dataclass(frozen=True, slots=True)
class Order:
    """What an invocation was created with: full names, the effective configuration, the actions."""

    name: str
    source: Mapping[str, str]
    result: str
    config: Mapping[str, Any]
    actions: Sequence[Action]
    pipeline: Mapping[str, Any] | None


@dataclass(slots=True)
class Execution:
    """Carries out one order on its course."""

    order: Order
    course: Course
    pace: Pace
    sends_pending: bool = False
    _timeline: dict[Target, Span] = field(init=False)
    _steps: _Steps = field(init=False)
    _cancelled: tuple[int, float] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Plan the steps, and start."""
        limit = self.order.config.get("concurrentActionsLimit", self.course.parallel)
        self._timeline = make_timeline(self.order.actions, self.course, max(1, limit))
        self._steps = _Steps(self.pace, self._last_step, self.course.seconds)

    @property
    def _last_step(self) -> int:
        return max([1, *(span.end for span in self._timeline.values() if span.end is not None)])

    @property
    def _step(self) -> int:
        """The step that the actions have reached; cancelling stops it."""
        return self._steps.now if self._cancelled is None else self._cancelled[0]

    @property
    def _is_cancelled(self) -> bool:
        return self._cancelled is not None and self._steps.has_passed_since(*self._cancelled)

    @property
    def true_state(self) -> str:
        """The state that belongs to those of the actions."""
        if self._cancelled is not None:
            return "CANCELLED" if self._is_cancelled else "CANCELING"
        unending = any(span.end is None for span in self._timeline.values())
        if unending or self._steps.now < self._last_step:
            return "RUNNING"
        if self.course.ending is not None:
            return self.course.ending
        failed = any(span.state == "FAILED" for span in self._timeline.values())
        return "FAILED" if failed else "SUCCEEDED"

    @property
    def state(self) -> str:
        """The state that is answered; an empty one is left out."""
        return self.true_state if self.course.state is None else self.course.state

    def poll(self) -> None:
        """Take a GET: by polls, go on by a step."""
        self._steps.poll()

    def cancel(self) -> None:
        """Stop, if it still runs."""
        if self.true_state == "RUNNING":
            self._cancelled = (self._steps.now, self.pace.clock.now())

    def snapshot(self) -> Invocation:
        """Tell how it stands."""
        return Invocation(
            name=self.order.name,
            state=self.state,
            workflow_config=self.order.source.get("workflowConfig"),
            compilation_result=self.order.result,
            invocation_config=self.order.config,
            actions={
                str(action.target): self._shown_state(action) for action in self.order.actions
            },
            polls=self._steps.polls,
            started=self._steps.moment(0),
        )

    def render(self) -> dict[str, object]:
        """Make a WorkflowInvocation."""
        ended = self.true_state not in ("RUNNING", "CANCELING")
        timing = present(
            startTime=render_time(self._steps.moment(0)),
            endTime=render_time(self._end()) if ended else None,
        )
        return {
            "name": self.order.name,
            **self.order.source,
            "invocationConfig": self.order.config,
            **present(state=self.state, pipelineConfig=self.order.pipeline),
            "invocationTiming": timing,
            "resolvedCompilationResult": self.order.result,
        }

    def render_actions(self) -> Iterator[dict[str, object]]:
        """Make the WorkflowInvocationActions."""
        full_refresh = bool(self.order.config.get("fullyRefreshIncrementalTablesEnabled"))
        for action in self.order.actions:
            span = self._timeline[action.target]
            state, shown = self._state(span), self._shown_state(action)
            is_sent = shown != "PENDING" or self.sends_pending
            started = span.start is not None and self._step >= span.start
            job = f"dataform-{uuid5(NAMESPACE_URL, f'{self.order.name}/{action.target}')}"
            yield present(
                target=action.target.render(),
                canonicalTarget=action.canonical_target.render(),
                state=shown if is_sent else None,
                failureReason=span.reason if state == "FAILED" else None,
                invocationTiming=self._timing(span) if state in _TIMED else None,
                bigqueryAction=present(
                    sqlScript=render_sql(action, full_refresh), jobId=job if started else None
                ),
            )

    def _state(self, span: Span) -> str:
        queues = self.course.queues or "concurrentActionsLimit" in self.order.config
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
        """Return the times of an action; one that was cancelled before its start has both too."""
        has_ended = span.end is not None and self._step >= span.end
        end = self._steps.moment(span.end) if has_ended and span.end is not None else None
        if end is None and self._is_cancelled:
            end = self._end()
        has_started = span.start is not None and self._step >= span.start
        start = self._steps.moment(span.start) if has_started and span.start is not None else end
        return present(
            startTime=None if start is None else render_time(start),
            endTime=None if end is None else render_time(end),
        )

    def _end(self) -> float:
        if self._cancelled is not None:
            return self._steps.end_of_cancelling(*self._cancelled)
        return self._steps.moment(self._last_step)
