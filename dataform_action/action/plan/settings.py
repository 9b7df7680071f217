"""The settings of the plan job: its inputs, checked and converted."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from typing import NamedTuple

from dataform_action.action.input_values import InputValues
from dataform_action.action.plan.inputs import PLAN_INPUTS
from dataform_action.bigquery.client import API_URL
from dataform_action.errors import InputError
from dataform_action.model import Polling, RunRequest
from dataform_action.plan import PlanRequest
from dataform_action.services.google_forms import form_problems
from dataform_action.services.specs import GOOGLE_CLOUD, SEGMENT_PROBLEM, Problem
from dataform_action.text import shown
from dataform_action.validation import is_project_id, is_segment

_POSITIONS = {declared.name: position for position, declared in enumerate(PLAN_INPUTS)}
_REMEDIES = {
    "project-id": "set it to the id of your Google Cloud project",
    "location": "set it to the region of the Dataform repository, such as europe-west1",
    "repository": "set it to the id of the Dataform repository",
}


class PlanSettings(NamedTuple):
    """What to plan, and where to report it.

    ``request`` has an empty ``head`` or ``base`` if the event decides it. ``token`` is empty if
    Application Default Credentials are used, and ``github_token`` if there is none. ``plan_file``
    is a path in the workspace; empty without such a file.
    """

    project_id: str
    location: str
    repository: str
    request: PlanRequest
    polling: Polling
    token: str = ""
    github_token: str = ""
    api_url: str = GOOGLE_CLOUD.api_url
    bigquery_url: str = API_URL
    comment: bool = True
    summary: bool = True
    plan_file: str = ""


def parse_plan_settings(given: Mapping[str, str]) -> PlanSettings:
    """Check the inputs, and return the settings; a blank input is not set.

    Raises:
        InputError: with the problems of all inputs, in the order of the table of inputs.
    """
    inputs = InputValues(given, PLAN_INPUTS)
    values = inputs.values
    request = _request(inputs)
    settings = PlanSettings(
        project_id=values["project-id"],
        location=values["location"],
        repository=values["repository"],
        request=request,
        polling=Polling(
            timeout=inputs.seconds("timeout"), outage_timeout=inputs.seconds("outage-timeout")
        ),
        token=inputs.token(),
        github_token=inputs.token("github-token"),
        api_url=inputs.address("api-url") or GOOGLE_CLOUD.api_url,
        bigquery_url=inputs.address("bigquery-url") or API_URL,
        comment=inputs.boolean("comment"),
        summary=inputs.boolean("summary"),
        plan_file=_plan_file(inputs),
    )
    problems = [*inputs.problems, *_place_problems(values), *_request_problems(request)]
    if problems:
        raise InputError(sorted(dict.fromkeys(problems), key=lambda found: _POSITIONS[found[0]]))
    return settings


def _request(inputs: InputValues) -> PlanRequest:
    request = PlanRequest(
        head=inputs.text("head") or "",
        base=inputs.text("base") or "",
        environment=inputs.text("environment"),
        project_path=inputs.text("project-path"),
        vars=inputs.pairs("vars"),
        schema_suffix=inputs.text("schema-suffix"),
        table_prefix=inputs.text("table-prefix"),
        compile_overrides=inputs.pairs("compile-overrides"),
        validate=inputs.boolean("validate"),
        max_bytes=inputs.byte_count("max-bytes"),
    )
    if inputs.values["max-bytes"] and not request.validate:
        text = "requires the dry runs of validate: true, which report the bytes"
        inputs.problems.append(("max-bytes", text))
    return request


def _request_problems(request: PlanRequest) -> list[Problem]:
    """Return the problems of the format of what is compiled."""
    problems: list[Problem] = []
    for name, commit in (("head", request.head), ("base", request.base)):
        checked = RunRequest(
            git_ref=commit or None,
            project_path=request.project_path,
            vars=request.vars,
            schema_suffix=request.schema_suffix,
            table_prefix=request.table_prefix,
            compile_overrides=request.compile_overrides,
        )
        found = form_problems(checked)
        problems += [(name if input_ == "git-ref" else input_, text) for input_, text in found]
    if request.environment and not is_segment(request.environment):
        problems.append(("environment", f"{shown(request.environment)} {SEGMENT_PROBLEM}"))
    return problems


def _place_problems(values: Mapping[str, str]) -> list[Problem]:
    """Return the problems of the address of the Dataform repository."""
    problems = [
        (name, f"is missing: {remedy}") for name, remedy in _REMEDIES.items() if not values[name]
    ]
    if values["project-id"] and not is_project_id(values["project-id"]):
        text = f"{shown(values['project-id'])} is not a Google Cloud project id"
        problems.append(("project-id", text))
    problems += [
        (name, f"{shown(values[name])} {SEGMENT_PROBLEM}")
        for name in ("location", "repository")
        if values[name] and not is_segment(values[name])
    ]
    return problems


def _plan_file(inputs: InputValues) -> str:
    """Return the path of the plan file; empty if there is none."""
    path = inputs.text("plan-file")
    if path is None:
        return ""
    normal = os.path.normpath(path)
    if path.endswith("/") or re.match(r"/|\.\.?(?:/|$)", normal):
        text = f"{shown(path)} is not a path of a file in the workspace: use plan.json, for example"
        inputs.problems.append(("plan-file", text))
    return normal
