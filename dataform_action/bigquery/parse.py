"""BigQuery: read the responses of the v2 API. Numbers of 64 bits are texts in its JSON.

https://cloud.google.com/bigquery/docs/reference/rest/v2/Job
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dataform_action.costs import JobCost
from dataform_action.errors import InvalidResponse
from dataform_action.transport.json_values import object_in, objects_in, text_in
from dataform_action.transport.response import Json

#: What ``parse_jobs`` and ``parse_job`` read of a job.
JOB_FIELDS = (
    "id,jobReference(jobId,location),status/state,"
    "statistics(totalSlotMs,numChildJobs,reservation_id,reservationUsage/name,"
    "query/totalBytesBilled)"
)
#: What ``parse_jobs`` reads of a list.
LIST_FIELDS = f"nextPageToken,jobs({JOB_FIELDS})"
#: How the API names the absence of a reservation.
_UNRESERVED = "unreserved"


class ListedJob(NamedTuple):
    """A job as BigQuery reports it. ``full_id`` starts with the project and the location.

    A script has children, whose bytes and slot time are part of its own. BigQuery does not report
    whether a script itself runs under a reservation.
    """

    cost: JobCost
    full_id: str
    location: str
    is_done: bool


def parse_jobs(response: dict[str, Json]) -> list[ListedJob]:
    """Return the jobs of a page."""
    return [parse_job(entry) for entry in objects_in(response, "jobs")]


def parse_job(job: dict[str, Json]) -> ListedJob:
    """Return a job; what is missing is not known."""
    reference, statistics = object_in(job, "jobReference"), object_in(job, "statistics")
    is_script = bool(number_in(statistics, "numChildJobs"))
    reserved = _is_reserved(statistics)
    return ListedJob(
        cost=JobCost(
            id=text_in(reference, "jobId"),
            bytes_billed=number_in(object_in(statistics, "query"), "totalBytesBilled"),
            slot_ms=number_in(statistics, "totalSlotMs"),
            reserved=None if is_script and not reserved else reserved,
        ),
        full_id=text_in(job, "id"),
        location=_location(reference),
        is_done=text_in(object_in(job, "status"), "state") == "DONE",
    )


def parse_page_token(response: dict[str, Json]) -> str:
    """Return the token of the next page; empty for the last page.

    Raises:
        InvalidResponse: it contains characters that are not printable ASCII.
    """
    token = text_in(response, "nextPageToken")
    if not (token.isascii() and token.isprintable()):
        raise InvalidResponse("The response has no valid token of the next page")
    return token


def _is_reserved(statistics: dict[str, Json]) -> bool:
    names = [text_in(entry, "name") for entry in objects_in(statistics, "reservationUsage")]
    return any(
        name and name != _UNRESERVED for name in (text_in(statistics, "reservation_id"), *names)
    )


def _location(reference: dict[str, Json]) -> str:
    location = text_in(reference, "location")
    return location if re.fullmatch(r"[A-Za-z0-9-]{1,50}", location, re.ASCII) else ""


def number_in(value: dict[str, Json], key: str) -> int | None:
    """Return a number that is at least 0; None if there is no valid one."""
    found = value.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or re.fullmatch(r"[0-9]{1,19}", found, re.ASCII) is None:
        return None
    return int(found)
