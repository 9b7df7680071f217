"""What the BigQuery jobs of a run scanned and used, and an estimate of the price. No I/O."""

from dataclasses import dataclass
from typing import NamedTuple

from dataform_action.errors import DataformError
from dataform_action.values import Value

#: The list price of BigQuery's on-demand queries in the US, in US dollars per TiB.
LIST_PRICE = 6.25
#: What the caller needs to see the jobs of all accounts.
COSTS_ROLE = "roles/bigquery.resourceViewer"
_TIB = 2**40


class JobCost(NamedTuple):
    """What one BigQuery job scanned and used; None is not known.

    ``bytes_billed`` includes BigQuery's minimum for each table. ``slot_ms`` is in milliseconds.
    ``reserved`` says whether the job ran under a reservation. Then the slots are paid for, and
    ``bytes_billed`` has no price. ``id`` is empty if the service does not name the job.
    """

    id: str
    bytes_billed: int | None = None
    slot_ms: int | None = None
    reserved: bool | None = None

    @property
    def is_known(self) -> bool:
        """Return whether BigQuery reports what the job scanned and used."""
        return self.bytes_billed is not None and self.slot_ms is not None

    @property
    def priced_bytes(self) -> int:
        """Return the bytes that have a price."""
        return (self.bytes_billed or 0) if self.reserved is False else 0

    @property
    def may_have_price(self) -> bool:
        """Return whether it is not known if the bytes have a price."""
        return bool(self.bytes_billed) and self.reserved is None


class ActionCost(NamedTuple):
    """An action by its full name, and its BigQuery jobs in all attempts of the run."""

    name: str
    jobs: tuple[JobCost, ...]

    @property
    def bytes_billed(self) -> int:
        """Return the bytes billed for the jobs that are known."""
        return sum(job.bytes_billed or 0 for job in self.jobs)

    @property
    def slot_seconds(self) -> float:
        """Return the slot time of the jobs that are known, in seconds."""
        return sum(job.slot_ms or 0 for job in self.jobs) / 1000

    @property
    def is_known(self) -> bool:
        """Return whether all jobs of the action are known."""
        return all(job.is_known for job in self.jobs)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Costs(Value):
    """What the BigQuery jobs of a run scanned and used.

    ``actions`` are those with a job, in the order of the run. ``has_unread_actions`` says that the
    run has others, which could not be read. The sums have only what is known: if ``is_complete`` is
    false, they are lower bounds. ``error`` is why something is not known, if there was an error.
    ``price_per_tib`` is the price of on-demand queries.
    """

    actions: tuple[ActionCost, ...]
    price_per_tib: float = LIST_PRICE
    has_unread_actions: bool = False
    error: DataformError | None = None

    @property
    def jobs(self) -> tuple[JobCost, ...]:
        """Return the jobs of all actions."""
        return tuple(job for action in self.actions for job in action.jobs)

    @property
    def bytes_billed(self) -> int:
        """Return the bytes billed, also those of jobs under a reservation, which have no price."""
        return sum(action.bytes_billed for action in self.actions)

    @property
    def slot_seconds(self) -> float:
        """Return the slot time in seconds."""
        return sum(action.slot_seconds for action in self.actions)

    @property
    def price(self) -> float:
        """Return the estimated price of the bytes that were billed on demand.

        It does not consider discounts and the free tier.
        """
        return sum(job.priced_bytes for job in self.jobs) / _TIB * self.price_per_tib

    @property
    def unknown_jobs(self) -> int:
        """Return the number of jobs for which BigQuery reports no bytes or no slot time."""
        return sum(not job.is_known for job in self.jobs)

    @property
    def reserved_jobs(self) -> int:
        """Return the number of jobs that ran under a reservation."""
        return sum(bool(job.reserved) for job in self.jobs)

    @property
    def unpriced_jobs(self) -> int:
        """Return the number of jobs of which it is not known whether their bytes have a price."""
        return sum(job.may_have_price for job in self.jobs)

    @property
    def is_complete(self) -> bool:
        """Return whether the bytes and the slot time of all jobs are known."""
        return not (self.unknown_jobs or self.has_unread_actions)
