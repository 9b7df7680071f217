"""The run of a task in Airflow's task state store, where the next attempt finds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from airflow.sdk import Context

from dataform_action import RunMayExist, RunRequest

#: The key under which a task stores its run until it knows the outcome.
_KEY = "dataform_run"


def compute_digest(target: Mapping[str, str], request: RunRequest) -> str:
    """Return a digest of the request; the store gets nothing else, as a field may be a secret."""
    fields = {name: value for name, value in asdict(request).items() if value}
    text = json.dumps({**target, **fields}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class StoredRun:
    """The stored run of one task. Without a store, it stores nothing and finds nothing."""

    def __init__(self, context: Context, digest: str = "") -> None:
        self._store: Any = context.get("task_state_store")
        self._digest = digest

    def find(self) -> str | None:
        """Return the id of the run that a lost attempt created for the same request.

        Raises:
            RunMayExist: it is not known whether that attempt created a run.
        """
        known = None if self._store is None else self._store.get(_KEY)
        if not isinstance(known, dict) or known.get("request") != self._digest:
            return None
        if not known["run_id"]:
            raise RunMayExist(
                "An earlier attempt ended while it was creating the run, so the run may exist.",
                hint="Look for the run. To create another one, clear the task.",
            )
        return str(known["run_id"])

    def set(self, run_id: str) -> None:
        """Store the run for the next attempt; a blank id means that a run may exist."""
        if self._store is not None:
            self._store.set(_KEY, {"run_id": run_id, "request": self._digest})

    def delete(self) -> None:
        """Delete the stored run, so that the next attempt does not wait for it."""
        if self._store is not None:
            self._store.delete(_KEY)
