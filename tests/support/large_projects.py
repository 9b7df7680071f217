"""A project of the largest size that Google allows: 5,000 actions, with 20 MB of SQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dataform_action.emulator import Commit, Course, ReleaseConfig, Repository, WorkflowConfig
from tests.support.pull_requests import BASE, HEAD, HOME, MAIN

ACTIONS = 5_000
#: Each action reads one in the layer before, and the first one there.
_WIDTH = 1_000
#: The actions that fail in a run of the schedule. They block all that read them.
FAILED = range(100, 500)
#: The actions that the head changes. Those in the last layer read them.
CHANGED = range(3_200, 3_600)
#: The columns of each table.
COLUMNS = [{"name": f"column_{n}_of_the_table", "type": "STRING"} for n in range(80)]
_SQL_LENGTH = 4_000
_REASON = "Query error: Unrecognized name: customer_identifier; Did you mean customer_id? " * 120

Json = dict[str, Any]


def name_of(number: int) -> str:
    """Return the name of an action, without its project."""
    return f"layer_{number // _WIDTH}.table_{number:04}"


def make_large_graph(changed: Collection[int] = ()) -> Json:
    """Return the compiled graph, in which the SQL of some actions is ``changed``."""
    return {
        "tables": [_table(number, number in changed) for number in range(ACTIONS)],
        "dataformCoreVersion": "3.0.0",
    }


def make_large_repository() -> Repository:
    """Return a repository with a schedule that fails, and a commit that changes many actions."""
    course = Course(
        failures={name_of(n): f"{_REASON} at [{n}:1]" for n in FAILED}, parallel=ACTIONS
    )
    return Repository(
        graph=make_large_graph(),
        refs={
            "main": Commit(sha=MAIN),
            "base": Commit(sha=BASE),
            "head": Commit(sha=HEAD, graph=make_large_graph(CHANGED)),
        },
        release_configs=[ReleaseConfig(name="production")],
        workflow_configs=[
            WorkflowConfig(name="nightly", release_config="production", course=course)
        ],
        git_url=f"https://github.com/{HOME}.git",
    )


def _table(number: int, is_changed: bool) -> Json:
    name = name_of(number)
    upstreams = [] if number < _WIDTH else [number - _WIDTH, number - number % _WIDTH - _WIDTH]
    return {
        "type": "table",
        "enumType": "TABLE",
        "target": _target(name),
        "canonicalTarget": _target(name),
        "fileName": f"definitions/{name.replace('.', '/')}.sqlx",
        "tags": ["daily"],
        "dependencyTargets": [_target(name_of(upstream)) for upstream in upstreams],
        "query": _sql(number, upstreams, is_changed),
    }


def _target(name: str) -> dict[str, str]:
    dataset, _, table = name.partition(".")
    return {"database": "my-project", "schema": dataset, "name": table}


def _sql(number: int, upstreams: list[int], is_changed: bool) -> str:
    """Return a query of 4 kB, which no other action has."""
    names = [f"my-project.{name_of(upstream)}" for upstream in upstreams]
    tables = " CROSS JOIN ".join(f"`{name}`" for name in names or ["my-project.raw.events"])
    discount = "COALESCE(discount, 0) AS discount" if is_changed else "discount"
    lines = [f"  column_{line} AS column_{line}_of_{number}," for line in range(120)]
    text = "\n".join(["SELECT", *lines, f"  {discount}", f"FROM {tables}"])
    return f"{text}\n-- {'x' * (_SQL_LENGTH - len(text) - 4)}"
