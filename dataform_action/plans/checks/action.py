"""The check of one action: its queries against the tables that will exist after the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dataform_action.clock import Retry
from dataform_action.graph import INCREMENTAL
from dataform_action.plan import (
    Cause,
    Change,
    Check,
    DryRun,
    PlannedAction,
    Scan,
    Verdict,
)
from dataform_action.plans.checks.baseline import Baseline, scan_of, usual_query
from dataform_action.plans.checks.causes import find_causes, find_removed, names_in, trace
from dataform_action.plans.checks.finding import Finding, Project, Tables, drift_of, unchecked
from dataform_action.plans.checks.gaps import Accepted, changes_columns, find_gap
from dataform_action.plans.checks.judgement import Judgement, judge, not_checked, worst
from dataform_action.plans.checks.queries import (
    Query,
    is_query_only,
    queries_of,
    reason_not_to_check,
)
from dataform_action.plans.checks.requests import Columns
from dataform_action.plans.checks.schemas import differences, missing_key
from dataform_action.plans.checks.shadows import NotShadowable, make_statement

_DEPENDS_ON_INCREMENTAL = (
    "It depends on whether the incremental tables upstream get new columns (onSchemaChange), which "
    "a compilation does not report."
)

#: Why the columns of a table upstream are not known, by the result of its check.
_STATES = {
    None: "which is not checked",
    Verdict.NOT_CHECKED: "which is not checked",
    Verdict.INVALID: "which is invalid",
    Verdict.ACCEPTED: "whose columns after the change are not known",
}


def check_action(
    project: Project,
    planned: PlannedAction,
    baseline: Baseline,
    upstreams: Mapping[str, Finding],
    retry: Retry,
) -> Finding:
    """Return the result for an action whose ``upstreams`` were checked before.

    Raises:
        DataformError: as ``Requests.dry_run``.
    """
    reason = reason_not_to_check(planned.action)
    if reason:
        return unchecked(planned, reason, baseline)
    queries = queries_of(planned.action, exists=True)
    reads = {
        name: finding
        for name, finding in sorted(upstreams.items())
        if any(query.reads(name) for query in queries)
    }
    for name, finding in reads.items():
        if not finding.tables.are_known:
            text = f"It reads {name}, {_STATES[finding.planned.verdict]}."
            return unchecked(planned, text, baseline)
    check = _ActionCheck(project, planned, baseline, reads, queries, retry)
    return check.finding(upstreams)


class _ActionCheck:
    """The check of an action whose upstream tables are all known."""

    def __init__(
        self,
        project: Project,
        planned: PlannedAction,
        baseline: Baseline,
        reads: Mapping[str, Finding],
        queries: tuple[Query, ...],
        retry: Retry,
    ) -> None:
        self._project = project
        self._planned = planned
        self._baseline = baseline
        self._reads = reads
        self._queries = queries
        self._retry = retry
        self._is_rebuilt = baseline.exists is False or bool(planned.full_refresh)

    def finding(self, upstreams: Mapping[str, Finding]) -> Finding:
        """Make the dry runs, and return the result."""
        kept_shadows, renewed_shadows = self._shadows(0), self._shadows(1)
        kept = self._judge_all(kept_shadows)
        renewed = kept if kept_shadows == renewed_shadows else self._judge_all(renewed_shadows)
        check = self._final(self._combine(kept, renewed), worst(kept), upstreams)
        is_accepted = check.verdict is Verdict.ACCEPTED
        gap = self._gap(kept, upstreams) if is_accepted else ""
        schema = kept[0].run.columns if kept[0].run is not None else None
        before = self._baseline.columns
        planned = replace(
            self._planned,
            check=not_checked(gap) if gap else check,
            schema=schema,
            columns=None if schema is None or before is None else differences(before, schema),
            before=scan_of(self._planned.base, self._baseline),
            after=self._scan(kept) if is_accepted else Scan(None),
            drift=drift_of(self._planned, self._baseline),
        )
        tables = self._tables(kept, renewed) if is_accepted else Tables()
        known = before or self._baseline.production
        changes = () if known is None else differences(known, tables.renewed or known)
        origins = trace(planned.name, changes, [read.origins for read in self._reads.values()])
        return Finding(planned, self._baseline, tables, origins)

    def _gap(self, judgements: list[Judgement], upstreams: Mapping[str, Finding]) -> str:
        project, planned, baseline = self._project, self._planned, self._baseline
        it = Accepted(project, planned, baseline, judgements, self._reads, upstreams)
        return find_gap(it, is_rebuilt=self._is_rebuilt)

    def _shadows(self, world: int) -> dict[str, Columns]:
        """Return the tables to hide, if the incremental ones keep their columns (0) or not (1).

        If one is hidden, all are: a view that is read as it is could read a hidden table.
        """
        columns = {name: read.tables[world] or () for name, read in self._reads.items()}
        differs = any(self._reads[name].differs(found) for name, found in columns.items())
        return columns if differs else {}

    def _judge_all(self, shadows: dict[str, Columns]) -> list[Judgement]:
        found: list[Judgement] = []
        for query in self._queries:
            first = found[0].run if found else None
            if query.is_incremental and self._is_rebuilt:
                if first is None:
                    break
                # It reads the table that the first query makes.
                shadows = {**shadows, self._planned.name: first.columns}
            found.append(self._judge(query, shadows))
        return found

    def _judge(self, query: Query, shadows: Mapping[str, Columns]) -> Judgement:
        try:
            statement = make_statement(query.sql, shadows, query.references, query.declarations)
        except NotShadowable as error:
            return Judgement(not_checked(str(error)), query)
        result = self._project.requests.dry_run(statement.sql, self._project.location, self._retry)
        return judge(query, statement, result)

    def _combine(self, kept: list[Judgement], renewed: list[Judgement]) -> Check:
        """Return what both possibilities for the incremental tables upstream have in common."""
        check = self._with_keys(kept)
        if renewed is kept or self._with_keys(renewed).verdict is check.verdict:
            return check
        return not_checked(_DEPENDS_ON_INCREMENTAL)

    def _with_keys(self, judgements: list[Judgement]) -> Check:
        """Return the check of the queries, and of the columns that the settings name."""
        decisive, run = worst(judgements), judgements[0].run
        if decisive.check.verdict is not Verdict.ACCEPTED or run is None:
            return decisive.check
        column, setting = missing_key(self._planned.action, run.columns)
        if not column:
            return decisive.check
        text = f"The {setting} needs the column {column}, which the query does not return."
        base, known = self._planned.base, self._baseline.columns
        if base is not None and known is not None and missing_key(base, known)[0]:
            return not_checked(f"{text} The base has the same problem.")
        return Check(
            verdict=Verdict.INVALID,
            message=text,
            causes=find_causes({column.lower()}, self._origins()),
        )

    def _origins(self) -> list[Mapping[str, tuple[Cause, ...]]]:
        return [read.origins for read in self._reads.values()]

    def _final(self, check: Check, decisive: Judgement, upstreams: Mapping[str, Finding]) -> Check:
        """Return the verdict after a look at the base and at what is removed."""
        if check.verdict is Verdict.INVALID:
            names = names_in(check.message, decisive.query.sql, check.line, check.column)
            doubt = self._doubt(names, upstreams)
            if doubt:
                return not_checked(f"{doubt} The error: {check.message}")
            causes = check.causes or find_causes(names, self._origins())
            return replace(check, causes=causes)
        removed = find_removed(self._project.removed, self._queries, decisive)
        if removed and (check.verdict is Verdict.ACCEPTED or decisive.missing == removed):
            text = f"It reads {removed}, which is removed."
            return Check(verdict=Verdict.INVALID, message=text, causes=(Cause(removed),))
        return check

    def _doubt(self, names: set[str], upstreams: Mapping[str, Finding]) -> str:
        """Return why an error may have been there before the change; empty if it was not.

        ``names`` are the columns that the error is about.
        """
        if self._baseline.failure:
            return f"The SQL of the base is not valid in production: {self._baseline.failure}"
        operations = (
            name for name, one in upstreams.items() if not is_query_only(one.planned.action)
        )
        operation = min(operations, default="")
        if operation:
            return f"It depends on {operation}, which may change what it uses."
        if self._planned.change in (Change.ADDED, Change.CHANGED):
            behind = self._project.behind.find(self._planned.action, names, self._retry)
            if behind:
                return (
                    f"{behind} in production is older than the code, so this may be a false alarm."
                )
        return ""

    def _scan(self, judgements: list[Judgement]) -> Scan:
        """Return what the next run scans. A hidden table hides its scan."""
        number = usual_query(
            self._planned.action,
            is_rebuilt=self._is_rebuilt,
            exists=self._baseline.exists is not False,
        )
        judgement = judgements[number]
        hidden = Scan(None) if judgement.run is None else judgement.run.scan
        if not judgement.has_shadows:
            return hidden
        if all(read.baseline.exists is not False for read in self._reads.values()):
            text = judgement.query.text
            real = self._project.requests.dry_run(text, self._project.location, self._retry)
            if isinstance(real, DryRun):
                return real.scan
        return hidden._replace(at_least=True)

    def _tables(self, kept: list[Judgement], renewed: list[Judgement]) -> Tables:
        first = None if kept[0].run is None else kept[0].run.columns
        second = None if renewed[0].run is None else renewed[0].run.columns
        if changes_columns(self._planned.action):
            return Tables()
        is_kept = self._planned.action.kind == INCREMENTAL and not self._is_rebuilt
        return Tables(self._baseline.production if is_kept else first, second)
