"""Google Cloud Dataform: the actions that the inputs select."""

from typing import NamedTuple

from dataform_action.errors import Refused
from dataform_action.model import Compilation, CompiledAction, RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import COMPILED_SIZE, GoogleApi
from dataform_action.services.google.configurations import (
    FLAGS,
    UNIT_TESTS_ONLY,
    Config,
    flag_of,
    make_input_error,
    notes_on_schedule,
    one_line,
    requested_settings,
    selects,
)
from dataform_action.services.google.parse import (
    UNIT_TEST,
    parse_compiled_actions,
    parse_target,
    texts_in,
)
from dataform_action.services.google.selection.names import match_names, reachable, tag_problems
from dataform_action.transport.json_values import objects_in


class Selection(NamedTuple):
    """The selected actions of a compilation.

    ``config`` is the invocation configuration, and ``notes`` are lines about it. ``names`` are the
    full names of the selected actions; None if all are selected or they could not be read.
    """

    config: dict[str, object]
    notes: tuple[str, ...] = ()
    names: frozenset[str] | None = None


def select(
    api: GoogleApi, request: RunRequest, schedule: Config, compilation: Compilation
) -> Selection:
    """Return the selection; ``schedule`` is the invocation configuration of the schedule.

    The request overrides the schedule.

    Raises:
        InputError: a requested action is missing or ambiguous, or no action has a requested tag.
    """
    config: dict[str, object] = dict(schedule)
    if request.actions or request.tags:
        # Otherwise, the actions of the schedule would be run as well.
        config.pop("includedTargets", None)
        config.pop("includedTags", None)
    for name, key in FLAGS:
        flag = flag_of(request, name)
        if flag is not None:
            config.pop(key, None)
        if flag:
            config[key] = True
    config |= requested_settings(request)
    notes = notes_on_schedule(request, config) if request.schedule else ()
    if request.tags:
        config["includedTags"] = list(request.tags)
    if not (request.actions or selects(config) or _runs_unit_tests(config)):
        return Selection(config, notes)
    try:
        compiled = read_selectable(api, compilation)
    except Refused as error:
        if request.actions:
            raise
        text = f"Could not check whether the selection matches any action. {error.message}"
        return Selection(config, (*notes, text))
    if request.actions or request.tags:
        _select_requested(request, compiled, config)
    names = _selected_names(config, compiled)
    if not names:
        raise make_input_error([_empty_selection_problem(request, config)])
    return Selection(config, notes, names)


def _select_requested(
    request: RunRequest, compiled: list[CompiledAction], config: dict[str, object]
) -> None:
    """Check the actions and tags of a request, and add the actions to ``config``."""
    found, problems = match_names(request.actions, compiled)
    problems += tag_problems(request.tags, compiled)
    if problems:
        raise make_input_error(problems)
    if found:
        config["includedTargets"] = [make_target(name) for name in found]


def _selected_names(config: Config, compiled: list[CompiledAction]) -> frozenset[str]:
    """Return the full names of the actions that an invocation configuration selects."""
    tags = set(texts_in(config, "includedTags"))
    targets = set(map(parse_target, objects_in(dict(config), "includedTargets")))
    chosen = {
        action.name
        for action in compiled
        if tags.intersection(action.tags) or action.name in targets or not selects(config)
    }
    dependencies = {action.name: set(action.dependencies) for action in compiled}
    dependents: dict[str, set[str]] = {}
    for action in compiled:
        for name in action.dependencies:
            dependents.setdefault(name, set()).add(action.name)
    names = set(chosen)
    if config.get("transitiveDependenciesIncluded"):
        names |= reachable(chosen, dependencies)
    if config.get("transitiveDependentsIncluded"):
        names |= reachable(chosen, dependents)
    if _runs_unit_tests(config):
        names &= {action.name for action in compiled if action.kind == UNIT_TEST}
    return frozenset(names & dependencies.keys())


def _runs_unit_tests(config: Config) -> bool:
    """Return whether an invocation configuration runs unit tests, and nothing else."""
    return config.get("executionMode") == UNIT_TESTS_ONLY


def _empty_selection_problem(request: RunRequest, config: Config) -> tuple[str, str]:
    if request.unit_tests and _runs_unit_tests(config):
        return "unit-tests", "is only, but the selection has no unit test"
    if _runs_unit_tests(config):
        text = f"{request.schedule} runs only unit tests, but the selection has none"
        return "schedule", text
    tags = [f"tag {tag}" for tag in texts_in(config, "includedTags")]
    targets = map(parse_target, objects_in(dict(config), "includedTargets"))
    selected = ", ".join(sorted({*tags, *targets}))
    return "schedule", (
        f"{request.schedule} selects {one_line(selected)}, which matches no action of the "
        "compilation: change the workflow configuration, or set tags or actions"
    )


def read_selectable(api: GoogleApi, compilation: Compilation) -> list[CompiledAction]:
    """Return the actions of a compilation that can be run."""
    pages = api.pages(f"{compilation.name}:query", fields.SELECTABLE_ACTIONS, size=COMPILED_SIZE)
    actions = (action for page in pages for action in parse_compiled_actions(page, ""))
    return [action for action in actions if action.kind != "declaration"]


def make_target(name: str) -> dict[str, str]:
    """Return the target of a full name; only a project may contain dots."""
    parts = name.rsplit(".", 2)
    return dict(zip(("database", "schema", "name")[-len(parts) :], parts, strict=True))
