"""The post step: cancel the run of a step that was killed.

The main step saves what is needed in ``GITHUB_STATE`` before it creates a run and as soon as the
run exists. It marks the state as settled if the post step has nothing to do. The post step never
fails a job.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from dataform_action.action.inputs import raw_value, read_inputs
from dataform_action.action.service_factory import (
    SERVICES,
    ServiceContext,
    Services,
    choose_settings,
    connect,
)
from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import CancelUnsupported, DataformError, Refused, Unusable
from dataform_action.events import CancelRequested, LeftRunning
from dataform_action.github.commands import Console, open_log
from dataform_action.github.files import FileCommands
from dataform_action.github.markdown import prose
from dataform_action.github.state import (
    STATE_CANCEL,
    STATE_COMPILATION,
    STATE_CREATING,
    STATE_KNOWN_RUNS,
    STATE_NAMES,
    STATE_PROJECT_ID,
    STATE_RUN_ID,
    STATE_RUN_LOG_URL,
    STATE_SERVICE,
    STATE_SETTLED,
)
from dataform_action.runs.recovery import CANCEL_PAUSE, cancel_run, find_run
from dataform_action.services.base import Service
from dataform_action.validation import is_link, is_segment

_TITLE = "Dataform: cleanup"


def entry() -> None:
    """Run the post step in this process and exit with code 0, whatever happens."""
    stream = open_log(sys.stdout)
    try:
        post(os.environ, stream)
    except BaseException as error:
        # Without the message, which may contain secrets.
        Console(stream).warning(
            f"The cleanup failed: {type(error).__name__}. If the step started a run, it may still "
            "be running. Check the project's runs.",
            _TITLE,
        )
    sys.exit(0)


def post(
    environ: Mapping[str, str],
    stream: TextIO,
    clock: Clock | None = None,
    services: Services = SERVICES,
) -> None:
    """Cancel the run that the main step left running, if there is one."""
    console = Console(stream)
    console.mask(raw_value(environ, "token"))
    state = {name: environ.get(f"STATE_{name}", "") for name in STATE_NAMES}
    known = is_segment(state[STATE_RUN_ID])
    if state[STATE_SETTLED] or not (known or state[STATE_CREATING]):
        console.line("Nothing to clean up.")
        return
    if state[STATE_CANCEL] != "true":
        url = state[STATE_RUN_LOG_URL]
        link = url if is_link(url) else "its link is in the step's log"
        which = f"Run {state[STATE_RUN_ID]}" if known else "The run, if there is one,"
        console.line(f"{which} is left running, as the inputs request: {link}")
        return
    settings = choose_settings(read_inputs(environ), services)
    settings = settings._replace(project_id=state[STATE_PROJECT_ID] or settings.project_id)
    context = ServiceContext(environ=environ, on_token=console.mask)
    service = connect(settings, context, services)
    message = _clean_up(service, state, console, clock or MonotonicClock())
    if not message:
        return
    console.warning(message, _TITLE)
    if settings.summary:
        FileCommands(environ, console).summary(
            f"## ⚠️ {_TITLE}\n\n{prose(console.redact(message))}\n"
        )


def _clean_up(service: Service, state: Mapping[str, str], console: Console, clock: Clock) -> str:
    """Cancel the run, and return the text of a warning; empty if there is none."""
    name = state[STATE_SERVICE]

    def pause() -> None:
        clock.sleep(CANCEL_PAUSE)

    if is_segment(state[STATE_RUN_ID]):
        run = service.describe(state[STATE_RUN_ID])
    else:
        console.line("The step ended while it created a run.")
        compiled = state[STATE_COMPILATION]
        known = frozenset(filter(None, state[STATE_KNOWN_RUNS].split(",")))
        found = find_run(service, compiled, pause=pause, known_runs=known) if compiled else None
        if found is None:
            return (
                f"{name}: the step ended while it created a run, so the run may exist. "
                "Check the project's runs before you run this again."
            )
        run = found
    link = state[STATE_RUN_LOG_URL] if is_link(state[STATE_RUN_LOG_URL]) else run.log_url
    console.line(f"Cleaning up run {run.id}: {link}")
    cancellation = cancel_run(service, run, pause=pause, look_first=True)
    if isinstance(cancellation, CancelRequested) and cancellation.run.state.ended:
        console.line(f"Run {run.id} has ended. Nothing to clean up: {link}")
        return ""
    return f"{name}: the step ended before run {run.id}. {_describe(cancellation)} See {link}"


def _describe(cancellation: CancelRequested | LeftRunning) -> str:
    """Return the outcome of the request to cancel a run."""
    if isinstance(cancellation, CancelRequested):
        return "Cancellation was requested."
    match cancellation.error:
        case CancelUnsupported() as error:
            return error.message
        case Refused() as error:
            return f"The service refused to cancel the run: {error.message}"
        case Unusable() as error:
            return f"The run could not be cancelled: {error.message}"
        case DataformError() as error:
            return f"The run could not be cancelled: {error.message} {error.hint}"
        case None:
            return ""
