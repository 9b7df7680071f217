"""The outcome of a run as data."""

from __future__ import annotations

import json

from dataform_action import Result, Run, State
from dataform_action.integrations.records import make_record


def test_a_record_is_json() -> None:
    """Airflow and Luigi store the record as JSON."""
    run = Run(id="77", state=State.SUCCESS, status="SUCCESSFUL", log_url="https://example.com/77")
    assert json.loads(json.dumps(make_record(Result(run=run, duration=61.26)))) == {
        "run_id": "77",
        "run_log_url": "https://example.com/77",
        "status": "SUCCESSFUL",
        "duration": 61.3,
    }
