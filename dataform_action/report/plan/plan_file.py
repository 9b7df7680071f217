"""The whole plan as JSON, for other programs: ``docs/plan-file.schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

from dataform_action.model import CompileError
from dataform_action.plan import Change, Check, Plan, PlannedAction, Scan, Verdict

#: Grows when a program that reads the file would have to change.
VERSION = 1

_Json = dict[str, Any]


def render_plan_file(plan: Plan) -> Iterator[str]:
    """Yield the parts of the JSON, each with at most one action: the whole may be large.

    What is not known is null.
    """
    members = {**_head(plan), "actions": [], **_end(plan)}
    separator = "{\n "
    for name, value in members.items():
        yield f"{separator}{json.dumps(name)}: "
        yield from _actions(plan) if name == "actions" else (_dump(value, 1),)
        separator = ",\n "
    yield "\n}\n"


def _actions(plan: Plan) -> Iterator[str]:
    separator = "[\n  "
    for action in plan.actions:
        yield f"{separator}{_dump(_action(action), 2)}"
        separator = ",\n  "
    yield "\n ]" if plan.actions else "[]"


def _dump(value: object, level: int) -> str:
    """Return JSON inside of so many levels; there is no line break in a text of JSON."""
    return json.dumps(value, indent=1).replace("\n", "\n" + level * " ")


def _head(plan: Plan) -> _Json:
    """Return what is before the actions."""
    request = plan.request
    return {
        "version": VERSION,
        "status": plan.status.value,
        "project_id": plan.project_id,
        "location": plan.location,
        "repository": plan.repository,
        "head": plan.head,
        "base": plan.base,
        "environment": request.environment,
        "project_path": request.project_path,
        "validate": request.validate,
        "max_bytes": request.max_bytes,
        "files_url": plan.files_url,
        "has_changes": plan.has_changes,
        "action_count": plan.action_count,
        "counts": _counts(plan),
        "scan": _scan(plan.scan),
    }


def _end(plan: Plan) -> _Json:
    """Return what is after the actions."""
    return {
        "edges": [list(edge) for edge in plan.edges],
        "declarations_added": list(plan.declarations_added),
        "declarations_removed": list(plan.declarations_removed),
        "errors": list(map(_error, plan.errors)),
        "base_errors": list(map(_error, plan.base_errors)),
        "notes": list(plan.notes),
    }


def _counts(plan: Plan) -> dict[str, int]:
    found = [action.change for action in plan.actions] + [action.verdict for action in plan.actions]
    kinds: list[Enum] = [*Change, *Verdict]
    return {kind.value: sum(it is kind for it in found) for kind in kinds}


def _action(it: PlannedAction) -> _Json:
    action = it.action
    return {
        "name": it.name,
        "key": action.key,
        "type": action.kind,
        "file": action.file,
        "tags": list(action.tags),
        "disabled": action.disabled,
        "change": it.change.value,
        "aspects": list(it.aspects),
        "through": list(it.through),
        "diff": it.diff,
        "full_refresh": it.full_refresh,
        "check": None if it.check is None else _check(it.check),
        "columns": _records(it.columns),
        "schema": _records(it.schema),
        "before": _scan(it.before),
        "after": _scan(it.after),
        "drift": _records(it.drift),
    }


def _check(check: Check) -> _Json:
    return {
        "verdict": check.verdict.value,
        "message": check.message,
        "line": check.line,
        "column": check.column,
        "causes": [
            {
                "name": cause.name,
                "column": None if cause.column is None else cause.column._asdict(),
            }
            for cause in check.causes
        ],
    }


def _scan(scan: Scan | None) -> _Json | None:
    return None if scan is None else scan._asdict()


def _records(found: tuple[Any, ...] | None) -> list[_Json] | None:
    return None if found is None else [record._asdict() for record in found]


def _error(error: CompileError) -> _Json:
    return {
        "message": error.message,
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "action": error.action,
    }
