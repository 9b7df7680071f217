"""Helpers for the tests of Google Cloud Dataform: names and expected requests."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import responses

from dataform_action.model import Compilation, Prepared, Run, RunRequest, State
from dataform_action.services.google import fields
from dataform_action.services.google.service import GoogleDataform

TOKEN = "ya29.a0AfH6SMBx-T2w_Ux9cVb4LmN8sKfYhGdP3aEjR5oWtQ6iB0k"
API = "https://dataform.googleapis.com/v1"
REPOSITORY = "projects/my-project/locations/europe-west1/repositories/shop"
#: The same repository in responses, where the project may be its number.
NUMBERED = "projects/123456/locations/europe-west1/repositories/shop"
#: A repository with short names, for tests of the parsers.
PARENT = "projects/p/locations/l/repositories/r"
_ANY_REPOSITORY = "^projects/[^/]+/locations/[^/]+/repositories/[^/]+"
RUNS = f"{REPOSITORY}/workflowInvocations"
RUN = f"{RUNS}/1700-abc"
COMPILATIONS = f"{REPOSITORY}/compilationResults"
COMPILATION = f"{COMPILATIONS}/c0ffee"
LONG_RUNNING = f"POST {COMPILATIONS}:createLongRunning"
OPERATION = "projects/my-project/locations/europe-west1/operations/operation-1"
RELEASE = f"{REPOSITORY}/releaseConfigs/production"
SCHEDULE = f"{REPOSITORY}/workflowConfigs/nightly"
COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
GIT = {"gitRemoteSettings": {"url": "https://github.com/OWNER/shop.git"}}
FILES = f"https://github.com/OWNER/shop/blob/{COMMIT}"
CONSOLE = (
    "https://console.cloud.google.com/bigquery/dataform/locations/europe-west1/repositories/shop"
)
LINK = f"{CONSOLE}/workflows/1700-abc?project=my-project"


def make_google(**kwargs: Any) -> GoogleDataform:  # noqa: ANN401
    arguments = {
        "project_id": "my-project",
        "location": "europe-west1",
        "repository": "shop",
        "token": TOKEN,
        **kwargs,
    }
    return GoogleDataform(**arguments)


def expect(
    api: responses.RequestsMock,
    request: str,
    response: object = None,
    *,
    body: object = None,
    base: str = API,
    token: str = TOKEN,
    plain: bool = False,
    **kwargs: Any,  # noqa: ANN401
) -> None:
    """Expect exactly one request, ``METHOD path?query`` with that body, and send a response.

    A compilation is an operation that is done immediately, unless it is ``plain``. The query has no
    ``fields``, which every GET has: ``fields_of`` returns the expected ones.
    """
    if request == f"POST {COMPILATIONS}" and not plain:
        request = LONG_RUNNING
        if "status" not in kwargs:
            response = {"name": OPERATION, "done": True, "response": response}
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    if method == "GET" and fields_of(path)[0] in (fields.RELEASE_CONFIG, fields.WORKFLOW_CONFIG):
        response = {"name": path, **response} if isinstance(response, dict) else response

    def matches(sent: requests.PreparedRequest) -> tuple[bool, str]:
        got_body = None if sent.body is None else json.loads(sent.body)
        got_query = urlsplit(str(sent.url)).query
        got_fields = dict(parse_qsl(got_query)).get("fields", "")
        other_query = re.sub("&?fields=[^&]*", "", got_query)
        got = (other_query, got_fields, got_body, sent.headers["Authorization"])
        fields_ = fields_of(path) if method == "GET" else ("",)
        return got in [(query, names, body, f"Bearer {token}") for names in fields_], str(got)

    if "body_text" in kwargs:
        kwargs["body"] = kwargs.pop("body_text")
    else:
        kwargs["json"] = {} if response is None else response
    api.add(method, f"{base}/{path}", match=[matches], **kwargs)


def fields_of(path: str) -> tuple[str, ...]:
    """Return the lists of fields that a GET may request."""
    _, collection, *rest = f"{re.sub(_ANY_REPOSITORY, '', path)}//".split("/")
    queried = rest[0].endswith(":query")
    match collection:
        case "workflowInvocations":
            if not rest[0]:
                return (fields.INVOCATIONS, fields.PAST_INVOCATIONS)
            if queried:
                return (fields.INVOCATION_ACTIONS,)
            return (fields.INVOCATION, fields.INVOCATION_SETTINGS)
        case "compilationResults":
            if not rest[0]:
                return (fields.COMPILATIONS,)
            actions = (fields.COMPILED_ACTIONS, fields.SELECTABLE_ACTIONS, fields.GRAPH_ACTIONS)
            return actions if queried else (fields.COMPILATION, fields.COMMIT)
        case "workflowConfigs":
            return (fields.WORKFLOW_CONFIG if rest[0] else fields.WORKFLOW_CONFIGS,)
        case "releaseConfigs":
            return (fields.RELEASE_CONFIG,)
    if "/operations/" in path:
        return (fields.OPERATION,)
    return (fields.REPOSITORY, fields.SERVICE_ACCOUNT)


def expect_error(
    api: responses.RequestsMock,
    request: str,
    status: int,
    words: str = "nope",
    *,
    body: object = None,
) -> None:
    error = {"error": {"code": status, "message": words, "status": "X"}}
    expect(api, request, error, body=body, status=status)


def make_run(run_id: str = "1700-abc", compilation_result: str = "") -> Run:
    return Run(
        id=run_id,
        state=State.RUNNING,
        status="",
        log_url=LINK,
        compilation_result=compilation_result,
    )


def make_prepared(compilation: str = COMPILATION, environment: str = "production") -> Prepared:
    return Prepared(
        request=RunRequest(environment=environment),
        body={"compilationResult": compilation},
        compilation=Compilation(name=compilation),
    )


def target(name: str, schema: str = "sales", database: str = "my-project") -> dict[str, str]:
    return {"database": database, "schema": schema, "name": name}


def compiled(*tags: str, name: str = "orders") -> dict[str, object]:
    """Return a page of a compilation with one action that has some tags."""
    relation = {"tags": list(tags)} if tags else {}
    return {"compilationResultActions": [{"target": target(name), "relation": relation}]}


def body_of(api: responses.RequestsMock) -> object:
    """Return the JSON body of the last request."""
    return json.loads(str(api.calls[-1].request.body, "utf-8"))  # type: ignore[arg-type]


def timeouts(api: responses.RequestsMock) -> list[object]:
    """Return the connect and read timeouts of each request."""
    return [call.request.req_kwargs["timeout"] for call in api.calls]  # type: ignore[attr-defined]
