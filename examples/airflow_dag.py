"""A DAG that runs Dataform every morning; docs/airflow.md describes the set-up."""

from __future__ import annotations

import os
from datetime import datetime

from airflow.sdk import DAG, Param

from dataform_action.integrations.airflow import DataformRunOperator

with DAG(
    dag_id="dataform",
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params={
        "environment": Param("production", type="string", description="A release configuration"),
        "git_ref": Param("", type="string", description="Instead of environment"),
        "tags": Param([], type="array", items={"type": "string"}),
    },
    doc_md="Runs the production release. To run something else, trigger it with parameters.",
) as dag:
    DataformRunOperator(
        task_id="run",
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        request={
            "environment": "{{ params.environment }}",
            "git_ref": "{{ params.git_ref }}",
            "tags": "{{ params.tags | join(',') }}",
        },
        run_timeout=2 * 3600,
        deferrable=os.environ.get("DATAFORM_DEFERRABLE") == "true",
    )
