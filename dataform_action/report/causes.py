"""Which failures have one cause: grouped once, for the summary, the annotations and the log. Pure.

Failures have one cause if their texts are equal. The comparison ignores what depends on the action
rather than on the cause:

* a position in the SQL that Dataform generates for the action, such as ``[12:5]``
* a point in time, such as ``2026-01-01 02:00:00 UTC``
* the id of a job: the action's own, or that of a statement in a script
* the action's own name, in full or without its project

Everything else counts. Texts that are merely alike, such as those that name different columns,
stay apart: two headings for one cause are better than one heading for two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dataform_action.model import Action, CompileError
from dataform_action.report.analysis import Analysis

_T = TypeVar("_T")

_POSITION = re.compile(r"\[[0-9]+:[0-9]+\]")
#: What is never a part of a cause: positions, points in time, the jobs of a script's statements.
_INCIDENTAL = re.compile(
    rf"{_POSITION.pattern}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"
    r"(?: ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)(?![\w]))?"
    r"|(?<!\w)script_job_[0-9a-f]{8,}(?:_[0-9]+)?(?!\w)"
)
#: What stands for an action's own name or job, and for what is never a part of a cause.
_OWN, _OTHER = "\0own\0", "\0\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedActions:
    """The failed actions of one cause.

    ``reason`` is that of the first action, and empty if the API gives none. ``is_exact`` says that
    all reasons are the same, letter by letter. ``actions`` has those that blocked the most first,
    and ``positions`` where in its SQL each one failed, or empty texts if that does not differ.
    ``blocked`` names what the actions blocked: tables and the like first, then assertions, each by
    name.
    """

    reason: str
    is_exact: bool
    actions: tuple[Action, ...]
    positions: tuple[str, ...]
    blocked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileErrors:
    """The compile errors of one cause, in the compiler's order.

    ``message`` is that of the first error. ``is_exact`` says that all messages are the same, letter
    by letter. ``places`` has one error for each place: the compiler may report an error twice, or
    without an action and a file.
    """

    message: str
    is_exact: bool
    errors: tuple[CompileError, ...]
    places: tuple[CompileError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """The causes of a step's failures.

    ``compile_errors`` are in the compiler's order, since the first errors often cause the others.
    ``failures`` has the causes that blocked the most first, then those of most actions.
    """

    compile_errors: tuple[CompileErrors, ...]
    failures: tuple[FailedActions, ...]


def find_causes(compile_errors: tuple[CompileError, ...], analysis: Analysis) -> Causes:
    """Return the compile errors and the failed actions, grouped by cause."""
    keys = [_keys(error.message, error.action) for error in compile_errors]
    errors = map(_compile_errors, _grouped(compile_errors, keys))
    failed = analysis.failed
    keys = [_keys(it.reason, it.name, *(job.id for job in it.jobs)) for it in failed]
    assertions = {action.name for action in analysis.actions if action.kind == "assertion"}
    failures = [
        _failed_actions(actions, analysis, assertions) for actions in _grouped(failed, keys)
    ]
    failures.sort(key=lambda cause: (-len(cause.blocked), -len(cause.actions)))
    return Causes(compile_errors=tuple(errors), failures=tuple(failures))


def _compile_errors(errors: list[CompileError]) -> CompileErrors:
    places = {
        (error.action, error.file, error.line, error.column): error
        for error in errors
        if error.action or error.file
    }
    return CompileErrors(
        message=errors[0].message,
        is_exact=_are_equal(error.message for error in errors),
        errors=tuple(errors),
        places=tuple(places.values()),
    )


def _failed_actions(
    actions: list[Action], analysis: Analysis, assertions: set[str]
) -> FailedActions:
    positions = tuple(map(_position, actions))
    blocked = {name for action in actions for name in analysis.blocked[action.name]}
    return FailedActions(
        reason=actions[0].reason,
        is_exact=_are_equal(action.reason for action in actions),
        actions=tuple(actions),
        positions=positions if len(set(positions)) > 1 else ("",) * len(actions),
        blocked=tuple(sorted(blocked, key=lambda name: (name in assertions, name))),
    )


def _position(action: Action) -> str:
    match = _POSITION.search(action.reason)
    return "" if match is None else match[0]


def _are_equal(texts: Iterable[str]) -> bool:
    return len({text.strip() for text in texts}) == 1


def _keys(text: str, name: str, *own_ids: str) -> tuple[str, str]:
    """Return what a text is compared by: with the action's own name and ids, and without them.

    The first key finds actions that name the same table, although it is one of these actions.
    """
    line = _INCIDENTAL.sub(_OTHER, " ".join(text.split()))
    # What stands before a name may make it a longer one; before an id, it is a project or location.
    own = [rf"(?<![\w.:-]){re.escape(word)}" for word in _spellings(name) if word in line]
    own += [rf"(?<![\w-]){re.escape(own_id)}" for own_id in own_ids if own_id and own_id in line]
    return line, re.sub(rf"(?:{'|'.join(own)})(?![\w-])", _OWN, line) if own else line


def _spellings(name: str) -> Iterator[str]:
    """Yield an action's name as BigQuery and Dataform's compiler spell it."""
    project, dot, rest = name.partition(".")
    if not dot:
        # A single word may mean something else.
        return
    yield name
    dataset, dot, table = rest.partition(".")
    if dot:
        yield f"{project}:{rest}"
        yield rest
        yield f'{{"schema":"{dataset}","name":"{table}","database":"{project}"}}'


def _grouped(items: Sequence[_T], keys: Sequence[tuple[str, str]]) -> list[list[_T]]:
    """Return the items in groups that share a key, in the order of their first items."""
    parents: dict[str, str] = {}

    def find_root(key: str) -> str:
        parent = parents.setdefault(key, key)
        while parent != key:
            parents[key] = parents[parent]
            key, parent = parent, parents[parent]
        return key

    for with_own, without_own in keys:
        parents[find_root(with_own)] = find_root(without_own)
    groups: dict[str, list[_T]] = {}
    for item, (key, _) in zip(items, keys, strict=True):
        groups.setdefault(find_root(key), []).append(item)
    return list(groups.values())


def rows_query(action: Action) -> str:
    """Return the query for the rows that fail an assertion; empty for other kinds of actions.

    Dataform keeps the rows in a view, which has the name of the assertion.
    """
    is_full_name = action.name.count(".") >= 2 and action.name.isprintable()
    if action.kind != "assertion" or not is_full_name or re.search(r"[`\\]", action.name):
        return ""
    return f"SELECT * FROM `{action.name}`"  # noqa: S608
