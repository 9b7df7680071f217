"""What each service makes of the action's inputs, known before the service is imported.

Which inputs choose it, which belong to it alone, which it requires, and which go together.
Pure: data in, problems out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from dataform_action.events import Fact
from dataform_action.model import RunRequest
from dataform_action.services.google_forms import form_problems
from dataform_action.text import shown
from dataform_action.validation import is_project_id, is_segment

#: The inputs as they were given, stripped, with the defaults of those that were not.
Values = Mapping[str, str]
#: The name of an input, and what is wrong with it and what to do.
Problem = tuple[str, str]

_CHARACTERS = "may hold only letters, digits, - and _"


class ServiceSpec(NamedTuple):
    """What the inputs mean to a service.

    ``chosen_by`` are the inputs of which any chooses the service; one service has none and is
    chosen otherwise. ``own_inputs`` are read by this service alone, and ``elsewhere`` says so to
    whoever gives one to another service. ``required`` holds a remedy for each input that must be
    given. ``check`` returns what is wrong with the form of an input or with their combination, and
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

    def is_chosen(self, values: Values) -> bool:
        """Tell whether the inputs choose this service."""
        return not self.chosen_by or any(values[name] for name in self.chosen_by)


def _check_dataform_web(values: Values, _request: RunRequest) -> list[Problem]:
    meanings = (
        ("project-id", "the number in https://app.dataform.co/#/<number>/"),
        ("run-id", "the id of a run, as in the address of its page"),
    )
    return [
        (name, f"{shown(values[name])} {_CHARACTERS}: give {meaning}")
        for name, meaning in meanings
        if values[name] and not is_segment(values[name])
    ]


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
    if not ("/" in run_id and run_id.isprintable()):
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
            "set it to the number in the address of your project, "
            "https://app.dataform.co/#/<number>/"
        ),
        "token": "set it to ${{ secrets.DATAFORM_TOKEN }}, a secret that holds an API token",
    },
    check=_check_dataform_web,
    place=lambda values: (Fact("Project", values["project-id"]),),
)
GOOGLE_CLOUD = ServiceSpec(
    name="Google Cloud Dataform",
    api_url="https://dataform.googleapis.com",
    chosen_by=("location", "repository"),
    own_inputs=frozenset(
        {
            *("location", "repository", "git-ref", "compile-only", "promote", "vars"),
            *("schema-suffix", "table-prefix", "actions", "include-dependencies"),
            *("include-dependents", "full-refresh", "service-account"),
        }
    ),
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
)
