"""The action: where inputs, service, watch, report and the runner meet.

Only this module reads the process's environment, writes to its output and decides
its exit code. Imports that a run may not need are made where they are needed.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.endings import (
    Ending,
    ExitCode,
    ending_of_defect,
    ending_of_error,
    ending_of_result,
    ending_of_signal,
    ending_of_start,
)
from dataform_action.errors import CancelUnsupported, DataformError
from dataform_action.github import Console, FileCommands
from dataform_action.inputs import Inputs, parse, raw_value
from dataform_action.interrupts import Interrupted, Interrupts
from dataform_action.model import Run
from dataform_action.post_state import (
    STATE_CANCEL,
    STATE_PROJECT_ID,
    STATE_RUN_ID,
    STATE_RUN_LOG_URL,
    STATE_SERVICE,
    STATE_SETTLED,
)
from dataform_action.progress import render_intent, render_settings, render_update
from dataform_action.updates import (
    CancelRequested,
    Changed,
    Created,
    LeftRunning,
    OutageStarted,
    Update,
)

if TYPE_CHECKING:
    from dataform_action.service import Service

#: The endings after which the run should have been asked to cancel.
_CANCELLING = (ExitCode.TIMEOUT, ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.DEFECT)


def entry() -> None:
    """Run the action in this process and leave with its exit code."""
    # The imports up to the first request make some 20,000 objects and hardly any garbage, for
    # which the collector would search dozens of times, a twentieth of the start.
    gc.set_threshold(30_000)
    sys.exit(main(os.environ, as_log(sys.stdout)))


def as_log(stream: TextIO | None) -> TextIO:
    """Return a stream for the log, made to write UTF-8 whatever the container's locale is.

    There is no stream when the process was started with its output closed.
    """
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="replace")
    return stream


def main(environ: Mapping[str, str], stream: TextIO, clock: Clock | None = None) -> int:
    """Run the action and return its exit code. It takes over SIGINT and SIGTERM."""
    interrupts = Interrupts()
    interrupts.install()
    console = Console(stream)
    console.mask(raw_value(environ, "token"))
    files = FileCommands(environ, console)
    step = _Step(environ, console, files, interrupts, clock or MonotonicClock())
    step.conclude(_ending(step, interrupts))
    return step.exit_code


def _ending(step: _Step, interrupts: Interrupts) -> Ending:
    """Run the step and say how it ended, whatever that was."""
    try:
        try:
            return step.run()
        except DataformError as error:
            return ending_of_error(error, step.known_run, step.elapsed)
        except Exception as error:
            step.console.group("Traceback", traceback.format_exc().splitlines())
            return ending_of_defect(error, step.known_run, step.elapsed)
        finally:
            interrupts.finish()
    except Interrupted as signal:
        return ending_of_signal(signal, step.known_run, step.elapsed, step.fate)


class _Step:
    """One execution of the step: what it knows so far, and how it tells of it."""

    def __init__(
        self,
        environ: Mapping[str, str],
        console: Console,
        files: FileCommands,
        interrupts: Interrupts,
        clock: Clock,
    ) -> None:
        self._environ = environ
        self.console = console
        self._files = files
        self._interrupts = interrupts
        self._clock = clock
        self._inputs: Inputs | None = None
        self._since = 0.0
        self._service_name = ""
        self._cancel_settled = False
        #: What came of cancelling the run, in words.
        self.fate = ""
        self.known_run: Run | None = None
        self.exit_code = 0

    @property
    def elapsed(self) -> float | None:
        """Return the seconds since the run is known, if it is."""
        return None if self.known_run is None else self._clock.now() - self._since

    def run(self) -> Ending:
        inputs = self._inputs = parse(self._environ)
        service, api_url = connect(inputs)
        self._service_name = service.name
        self.console.line(render_intent(inputs, service.name))
        self.console.group("Settings", render_settings(inputs, api_url))
        from dataform_action import watch

        if inputs.run_id is not None:
            run = service.describe(inputs.run_id)
            return ending_of_result(
                watch.wait(service, run, inputs.polling, on_update=self._tell, clock=self._clock)
            )
        begin = watch.run if inputs.wait else watch.start
        outcome = begin(
            service,
            inputs.request,
            inputs.polling,
            on_update=self._tell,
            clock=self._clock,
            shielded=self._interrupts.shielded,
        )
        return ending_of_start(outcome) if isinstance(outcome, Run) else ending_of_result(outcome)

    def conclude(self, ending: Ending) -> None:
        """Leave the ending in the log, the outputs and the job summary."""
        from dataform_action.report import render_outputs, render_summary

        self.exit_code = int(ending.exit_code)
        self._files.output(render_outputs(ending))
        if self._cancel_settled or ending.exit_code not in _CANCELLING:
            self._files.state({STATE_SETTLED: "true"})
        if self._inputs is None or self._inputs.summary:
            redact = self.console.redact
            self._files.summary(render_summary(ending, self._inputs, self._service_name, redact))
        words = ending.message + (f"\n{ending.hint}" if ending.hint else "")
        if self.exit_code == 0:
            self.console.line(words)
        else:
            self.console.error(words, ending.title)

    def _tell(self, update: Update) -> None:
        if isinstance(update, Created | Changed):
            self._know(update.run)
        if isinstance(update, CancelRequested) or (
            isinstance(update, LeftRunning) and isinstance(update.error, CancelUnsupported | None)
        ):
            self._cancel_settled = True
        words = render_update(update)
        if isinstance(update, CancelRequested | LeftRunning):
            self.fate = words
        if isinstance(update, OutageStarted):
            self.console.warning(words, "Dataform: waiting for the API")
        else:
            self.console.line(words)

    def _know(self, run: Run) -> None:
        known, self.known_run = self.known_run, run
        if known is None:
            self._since = self._clock.now()
            # First what a kill would make impossible: the post step's knowledge of the run.
            self._files.state(self._state_of(run))
            self._files.output({"run-id": run.id, "run-log-url": run.log_url})
        elif known.log_url != run.log_url:
            self._files.output({"run-log-url": run.log_url})
            self.console.line(f"The service names the run's page: {run.log_url}")

    def _state_of(self, run: Run) -> dict[str, str]:
        """Return what the post step needs if this process is killed from here on."""
        inputs = self._inputs
        assert inputs is not None  # noqa: S101
        return {
            STATE_SERVICE: self._service_name,
            STATE_PROJECT_ID: inputs.project_id,
            STATE_RUN_ID: run.id,
            STATE_RUN_LOG_URL: run.log_url,
            STATE_CANCEL: str(inputs.polling.cancel and inputs.wait).lower(),
        }


def connect(inputs: Inputs) -> tuple[Service, str]:
    """Return the service that the inputs choose, and the address of its API."""
    from dataform_action.dataform_web import API_URL, DataformWeb

    api_url = inputs.api_url or API_URL
    service = DataformWeb(project_id=inputs.project_id, token=inputs.token, api_url=api_url)
    return service, api_url
