"""The causes of failures: computed once, for the summary, the annotations and the log. Pure.

Failures belong to the same cause if their messages or reasons are equal. The comparison ignores
white space and the parts that depend on the action:

* a position in the SQL that Dataform generates for the action, such as ``[12:5]``
* a date with a time, such as ``2026-01-01 02:00:00 UTC``
* the id of one of the action's own jobs, and the id of a job of a statement in a script
* the action's own name, with or without its project

All other differences count: similar texts, such as those with different column names, are separate
causes. Two headings for one cause are better than one heading for two causes.
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
#: What never belongs to a cause: positions, times, and the jobs of a script's statements.
_INCIDENTAL = re.compile(
    rf"{_POSITION.pattern}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"
    r"(?: ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)(?!\w))?"
    r"|(?<!\w)script_job_[0-9a-f]{8,}(?:_[0-9]+)?(?!\w)"
)
#: Replacements for an action's own name or job, and for the other parts that are ignored.
_OWN, _OTHER = "\0own\0", "\0\0"
#: BigQuery allows 1,024 characters in the name of a table, and as many in that of a dataset.
_LONGEST_NAME = 2200


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedActions:
    """The failed actions of one cause.

    ``reason`` is the reason of the first action. It is empty if the API gives none. ``is_exact``
    says that the reasons differ in white space at most. ``actions`` are sorted: those that blocked
    the most come first. ``positions`` says where in its SQL each action failed; the texts are empty
    if the positions do not differ. ``blocked`` has the names of the actions that could not run:
    first tables, views and so on, then assertions, each sorted by name.
    """

    reason: str
    is_exact: bool
    actions: tuple[Action, ...]
    positions: tuple[str, ...]
    blocked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileErrors:
    """The compile errors of one cause, in the order in which the compiler reports them.

    ``message`` is the message of the first error. ``is_exact`` says that the messages differ in
    white space at most. ``places`` has one error for each action and file: the compiler may report
    an error twice, or with neither of them.
    """

    message: str
    is_exact: bool
    errors: tuple[CompileError, ...]
    places: tuple[CompileError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """The causes of a step's failures.

    ``compile_errors`` keeps the order of the compiler, because the first error often causes the
    others. ``failures`` is sorted: the causes that blocked the most come first, and of these the
    causes with the most actions.
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
    # Many actions may share one long tuple.
    lists = {id(names): names for names in (analysis.blocked[a.name] for a in actions)}
    blocked = set().union(*lists.values())
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
    return len({_one_line(text) for text in texts}) == 1


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _keys(text: str, name: str, *own_ids: str) -> tuple[str, str]:
    """Return two keys for the comparison: with the action's own name and job ids, and without them.

    The first key is for equal reasons that name one action, if this is one of those that failed.
    """
    line = _INCIDENTAL.sub(_OTHER, _one_line(text))
    # A dot before a name makes it a part of a longer name. Before an id, it ends the location.
    own = [rf"(?<![\w.:-]){re.escape(word)}" for word in _spellings(name) if word in line]
    own += [rf"(?<![\w-]){re.escape(own_id)}" for own_id in own_ids if own_id and own_id in line]
    return line, re.sub(rf"(?:{'|'.join(own)})(?![\w-])", _OWN, line) if own else line


def _spellings(name: str) -> Iterator[str]:
    """Yield the ways in which BigQuery and Dataform's compiler write the name of an action."""
    project, dot, rest = name.partition(".")
    if not dot:
        # A single word may mean anything.
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
    """Return the query for the rows that fail an assertion. It is empty for other kinds.

    Dataform creates a view of these rows, which has the name of the assertion.
    """
    name = action.name
    is_full = name.count(".") >= 2 and len(name) <= _LONGEST_NAME
    # A name that ends the quotation is no name of a view.
    if action.kind != "assertion" or not is_full or not name.isprintable() or {*"`\\"} & {*name}:
        return ""
    return f"SELECT * FROM `{name}`"  # noqa: S608
