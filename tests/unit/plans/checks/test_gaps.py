"""What an accepted query does not say: the action is not checked then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from dataform_action.clock import once
from dataform_action.graph import GraphAction
from dataform_action.plan import Check, PlannedAction, Verdict
from dataform_action.plans.checks.baseline import Baseline, Behind
from dataform_action.plans.checks.finding import Finding, Project
from dataform_action.plans.checks.gaps import Accepted, changes_columns, find_gap
from dataform_action.plans.checks.judgement import Judgement
from dataform_action.plans.checks.queries import queries_of
from dataform_action.plans.checks.references import References
from dataform_action.plans.checks.requests import Requests
from dataform_action.plans.validation import validate
from tests.support.projects import full, graph, node, plan_of, ref
from tests.support.warehouses import FakeWarehouse, Outcome, ok

SOURCE = node("shop.orders", kind="declaration")
OUTCOMES: dict[str, Outcome] = {
    "SELECT old": ok("id INT64; day DATE; name STRING; rate FLOAT64"),
    "SELECT same": ok("id INT64; day DATE; name STRING; rate FLOAT64"),
    "SELECT lost": ok("id INT64; day DATE; rate FLOAT64"),
    "SELECT retyped": ok("id STRING; day DATE; name STRING; rate FLOAT64"),
    "SELECT wider": ok("ID INT64; day DATE; name STRING; rate NUMERIC; new BOOL"),
    "SELECT COUNT(*)": ok("f0_ INT64"),
    "SELECT 1 AS f0_": ok("f0_ INT64"),
    "SELECT reader": ok("n INT64"),
}
TABLES = {"d.t": "id INT64; day DATE; name STRING; rate FLOAT64", "d.r": "n INT64"}
ACCEPTED = ""


def table(text: str = "old", *more: str, **fields: Any) -> GraphAction:  # noqa: ANN401
    return node("d.t", f"SELECT {text} FROM {{shop.orders}}", "shop.orders", *more, **fields)


def incremental(text: str, **fields: Any) -> GraphAction:  # noqa: ANN401
    query = f"SELECT {text} FROM {{shop.orders}} WHERE day > '2024-01-01'"
    return table(text, kind="incremental table", incremental_query=query, **fields)


def reader(text: str = "FROM {d.t}", *more: str, **fields: Any) -> GraphAction:  # noqa: ANN401
    return node("d.r", f"SELECT reader {text}", "d.t", *more, **fields)


def check(
    base: list[GraphAction],
    head: list[GraphAction],
    outcomes: Mapping[str, Outcome] | None = None,
    tables: Mapping[str, str] = TABLES,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return why each action is not checked, by its name; empty if it is accepted."""
    warehouse = FakeWarehouse({**OUTCOMES, **(outcomes or {})}, tables)
    before, after = graph(SOURCE, *base), graph(SOURCE, *head)
    plan = plan_of(before, after, changes)
    found = validate(plan, after, before, warehouse, lambda _: once, lambda _: None)
    return {one.name.partition(".")[2]: _reason(one) for one in found.actions if one.check}


def _reason(one: PlannedAction) -> str:
    assert one.check is not None
    assert one.check.verdict is not Verdict.INVALID, one.check
    assert bool(one.check.message) is (one.check.verdict is Verdict.NOT_CHECKED)
    return one.check.message


_FILTER = ("requirePartitionFilter", "true")
_OPTIONS = ("additionalOptions", '{"a": "b"}')


@pytest.mark.parametrize(
    ("base", "head", "option"),
    [
        ({}, {"settings": (_OPTIONS,)}, "additionalOptions"),
        ({"settings": (_OPTIONS,)}, {"settings": (_OPTIONS,)}, ""),
        (None, {"settings": (_OPTIONS,)}, "additionalOptions"),
        (None, {"settings": (("defaultLocation", '"EU"'),)}, ""),
        (None, {"settings": (_FILTER,)}, "requirePartitionFilter"),
        (None, {"settings": (_FILTER,), "partition": "day"}, ""),
        (
            {"settings": (_FILTER,), "partition": "day"},
            {"settings": (_FILTER,)},
            "requirePartitionFilter",
        ),
        ({"settings": (_OPTIONS,)}, {}, ""),
    ],
)
def test_options(base: dict[str, Any] | None, head: dict[str, Any], option: str) -> None:
    """A dry run does not say whether BigQuery accepts a new option of a table."""
    before = [] if base is None else [table(**base)]
    tables = {} if base is None else TABLES
    found = check(before, [table("same", **head)], tables=tables)["d.t"]
    text = f"BigQuery accepts its query, but its option {option} is not checked."
    assert found == (text if option else ACCEPTED)


@pytest.mark.parametrize(
    ("name", "is_known"), [("d_2.t", True), ("d-2.t", False), ("d 2.t", False), ("dä.t", False)]
)
def test_names_of_datasets(name: str, is_known: bool) -> None:
    """A dry run of the query does not say whether the dataset can be created."""
    found = check([], [node(name, "SELECT same")], tables={})[name]
    dataset = name.partition(".")[0]
    text = f"BigQuery may not accept {dataset} as the name of a dataset."
    assert found == (ACCEPTED if is_known else text)


def test_columns_without_a_name() -> None:
    """A query may have such columns, but no table and no view."""
    found = check([table()], [table("COUNT(*)")])
    assert (
        found["d.t"]
        == "Its column 1 has no name. A query may have such a column, but a table may not."
    )
    assert check([table()], [table("1 AS f0_")])["d.t"] == ACCEPTED
    tables = {"d.t": "f0_ INT64"}
    assert check([table()], [table("COUNT(*)")], tables=tables)["d.t"] == ACCEPTED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"partition": "day"}, ACCEPTED),
        ({"partition": "RANGE_BUCKET(id, GENERATE_ARRAY(0, 100, 10))"}, ACCEPTED),
        ({"partition": "DATE(_PARTITIONTIME)"}, ACCEPTED),
        ({"partition": "name"}, "The partition expression name does not fit a column of type STR"),
        ({"partition": "DATE(name)"}, "The partition expression DATE(name) does not fit a column"),
        ({"partition": "f(day"}, "The partition expression f(day is not one that can be checked."),
        ({"clusters": ("name", "id")}, ACCEPTED),
        ({"clusters": ("rate",)}, "BigQuery may not cluster by rate, which is FLOAT64."),
        ({"clusters": ("a.b",)}, "BigQuery may not cluster by a.b, which is no column."),
        ({"clusters": ("id", "day", "name", "id", "day")}, "BigQuery clusters by at most 4 colu"),
    ],
)
def test_partitions_and_clusters(fields: dict[str, Any], reason: str) -> None:
    """The types must fit. What the base has already is not the fault of the change."""
    found = check([table()], [table(**fields)])["d.t"]
    assert found.startswith(reason) if reason else found == ACCEPTED
    assert check([table(**fields)], [table("same", **fields)])["d.t"] == ACCEPTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lost", "The column name of its table is missing in its query. Without a full refresh, "),
        ("retyped", "The column id of its table is now STRING instead of INT64 in its query. "),
        ("wider", ACCEPTED),
    ],
)
def test_rows_for_an_incremental_table(text: str, reason: str) -> None:
    """Rows need the columns of the table that exists, unless it is made again."""
    found = check([incremental("old")], [incremental(text)])["d.t"]
    assert found.startswith(reason) if reason else found == ACCEPTED
    assert check([incremental("old")], [incremental(text)], tables={})["d.t"] == ACCEPTED
    refresh = {"d.t": {"full_refresh": "its type changed"}}
    assert check([incremental("old")], [incremental(text)], changes=refresh)["d.t"] == ACCEPTED
    # This was so before.
    again = incremental(text, partition="day")
    assert check([incremental(text)], [again])["d.t"] == ACCEPTED


def test_recursive_rows() -> None:
    """Dataform puts the query into an INSERT, where it is not at the top level."""
    query = "WITH /* n */ RECURSIVE a AS (SELECT 1) SELECT same FROM a"
    found = check([incremental("old")], [table(kind="incremental table", incremental_query=query)])
    assert found["d.t"].startswith("BigQuery does not accept WITH RECURSIVE")


def test_a_view_that_reads_itself() -> None:
    """Its query is valid as long as the view of production exists."""
    view = node("d.t", "SELECT same FROM {d.t}", kind="view")
    assert check([table(kind="view")], [view])["d.t"] == "It is a view that reads itself."


FILTER: dict[str, Any] = {"settings": (("requirePartitionFilter", "true"),)}


def test_a_partition_filter_is_required() -> None:
    """The table in production, or the columns that hide it, do not require it."""
    reason = f"It reads {full('d.t')}, which requires a partition filter."
    assert check([table(), reader()], [table(**FILTER), reader()])["d.r"] == reason
    # Here the dry run of the reader at the base has checked it, or that of the head.
    before = table(**FILTER)
    assert check([before, reader()], [table("lost", **FILTER), reader()])["d.r"] == ACCEPTED
    changed = reader("FROM {d.t} AS t")
    assert check([before, reader()], [table("same", **FILTER), changed])["d.r"] == ACCEPTED
    assert check([before, reader()], [table("lost", **FILTER), changed])["d.r"] == reason


def test_what_only_some_tables_have() -> None:
    """A pseudo column may disappear with the partitioning or the type."""
    aspects = {"d.t": {"aspects": ("type",)}}
    pseudo = reader("FROM {d.t} WHERE _PARTITIONTIME > x")
    views = [table(kind="view")]
    found = check([table(), pseudo], [*views, pseudo], changes=aspects)["d.r"]
    assert found.startswith("It uses a pseudo column, and the type or partitioning of ")
    assert check([table(), reader()], [*views, reader()], changes=aspects)["d.r"] == ACCEPTED


def test_operations_that_write_a_table_of_nobody() -> None:
    """What an operation writes is not known, so a reader of such a table is not checked."""

    def job(column: str) -> GraphAction:
        text = f"CREATE OR REPLACE TABLE {ref('ext.x')} AS SELECT 1 AS {column}"
        return node("d.t", kind="operation", queries=(text,))

    source, reads = node("ext.x", kind="declaration"), reader("FROM {ext.x}", "ext.x")
    found = check([source, job("a"), reads], [source, job("b"), reads])["d.r"]
    assert found.startswith(f"It reads {full('ext.x')}, which {full('d.t')} may change with SQL")
    other = reader("FROM {shop.orders}", "shop.orders")
    assert check([source, job("a"), other], [source, job("b"), other])["d.r"] == ACCEPTED


@pytest.mark.parametrize(("writes", "is_gap"), [(References(ref("ext.x")), True), (None, False)])
def test_names_in_operations_are_read_once(writes: References | None, is_gap: bool) -> None:
    """The check of a reader uses the names that were found, and not the SQL of the operation."""
    before, after = graph(), graph(node("d.t", kind="operation"), reader("FROM {ext.x}", "ext.x"))
    planned, operation = plan_of(before, after).actions
    requests = Requests(FakeWarehouse({}))
    project = Project(requests, "EU", Behind({}, (), requests, "EU"), (), frozenset(), frozenset())
    [query] = queries_of(planned.action, exists=False)
    accepted = Judgement(Check(verdict=Verdict.ACCEPTED), query, ok("n INT64"))
    upstreams = {operation.name: Finding(operation, writes=writes)}
    it = Accepted(project, planned, Baseline(), (accepted,), {}, upstreams)
    gap = find_gap(it, is_rebuilt=True)
    assert gap.startswith(f"It reads {full('ext.x')}, which {full('d.t')} may") is is_gap
    assert bool(gap) is is_gap


def test_a_name_without_a_dataset() -> None:
    """A response that names an action without its dataset ends no plan."""
    before, after = (graph(replace(table(text), name="t", key="t")) for text in ("old", "same"))
    warehouse = FakeWarehouse(OUTCOMES)
    plan = plan_of(before, after)
    [found] = validate(plan, after, before, warehouse, lambda _: once, lambda _: None).actions
    assert found.verdict is Verdict.ACCEPTED


def test_a_spelling_that_is_not_recognized() -> None:
    """If BigQuery reads a changed table although the text does not seem to name it, that counts."""
    outcomes = {"SELECT reader": ok("n INT64", tables=(full("d.t"),))}
    escaped = reader("FROM `my-project.d.\\x74`")
    changed = reader("FROM `my-project.d.\\x74` LIMIT 1")
    found = check([table(), escaped], [table("lost"), changed], outcomes)["d.r"]
    assert found == f"It reads {full('d.t')} as it is in production."
    # A view may read it.
    view = node("d.v", "SELECT same FROM {d.t}", "d.t", kind="view")
    reads = node("d.r", "SELECT reader FROM {d.v}", "d.v")
    base, head = [table(), view, reads], [table("same"), view, reads]
    tables = {**TABLES, "d.v": TABLES["d.t"]}
    assert check(base, head, outcomes, tables)["d.r"] == ACCEPTED


AFTER: dict[str, Any] = {"post_operations": ("INSERT INTO log VALUES (1)",)}
NOT_CHECKED = "BigQuery accepts its query, but its post-operations are not checked."


@pytest.mark.parametrize(
    ("before", "after", "text", "reason"),
    [
        ({}, AFTER, "old", NOT_CHECKED),
        (AFTER, AFTER, "same", ACCEPTED),
        (AFTER, AFTER, "lost", NOT_CHECKED),
        ({}, {"post_operations": (" -- nothing\n;",)}, "lost", ACCEPTED),
        *(
            ({"post_operations": (one,)}, {"post_operations": (one,)}, "lost", ACCEPTED)
            for one in ("GRANT x ON TABLE y TO 'z'", "ALTER TABLE t SET OPTIONS (description='x')")
        ),
        ({}, {"incremental_post_operations": ("GRANT",)}, "same", NOT_CHECKED),
    ],
)
def test_operations_after(
    before: dict[str, Any], after: dict[str, Any], text: str, reason: str
) -> None:
    """They are not checked, but some cannot fail because of other columns."""
    assert check([table(**before)], [table(text, **after)])["d.t"] == reason


def test_operations_after_read_a_changed_table() -> None:
    """The base does not say that they still work."""
    log: dict[str, Any] = {"post_operations": (f"INSERT INTO log SELECT name FROM {ref('d.t')}",)}
    text = "FROM {shop.orders}"
    before, after = reader(text, "shop.orders", **log), reader(text, "shop.orders", **log)
    assert check([table(), before], [table("lost"), after])["d.r"] == NOT_CHECKED


@pytest.mark.parametrize(
    ("operations", "changes"),
    [
        ((), False),
        (("GRANT x ON TABLE y TO 'z'; INSERT INTO log VALUES (1)",), False),
        (("ALTER TABLE t SET OPTIONS (description = 'x')",), False),
        (("ALTER TABLE t DROP COLUMN x",), True),
        (("ALTER TABLE t ADD COLUMN x INT64 OPTIONS (description = 'x')",), True),
        (("EXECUTE IMMEDIATE 'x'",), True),
        (("BEGIN SELECT 1; END",), True),
    ],
)
def test_operations_that_change_columns(operations: tuple[str, ...], changes: bool) -> None:
    """After these, the columns of the query are not those of the table."""
    assert changes_columns(table(post_operations=operations)) is changes


def test_readers_of_a_table_with_unknown_columns() -> None:
    """They are not checked, although the table itself is accepted."""
    alter: dict[str, Any] = {"post_operations": ("ALTER TABLE t DROP COLUMN x",)}
    found = check([table(**alter), reader()], [table("same", **alter), reader()])
    assert found["d.t"] == ACCEPTED
    assert found["d.r"] == f"It reads {full('d.t')}, whose columns after the change are not known."
