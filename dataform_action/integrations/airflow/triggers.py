"""The trigger: the wait of a deferred task."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from dataform_action import (
    CancelRequested,
    DataformError,
    Poller,
    Polling,
    Result,
    Run,
    Service,
)
from dataform_action.integrations.airflow.failures import is_gone, text_of
from dataform_action.integrations.airflow.hooks import DataformHook
from dataform_action.integrations.records import make_record

#: The threads for the polls of all triggers: a wait uses a thread only during a request.
_POLLS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="dataform-poll")
#: For this time after its creation, the API may not know a run.
_FRESH_SECONDS = 30.0


class DataformRunTrigger(BaseTrigger):
    """Wait for a run in the triggerer, without a worker and without its own thread.

    It can stop and restart elsewhere at any time without effect on the run. ``started`` is the
    start of the wait in seconds since the epoch, so that a restart does not extend the wait.
    ``number`` is that of the run, if what did not succeed in other runs is run again.
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
        number: int = 1,
    ) -> None:
        super().__init__()
        self._kwargs: dict[str, Any] = {
            "conn_id": conn_id,
            "target": target,
            "run_id": run_id,
            "started": started,
            "polling": polling,
            "adopted": adopted,
            "number": number,
        }

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the import path of this class, and its arguments, which contain no secrets."""
        return f"{type(self).__module__}.{type(self).__qualname__}", self._kwargs

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
            ended, summary = True, make_record(result)
            summary["duration"] = round(time.time() - self._kwargs["started"], 1)
            result.raise_for_state()
        except DataformError as failure:
            ended, error = ended or is_gone(failure), text_of(failure)
        yield TriggerEvent(
            {
                "summary": summary,
                "ended": ended,
                "error": error,
                "adopted": self._kwargs["adopted"],
                "number": self._kwargs["number"],
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
        service = await DataformHook(self._kwargs["conn_id"], **self._kwargs["target"]).aget_conn()
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


async def _in_thread(call: Any, *arguments: object) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_POLLS, call, *arguments)
