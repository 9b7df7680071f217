"""Google Cloud Dataform: find the actions and tags that people name, or what is nearest. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dataform_action.model import CompiledAction
from dataform_action.text import printable

_SHOWN = 3


def match_names(
    wanted: Iterable[str], compiled: Iterable[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the full name, ``project.dataset.name``, of each wanted action, and the problems.

    A wanted name is ``name``, ``dataset.name`` or ``project.dataset.name``. One that fits no
    action, or more than one, is a problem that tells the nearest.
    """
    full_names = sorted(set(compiled))
    problems: list[tuple[str, str]] = []
    found: list[str] = []
    for name in wanted:
        fits = [full for full in full_names if full == name]
        fits = fits or [full for full in full_names if full.endswith(f".{name}")]
        if len(fits) == 1:
            found.append(fits[0])
        else:
            problems.append(("actions", _problem(name, fits, full_names)))
    return list(dict.fromkeys(found)), problems


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
