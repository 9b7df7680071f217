"""Google Cloud Dataform: find actions and tags by name, or suggest similar names. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from dataform_action.model import CompiledAction
from dataform_action.text import printable

_MOST_NAMES = 3


def match_names(
    requested: Iterable[str], compiled: Sequence[CompiledAction]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the full name, ``project.dataset.name``, of each requested action, and the problems.

    A requested name is ``name``, ``dataset.name`` or ``project.dataset.name``, with or without the
    suffixes and the prefix of the compilation. A name that matches no action or several actions is
    a problem, with similar names.
    """
    # If a compiled name and a canonical name match, the compiled name is used.
    names = [{action.name: action.name for action in compiled}]
    names.append({action.canonical_name: action.name for action in compiled})
    full_names = sorted(names[0])
    problems: list[tuple[str, str]] = []
    found: list[str] = []
    for name in requested:
        matches = next(filter(None, (_matches(name, known) for known in names)), [])
        if len(matches) == 1:
            found.append(matches[0])
        else:
            problems.append(("actions", _problem(name, matches, full_names)))
    return list(dict.fromkeys(found)), problems


def _matches(name: str, full_names: Mapping[str, str]) -> list[str]:
    """Return the actions that a name matches; ``full_names`` has the action of each full name."""
    if name in full_names:
        return [full_names[name]]
    return sorted({full_names[full] for full in full_names if full.endswith(f".{name}")})


def reachable(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the names that can be reached from some names, including these."""
    found, waiting = set(names), list(names)
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _problem(name: str, matches: list[str], full_names: list[str]) -> str:
    if matches:
        some = ", ".join(matches[:_MOST_NAMES])
        more = f" and {len(matches) - _MOST_NAMES} more" if len(matches) > _MOST_NAMES else ""
        return f"{name!r} matches several actions: use one of {some}{more}"
    depth = name.count(".") + 1
    by_tail = {".".join(full.split(".")[-depth:]): full for full in full_names}
    return _with_suggestion(f"{name!r} is not in the compilation", name, by_tail)


def tag_problems(
    requested: Iterable[str], compiled: Iterable[CompiledAction]
) -> list[tuple[str, str]]:
    """Return a problem for each tag that no action has, with similar tags."""
    known = sorted({tag for action in compiled for tag in action.tags})
    return [
        ("tags", _with_suggestion(f"{tag!r} is not a tag of any compiled action", tag, known))
        for tag in requested
        if tag not in known
    ]


def _with_suggestion(problem: str, name: str, known: Iterable[str]) -> str:
    """Return a problem with similar names, ignoring case."""
    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    near = difflib.get_close_matches(name.casefold(), by_folded, n=_MOST_NAMES, cutoff=0.5)
    names = [printable(by_folded[folded]) for folded in near]
    if not names:
        return f"{problem}, and no name is similar"
    return f"{problem}. Did you mean {' or '.join(names)}?"
