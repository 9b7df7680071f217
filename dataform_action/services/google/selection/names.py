"""Google Cloud Dataform: find actions and tags by name, or suggest similar names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from dataform_action.model import CompiledAction
from dataform_action.text import printable

_MOST_NAMES = 3
#: The search for similar names takes long, so only so many unknown names are reported singly.
_MOST_UNKNOWN = 10


def match_names(
    requested: Iterable[str], compiled: Sequence[CompiledAction]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the full name, ``project.dataset.name``, of each requested action, and the problems.

    A requested name is ``name``, ``dataset.name`` or ``project.dataset.name``, with or without the
    suffixes and the prefix of the compilation. A name that matches no action or several actions is
    a problem, with similar names.
    """
    full_names = {action.name for action in compiled}
    # The full names of the actions by each of their names.
    known: dict[str, set[str]] = {}
    for action in compiled:
        for name in (action.name, action.canonical_name):
            known.setdefault(name, set()).add(action.name)
    problems: list[tuple[str, str]] = []
    found: list[str] = []
    unknown: list[str] = []
    for name in requested:
        # A problem lists compiled names in full, so such a name is never ambiguous.
        matches = [name] if name in full_names else _matches(name, known)
        if len(matches) == 1:
            found.append(matches[0])
        elif matches:
            problems.append(("actions", _ambiguity_problem(name, matches)))
        else:
            unknown.append(name)
    problems += _unknown_problems(
        "actions",
        "is not in the compilation",
        unknown,
        lambda name: _with_depth(name, sorted(full_names)),
    )
    return list(dict.fromkeys(found)), problems


def _matches(name: str, known: Mapping[str, set[str]]) -> list[str]:
    """Return the actions that a name matches; ``known`` has the actions of each full name."""
    if name in known:
        return sorted(known[name])
    ends = (actions for full, actions in known.items() if full.endswith(f".{name}"))
    return sorted(set().union(*ends))


def reachable(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the names that can be reached from some names, including these."""
    found, waiting = set(names), list(names)
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _ambiguity_problem(name: str, matches: list[str]) -> str:
    some = ", ".join(matches[:_MOST_NAMES])
    more = f" and {len(matches) - _MOST_NAMES} more" if len(matches) > _MOST_NAMES else ""
    return f"{name!r} matches several actions: use one of {some}{more}"


def _with_depth(name: str, full_names: Iterable[str]) -> Iterable[str]:
    """Return the ends of the full names that have as many parts as a name."""
    depth = name.count(".") + 1
    return {".".join(full.rsplit(".", depth)[-depth:]): None for full in full_names}


def tag_problems(
    requested: Iterable[str], compiled: Iterable[CompiledAction]
) -> list[tuple[str, str]]:
    """Return a problem for each tag that no action has, with similar tags."""
    known = {tag for action in compiled for tag in action.tags}
    unknown = [tag for tag in requested if tag not in known]
    names = sorted(known)
    return _unknown_problems(
        "tags", "is not a tag of any compiled action", unknown, lambda _tag: names
    )


def _unknown_problems(
    input_name: str,
    problem: str,
    unknown: Sequence[str],
    known: Callable[[str], Iterable[str]],
) -> list[tuple[str, str]]:
    """Return a problem for each of the first unknown names, and one for the others together.

    ``known`` returns the names among which a similar one is searched, which takes long.
    """
    problems = [
        (input_name, _with_suggestion(f"{name!r} {problem}", name, known(name)))
        for name in unknown[:_MOST_UNKNOWN]
    ]
    more = len(unknown) - _MOST_UNKNOWN
    if more > 0:
        what = "1 more name" if more == 1 else f"{more:,} more names"
        problems.append((input_name, f"has {what} with the same problem"))
    return problems


def _with_suggestion(problem: str, name: str, known: Iterable[str]) -> str:
    """Return a problem with similar names, ignoring case."""
    # Only here, because each start would import it, and only an error needs it.
    import difflib  # noqa: PLC0415

    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    near = difflib.get_close_matches(name.casefold(), by_folded, n=_MOST_NAMES, cutoff=0.5)
    names = [printable(by_folded[folded]) for folded in near]
    if not names:
        return f"{problem}, and no name is similar"
    return f"{problem}. Did you mean {' or '.join(names)}?"
