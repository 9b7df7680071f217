"""Which parts of a request can be combined on Google Cloud."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from dataform_action.model import RunRequest
from dataform_action.services.specs import google_request_problems

_ALONE = RunRequest(schedule="nightly")
_RELEASE = RunRequest(environment="production")
_REF = RunRequest(git_ref="main")
_WORKSPACE = RunRequest(workspace="dev")
_OVERRIDES: dict[str, dict[str, object]] = {
    "vars": {"vars": (("a", "b"),)},
    "schema-suffix": {"schema_suffix": "s"},
    "table-prefix": {"table_prefix": "t"},
    "compile-overrides": {"compile_overrides": (("defaultSchema", "s"),)},
}
_SELECTION: dict[str, dict[str, object]] = {
    "tags": {"tags": ("daily",)},
    "actions": {"actions": ("orders",)},
    "include-dependencies": {"include_dependencies": True},
    "include-dependents": {"include_dependents": True},
    "full-refresh": {"full_refresh": True},
    "service-account": {"service_account": "a@b.iam.gserviceaccount.com"},
    "query-priority": {"query_priority": "batch"},
    "max-concurrent-actions": {"max_concurrent_actions": 1},
    "unit-tests": {"unit_tests": "false"},
}


_PROMOTE_PROBLEM = "requires environment, and cannot be combined with git-ref"
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
        replace(_RELEASE, promote=True, compile_only=True),
        replace(_ALONE, environment="production", promote=True),
        *(
            _with(request, changes)
            for changes in _OVERRIDES.values()
            for request in (_REF, _RELEASE, _WORKSPACE, replace(_ALONE, environment="production"))
        ),
        _WORKSPACE,
        replace(_WORKSPACE, compile_only=True),
        replace(_WORKSPACE, project_path="shop"),
        replace(_REF, project_path="shop"),
        replace(_REF, project_path="shop", environment="production"),
        *(_with(_WORKSPACE, {"tags": ("daily",), **changes}) for changes in _SELECTION.values()),
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
def test_valid_combinations(request_: RunRequest) -> None:
    """Each valid combination has no problem."""
    assert google_request_problems(request_) == []


@pytest.mark.parametrize(
    ("request_", "problems"),
    [
        (
            RunRequest(),
            [
                (
                    "schedule",
                    "is missing, and so are environment, git-ref and workspace: set one of them",
                )
            ],
        ),
        (
            replace(_ALONE, git_ref="main"),
            [("git-ref", "cannot be combined with schedule: use environment instead")],
        ),
        (
            replace(_ALONE, compile_only=True),
            [("compile-only", "requires environment, git-ref or workspace: the code to compile")],
        ),
        *(
            (
                replace(other, workspace="dev"),
                [("workspace", f"cannot be combined with {name}: it has code of its own")],
            )
            for name, other in (
                ("schedule", _ALONE),
                ("environment", _RELEASE),
                ("git-ref", _REF),
                ("environment and git-ref", replace(_REF, environment="production")),
            )
        ),
        *(
            (
                replace(other, project_path="shop"),
                [
                    (
                        "project-path",
                        "requires git-ref or workspace. A release configuration has a folder of "
                        "its own",
                    )
                ],
            )
            for other in (_ALONE, _RELEASE)
        ),
        (replace(_WORKSPACE, promote=True), [("promote", _PROMOTE_PROBLEM)]),
        (replace(_ALONE, promote=True), [("promote", _PROMOTE_PROBLEM)]),
        (replace(_REF, promote=True), [("promote", _PROMOTE_PROBLEM)]),
        (
            replace(_REF, environment="production", promote=True),
            [("promote", _PROMOTE_PROBLEM)],
        ),
        *(
            (
                _with(request, {name.replace("-", "_"): True}),
                [(name, "requires tags or actions: without them, all actions are run")],
            )
            for name in ("include-dependencies", "include-dependents")
            for request in (_RELEASE, _REF, replace(_RELEASE, compile_only=True))
        ),
        *(
            (
                _with(_ALONE, changes),
                [(name, "requires environment, git-ref or workspace, which is compiled with it")],
            )
            for name, changes in _OVERRIDES.items()
        ),
        *(
            (
                _with(_RELEASE, {**changes, "promote": True}),
                [
                    (
                        "promote",
                        f"cannot be combined with {name}: a promoted compilation has only the "
                        "settings of the release configuration",
                    )
                ],
            )
            for name, changes in _OVERRIDES.items()
        ),
        *(
            (
                _with(_ALONE, changes),
                [
                    (
                        name,
                        "cannot be combined with schedule alone, which has its own settings: "
                        "add environment",
                    )
                ],
            )
            for name, changes in _SELECTION.items()
        ),
    ],
)
def test_invalid_combinations(request_: RunRequest, problems: list[tuple[str, str]]) -> None:
    """What the API cannot do is reported by input, with a remedy."""
    assert google_request_problems(request_) == problems


def test_all_problems_are_reported_at_once() -> None:
    """No problem hides another one."""
    changes = {key: value for part in _OVERRIDES.values() for key, value in part.items()}
    changes |= {key: value for part in _SELECTION.values() for key, value in part.items()}
    request = _with(_ALONE, {**changes, "compile_only": True, "promote": True})
    assert [name for name, _ in google_request_problems(request)] == [
        *_OVERRIDES,
        *_SELECTION,
        "compile-only",
        "promote",
    ]


def test_every_part_of_a_request_is_checked() -> None:
    """A new field of the request must be added to these tests."""
    parts = {key for part in (_OVERRIDES | _SELECTION).values() for key in part}
    parts |= {"schedule", "environment", "git_ref", "compile_only", "promote"}
    parts |= {"workspace", "project_path", "resume", "retry_failed"}
    assert {field.name for field in fields(RunRequest)} == parts
