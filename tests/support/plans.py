"""Plans for tests: ``make_plan`` and ``planned``, and one plan of each kind by name.

``tests.support.golden`` writes the comment of each to ``tests/golden/plan``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dataform_action.graph import GraphAction
from dataform_action.model import CompileError
from dataform_action.plan import (
    Cause,
    Change,
    Check,
    Column,
    ColumnChange,
    Plan,
    PlannedAction,
    PlanRequest,
    Scan,
    Verdict,
)
from dataform_action.report.plan.comment import render_comment

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "plan"
PROJECT = "my-project"
HEAD = "9f2c1e7d0b8e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
BASE = "41ab03d5c6d7e8f90a1b2c3d4e5f60718293a4b5"
REPOSITORY_URL = "https://github.com/example/warehouse"
FILES_URL = f"{REPOSITORY_URL}/blob/{HEAD}"
RUN_URL = f"{REPOSITORY_URL}/actions/runs/812"
GIB = 2**30
ACCEPTED = Check(verdict=Verdict.ACCEPTED)
SCRIPT = Check(verdict=Verdict.NOT_CHECKED, message="It is a script of several statements.")
HOSTILE = (
    "x|y ``` ~~~ @everyone #12 GH-7 :tada: $a$ \u202ertl\u202c שלום 🎉 <b>b</b> </details> <!-- "
    "::error::e %%{init: {}}%% subgraph s; click n1 --> { \" ' } [l](http://a.example) "
    "https://b.example www.c.example d@e.example 3f2a9c1d0b8e4f5a \ud800 \u200b end"
)


def graph_action(name: str, kind: str = "table", **fields: object) -> GraphAction:
    """Return an action of the graph; ``name`` is without the project."""
    values = {"file": f"definitions/{name.replace('.', '/')}.sqlx", **fields}
    full = f"{PROJECT}.{name}"
    return GraphAction(name=full, key=full, kind=kind, **values)  # type: ignore[arg-type]


def planned(
    name: str,
    change: Change = Change.CHANGED,
    kind: str = "table",
    *,
    before: float | None = None,
    after: float | None = None,
    at_least: bool = False,
    through: str = "",
    **fields: object,
) -> PlannedAction:
    """Return an action of a plan. Sizes are in GiB, and names are without the project."""
    action = graph_action(name, kind)
    values = {
        "check": None if change in (Change.REMOVED, Change.METADATA) else ACCEPTED,
        "aspects": ("SQL",) if change is Change.CHANGED else (),
        "columns": () if change is Change.CHANGED else None,
        "before": _scan(before),
        "after": _scan(after, at_least=at_least),
        "through": tuple(f"{PROJECT}.{upper}" for upper in through.split()),
        **fields,
    }
    base = None if change is Change.ADDED else action
    return PlannedAction(action=action, base=base, change=change, **values)  # type: ignore[arg-type]


def _scan(gib: float | None, *, at_least: bool = False) -> Scan | None:
    return None if gib is None else Scan(int(gib * GIB), at_least)


def make_plan(
    *actions: PlannedAction, request: PlanRequest | None = None, **fields: object
) -> Plan:
    """Return a plan of these actions, with the edges that their ``through`` names."""
    names = {action.name for action in actions}
    edges = tuple(
        (upper, action.name) for action in actions for upper in action.through if upper in names
    )
    values = {"edges": edges, "action_count": 156, "files_url": FILES_URL, **fields}
    return Plan(
        project_id=PROJECT,
        location="europe-west1",
        repository="warehouse",
        request=request or make_request(),
        head=HEAD,
        base=BASE,
        actions=actions,
        **values,  # type: ignore[arg-type]
    )


def make_request(**fields: object) -> PlanRequest:
    """Return a request to compare ``HEAD`` with ``BASE``."""
    values = {"environment": "production", **fields}
    return PlanRequest(head=HEAD, base=BASE, **values)  # type: ignore[arg-type]


CUSTOMERS_DIFF = """\
@@ -1,7 +1,6 @@ SQL
 SELECT
   customer_id,
-  region_code,
   LOWER(email) AS email,
   created_at
 FROM
   `my-project.raw.customers`
"""
ORDERS_DIFF = """\
@@ -2,8 +2,11 @@ SQL
   order_id,
   customer_id,
   ordered_at,
-  amount,
+  CAST(amount AS NUMERIC) AS amount,
+  COALESCE(discount, 0) AS discount,
   status
 FROM
   `my-project.raw.orders`
+WHERE
+  status != 'test'
"""
REGION = ColumnChange("region_code", "STRING", "")


def reading(name: str, upstream: str, **fields: object) -> PlannedAction:
    """Return an affected table."""
    values = {"kind": "table", "before": 12.0, "after": 12.0, **fields}
    return planned(name, Change.AFFECTED, through=upstream, **values)  # type: ignore[arg-type]


def edited_actions() -> tuple[PlannedAction, ...]:
    """Return what a typical pull request edits."""
    return (
        planned(
            "staging.customers",
            before=52,
            after=52,
            columns=(REGION,),
            diff=CUSTOMERS_DIFF,
        ),
        planned(
            "marts.orders",
            kind="incremental table",
            before=96,
            after=104,
            at_least=True,
            aspects=("SQL", "partitioning"),
            columns=(
                ColumnChange("discount", "", "NUMERIC"),
                ColumnChange("amount", "FLOAT64", "NUMERIC"),
            ),
            diff=ORDERS_DIFF,
            full_refresh="its partitioning changed",
        ),
        planned(
            "marts.customer_ltv",
            Change.ADDED,
            after=56,
            through="staging.customers marts.orders",
            schema=tuple(Column(f"column_{n}", "STRING") for n in range(6)),
        ),
    )


def affected_actions() -> tuple[PlannedAction, ...]:
    """Return what is downstream of ``edited_actions``."""
    return (
        *(reading(f"marts.daily_{name}", "marts.orders") for name in ("sales", "refunds", "tax")),
        reading("marts.customer_360", "staging.customers marts.customer_ltv"),
        reading("reports.orders", "marts.orders", kind="view", before=1.5, after=1.5),
        *(
            reading(f"reports.{name}", "marts.daily_sales", kind="view", before=0.2, after=0.2)
            for name in ("weekly", "monthly", "quarterly")
        ),
        reading("tests.orders_unique", "marts.orders", kind="assertion", before=3.0, after=3.0),
        reading("tests.sales_positive", "marts.daily_sales", kind="assertion", after=0.5),
        reading(
            "exports.ledger",
            "marts.orders",
            kind="operation",
            check=SCRIPT,
            before=None,
            after=None,
        ),
    )


def breaking() -> Plan:
    """Return the plan of a change that breaks an action that it does not edit."""
    upstream = f"{PROJECT}.staging.customers"
    broken = reading(
        "marts.revenue_by_region",
        "staging.customers",
        after=None,
        check=Check(
            verdict=Verdict.INVALID,
            message="Unrecognized name: region_code",
            line=4,
            column=3,
            causes=(Cause(upstream, REGION),),
        ),
    )
    return make_plan(
        *edited_actions(),
        broken,
        *affected_actions(),
        planned("staging.old_customers", Change.REMOVED),
        planned("staging.countries", Change.METADATA, aspects=("tags",)),
        declarations_added=(f"{PROJECT}.raw.discounts",),
        notes=("Dataform core changes from 3.0.20 to 3.0.59.",),
    )


def typical() -> Plan:
    """Return the plan of a change that BigQuery accepts."""
    actions = [it for it in breaking().actions if it.verdict is not Verdict.INVALID]
    drifted = replace(actions[0], drift=(ColumnChange("region_code", "", "STRING"),))
    return make_plan(drifted, *actions[1:])


def small() -> Plan:
    """Return the plan of a change of one line, everything accepted."""
    return make_plan(
        planned("staging.customers", before=52, after=52, diff="@@ -1 +1 @@\n-SELECT 1\n+SELECT 2"),
        reading("marts.customers", "staging.customers"),
    )


def include_change(count: int = 200, *, broken: int = 7) -> Plan:
    """Return the plan of a change of an include that many actions use."""
    actions = []
    for n in range(count):
        diff = (
            f"@@ -{n + 1},3 +{n + 1},3 @@\n SELECT column_{n},\n"
            "-  DATE(created_at) AS day\n+  DATE(created_at, 'Europe/Berlin') AS day\n"
        )
        check = ACCEPTED
        if n < broken:
            message = (
                f"No matching signature for function DATE for argument types: DATE, INT{n % 2}"
            )
            check = Check(verdict=Verdict.INVALID, message=message, line=n + 2, column=3)
        name = f"marts_country_performance.agg_orders_by_country_and_device_{n:03}"
        is_valid = check is ACCEPTED
        actions.append(
            planned(
                name,
                before=n,
                after=n + 0.5 if is_valid else None,
                columns=() if is_valid else None,
                diff=diff,
                check=check,
            )
        )
    upper = "marts_country_performance.agg_orders_by_country_and_device_100"
    readers = [reading(f"reports.orders_of_device_{n}", upper, kind="view") for n in range(150)]
    broken_reader = reading(
        "reports.broken",
        upper,
        check=Check(
            verdict=Verdict.INVALID,
            message="No matching signature for operator = for argument types: DATE, TIMESTAMP",
            causes=(Cause(f"{PROJECT}.{upper}", ColumnChange("day", "DATE", "TIMESTAMP")),),
        ),
    )
    return make_plan(*actions, *readers, broken_reader, action_count=420)


def huge(count: int = 5_000) -> Plan:
    """Return a plan of thousands of actions, with a different diff for most of them."""
    actions = []
    for n in range(count):
        diff = "@@ -1,60 +1,60 @@\n" + "".join(
            f" column_{line},\n-  old_{n}_{line},\n+  new_{n}_{line},\n" for line in range(20)
        )
        through = f"marts.table_{n - 1}" if n % 7 else ""
        actions.append(
            planned(f"marts.table_{n}", before=n, after=n + 1, diff=diff, through=through)
        )
    return make_plan(*actions, action_count=count)


def hostile(text: str = HOSTILE) -> Plan:
    """Return a plan with this text in every field of a service."""
    change = ColumnChange(text, text, text)
    check = Check(
        verdict=Verdict.INVALID, message=text, line=1, causes=(Cause(text, change), Cause(text))
    )

    def action(suffix: str, change_of: Change, check_of: Check | None) -> PlannedAction:
        return PlannedAction(
            action=GraphAction(name=f"{text}{suffix}", key=text, kind=text, file=text),
            change=change_of,
            aspects=(text,),
            through=(f"{text}1",),
            diff=f"@@ -1 +1 @@\n-{text}\n+ {text}\n" if suffix == "1" else "",
            full_refresh=text if suffix == "1" else "",
            check=check_of,
            columns=(change, ColumnChange(text, "", text), ColumnChange(text, text, "")),
            before=Scan(5, at_least=True),
            after=Scan(9),
            drift=(change,),
        )

    return Plan(
        project_id=text,
        location=text,
        repository=text,
        request=PlanRequest(head=text, base=text, environment=text),
        head=text,
        base=text,
        actions=(
            action("1", Change.CHANGED, ACCEPTED),
            action("2", Change.AFFECTED, check),
            action("3", Change.AFFECTED, Check(verdict=Verdict.NOT_CHECKED, message=text)),
            action("4", Change.REMOVED, None),
            action("5", Change.METADATA, None),
        ),
        edges=((f"{text}1", f"{text}2"), (f"{text}1", f"{text}3")),
        action_count=5,
        declarations_added=(text,),
        declarations_removed=(text,),
        base_errors=(CompileError(message=text, file=text, line=3, action=text),),
        notes=(text,),
        files_url=text,
    )


def unchecked(plan: Plan) -> Plan:
    """Return a plan as it is with ``validate: false``."""
    actions = tuple(
        replace(it, check=None, columns=None, schema=None, before=None, after=None, drift=())
        for it in plan.actions
    )
    return replace(plan, actions=actions, request=make_request(validate=False))


def compile_errors() -> tuple[CompileError, ...]:
    """Return the errors of a project with a mistake in an include."""
    return (
        CompileError(message="day is not defined", file="includes/dates.js", line=3, column=9),
        *(
            CompileError(
                message="dates is not defined",
                file=f"definitions/marts/daily_{n}.sqlx",
                action=f"{PROJECT}.marts.daily_{n}",
            )
            for n in range(3)
        ),
    )


def plans() -> dict[str, Plan]:
    """Return a plan of each kind, by the name of its golden file."""
    moved = planned("staging.countries", Change.METADATA, aspects=("tags", "file"))
    errors = compile_errors()
    return {
        "no-changes": make_plan(),
        "only-moved": make_plan(moved),
        "one-line": small(),
        "typical": typical(),
        "breaks-downstream": breaking(),
        "include": include_change(),
        "compile-errors": make_plan(errors=errors, action_count=0),
        "not-comparable": make_plan(base_errors=errors, action_count=0),
        "limit-exceeded": replace(typical(), request=make_request(max_bytes=200 * 10**9)),
        "not-validated": unchecked(typical()),
        "hostile": hostile(),
    }


def write() -> None:
    """Write the comment of each plan, and delete the files without a plan."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, plan in plans().items():
        text = render_comment(plan, run_url=RUN_URL)
        (FOLDER / f"{name}.md").write_bytes(text.encode("utf-8", "replace"))
