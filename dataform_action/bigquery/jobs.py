"""BigQuery: read the jobs of projects, within limits of time, pages and retries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from dataform_action.bigquery.client import BigQuery
from dataform_action.bigquery.parse import (
    JOB_FIELDS,
    LIST_FIELDS,
    ListedJob,
    parse_job,
    parse_jobs,
    parse_page_token,
)
from dataform_action.clock import Clock
from dataform_action.costs import COSTS_ROLE
from dataform_action.errors import InvalidResponse, NoResponse, Refused, Unusable
from dataform_action.events import Noted, Observer
from dataform_action.text import format_duration
from dataform_action.transport.response import Json

_PAGE_SIZE = "1000"
_MOST_PAGES = 200
#: How many requests may fail in total, and the pauses before a retry in seconds.
_MOST_FAILURES = 2
_PAUSE = 2.0
_LONGEST_PAUSE = 10.0
#: The limit of one response, in seconds.
_READ_SECONDS = 15.0
#: The longest time without a line in the log, in seconds.
_HEARTBEAT = 10.0
_READING = Noted("Still reading the costs of the run from BigQuery")


class Window(NamedTuple):
    """A time in which jobs were created, in milliseconds since 1970."""

    first: int
    last: int


class JobReader:
    """Reads jobs. All requests together may take ``seconds``, and few of them may fail."""

    def __init__(
        self, bigquery: BigQuery, clock: Clock, on_update: Observer, seconds: float
    ) -> None:
        self._bigquery = bigquery
        self._clock = clock
        self._on_update = on_update
        self._seconds = seconds
        self._until = clock.now() + seconds
        self._next_update = clock.now() + _HEARTBEAT
        self._failures_left = _MOST_FAILURES

    def pages(self, project: str, window: Window) -> Iterator[list[ListedJob]]:
        """Yield the jobs of a project that have ended, page by page, the newest first.

        These are jobs of all accounts, without the children of scripts.

        Raises:
            InvalidResponse: the list has too many pages. These pages were yielded.
            Unusable, Refused: a page could not be read. The pages before it were yielded.
        """
        parameters = {
            "allUsers": "true",
            "projection": "full",
            "stateFilter": "done",
            "minCreationTime": str(window.first),
            "maxCreationTime": str(window.last),
            "maxResults": _PAGE_SIZE,
        }
        for _ in range(_MOST_PAGES):
            page = self._get(project, "jobs", LIST_FIELDS, parameters)
            yield parse_jobs(page)
            token = parse_page_token(page)
            if not token:
                return
            parameters["pageToken"] = token
        raise InvalidResponse(f"The list of jobs has more than {_MOST_PAGES} pages.")

    def children(self, project: str, job_id: str) -> list[ListedJob]:
        """Return the first child jobs of a script.

        Raises:
            Unusable, Refused: they could not be read.
        """
        parameters = {
            "allUsers": "true",
            "projection": "full",
            "parentJobId": job_id,
            "maxResults": "50",
        }
        return parse_jobs(self._get(project, "jobs", LIST_FIELDS, parameters))

    def find(self, project: str, job_id: str, location: str) -> ListedJob | None:
        """Return a job that has ended; None if there is none.

        BigQuery finds a job outside of its US and EU multi-regions only with its ``location``.

        Raises:
            Unusable, Refused: it could not be read.
        """
        parameters = {"location": location} if location else {}
        path = f"jobs/{quote(job_id, safe='')}"
        try:
            job = parse_job(self._get(project, path, JOB_FIELDS, parameters))
        except Refused as error:
            if error.status == 404:
                return None
            raise
        return job if job.is_done else None

    def _get(
        self, project: str, path: str, fields: str, parameters: dict[str, str]
    ) -> dict[str, Json]:
        while True:
            left = self._until - self._clock.now()
            if left <= 0:
                limit = format_duration(self._seconds)
                raise NoResponse(f"Reading the jobs took longer than {limit}.")
            if self._clock.now() >= self._next_update:
                self._next_update = self._clock.now() + _HEARTBEAT
                self._on_update(_READING)
            try:
                return self._bigquery.get(
                    *(project, path, fields, parameters),
                    role=COSTS_ROLE,
                    read_seconds=min(_READ_SECONDS, max(left, 1.0)),
                )
            except Unusable as error:
                if not error.retryable or not self._failures_left:
                    raise
                self._failures_left -= 1
                self._clock.sleep(min(max(_PAUSE, error.retry_after or 0.0), _LONGEST_PAUSE))
