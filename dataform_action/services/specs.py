"""How each service uses the action's inputs. Does not import the service. Pure.

Which inputs select the service, which only it uses, which it requires, which can be combined.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import NamedTuple

from dataform_action.events import Fact
from dataform_action.model import RunRequest
from dataform_action.services.google_forms import form_problems
from dataform_action.text import join_names, shown
from dataform_action.validation import api_host, is_project_id, is_segment

#: The values of all inputs, stripped, with defaults.
Values = Mapping[str, str]
#: The name of an input, and a text: what is wrong, and what to do.
Problem = tuple[str, str]

#: What is wrong with a name that cannot be part of an API path, and with a token.
SEGMENT_PROBLEM = "may contain only letters, digits, - and _"
TOKEN_PROBLEM = "contains whitespace or a character that is not valid in a token"  # noqa: S105
#: Why hosted Dataform Web is not the default, and what to do.
_CLOSED = (
    "Google closed hosted Dataform Web on 26 February 2024. For Google Cloud Dataform, set "
    "location and repository. For your own Dataform Web API, set api-url to its address."
)
#: The full name of a run, as other tools print it.
_RUN_NAME = r"projects/[a-z0-9.:-]+/locations/[\w-]+/repositories/[\w-]+/workflowInvocations/[\w-]+"
_HOSTED = ("api.dataform.co", "app.dataform.co")
#: The inputs that only Google Cloud Dataform uses, besides location and repository.
GOOGLE_INPUTS = (
    *("git-ref", "workspace", "project-path", "compile-only", "promote"),
    *("vars", "schema-suffix", "table-prefix", "compile-overrides"),
    *("actions", "include-dependencies", "include-dependents"),
    *("full-refresh", "service-account", "query-priority", "max-concurrent-actions", "unit-tests"),
    *("resume", "retry-failed"),
    *("costs", "price-per-tib", "bigquery-url"),
)


class ServiceSpec(NamedTuple):
    """How a service uses the inputs.

    Each of ``chosen_by`` selects the service; the service without any is the fallback. Only this
    service uses ``own_inputs``; ``own_inputs_problem`` is reported if one is set for another
    service. ``required`` has a remedy for each required input. ``address_inputs`` are those that
    decide where requests go; their problems are reported first. ``guess`` returns remedies for
    these if none of ``chosen_by`` is set, but the other values look like this service. ``check``
    returns problems of single inputs and of their combination. ``place`` is where the runs are,
    such as a project and a repository. ``has_actions`` is that of the service.
    """

    name: str
    api_url: str
    required: Mapping[str, str]
    check: Callable[[Values, RunRequest], list[Problem]]
    place: Callable[[Values], tuple[Fact, ...]]
    has_actions: bool = False
    chosen_by: tuple[str, ...] = ()
    own_inputs: frozenset[str] = frozenset()
    own_inputs_problem: str = ""
    address_inputs: tuple[str, ...] = ()
    guess: Callable[[Values], Mapping[str, str]] = lambda _values: {}

    def is_chosen(self, values: Values) -> bool:
        """Return whether the inputs select this service."""
        is_set = any(values[name] for name in self.chosen_by)
        return not self.chosen_by or is_set or bool(self.guess(values))


def _check_dataform_web(values: Values, _request: RunRequest) -> list[Problem]:
    meanings = (
        ("project-id", "the number of a Dataform Web project"),
        ("run-id", "a run id, as in the address of its page"),
    )
    problems = [
        (name, f"{shown(values[name])} {SEGMENT_PROBLEM}: set it to {meaning}")
        for name, meaning in meanings
        if values[name] and not is_segment(values[name])
    ]
    if api_host(values["api-url"]) in _HOSTED:
        problems.append(("api-url", f"is the address of hosted Dataform Web. {_CLOSED}"))
    return problems


def _guess_google(values: Values) -> dict[str, str]:
    """Return what to do about a missing place if the other values look like Google Cloud."""
    if any(values[name] for name in ("location", "repository")):
        return {}
    sign, alternative = "", ""
    if values["token"].startswith("ya29."):
        sign = "the token is an OAuth access token of Google"
    elif api_host(values["api-url"]).endswith(".googleapis.com"):
        sign = "api-url is an address of Google Cloud"
    elif not (values["api-url"] and values["token"]):
        # The user's own API may have any project id, but it needs an address and a token.
        sign = _weak_google_sign(values)
        alternative = " For your own Dataform Web API, set api-url and token instead."
    if not sign:
        return {}
    return {
        "location": (
            f"{sign}, so this looks like Google Cloud Dataform. Set location to the region of the "
            f"Dataform repository, such as europe-west1.{alternative}"
        ),
        "repository": "set it to the id of the Dataform repository",
    }


def _weak_google_sign(values: Values) -> str:
    project_id = values["project-id"]
    if is_project_id(project_id) and not project_id.isdecimal():
        return "project-id is not a number"
    # Some inputs have a default.
    used = (name for name in GOOGLE_INPUTS if values[name].lower() not in ("", "false", "0"))
    name = next(used, "")
    return f"{name} is for Google Cloud Dataform" if name else ""


def _check_google(values: Values, request: RunRequest) -> list[Problem]:
    problems: list[Problem] = []
    if values["project-id"] and not is_project_id(values["project-id"]):
        text = f"{shown(values['project-id'])} is not a Google Cloud project id"
        problems.append(("project-id", text))
    remedies = {
        "location": ": set it to a region such as europe-west1",
        "repository": ": set it to the id of the repository",
        "schedule": "",
        "environment": "",
        "workspace": "",
    }
    for name in ("run-id", "resume"):
        # A full name is valid as well; the service checks it.
        if re.fullmatch(_RUN_NAME, values[name], re.ASCII) is None:
            remedies[name] = ": set it to a run id, as in the address of its page"
    problems += [
        (name, f"{shown(values[name])} {SEGMENT_PROBLEM}{remedy}")
        for name, remedy in remedies.items()
        if values[name] and not is_segment(values[name])
        # An unprintable character is a separate problem.
        if remedy or values[name].isprintable()
    ]
    return problems if values["run-id"] else problems + google_request_problems(request)


def google_request_problems(request: RunRequest) -> list[Problem]:
    """Return what the API cannot do, by the name of the input."""
    if request.resume is not None:
        return _resume_problems(request)
    problems: list[Problem] = []
    alone = runs_schedule_alone(request)
    if alone and not request.schedule:
        text = "is missing, and so are environment, git-ref and workspace: set one of them"
        problems.append(("schedule", text))
    if request.git_ref and request.schedule:
        problems.append(("git-ref", "cannot be combined with schedule: use environment instead"))
    problems += _source_problems(request)
    overrides = overrides_of(request)
    if alone:
        text = "requires environment, git-ref or workspace, which is compiled with it"
        problems += [(name, text) for name in overrides]
    if request.schedule and alone:
        text = "cannot be combined with schedule alone, which has its own settings: add environment"
        problems += [(name, text) for name in _selection(request)]
    elif not (request.schedule or request.tags or request.actions):
        problems += [
            (name, "requires tags or actions: without them, all actions are run")
            for name, value in _widening(request)
            if value
        ]
    if request.compile_only and alone:
        text = "requires environment, git-ref or workspace: the code to compile"
        problems.append(("compile-only", text))
    if request.promote and (not request.environment or request.git_ref):
        problems.append(("promote", "requires environment, and cannot be combined with git-ref"))
    elif request.promote and overrides:
        text = (
            f"cannot be combined with {join_names(overrides)}: a promoted compilation has only the "
            "settings of the release configuration"
        )
        problems.append(("promote", text))
    return problems + form_problems(request)


def _resume_problems(request: RunRequest) -> list[Problem]:
    """Return the problems of a request to finish an earlier run."""
    plain = RunRequest()
    others = [
        field.name.replace("_", "-")
        for field in fields(RunRequest)
        if field.name not in ("resume", "retry_failed")
        and getattr(request, field.name) != getattr(plain, field.name)
    ]
    text = "cannot be combined with resume, which uses the code and the settings of that run"
    return [(name, text) for name in others] + form_problems(request)


def runs_schedule_alone(request: RunRequest) -> bool:
    """Return whether nothing is compiled for a request."""
    return not (request.environment or request.git_ref or request.workspace)


def _source_problems(request: RunRequest) -> list[Problem]:
    """Return the problems of ``workspace`` and ``project-path``."""
    sources = ("schedule", "environment", "git-ref")
    values = (request.schedule, request.environment, request.git_ref)
    others = [name for name, value in zip(sources, values, strict=True) if value]
    problems: list[Problem] = []
    if request.workspace and others:
        text = f"cannot be combined with {join_names(others)}: it has code of its own"
        problems.append(("workspace", text))
    if request.project_path and not (request.git_ref or request.workspace):
        text = "requires git-ref or workspace. A release configuration has a folder of its own"
        problems.append(("project-path", text))
    return problems


def overrides_of(request: RunRequest) -> list[str]:
    """Return the inputs that override compilation settings, if they are set."""
    given = (
        ("vars", request.vars),
        ("schema-suffix", request.schema_suffix),
        ("table-prefix", request.table_prefix),
        ("compile-overrides", request.compile_overrides),
    )
    return [name for name, value in given if value]


def _widening(request: RunRequest) -> tuple[tuple[str, bool | None], ...]:
    return (
        ("include-dependencies", request.include_dependencies),
        ("include-dependents", request.include_dependents),
    )


def _selection(request: RunRequest) -> list[str]:
    given = (
        ("tags", request.tags),
        ("actions", request.actions),
        *_widening(request),
        ("full-refresh", request.full_refresh),
        ("service-account", request.service_account),
        ("query-priority", request.query_priority),
        ("max-concurrent-actions", request.max_concurrent_actions),
        ("unit-tests", request.unit_tests),
    )
    return [name for name, value in given if value]


DATAFORM_WEB = ServiceSpec(
    name="Dataform Web",
    api_url="https://api.dataform.co",
    required={
        "project-id": (
            "set it to your Google Cloud project, or to the number of a Dataform Web project"
        ),
        "api-url": _CLOSED,
        "token": "set it to ${{ secrets.DATAFORM_TOKEN }}, a secret with an API token",
    },
    check=_check_dataform_web,
    place=lambda values: (Fact("Project", values["project-id"]),),
    address_inputs=("api-url",),
)
GOOGLE_CLOUD = ServiceSpec(
    name="Google Cloud Dataform",
    api_url="https://dataform.googleapis.com",
    chosen_by=("location", "repository"),
    own_inputs=frozenset({"location", "repository", *GOOGLE_INPUTS}),
    own_inputs_problem="is for Google Cloud Dataform: set location and repository, or remove it",
    required={
        "project-id": "set it to your project's id",
        "location": "repository is set, and Google Cloud Dataform requires both",
        "repository": "location is set, and Google Cloud Dataform requires both",
    },
    check=_check_google,
    place=lambda values: (
        Fact("Project", values["project-id"]),
        Fact("Repository", values["repository"], values["location"]),
    ),
    has_actions=True,
    address_inputs=("location", "repository"),
    guess=_guess_google,
)
