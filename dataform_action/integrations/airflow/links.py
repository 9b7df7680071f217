"""The button in Airflow's UI that opens the log of a run."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink

#: The keys in XCom for the id and the link of a run.
XCOM_RUN_ID = "run_id"
XCOM_LINK = "run_log_url"


class DataformRunLink(BaseOperatorLink):
    """The button in Airflow's UI that opens the run's log."""

    name = "Dataform run"
    xcom_key = XCOM_LINK

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the link; Airflow also stores it when the process of the task ends."""
        return str(getattr(operator, "run_log_url", ""))
