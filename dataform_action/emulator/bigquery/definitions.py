"""What the job of an action scans and uses: as its graph defines it, or a plausible default."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

from dataform_action.emulator.graph.compiled_graph import Action

KEY = "emulatedJob"
"""The field of an action in a graph that defines its job, by the names of ``JobDefinition``."""

_MIB = 2**20
_MINIMUM = 10 * _MIB
_MS_PER_MIB = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefinition:
    """A job of an action.

    bytes_billed, slot_ms: what it scans and uses, in bytes and milliseconds.
    children: how many child jobs it has; 0: it is not a script.
    reservation: the reservation under which it runs; empty: on demand.
    location, project: where it runs; empty: the default of the repository.
    hidden: whether the caller may not see its statistics.
    """

    bytes_billed: int
    slot_ms: int
    children: int = 0
    reservation: str = ""
    location: str = ""
    project: str = ""
    hidden: bool = False


def define_job(action: Action) -> JobDefinition:
    """Return the definition of an action's job; raise ValueError for an unknown field."""
    given: Mapping[str, Any] = action.source.get(KEY) or {}
    known = [field.name for field in fields(JobDefinition)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{KEY}: unknown {', '.join(unknown)}. Known fields: {', '.join(known)}")
    return JobDefinition(**{**_default(action), **given})


def _default(action: Action) -> dict[str, int]:
    """Return numbers that depend only on the name and the kind of an action."""
    seed = int.from_bytes(sha256(str(action.target).encode()).digest()[:4])
    kind = action.source.get("type") if action.kind == "relation" else action.kind
    if kind == "view":
        return {"bytes_billed": 0, "slot_ms": seed % 40}
    if kind == "bigqueryUnitTest":
        # As the API's own number for a unit test, which has two jobs.
        return {"bytes_billed": _MINIMUM, "slot_ms": 40 + seed % 200}
    if kind in ("assertion", "operations"):
        scanned = _MINIMUM + seed % 90 * _MIB
    else:
        scanned = _MINIMUM + seed % 3000 * _MIB
    # Dataform makes a script of such an action, which first creates the dataset.
    return {"bytes_billed": scanned, "slot_ms": scanned // _MIB * _MS_PER_MIB, "children": 2}
