"""The run job: connect settings, service, run, report and the runner.

Only ``process`` and ``post`` use the environment, the output and the exit code of the process.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, TextIO

from dataform_action.action.inputs import raw_value, read_inputs
from dataform_action.action.observers import (
    LogObserver,
    OutputObserver,
    StateObserver,
    notify_all,
    settle,
)
from dataform_action.action.process import CheckedClock, run_and_exit
from dataform_action.action.service_factory import (
    SERVICES,
    ServiceContext,
    Services,
    choose_settings,
    connect,
)
from dataform_action.action.settings import Settings
from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import DataformError
from dataform_action.events import RunOutcome, Subject
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.github.signals import Interrupted, Signals
from dataform_action.report.progress import render_intent, render_settings
from dataform_action.runs.controller import RunController
from dataform_action.runs.history import HistoryReader

if TYPE_CHECKING:
    from dataform_action.costs import Costs


def entry() -> None:
    """Run the action in this process and exit with its exit code."""
    run_and_exit(main)


def main(
    environ: Mapping[str, str],
    stream: TextIO,
    clock: Clock | None = None,
    services: Services = SERVICES,
) -> int:
    """Run the action and return its exit code. It takes over SIGINT and SIGTERM."""
    console = Console(stream)

    def read_settings() -> Settings:
        console.mask(raw_value(environ, "token"))
        return choose_settings(read_inputs(environ), services)

    files = FileCommands(environ, console)
    return run_job(read_settings, environ, console, files, clock=clock, services=services)


def run_job(
    read_settings: Callable[[], Settings],
    environ: Mapping[str, str],
    console: Console,
    files: FileCommands,
    *,
    clock: Clock | None = None,
    services: Services = SERVICES,
) -> int:
    """Do the job in the settings, report it, and return the exit code.

    It takes over SIGINT and SIGTERM. ``environ`` is the environment with the credentials and the
    runner's debug mode.
    """
    signals = Signals()
    job = _Job(console, files, signals, CheckedClock(clock or MonotonicClock(), signals))
    outcome = job.run(read_settings, environ, services)
    # Imported only now, so that the first request does not wait for it.
    from dataform_action.report.outcome import outcome_of, with_costs
    from dataform_action.report.publish import publish

    if isinstance(outcome.error, Exception) and not isinstance(outcome.error, DataformError):
        lines = "".join(traceback.format_exception(outcome.error)).splitlines()
        console.group("Traceback", lines)
    step_outcome = outcome_of(outcome)
    costs = job.costs or job.unread_costs(outcome)
    if costs is not None:
        step_outcome = with_costs(step_outcome, costs)
    if job.state is None:
        settle(files)
    else:
        job.state.settle(outcome)
    publish(step_outcome, job.subject, console, files)
    return int(step_outcome.exit_code)


class _Job:
    """The parts of one job, and the way from settings to an outcome."""

    def __init__(
        self, console: Console, files: FileCommands, signals: Signals, clock: Clock
    ) -> None:
        self._console = console
        self._files = files
        self._signals = signals
        self._clock = clock
        self._controller: RunController | None = None
        self._context: ServiceContext | None = None
        self._settings: Settings | None = None
        self.subject: Subject | None = None
        self.state: StateObserver | None = None
        self.costs: Costs | None = None

    def run(
        self,
        read_settings: Callable[[], Settings],
        environ: Mapping[str, str],
        services: Services,
    ) -> RunOutcome:
        """Do the work and return its outcome. After that, no signal interrupts."""
        error: BaseException | None = None
        try:
            try:
                # Inside the try, because a signal would be a traceback otherwise.
                self._signals.install()
                error = self._try_to_work(read_settings, environ, services)
                with suppress(Exception):
                    # The outcome says that they were not read.
                    self._measure()
            finally:
                self._signals.finish()
        except Interrupted as signal:
            error = signal
        return self._outcome(error)

    def _try_to_work(
        self,
        read_settings: Callable[[], Settings],
        environ: Mapping[str, str],
        services: Services,
    ) -> Exception | None:
        """Do the work, and return the error that ended it early."""
        try:
            self._work(read_settings(), environ, services)
        except DataformError as failure:
            return failure
        except Exception as failure:
            # Other code may have replaced the exception of a signal.
            self._signals.check()
            return failure
        return None

    def _outcome(self, error: BaseException | None = None) -> RunOutcome:
        if self._controller is None:
            return RunOutcome(error=error)
        return self._controller.outcome(error)

    def _measure(self) -> None:
        """Read the costs of a run that has ended, if the inputs request that."""
        if self._settings is None or self._context is None or self._settings.costs is None:
            return
        with self._signals.shielded():
            from dataform_action.action.costs import measure
        self.costs = measure(
            self._outcome(), self._settings, self._context, self._console, self._clock
        )

    def unread_costs(self, outcome: RunOutcome) -> Costs | None:
        """Return that costs were not read, if they were requested of a run that has ended."""
        if outcome.result is None or self._settings is None or self._settings.costs is None:
            return None
        from dataform_action.costs import Costs

        error = DataformError("The step ended before they were read.")
        return Costs(actions=(), has_unread_actions=True, error=error)

    def _work(self, settings: Settings, environ: Mapping[str, str], services: Services) -> None:
        debug = self._console.debug if environ.get("RUNNER_DEBUG") == "1" else None
        context = ServiceContext(environ=environ, on_token=self._console.mask, on_exchange=debug)
        self._settings, self._context = settings, context
        self.subject = _subject_of(settings, environ)
        self.state = StateObserver(self._files, settings)
        # An import may swallow what a signal handler raises, and print a traceback.
        with self._signals.shielded():
            service = connect(settings, context, services)
        for line in render_intent(self.subject):
            self._console.line(line)
        self._console.group("Settings", render_settings(self.subject))
        controller = self._controller = RunController(
            service,
            settings.polling,
            notify_all(self.state, OutputObserver(self._files), LogObserver(self._console)),
            self._clock,
            self._creating,
            HistoryReader(service) if settings.history else None,
        )
        request = settings.request
        if settings.run_id is not None:
            controller.wait(service.describe(settings.run_id))
        elif request.compile_only:
            controller.compile(request)
        elif settings.wait:
            controller.run(request)
        else:
            controller.start(request)

    def _creating(self) -> AbstractContextManager[None]:
        assert self.state is not None  # noqa: S101
        return self.state.creating(self._signals.shielded)


def _subject_of(settings: Settings, environ: Mapping[str, str]) -> Subject:
    repository = environ.get("GITHUB_REPOSITORY")
    server = environ.get("GITHUB_SERVER_URL", "").rstrip("/")
    return Subject(
        service_name=settings.service.name,
        place=settings.place,
        project_id=settings.project_id,
        request=settings.request,
        polling=settings.polling,
        run_id=settings.run_id,
        api_url=settings.api_url,
        has_actions=settings.service.has_actions,
        summary=settings.summary,
        repository_url=f"{server}/{repository}" if server and repository else "",
    )
