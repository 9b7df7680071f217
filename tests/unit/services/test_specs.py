"""Which parts of a request go together on Google Cloud."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from dataform_action.model import RunRequest
from dataform_action.services.specs import google_request_problems

_ALONE = RunRequest(schedule="nightly")
_RELEASE = RunRequest(environment="production")
_REF = RunRequest(git_ref="main")
_OVERRIDES: dict[str, dict[str, object]] = {
    "vars": {"vars": (("a", "b"),)},
    "schema-suffix": {"schema_suffix": "s"},
    "table-prefix": {"table_prefix": "t"},
}
_SELECTION: dict[str, dict[str, object]] = {
    "tags": {"tags": ("daily",)},
    "actions": {"actions": ("orders",)},
    "include-dependencies": {"include_dependencies": True},
    "include-dependents": {"include_dependents": True},
    "full-refresh": {"full_refresh": True},
    "service-account": {"service_account": "a@b.iam.gserviceaccount.com"},
}


_FLAGS = ("include_dependencies", "include_dependents", "full_refresh")


def _with(request: RunRequest, changes: dict[str, object]) -> RunRequest:
    return replace(request, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "request_",
    [
        _ALONE,
        _RELEASE,
        _REF,
        replace(_ALONE, environment="production"),
        replace(_REF, environment="production"),
        replace(_RELEASE, compile_only=True),
        replace(_REF, compile_only=True),
        replace(_RELEASE, promote=True),
        replace(_ALONE, environment="production", promote=True),
        *(_with(_REF, changes) for changes in _OVERRIDES.values()),
        *(_with(_REF, {"tags": ("daily",), **changes}) for changes in _SELECTION.values()),
        *(_with(_RELEASE, {"actions": ("a",), **changes}) for changes in _SELECTION.values()),
        replace(_REF, full_refresh=True),
        *(
            _with(request, dict.fromkeys(_FLAGS, False))
            for request in (_ALONE, _RELEASE, _REF, replace(_ALONE, environment="production"))
        ),
        *(
            _with(_ALONE, {"environment": "production", **changes})
            for changes in _SELECTION.values()
        ),
    ],
)
def test_what_the_contract_allows(request_: RunRequest) -> None:
    """Each row of the table of the contract has no problem."""
    assert google_request_problems(request_) == []


@pytest.mark.parametrize(
    ("request_", "problems"),
    [
        (
            RunRequest(),
            [("schedule", "is missing, and so are environment and git-ref: give one of them")],
        ),
        (
            replace(_ALONE, git_ref="main"),
            [("git-ref", "does not go with schedule: give environment instead")],
        ),
        (
            replace(_ALONE, compile_only=True),
            [("compile-only", "needs environment or git-ref: what to compile")],
        ),
        (replace(_ALONE, promote=True), [("promote", "needs environment, without git-ref")]),
        (replace(_REF, promote=True), [("promote", "needs environment, without git-ref")]),
        (
            replace(_REF, environment="production", promote=True),
            [("promote", "needs environment, without git-ref")],
        ),
        (
            replace(_RELEASE, promote=True, compile_only=True),
            [("promote", "comes after a run, which compile-only leaves out")],
        ),
        *(
            (
                _with(request, {name.replace("-", "_"): True}),
                [(name, "needs tags or actions: without them, everything is run anyway")],
            )
            for name in ("include-dependencies", "include-dependents")
            for request in (_RELEASE, _REF, replace(_RELEASE, compile_only=True))
        ),
        *(
            (_with(request, changes), [(name, "needs git-ref, which is compiled with it")])
            for name, changes in _OVERRIDES.items()
            for request in (_ALONE, _RELEASE)
        ),
        *(
            (
                _with(_ALONE, changes),
                [
                    (
                        name,
                        "does not go with schedule alone, which owns its selection: "
                        "add environment",
                    )
                ],
            )
            for name, changes in _SELECTION.items()
        ),
    ],
)
def test_what_does_not_go_together(request_: RunRequest, problems: list[tuple[str, str]]) -> None:
    """What the API has no way to do is named by its input, with what to do."""
    assert google_request_problems(request_) == problems


def test_all_problems_come_at_once() -> None:
    """Nothing that is wrong hides anything else."""
    changes = {key: value for part in _OVERRIDES.values() for key, value in part.items()}
    changes |= {key: value for part in _SELECTION.values() for key, value in part.items()}
    request = _with(_ALONE, {**changes, "compile_only": True, "promote": True})
    assert [name for name, _ in google_request_problems(request)] == [
        *_OVERRIDES,
        *_SELECTION,
        "compile-only",
        "promote",
        "promote",
    ]


def test_every_part_of_a_request_is_looked_at() -> None:
    """A part that is added to the request has to find its place here."""
    parts = {key for part in (_OVERRIDES | _SELECTION).values() for key in part}
    parts |= {"schedule", "environment", "git_ref", "compile_only", "promote"}
    assert {field.name for field in fields(RunRequest)} == parts
