"""Make a plan: compile two commits at the same time, compare them, and check the SQL."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.clock import Clock, MonotonicClock, Retry
from dataform_action.errors import WaitTimeout
from dataform_action.events import Noted, Observer, ignore
from dataform_action.graph import CompiledGraph, GraphAction
from dataform_action.model import CompileFailed, Polling
from dataform_action.plan import Change, Plan, PlanRequest
from dataform_action.plans.comparison import compare
from dataform_action.plans.order import work_in_order
from dataform_action.plans.ports import Source, Warehouse
from dataform_action.plans.validation import validate
from dataform_action.runs.backoff import Backoff
from dataform_action.text import count_of, format_duration

_CONSEQUENCE = "The plan is not complete. Nothing was changed."
_DIGITS = 7
#: How long after the timeout a request under way is given up, in seconds. A thread that waits for
#: another attempt ends at the timeout itself, and says what its last error was.
_GRACE = 2.0


def make_plan(
    source: Source,
    warehouse: Warehouse | None,
    request: PlanRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = ignore,
    clock: Clock | None = None,
) -> Plan:
    """Return what a commit changes, compared with another commit. Nothing is built.

    If ``warehouse`` is not None and the request says so, it checks the SQL. The plan may take
    ``polling.timeout``. ``on_update`` is called on the thread of the caller.

    Compile errors are part of the plan. If only the base has them, nothing can be compared.

    Raises:
        InputError: the request does not match the repository.
        Refused, Misconfigured: a commit cannot be compiled, or no query can be checked.
        GaveUp: no usable response for ``polling.outage_timeout``.
        WaitTimeout: the plan was not complete within ``polling.timeout``.
    """
    limits = _Limits(polling or Polling(), clock or MonotonicClock())
    on_update(Noted(f"Compiling head {_short(request.head)} and base {_short(request.base)}"))
    head, base = _compile_both(source, request, limits, on_update)
    plan = Plan(
        project_id=source.project_id,
        location=source.location,
        repository=source.repository,
        request=request,
        head=head.commit or request.head,
        base=request.base if base is None else base.commit or request.base,
        files_url=head.files_url,
        errors=head.errors if isinstance(head, CompileFailed) else (),
        base_errors=base.errors if isinstance(base, CompileFailed) else (),
    )
    if isinstance(head, CompileFailed):
        return plan
    plan = replace(plan, action_count=sum(not action.is_declaration for action in head.actions))
    if base is None or isinstance(base, CompileFailed):
        return plan
    plan = _compared(plan, base, head)
    on_update(Noted(_counts(plan)))
    if warehouse is None or not request.validate:
        return plan
    # The retries of each thread have the rest of the time.
    return validate(plan, head, base, warehouse, limits.retry, on_update, clock, limits.check_time)


def _compared(plan: Plan, base: CompiledGraph, head: CompiledGraph) -> Plan:
    """Return a plan with what differs between the compilations."""
    old, new = base.actions, head.actions
    if base.location != head.location:
        # Every table would be made somewhere else.
        old, new = (tuple(_located(one, it.location) for one in it.actions) for it in (base, head))
    found = compare(old, new)
    versions = (base.core_version, head.core_version)
    notes = plan.notes
    if all(versions) and versions[0] != versions[1]:
        notes += (f"Dataform core changes from {versions[0]} to {versions[1]}.",)
    return replace(
        plan,
        actions=found.actions,
        edges=found.edges,
        declarations_added=found.declarations_added,
        declarations_removed=found.declarations_removed,
        notes=notes,
    )


def _located(action: GraphAction, location: str) -> GraphAction:
    return replace(action, settings=(*action.settings, ("defaultLocation", location)))


def _counts(plan: Plan) -> str:
    counts = {change: len(plan.by_change(change)) for change in Change}
    found = [f"{count} {change.value}" for change, count in counts.items() if count]
    actions = count_of(plan.action_count, "action")
    return f"Compared {actions}: {', '.join(found) or 'nothing differs'}"


def _short(commit: str) -> str:
    return commit[:_DIGITS] if len(commit) > 2 * _DIGITS else commit


class _Limits:
    """The time that a plan may take."""

    def __init__(self, polling: Polling, clock: Clock) -> None:
        self._polling = polling
        self._clock = clock
        self._started = clock.now()

    def check_time(self) -> None:
        """End the plan at the timeout, even if a request is under way.

        Raises:
            WaitTimeout: the timeout has passed.
        """
        limit = self._polling.timeout
        if self._clock.now() >= self._started + limit + _GRACE:
            text = f"{_CONSEQUENCE} The timeout of {format_duration(limit)} has passed."
            raise WaitTimeout(text)

    def retry(self, on_update: Observer) -> Retry:
        """Return a ``Retry`` for one thread."""
        return Backoff(self._polling, on_update, self._clock, self._started).retrying(_CONSEQUENCE)


def _compile_both(
    source: Source, request: PlanRequest, limits: _Limits, on_update: Observer
) -> tuple[CompiledGraph | CompileFailed, CompiledGraph | CompileFailed | None]:
    """Return the compilations of head and base, or the errors in their code.

    If the head has errors in its code, that is the result, whatever happened to the base: None if
    it is not known whether it compiles. An error of the head ends the wait for the base.
    """
    found: dict[str, CompiledGraph | BaseException] = {}

    def compile_(commit: str, retry: Retry) -> CompiledGraph | BaseException:
        try:
            return source.compile(commit, request, retry)
        except BaseException as error:  # Raised again on the thread of the caller.
            return error

    def store(commit: str, outcome: CompiledGraph | BaseException) -> None:
        found[commit] = outcome
        if commit == request.head:
            _usable(outcome)

    work_in_order(
        dict.fromkeys((request.head, request.base), ()),
        compile_,
        make_context=limits.retry,
        on_done=store,
        on_update=on_update,
        threads=2,
        on_wait=limits.check_time,
    )
    head, base = _usable(found[request.head]), found[request.base]
    if isinstance(head, CompileFailed) and not isinstance(base, CompiledGraph | CompileFailed):
        return head, None
    return head, _usable(base)


def _usable(outcome: CompiledGraph | BaseException) -> CompiledGraph | CompileFailed:
    """Return a graph or compile errors; raise other errors."""
    if isinstance(outcome, CompiledGraph | CompileFailed):
        return outcome
    raise outcome
