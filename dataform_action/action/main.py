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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from dataform_action.action.inputs import Inputs, parse, raw_value
from dataform_action.action.service_factory import connect
from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import CancelUnsupported, DataformError, RunMayExist
from dataform_action.events import (
    CancelRequested,
    Changed,
    Compiled,
    Created,
    LeftRunning,
    OutageStarted,
    Update,
)
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.github.signals import Interrupted, Interrupts
from dataform_action.github.state import (
    STATE_CANCEL,
    STATE_COMPILATION,
    STATE_CREATING,
    STATE_PROJECT_ID,
    STATE_RUN_ID,
    STATE_RUN_LOG_URL,
    STATE_SERVICE,
    STATE_SETTLED,
)
from dataform_action.model import Prepared, Result, Run
from dataform_action.report.progress import Narrator, render_intent, render_settings

if TYPE_CHECKING:
    from dataform_action.report.outcome import Ending


def entry() -> None:
    """Run the action in this process and leave with its exit code."""
    # The imports up to the first request make some 20,000 objects and hardly any garbage, for
    # which the collector would search dozens of times, a twentieth of the start.
    gc.set_threshold(30_000)
    stream = as_log(sys.stdout)
    exit_code = main(os.environ, stream)
    # Not by way of the interpreter's own end, in which a late signal would decide the code.
    with suppress(OSError, ValueError):
        stream.flush()
    os._exit(exit_code)


def as_log(stream: TextIO | None) -> TextIO:
    """Return a stream for the log, made to write UTF-8 whatever the container's locale is.

    There is no stream when the process was started with its output closed.
    """
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="replace")
    return stream


def main(
    environ: Mapping[str, str],
    stream: TextIO,
    clock: Clock | None = None,
    make_console: Callable[[TextIO], Console] = Console,
) -> int:
    """Run the action and return its exit code. It takes over SIGINT and SIGTERM."""
    interrupts = Interrupts()
    interrupts.install()
    console = make_console(stream)
    files = FileCommands(environ, console)
    waiting = _CheckedClock(clock or MonotonicClock(), interrupts)
    step = _Step(environ, console, files, interrupts, waiting)
    step.conclude(_ending(step, interrupts))
    return step.exit_code


class _CheckedClock:
    """Time in which no signal is lost: a sleep ends before and after in a look for one."""

    def __init__(self, clock: Clock, interrupts: Interrupts) -> None:
        self._clock = clock
        self._interrupts = interrupts

    def now(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._interrupts.check()
        self._clock.sleep(seconds)
        self._interrupts.check()


def _ending(step: _Step, interrupts: Interrupts) -> Ending:
    """Run the step and say how it ended, whatever that was."""
    outcome = _outcome(step, interrupts)
    # Only now, so that the first request does not wait for what the last line needs.
    from dataform_action.report import outcome as endings

    match outcome:
        case Interrupted():
            return endings.ending_of_signal(outcome, step.known_run, step.elapsed, step.fate)
        case DataformError():
            return endings.ending_of_error(outcome, step.known_run, step.elapsed)
        case Exception():
            lines = "".join(traceback.format_exception(outcome)).splitlines()
            step.console.group("Traceback", lines)
            return endings.ending_of_defect(outcome, step.known_run, step.elapsed)
        case Prepared():
            return endings.ending_of_compilation(outcome)
        case Run():
            return endings.ending_of_start(outcome)
        case Result():
            return endings.ending_of_result(outcome)


def _outcome(
    step: _Step, interrupts: Interrupts
) -> Result | Run | Prepared | Exception | Interrupted:
    """Run the step and return what came of it; from then on no signal interrupts."""
    try:
        try:
            return step.run()
        except DataformError as error:
            return error
        except Exception as error:
            # What a signal's exception was made of by code that it came through.
            interrupts.check()
            return error
        finally:
            interrupts.finish()
    except Interrupted as signal:
        return signal


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
        self._narrator = Narrator()
        self._compilation_result = ""
        self._cancel_settled = False
        #: Whether a creation was begun of which nobody knows whether it made a run.
        self._in_doubt = False
        #: What came of cancelling the run, in words.
        self.fate = ""
        self.known_run: Run | None = None
        self.exit_code = 0

    @property
    def elapsed(self) -> float | None:
        """Return the seconds since the run is known, if it is."""
        return None if self.known_run is None else self._clock.now() - self._since

    def run(self) -> Result | Run | Prepared:
        self.console.mask(raw_value(self._environ, "token"))
        inputs = self._inputs = parse(self._environ)
        debug = self.console.debug if self._environ.get("RUNNER_DEBUG") == "1" else None
        service, api_url = connect(inputs, self._environ, self.console.mask, debug)
        self._service_name = service.name
        self.console.line(render_intent(inputs, service.name))
        self.console.group("Settings", render_settings(inputs, api_url))
        from dataform_action.runs import api as watch

        if inputs.run_id is not None:
            run = service.describe(inputs.run_id)
            return watch.wait(service, run, inputs.polling, on_update=self._tell, clock=self._clock)
        if inputs.request.compile_only:
            return watch.prepare(
                service, inputs.request, inputs.polling, on_update=self._tell, clock=self._clock
            )
        begin = watch.run if inputs.wait else watch.start
        return begin(
            service,
            inputs.request,
            inputs.polling,
            on_update=self._tell,
            clock=self._clock,
            shielded=self._creating,
        )

    def conclude(self, ending: Ending) -> None:
        """Tell the post step whether anything is left to do, and report the ending."""
        from dataform_action.report.publish import report

        self.exit_code = int(ending.exit_code)
        if not (ending.is_of_a_cancel and self._may_be_left_going()):
            self._files.state({STATE_SETTLED: "true"})
        report(ending, self._inputs, self._service_name, self.console, self._files)

    def _may_be_left_going(self) -> bool:
        """Tell whether there may be a run that the post step could still cancel."""
        if self.known_run is not None:
            return not (self._cancel_settled or self.known_run.state.ended)
        # Without a compilation it cannot be found, and the ending says that it may exist.
        findable = self._in_doubt and bool(self._compilation_result)
        return findable and self._state()[STATE_CANCEL] == "true"

    def _tell(self, update: Update) -> None:
        if isinstance(update, Created | Changed):
            self._know(update.run)
        if isinstance(update, Compiled):
            self._compilation_result = update.compilation.name
            self._files.output({"compilation-result": update.compilation.name})
        if isinstance(update, CancelRequested) or (
            isinstance(update, LeftRunning) and isinstance(update.error, CancelUnsupported | None)
        ):
            self._cancel_settled = True
        lines = self._narrator.render(update)
        if isinstance(update, CancelRequested | LeftRunning):
            self.fate = lines[0]
        for line in lines:
            if isinstance(update, OutageStarted):
                self.console.warning(line, "Dataform: waiting for the API")
            else:
                self.console.line(line)

    def _know(self, run: Run) -> None:
        known, self.known_run = self.known_run, run
        if known is None:
            self._since = self._clock.now()
            # First what a kill would make impossible: the post step's knowledge of the run.
            known_by = {STATE_RUN_ID: run.id, STATE_RUN_LOG_URL: run.log_url}
            self._files.state(self._state() | known_by)
            self._files.output({"run-id": run.id, "run-log-url": run.log_url})
            if self._inputs is not None and not self._inputs.wait:
                self.fate = f"Run {run.id} goes on, since wait is false: {run.log_url}"
        if run.compilation_result:
            self._files.output({"compilation-result": run.compilation_result})
        if known is not None and known.log_url != run.log_url:
            self._files.output({"run-log-url": run.log_url})
            self.console.line(f"The service names the run's page: {run.log_url}")

    @contextmanager
    def _creating(self) -> Iterator[None]:
        """Shield a creation from signals, and leave word of it in case of a kill."""
        begun = {STATE_CREATING: "true", STATE_COMPILATION: self._compilation_result}
        self._files.state(self._state() | begun)
        with self._interrupts.shielded():
            self._in_doubt = True
            try:
                yield
            except DataformError as error:
                self._in_doubt = isinstance(error, RunMayExist)
                raise
            self._in_doubt = False

    def _state(self) -> dict[str, str]:
        """Return what the post step needs, whatever else it needs."""
        inputs = self._inputs
        assert inputs is not None  # noqa: S101
        return {
            STATE_SERVICE: self._service_name,
            STATE_PROJECT_ID: inputs.project_id,
            STATE_CANCEL: str(inputs.polling.cancel and inputs.wait).lower(),
        }
