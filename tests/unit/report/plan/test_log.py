"""The log of a plan: counts, each changed action, and last what BigQuery rejects."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.plan import Change, Check, Verdict
from dataform_action.report.plan.log import render_log
from tests.support.plans import (
    BASE,
    HEAD,
    breaking,
    compile_errors,
    hostile,
    huge,
    make_plan,
    make_request,
    planned,
    reading,
    unchecked,
)


def test_log_of_a_plan() -> None:
    """The log has everything that matters, and ends with what is broken."""
    assert render_log(breaking()) == [
        f"Compared commit {HEAD} with {BASE}, with the settings of production.",
        "Of 156 actions: 2 changed, 1 added, 1 removed, 12 affected.",
        "Newly declared sources: raw.discounts",
        "BigQuery's dry run: 13 accepted, 1 invalid, 1 not checked.",
        "Scan of the changed and added tables: 148 GiB → ≥ 212 GiB (+64 GiB or more)",
        "Other scans: affected tables ≥ 48 GiB, assertions 3.5 GiB, views (when read) 2.1 GiB",
        "  changed marts.orders  incremental table, SQL, partitioning, amount FLOAT64 → NUMERIC, "
        "+ discount NUMERIC, 96 GiB → ≥ 104 GiB, accepted, needs a full refresh",
        "  changed staging.customers  table, SQL, − region_code STRING, 52 GiB, accepted",
        "  added   marts.customer_ltv  table, 56 GiB, accepted",
        "  removed staging.old_customers",
        "Note: Dataform core changes from 3.0.20 to 3.0.59.",
        "Not checked:",
        "  It is a script of several statements. (exports.ledger)",
        "What breaks:",
        "  marts.revenue_by_region (not edited)",
        "    Unrecognized name: region_code",
        "    Because staging.customers no longer has region_code",
    ]


def test_log_without_a_check() -> None:
    """Without validation, the log has the changes alone."""
    lines = render_log(unchecked(make_plan(planned("a.b"), request=make_request())))
    assert lines[1:] == [
        "Of 156 actions: 1 changed, 0 added, 0 removed, 0 affected.",
        "  changed a.b  table, SQL",
    ]


def test_log_of_compile_errors() -> None:
    """Compile errors of the head are all that there is; those of the base come before the rest."""
    plan = make_plan(errors=compile_errors())
    assert render_log(plan)[1:] == [
        "Compile errors of the head:",
        "  includes/dates.js:3:9: day is not defined",
        *(
            f"  my-project.marts.daily_{n} in definitions/marts/daily_{n}.sqlx: "
            "dates is not defined"
            for n in range(3)
        ),
    ]
    lines = render_log(make_plan(base_errors=compile_errors() * 10))
    assert "Compile errors of the base:" in lines
    assert lines[-1] == "  and 20 more", "counts would say that nothing changes"


def test_only_views_are_scanned() -> None:
    """Without a table, the sizes are those of the others."""
    plan = make_plan(planned("a.v", kind="view", after=2))
    assert "Scan: views (when read) 2 GiB" in render_log(plan)


def test_log_is_bounded() -> None:
    """A plan of thousands of actions has a bounded log, which says what is missing."""
    lines = render_log(huge(3000))
    assert len(lines) < 520
    assert "  and 2,500 more" in lines
    plan = make_plan(
        *(planned(f"a.r{n}", Change.REMOVED) for n in range(600)),
        *(
            reading(f"a.b{n}", "", check=Check(verdict=Verdict.INVALID, message=f"E{n}"))
            for n in range(50)
        ),
        *(
            reading(f"a.n{n}", "", check=Check(verdict=Verdict.NOT_CHECKED, message=f"R{n}"))
            for n in range(50)
        ),
    )
    lines = render_log(plan)
    for line in ("  and 100 more", "  and 30 more causes", "  and 30 more reasons"):
        assert line in lines


def test_hostile_texts_stay_on_their_lines() -> None:
    """No text breaks a line or is very long."""
    plan = replace(hostile("a\nb\r\nc" + "x" * 9000), base_errors=())
    for line in render_log(plan)[1:]:
        assert "\n" not in line
        assert len(line) < 2500


def test_the_most_frequent_reason_is_first() -> None:
    """Why actions were not checked is sorted as in the comment."""
    reasons = {"a": "rare", "b": "frequent", "c": "frequent"}
    actions = [
        planned(f"d.{name}", check=Check(verdict=Verdict.NOT_CHECKED, message=text))
        for name, text in reasons.items()
    ]
    lines = render_log(make_plan(*actions))
    assert lines[-3:] == ["Not checked:", "  frequent (d.b and d.c)", "  rare (d.a)"]
