"""Find the actions that people name in part among those that were compiled."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dataform_action.errors import InputError

_SHOWN = 3


def complete_names(wanted: Iterable[str], compiled: Iterable[str]) -> list[str]:
    """Return the full name, ``project.dataset.name``, of each action that is wanted.

    A wanted name is ``name``, ``dataset.name`` or ``project.dataset.name``.

    Raises:
        InputError: a name fits no action, or more than one; it tells the nearest.
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
    if problems:
        error = InputError(problems)
        error.hint = "Nothing was run."
        raise error
    return list(dict.fromkeys(found))


def _problem(name: str, fits: list[str], full_names: list[str]) -> str:
    if fits:
        some = ", ".join(fits[:_SHOWN])
        more = f" and {len(fits) - _SHOWN} more" if len(fits) > _SHOWN else ""
        return f"name {name!r}, which fits several: write one of {some}{more}"
    depth = name.count(".") + 1
    by_tail = {".".join(full.split(".")[-depth:]): full for full in full_names}
    near = difflib.get_close_matches(name, by_tail, n=_SHOWN, cutoff=0.5)
    hint = f"the nearest are {', '.join(near)}" if near else "none is like it"
    return f"name {name!r}, which the compilation does not hold: {hint}"
