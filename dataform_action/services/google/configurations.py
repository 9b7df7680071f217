"""Google Cloud Dataform: what a schedule (a workflow configuration) sets for a run, and promotion.

Promotion sets a compilation result in a release configuration.
"""

from collections.abc import Mapping

from dataform_action.clock import once
from dataform_action.errors import DataformError, InputError, Refused
from dataform_action.model import RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import OPTIONAL_SECONDS, GoogleApi
from dataform_action.services.google.hints import is_act_as, promote_hint
from dataform_action.services.google.parse import parse_target
from dataform_action.services.google_forms import EXECUTION_MODES, QUERY_PRIORITIES
from dataform_action.text import cut, printable
from dataform_action.transport.json_values import objects_in, text_in
from dataform_action.transport.response import Json

#: The inputs that are flags, and their names in an invocation configuration.
FLAGS = (
    ("include-dependencies", "transitiveDependenciesIncluded"),
    ("include-dependents", "transitiveDependentsIncluded"),
    ("full-refresh", "fullyRefreshIncrementalTablesEnabled"),
)
UNIT_TESTS_ONLY = EXECUTION_MODES["only"]
_WIDENING = ("include-dependencies", "include-dependents")
_NOTHING_RUN = "Nothing was run."
_LONGEST_NOTE = 500
_MOST_ACCOUNTS = 10
_MOST_PAGES = 5

Config = Mapping[str, Json]


def read_schedule(api: GoogleApi, request: RunRequest) -> Config:
    """Return the invocation configuration of the schedule; empty without one.

    Raises:
        InputError: the schedule has another release configuration than the environment, or the
            request has a flag without effect.
    """
    if request.schedule is None:
        return {}
    name = api.full_name("workflowConfigs", request.schedule)
    schedule = api.with_context("read", "schedule").get_config(name, fields.WORKFLOW_CONFIG)
    release = api.full_name("releaseConfigs", request.environment or "")
    own = schedule.get("releaseConfig")
    if not str(own).endswith(release.split("/", 2)[2]):
        raise make_input_error([("schedule", _environment_problem(own, request))])
    config = schedule.get("invocationConfig")
    config = config if isinstance(config, dict) else {}
    selected = request.tags or request.actions or selects(config)
    if not selected and (problems := _widening_problems(request)):
        raise make_input_error(problems)
    return config


def _environment_problem(own: Json, request: RunRequest) -> str:
    """Return what is wrong with a schedule that has the release configuration ``own``."""
    own = own if isinstance(own, str) else ""
    name = own.rpartition("/")[2]
    if name == request.environment:
        # It belongs to another repository.
        name = own
    if not name:
        return (
            f"{request.schedule} has no release configuration, so it does not belong to "
            f"environment {request.environment}: remove environment"
        )
    return (
        f"{request.schedule} belongs to environment {one_line(name)!r}, "
        f"not to {request.environment}: set environment to that one, or remove it"
    )


def _widening_problems(request: RunRequest) -> list[tuple[str, str]]:
    text = (
        f"extends a selection, but neither the inputs nor schedule {request.schedule} select "
        "actions: set tags or actions, or remove it"
    )
    return [(name, text) for name in _WIDENING if flag_of(request, name)]


def check_schedule_alone(api: GoogleApi, request: RunRequest) -> None:
    """Check that no flag is false if the schedule, which runs unchanged, sets it to true.

    Raises:
        InputError: a flag is.
    """
    disabled = [(name, key) for name, key in FLAGS if flag_of(request, name) is False]
    if not disabled:
        return
    name = api.full_name("workflowConfigs", request.schedule or "")
    schedule = api.with_context("read", "schedule").get_config(name, fields.WORKFLOW_CONFIG)
    config = schedule.get("invocationConfig")
    text = (
        f"is false, but schedule {request.schedule} sets it to true, and a schedule alone runs "
        "unchanged: add environment, or change the workflow configuration"
    )
    problems = [
        (flag, text)
        for flag, key in disabled
        if isinstance(config, dict) and config.get(key) is True
    ]
    if problems:
        raise make_input_error(problems)


def notes_on_schedule(request: RunRequest, config: Config) -> tuple[str, ...]:
    """Return a line with what the schedule sets; ``config`` has no selection of the request."""
    overridden = {key for name, key in FLAGS if flag_of(request, name) is not None}
    overridden |= requested_settings(request).keys()
    parts = [
        text
        for key, value in config.items()
        if key not in overridden and (text := _setting_text(key, value))
    ]
    if not parts:
        return ()
    return (one_line(f"Schedule {request.schedule} sets: {', '.join(parts)}"),)


def requested_settings(request: RunRequest) -> dict[str, Json]:
    """Return what a request sets of an invocation configuration, besides selection and flags."""
    priority, tests = request.query_priority, request.unit_tests
    settings = {
        "serviceAccount": request.service_account,
        "queryPriority": QUERY_PRIORITIES[priority.lower()] if priority else None,
        "concurrentActionsLimit": request.max_concurrent_actions,
        "executionMode": EXECUTION_MODES[tests.lower()] if tests else None,
    }
    return {key: value for key, value in settings.items() if value is not None}


def _setting_text(key: str, value: Json) -> str:
    """Return a setting of an invocation configuration, with the name of its input if it has one."""
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
        case "queryPriority", str():
            return f"query-priority {value.lower()}"
        case "concurrentActionsLimit", int():
            return f"max-concurrent-actions {value}"
        case "executionMode", str():
            modes = {mode: name for name, mode in EXECUTION_MODES.items()}
            return f"unit-tests {modes[value]}" if value in modes else f"{key} {value}"
        case _, True:
            return f"{flags.get(key, key)} true"
        case _, str() | int():
            return f"{key} {value}"
    return key


def one_line(text: str) -> str:
    """Return a text from the API as one line of limited length."""
    return cut(printable(text), _LONGEST_NOTE)


def flag_of(request: RunRequest, name: str) -> bool | None:
    """Return a flag of a request by the name of its input; None means that of the schedule."""
    value: bool | None = getattr(request, name.replace("-", "_"))
    return value


def selects(config: Config) -> bool:
    """Return whether an invocation configuration selects only some actions."""
    return bool(config.get("includedTargets") or config.get("includedTags"))


def make_input_error(problems: list[tuple[str, str]]) -> InputError:
    """Return the error for inputs that are refused after requests, but before a run."""
    error = InputError(problems)
    error.hint = _NOTHING_RUN
    return error


def promote(api: GoogleApi, compilation_result: str, environment: str) -> None:
    """Set a compilation result in a release configuration, whose scheduled runs then use it.

    Raises:
        Unusable, Refused: as ``Service.promote``. If the caller cannot act as the service accounts
            of the schedules, the hint names them.
    """
    api = api.with_context("promote", "environment", environment=environment)
    name = api.full_name("releaseConfigs", environment)
    try:
        # Without the mask, the API would clear every other field.
        api.send(
            "PATCH",
            f"{name}?updateMask=releaseCompilationResult",
            {"releaseCompilationResult": compilation_result},
        )
    except Refused as error:
        if is_act_as(error):
            error.hint = promote_hint(environment, _accounts(api, name))
        raise


def _accounts(api: GoogleApi, release: str) -> tuple[str, ...]:
    """Return the service accounts of a release configuration's schedules, if they can be read."""
    api = api.with_retry(once)
    accounts: list[str] = []
    try:
        pages = api.pages(
            f"{api.parent}/workflowConfigs", fields.WORKFLOW_CONFIGS, most=_MOST_PAGES
        )
        for page in pages:
            for config in objects_in(page, "workflowConfigs"):
                if text_in(config, "releaseConfig").endswith(release.split("/", 2)[2]):
                    accounts.append(_account(config.get("invocationConfig")))
        if "" in accounts:
            repository = api.get(api.parent, fields.SERVICE_ACCOUNT, read_seconds=OPTIONAL_SECONDS)
            accounts.append(text_in(repository, "serviceAccount"))
    except DataformError:
        # The hint is useful without the names.
        return ()
    return tuple(dict.fromkeys(filter(None, accounts)))[:_MOST_ACCOUNTS]


def _account(invocation_config: Json) -> str:
    if not isinstance(invocation_config, dict):
        return ""
    return text_in(invocation_config, "serviceAccount")
