"""Google Cloud Dataform: what a schedule, which is a workflow configuration, says about a run."""

from collections.abc import Mapping

from dataform_action.errors import InputError
from dataform_action.model import RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.parse import parse_target
from dataform_action.text import cut, printable
from dataform_action.transport.response import Json

#: The flags of a request by their inputs, and their names in an invocation configuration.
FLAGS = (
    ("include-dependencies", "transitiveDependenciesIncluded"),
    ("include-dependents", "transitiveDependentsIncluded"),
    ("full-refresh", "fullyRefreshIncrementalTablesEnabled"),
)
_WIDENING = ("include-dependencies", "include-dependents")
_NOTHING_RUN = "Nothing was run."
_LONGEST_NOTE = 500

Config = Mapping[str, Json]


def read_schedule(api: GoogleApi, request: RunRequest) -> Config:
    """Return the invocation configuration of the schedule; empty without one.

    Raises:
        InputError: the schedule belongs to another release configuration than the environment, or
            the request has a flag that means nothing.
    """
    if request.schedule is None:
        return {}
    name = api.full_name("workflowConfigs", request.schedule)
    answer = api.for_("read", "schedule").get_config(name, fields.WORKFLOW_CONFIG)
    release = api.full_name("releaseConfigs", request.environment or "")
    own = answer.get("releaseConfig")
    if not str(own).endswith(release.split("/", 2)[2]):
        raise refused([("schedule", _other_environment(own, request))])
    config = answer.get("invocationConfig")
    config = config if isinstance(config, dict) else {}
    selected = request.tags or request.actions or selects(config)
    if not selected and (problems := _widened_nothing(request)):
        raise refused(problems)
    return config


def _other_environment(own: Json, request: RunRequest) -> str:
    """Return what is wrong with a schedule whose release configuration is ``own``."""
    own = own if isinstance(own, str) else ""
    name = own.rpartition("/")[2]
    if name == request.environment:
        # Of another repository.
        name = own
    if not name:
        return (
            f"{request.schedule} names no release configuration, so it does not belong to "
            f"environment {request.environment}: leave environment out"
        )
    return (
        f"{request.schedule} belongs to environment {one_line(name)!r}, "
        f"not to {request.environment}: give that environment, or leave environment out"
    )


def _widened_nothing(request: RunRequest) -> list[tuple[str, str]]:
    text = (
        f"widens a selection, but neither the inputs nor schedule {request.schedule} select "
        "anything: give tags or actions, or remove it"
    )
    return [(name, text) for name in _WIDENING if flag_of(request, name)]


def check_schedule_alone(api: GoogleApi, request: RunRequest) -> None:
    """Check that no flag says false where the schedule, which is run as it is, says true.

    Raises:
        InputError: one does.
    """
    wanted = [(name, key) for name, key in FLAGS if flag_of(request, name) is False]
    if not wanted:
        return
    name = api.full_name("workflowConfigs", request.schedule or "")
    answer = api.for_("read", "schedule").get_config(name, fields.WORKFLOW_CONFIG)
    config = answer.get("invocationConfig")
    text = (
        f"is false, but schedule {request.schedule} says true, and a schedule alone runs as it "
        "is: add environment, or change the workflow configuration"
    )
    problems = [
        (flag, text) for flag, key in wanted if isinstance(config, dict) and config.get(key) is True
    ]
    if problems:
        raise refused(problems)


def notes_on_schedule(request: RunRequest, config: Config) -> tuple[str, ...]:
    """Return what a run takes from its schedule, as a line; ``config`` has nothing of the request.

    What the request selects is not in it yet.
    """
    given = {key for name, key in FLAGS if flag_of(request, name) is not None}
    given |= {"serviceAccount"} if request.service_account is not None else set()
    parts = [
        words
        for key, value in config.items()
        if key not in given and (words := _setting_words(key, value))
    ]
    if not parts:
        return ()
    return (one_line(f"Schedule {request.schedule} sets: {', '.join(parts)}"),)


def _setting_words(key: str, value: Json) -> str:
    """Return a setting of an invocation configuration by the name of its input, if it has one."""
    flags = {key: name for name, key in FLAGS}
    match key, value:
        case _, None | False | "" | []:
            return ""
        case "includedTags", list():
            return f"tags {' '.join(map(str, value))}"
        case "includedTargets", list():
            return f"actions {' '.join(map(parse_target, value))}"
        case "serviceAccount", str():
            return f"service-account {value}"
        case _, True:
            return f"{flags.get(key, key)} true"
        case _, str() | int():
            return f"{key} {value}"
    return key


def one_line(text: str) -> str:
    """Return a text of the API as one line of limited length."""
    return cut(printable(text), _LONGEST_NOTE)


def flag_of(request: RunRequest, name: str) -> bool | None:
    """Return the flag of a request by the name of its input; None leaves it to the schedule."""
    value: bool | None = getattr(request, name.replace("-", "_"))
    return value


def selects(config: Config) -> bool:
    """Tell whether an invocation configuration selects only some actions."""
    return bool(config.get("includedTargets") or config.get("includedTags"))


def refused(problems: list[tuple[str, str]]) -> InputError:
    """Return the error for inputs that were refused before anything was run."""
    error = InputError(problems)
    error.hint = _NOTHING_RUN
    return error
