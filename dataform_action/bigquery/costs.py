"""BigQuery: find the jobs of a run, and what they scanned and used.

A list of jobs has hundreds of them on a page, so it needs fewer requests than one for each action.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from dataform_action.bigquery.client import BigQuery
from dataform_action.bigquery.jobs import JobReader, Window
from dataform_action.bigquery.parse import ListedJob
from dataform_action.clock import Clock, MonotonicClock
from dataform_action.costs import LIST_PRICE, ActionCost, Costs, JobCost
from dataform_action.errors import DataformError, InvalidResponse
from dataform_action.events import Observer, ignore
from dataform_action.model import Action, ActionState, Result
from dataform_action.validation import is_project_id

#: The clocks of Dataform and BigQuery may differ by so much.
_SLACK = timedelta(seconds=60)
#: At most so many projects are searched, besides that of the repository.
_MOST_PROJECTS = 5
#: At most so many jobs that no list contained are requested one by one.
_MOST_SINGLE = 10
#: At most so many places (a project and a location) are checked for a reservation, and so many
#: scripts of each.
_MOST_PLACES = 5
_MOST_CHECKED = 5


def read_costs(
    bigquery: BigQuery,
    result: Result,
    *,
    price_per_tib: float = LIST_PRICE,
    on_update: Observer = ignore,
    clock: Clock | None = None,
    seconds: float = 60.0,
) -> Costs:
    """Return what the BigQuery jobs of a run scanned and used.

    If the failed actions were run again, the jobs of all attempts are counted. The jobs are found
    in the project of ``bigquery``, or in the projects that the names of the actions start with. All
    requests together take at most ``seconds`` and the time of one response. After ten seconds,
    ``on_update`` is called with a ``Noted``.

    It raises no error of this package: ``Costs.error`` is why some jobs are not known. The caller
    needs the role ``roles/bigquery.resourceViewer`` on the projects.
    """
    attempts = result.attempts or (result,)
    reader = JobReader(bigquery, clock or MonotonicClock(), on_update, seconds)
    search = _Search(reader, bigquery.project_id, _jobs_of(attempts))
    window = _window_of(attempts)
    if window is not None:
        search.run(window)
    elif search.missing:
        search.fail(InvalidResponse("The service does not report when the run started and ended."))
    return Costs(
        actions=_by_action(attempts, search.found),
        price_per_tib=price_per_tib,
        has_unread_actions=any(result.actions_error is not None for result in attempts),
        error=search.error,
    )


def _jobs_of(results: Iterable[Result]) -> dict[str, str]:
    """Return the ids of the BigQuery jobs, each with the project of its action if that is known."""
    return {
        job.id: _project_of(action.name)
        for result in results
        for action in result.actions
        for job in action.jobs
        if job.in_bigquery and job.id
    }


def _project_of(name: str) -> str:
    """Return the project in the full name of an action; empty if there is none."""
    project, *rest = name.rsplit(".", 2)
    return project if len(rest) == 2 and is_project_id(project) else ""


def _window_of(results: Iterable[Result]) -> Window | None:
    """Return when the jobs were created; None if that is not known."""
    starts: list[datetime] = []
    ends: list[datetime] = []
    for result in results:
        times = (result.run.started, *(action.started for action in result.actions))
        starts += [time for time in times if time is not None]
        times = (result.run.finished, *(action.finished for action in result.actions))
        ends += [time for time in times if time is not None]
    if not starts or not ends:
        return None
    first, last = min(starts).timestamp(), max(*starts, *ends).timestamp()
    slack = _SLACK.total_seconds()
    return Window(max(0, int((first - slack) * 1000)), int((last + slack) * 1000))


def _by_action(results: Iterable[Result], found: dict[str, ListedJob]) -> tuple[ActionCost, ...]:
    """Return the actions with jobs. A job that was not found is not known."""
    jobs: dict[str, dict[str, JobCost]] = {}
    for result in results:
        for action in result.actions:
            for job_id in _ids_of(action):
                cost = (
                    found[job_id].cost._replace(id=job_id) if job_id in found else JobCost(job_id)
                )
                jobs.setdefault(action.name, {})[job_id] = cost
    return tuple(ActionCost(name, tuple(costs.values())) for name, costs in jobs.items())


def _ids_of(action: Action) -> list[str]:
    """Return the ids of an action's BigQuery jobs.

    An action that succeeded had a job, even if the service does not name it: its id is empty.
    """
    if not action.jobs and action.state is ActionState.SUCCEEDED:
        return [""]
    return [job.id for job in action.jobs if job.in_bigquery]


class _Place(NamedTuple):
    """Where a job ran."""

    project: str
    location: str


class _Search:
    """Finds jobs by their ids. An error ends the search in one project."""

    def __init__(self, reader: JobReader, home: str, wanted: dict[str, str]) -> None:
        self._reader = reader
        self._home = home
        #: The ids of jobs that were not found yet, each with the project of its action.
        self.missing = wanted
        self.found: dict[str, ListedJob] = {}
        self.error: DataformError | None = None
        self._places: dict[str, _Place] = {}
        self._refused: set[str] = set()

    def run(self, window: Window) -> None:
        """Find as many jobs as possible."""
        self._list(self._home, window)
        others = Counter(self.missing.values())
        names = [name for name, _ in others.most_common() if name not in ("", self._home)]
        for project in names[:_MOST_PROJECTS]:
            self._list(project, window)
        for job_id, project in list(self.missing.items())[:_MOST_SINGLE]:
            for place in dict.fromkeys((self._home, project)):
                self._find(place, job_id)
        if not self.missing:
            # A project that could not be read has none of the jobs.
            self.error = None
        self._check_scripts()

    def fail(self, error: DataformError) -> None:
        """Record an error; the first one is reported."""
        self.error = self.error or error

    def _list(self, project: str, window: Window) -> None:
        if not self.missing:
            return
        try:
            for page in self._reader.pages(project, window):
                for job in page:
                    self._add(project, job)
                if not self.missing:
                    return
        except DataformError as error:
            self._refused.add(project)
            self.fail(error)

    def _find(self, project: str, job_id: str) -> None:
        """Request a job that has ended since the list was made, or that no list contained."""
        if job_id not in self.missing or project in ("", *self._refused):
            return
        if not job_id.strip("."):
            # As a part of a path, it would be another path.
            return
        known = {place.location for place in self._places.values() if place.project == project}
        location = known.pop() if len(known) == 1 else ""
        try:
            job = self._reader.find(project, job_id, location)
        except DataformError as error:
            self._refused.add(project)
            self.fail(error)
        else:
            if job is not None:
                self._add(project, job)

    def _add(self, project: str, job: ListedJob) -> None:
        """Keep a job if it is one of those that are missing."""
        for job_id in (job.cost.id, job.full_id):
            if job_id in self.missing:
                del self.missing[job_id]
                self.found[job_id] = job
                self._places[job_id] = _Place(project, job.location)

    def _check_scripts(self) -> None:
        """Find out which scripts ran under a reservation: their child jobs say so.

        Reservations are assigned to projects and locations, and an action can choose another one.
        So the largest scripts of a place are checked. If they agree, the others are the same.
        """
        groups: dict[_Place, list[str]] = {}
        for job_id, job in self.found.items():
            if job.cost.may_have_price:
                groups.setdefault(self._places[job_id], []).append(job_id)
        for place, job_ids in list(groups.items())[:_MOST_PLACES]:
            job_ids.sort(key=lambda job_id: -(self.found[job_id].cost.bytes_billed or 0))
            known = {
                job_id: self._is_reserved(place.project, job_id)
                for job_id in job_ids[:_MOST_CHECKED]
            }
            shared = next(iter(known.values())) if len(set(known.values())) == 1 else None
            for job_id in job_ids:
                job = self.found[job_id]
                cost = job.cost._replace(reserved=known.get(job_id, shared))
                self.found[job_id] = job._replace(cost=cost)

    def _is_reserved(self, project: str, job_id: str) -> bool | None:
        """Return whether a script ran under a reservation; None if that is not known."""
        if project in self._refused:
            return None
        try:
            children = self._reader.children(project, self.found[job_id].cost.id)
        except DataformError as error:
            self._refused.add(project)
            self.fail(error)
            return None
        return any(child.cost.reserved for child in children) if children else None
