"""The post step: cancel the run of a step that was killed before it could do so.

The main step keeps what is needed in ``GITHUB_STATE`` the moment the run exists, and
marks it settled when nothing is left to do. This step never fails a job.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TextIO

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.connect import connect
from dataform_action.errors import CancelUnsupported, DataformError, Refused, Unusable
from dataform_action.github import Console, FileCommands
from dataform_action.inputs import parse, raw_value
from dataform_action.main import as_log
from dataform_action.model import Run, is_link, is_segment
from dataform_action.post_state import (
    STATE_CANCEL,
    STATE_PROJECT_ID,
    STATE_RUN_ID,
    STATE_RUN_LOG_URL,
    STATE_SERVICE,
    STATE_SETTLED,
)
from dataform_action.service import Service

_ATTEMPTS = 3
_PAUSE_SECONDS = 2.0
_TITLE = "Dataform: clean-up"


def entry() -> None:
    """Run the post step in this process and leave with exit code 0, whatever happens."""
    stream = as_log(sys.stdout)
    try:
        post(os.environ, stream)
    except BaseException as error:
        # Without the message, which nothing has cleaned.
        Console(stream).line(f"The clean-up did not finish: {type(error).__name__}")
    sys.exit(0)


def post(environ: Mapping[str, str], stream: TextIO, clock: Clock | None = None) -> None:
    """Cancel the run that the main step left going, if it left one."""
    console = Console(stream)
    console.mask(raw_value(environ, "token"))
    run_id = environ.get(f"STATE_{STATE_RUN_ID}", "")
    if not is_segment(run_id) or environ.get(f"STATE_{STATE_SETTLED}"):
        console.line("Nothing to clean up.")
        return
    url = environ.get(f"STATE_{STATE_RUN_LOG_URL}", "")
    link = url if is_link(url) else "its link is in the step's log"
    if environ.get(f"STATE_{STATE_CANCEL}") != "true":
        console.line(f"Run {run_id} is left alone, as the inputs ask: {link}")
        return
    console.line(f"The step ended before run {run_id} was known to: {link}")
    inputs = parse(environ)
    project_id = environ.get(f"STATE_{STATE_PROJECT_ID}", "")
    inputs = replace(inputs, project_id=project_id or inputs.project_id)
    service, _ = connect(inputs, environ, console.mask)
    words = _cancel(service, service.describe(run_id), clock or MonotonicClock())
    if words is None:
        console.line(f"Run {run_id} is over; nothing to clean up: {link}")
        return
    name = environ.get(f"STATE_{STATE_SERVICE}", "")
    message = f"{name}: the step ended before run {run_id} did. {words} See {link}"
    console.warning(message, _TITLE)
    if inputs.summary:
        from dataform_action.markdown import prose

        FileCommands(environ, console).summary(
            f"## ⚠️ {_TITLE}\n\n{prose(console.redact(message))}\n"
        )


def _cancel(service: Service, run: Run, clock: Clock) -> str | None:
    """Cancel a run and say what came of it; ``None`` if it was over already."""
    words = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            clock.sleep(_PAUSE_SECONDS)
        try:
            if service.get(run).state.ended:
                return None
        except DataformError:
            # Whether it is over cannot be told, and cancelling what is over does no harm.
            pass
        try:
            if service.cancel(run).state.ended:
                return None
        except CancelUnsupported as error:
            return error.message
        except Refused as error:
            return f"The service refused to cancel it: {error.message}"
        except Unusable as error:
            words = f"It could not be cancelled: {error.message}"
        except DataformError as error:
            return f"It could not be cancelled: {error.message} {error.hint}"
        else:
            return "The service was asked to cancel it."
    return words
