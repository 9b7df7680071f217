"""Helpers for the tests of BigQuery: responses of its API, and results of runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import responses

from dataform_action.bigquery.client import BigQuery
from dataform_action.model import Action, ActionState, Job, Result, Run, State

TOKEN = "ya29.a0AfH6SMBx-T2w_Ux9cVb4LmN8sKfYhGdP3aEjR5oWtQ6iB0k"
START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
END = START + timedelta(seconds=90)
API = "https://bigquery.googleapis.com/bigquery/v2/projects"
JOBS = f"{API}/my-project/jobs"
#: The number of bytes and the slot time of a job that ``listed`` makes.
BYTES, SLOT_MS = 20_971_520, 1500


def make_bigquery(**more: Any) -> BigQuery:  # noqa: ANN401
    return BigQuery(**{"project_id": "my-project", "token": TOKEN, **more})


def listed(job_id: str, location: str = "EU", **statistics: object) -> dict[str, Any]:
    """Return a job as the API lists it; a statistic that is None is missing."""
    billed = statistics.pop("totalBytesBilled", str(BYTES))
    known = {"totalSlotMs": str(SLOT_MS), **statistics}
    query = {} if billed is None else {"query": {"totalBytesBilled": billed}}
    return {
        "id": f"my-project:{location}.{job_id}",
        "jobReference": {"projectId": "my-project", "jobId": job_id, "location": location},
        "status": {"state": "DONE"},
        "statistics": {**{key: text for key, text in known.items() if text is not None}, **query},
    }


def action(name: str, *job_ids: str, state: ActionState = ActionState.SUCCEEDED) -> Action:
    """Return an action; a name without a project is one of the project of the repository."""
    full = name if name.count(".") == 2 else f"my-project.{name}"
    return Action(name=full, state=state, jobs=tuple(Job("BigQuery job", id_) for id_ in job_ids))


def result_of(*actions: Action, **more: Any) -> Result:  # noqa: ANN401
    run = Run(
        id="1",
        state=State.SUCCESS,
        status="SUCCEEDED",
        log_url="",
        started=START,
        finished=END,
    )
    return Result(**{"run": run, "duration": 90.0, "actions": actions, **more})


def add_page(
    api: responses.RequestsMock, *jobs: dict[str, Any], token: str = "", url: str = JOBS
) -> None:
    """Send a page of jobs to the next request."""
    page = {"jobs": list(jobs)} | ({"nextPageToken": token} if token else {})
    api.add("GET", url, json=page)


def add_error(
    api: responses.RequestsMock, status: int, words: str = "nope", url: str = JOBS
) -> None:
    api.add("GET", url, json={"error": {"code": status, "message": words}}, status=status)


def queries(api: responses.RequestsMock) -> list[dict[str, str]]:
    """Return the parameters of all requests, without the fields."""
    urls: Iterable[str] = (str(call.request.url) for call in api.calls)
    parsed = [parse_qs(urlsplit(url).query) for url in urls]
    return [
        {name: value[0] for name, value in query.items() if name != "fields"} for query in parsed
    ]
