"""Google Cloud Dataform: what of a compilation is run, and what a schedule says about that."""

from collections.abc import Mapping
from typing import NamedTuple

from dataform_action.errors import InputError, Refused
from dataform_action.model import Compilation, CompiledAction, RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import COMPILED_SIZE, GoogleApi
from dataform_action.services.google.names import match_names, tag_problems
from dataform_action.services.google.parse import (
    objects_in,
    parse_compiled_actions,
    parse_target,
    texts_in,
)
from dataform_action.text import cut, printable
from dataform_action.transport.response import Json

#: The flags of a request by their inputs, and their names in an invocation configuration.
_FLAGS = (
    ("include-dependencies", "transitiveDependenciesIncluded"),
    ("include-dependents", "transitiveDependentsIncluded"),
    ("full-refresh", "fullyRefreshIncrementalTablesEnabled"),
)
_WIDENING = ("include-dependencies", "include-dependents")
_NOTHING_RUN = "Nothing was run."
_LONGEST_NOTE = 500

Config = Mapping[str, Json]


class Selection(NamedTuple):
    """The invocation configuration of a run, and what is to be said about it, a line each."""

    config: dict[str, object]
    notes: tuple[str, ...] = ()


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
        raise _refused([("schedule", _other_environment(own, request))])
    config = answer.get("invocationConfig")
    config = config if isinstance(config, dict) else {}
    selected = request.tags or request.actions or _selects(config)
    if not selected and (problems := _widened_nothing(request)):
        raise _refused(problems)
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
        f"{request.schedule} belongs to environment {_line(name)!r}, not to {request.environment}: "
        "give that environment, or leave environment out"
    )


def _widened_nothing(request: RunRequest) -> list[tuple[str, str]]:
    text = (
        f"widens a selection, but neither the inputs nor schedule {request.schedule} select "
        "anything: give tags or actions, or remove it"
    )
    return [(name, text) for name in _WIDENING if _flag(request, name)]


def check_schedule_alone(api: GoogleApi, request: RunRequest) -> None:
    """Check that no flag says false where the schedule, which is run as it is, says true.

    Raises:
        InputError: one does.
    """
    wanted = [(name, key) for name, key in _FLAGS if _flag(request, name) is False]
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
        raise _refused(problems)


def select(
    api: GoogleApi, request: RunRequest, schedule: Config, compilation: Compilation
) -> Selection:
    """Return what is run of a compilation; ``schedule`` is the schedule's own configuration.

    What the request says goes before what the schedule says.

    Raises:
        InputError: the compilation has no such action, or several, or no action with a tag.
    """
    config: dict[str, object] = dict(schedule)
    if request.actions or request.tags:
        # Both would be run: what the schedule selects, and what is asked for.
        config.pop("includedTargets", None)
        config.pop("includedTags", None)
    for name, key in _FLAGS:
        flag = _flag(request, name)
        if flag is not None:
            config.pop(key, None)
        if flag:
            config[key] = True
    if request.service_account is not None:
        config["serviceAccount"] = request.service_account
    notes = _inherited(request, config) if request.schedule else ()
    if request.actions or request.tags:
        notes += _select_given(api, request, compilation, config)
    elif _selects(config):
        notes += _check_inherited(api, request, compilation, config)
    return Selection(config, notes)


def _select_given(
    api: GoogleApi, request: RunRequest, compilation: Compilation, config: dict[str, object]
) -> tuple[str, ...]:
    """Add the actions and tags of a request, and return what is to be said about them."""
    if request.tags:
        config["includedTags"] = list(request.tags)
    try:
        compiled = read_selectable(api, compilation)
    except Refused as error:
        if request.actions:
            raise
        return (_unchecked(error),)
    names = [action.name for action in compiled]
    found, problems = match_names(request.actions, names)
    problems += tag_problems(request.tags, compiled)
    if problems:
        raise _refused(problems)
    if found:
        config["includedTargets"] = [_target(name) for name in found]
    return ()


def _check_inherited(
    api: GoogleApi, request: RunRequest, compilation: Compilation, config: Config
) -> tuple[str, ...]:
    """Check that the schedule's own selection selects something of the compilation."""
    try:
        compiled = read_selectable(api, compilation)
    except Refused as error:
        return (_unchecked(error),)
    tags = set(texts_in(config, "includedTags"))
    targets = set(map(parse_target, objects_in(dict(config), "includedTargets")))
    if any(tags.intersection(action.tags) or action.name in targets for action in compiled):
        return ()
    selected = ", ".join(sorted([*(f"tag {tag}" for tag in tags), *targets]))
    text = (
        f"{request.schedule} selects {_line(selected)}, which is nothing in the compilation: "
        "change the workflow configuration, or give tags or actions"
    )
    raise _refused([("schedule", text)])


def _unchecked(error: Refused) -> str:
    return f"Whether the selection matches any action could not be checked. {error.message}"


def read_selectable(api: GoogleApi, compilation: Compilation) -> list[CompiledAction]:
    """Return the actions of a compilation that can be run, with their names and tags."""
    pages = api.pages(f"{compilation.name}:query", fields.SELECTABLE_ACTIONS, size=COMPILED_SIZE)
    actions = (action for page in pages for action in parse_compiled_actions(page, ""))
    return [action for action in actions if action.kind != "declaration"]


def _inherited(request: RunRequest, config: Config) -> tuple[str, ...]:
    """Return what a run takes from its schedule, as a line; ``config`` has nothing of the request.

    What the request selects is not in it yet.
    """
    given = {key for name, key in _FLAGS if _flag(request, name) is not None}
    given |= {"serviceAccount"} if request.service_account is not None else set()
    parts = [
        words
        for key, value in config.items()
        if key not in given and (words := _setting_words(key, value))
    ]
    if not parts:
        return ()
    return (_line(f"Schedule {request.schedule} sets: {', '.join(parts)}"),)


def _setting_words(key: str, value: Json) -> str:
    """Return a setting of an invocation configuration by the name of its input, if it has one."""
    flags = {key: name for name, key in _FLAGS}
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


def _line(text: str) -> str:
    return cut(printable(text), _LONGEST_NOTE)


def _flag(request: RunRequest, name: str) -> bool | None:
    value: bool | None = getattr(request, name.replace("-", "_"))
    return value


def _selects(config: Config) -> bool:
    return bool(config.get("includedTargets") or config.get("includedTags"))


def _target(name: str) -> dict[str, str]:
    """Return the target of a full name; a project may hold dots, the others none."""
    parts = name.rsplit(".", 2)
    return dict(zip(("database", "schema", "name")[-len(parts) :], parts, strict=True))


def _refused(problems: list[tuple[str, str]]) -> InputError:
    error = InputError(problems)
    error.hint = _NOTHING_RUN
    return error
