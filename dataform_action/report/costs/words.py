"""The texts about costs for the log, the notes and the summary. Pure."""

from __future__ import annotations

from dataform_action.costs import COSTS_ROLE, LIST_PRICE, Costs
from dataform_action.report.words import Note, took
from dataform_action.text import count_of, format_bytes

_LOWER_BOUNDS = "so the sums are lower bounds."


def render_costs(costs: Costs) -> list[str]:
    """Return the lines of the log about the costs. A note says what is not known."""
    if not costs.jobs:
        return [] if costs.has_unread_actions else ["Costs: the run had no BigQuery jobs."]
    if not has_known_jobs(costs):
        return []
    facts = ", ".join(f"{label.lower()} {text}" for label, text in cost_facts(costs))
    return [f"Costs: {facts}", *remarks(costs)]


def has_known_jobs(costs: Costs) -> bool:
    """Return whether anything is known of any job."""
    return any(job.bytes_billed is not None or job.slot_ms is not None for job in costs.jobs)


def cost_facts(costs: Costs) -> list[tuple[str, str]]:
    """Return the sums with their labels."""
    least = "" if costs.is_complete else "at least "
    facts = [
        ("Bytes billed", f"{least}{format_bytes(costs.bytes_billed)}"),
        ("Slot time", f"{least}{slot_time(costs.slot_seconds)}"),
    ]
    if _has_price(costs):
        bound = "" if costs.is_complete and not costs.unpriced_jobs else "at least "
        facts.append(("Estimated price", f"{bound}{_price(costs)}"))
    return facts


def _has_price(costs: Costs) -> bool:
    """Return whether to show the price: a job has it, or no job can have another one."""
    has_priced = any(job.priced_bytes for job in costs.jobs)
    return has_priced or not (costs.reserved_jobs or costs.unpriced_jobs)


def _price(costs: Costs) -> str:
    """Return the price with its basis."""
    is_list_price = costs.price_per_tib == LIST_PRICE
    sign = "$" if is_list_price else ""
    amount = f"{sign}{costs.price:,.2f}"
    if 0 < costs.price < 0.01:
        amount = f"less than {sign}0.01"
    each = f"{costs.price_per_tib:,.9f}".rstrip("0").rstrip(".")
    basis = "the US list price" if is_list_price else "the input price-per-tib"
    return f"{amount} at {sign}{each} per TiB, {basis}"


def slot_time(seconds: float) -> str:
    """Return a slot time, such as ``2h 13m`` or ``less than 1s``."""
    return took(seconds) if seconds else "0s"


def remarks(costs: Costs) -> list[str]:
    """Return what to know about the price."""
    count = costs.reserved_jobs
    if not count:
        return []
    which = "its" if count == 1 else "their"
    jobs = f"{count:,} of {count_of(len(costs.jobs), 'job')}"
    return [f"{jobs} ran under a reservation, so {which} bytes have no price."]


def notes_on_costs(costs: Costs) -> tuple[Note, ...]:
    """Return a warning of one line about what is not known, and why."""
    error = costs.error
    sentences = [_unknown(costs)]
    if costs.unpriced_jobs:
        jobs = count_of(costs.unpriced_jobs, "job")
        them = "it" if costs.unpriced_jobs == 1 else "them"
        sentences.append(
            f"It is not known whether {jobs} ran under a reservation, so the price does not "
            f"include {them}."
        )
    if error is not None:
        sentences += [error.message, error.hint if error.has_remedy else ""]
    elif costs.unknown_jobs:
        sentences.append(
            f"BigQuery shows jobs of other accounts only to a caller with {COSTS_ROLE} on the "
            "project of the jobs."
        )
    text = " ".join(" ".join(filter(None, sentences)).split())
    return (Note(title="Dataform: the costs are incomplete", text=text),) if text else ()


def _unknown(costs: Costs) -> str:
    """Return what is not known of the bytes and the slot time; empty if all is known."""
    if costs.is_complete:
        return ""
    if not has_known_jobs(costs):
        return "The costs of the run could not be read."
    if not costs.unknown_jobs:
        return f"The costs of the actions that could not be read are missing, {_LOWER_BOUNDS}"
    jobs = f"{costs.unknown_jobs:,} of {count_of(len(costs.jobs), 'job')}"
    return f"The costs of {jobs} are not known, {_LOWER_BOUNDS}"
