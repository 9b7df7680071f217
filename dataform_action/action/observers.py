"""One observer for each place that hears of a run while it goes on: log, outputs, state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from dataform_action.action.settings import Settings
from dataform_action.events import (
    Changed,
    Compiled,
    Created,
    Observer,
    OutageStarted,
    RunOutcome,
    Update,
)
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
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
from dataform_action.model import Run
from dataform_action.report.progress import Narrator


def notify_all(*observers: Observer) -> Observer:
    """Return an observer that passes each update on to all of these, in their order."""

    def observe(update: Update) -> None:
        for observer in observers:
            observer(update)

    return observe


class LogObserver:
    """Write each update to the log as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._narrator = Narrator()
        self._run: Run | None = None

    def __call__(self, update: Update) -> None:
        """Write the lines of an update."""
        if isinstance(update, Created | Changed):
            known, self._run = self._run, update.run
            if known is not None and known.log_url != update.run.log_url:
                self._console.line(f"The service names the run's page: {update.run.log_url}")
        for line in self._narrator.render(update):
            if isinstance(update, OutageStarted):
                self._console.warning(line, "Dataform: waiting for the API")
            else:
                self._console.line(line)


class OutputObserver:
    """Set the outputs that are known before the end, as soon as they are known."""

    def __init__(self, files: FileCommands) -> None:
        self._files = files

    def __call__(self, update: Update) -> None:
        """Set the outputs that an update makes known."""
        match update:
            case Compiled(compilation):
                self._files.output({"compilation-result": compilation.name})
            case Created(run) | Changed(run):
                self._files.output({"run-id": run.id, "run-log-url": run.log_url})
                if run.compilation_result:
                    self._files.output({"compilation-result": run.compilation_result})
            case _:
                pass


class StateObserver:
    """Keep for the post step what it needs to clean up after a kill."""

    def __init__(self, files: FileCommands, settings: Settings) -> None:
        self._files = files
        self._cancels = settings.polling.cancel and settings.wait
        self._compilation = ""
        self._state = {
            STATE_SERVICE: settings.service.name,
            STATE_PROJECT_ID: settings.project_id,
            STATE_CANCEL: str(self._cancels).lower(),
        }

    def __call__(self, update: Update) -> None:
        """Keep the run's id and link the moment they are known."""
        match update:
            case Compiled(compilation):
                self._compilation = compilation.name
            case Created(run):
                known = {STATE_RUN_ID: run.id, STATE_RUN_LOG_URL: run.log_url}
                self._files.state(self._state | known)
            case _:
                pass

    @contextmanager
    def creating(self, shielded: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
        """Keep word of a create request before it is made, and shield it from signals."""
        begun = {STATE_CREATING: "true", STATE_COMPILATION: self._compilation}
        self._files.state(self._state | begun)
        with shielded():
            yield

    def settle(self, outcome: RunOutcome) -> None:
        """Tell the post step that nothing is left to do, unless there is."""
        # Of a known run that is not to be cancelled, the post step still gives the link.
        if not (outcome.may_need_cancel and (outcome.run is not None or self._cancels)):
            settle(self._files)


def settle(files: FileCommands) -> None:
    """Tell the post step that nothing is left to do."""
    files.state({STATE_SETTLED: "true"})
