"""The DAGs of the tests: both services, on a worker and deferred, with and without a retry."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product

from airflow.sdk import DAG, Param

from dataform_action.integrations.airflow import DataformRunOperator

_TARGETS = {
    "web": {"project_id": "1234", "environment": "production"},
    "google": {
        "project_id": "my-project",
        "location": "europe-west1",
        "repository": "warehouse",
        "environment": "",
    },
}
DAGS: dict[str, DAG] = {}
_BLANK = {"location": "", "repository": "", "git_ref": "", "tags": []}

for service, waiter, retries in product(_TARGETS, ("worker", "deferred"), (0, 1)):
    with DAG(
        dag_id=f"{service}_{waiter}" + ("_retried" if retries else ""),
        schedule=None,
        start_date=datetime(2026, 1, 1),
        is_paused_upon_creation=False,
        params={
            name: Param(value)
            for name, value in {**_BLANK, **_TARGETS[service], "schedule": "nightly"}.items()
        },
    ) as dag:
        DAGS[dag.dag_id] = dag
        DataformRunOperator(
            task_id="run",
            conn_id=f"dataform_{service}",
            project_id="{{ params.project_id }}",
            location="{{ params.location }}",
            repository="{{ params.repository }}",
            request={
                "schedule": "{{ params.schedule }}",
                "environment": "{{ params.environment }}",
                "git_ref": "{{ params.git_ref }}",
                "tags": "{{ params.tags | join(',') }}",
            },
            run_timeout=120,
            outage_timeout=60,
            deferrable=waiter == "deferred",
            retries=retries,
            retry_delay=timedelta(seconds=1),
        )
