"""The operator: a task that creates a run and waits for its end, on a worker or deferred."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dataform_action import (
    CancelRequested,
    Created,
    DataformError,
    Polling,
    RerunPrepared,
    Run,
    RunMayExist,
    RunRequest,
    Service,
    State,
    Update,
    retry,
    run,
    start,
    wait,
)
from dataform_action.integrations.airflow.failures import is_final, is_gone, text_of
from dataform_action.integrations.airflow.fields import make_request
from dataform_action.integrations.airflow.hooks import DataformHook
from dataform_action.integrations.airflow.links import XCOM_LINK, XCOM_RUN_ID, DataformRunLink
from dataform_action.integrations.airflow.stored_run import StoredRun, compute_digest
from dataform_action.integrations.airflow.triggers import DataformRunTrigger
from dataform_action.integrations.records import make_record
from dataform_action.integrations.signals import delayed


class DataformRunOperator(BaseOperator):
    """Create a Dataform run, wait for its end, and fail if it fails.

    ``request`` has the fields of a ``RunRequest``. All of them are templates; a blank field counts
    as absent. Times are in seconds. XCom has ``run_id`` and ``run_log_url`` as soon as the run
    exists; the return value describes its outcome.

    If an attempt is lost (a dead worker, an outage, a timeout), its run stays in the task state
    store. The next attempt with the same request waits for that run, and creates a run of its own
    only if that run fails. With ``retry_failed`` in the request, what did not succeed is run again
    before Airflow's own ``retries``.
    """

    template_fields = ("project_id", "location", "repository", "request")
    operator_extra_links = (DataformRunLink(),)

    run_log_url = ""
    _service: Service | None = None
    _run: Run | None = None
    _killed = False
    #: Whether a run with an unknown id may exist.
    _creating = False
    #: Whether there is nothing left to cancel.
    _settled = False

    def __init__(
        self,
        *,
        project_id: str,
        request: Mapping[str, Any],
        location: str = "",
        repository: str = "",
        conn_id: str | None = "dataform_default",
        poll_interval: float = 10.0,
        run_timeout: float = 6 * 3600.0,
        outage_timeout: float = 600.0,
        cancel_run: bool = True,
        parallel_runs: int = 1,
        deferrable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.location = location
        self.repository = repository
        self.request = request
        self.conn_id = conn_id
        self.polling = Polling(
            interval=poll_interval,
            timeout=run_timeout,
            outage_timeout=outage_timeout,
            cancel=cancel_run,
            parallel=parallel_runs,
        )
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the run, or find the run of a lost attempt; then wait, or defer."""
        self._context = context
        with self._as_airflow_errors():
            request = make_request(self.request)
            self._stored = StoredRun(context, compute_digest(self._target, request))
            service = self._service = DataformHook(self.conn_id, **self._target).get_conn()
            lost = self._find_lost_run(service)
            if self.deferrable:
                self._defer(lost or self._start(service, request), adopted=lost is not None)
            if lost is not None:
                result = wait(service, lost, self.polling, on_update=self._report)
                self._forget()
                if result.run.state is State.SUCCESS:
                    return make_record(result)
                self._prepare_another(result.run.id, result.run.status)
            result = run(
                service,
                request,
                self.polling,
                on_update=self._report,
                shielded=self._shielded,
            )
            self._forget()
            result.raise_for_state()
            return make_record(result)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Continue after the trigger: return the outcome of the run, or raise its error."""
        self._context = context
        summary: dict[str, Any] = event["summary"]
        self.run_log_url = summary["run_log_url"]
        with self._as_airflow_errors():
            request = make_request(self.request)
        self._stored = StoredRun(context, compute_digest(self._target, request))
        if event["ended"]:
            self._forget()
        if event["error"] is None:
            return summary
        if event["ended"] and event["adopted"]:
            self._prepare_another(summary["run_id"], summary["status"])
            return self.execute(context)
        if event["ended"] and event["number"] <= request.retry_failed:
            self._retry(request, summary["run_id"], event["number"])
        raise AirflowException(event["error"])

    def on_kill(self) -> None:
        """Cancel the run. Airflow calls this in a signal handler, and allows 5 seconds."""
        self._killed = True
        if self._service is None or self._run is None or self._settled or not self.polling.cancel:
            return
        try:
            cancelled = self._service.cancel(self._run)
        except DataformError as error:
            self.log.warning("The run was not cancelled. %s %s", error.message, error.hint)
        else:
            self._settled = True
            self.log.info("%s", CancelRequested(cancelled))

    @property
    def _target(self) -> dict[str, str]:
        return {
            "project_id": self.project_id,
            "location": self.location,
            "repository": self.repository,
        }

    def _start(self, service: Service, request: RunRequest) -> Run:
        return start(
            service, request, self.polling, on_update=self._report, shielded=self._shielded
        )

    def _retry(self, request: RunRequest, run_id: str, number: int) -> None:
        """Run again what did not succeed, and defer; return if that is not possible.

        ``number`` is that of the run that failed: 1 for the first one.
        """
        self._run, self._settled = None, False
        with self._as_airflow_errors():
            service = self._service = DataformHook(self.conn_id, **self._target).get_conn()
            result = wait(service, service.describe(run_id), self.polling)
            if result.run.state is not State.FAILURE:
                return
            try:
                again = retry(
                    service,
                    request,
                    result,
                    self.polling,
                    on_update=self._report,
                    shielded=self._shielded,
                )
            except RunMayExist:
                raise
            except DataformError as error:
                # The run has failed, whatever prevents another one.
                self.log.warning("What did not succeed is not run again. %s", error.message)
                return
        self._defer(again, adopted=False, number=number + 1)

    def _defer(self, run: Run, *, adopted: bool, number: int = 1) -> None:
        """Defer, so that the worker is free; the trigger gets the limit for the wait."""
        timeout = self.polling.timeout
        if self.execution_timeout is not None:
            timeout = min(timeout, self.execution_timeout.total_seconds())
        now = time.time()
        self._run = run
        if adopted:
            self._publish(run)
        trigger = DataformRunTrigger(
            conn_id=self.conn_id,
            target=self._target,
            run_id=run.id,
            started=now,
            polling=asdict(self.polling) | {"timeout": timeout},
            adopted=adopted,
            number=number,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _report(self, update: Update) -> None:
        """Log an update, and store the run as soon as it exists."""
        self.log.info("%s", update)
        if isinstance(update, Created):
            self._run = update.run
            self._publish(update.run)
            if self._killed:
                # When the kill arrived, there was no run to cancel.
                self.on_kill()
        elif isinstance(update, RerunPrepared):
            # The earlier run has ended, and the next one does not exist yet.
            self._run = None
        elif isinstance(update, CancelRequested):
            self._settled = True

    def _publish(self, run: Run) -> None:
        self.run_log_url = run.log_url
        self._stored.set(run.id)
        self._context["ti"].xcom_push(key=XCOM_RUN_ID, value=run.id)
        self._context["ti"].xcom_push(key=XCOM_LINK, value=run.log_url)

    def _forget(self) -> None:
        self._settled = True
        self._stored.delete()

    def _find_lost_run(self, service: Service) -> Run | None:
        run_id = self._stored.find()
        if run_id is None:
            return None
        self.log.info("Waiting for run %s of an earlier attempt", run_id)
        return service.describe(run_id)

    def _prepare_another(self, run_id: str, status: str) -> None:
        self._run, self._settled = None, False
        self.log.warning("Run %s of an earlier attempt: %s. Creating another", run_id, status)

    @contextmanager
    def _shielded(self) -> Iterator[None]:
        """Store that a run may exist, and delay a kill or timeout until its id is known."""
        if self._killed and not self._creating:
            raise AirflowException("The task was killed before a run was created.")
        with delayed(signal.SIGTERM, signal.SIGALRM):
            self._stored.set("")
            self._creating = True
            try:
                yield
            except DataformError as error:
                self._creating = isinstance(error, RunMayExist)
                raise
            else:
                self._creating = False
            finally:
                if self._run is None and not self._creating:
                    self._stored.delete()

    @contextmanager
    def _as_airflow_errors(self) -> Iterator[None]:
        """Fail without retries if a retry would fail too, or could run a schedule twice.

        Otherwise, the ``retries`` of the task decide.
        """
        try:
            yield
        except DataformError as error:
            text = text_of(error)
            if is_gone(error) or isinstance(error, RunMayExist):
                self._forget()
            if is_final(error) and self._run is None:
                raise AirflowFailException(text) from error
            raise AirflowException(text) from error
