"""A Dataform run as a Luigi task: complete when its run succeeded.

docs/luigi.md says how to set it up.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import luigi

from dataform_action import (
    ApplicationDefaultCredentials,
    Created,
    DataformError,
    DataformWeb,
    GoogleDataform,
    Polling,
    Refused,
    Result,
    Run,
    RunMayExist,
    RunRequest,
    RunUnsuccessful,
    Service,
    State,
    Update,
    run,
    wait,
)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DataformConfig(luigi.Config):
    """What all tasks share: the section ``[DataformConfig]`` of luigi.cfg. Times are in seconds.

    Without ``token``, the variable ``DATAFORM_TOKEN`` is looked at; without that, Google Cloud
    Dataform takes Application Default Credentials.
    """

    token = luigi.Parameter(
        default="", visibility=luigi.parameter.ParameterVisibility.PRIVATE, significant=False
    )
    api_url = luigi.Parameter(default="")
    folder = luigi.Parameter(default="dataform-runs")
    poll_interval = luigi.FloatParameter(default=10.0)
    run_timeout = luigi.FloatParameter(default=6 * 3600.0)
    outage_timeout = luigi.FloatParameter(default=600.0)


class DataformRun(luigi.Task):
    """Create a run, wait for its end, and record it.

    ``date`` is what makes today's run another task than yesterday's. With ``location`` and
    ``repository`` the service is Google Cloud Dataform, without them Dataform Web.

    The output records the run that succeeded. Beside it lies, from before the creation of a run
    until its end was seen, a file that ends in ``.started.json``, by which a restarted task finds
    its run; and after a failed run one that ends in ``.failed.json``, with the reasons.
    """

    date = luigi.DateParameter()
    project_id = luigi.Parameter()
    location = luigi.Parameter(default="")
    repository = luigi.Parameter(default="")
    schedule = luigi.Parameter(default="")
    environment = luigi.Parameter(default="")
    git_ref = luigi.Parameter(default="")
    tags = luigi.ListParameter(default=())

    def output(self) -> luigi.LocalTarget:
        """Return the record of the run, which exists once the run has succeeded."""
        return luigi.LocalTarget(str(self._path(".json")))

    def run(self) -> None:
        """See the run of this task to its end: the one that it has, or a new one.

        Raises:
            RunUnsuccessful: the run failed; the next attempt creates another one.
            RunMayExist: the answer to the creation was lost, now or in an earlier attempt.
            DataformError: the wait failed; the next attempt finds the run again.
        """
        with _killable():
            result = self._result()
        try:
            result.raise_for_state()
        except RunUnsuccessful as error:
            _write(self._path(".failed.json"), _record_of(result, reasons=error.message))
            self._started.unlink()
            raise
        # In this order: a crash in between repeats the look at the run, not the run.
        _write(self._path(".json"), _record_of(result))
        self._started.unlink()

    def _result(self) -> Result:
        """Return how the task's run ended."""
        service, polling = self._service(), self._polling()
        left = self._left_behind(service)
        if left is not None:
            try:
                result = wait(service, left, polling, on_update=self._note)
            except Refused as error:
                if error.status == 404:
                    # No attempt can wait for a run that the API does not know.
                    self._started.unlink()
                raise
            if result.run.state is State.SUCCESS:
                return result
            # It failed while nobody looked. That was the earlier attempt's run.
            _write(self._path(".failed.json"), _record_of(result))
            self._started.unlink()
        request = self._request()
        return run(service, request, polling, on_update=self._note, shielded=self._creating)

    @contextmanager
    def _creating(self) -> Iterator[None]:
        """Leave word that a run may exist for as long as that is not known."""
        with _held_back():
            _write(self._started, {"run_may_exist": "An attempt ended while it created the run."})
            try:
                yield
            except RunMayExist as error:
                _write(self._started, {"run_may_exist": error.message})
                raise
            except DataformError:
                self._started.unlink()
                raise
            if "run_id" not in json.loads(self._started.read_text("utf-8")):
                # It was surely not created, and is asked for again.
                self._started.unlink()

    def _note(self, update: Update) -> None:
        """Show what happens in Luigi's own pages, and store the run the moment it exists."""
        self.set_status_message(str(update))
        if isinstance(update, Created):
            self.set_tracking_url(update.run.log_url)
            _write(self._started, {"run_id": update.run.id, "run_log_url": update.run.log_url})

    def _left_behind(self, service: Service) -> Run | None:
        """Return the run that an earlier attempt created and did not see to its end."""
        try:
            known = json.loads(self._started.read_text("utf-8"))
        except FileNotFoundError:
            return None
        if "run_id" not in known:
            hint = f"Look for the run. Then delete {self._started}, or put its run_id there."
            raise RunMayExist(f"{known['run_may_exist']} {hint}")
        return service.describe(known["run_id"])

    def _request(self) -> RunRequest:
        return RunRequest(
            schedule=self.schedule or None,
            environment=self.environment or None,
            git_ref=self.git_ref or None,
            tags=tuple(self.tags),
        )

    def _service(self) -> Service:
        config = DataformConfig()
        token = config.token or os.environ.get("DATAFORM_TOKEN", "")
        address = {"api_url": config.api_url} if config.api_url else {}
        if not self.repository:
            return DataformWeb(project_id=self.project_id, token=token, **address)
        return GoogleDataform(
            project_id=self.project_id,
            location=self.location,
            repository=self.repository,
            token=token or ApplicationDefaultCredentials(os.environ),
            **address,
        )

    def _polling(self) -> Polling:
        config = DataformConfig()
        return Polling(
            interval=config.poll_interval,
            timeout=config.run_timeout,
            outage_timeout=config.outage_timeout,
        )

    @property
    def _started(self) -> Path:
        return self._path(".started.json")

    def _path(self, ending: str) -> Path:
        return Path(DataformConfig().folder, f"{self.task_id}{ending}")


@contextmanager
def _killable() -> Iterator[None]:
    """Make SIGTERM an exception, so that the library cancels the run before the process ends.

    It is that of Ctrl-C, which Luigi does not take for the failure of one task.
    """

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(f"signal {number}")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold signals back while the run is created, so that its id is not lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {
        name: signal.signal(name, lambda number, _frame: arrived.append(number))
        for name in _SIGNALS
    }
    try:
        yield
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
        for number in arrived:
            signal.raise_signal(number)


def _record_of(result: Result, **more: str) -> dict[str, Any]:
    return {
        "run_id": result.run.id,
        "run_log_url": result.run.log_url,
        "status": result.run.status,
        "duration": round(result.duration, 1),
        **more,
    }


def _write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a file that is never seen half: under another name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    draft.replace(path)


if __name__ == "__main__":
    luigi.run()
