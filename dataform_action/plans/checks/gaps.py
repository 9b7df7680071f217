"""What the dry run of a query does not check, although it decides whether the action is built.

Pure. Each function returns why an accepted query is not enough; empty if it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dataform_action.graph import INCREMENTAL, VIEWS, GraphAction
from dataform_action.plan import Change, PlannedAction
from dataform_action.plans.checks.baseline import Baseline
from dataform_action.plans.checks.finding import Finding, Project
from dataform_action.plans.checks.judgement import Judgement
from dataform_action.plans.checks.queries import is_relation
from dataform_action.plans.checks.references import References, spellings
from dataform_action.plans.checks.requests import Columns
from dataform_action.plans.checks.schemas import differences, misfits, unusable_key
from dataform_action.plans.checks.shadows import is_recursive, special_form
from dataform_action.plans.checks.statements import split_statements, start_of
from dataform_action.plans.sql import normalize

_FILTER = ("requirePartitionFilter", "true")
#: Options that every partitioned table may have, and settings that are not sent to BigQuery.
_OF_PARTITIONS = frozenset({"requirePartitionFilter", "partitionExpirationDays"})
_OF_DATAFORM = frozenset({"incrementalTableConfig.refreshDisabled", "defaultLocation"})
#: The names of datasets.
_DATASET = re.compile(r"\w{1,1024}", re.ASCII)
#: How BigQuery names a column without a name.
_UNNAMED = re.compile(r"f[0-9]+_")
#: Statements that keep the columns of every table, and some that need no column.
_OPTIONS = r"ALTER\s+(?:TABLE|(?:MATERIALIZED\s+)?VIEW)\b[^()]*?\bSET\s+OPTIONS\b"
_HARMLESS = re.compile(rf"(?:GRANT|REVOKE)\b|{_OPTIONS}", re.IGNORECASE)
_KEEPS_COLUMNS = re.compile(
    r"(?:GRANT|REVOKE|INSERT|UPDATE|DELETE|MERGE|TRUNCATE|SELECT|WITH|ASSERT|DECLARE|SET)\b"
    r"|(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:SEARCH\s+INDEX|VECTOR\s+INDEX|ROW\s+ACCESS)\b"
    rf"|{_OPTIONS}",
    re.IGNORECASE,
)


class Accepted(NamedTuple):
    """An action whose queries are accepted.

    ``reads`` are the planned tables that it reads, and ``upstreams`` all planned actions that it
    needs.
    """

    project: Project
    planned: PlannedAction
    baseline: Baseline
    judgements: Sequence[Judgement]
    reads: Mapping[str, Finding]
    upstreams: Mapping[str, Finding]

    @property
    def columns(self) -> Columns:
        """Return the columns of the first query."""
        run = self.judgements[0].run
        return () if run is None else run.columns

    @property
    def has_shadows(self) -> bool:
        """Return whether a table upstream has other columns than in production."""
        return any(judgement.has_shadows for judgement in self.judgements)


def unchecked_names(action: GraphAction) -> References | None:
    """Return the names in the SQL of an action that no dry run checks; None without such SQL."""
    texts = operations_after(action)
    if not is_relation(action) and action.kind != "assertion":
        texts += action.queries
    return References("\n;\n".join(texts)) if texts else None


def find_gap(accepted: Accepted, *, is_rebuilt: bool) -> str:
    """Return why it is not known whether the action can be built; empty if it is."""
    checks = (
        _of_names,
        _of_settings,
        _of_options,
        *(() if is_rebuilt else (_of_rows_that_exist,)),
        _of_itself,
        _of_tables_upstream,
        _of_operations_upstream,
        _of_unknown_spellings,
        _of_operations_after,
    )
    return next(filter(None, (check(accepted) for check in checks)), "")


def changes_columns(action: GraphAction) -> bool:
    """Return whether operations after the query may change the columns of the table."""
    statements = [part for text in operations_after(action) for part in split_statements(text)]
    return not all(_KEEPS_COLUMNS.match(part, start_of(part)) for part in statements)


def operations_after(action: GraphAction) -> tuple[str, ...]:
    """Return all operations after the queries of an action."""
    return (*action.post_operations, *action.incremental_post_operations)


def _of_names(it: Accepted) -> str:
    # A broken response may name no dataset.
    dataset = it.planned.name.rsplit(".", 2)[-2:][0]
    if it.baseline.production is None and _DATASET.fullmatch(dataset) is None:
        return f"BigQuery may not accept {dataset} as the name of a dataset."
    query = it.judgements[0].query.sql
    known = {name for name, _ in it.baseline.production or ()}
    for number, (name, _) in enumerate(it.columns, 1):
        if _UNNAMED.fullmatch(name) and name not in query and name not in known:
            text = f"Its column {number} has no name."
            return f"{text} A query may have such a column, but a table may not."
    return ""


def _of_options(it: Accepted) -> str:
    """Check the options of a table, which are no part of a dry run: those that are new."""
    action, base = it.planned.action, it.planned.base
    is_same = base is not None and bool(base.partition) is bool(action.partition)
    known = base.settings if base is not None and is_same else ()
    harmless = _OF_DATAFORM | (_OF_PARTITIONS if action.partition else frozenset())
    new = (key for key, value in action.settings if (key, value) not in known)
    option = next((key for key in new if key not in harmless), "")
    return f"BigQuery accepts its query, but its option {option} is not checked." if option else ""


def _of_settings(it: Accepted) -> str:
    text, base = unusable_key(it.planned.action, it.columns), it.planned.base
    known = it.baseline.columns
    is_old = base is not None and known is not None and text == unusable_key(base, known)
    return "" if is_old else text


def _of_rows_that_exist(it: Accepted) -> str:
    """Check the rows that are added to an incremental table: they need its columns."""
    last = it.judgements[-1]
    if it.planned.action.kind != INCREMENTAL or last.run is None:
        return ""
    if is_recursive(last.query.sql):
        return "BigQuery does not accept WITH RECURSIVE in a query that adds rows to a table."
    base = it.baseline.columns or ()
    table = it.baseline.production or base
    before, after = base or table, last.run.columns
    # What did not fit before is not the fault of this change.
    new = [found for found in misfits(table, after) if found not in misfits(table, before)]
    if not new:
        return ""
    name, type_, now = new[0]
    what = f"is now {now} instead of {type_}" if now else "is missing"
    return (
        f"The column {name} of its table {what} in its query. Without a full refresh, that fails "
        "unless onSchemaChange allows it, which a compilation does not report."
    )


def _of_itself(it: Accepted) -> str:
    name = it.planned.name
    if it.planned.action.kind in VIEWS and it.judgements[0].query.references.is_quoted(name):
        return "It is a view that reads itself."
    return ""


def _of_tables_upstream(it: Accepted) -> str:
    """Check what a table requires of its readers, apart from its columns."""
    is_same = it.planned.change is Change.AFFECTED and bool(it.baseline.runs)
    for name, read in it.reads.items():
        action, base = read.planned.action, read.planned.base
        had_filter = base is not None and _FILTER in base.settings
        is_checked = had_filter and (is_same or not it.has_shadows)
        if _FILTER in action.settings and not is_checked:
            return f"It reads {name}, which requires a partition filter."
        if {"type", "partitioning"}.intersection(read.planned.aspects):
            forms = (special_form(judgement.query.references) for judgement in it.judgements)
            form = next(filter(None, forms), "")
            if form:
                return f"It uses {form}, and the type or partitioning of {name} changes."
    return ""


def _of_operations_upstream(it: Accepted) -> str:
    """Check whether another action may write a table that no action makes."""
    tables = {
        table
        for judgement in it.judgements
        for table in judgement.query.references.quoted_tables()
        if not it.project.built.intersection(spellings(table)) and table not in it.reads
    }
    for name, upstream in sorted(it.upstreams.items()):
        writes = upstream.writes
        found = "" if writes is None else min(filter(writes.has, tables), default="")
        if found:
            return f"It reads {found}, which {name} may change with SQL that is not checked."
    return ""


def _of_unknown_spellings(it: Accepted) -> str:
    known = {*it.reads, it.planned.name}
    tables = {name for one in it.judgements for name in one.query.references.quoted_tables()}
    if not any(read.planned.action.kind in VIEWS for read in it.reads.values()):
        # Otherwise BigQuery also lists what the view reads.
        runs = [judgement.run for judgement in it.judgements if judgement.run is not None]
        tables.update(name for run in runs for name in run.tables)
    found = min((tables - known) & it.project.tables, default="")
    return f"It reads {found} as it is in production." if found else ""


def _of_operations_after(it: Accepted) -> str:
    operations, base = operations_after(it.planned.action), it.planned.base
    statements = [part for text in operations for part in split_statements(text)]
    if not statements:
        return ""
    before = () if base is None else operations_after(base)
    if list(map(normalize, operations)) == list(map(normalize, before)):
        if all(_HARMLESS.match(part, start_of(part)) for part in statements):
            return ""
        references = References("\n;\n".join(operations))
        reads_changes = any(map(references.has, it.upstreams))
        known = it.baseline.columns
        if known is not None and not (reads_changes or differences(known, it.columns)):
            return ""
    return "BigQuery accepts its query, but its post-operations are not checked."
