"""Dataform runs in Airflow 3.3 or newer: an operator, its trigger, its link and a hook.

It needs the extra ``airflow``. docs/airflow.md describes the set-up.
"""

from __future__ import annotations

from dataform_action.integrations.airflow.hooks import DataformHook
from dataform_action.integrations.airflow.links import DataformRunLink
from dataform_action.integrations.airflow.operators import DataformRunOperator
from dataform_action.integrations.airflow.triggers import DataformRunTrigger

__all__ = ["DataformHook", "DataformRunLink", "DataformRunOperator", "DataformRunTrigger"]
