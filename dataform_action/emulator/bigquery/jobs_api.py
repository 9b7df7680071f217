"""BigQuery's REST API: jobs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from urllib.parse import parse_qs, unquote

from dataform_action.emulator.bigquery.errors import error_response
from dataform_action.emulator.bigquery.jobs import CHILD_PREFIX, Job, make_children, make_jobs
from dataform_action.emulator.definitions import Rules
from dataform_action.emulator.google.errors import ApiError, bad_request, check_token
from dataform_action.emulator.google.invocation_spec import Executed
from dataform_action.emulator.google.parameters import (
    Pager,
    parse_query,
    refuse_fields,
    select_fields,
)
from dataform_action.emulator.http.endpoint import Endpoint, Operation
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import Response, json_response

_ROOT = ("bigquery", "v2", "projects")
#: Without a location, jobs are found in these only.
_MULTI_REGIONS = ("US", "EU")
_STATES = ("done", "pending", "running")
_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a method: the project, the id in the path, the parameters, and all jobs."""

    project: str
    identifier: str
    path: str
    query: Mapping[str, str]
    states: Sequence[str]
    jobs: Sequence[Job]
    pager: Pager


@dataclass(frozen=True, slots=True)
class Method:
    """A method, and the names of its parameters."""

    operation: Operation
    handle: Callable[[Call], Mapping[str, object]]
    parameters: Sequence[str] = ()


@dataclass(slots=True)
class BigQueryJobs:
    """Serves the jobs in ``/bigquery/v2/projects/…``, and refuses what is not known.

    ``executed`` lists what the workflow invocations have executed. ``projects`` are those that
    exist, besides those of jobs. ``denied`` are those whose jobs the caller may not see.
    """

    executed: Callable[[], list[Executed]]
    projects: set[str]
    pager: Pager
    rules: Rules = _RULES
    accept_token: Callable[[str | None], bool] = frozenset[str | None]().__contains__
    denied: set[str] = field(default_factory=set)

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        segments = request.segments
        if segments[:3] != _ROOT:
            return None
        project, *inner = segments[3:] or ("",)
        key = "/".join((*inner[:1], *("*" for _ in inner[1:])))
        method = METHODS.get((request.method, key))
        if method is None:
            return self._endpoint("other", partial(_no_method, request), request)
        handle = partial(self._call, method, project, "".join(inner[1:]), request)
        return self._endpoint(method.operation, handle, request)

    def _endpoint(
        self, operation: Operation, handle: Callable[[], Mapping[str, object]], request: Request
    ) -> Endpoint:
        def respond() -> Response:
            try:
                check_token(self.accept_token, request, "bigquery.googleapis.com")
                return json_response(handle())
            except ApiError as error:
                return error_response(error)

        sample = json.dumps({"kind": "bigquery#jobList", "jobs": []}).encode()
        return Endpoint(operation, respond, error_response, sample)

    def _call(
        self, method: Method, project: str, identifier: str, request: Request
    ) -> Mapping[str, object]:
        query = parse_query(request.query, method.parameters)
        if self.rules.fields == "refused":
            refuse_fields(request.query)
        executed = self.executed()
        jobs = make_jobs(executed)
        databases = {entry.action.target.database for entry in executed}
        if project not in self.projects | databases | {job.project for job in jobs}:
            raise ApiError("NOT_FOUND", f"Not found: Project {project}")
        if project in self.denied:
            message = (
                f"Access Denied: Project {project}: User does not have bigquery.jobs.list "
                f"permission in project {project}."
            )
            raise ApiError("PERMISSION_DENIED", message)
        states = parse_qs(request.query).get("stateFilter", [])
        own = [job for job in jobs if job.project == project]
        path = unquote(request.path)
        call = Call(project, identifier, path, query, states, own, self.pager)
        response = method.handle(call)
        honours = self.rules.fields == "honoured"
        return select_fields(request.query, response) if honours else response


def _list_jobs(call: Call) -> Mapping[str, object]:
    """List the jobs that the parameters select. The caller itself has none: Dataform runs them."""
    query, states = call.query, call.states
    parent = query.get("parentJobId", "")
    listed: Sequence[Job] = call.jobs
    if parent:
        listed = [child for job in call.jobs if job.id == parent for child in make_children(job)]
    if any(state not in _STATES for state in states):
        raise bad_request("Invalid value for stateFilter", "stateFilter")
    first, last = _milliseconds(query, "minCreationTime"), _milliseconds(query, "maxCreationTime")
    jobs = [
        job
        for job in listed
        if query.get("allUsers", "").lower() == "true"
        and (not states or job.state.lower() in states)
        and (first is None or job.created_ms >= first)
        and (last is None or job.created_ms <= last)
    ]
    page, token = call.pager.page(jobs, call.path, query)
    is_full = query.get("projection") == "full"
    found = [_listed(job, is_full=is_full) for job in page]
    return {
        "kind": "bigquery#jobList",
        "etag": "MDAwMA==",
        **({"jobs": found} if found else {}),
        **({"nextPageToken": token} if token else {}),
    }


def _listed(job: Job, *, is_full: bool) -> dict[str, object]:
    shown = job.render() | {"state": job.state}
    if not is_full:
        del shown["configuration"]
    return shown


def _get_job(call: Call) -> Mapping[str, object]:
    """Return a job. Outside of the multi-regions, it is found only with its location."""
    location = call.query.get("location", "").upper()
    places = (location,) if location else _MULTI_REGIONS
    is_child = call.identifier.startswith(CHILD_PREFIX)
    jobs = (child for job in call.jobs for child in make_children(job)) if is_child else call.jobs
    for job in jobs:
        if job.id == call.identifier and job.location.upper() in places:
            return job.render()
    raise ApiError("NOT_FOUND", f"Not found: Job {call.project}:{call.identifier}")


def _milliseconds(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise bad_request(f"Invalid value for {name}", name)
    return int(text)


def _no_method(request: Request) -> Mapping[str, object]:
    message = f"Method not found: the emulator does not serve {request.method} {request.path}"
    raise ApiError("NOT_FOUND", message)


_LIST = (
    *("allUsers", "maxCreationTime", "maxResults", "minCreationTime", "pageToken"),
    *("parentJobId", "projection", "stateFilter"),
)
METHODS: Mapping[tuple[str, str], Method] = MappingProxyType(
    {
        ("GET", "jobs"): Method("jobs", _list_jobs, _LIST),
        # Google's client also sends a projection, which the documentation does not have.
        ("GET", "jobs/*"): Method("jobs", _get_job, ("location", "projection")),
    }
)
"""All methods, by HTTP method and path inside the project."""
