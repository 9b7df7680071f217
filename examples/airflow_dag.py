"""Dataform runs in Airflow 3.3 or newer: an operator, its trigger, and a DAG.

docs/airflow.md describes the set-up.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseHook, BaseOperator, BaseOperatorLink, Connection, Context, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from dataform_action import (
    ApplicationDefaultCredentials,
    CancelRequested,
    CompileFailed,
    Created,
    DataformError,
    DataformWeb,
    GoogleDataform,
    InputError,
    Poller,
    Polling,
    Refused,
    Result,
    Run,
    RunMayExist,
    RunRequest,
    Service,
    State,
    Update,
    run,
    start,
    wait,
)

#: The threads for the polls of all triggers: a wait uses a thread only during a request.
_POLLS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="dataform-poll")
#: For this time after its creation, the API may not know a run.
_FRESH_SECONDS = 30.0
#: The key under which a task stores its run until it knows the outcome.
_STATE_KEY = "dataform_run"
_XCOM_RUN_ID = "run_id"
_XCOM_LINK = "run_log_url"


def connect(connection: Connection | None, target: Mapping[str, str]) -> Service:
    """Return the service of a project, with the credentials of an Airflow connection.

    The password of the connection is the token. Without a token or a connection, Google Cloud
    Dataform uses Application Default Credentials, which the extra ``credentials_file`` can name.
    The extra ``api_url`` is another address of the API.
    """
    extra = json.loads((connection and connection.extra) or "{}")
    token = (connection and connection.password) or ""
    address = {"api_url": extra["api_url"]} if "api_url" in extra else {}
    if not target["repository"]:
        return DataformWeb(project_id=target["project_id"], token=token, **address)
    environ = dict(os.environ)
    if "credentials_file" in extra:
        environ["GOOGLE_APPLICATION_CREDENTIALS"] = extra["credentials_file"]
    return GoogleDataform(
        project_id=target["project_id"],
        location=target["location"],
        repository=target["repository"],
        token=token or ApplicationDefaultCredentials(environ),
        **address,
    )


def make_request(fields: Mapping[str, Any]) -> RunRequest:
    """Return the request for rendered fields; templates render blanks and texts.

    Raises:
        InputError: a flag is neither true nor false, or this operator does not offer a field.
    """
    parsed: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("compile_only", "promote"):
            raise InputError([(name, "is not offered by this operator")])
        if name in ("tags", "actions"):
            names = value.replace("\n", ",").split(",") if isinstance(value, str) else value or ()
            parsed[name] = tuple(text.strip() for text in names if text.strip())
        elif name == "vars":
            parsed[name] = tuple((value or {}).items())
        elif name == "full_refresh" or name.startswith("include_"):
            text = str(value).lower()
            if text not in ("true", "false", "none", ""):
                raise InputError([(name, f"is neither true nor false: {value!r}")])
            # None means the setting of the schedule.
            parsed[name] = None if text in ("none", "") else text == "true"
        else:
            parsed[name] = value or None
    return RunRequest(**parsed)


class DataformRunLink(BaseOperatorLink):
    """The button in Airflow's UI that opens the run's log."""

    name = "Dataform run"
    xcom_key = _XCOM_LINK

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the link; Airflow also stores it when the process of the task ends."""
        return str(getattr(operator, "run_log_url", ""))


class DataformRunOperator(BaseOperator):
    """Create a Dataform run, wait for its end, and fail if it fails.

    ``request`` has the fields of a ``RunRequest``. All of them are templates; a blank field counts
    as absent. Times are in seconds. XCom has ``run_id`` and ``run_log_url`` as soon as the run
    exists; the return value describes its outcome.

    If an attempt is lost (a dead worker, an outage, a timeout), its run stays in the task state
    store. The next attempt with the same request waits for that run, and creates a run of its own
    only if that run fails.
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
        )
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the run, or find the run of a lost attempt; then wait, or defer."""
        self._context = context
        with self._as_airflow_errors():
            request = make_request(self.request)
            connection = None if self.conn_id is None else BaseHook.get_connection(self.conn_id)
            service = self._service = connect(connection, self._target)
            lost = self._find_lost_run(service, request)
            if self.deferrable:
                self._defer(lost or self._start(service, request), adopted=lost is not None)
            if lost is not None:
                result = wait(service, lost, self.polling, on_update=self._report)
                self._forget()
                if result.run.state is State.SUCCESS:
                    return _summary(result)
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
            return _summary(result)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Continue after the trigger: return the outcome of the run, or raise its error."""
        self._context = context
        summary: dict[str, Any] = event["summary"]
        self.run_log_url = summary["run_log_url"]
        if event["ended"]:
            self._forget()
        if event["error"] is None:
            return summary
        if event["ended"] and event["adopted"]:
            self._prepare_another(summary["run_id"], summary["status"])
            return self.execute(context)
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

    def _defer(self, run: Run, *, adopted: bool) -> None:
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
        elif isinstance(update, CancelRequested):
            self._settled = True

    def _publish(self, run: Run) -> None:
        self.run_log_url = run.log_url
        self._remember(run.id)
        self._context["ti"].xcom_push(key=_XCOM_RUN_ID, value=run.id)
        self._context["ti"].xcom_push(key=_XCOM_LINK, value=run.log_url)

    def _remember(self, run_id: str | None) -> None:
        """Store the run for the next attempt; a blank id means that a run may exist."""
        store = self._context.get("task_state_store")
        if store is None:
            return
        if run_id is None:
            store.delete(_STATE_KEY)
        else:
            store.set(_STATE_KEY, {"run_id": run_id, "request": self._digest})

    def _forget(self) -> None:
        """Delete the stored run, so that the next attempt does not wait for it."""
        self._settled = True
        self._remember(None)

    def _find_lost_run(self, service: Service, request: RunRequest) -> Run | None:
        """Return the run that a lost attempt created for the same request."""
        fields = {name: value for name, value in asdict(request).items() if value}
        text = json.dumps({**self._target, **fields}, sort_keys=True)
        # The store gets only a digest, because a field may be a secret.
        self._digest = hashlib.sha256(text.encode()).hexdigest()
        store = self._context.get("task_state_store")
        known = None if store is None else store.get(_STATE_KEY)
        if not isinstance(known, dict) or known.get("request") != self._digest:
            return None
        if not known["run_id"]:
            raise RunMayExist(
                "An earlier attempt ended while it was creating the run, so the run may exist.",
                hint="Look for the run. To create another one, clear the task.",
            )
        self.log.info("Waiting for run %s of an earlier attempt", known["run_id"])
        return service.describe(known["run_id"])

    def _prepare_another(self, run_id: str, status: str) -> None:
        self._run, self._settled = None, False
        self.log.warning("Run %s of an earlier attempt: %s. Creating another", run_id, status)

    @contextmanager
    def _shielded(self) -> Iterator[None]:
        """Store that a run may exist, and delay a kill or timeout until its id is known."""
        if self._killed and not self._creating:
            raise AirflowException("The task was killed before a run was created.")
        with _delayed_signals():
            self._remember("")
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
                    self._remember(None)

    @contextmanager
    def _as_airflow_errors(self) -> Iterator[None]:
        """Fail without retries if a retry would fail too, or could run a schedule twice.

        Otherwise, the ``retries`` of the task decide.
        """
        try:
            yield
        except DataformError as error:
            text = _text_of(error)
            if _is_gone(error) or isinstance(error, RunMayExist):
                self._forget()
            is_final = isinstance(error, (CompileFailed, InputError, Refused, RunMayExist))
            if is_final and self._run is None:
                raise AirflowFailException(text) from error
            raise AirflowException(text) from error


class DataformRunTrigger(BaseTrigger):
    """Wait for a run in the triggerer, without a worker and without its own thread.

    It can stop and restart elsewhere at any time without effect on the run. ``started`` is the
    start of the wait in seconds since the epoch, so that a restart does not extend the wait.
    """

    def __init__(
        self,
        *,
        conn_id: str | None,
        target: dict[str, str],
        run_id: str,
        started: float,
        polling: dict[str, Any],
        adopted: bool,
    ) -> None:
        super().__init__()
        self._kwargs: dict[str, Any] = {
            "conn_id": conn_id,
            "target": target,
            "run_id": run_id,
            "started": started,
            "polling": polling,
            "adopted": adopted,
        }

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the import path of this class, and its arguments, which contain no secrets."""
        return f"{Path(__file__).stem}.{type(self).__name__}", self._kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll by the library's rules, and send one event with the outcome."""
        service, run = await self._connect()
        ended, error = False, None
        summary: dict[str, Any] = {
            "run_id": run.id,
            "run_log_url": run.log_url,
            "status": "",
            "duration": None,
        }
        try:
            result = await self._wait(service, run)
            ended, summary = True, _summary(result)
            summary["duration"] = round(time.time() - self._kwargs["started"], 1)
            result.raise_for_state()
        except DataformError as failure:
            ended, error = ended or _is_gone(failure), _text_of(failure)
        yield TriggerEvent(
            {
                "summary": summary,
                "ended": ended,
                "error": error,
                "adopted": self._kwargs["adopted"],
            }
        )

    async def on_kill(self) -> None:
        """Cancel the run: somebody cleared the task, or marked it as failed or successful."""
        if not self._kwargs["polling"]["cancel"]:
            return
        service, run = await self._connect()
        try:
            cancelled = await _in_thread(service.cancel, run)
        except DataformError as error:
            self.log.warning("The run was not cancelled. %s %s", error.message, error.hint)
        else:
            self.log.info("%s", CancelRequested(cancelled))

    async def _connect(self) -> tuple[Service, Run]:
        conn_id = self._kwargs["conn_id"]
        connection = None if conn_id is None else await BaseHook.aget_connection(conn_id)
        service = connect(connection, self._kwargs["target"])
        return service, service.describe(self._kwargs["run_id"])

    async def _wait(self, service: Service, run: Run) -> Result:
        elapsed = max(time.time() - self._kwargs["started"], 0.0)
        polling = self._kwargs["polling"]
        poller = Poller(
            service,
            run,
            Polling(**{**polling, "timeout": max(polling["timeout"] - elapsed, 1.0)}),
            fresh=elapsed < _FRESH_SECONDS and not self._kwargs["adopted"],
            on_update=lambda update: self.log.info("%s", update),
        )
        while not isinstance(outcome := await _in_thread(poller.poll), Result):
            await asyncio.sleep(outcome)
        return outcome


@contextmanager
def _delayed_signals() -> Iterator[None]:
    """Delay signals until the end of the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {
        name: signal.signal(name, lambda number, _frame: arrived.append(number))
        for name in (signal.SIGTERM, signal.SIGALRM)
    }
    try:
        yield
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
        for number in arrived:
            signal.raise_signal(number)


async def _in_thread(call: Any, *arguments: object) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_POLLS, call, *arguments)


def _summary(result: Result) -> dict[str, Any]:
    """Return the return value of the task, which Airflow stores in XCom."""
    return {
        "run_id": result.run.id,
        "run_log_url": result.run.log_url,
        "status": result.run.status,
        "duration": round(result.duration, 1),
    }


def _is_gone(error: DataformError) -> bool:
    """Return whether the API does not know the run, so that no attempt can wait for it."""
    return isinstance(error, Refused) and error.status == 404


def _text_of(error: DataformError) -> str:
    return "\n".join(filter(None, (error.message, error.hint)))


with DAG(
    dag_id="dataform",
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params={
        "project_id": Param("my-project", type="string"),
        "location": Param("europe-west1", type="string"),
        "repository": Param("warehouse", type="string"),
        "schedule": Param("", type="string", description="A workflow configuration"),
        "environment": Param("production", type="string", description="A release configuration"),
        "git_ref": Param("", type="string"),
        "tags": Param([], type="array", items={"type": "string"}),
        "full_refresh": Param(default=None, type=["null", "boolean"]),
    },
    doc_md="Runs the production release. To run something else, trigger it with parameters.",
) as dag:
    DataformRunOperator(
        task_id="run",
        project_id="{{ params.project_id }}",
        location="{{ params.location }}",
        repository="{{ params.repository }}",
        request={
            "schedule": "{{ params.schedule }}",
            "environment": "{{ params.environment }}",
            "git_ref": "{{ params.git_ref }}",
            "tags": "{{ params.tags | join(',') }}",
            "full_refresh": "{{ params.full_refresh }}",
        },
        run_timeout=2 * 3600,
        deferrable=os.environ.get("DATAFORM_DEFERRABLE") == "true",
    )
