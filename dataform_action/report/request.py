"""What a step was asked to run, as facts that the log and the summary show alike. Pure."""

from collections.abc import Iterator
from dataclasses import fields
from itertools import accumulate
from typing import NamedTuple

from dataform_action.model import RunRequest
from dataform_action.text import is_showable, shown_name

#: At most so many values are shown, and so many characters of them. No value is cut.
_MOST_VALUES = 10
_MOST_CHARACTERS = 300
_FLAGS = (
    ("Dependencies", "include_dependencies"),
    ("Dependents", "include_dependents"),
    ("Full refresh", "full_refresh"),
    ("Promote", "promote"),
)


class RequestFact(NamedTuple):
    """A part of a request by its label, and ``more``: how many values are left out."""

    label: str
    values: tuple[str, ...]
    more: int = 0


def source_facts(request: RunRequest) -> tuple[RequestFact, ...]:
    """Return what a request runs, such as its environment, schedule or Git ref."""
    names = tuple(
        RequestFact(label, (shown_name(value),))
        for label, value in (
            ("Environment", request.environment),
            ("Schedule", request.schedule),
            ("Git ref", request.git_ref),
            ("Workspace", request.workspace),
        )
        if value
    )
    return (*names, RequestFact("Resumed run", (request.resume,))) if request.resume else names


def option_facts(request: RunRequest) -> tuple[RequestFact, ...]:
    """Return what narrows or changes a run. Of variables only the names: values may be secrets."""
    return tuple(_options(request))


def _options(request: RunRequest) -> Iterator[RequestFact]:
    for label, values in (
        ("Tags", tuple(map(shown_name, request.tags))),
        ("Actions", tuple(map(shown_name, request.actions))),
        ("Variables", tuple(_safe(name) for name, _ in request.vars)),
        (
            "Compilation overrides",
            tuple(f"{name}={_safe(value)}" for name, value in request.compile_overrides),
        ),
    ):
        if values:
            first = _first_of(values)
            yield RequestFact(label, first, len(values) - len(first))
    for label, value in (
        ("Project path", request.project_path),
        ("Schema suffix", request.schema_suffix),
        ("Table prefix", request.table_prefix),
        ("Service account", request.service_account),
        ("Query priority", request.query_priority),
        ("Concurrent actions at most", str(request.max_concurrent_actions or "")),
        ("Unit tests", request.unit_tests),
        ("Maximum retries", str(request.retry_failed or "")),
    ):
        if value:
            yield RequestFact(label, (_safe(value),))
    for label, name in _FLAGS:
        flag: bool | None = getattr(request, name)
        # An explicit false beats the schedule's true; promote is false by default.
        if flag or (flag is False and name != "promote"):
            yield RequestFact(label, (str(flag).lower(),))


def _first_of(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first values, as many as a line has room for, and at least one."""
    lengths = accumulate(map(len, values[:_MOST_VALUES]))
    count = sum(length <= _MOST_CHARACTERS for length in lengths)
    return values[: max(count, 1)]


def _safe(value: str) -> str:
    """Return a value, unless it may be a token that was given to the wrong input."""
    return value if is_showable(value) else f"({len(value)} characters)"


def inputs_of(request: RunRequest) -> list[str]:
    """Return the names of the inputs that a request was made of."""
    plain = RunRequest()
    return [
        field.name.replace("_", "-")
        for field in fields(RunRequest)
        if getattr(request, field.name) not in (None, getattr(plain, field.name))
    ]
