"""A Dataform run as a Luigi task, which is complete when its run has succeeded.

It needs the extra ``luigi``. docs/luigi.md describes the set-up.
"""

from __future__ import annotations

import json
import os
import signal
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
from dataform_action.integrations.records import make_record
from dataform_action.integrations.signals import delayed, handled_by

__all__ = ["DataformConfig", "DataformRun"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DataformConfig(luigi.Config):
    """The settings of all tasks, in the section ``[DataformConfig]`` of luigi.cfg.

    Times are in seconds. Without ``token``, the task uses the variable ``DATAFORM_TOKEN``; without
    that variable, Google Cloud Dataform uses Application Default Credentials.
    """

    token = luigi.Parameter(
        default="", visibility=luigi.parameter.ParameterVisibility.PRIVATE, significant=False
    )
    api_url = luigi.Parameter(default="")
    folder = luigi.Parameter(default="dataform-runs")
    poll_interval = luigi.FloatParameter(default=10.0)
    run_timeout = luigi.FloatParameter(default=6 * 3600.0)
    outage_timeout = luigi.FloatParameter(default=600.0)
    parallel_runs = luigi.IntParameter(default=1)


class DataformRun(luigi.Task):
    """Create a run, wait for its end, and record it.

    The ``date`` makes each day's run a separate task. With ``location`` and ``repository``, the
    service is Google Cloud Dataform; without them, Dataform Web.

    The output records the run that succeeded. Until the outcome of a run is known, there is a file
    ``….started.json``, by which a restarted task finds its run. After a failed run, there is a file
    ``….failed.json`` with the reasons.
    """

    date = luigi.DateParameter()
    project_id = luigi.Parameter()
    location = luigi.Parameter(default="")
    repository = luigi.Parameter(default="")
    schedule = luigi.Parameter(default="")
    environment = luigi.Parameter(default="")
    git_ref = luigi.Parameter(default="")
    tags = luigi.ListParameter(default=())
    resume = luigi.Parameter(default="")
    retry_failed = luigi.IntParameter(default=0)

    def output(self) -> luigi.LocalTarget:
        """Return the record of the run, which exists after the run has succeeded."""
        return luigi.LocalTarget(str(self._path(".json")))

    def run(self) -> None:
        """Wait for the unfinished run of this task, or create a new one and wait for it.

        Raises:
            RunUnsuccessful: the run failed; the next attempt creates another one.
            RunMayExist: the response to a create request was lost, perhaps in an earlier attempt.
            DataformError: the wait failed; the next attempt finds the run again.
        """
        with handled_by(_interrupt, signal.SIGTERM):
            result = self._result()
        try:
            result.raise_for_state()
        except RunUnsuccessful as error:
            _write(self._path(".failed.json"), make_record(result) | {"reasons": error.message})
            # A retry that was refused has deleted it.
            self._started.unlink(missing_ok=True)
            raise
        # This order matters: after a crash in between, the next attempt reads the run again.
        _write(self._path(".json"), make_record(result))
        self._started.unlink()

    def _result(self) -> Result:
        """Return the result of the task's run."""
        service, polling = self._service(), self._polling()
        unfinished = self._find_unfinished(service)
        if unfinished is not None:
            try:
                result = wait(service, unfinished, polling, on_update=self._report)
            except Refused as error:
                if error.status == 404:
                    # No attempt can wait for a run that the API does not know.
                    self._started.unlink()
                raise
            if result.run.state is State.SUCCESS:
                return result
            # The run of an earlier attempt failed, so this attempt creates another one.
            _write(self._path(".failed.json"), make_record(result))
            self._started.unlink()
        request = self._request()
        return run(service, request, polling, on_update=self._report, shielded=self._creating)

    @contextmanager
    def _creating(self) -> Iterator[None]:
        """Record that a run may exist until it is known whether it does."""
        with delayed(*_SIGNALS):
            _write(self._started, {"run_may_exist": "An attempt ended during the creation."})
            try:
                yield
            except RunMayExist as error:
                _write(self._started, {"run_may_exist": error.message})
                raise
            except DataformError:
                self._started.unlink()
                raise
            if "run_id" not in json.loads(self._started.read_text("utf-8")):
                # The run was surely not created, and the library tries again.
                self._started.unlink()

    def _report(self, update: Update) -> None:
        """Show an update on Luigi's pages, and store the run as soon as it exists."""
        self.set_status_message(str(update))
        if isinstance(update, Created):
            self.set_tracking_url(update.run.log_url)
            _write(self._started, {"run_id": update.run.id, "run_log_url": update.run.log_url})

    def _find_unfinished(self, service: Service) -> Run | None:
        """Return the run that an earlier attempt created and whose outcome is not known."""
        try:
            known = json.loads(self._started.read_text("utf-8"))
        except FileNotFoundError:
            return None
        if "run_id" not in known:
            hint = f"Look for the run. Then delete {self._started}, or put the run_id there."
            raise RunMayExist(f"{known['run_may_exist']} {hint}")
        return service.describe(known["run_id"])

    def _request(self) -> RunRequest:
        return RunRequest(
            schedule=self.schedule or None,
            environment=self.environment or None,
            git_ref=self.git_ref or None,
            tags=tuple(self.tags),
            resume=self.resume or None,
            retry_failed=self.retry_failed,
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
            parallel=config.parallel_runs,
        )

    @property
    def _started(self) -> Path:
        return self._path(".started.json")

    def _path(self, ending: str) -> Path:
        return Path(DataformConfig().folder, f"{self.task_id}{ending}")


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """End the task, so that the library cancels the run; Luigi does not catch this exception."""
    raise KeyboardInterrupt(f"signal {number}")


def _write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a file atomically: first under another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    draft.replace(path)
