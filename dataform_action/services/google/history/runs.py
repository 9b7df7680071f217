"""Google Cloud Dataform: the earlier runs that can be compared with a run.

Comparable are runs of the same workflow configuration, or runs that compiled the same source with
the same settings and selected the same actions. The API can neither filter invocations nor sort
them by time. So the lists are read page by page, and only certain facts are returned.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dataform_action.clock import Clock
from dataform_action.errors import NoResponse
from dataform_action.history import MOST_DURATIONS, History, PastRun
from dataform_action.model import Action, Run, State
from dataform_action.services.google import fields
from dataform_action.services.google.client import OPTIONAL_SECONDS, PAGE_SIZE, GoogleApi
from dataform_action.services.google.history.parse import (
    Invocation,
    Source,
    parse_invocations,
    parse_sources,
)
from dataform_action.services.google.parse import parse_actions, parse_commit, parse_page_token
from dataform_action.text import cut, printable

#: The requests for the earlier runs: two pages of invocations, and one of compilation results.
_MOST_REQUESTS = 3
_MOST_PAGES = 2
_INVOCATIONS_SIZE = 200
_COMPILATIONS_SIZE = 500
_MOST_RUNS = 20
_MOST_SECONDS = 10.0
_LEAST_SECONDS = 1.0
#: Names sort by the second of the creation, so the order of starts may differ a little.
_TOLERANCE = timedelta(minutes=1)
_LONGEST_SOURCE = 100


class _Allowance:
    """Allows a number of requests, within ``_MOST_SECONDS`` together."""

    def __init__(self, requests: int, clock: Clock) -> None:
        self._left = requests
        self._clock = clock
        self._until = clock.now() + _MOST_SECONDS

    def __call__(self, seconds: float) -> float:
        """Return the timeout of the next request.

        Raises:
            NoResponse: there are no requests or no seconds left.
        """
        # A request may take its timeout twice: to connect, and to read.
        most = (self._until - self._clock.now()) / 2
        if not self._left or most < _LEAST_SECONDS:
            raise NoResponse("Reading the earlier runs takes too many requests or too long.")
        self._left -= 1
        return min(seconds, OPTIONAL_SECONDS, most)


def _limited(api: GoogleApi, requests: int) -> GoogleApi:
    return api._replace(allow=_Allowance(requests, api.clock))


def read_past_runs(api: GoogleApi, run: Run, describe: Callable[[str], Run]) -> History | None:
    """Return the earlier runs, newest first; None if it is not certain which were the last."""
    api = _limited(api, _MOST_REQUESTS)
    found, is_certain = _read_invocations(api, run)
    own = next((it for it in found if it.id == run.id), None)
    if own is None or not is_certain:
        return None
    before = sorted(
        (it for it in found if it.started < own.started), key=lambda it: it.started, reverse=True
    )
    if own.schedule:
        same = [it for it in before if it.schedule == own.schedule]
        same = _with_reruns(same, before)
        return _history(f"schedule {own.schedule}", same, {}, describe)
    same = [it for it in before if _is_similar(it, own)]
    if not same:
        return None
    sources = _read_sources(api)
    source = sources.get(own.compilation)
    if source is None:
        return None
    known = []
    for invocation in same:
        other = sources.get(invocation.compilation)
        if other is None:
            # It may be the same, so what was before it says nothing.
            break
        if other.settings == source.settings:
            known.append(invocation)
    return _history(source.name, _with_reruns(known, before), sources, describe)


def _with_reruns(invocations: list[Invocation], before: list[Invocation]) -> list[Invocation]:
    """Return the invocations; one that failed is a success if a rerun of it succeeded.

    A rerun has the same compilation. It may have a part of the actions only, so such a run has no
    duration. Both lists have the newest first.
    """
    fixed: set[str] = set()
    for rerun in before:
        if rerun.state is State.SUCCESS and not rerun.schedule and rerun.executed:
            of_compilation = (it for it in invocations if it.executed == rerun.executed)
            first = next((it for it in of_compilation if it.started < rerun.started), None)
            if first is not None and first.state is State.FAILURE:
                fixed.add(first.id)
    return [
        it._replace(state=State.SUCCESS, status="SUCCEEDED", finished=None)
        if it.id in fixed
        else it
        for it in invocations
    ]


def _history(
    source: str,
    invocations: list[Invocation],
    sources: dict[str, Source],
    describe: Callable[[str], Run],
) -> History:
    runs: list[PastRun] = []
    for it in invocations:
        if it.state is None or len(runs) == _MOST_RUNS:
            # An unknown state may be any outcome.
            break
        if it.state in (State.SUCCESS, State.FAILURE):
            run = Run(
                id=it.id,
                state=it.state,
                status=it.status,
                log_url=describe(it.id).log_url,
                compilation_result=it.executed,
                started=it.started,
                finished=it.finished,
            )
            compiled = sources.get(it.compilation)
            runs.append(PastRun(run, "" if compiled is None else compiled.commit))
    return History(cut(printable(source), _LONGEST_SOURCE), tuple(runs))


def _is_similar(one: Invocation, other: Invocation) -> bool:
    """Return whether two invocations may be comparable: the compiled sources may still differ."""
    if one.schedule or other.schedule:
        return one.schedule == other.schedule
    return one.selection == other.selection


def _read_invocations(api: GoogleApi, run: Run) -> tuple[list[Invocation], bool]:
    """Return the invocations of the first pages, and whether none of the newest is missing.

    A second page is read only if the first one has not enough.
    """
    found: list[Invocation] = []
    token = ""
    for page in api.pages(
        f"{api.parent}/workflowInvocations",
        fields.PAST_INVOCATIONS,
        size=_INVOCATIONS_SIZE,
        most=_MOST_PAGES,
        orderBy="name desc",
    ):
        found += parse_invocations(page, api.parent)
        token = parse_page_token(page)
        own = next((it for it in found if it.id == run.id), None)
        if own is not None:
            similar = [it for it in found if it.started < own.started and _is_similar(it, own)]
            ended = sum(it.state is not None and it.state.ended for it in similar)
            if ended >= MOST_DURATIONS:
                break
    return found, not token or _is_newest_first(found)


def _is_newest_first(found: list[Invocation]) -> bool:
    """Return whether the invocations came in the order of their starts, the newest first."""
    oldest = datetime.max.replace(tzinfo=UTC)
    for invocation in found:
        # A sum of a time and the tolerance could be after the last year.
        if invocation.started > oldest and invocation.started - oldest > _TOLERANCE:
            return False
        oldest = min(oldest, invocation.started)
    return True


def _read_sources(api: GoogleApi) -> dict[str, Source]:
    """Return the sources of the newest compilation results, by their ids."""
    parameters = {"pageSize": str(_COMPILATIONS_SIZE), "orderBy": "create_time desc"}
    page = api.get(f"{api.parent}/compilationResults", fields.COMPILATIONS, parameters)
    return dict(parse_sources(page))


def read_past_actions(api: GoogleApi, path: str) -> tuple[tuple[Action, ...], bool]:
    """Return the actions of the first pages of an invocation, and whether these are all."""
    api = _limited(api, _MOST_PAGES)
    pages = list(
        api.pages(f"{path}:query", fields.INVOCATION_ACTIONS, size=PAGE_SIZE, most=_MOST_PAGES)
    )
    actions = tuple(action for page in pages for action in parse_actions(page))
    return actions, not parse_page_token(pages[-1])


def read_past_commit(api: GoogleApi, compilation_result: str) -> str:
    """Return the commit of a compilation result; empty if it has none."""
    if not compilation_result:
        return ""
    return parse_commit(_limited(api, 1).get(compilation_result, fields.COMMIT))
