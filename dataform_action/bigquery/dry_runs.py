"""BigQuery: dry runs, which check a query and estimate what it scans, without running it.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/insert
"""

from __future__ import annotations

import re

from dataform_action.bigquery.client import BigQuery, is_of_the_project
from dataform_action.bigquery.parse import number_in
from dataform_action.bigquery.schemas import SCHEMA_FIELDS, parse_columns
from dataform_action.errors import CredentialsRefused, Refused
from dataform_action.plan import DryRun, Inconclusive, InvalidQuery, Scan
from dataform_action.transport.json_values import object_in, objects_in, text_in
from dataform_action.transport.response import Json

#: The role for dry runs, on the project of the jobs.
JOB_ROLE = "roles/bigquery.jobUser"
#: The role to read the tables that a query names.
DATA_ROLE = "roles/bigquery.dataViewer"
_INVALID_QUERY = "invalidQuery"
_FIELDS = (
    f"status/errorResult(reason,message),statistics/query({SCHEMA_FIELDS},"
    "totalBytesProcessed,totalBytesProcessedAccuracy,"
    "referencedTables(projectId,datasetId,tableId))"
)
#: The limit of one response, in seconds: a long query takes a while.
_READ_SECONDS = 60.0
#: How an error message ends: with the line and the column. The message may repeat a long text of
#: the query, so no search starts inside of white space.
_POSITION = re.compile(r"(?<!\s)\s++at \[([0-9]{1,7}):([0-9]{1,7})\]\s*\Z")
_MISSING_TABLE = re.compile(r"Not found: Table ([^\s]+):([^\s:.]+)\.([^\s:.]+)")


def dry_run(bigquery: BigQuery, sql: str, location: str) -> DryRun:
    """Return what BigQuery says of a query. ``location`` may be empty.

    Raises:
        InvalidQuery: the query is not valid.
        Inconclusive: this query cannot be checked.
        Unusable: there was no usable response.
        Refused: no query can be checked.
    """
    project = bigquery.project_id
    query = {"query": sql, "useLegacySql": False, "useQueryCache": False}
    body: dict[str, Json] = {"configuration": {"dryRun": True, "query": query}}
    if location:
        body["jobReference"] = {"projectId": project, "location": location}
    try:
        job = bigquery.post(
            *(project, "jobs", _FIELDS, body), role=JOB_ROLE, read_seconds=_READ_SECONDS
        )
    except CredentialsRefused:
        raise
    except Refused as error:
        if _is_of_all_queries(error, project):
            raise
        raise _statement(error.reason, error.detail, error.status) from error
    failure = object_in(object_in(job, "status"), "errorResult")
    if failure:
        raise _statement(text_in(failure, "reason"), text_in(failure, "message"))
    return _parse(object_in(object_in(job, "statistics"), "query"))


def _is_of_all_queries(error: Refused, project: str) -> bool:
    """Return whether every query would be refused in the same way."""
    if error.status == 401 or is_of_the_project(error):
        return True
    words = "bigquery.jobs.create" if error.status == 403 else f"Not found: Project {project}"
    return error.status in (403, 404) and words in error.detail


def _statement(reason: str, message: str, status: int = 0) -> InvalidQuery | Inconclusive:
    """Return what an error says of the query."""
    if reason == _INVALID_QUERY and status in (0, 400):
        found = _POSITION.search(message)
        if found is None:
            return InvalidQuery(message)
        return InvalidQuery(message[: found.start()], int(found[1]), int(found[2]))
    missing = _MISSING_TABLE.match(message)
    if re.match(r"Access Denied: (?:Table|Dataset) ", message):
        message = f"{message.rstrip('. ')}. The caller needs {DATA_ROLE} there."
    return Inconclusive(message, "" if missing is None else ".".join(missing.groups()))


def _parse(statistics: dict[str, Json]) -> DryRun:
    count = number_in(statistics, "totalBytesProcessed")
    accuracy = text_in(statistics, "totalBytesProcessedAccuracy")
    tables = objects_in(statistics, "referencedTables")
    parts = ("projectId", "datasetId", "tableId")
    return DryRun(
        columns=parse_columns(statistics.get("schema")),
        scan=Scan(None if accuracy == "UNKNOWN" else count, accuracy == "LOWER_BOUND"),
        tables=tuple(".".join(text_in(table, part) for part in parts) for table in tables),
    )
