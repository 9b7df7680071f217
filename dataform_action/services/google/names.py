"""Google Cloud Dataform: find the actions and tags that people name, or what is nearest. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from dataform_action.model import CompiledAction
from dataform_action.text import printable

_SHOWN = 3


def match_names(
    wanted: Iterable[str], compiled: Sequence[CompiledAction]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the full name, ``project.dataset.name``, of each wanted action, and the problems.

    A wanted name is ``name``, ``dataset.name`` or ``project.dataset.name``, with the suffixes and
    the prefix of the compilation or as the project writes it. A name that fits no action, or more
    than one, is a problem that names the nearest.
    """
    # The compiled names come first: where both fit, the name as it is compiled is meant.
    names = [{action.name: action.name for action in compiled}]
    names.append({action.canonical_name: action.name for action in compiled})
    full_names = sorted(names[0])
    problems: list[tuple[str, str]] = []
    found: list[str] = []
    for name in wanted:
        fits = next(filter(None, (_fits(name, known) for known in names)), [])
        if len(fits) == 1:
            found.append(fits[0])
        else:
            problems.append(("actions", _problem(name, fits, full_names)))
    return list(dict.fromkeys(found)), problems


def _fits(name: str, full_names: Mapping[str, str]) -> list[str]:
    """Return the actions that a name may mean; ``full_names`` has the action of each full name."""
    if name in full_names:
        return [full_names[name]]
    return sorted({full_names[full] for full in full_names if full.endswith(f".{name}")})


def reachable(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the names that can be reached from some names, which are reached as well."""
    found, waiting = set(names), list(names)
    while waiting:
        new = set(edges.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _problem(name: str, fits: list[str], full_names: list[str]) -> str:
    if fits:
        some = ", ".join(fits[:_SHOWN])
        more = f" and {len(fits) - _SHOWN} more" if len(fits) > _SHOWN else ""
        return f"{name!r} fits several actions: write one of {some}{more}"
    depth = name.count(".") + 1
    by_tail = {".".join(full.split(".")[-depth:]): full for full in full_names}
    return _missing(f"{name!r} is not in the compilation", name, by_tail)


def tag_problems(
    wanted: Iterable[str], compiled: Iterable[CompiledAction]
) -> list[tuple[str, str]]:
    """Return a problem for each tag that no action has; it tells the nearest."""
    known = sorted({tag for action in compiled for tag in action.tags})
    return [
        ("tags", _missing(f"{tag!r} is on no action of the compilation", tag, known))
        for tag in wanted
        if tag not in known
    ]


def _missing(problem: str, name: str, known: Iterable[str]) -> str:
    """Return a problem with the names that are nearest, whatever their case."""
    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    near = difflib.get_close_matches(name.casefold(), by_folded, n=_SHOWN, cutoff=0.5)
    names = [printable(by_folded[folded]) for folded in near]
    if not names:
        return f"{problem}, and no name there is like it"
    return f"{problem}. Did you mean {' or '.join(names)}?"
