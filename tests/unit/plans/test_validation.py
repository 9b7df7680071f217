"""The checks of a plan: verdicts, causes, columns, bytes, and the number of dry runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from dataform_action.clock import Retry, once
from dataform_action.errors import NoResponse, Refused
from dataform_action.events import Noted, Observer, OutageEnded, OutageStarted, Update, Waiting
from dataform_action.graph import GraphAction
from dataform_action.model import Polling
from dataform_action.plan import (
    Cause,
    Change,
    Check,
    ColumnChange,
    DryRun,
    Inconclusive,
    InvalidQuery,
    Plan,
    PlannedAction,
    Scan,
    Verdict,
)
from dataform_action.plans.validation import validate
from dataform_action.runs.backoff import Backoff
from tests.support.fakes import FakeClock
from tests.support.projects import full, graph, node, plan_of, ref
from tests.support.warehouses import FakeWarehouse, Outcome, columns, ok

SOURCE = node("shop.orders", kind="declaration")
OLD = node("d.t", "SELECT old FROM {shop.orders}", "shop.orders")
NEW = node("d.t", "SELECT new FROM {shop.orders}", "shop.orders")
READER = node("d.r", "SELECT reader FROM {d.t}", "d.t")
#: How a query starts in which ``d.t`` has the columns of ``NEW``.
HIDDEN = "WITH `my-project.d.t` AS (SELECT CAST(NULL AS DATE) AS `day`)"
TABLES = {"d.t": "id INT64", "d.r": "n INT64"}
OUTCOMES = {
    "SELECT old": ok("id INT64", 10),
    "SELECT new": ok("day DATE", 20),
    "SELECT reader": ok("n INT64", 30),
}


def retry(_observer: Observer) -> Retry:
    return once


def ignore(_update: Update) -> None:
    pass


def run(
    base: list[GraphAction],
    head: list[GraphAction],
    outcomes: Mapping[str, Any],
    tables: Mapping[str, Any] = TABLES,
    changes: Mapping[str, Any] | None = None,
) -> tuple[dict[str, PlannedAction], FakeWarehouse]:
    """Check a change; return the planned actions by their names, and the warehouse."""
    warehouse = FakeWarehouse({**OUTCOMES, **outcomes}, tables)
    before, after = graph(*base), graph(*head)
    plan = plan_of(before, after, changes)
    found = validate(plan, after, before, warehouse, retry, ignore)
    assert [one.name for one in found.actions] == [one.name for one in plan.actions]
    return {one.name.partition(".")[2]: one for one in found.actions}, warehouse


def verdict(one: PlannedAction) -> tuple[Verdict, str]:
    assert one.check is not None
    return one.check.verdict, one.check.message


CHANGE = ([SOURCE, OLD, READER], [SOURCE, NEW, READER])
ACCEPTED = (Verdict.ACCEPTED, "")


def test_an_affected_action_reads_the_new_columns() -> None:
    """Only what differs from production is hidden, and every query is sent once."""
    found, warehouse = run(*CHANGE, {})
    assert verdict(found["d.t"]) == verdict(found["d.r"]) == ACCEPTED
    assert sorted(warehouse.queries) == sorted(
        [
            ("SELECT old FROM `my-project.shop.orders`", "EU"),
            ("SELECT new FROM `my-project.shop.orders`", "EU"),
            ("SELECT reader FROM `my-project.d.t`", "EU"),
            (f"{HIDDEN}\nSELECT reader FROM `my-project.d.t`", "EU"),
        ]
    )
    assert sorted(warehouse.reads) == [full("d.r"), full("d.t")]


def test_columns_and_bytes() -> None:
    """Columns are those of the head against the base, and bytes those of real tables."""
    found, _ = run(*CHANGE, {HIDDEN: ok("n STRING", 0)})
    changed, affected = found["d.t"], found["d.r"]
    assert changed.columns == (ColumnChange("id", "INT64", ""), ColumnChange("day", "", "DATE"))
    assert (changed.before, changed.after) == (Scan(10), Scan(20))
    assert affected.columns == (ColumnChange("n", "INT64", "STRING"),)
    assert affected.schema == columns("n STRING")
    assert (affected.before, affected.after) == (Scan(30), Scan(30))


def test_unchanged_schemas_need_no_shadow() -> None:
    """An affected action whose tables keep their columns needs one dry run."""
    found, warehouse = run(*CHANGE, {"SELECT new": ok("id INT64", 20)})
    assert verdict(found["d.r"]) == ACCEPTED
    assert found["d.r"].columns == ()
    assert len(warehouse.queries) == 3


def test_a_hidden_scan_is_a_lower_bound() -> None:
    """If the query is not valid with the tables of production, some of its scan is hidden."""
    reader = node("d.r", "SELECT day FROM {d.t}", "d.t")
    outcomes = {"SELECT day": InvalidQuery("Unrecognized name: day"), HIDDEN: ok("day DATE", 7)}
    found, _ = run([SOURCE, OLD, READER], [SOURCE, NEW, reader], outcomes)
    assert verdict(found["d.r"]) == ACCEPTED
    assert found["d.r"].after == Scan(7, at_least=True)


def test_a_new_action() -> None:
    """It has columns and a scan, and nothing to compare with; what reads it sees its columns."""
    reader = node("d.r", "SELECT day FROM {d.t}", "d.t")
    found, warehouse = run([SOURCE], [SOURCE, NEW, reader], {HIDDEN: ok("day DATE", 0)}, {})
    assert verdict(found["d.t"]) == verdict(found["d.r"]) == ACCEPTED
    assert found["d.t"].columns is None
    assert (found["d.t"].before, found["d.t"].after) == (None, Scan(20))
    # Its table does not exist, so a dry run without the shadow has no chance.
    assert found["d.r"].after == Scan(0, at_least=True)
    assert len(warehouse.queries) == 2


def test_an_invalid_action_and_its_cause() -> None:
    """BigQuery's error has its position in the query, and the change that explains it."""
    lost = InvalidQuery("Unrecognized name: id", 2, 8)
    found, _ = run(*CHANGE, {HIDDEN: lost})
    removed = ColumnChange("id", "INT64", "")
    assert found["d.r"].check == Check(
        verdict=Verdict.INVALID,
        message="Unrecognized name: id",
        line=1,
        column=8,
        causes=(Cause(full("d.t"), removed),),
    )
    assert found["d.r"].after == Scan(None)
    assert found["d.r"].schema is None
    assert found["d.r"].columns is None


def test_the_cause_is_where_the_change_starts() -> None:
    """A column that is lost through a view has its cause upstream of the view."""
    view = node("d.v", "SELECT view FROM {d.t}", "d.t", kind="view")
    reader = node("d.x", "SELECT last FROM {d.v}", "d.v")
    outcomes = {
        "SELECT view": ok("id INT64"),
        f"{HIDDEN}\nSELECT view": ok("day DATE"),
        "SELECT last": ok(),
        "WITH `my-project.d.v` AS (SELECT CAST(NULL AS DATE) AS `day`)": InvalidQuery(
            "Unrecognized name: id"
        ),
    }
    tables = {"d.t": "id INT64", "d.v": "id INT64", "d.x": "id INT64"}
    found, _ = run([SOURCE, OLD, view, reader], [SOURCE, NEW, view, reader], outcomes, tables)
    assert verdict(found["d.v"]) == ACCEPTED
    check = found["d.x"].check
    assert check is not None
    assert check.causes == (Cause(full("d.t"), ColumnChange("id", "INT64", "")),)


def test_the_base_was_not_valid_either() -> None:
    """An error that was there before is not one of the change."""
    outcomes = {
        "SELECT old": InvalidQuery("Unrecognized name: old"),
        "SELECT new": InvalidQuery("Unrecognized name: new"),
    }
    found, _ = run([SOURCE, OLD], [SOURCE, NEW], outcomes)
    assert verdict(found["d.t"]) == (
        Verdict.NOT_CHECKED,
        "The SQL of the base is not valid in production: Unrecognized name: old "
        "The error: Unrecognized name: new",
    )
    assert found["d.t"].before == Scan(None)


@pytest.mark.parametrize(
    ("production", "upstream", "message", "expected"),
    [
        ("id INT64", ok("id INT64; new DATE"), "Unrecognized name: new", Verdict.NOT_CHECKED),
        ("id INT64", ok("id INT64; other DATE"), "Unrecognized name: new", Verdict.INVALID),
        ("id INT64", ok("id INT64; other DATE"), "Wrong types", Verdict.NOT_CHECKED),
        ("id INT64", ok("id INT64"), "Wrong types", Verdict.INVALID),
        ("id INT64", Inconclusive("x"), "Unrecognized name: new", Verdict.INVALID),
        (None, ok("id INT64; new DATE"), "Unrecognized name: new", Verdict.NOT_CHECKED),
        (Inconclusive("x"), ok("new DATE"), "Unrecognized name: new", Verdict.INVALID),
    ],
)
def test_production_is_behind(
    production: str | BaseException | None, upstream: Outcome, message: str, expected: Verdict
) -> None:
    """A column that only the code has upstream is missing in production, whoever reads it."""
    far = node("d.far", "SELECT upstream FROM {shop.orders}", "shop.orders")
    near = node("d.near", "", "d.far", kind="operation", queries=("x",), has_output=True)
    old = node("d.t", "SELECT old FROM {d.near}", "d.near")
    new = node("d.t", "SELECT new FROM {d.near}", "d.near")
    outcomes = {"SELECT upstream": upstream, "SELECT new": InvalidQuery(message)}
    tables = {"d.t": "id INT64"} | ({} if production is None else {"d.far": production})
    found, _ = run([far, near, old], [far, near, new], outcomes, tables)
    assert verdict(found["d.t"])[0] is expected
    if expected is Verdict.NOT_CHECKED:
        assert verdict(found["d.t"])[1].startswith(f"{full('d.far')} in production is older")


@pytest.mark.parametrize(
    ("node_", "reason"),
    [
        (node("d.t", kind="operation", queries=("SELECT 1",)), "Operations are not checked."),
        (node("d.t", kind="notebook"), "Actions of the kind notebook are not checked."),
        (node("d.t", "SELECT new", disabled=True), "It is disabled."),
        (node("d.t", "SELECT new; SELECT 1"), "Its SQL is not a single query."),
        (
            node("d.t", "SELECT new", pre_operations=("DELETE FROM x WHERE TRUE",)),
            "It has pre-operations other than DECLARE, SET and CREATE TEMP FUNCTION.",
        ),
    ],
)
def test_actions_that_are_not_checked(node_: GraphAction, reason: str) -> None:
    """Each has its reason, no dry run, and what it scans is not known."""
    found, warehouse = run([], [node_], {}, {})
    assert verdict(found["d.t"]) == (Verdict.NOT_CHECKED, reason)
    assert found["d.t"].after == (Scan(0) if node_.disabled else Scan(None))
    assert not warehouse.queries


def test_a_disabled_action_keeps_its_table() -> None:
    """What reads it is checked with the table in production."""
    disabled = node("d.t", "SELECT new FROM {shop.orders}", "shop.orders", disabled=True)
    found, _ = run([SOURCE, OLD, READER], [SOURCE, disabled, READER], {})
    assert verdict(found["d.r"]) == ACCEPTED


def test_a_disabled_view_reads_what_changes() -> None:
    """Its columns in production say nothing about what reads it after the change."""
    view = node("d.v", "SELECT old FROM {d.t}", "d.t", kind="view", disabled=True)
    reader = node("d.r", "SELECT reader FROM {d.v}", "d.v")
    tables = {**TABLES, "d.v": "id INT64"}
    found, _ = run([SOURCE, OLD, view, reader], [SOURCE, NEW, view, reader], {}, tables)
    reason = f"It reads {full('d.v')}, which is not checked."
    assert verdict(found["d.r"]) == (Verdict.NOT_CHECKED, reason)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (InvalidQuery("Syntax error"), "is invalid"),
        (Inconclusive("no permission"), "is not checked"),
    ],
)
def test_downstream_of_an_unknown_table(outcome: BaseException, words: str) -> None:
    """What reads a table with unknown columns is not checked, and is not sent."""
    ordered = node("d.o", "SELECT ordered FROM {shop.orders}", "shop.orders", "d.t")
    changed = replace(ordered, query=f"{ordered.query} LIMIT 1")
    tables = {**TABLES, "d.o": "id INT64"}
    outcomes = {"SELECT new": outcome, "SELECT ordered": ok()}
    found, _ = run([SOURCE, OLD, READER, ordered], [SOURCE, NEW, READER, changed], outcomes, tables)
    assert verdict(found["d.r"]) == (
        Verdict.NOT_CHECKED,
        f"It reads {full('d.t')}, which {words}.",
    )
    # A dependency that only orders does not matter.
    assert verdict(found["d.o"]) == ACCEPTED


def test_declarations_in_front_of_a_query() -> None:
    """They are sent with the query, and the position of an error is that in the query."""
    operations = ("CREATE TEMP FUNCTION f() AS (1);",)
    new = node("d.t", "SELECT f()", pre_operations=operations)
    found, warehouse = run([], [new], {"SELECT f()": InvalidQuery("wrong", 3, 8)}, {})
    assert [sql for sql, _ in warehouse.queries] == [
        "CREATE TEMP FUNCTION f() AS (1)\n;\nSELECT f()"
    ]
    check = found["d.t"].check
    assert check is not None
    assert (check.verdict, check.line, check.column) == (Verdict.INVALID, 1, 8)


def test_scripts_without_columns() -> None:
    """If BigQuery reports no columns, it may not have checked the query."""
    new = node("d.t", "SELECT new", pre_operations=("DECLARE x INT64",))
    found, _ = run([], [new], {"SELECT new": ok("", 0)}, {})
    assert verdict(found["d.t"]) == (
        Verdict.NOT_CHECKED,
        "BigQuery reports no columns for it, as for a script, which it checks only in part.",
    )


@pytest.mark.parametrize(
    ("outcome", "reader", "reason"),
    [
        (
            InvalidQuery("Unrecognized name: x", 1, 30),
            "SELECT reader FROM {d.t}",
            "BigQuery does not accept the columns that stand for the tables upstream: "
            "Unrecognized name: x",
        ),
        (
            InvalidQuery("Unrecognized name: _PARTITIONTIME", 2, 8),
            "SELECT reader, _PARTITIONTIME FROM {d.t}",
            "It uses a pseudo column. So this error of BigQuery may not be one of the query: "
            "Unrecognized name: _PARTITIONTIME",
        ),
        (
            ok("n INT64", tables=(full("d.t"),)),
            "SELECT reader FROM {d.t} JOIN d.t USING (n)",
            "The dry run reads my-project.d.t as it is in production, so it says nothing "
            "about this change.",
        ),
        (
            ok(),
            "SELECT reader FROM d.t",
            "It names my-project.d.t in another form than ref() does.",
        ),
        (
            Inconclusive("Access Denied: Table x"),
            "SELECT reader FROM {d.t}",
            "Access Denied: Table x",
        ),
    ],
)
def test_where_the_method_is_the_reason(outcome: Outcome, reader: str, reason: str) -> None:
    """An error that hiding a table may have caused does not make an action invalid."""
    read = node("d.r", reader, "d.t")
    found, _ = run([SOURCE, OLD, READER], [SOURCE, NEW, read], {HIDDEN: outcome})
    assert verdict(found["d.r"]) == (Verdict.NOT_CHECKED, reason)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "Function not found: `my-project`.d.f",
            "It calls a function that is not in production: Function not found: `my-project`.d.f",
        ),
        (
            "Query is too large.",
            "The tables upstream make the query too long: Query is too large.",
        ),
        ("Function not found: SUMM", ""),
    ],
)
def test_errors_that_are_not_of_the_query(message: str, reason: str) -> None:
    """A function of an operation may be made later, and hidden tables add to the length."""
    found, _ = run(*CHANGE, {HIDDEN: InvalidQuery(message)})
    expected = (Verdict.NOT_CHECKED, reason) if reason else (Verdict.INVALID, message)
    assert verdict(found["d.r"]) == expected


def test_an_operation_upstream_may_explain_an_error() -> None:
    """What an operation makes is not known, so an error downstream may be one of production."""
    operation = node("d.op", kind="operation", queries=("CREATE FUNCTION d.f() AS (1)",))
    new = node("d.t", "SELECT new FROM {shop.orders}", "shop.orders", "d.op")
    wrong = {"SELECT new": InvalidQuery("No matching signature for function d.f")}
    found, _ = run([SOURCE, OLD], [SOURCE, operation, new], wrong)
    assert verdict(found["d.t"]) == (
        Verdict.NOT_CHECKED,
        f"It depends on {full('d.op')}, which may change what it uses. "
        "The error: No matching signature for function d.f",
    )
    found, _ = run([SOURCE, OLD], [SOURCE, operation, new], {})
    assert verdict(found["d.t"]) == ACCEPTED


def test_the_columns_that_settings_name() -> None:
    """A key that the query does not return makes an action invalid, unless it was so before."""
    settings: dict[str, Any] = {"partition": "DATE(id)", "clusters": ("day",)}
    old = node("d.t", "SELECT old FROM {shop.orders}", "shop.orders", partition="DATE(id)")
    new = node("d.t", "SELECT new FROM {shop.orders}", "shop.orders", **settings)
    found, _ = run([SOURCE, old], [SOURCE, new], {})
    text = "The partition expression DATE(id) needs the column id, which the query does not return."
    assert verdict(found["d.t"]) == (Verdict.INVALID, text)
    found, _ = run([SOURCE, old], [SOURCE, new], {"SELECT old": ok("x INT64")})
    assert verdict(found["d.t"]) == (Verdict.NOT_CHECKED, f"{text} The base has the same problem.")
    found, _ = run([SOURCE, old], [SOURCE, new], {"SELECT new": ok("id INT64; day DATE")})
    assert verdict(found["d.t"]) == ACCEPTED


def test_a_key_that_is_lost_upstream() -> None:
    """An unchanged table whose key is gone is invalid, because of the change upstream."""
    reader = node("d.r", "SELECT reader FROM {d.t}", "d.t", clusters=("id",))
    outcomes = {"SELECT reader": ok("id INT64"), HIDDEN: ok("day DATE")}
    found, _ = run([SOURCE, OLD, reader], [SOURCE, NEW, reader], outcomes)
    check = found["d.r"].check
    assert check is not None
    assert check.verdict is Verdict.INVALID
    assert check.causes == (Cause(full("d.t"), ColumnChange("id", "INT64", "")),)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (ok(), Verdict.INVALID),
        (Inconclusive("Not found: Table", missing=full("d.t")), Verdict.INVALID),
        (Inconclusive("no permission"), Verdict.NOT_CHECKED),
    ],
)
def test_a_removed_action_is_still_read(outcome: Outcome, expected: Verdict) -> None:
    """What reads it is invalid even if the table is still there."""
    reader = node("d.r", "SELECT reader, 1 FROM " + ref("d.t"))
    found, _ = run([SOURCE, OLD, READER], [SOURCE, reader], {"SELECT reader, 1": outcome})
    assert verdict(found["d.r"])[0] is expected
    if expected is Verdict.INVALID:
        check = found["d.r"].check
        assert check is not None
        assert check.message == f"It reads {full('d.t')}, which is removed."
        assert check.causes == (Cause(full("d.t")),)
    assert found["d.t"].change is Change.REMOVED
    assert found["d.t"].check is None


@pytest.mark.parametrize(
    ("text", "tables", "expected"),
    [
        ("d.t.id FROM {shop.orders} AS d", (), ACCEPTED),
        (
            "1 FROM d.t",
            (full("d.t"),),
            (Verdict.INVALID, f"It reads {full('d.t')}, which is removed."),
        ),
        ("1 FROM `my-project.d.T`", (full("d.T"),), ACCEPTED),
    ],
)
def test_what_looks_like_a_removed_table(
    text: str, tables: tuple[str, ...], expected: tuple[Verdict, str]
) -> None:
    """A column is no table, and names that differ in case are different tables."""
    reader = node("d.r", f"SELECT reader, {text}", "shop.orders")
    outcome = ok("n INT64", tables=tables)
    found, _ = run([SOURCE, OLD, READER], [SOURCE, reader], {"SELECT reader,": outcome})
    assert verdict(found["d.r"]) == expected


def test_an_action_that_becomes_a_declaration_is_not_removed() -> None:
    """Its table is still one of the project."""
    declared = node("d.t", kind="declaration")
    reader = node("d.r", "SELECT reader, 1 FROM {d.t}", "d.t")
    found, _ = run(
        [SOURCE, OLD, READER],
        [SOURCE, declared, reader],
        {},
        changes={"d.t": {"change": Change.METADATA}},
    )
    assert verdict(found["d.r"]) == ACCEPTED


def incremental(text: str, **more: Any) -> GraphAction:  # noqa: ANN401
    return node(
        *("d.t", f"SELECT {text} FROM {{shop.orders}}", "shop.orders"),
        kind="incremental table",
        incremental_query=f"SELECT {text} FROM {{shop.orders}} WHERE n > (SELECT 1 FROM {{d.t}})",
        **more,
    )


def test_incremental_tables() -> None:
    """Both queries are checked, and the one that the next run executes is counted."""
    outcomes: dict[str, Outcome] = {
        "old FROM": ok("id INT64", 1000),
        "new FROM": ok("day DATE", 2000),
    }
    outcomes["SELECT old FROM `my-project.shop.orders` WHERE"] = ok("id INT64", 10)
    outcomes["SELECT new FROM `my-project.shop.orders` WHERE"] = ok("day DATE", 20)
    before, after = incremental("old"), incremental("new")
    found, warehouse = run([SOURCE, before], [SOURCE, after], outcomes)
    state, why = verdict(found["d.t"])
    assert state is Verdict.NOT_CHECKED
    assert why.startswith("The column id of its table is missing in its query. ")
    assert (found["d.t"].before, found["d.t"].after) == (Scan(10), Scan(20))
    assert len(warehouse.queries) == 4
    assert found["d.t"].drift == ()
    full_refresh = {"d.t": {"full_refresh": "its type changed"}}
    found, warehouse = run([SOURCE, before], [SOURCE, after], outcomes, changes=full_refresh)
    assert (found["d.t"].before, found["d.t"].after) == (Scan(10), Scan(2000))
    # The incremental query reads the table that the other one makes.
    assert any(sql.startswith(HIDDEN) and "WHERE" in sql for sql, _ in warehouse.queries)
    outcomes["SELECT new FROM `my-project.shop.orders` WHERE"] = InvalidQuery("wrong", 1, 8)
    found, _ = run([SOURCE, before], [SOURCE, after], outcomes)
    assert verdict(found["d.t"]) == (Verdict.INVALID, "wrong")
    outcomes["new FROM"] = Inconclusive("no permission")
    found, _ = run([SOURCE, before], [SOURCE, after], outcomes, changes=full_refresh)
    assert verdict(found["d.t"]) == (Verdict.NOT_CHECKED, "no permission")


@pytest.mark.parametrize(
    ("kept", "renewed", "expected"),
    [
        (ok("n INT64"), ok("n INT64"), Verdict.ACCEPTED),
        (InvalidQuery("x"), ok("n INT64"), Verdict.NOT_CHECKED),
        (ok("n INT64"), InvalidQuery("x"), Verdict.NOT_CHECKED),
        (InvalidQuery("x"), InvalidQuery("x"), Verdict.INVALID),
    ],
)
def test_downstream_of_an_incremental_table(
    kept: Outcome, renewed: Outcome, expected: Verdict
) -> None:
    """Whether it gets new columns is not known, so both possibilities must agree."""
    outcomes = {
        "old FROM": ok("id INT64"),
        "new FROM": ok("day DATE"),
        "SELECT more": kept,
        f"{HIDDEN}\nSELECT more": renewed,
    }
    reader = node("d.r", "SELECT more FROM {d.t}", "d.t")
    found, _ = run(
        [SOURCE, incremental("old"), READER], [SOURCE, incremental("new"), reader], outcomes
    )
    assert verdict(found["d.r"])[0] is expected


def test_an_incremental_table_that_cannot_be_read() -> None:
    """If its columns are not known, what reads it is not checked."""
    tables = {**TABLES, "d.t": Inconclusive("no permission")}
    outcomes = {"old FROM": ok("id INT64"), "new FROM": ok("day DATE")}
    found, _ = run(
        [SOURCE, incremental("old"), READER], [SOURCE, incremental("new"), READER], outcomes, tables
    )
    assert verdict(found["d.t"])[0] is Verdict.NOT_CHECKED
    assert verdict(found["d.r"])[1] == f"It reads {full('d.t')}, which is not checked."


def test_an_incremental_table_upstream_is_never_behind() -> None:
    """It may keep its columns forever, whatever its query returns."""
    old = node("d.r", "SELECT old FROM {d.t}", "d.t")
    new = node("d.r", "SELECT new FROM {d.t}", "d.t")
    same = incremental("same")
    outcomes = {"SELECT new": InvalidQuery("Unrecognized name: new"), "same FROM": ok("new DATE")}
    found, _ = run([SOURCE, same, old], [SOURCE, same, new], outcomes)
    assert verdict(found["d.r"])[0] is Verdict.INVALID


def test_drift() -> None:
    """Production that differs from the base is reported on its own."""
    found, _ = run(*CHANGE, {}, {"d.t": "id INT64; gone STRING", "d.r": "n INT64"})
    assert found["d.t"].drift == (ColumnChange("gone", "STRING", ""),)
    assert found["d.r"].drift == ()


def test_views_may_report_old_columns() -> None:
    """A view is hidden if it changes, although production already reports the new columns."""
    old = node("d.t", "SELECT old FROM {shop.orders}", "shop.orders", kind="view")
    new = node("d.t", "SELECT new FROM {shop.orders}", "shop.orders", kind="view")
    tables = {"d.t": "day DATE", "d.r": "n INT64"}
    _, warehouse = run([SOURCE, old, READER], [SOURCE, new, READER], {}, tables)
    assert any(sql.startswith(HIDDEN) for sql, _ in warehouse.queries)


def test_tables_that_are_named_without_ref() -> None:
    """A changed table is hidden in a query that does not declare its dependency."""
    reader = node("d.r", "SELECT reader, 1 FROM " + ref("d.t"))
    _, warehouse = run([SOURCE, OLD, READER], [SOURCE, NEW, reader], {})
    assert any(sql.startswith(HIDDEN) for sql, _ in warehouse.queries)


@pytest.mark.parametrize("dependencies", [(), ("d.t",)])
def test_wildcard_tables(dependencies: tuple[str, ...]) -> None:
    """What reads a changed table by a wildcard is not accepted: no WITH clause can hide it."""
    reader = node("d.r", f"SELECT reader FROM `{full('d.t')}*`", *dependencies)
    found, _ = run([SOURCE, OLD, reader], [SOURCE, NEW, reader], OUTCOMES)
    reason = f"It names {full('d.t')} in another form than ref() does."
    assert found["d.r"].change is Change.AFFECTED
    assert verdict(found["d.r"]) == (Verdict.NOT_CHECKED, reason)


def test_tables_that_read_each_other_without_ref() -> None:
    """They are not checked, and all others are, in their order."""
    outcomes = {"SELECT one": ok(), "SELECT two": ok(), HIDDEN: InvalidQuery("lost")}
    one = node("d.one", f"SELECT one FROM {ref('d.two')}")
    two = node("d.two", f"SELECT two FROM {ref('d.one')}")
    reader = node("d.a", "SELECT reader FROM " + ref("d.t"))
    changed = [
        node(*(it.name.partition(".")[2], f"{it.query} LIMIT 1")) for it in (one, two, reader)
    ]
    tables = {**TABLES, "d.one": "id INT64", "d.two": "id INT64", "d.a": "n INT64"}
    found, _ = run([SOURCE, OLD, one, two, reader], [SOURCE, NEW, *changed], outcomes, tables)
    reason = f"It reads {full('d.two')} as it is in production."
    assert verdict(found["d.one"]) == (Verdict.NOT_CHECKED, reason)
    assert verdict(found["d.a"]) == (Verdict.INVALID, "lost")


def test_two_actions_with_one_name() -> None:
    """BigQuery has one table for both, so only one is checked, and none is lost."""
    before, after = graph(SOURCE, OLD), graph(SOURCE, NEW)
    plan = plan_of(before, after)
    twin = replace(plan.actions[0], change=Change.ADDED)
    plan = replace(plan, actions=(twin, *plan.actions))
    found = validate(plan, after, before, FakeWarehouse(OUTCOMES, TABLES), retry, ignore)
    first, second = found.actions
    assert verdict(first) == (Verdict.NOT_CHECKED, "Another action has the same name.")
    assert (first.change, second.change) == (Change.ADDED, Change.CHANGED)
    assert verdict(second) == ACCEPTED


def test_cycles() -> None:
    """Actions that depend on each other are not checked."""
    one, two = node("d.t", "SELECT new", "d.r"), node("d.r", "SELECT reader", "d.t")
    found, _ = run([], [one, two], {}, {})
    assert verdict(found["d.t"]) == (Verdict.NOT_CHECKED, "It depends on itself.")


def test_assertions_are_checked() -> None:
    """They are queries, but have no table to compare."""
    assertion = node("d.r", "SELECT reader FROM {d.t}", "d.t", kind="assertion")
    found, warehouse = run([SOURCE, OLD, assertion], [SOURCE, NEW, assertion], {})
    assert verdict(found["d.r"]) == ACCEPTED
    assert warehouse.reads == [full("d.t")]


def test_nothing_to_check() -> None:
    """A plan without such changes makes no request and stays as it is."""
    warehouse = FakeWarehouse({})
    lines: list[Update] = []
    plan = plan_of(graph(SOURCE, OLD), graph(SOURCE))
    assert validate(plan, graph(), graph(), warehouse, retry, lines.append) is plan
    assert not warehouse.queries
    assert not lines


def test_a_refusal_of_all_queries_ends_the_check() -> None:
    """If no dry run is allowed, the error says so after a few requests."""
    refusal = Refused("HTTP 403", status=403, hint="Grant a role.")
    actions = [node(f"d.t{number}", "SELECT new") for number in range(100)]
    warehouse = FakeWarehouse({"SELECT": refusal})
    plan = plan_of(graph(), graph(*actions))
    with pytest.raises(Refused) as caught:
        validate(plan, graph(*actions), graph(), warehouse, retry, ignore)
    assert caught.value is refusal
    assert len(warehouse.queries) <= 16


class Ticking(FakeClock):
    """A clock that advances by 6 seconds each time it is read."""

    def now(self) -> float:
        self.time += 6
        return super().now()


def test_the_log() -> None:
    """A line is sent now and then, and one at the end that counts the dry runs."""
    lines: list[Update] = []
    warehouse = FakeWarehouse(OUTCOMES, TABLES)
    before, after = graph(*CHANGE[0]), graph(*CHANGE[1])
    plan = plan_of(before, after)
    validate(plan, after, before, warehouse, retry, lines.append, Ticking())
    texts = list(map(str, lines))
    assert texts[-1] == "2 actions checked with 4 dry runs"
    assert len(texts) > 1
    assert all(text.endswith("of 2 actions checked") for text in texts[:-1])
    lines.clear()
    plan = plan_of(graph(), graph(NEW))
    validate(plan, graph(NEW), graph(), warehouse, retry, lines.append)
    assert list(map(str, lines)) == ["1 action checked with 1 dry run"]


def test_outages_are_reported_once() -> None:
    """Each thread meets an outage, and the log has one line for its start and one for its end."""
    lines: list[Update] = []
    gate = threading.Barrier(8, timeout=30)
    failed: list[str] = []
    lock = threading.Lock()

    def outcome() -> DryRun:
        with lock:
            number = len(failed)
            failed.append("")
        if number < 16:
            # All threads fail, and only then the first of them succeeds.
            gate.wait()
        if number < 8:
            raise NoResponse("HTTP 503")
        return ok("id INT64")

    actions = [node(f"d.t{number}", f"SELECT x{number}") for number in range(30)]
    polling = Polling(timeout=3600, outage_timeout=600)
    validate(
        plan_of(graph(), graph(*actions)),
        graph(*actions),
        graph(),
        FakeWarehouse({"SELECT x": outcome}),
        lambda observer: Backoff(polling, observer, FakeClock()).retrying(""),
        lines.append,
        FakeClock(),
    )
    assert [type(line) for line in lines] == [OutageStarted, OutageEnded, Noted]
    assert str(lines[-1]) == "30 actions checked with 30 dry runs"


@pytest.mark.parametrize(("clock", "waits"), [(FakeClock(), 0), (Ticking(), 3)])
def test_what_threads_report_is_forwarded(clock: FakeClock, waits: int) -> None:
    """A wait of several threads is a line now and then, and other updates are always sent."""
    lines: list[Update] = []

    def reporting(observer: Observer) -> Retry:
        for _ in range(3):
            observer(Waiting(None, 60.0, 30.0))
        observer(Noted("something else"))
        return once

    plan = plan_of(graph(), graph(NEW))
    warehouse = FakeWarehouse(OUTCOMES, TABLES)
    validate(plan, graph(NEW), graph(), warehouse, reporting, lines.append, clock)
    kinds = [type(line) for line in lines]
    assert kinds.count(Waiting) == waits
    assert Noted("something else") in lines


def test_the_result_does_not_depend_on_the_order_of_responses() -> None:
    """The same plan results from every run."""
    layers = [
        node(
            f"d.t{layer}x{number}",
            "SELECT new",
            *(f"d.t{layer - 1}x{up}" for up in range(3) if layer),
        )
        for layer in range(5)
        for number in range(6)
    ]
    plan = plan_of(graph(), graph(*layers))

    def check() -> Plan:
        warehouse = FakeWarehouse(OUTCOMES)
        return validate(plan, graph(*layers), graph(), warehouse, retry, ignore)

    first = check()
    assert all(check() == first for _ in range(5))
