"""What the check of an action is given, and finds out for the plan and the checks downstream."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from dataform_action.graph import INCREMENTAL, VIEWS
from dataform_action.plan import ColumnChange, PlannedAction, Scan
from dataform_action.plans.checks.baseline import Baseline, Behind, scan_of
from dataform_action.plans.checks.causes import Origins
from dataform_action.plans.checks.judgement import not_checked
from dataform_action.plans.checks.references import References
from dataform_action.plans.checks.requests import Columns, Requests
from dataform_action.plans.checks.schemas import differences

_NOTHING = Baseline()
_NO_ORIGINS: Origins = MappingProxyType({})


class Tables(NamedTuple):
    """The columns of a table after the change; None if they are not known.

    The table of an incremental action keeps its columns (``kept``), or gets those of the query
    (``renewed``) with ``onSchemaChange``, which a compilation does not report.
    """

    kept: Columns | None = None
    renewed: Columns | None = None

    @property
    def are_known(self) -> bool:
        """Return whether a query that reads the table can be checked."""
        return self.kept is not None and self.renewed is not None


class Project(NamedTuple):
    """What the checks of all actions share.

    ``removed`` are the names of removed actions, ``tables`` those of the planned tables, and
    ``built`` the ``spellings`` of all tables that the project makes.
    """

    requests: Requests
    location: str
    behind: Behind
    removed: tuple[str, ...]
    tables: frozenset[str]
    built: frozenset[str]


class Finding(NamedTuple):
    """The result for an action, and what the check of a downstream action needs.

    ``origins`` are the columns that change, each with the action where the change starts.
    ``writes`` are the names in its SQL that is not checked; None without such SQL.
    """

    planned: PlannedAction
    baseline: Baseline = _NOTHING
    tables: Tables = Tables()
    origins: Origins = _NO_ORIGINS
    writes: References | None = None

    def differs(self, columns: Columns) -> bool:
        """Return whether a table with these columns differs from the one in production.

        A view in production may report columns that it had when it was created, so the query of
        the base counts as well.
        """
        known = self.baseline.columns
        if self.planned.action.kind in VIEWS and known is not None and columns != known:
            return True
        return columns != self.baseline.production


def unchecked(planned: PlannedAction, reason: str, baseline: Baseline = _NOTHING) -> Finding:
    """Return the result for an action that is not checked.

    A disabled table stays as it is. A disabled view is computed from what changes.
    """
    is_disabled = planned.action.disabled
    keeps_table = is_disabled and planned.action.kind not in VIEWS
    known = baseline.production if keeps_table else None
    planned = replace(
        planned,
        check=not_checked(reason),
        before=scan_of(planned.base, baseline),
        after=Scan(0) if is_disabled else Scan(None),
        drift=drift_of(planned, baseline),
    )
    return Finding(planned, baseline, Tables(known, known))


def drift_of(planned: PlannedAction, baseline: Baseline) -> tuple[ColumnChange, ...]:
    """Return what the base would change in production. An incremental table may keep columns."""
    known = baseline.production is not None and baseline.columns is not None
    if not known or planned.base is None or planned.base.kind == INCREMENTAL:
        return ()
    return differences(baseline.production or (), baseline.columns or ())
