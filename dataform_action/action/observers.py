"""The observers of a run, one per destination: log, outputs, state."""

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
    RerunPrepared,
    RunOutcome,
    Update,
)
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.github.state import (
    STATE_CANCEL,
    STATE_COMPILATION,
    STATE_CREATING,
    STATE_KNOWN_RUNS,
    STATE_PROJECT_ID,
    STATE_RUN_ID,
    STATE_RUN_LOG_URL,
    STATE_SERVICE,
    STATE_SETTLED,
)
from dataform_action.model import Run
from dataform_action.report.progress import Narrator

#: The post step gets the ids in one environment variable, whose size is limited.
_MOST_KNOWN_RUNS = 500


def notify_all(*observers: Observer) -> Observer:
    """Return an observer that passes each update to all observers, in order."""

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
            same = known is not None and known.id == update.run.id
            if known is not None and same and known.log_url != update.run.log_url:
                self._console.line(f"The run's page is now {update.run.log_url}")
        for line in self._narrator.render(update):
            if isinstance(update, OutageStarted):
                self._console.warning(line, "Dataform: waiting for the API")
            else:
                self._console.line(line)


class OutputObserver:
    """Set the outputs that are known before the end of the run, as soon as possible."""

    def __init__(self, files: FileCommands) -> None:
        self._files = files

    def __call__(self, update: Update) -> None:
        """Set the outputs that an update contains."""
        match update:
            case Compiled(compilation) | RerunPrepared(compilation=compilation):
                self._files.output({"compilation-result": compilation.name})
            case Created(run) | Changed(run):
                self._files.output({"run-id": run.id, "run-log-url": run.log_url})
                if run.compilation_result:
                    self._files.output({"compilation-result": run.compilation_result})
            case _:
                pass


class StateObserver:
    """Save what the post step needs to clean up after a kill."""

    def __init__(self, files: FileCommands, settings: Settings) -> None:
        self._files = files
        self._cancels = settings.polling.cancel and settings.wait
        self._compilation = self._known_runs = ""
        self._state = {
            STATE_SERVICE: settings.service.name,
            STATE_PROJECT_ID: settings.project_id,
            STATE_CANCEL: str(self._cancels).lower(),
        }

    def __call__(self, update: Update) -> None:
        """Save the run's id and link as soon as they are known."""
        match update:
            case Compiled(compilation):
                self._compilation = compilation.name
            case RerunPrepared(rerun, compilation):
                self._compilation = compilation.name
                # The ids start with a time, so these are the newest.
                self._known_runs = ",".join(sorted(rerun.known_runs)[-_MOST_KNOWN_RUNS:])
            case Created(run):
                known = {STATE_RUN_ID: run.id, STATE_RUN_LOG_URL: run.log_url}
                self._files.state(self._state | known)
            case _:
                pass

    @contextmanager
    def creating(self, shielded: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
        """Save that a create request will be sent, and shield it from signals."""
        creating = {
            STATE_CREATING: "true",
            STATE_COMPILATION: self._compilation,
            STATE_KNOWN_RUNS: self._known_runs,
            # An earlier attempt may have had a run.
            STATE_RUN_ID: "",
            STATE_RUN_LOG_URL: "",
        }
        self._files.state(self._state | creating)
        with shielded():
            yield

    def settle(self, outcome: RunOutcome) -> None:
        """Tell the post step that it has nothing to do, if that is so."""
        # The post step prints the link of a known run even if it must not cancel it.
        if not (outcome.may_need_cancel and (outcome.run is not None or self._cancels)):
            settle(self._files)


def settle(files: FileCommands) -> None:
    """Tell the post step that it has nothing to do."""
    files.final_state({STATE_SETTLED: "true"})
