"""The section of the job summary about costs: the sums, and the most expensive actions."""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.costs import ActionCost, Costs
from dataform_action.github.markdown import Page, code, prose, row
from dataform_action.report.costs.words import cost_facts, has_known_jobs, remarks, slot_time
from dataform_action.text import count_of, format_bytes

_MOST_ROWS = 10
#: A longer table is folded.
_MOST_OPEN_ROWS = 5
_NOT_KNOWN = "not known"


def add_costs(page: Page, costs: Costs | None, shorten: Callable[[str], str]) -> None:
    """Add the sums, and the table of the actions that cost the most."""
    if costs is None or not has_known_jobs(costs):
        return
    facts = " · ".join(f"**{label}** {prose(text)}" for label, text in cost_facts(costs))
    page.add(
        "the costs",
        ["### Costs", "", facts, *(line for text in remarks(costs) for line in ("", prose(text)))],
    )
    # Under a reservation, slots are paid for, and the bytes say little.
    by_slots = all(job.reserved for job in costs.jobs if job.bytes_billed)
    ranked = most_expensive(costs, by_slots=by_slots)
    if not ranked:
        return
    total = costs.slot_seconds if by_slots else costs.bytes_billed
    share = "Share of slot time" if by_slots else "Share of bytes"
    head = (f"| Action | Bytes billed | Slot time | {share} |", "|---|---:|---:|---:|")
    rows = [
        row(
            code(shorten(action.name)) or "(an action without a name)",
            _known(action, "bytes_billed", format_bytes(action.bytes_billed)),
            _known(action, "slot_ms", slot_time(action.slot_seconds)),
            _share(_weight(action, by_slots=by_slots), total),
        )
        for action in ranked
    ]
    if len(rows) <= _MOST_OPEN_ROWS:
        page.add("the most expensive actions", [*head, *rows])
        return
    count = count_of(len(costs.actions), "action")
    title = f"The {len(rows)} most expensive of {count}"
    page.fold(title, "the most expensive actions", head, rows, most=_MOST_ROWS)


def most_expensive(costs: Costs, *, by_slots: bool) -> list[ActionCost]:
    """Return the actions that cost the most, by bytes or by slot time; equal ones by name.

    Those without costs are left out.
    """
    known = [action for action in costs.actions if _weight(action, by_slots=by_slots)]
    known.sort(key=lambda action: (-_weight(action, by_slots=by_slots), action.name))
    return known[:_MOST_ROWS]


def _weight(action: ActionCost, *, by_slots: bool) -> float:
    return action.slot_seconds if by_slots else action.bytes_billed


def _known(action: ActionCost, field: str, text: str) -> str:
    """Return a number of an action as it is, as a lower bound, or that it is not known."""
    values = [getattr(job, field) for job in action.jobs]
    if all(value is None for value in values):
        return _NOT_KNOWN
    return f"at least {text}" if None in values else text


def _share(part: float, total: float) -> str:
    return "less than 1 %" if 0 < part < total / 100 else f"{part / total:.0%}".replace("%", " %")
