"""The annotations: which ones, in which order, and what the last one says."""

from __future__ import annotations

import pytest

from dataform_action.github.commands import MESSAGE_LIMIT
from dataform_action.model import Action, ActionState, CompileError, State
from dataform_action.report.analysis import analyse
from dataform_action.report.annotations import Annotation, render_annotations
from dataform_action.report.causes import find_causes
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.words import Words
from tests.support.fakes import make_action
from tests.support.golden import COMMIT, FILES_URL, REPOSITORY_URL

_FAILED, _ERROR = "Dataform: action failed", "Dataform: compile error"


def _render(
    *actions: Action,
    errors: tuple[CompileError, ...] = (),
    files_url: str = FILES_URL,
    repository_url: str = REPOSITORY_URL,
) -> list[Annotation]:
    outcome = StepOutcome(
        exit_code=ExitCode.RUN_UNSUCCESSFUL,
        status=State.FAILURE,
        title="",
        words=Words(message=()),
        compile_errors=errors,
        commit=COMMIT,
        files_url=files_url,
    )
    causes = find_causes(errors, analyse(actions))
    return render_annotations(outcome, causes, repository_url, "the summary")


def _failed(name: str, **more: object) -> Action:
    return make_action(name, ActionState.FAILED, **more)


def _blocked(name: str, *dependencies: str) -> Action:
    return make_action(name, ActionState.SKIPPED, dependencies=dependencies)


def test_compile_errors_are_annotations_on_their_files() -> None:
    """An annotation has the file, line and column. The message starts with the action."""
    assert _render(
        errors=(
            CompileError(message="No file."),
            CompileError(message="bad", file="definitions/a.js", line=12, column=37, action="d.a"),
            CompileError(message="worse", file="definitions/b.sqlx"),
        )
    ) == [
        Annotation(title=_ERROR, message="d.a: bad", file="definitions/a.js", line=12, column=37),
        Annotation(title=_ERROR, message="worse", file="definitions/b.sqlx"),
        Annotation(title=_ERROR, message="No file."),
    ]


def test_failed_actions_are_annotations_on_their_files() -> None:
    """Annotations with a file come first, of these the actions that blocked the most."""
    assert _render(
        _failed("d.a", reason="Division by zero"),
        make_action("d.b", file="definitions/b.sqlx"),
        _failed("d.c", file="definitions/c.sqlx"),
        _failed("d.d", file="definitions/d.sqlx", reason=" x\ny\n", checked_action="d.t"),
        _blocked("d.e", "d.d", "d.a"),
        _blocked("d.f", "d.a"),
    ) == [
        Annotation(
            title=_FAILED,
            message="d.d (assertion on d.t): x\ny\nBlocked 1 action.",
            file="definitions/d.sqlx",
        ),
        Annotation(
            title=_FAILED, message="d.c: The API gives no reason.", file="definitions/c.sqlx"
        ),
        Annotation(title=_FAILED, message="d.a: Division by zero\nBlocked 2 actions."),
    ]


def test_a_cause_has_one_annotation() -> None:
    """It is on the first known file, and its message names the other places."""
    actions = [_failed(f"d.a{n}", reason="boom", file=f"{n}.sqlx" if n else "") for n in range(6)]
    assert _render(*actions) == [
        Annotation(
            title=_FAILED,
            message="d.a1: boom\nThe same reason: d.a2 in 2.sqlx, d.a3 in 3.sqlx, "
            "d.a4 in 4.sqlx and 2 more.",
            file="1.sqlx",
        )
    ]
    errors = (
        CompileError(message="bad"),
        CompileError(message="bad", action="d.a"),
        CompileError(message="bad", file="a.js", line=3, column=7),
        CompileError(message="bad", file="b.js", line=4, action="d.b"),
    )
    assert _render(errors=errors) == [
        Annotation(
            title=_ERROR,
            message="bad\nThe same message: d.b in b.js:4, d.a.",
            file="a.js",
            line=3,
            column=7,
        )
    ]


@pytest.mark.parametrize(
    ("files_url", "repository_url"),
    [
        (FILES_URL, ""),
        (FILES_URL, "https://github.com/example/other"),
        (FILES_URL, "https://github.com/example/ware"),
        (FILES_URL, "https://github.example.com/example/warehouse"),
        (f"https://github.com/example/warehouse/blob/{'0' * 40}", REPOSITORY_URL),
        ("", REPOSITORY_URL),
        ("", ""),
        (f"/blob/{COMMIT}", ""),
    ],
)
def test_the_message_names_files_of_another_repository(files_url: str, repository_url: str) -> None:
    """GitHub would show the annotation on the wrong file, or not at all."""
    errors = (CompileError(message="bad", file="a.js", line=12, column=37, action="d.a"),)
    action = _failed("d.b", reason="boom", file="b.sqlx", checked_action="d.t")
    assert _render(action, errors=errors, files_url=files_url, repository_url=repository_url) == [
        Annotation(title=_ERROR, message="a.js:12:37: d.a: bad"),
        Annotation(title=_FAILED, message="b.sqlx: d.b (assertion on d.t): boom"),
    ]


def test_the_case_of_a_repository_does_not_count() -> None:
    """GitHub ignores the case of names, so a remote may differ from the workflow's repository."""
    [annotation] = _render(
        _failed("d.a", file="a.sqlx"), repository_url="https://GitHub.com/Example/Warehouse"
    )
    assert annotation.file == "a.sqlx"


def test_annotations_leave_room_for_the_outcome() -> None:
    """The runner keeps 10 errors. One is for the outcome, and the ninth counts the others."""
    actions = [
        *(_failed(f"d.a{n}", reason=f"a{n}") for n in range(5)),
        *(_failed(f"d.b{n}", reason=f"b{n}", file="b") for n in range(8)),
    ]
    places = _render(*actions)
    assert [place.file for place in places] == [*["b"] * 8, ""]
    assert places[-1].message.endswith("\nAnd 4 more causes: see the summary.")
    assert _render(*actions[4:])[-1].message == "d.a4: a4"
    assert _render(*actions[3:])[-1].message.endswith("\nAnd 1 more cause: see the summary.")


def test_a_long_reason_leaves_room_for_what_follows() -> None:
    """The reason is cut between words. The other places and the blocked actions follow it."""
    actions = [
        _failed(f"{'n' * 5000}{n}", reason=f"{n % 12} " + "word " * 2000, file="f" * 500)
        for n in range(60)
    ]
    blocked = [_blocked(f"d.s{n}", *(action.name for action in actions)) for n in range(3)]
    places = _render(*actions, *blocked)
    assert len(places) == 9
    for place in places:
        assert len(place.message) < MESSAGE_LIMIT - 200
        assert "word…\nThe same reason: nnn" in place.message
        assert "… and 1 more.\nBlocked 3 actions." in place.message


def test_an_outcome_without_failures_has_no_annotations() -> None:
    """Actions that did not fail are not annotated."""
    assert _render(make_action("d.a")) == []
