"""The outcome of a run as data that Airflow and Luigi store."""

from __future__ import annotations

from typing import Any

from dataform_action import Result


def make_record(result: Result) -> dict[str, Any]:
    """Return the id, the link, the status and the duration of a run, in seconds."""
    return {
        "run_id": result.run.id,
        "run_log_url": result.run.log_url,
        "status": result.run.status,
        "duration": round(result.duration, 1),
    }
