"""Parts of a report that cannot change the outcome of a step."""

from __future__ import annotations

import traceback
from types import TracebackType

from dataform_action.github.commands import Console


class Guard:
    """A block that renders one part of the report. An error in it becomes a warning."""

    def __init__(self, console: Console, part: str) -> None:
        self._console = console
        self._part = part

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _type: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        lines = "".join(traceback.format_exception(error)).splitlines()
        self._console.group("Traceback", lines)
        self._console.warning(
            f"The {self._part} could not be written: {type(error).__name__}: {error}. The result "
            "of the step does not change. Please report this error with the lines above.",
            "Dataform: internal error",
        )
        return True
