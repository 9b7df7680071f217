"""What each service makes of the action's inputs, known before the service is imported.

Which inputs choose it, which belong to it alone, which it requires, and which go together.
Pure: data in, problems out.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dataform_action.events import Fact
from dataform_action.model import RunRequest
from dataform_action.services.google_forms import form_problems
from dataform_action.text import shown
from dataform_action.validation import api_host, is_project_id, is_segment

#: The inputs as they were given, stripped, with the defaults of those that were not.
Values = Mapping[str, str]
#: The name of an input, and what is wrong with it and what to do.
Problem = tuple[str, str]

_CHARACTERS = "may hold only letters, digits, - and _"
#: Why hosted Dataform Web is no default any more, and what to do.
_CLOSED = (
    "Google closed hosted Dataform Web on 26 February 2024. For Google Cloud Dataform, give "
    "location and repository. For a Dataform Web API of your own, give its address in api-url."
)
#: The full name of a run, which other tools give.
_RUN_NAME = r"projects/[a-z0-9.:-]+/locations/[\w-]+/repositories/[\w-]+/workflowInvocations/[\w-]+"
_HOSTED = ("api.dataform.co", "app.dataform.co")
#: What only Google Cloud Dataform reads, beside the place of the repository.
GOOGLE_INPUTS = (
    *("git-ref", "compile-only", "promote", "vars", "schema-suffix", "table-prefix", "actions"),
    *("include-dependencies", "include-dependents", "full-refresh", "service-account"),
)


class ServiceSpec(NamedTuple):
    """What the inputs mean to a service.

    ``chosen_by`` are the inputs of which any chooses the service; one service has none and is
    chosen otherwise. ``own_inputs`` are read by this service alone, and ``elsewhere`` says so to
    whoever gives one to another service. ``required`` holds a remedy for each input that must be
    given; ``decisive`` are those that decide where requests go, and come first. ``guess`` returns
    their remedies if none of ``chosen_by`` is given, but the other values are this service's.
    ``check`` returns what is wrong with the form of an input or with their combination, and
    ``place`` where the runs belong, such as a project and a repository. ``has_actions`` says that
    the service knows how each action of a run stands.
    """

    name: str
    api_url: str
    required: Mapping[str, str]
    check: Callable[[Values, RunRequest], list[Problem]]
    place: Callable[[Values], tuple[Fact, ...]]
    has_actions: bool = False
    chosen_by: tuple[str, ...] = ()
    own_inputs: frozenset[str] = frozenset()
    elsewhere: str = ""
    decisive: tuple[str, ...] = ()
    guess: Callable[[Values], Mapping[str, str]] = lambda _values: {}

    def is_chosen(self, values: Values) -> bool:
        """Tell whether the inputs choose this service."""
        given = any(values[name] for name in self.chosen_by)
        return not self.chosen_by or given or bool(self.guess(values))


def _check_dataform_web(values: Values, _request: RunRequest) -> list[Problem]:
    meanings = (
        ("project-id", "the number of a Dataform Web project"),
        ("run-id", "the id of a run, as in the address of its page"),
    )
    problems = [
        (name, f"{shown(values[name])} {_CHARACTERS}: give {meaning}")
        for name, meaning in meanings
        if values[name] and not is_segment(values[name])
    ]
    if api_host(values["api-url"]) in _HOSTED:
        problems.append(("api-url", f"is that of hosted Dataform Web. {_CLOSED}"))
    return problems


def _guess_google(values: Values) -> dict[str, str]:
    """Return what to do about the missing place if the other values are Google's."""
    if any(values[name] for name in ("location", "repository")):
        return {}
    why, instead = "", ""
    if values["token"].startswith("ya29."):
        why = "the token is an OAuth access token of Google"
    elif api_host(values["api-url"]).endswith(".googleapis.com"):
        why = "api-url is an address of Google Cloud"
    elif not (values["api-url"] and values["token"]):
        # An API of one's own may have any project, but it has an address and a token.
        why = _weak_sign_of_google(values)
        instead = " For a Dataform Web API of your own, give api-url and token instead."
    if not why:
        return {}
    return {
        "location": (
            f"{why}, so this looks like Google Cloud Dataform. Give the region of the Dataform "
            f"repository, such as europe-west1.{instead}"
        ),
        "repository": "give the id of the Dataform repository, together with location",
    }


def _weak_sign_of_google(values: Values) -> str:
    project_id = values["project-id"]
    if is_project_id(project_id) and not project_id.isdecimal():
        return "project-id is not a number"
    # A boolean input has a default.
    given = (name for name in GOOGLE_INPUTS if values[name].lower() not in ("", "false"))
    name = next(given, "")
    return f"{name} is for Google Cloud Dataform" if name else ""


def _check_google(values: Values, request: RunRequest) -> list[Problem]:
    problems: list[Problem] = []
    if values["project-id"] and not is_project_id(values["project-id"]):
        text = f"{shown(values['project-id'])} is no Google Cloud project's id"
        problems.append(("project-id", text))
    remedies = {
        "location": ": give a region such as europe-west1",
        "repository": ": give the repository's id",
        "schedule": "",
        "environment": "",
    }
    run_id = values["run-id"]
    # The full name of a run is read as well; the service checks it.
    if re.fullmatch(_RUN_NAME, run_id, re.ASCII) is None:
        remedies["run-id"] = ": give the id of a run, as in the address of its page"
    problems += [
        (name, f"{shown(values[name])} {_CHARACTERS}{remedy}")
        for name, remedy in remedies.items()
        if values[name] and not is_segment(values[name])
        # That a name holds something unprintable is a problem of its own.
        if remedy or values[name].isprintable()
    ]
    return problems if run_id else problems + google_request_problems(request)


def google_request_problems(request: RunRequest) -> list[Problem]:
    """Return what the API has no way to do of a request, by the name of the input."""
    problems: list[Problem] = []
    if not (request.schedule or request.environment or request.git_ref):
        problems.append(
            ("schedule", "is missing, and so are environment and git-ref: give one of them")
        )
    if request.git_ref and request.schedule:
        problems.append(("git-ref", "does not go with schedule: give environment instead"))
    if not request.git_ref:
        problems += [
            (name, "needs git-ref, which is compiled with it") for name in _overrides(request)
        ]
    alone = not (request.environment or request.git_ref)
    if request.schedule and alone:
        problems += [
            (name, "does not go with schedule alone, which owns its selection: add environment")
            for name in _selection(request)
        ]
    elif not (request.schedule or request.tags or request.actions):
        problems += [
            (name, "needs tags or actions: without them, everything is run anyway")
            for name, value in _widening(request)
            if value
        ]
    if request.compile_only and alone:
        problems.append(("compile-only", "needs environment or git-ref: what to compile"))
    if request.promote and (not request.environment or request.git_ref):
        problems.append(("promote", "needs environment, without git-ref"))
    if request.promote and request.compile_only:
        problems.append(("promote", "comes after a run, which compile-only leaves out"))
    return problems + form_problems(request)


def _overrides(request: RunRequest) -> list[str]:
    given = (
        ("vars", request.vars),
        ("schema-suffix", request.schema_suffix),
        ("table-prefix", request.table_prefix),
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
        "token": "set it to ${{ secrets.DATAFORM_TOKEN }}, a secret that holds an API token",
    },
    check=_check_dataform_web,
    place=lambda values: (Fact("Project", values["project-id"]),),
    decisive=("api-url",),
)
GOOGLE_CLOUD = ServiceSpec(
    name="Google Cloud Dataform",
    api_url="https://dataform.googleapis.com",
    chosen_by=("location", "repository"),
    own_inputs=frozenset({"location", "repository", *GOOGLE_INPUTS}),
    elsewhere="is for Google Cloud Dataform: give location and repository, or remove it",
    required={
        "project-id": "set it to your project's id",
        "location": "repository is given, and Google Cloud needs both",
        "repository": "location is given, and Google Cloud needs both",
    },
    check=_check_google,
    place=lambda values: (
        Fact("Project", values["project-id"]),
        Fact("Repository", values["repository"], values["location"]),
    ),
    has_actions=True,
    decisive=("location", "repository"),
    guess=_guess_google,
)
