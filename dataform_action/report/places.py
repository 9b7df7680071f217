"""Names and places of failures as plain text, for annotations and the log. Pure."""

from __future__ import annotations

from dataform_action.model import Action, CompileError


def place_of(error: CompileError) -> str:
    """Return the file of a compile error, with line and column if they are known."""
    return ":".join(str(part) for part in (error.file, error.line, error.column) if part)


def title_of(action: Action) -> str:
    """Return an action's name. For an assertion it includes the action that is checked."""
    check = f" (assertion on {action.checked_action})" if action.checked_action else ""
    return f"{action.name}{check}"


def describe_action(action: Action) -> str:
    """Return an action's name with its file."""
    return " in ".join(filter(None, (title_of(action), action.file)))


def describe_error(error: CompileError) -> str:
    """Return the action and the place of a compile error. It is empty if neither is known."""
    return " in ".join(filter(None, (error.action, place_of(error))))
