"""Plans that the real SQL analyzer checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from dataform_action.bigquery.warehouse import BigQueryWarehouse
from dataform_action.clock import once
from dataform_action.emulator import Emulator
from dataform_action.emulator.local.analysis import ZetaSqlAnalyzer
from dataform_action.graph import GraphAction
from dataform_action.plan import Cause, ColumnChange, PlannedAction, Verdict
from dataform_action.plans.validation import validate
from tests.support.projects import full, graph, node, plan_of, ref

Table = Mapping[str, Any]
Check = Callable[..., dict[str, PlannedAction]]

ORDERS = "SELECT id, customer_id, amount FROM {shop.orders}"


@pytest.fixture(scope="session")
def analyzer() -> ZetaSqlAnalyzer:
    return ZetaSqlAnalyzer()


def fields(columns: str) -> list[dict[str, Any]]:
    """Return the fields of a schema: ``id INTEGER, tags STRING*``."""
    found: list[dict[str, Any]] = []
    for part in columns.split(", "):
        name, kind = part.split(" ")
        field = {"name": name, "type": kind.rstrip("*")}
        found.append(field | ({"mode": "REPEATED"} if kind.endswith("*") else {}))
    return found


@pytest.fixture
def check(analyzer: ZetaSqlAnalyzer) -> Iterator[Check]:
    """Plan a change, and check it; ``tables`` are those in production."""
    servers: list[Emulator] = []

    def run(
        tables: Mapping[str, str],
        base: list[GraphAction],
        head: list[GraphAction],
        changes: Mapping[str, Any] | None = None,
    ) -> dict[str, PlannedAction]:
        seeded = {
            full(name): {"schema": {"fields": fields(columns)}, "numBytes": "1000"}
            for name, columns in tables.items()
        }
        emulator = Emulator(analyzer=analyzer, tables=seeded)
        emulator.start()
        servers.append(emulator)
        warehouse = BigQueryWarehouse(
            project_id="my-project", token=emulator.token, api_url=emulator.url
        )
        before, after = graph(*base), graph(*head)
        plan = plan_of(before, after, changes)
        found = validate(plan, after, before, warehouse, lambda _observer: once, print)
        return {one.name.partition(".")[2]: one for one in found.actions}

    yield run
    for server in servers:
        server.close()


SHOP = {"shop.orders": "id INTEGER, customer_id INTEGER, amount FLOAT, region_code STRING"}
BUILT = {
    "staging.orders": "id INTEGER, customer_id INTEGER, amount FLOAT, region_code STRING",
    "staging.regions": "id INTEGER, customer_id INTEGER, amount FLOAT, region_code STRING",
    "marts.by_region": "region_code STRING, total FLOAT",
}
SOURCE = node("shop.orders", kind="declaration")
STAGED = node("staging.orders", "SELECT * FROM {shop.orders}", "shop.orders")
#: A view in between that nobody edits.
REGIONS = node("staging.regions", "SELECT * FROM {staging.orders}", "staging.orders", kind="view")
BY_REGION = node(
    "marts.by_region",
    "SELECT region_code, SUM(amount) AS total\nFROM {staging.regions}\nGROUP BY region_code",
    "staging.regions",
)


def test_new_column_of_a_view(check: Check) -> None:
    """A view gains a column, and another one that reads it is accepted."""
    before = node("v.a", "SELECT id FROM {shop.orders}", "shop.orders", kind="view")
    after = node("v.a", "SELECT id, amount FROM {shop.orders}", "shop.orders", kind="view")
    reader = node("v.b", "SELECT id FROM {v.a}", "v.a", kind="view")
    reads = node("v.b", "SELECT id, amount * 2 AS twice FROM {v.a}", "v.a", kind="view")
    production = SHOP | {"v.a": "id INTEGER", "v.b": "id INTEGER"}
    found = check(production, [SOURCE, before, reader], [SOURCE, after, reads])
    assert found["v.b"].verdict is Verdict.ACCEPTED
    assert found["v.b"].columns == (ColumnChange("twice", "", "FLOAT64"),)
    assert found["v.a"].columns == (ColumnChange("amount", "", "FLOAT64"),)


def test_removed_column_is_read_through_an_unchanged_view(check: Check) -> None:
    """The action downstream is invalid, because of the action that lost the column."""
    after = node(
        "staging.orders", "SELECT * EXCEPT (region_code) FROM {shop.orders}", "shop.orders"
    )
    found = check(
        SHOP | BUILT, [SOURCE, STAGED, REGIONS, BY_REGION], [SOURCE, after, REGIONS, BY_REGION]
    )
    lost = ColumnChange("region_code", "STRING", "")
    assert found["staging.orders"].verdict is Verdict.ACCEPTED
    assert found["staging.regions"].verdict is Verdict.ACCEPTED
    assert found["staging.regions"].columns == (lost,)
    broken = found["marts.by_region"].check
    assert broken is not None
    assert broken.verdict is Verdict.INVALID
    assert broken.message.startswith("Unrecognized name: region_code")
    assert (broken.line, broken.column) == (1, 8)
    assert broken.causes == (Cause(full("staging.orders"), lost),)


def test_changed_type(check: Check) -> None:
    """A column with a new type breaks what reads it, at the position of the column."""
    after = node(
        "staging.orders",
        "SELECT * REPLACE (CAST(amount AS STRING) AS amount) FROM {shop.orders}",
        "shop.orders",
    )
    reader = node(
        "marts.sums", "SELECT 1 + o.amount AS x FROM {staging.orders} AS o", "staging.orders"
    )
    sums = node(
        "marts.total", "SELECT\n  o.amount + 1 AS x FROM {staging.orders} AS o", "staging.orders"
    )
    production = SHOP | BUILT | {"marts.sums": "x FLOAT", "marts.total": "x FLOAT"}
    found = check(production, [SOURCE, STAGED, reader, sums], [SOURCE, after, reader, sums])
    retyped = ColumnChange("amount", "FLOAT64", "STRING")
    assert found["staging.orders"].columns == (retyped,)
    for name in ("marts.sums", "marts.total"):
        assert found[name].verdict is Verdict.INVALID
    broken = found["marts.total"].check
    assert broken is not None
    assert "No matching signature for operator +" in broken.message
    assert (broken.line, broken.causes) == (2, (Cause(full("staging.orders"), retyped),))


def test_incremental_table(check: Check) -> None:
    """Both queries are checked, and a table that exists keeps its columns."""
    where = "{shop.orders} WHERE id > (SELECT MAX(id) FROM {staging.events})"
    base = node(
        *("staging.events", "SELECT id FROM {shop.orders}", "shop.orders"),
        kind="incremental table",
        incremental_query=f"SELECT id FROM {where}",
    )
    wider = node(
        *("staging.events", "SELECT id, amount FROM {shop.orders}", "shop.orders"),
        kind="incremental table",
        incremental_query=f"SELECT id, amount FROM {where}",
    )
    wrong = node(
        *("staging.events", "SELECT id FROM {shop.orders}", "shop.orders"),
        kind="incremental table",
        incremental_query=f"SELECT idd FROM {where}",
    )
    reader = node("marts.new", "SELECT amount FROM {staging.events}", "staging.events")
    safe = node("marts.old", "SELECT id FROM {staging.events}", "staging.events")
    production = SHOP | {"staging.events": "id INTEGER"}
    found = check(production, [SOURCE, base], [SOURCE, wider, reader, safe])
    assert found["staging.events"].verdict is Verdict.ACCEPTED
    assert found["marts.old"].verdict is Verdict.ACCEPTED
    unsure = found["marts.new"].check
    assert unsure is not None
    assert unsure.verdict is Verdict.NOT_CHECKED
    assert "onSchemaChange" in unsure.message
    refreshed = {"staging.events": {"full_refresh": "its columns change"}}
    found = check(production, [SOURCE, base], [SOURCE, wider, reader, safe], refreshed)
    assert found["marts.new"].verdict is Verdict.ACCEPTED
    found = check(production, [SOURCE, base], [SOURCE, wrong])
    assert found["staging.events"].verdict is Verdict.INVALID
    found = check(SHOP, [SOURCE], [SOURCE, wider, reader])
    assert found["staging.events"].verdict is Verdict.ACCEPTED
    assert found["marts.new"].verdict is Verdict.ACCEPTED
    found = check(SHOP, [SOURCE], [SOURCE, wrong])
    assert found["staging.events"].verdict is Verdict.INVALID


def test_scripts(check: Check) -> None:
    """A script is not checked, and neither is what reads its table."""
    script = node("ops.load", kind="operation", queries=("BEGIN SELECT 1; END",), has_output=True)
    declared = node(
        *("staging.daily", "SELECT id, day FROM {shop.orders}", "shop.orders"),
        pre_operations=("DECLARE day DATE DEFAULT CURRENT_DATE()",),
    )
    other = node("staging.x", "SELECT 1 AS x", pre_operations=("CREATE TABLE x.y AS SELECT 1",))
    reader = node("marts.a", "SELECT * FROM {ops.load}", "ops.load")
    found = check(SHOP, [SOURCE], [SOURCE, script, declared, other, reader])
    reasons = {name: one.check.message for name, one in found.items() if one.check is not None}
    assert {one.verdict for one in found.values()} == {Verdict.NOT_CHECKED}
    assert reasons == {
        "ops.load": "Operations are not checked.",
        "staging.daily": (
            "BigQuery reports no columns for it, as for a script, which it checks only in part."
        ),
        "staging.x": "It has pre-operations other than DECLARE, SET and CREATE TEMP FUNCTION.",
        "marts.a": f"It reads {full('ops.load')}, which is not checked.",
    }


@pytest.mark.parametrize("exists", [True, False])
def test_removed_upstream(check: Check, *, exists: bool) -> None:
    """An action that reads a removed one is invalid, whether or not its table still exists."""
    reader = node("marts.a", f"SELECT id, 1 AS more FROM {ref('staging.orders')}")
    old = node("marts.a", f"SELECT id FROM {ref('staging.orders')}", "staging.orders")
    production = SHOP | (BUILT if exists else {})
    found = check(production, [SOURCE, STAGED, old], [SOURCE, reader])
    broken = found["marts.a"].check
    assert broken is not None
    assert (broken.verdict, broken.causes) == (
        Verdict.INVALID,
        (Cause(full("staging.orders")),),
    )
    assert broken.message == f"It reads {full('staging.orders')}, which is removed."


T = ref("staging.t")
#: Queries that read the new column ``extra``, in every form of reference.
RIGHT = {
    "no alias": f"SELECT extra FROM {T}",
    "alias": f"SELECT x.extra FROM {T} x",
    "AS alias": f"SELECT x.extra FROM {T} AS x",
    "whole name as alias": f"SELECT {T}.extra FROM {T}",
    "join": f"SELECT a.extra, b.extra AS other FROM {T} a JOIN {T} b ON a.id = b.id",
    "left join using": f"SELECT id, a.extra FROM {T} a LEFT JOIN {T} b USING (id)",
    "comma join": f"SELECT a.extra FROM {T} a, {ref('shop.orders')} o WHERE o.id = a.id",
    "correlated subquery": (
        f"SELECT o.id, (SELECT MAX(t.extra) FROM {T} t WHERE t.id = o.id) AS m "
        f"FROM {ref('shop.orders')} o"
    ),
    "scalar subquery": f"SELECT (SELECT MAX(extra) FROM {T}) AS m",
    "exists": f"SELECT EXISTS (SELECT 1 FROM {T} WHERE extra = 1) AS x",
    "in": f"SELECT 1 IN (SELECT extra FROM {T}) AS x",
    "unnest of a column": f"SELECT x.extra, tag FROM {T} x, UNNEST(x.tags) AS tag",
    "unnest by path": f"SELECT x.extra, tag FROM {T} x, x.tags AS tag",
    "own with": f"WITH a AS (SELECT extra FROM {T}) SELECT extra FROM a",
    "nested with": f"WITH a AS (WITH b AS (SELECT extra FROM {T}) SELECT * FROM b) SELECT * FROM a",
    "with of the short name": f"WITH t AS (SELECT extra FROM {T}) SELECT extra FROM t",
    "lower case with": f"with a as (select extra from {T}) select extra from a",
    "recursive": (
        f"WITH RECURSIVE r AS (SELECT extra AS n FROM {T} UNION ALL "
        "SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r"
    ),
    "union all": f"SELECT extra FROM {T} UNION ALL SELECT extra FROM {T}",
    "leading parenthesis": f"(SELECT extra FROM {T}) UNION ALL (SELECT 1)",
    "parenthesis with": f"(WITH a AS (SELECT extra FROM {T}) SELECT * FROM a)",
    "pipe": f"FROM {T} |> WHERE extra > 1 |> SELECT extra",
    "pivot": f"SELECT * FROM {T} PIVOT (SUM(extra) FOR name IN ('a', 'b'))",
    "struct field": f"SELECT x.s.a, extra FROM {T} AS x",
    "except": f"SELECT * EXCEPT (tags, s) FROM {T} WHERE extra > 0",
    "replace": f"SELECT * REPLACE (extra + 1 AS extra) FROM {T}",
    "group by all": f"SELECT extra, COUNT(*) AS n FROM {T} GROUP BY ALL",
    "qualify": f"SELECT extra FROM {T} QUALIFY ROW_NUMBER() OVER (ORDER BY extra) = 1",
    "hint": f"SELECT a.extra FROM {T} a JOIN@{{join_type=hash_join}} {T} b ON a.id = b.id",
    "as struct": f"SELECT ARRAY_AGG(STRUCT(x.extra, x.id)) AS all_of_it FROM {T} AS x",
    "whole row": f"SELECT TO_JSON_STRING(x) AS row_text, x.extra FROM {T} AS x",
    "semicolon": f"SELECT extra FROM {T};",
    "comment at the end": f"SELECT extra FROM {T} -- {T}",
    "comment and semicolon": f"SELECT extra FROM {T}; # done\n/* {T} */",
    "comments in front": f"-- WITH x AS\n# y\n/* WITH */\n\n  SELECT extra FROM {T}",
    "comment before with": f"/* a */ WITH -- b\n a AS (SELECT extra FROM {T}) SELECT extra FROM a",
    "name in a string": f"SELECT extra, 'staging.t; `my-project.staging.t`' AS x FROM {T}",
}
#: Queries that cannot be checked with a hidden table, and part of the reason.
NOT_RIGHT = {
    "system time": (
        f"SELECT extra FROM {T} FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()",
        "It uses FOR SYSTEM_TIME.",
    ),
    "partition time": (f"SELECT extra, _PARTITIONTIME AS p FROM {T}", "It uses a pseudo column."),
    "table suffix": (
        f"SELECT extra FROM {T} WHERE _TABLE_SUFFIX = '1'",
        "It uses a pseudo column.",
    ),
    "own with of the same name": (
        f"WITH {T} AS (SELECT 1 AS extra) SELECT extra FROM {T}",
        f"Its WITH clause defines {full('staging.t')}.",
    ),
    "three names": ("SELECT extra FROM `my-project`.`staging`.`t`", "in another form than ref()"),
    "no quotes": ("SELECT extra FROM my-project.staging.t", "in another form than ref()"),
    "without the project": ("SELECT extra FROM `staging.t`", "in another form than ref()"),
    "both": (
        f"SELECT a.extra FROM {T} a JOIN staging.t b ON a.extra = b.extra",
        f"It also names {full('staging.t')} in another form than ref() does.",
    ),
    "both, and valid": (
        f"SELECT a.extra FROM {T} a JOIN staging.t b ON a.id = b.id",
        f"The dry run reads {full('staging.t')} as it is in production, so it says nothing "
        "about this change.",
    ),
    "another case": (
        "SELECT id FROM `my-project.staging.T`",
        "differ from my-project.staging.t only",
    ),
}


def forms(query: str) -> tuple[dict[str, str], list[GraphAction], list[GraphAction]]:
    """Return a change that adds the column ``extra``, and an action that reads it."""
    production = SHOP | {
        "staging.t": "id INTEGER, name STRING, tags STRING*",
        "staging.T": "id INTEGER",
        "marts.reader": "id INTEGER",
    }
    base = "SELECT id, region_code AS name, [region_code] AS tags FROM {shop.orders}"
    head = base.replace(" FROM", ", STRUCT(1 AS a) AS s, 5 AS extra FROM")
    reader = node("marts.reader", f"SELECT id FROM {T}", "staging.t")
    return (
        production,
        [SOURCE, node("staging.t", base, "shop.orders"), reader],
        [
            SOURCE,
            node("staging.t", head, "shop.orders"),
            node("marts.reader", query, "staging.t", "shop.orders"),
        ],
    )


@pytest.mark.parametrize("form", RIGHT)
def test_forms_of_reference(check: Check, form: str) -> None:
    """A hidden table is read in every form, with its new columns."""
    found = check(*forms(RIGHT[form]))["marts.reader"].check
    assert found is not None
    assert (found.verdict, found.message) == (Verdict.ACCEPTED, "")
    # Without the shadow, the new column would not be there.
    wrong = check(*forms(RIGHT[form].replace("extra", "extras")))["marts.reader"].check
    assert wrong is not None
    assert wrong.verdict is Verdict.INVALID
    assert "extras" in wrong.message


@pytest.mark.parametrize("form", NOT_RIGHT)
def test_forms_that_cannot_be_checked(check: Check, form: str) -> None:
    """Where the method may cause an error, nothing is called invalid or accepted."""
    query, reason = NOT_RIGHT[form]
    found = check(*forms(query))["marts.reader"].check
    assert found is not None
    assert found.verdict is Verdict.NOT_CHECKED
    assert reason in found.message
