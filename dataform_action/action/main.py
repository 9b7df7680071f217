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
from dataclasses import replace
from typing import TextIO

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
    RunOutcome,
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
from dataform_action.model import Fact, Prepared, Result, Run
from dataform_action.report.outcome import StepOutcome, Subject, outcome_of
from dataform_action.report.progress import Narrator, render_intent, render_settings


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
    step.conclude(_outcome(step, interrupts))
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


def _outcome(step: _Step, interrupts: Interrupts) -> StepOutcome:
    """Run the step and return its outcome, whatever that is."""
    outcome = _run(step, interrupts)
    error = outcome.error
    if isinstance(error, Exception) and not isinstance(error, DataformError):
        lines = "".join(traceback.format_exception(error)).splitlines()
        step.console.group("Traceback", lines)
    return outcome_of(outcome)


def _run(step: _Step, interrupts: Interrupts) -> RunOutcome:
    """Run the step and return how its run stands; from then on no signal interrupts."""
    try:
        try:
            done = step.run()
        except DataformError as error:
            return replace(step.known(), error=error)
        except Exception as error:
            # What a signal's exception was made of by code that it came through.
            interrupts.check()
            return replace(step.known(), error=error)
        finally:
            interrupts.finish()
    except Interrupted as signal:
        return replace(step.known(), error=signal)
    match done:
        case Prepared():
            return replace(step.known(), prepared=done)
        case Run():
            return replace(step.known(), run=done)
        case Result():
            return replace(step.known(), run=done.run, result=done)


def _subject(inputs: Inputs, service_name: str = "", api_url: str = "") -> Subject:
    """Return what the step is asked to do, with the service that does it once that is known."""
    place = [Fact("Project", inputs.project_id)]
    if inputs.repository:
        place.append(Fact("Repository", inputs.repository, within=inputs.location))
    return Subject(
        service_name=service_name,
        place=tuple(place),
        project_id=inputs.project_id,
        request=inputs.request,
        polling=inputs.polling,
        run_id=inputs.run_id,
        api_url=api_url,
        has_actions=bool(inputs.repository),
        summary=inputs.summary,
    )


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
        self._subject: Subject | None = None
        self._since = 0.0
        self._service_name = ""
        self._narrator = Narrator()
        self._compilation_result = ""
        self._cancel_settled = False
        #: Whether a creation was begun of which nobody knows whether it made a run.
        self._in_doubt = False
        self._cancellation: CancelRequested | LeftRunning | None = None
        self.known_run: Run | None = None
        self.exit_code = 0

    def known(self) -> RunOutcome:
        """Return what is known of the run."""
        return RunOutcome(
            run=self.known_run,
            elapsed=None if self.known_run is None else self._clock.now() - self._since,
            waits=self._inputs is None or self._inputs.wait,
            may_exist=self._in_doubt,
            cancellation=self._cancellation,
        )

    def run(self) -> Result | Run | Prepared:
        self.console.mask(raw_value(self._environ, "token"))
        inputs = self._inputs = parse(self._environ)
        self._subject = _subject(inputs)
        debug = self.console.debug if self._environ.get("RUNNER_DEBUG") == "1" else None
        service, api_url = connect(inputs, self._environ, self.console.mask, debug)
        self._service_name = service.name
        self._subject = _subject(inputs, service.name, api_url)
        self.console.line(render_intent(self._subject))
        self.console.group("Settings", render_settings(self._subject))
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

    def conclude(self, outcome: StepOutcome) -> None:
        """Tell the post step whether anything is left to do, and report the outcome."""
        from dataform_action.report.publish import publish

        self.exit_code = int(outcome.exit_code)
        if not (outcome.cancels_run and self._may_be_left_going()):
            self._files.state({STATE_SETTLED: "true"})
        publish(outcome, self._subject, self.console, self._files)

    def _may_be_left_going(self) -> bool:
        """Tell whether there may be a run that the post step could still cancel."""
        if self.known_run is not None:
            return not (self._cancel_settled or self.known_run.state.ended)
        # Without a compilation it cannot be found, and the outcome says that it may exist.
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
            self._cancellation = update
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
