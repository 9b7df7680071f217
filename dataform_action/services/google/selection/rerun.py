"""Google Cloud Dataform: run again what did not succeed in an earlier run.

It has the same compilation result and the same settings as that run.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataform_action.errors import Refused
from dataform_action.model import Compilation, Prepared, Rerun, Result, Run, RunRequest
from dataform_action.services.google import fields
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.configurations import Config, make_input_error
from dataform_action.services.google.parse import (
    parse_commit,
    parse_core_version,
    parse_invocation_name,
    parse_names,
)
from dataform_action.services.google.selection.request import make_target
from dataform_action.transport.json_values import text_in

#: A lost run is new, so it is searched for in the newest pages only.
_NEWEST_PAGES = 5
#: The settings of an earlier run that select its actions, and a field that is output only.
_SELECTION = (
    *("includedTags", "includedTargets"),
    *("transitiveDependenciesIncluded", "transitiveDependentsIncluded"),
)
_OUTPUT_ONLY = "userEmail"
_NOT_FOUND = 404


def prepare_rerun(
    api: GoogleApi, request: RunRequest, result: Result, earlier: Prepared | None
) -> Prepared:
    """Prepare a run of the actions that did not succeed. See ``Service.prepare_rerun``."""
    run, name = result.run, "retry-failed" if request.resume is None else "resume"
    api = api.with_context("read", *([] if request.resume is None else [name]))
    if not run.compilation_result:
        text = f"cannot run anything again: the API does not name the compilation of run {run.id}"
        raise make_input_error([(name, text)])
    actions = result.unfinished_actions
    if any(not action.name.count(".") for action in actions):
        text = f"cannot run anything again: run {run.id} has an action without a full name"
        raise make_input_error([(name, text)])
    config, notes = _settings(api, run, earlier)
    compilation = result.compilation or _read_compilation(api, run, name)
    config = {key: value for key, value in config.items() if key not in _SELECTION}
    # Pages of a list may overlap.
    names = dict.fromkeys(action.name for action in actions)
    config["includedTargets"] = [make_target(name) for name in names]
    return Prepared(
        request=request,
        body={"compilationResult": compilation.name, "invocationConfig": config},
        compilation=compilation,
        notes=notes,
        rerun=Rerun(run, actions, _known_runs(api, run, compilation, earlier)),
    )


def _known_runs(
    api: GoogleApi, run: Run, compilation: Compilation, earlier: Prepared | None
) -> frozenset[str]:
    """Return the ids of the runs of a compilation, also of those that the API does not list."""
    before = frozenset() if earlier is None or earlier.rerun is None else earlier.rerun.known_runs
    return before | {run.id} | frozenset(ids_of_runs(api, compilation.name))


def ids_of_runs(api: GoogleApi, compilation_result: str) -> Iterator[str]:
    """Yield the ids of the runs of a compilation result, as far as the newest pages list them."""
    path = f"{api.parent}/workflowInvocations"
    newest = api.pages(path, fields.INVOCATIONS, most=_NEWEST_PAGES, orderBy="name desc")
    for page in newest:
        for name, compiled in parse_names(page, "workflowInvocations", "compilationResult"):
            # In responses, the project may be its number.
            if str(compiled).endswith(compilation_result.split("/", 2)[2]):
                yield parse_invocation_name({"name": name}, api.parent)


def _settings(api: GoogleApi, run: Run, earlier: Prepared | None) -> tuple[Config, tuple[str, ...]]:
    """Return the invocation configuration of a run, and notes about it."""
    if earlier is not None and "compilationResult" in earlier.body:
        config = earlier.body.get("invocationConfig")
        return (dict(config) if isinstance(config, dict) else {}), ()
    path = f"{api.parent}/workflowInvocations/{run.id}"
    invocation = api.get(path, fields.INVOCATION_SETTINGS)
    config = invocation.get("invocationConfig")
    if isinstance(config, dict) and config:
        return _without_output(config), ()
    schedule = text_in(invocation, "workflowConfig")
    if not schedule:
        return {}, ()
    # The API need not copy the settings of a workflow configuration into its runs.
    schedule = api.full_name("workflowConfigs", schedule.rpartition("/")[2])
    config = api.get_config(schedule, fields.WORKFLOW_CONFIG).get("invocationConfig")
    note = f"The run uses the current settings of schedule {schedule.rpartition('/')[2]}"
    return (_without_output(config) if isinstance(config, dict) else {}), (note,)


def _without_output(config: Config) -> Config:
    user = config.get("endUserAuthConfig")
    if not isinstance(user, dict):
        return config
    own = {key: value for key, value in user.items() if key != _OUTPUT_ONLY}
    return {**config, "endUserAuthConfig": own}


def _read_compilation(api: GoogleApi, run: Run, name: str) -> Compilation:
    try:
        response = api.get(run.compilation_result, fields.COMPILATION)
    except Refused as error:
        if error.status != _NOT_FOUND:
            raise
        text = (
            f"cannot run anything again: the compilation of run {run.id} no longer exists. Start a "
            "new run instead"
        )
        raise make_input_error([(name, text)]) from error
    return Compilation(
        name=run.compilation_result,
        commit=parse_commit(response),
        core_version=parse_core_version(response),
    )
