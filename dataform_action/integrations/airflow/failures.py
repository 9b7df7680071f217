"""What an exception of the library means for a task."""

from __future__ import annotations

from dataform_action import CompileFailed, DataformError, InputError, Refused, RunMayExist


def is_gone(error: DataformError) -> bool:
    """Return whether the API does not know the run, so that no attempt can wait for it."""
    return isinstance(error, Refused) and error.status == 404


def is_final(error: DataformError) -> bool:
    """Return whether a retry would fail too, or could run a schedule twice."""
    return isinstance(error, (CompileFailed, InputError, Refused, RunMayExist))


def text_of(error: DataformError) -> str:
    """Return the message and the hint."""
    return "\n".join(filter(None, (error.message, error.hint)))
