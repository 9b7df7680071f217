"""The costs of a run, read after its end. Only ``costs: true`` imports this module.

Whatever happens here, the outcome of the run stays the same.
"""

from __future__ import annotations

from dataform_action.action.observers import LogObserver
from dataform_action.action.service_factory import ServiceContext
from dataform_action.action.settings import Settings
from dataform_action.bigquery.client import API_URL, BigQuery
from dataform_action.bigquery.costs import read_costs
from dataform_action.clock import Clock
from dataform_action.costs import LIST_PRICE, Costs
from dataform_action.errors import DataformError
from dataform_action.events import RunOutcome
from dataform_action.github.commands import Console
from dataform_action.github.signals import Interrupted


def measure(
    outcome: RunOutcome,
    settings: Settings,
    context: ServiceContext,
    console: Console,
    clock: Clock,
) -> Costs | None:
    """Return what the run of an outcome scanned and used.

    None if the run did not end, or if the inputs do not request it.
    """
    chosen = settings.costs
    if outcome.result is None or chosen is None:
        return None
    price = LIST_PRICE if chosen.price_per_tib is None else chosen.price_per_tib
    try:
        bigquery = BigQuery(
            project_id=settings.project_id,
            token=settings.token or context.credentials(),
            api_url=chosen.api_url or API_URL,
            on_exchange=context.on_exchange,
        )
        return read_costs(
            bigquery,
            outcome.result,
            price_per_tib=price,
            on_update=LogObserver(console),
            clock=clock,
        )
    except Interrupted as signal:
        # The run has ended, so nothing is left to cancel.
        error = DataformError(f"The step was stopped by {signal.name} before they were read.")
    except Exception as failure:
        error = DataformError(f"Internal error: {type(failure).__name__}: {failure}")
    return Costs(actions=(), price_per_tib=price, has_unread_actions=True, error=error)
