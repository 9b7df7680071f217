"""The errors on files: which ones, in which order, and what the last one says."""

from __future__ import annotations

from dataform_action.github.commands import MESSAGE_LIMIT
from dataform_action.model import Action, ActionState, CompileError, State
from dataform_action.report.analysis import analyse
from dataform_action.report.annotations import Annotation, render_annotations
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.words import Words
from tests.support.fakes import make_action


def _render(*actions: Action, errors: tuple[CompileError, ...] = ()) -> list[Annotation]:
    outcome = StepOutcome(
        exit_code=ExitCode.RUN_UNSUCCESSFUL,
        status=State.FAILURE,
        title="",
        words=Words(message=()),
        compile_errors=errors,
    )
    return render_annotations(outcome, analyse(actions), "the summary")


def _failed(name: str, **more: object) -> Action:
    return make_action(name, ActionState.FAILED, **more)


def _blocked(name: str, *dependencies: str) -> Action:
    return make_action(name, ActionState.SKIPPED, dependencies=dependencies)


def test_compile_errors_are_annotations_on_their_files() -> None:
    """File, line and column are kept, the action goes before the message."""
    title = "Dataform: compile error"
    assert _render(
        errors=(
            CompileError(message="No file."),
            CompileError(message="bad", file="definitions/a.js", line=12, column=37, action="d.a"),
            CompileError(message="worse", file="definitions/b.sqlx"),
        )
    ) == [
        Annotation(title=title, message="d.a: bad", file="definitions/a.js", line=12, column=37),
        Annotation(title=title, message="worse", file="definitions/b.sqlx"),
        Annotation(title=title, message="No file.", file=""),
    ]


def test_failed_actions_are_annotations_on_their_files() -> None:
    """First those with a file, of these the ones that blocked the most; each says why."""
    title = "Dataform: action failed"
    assert _render(
        _failed("d.a", reason="Division by zero"),
        make_action("d.b", file="definitions/b.sqlx"),
        _failed("d.c", file="definitions/c.sqlx"),
        _failed("d.d", file="definitions/d.sqlx", reason=" x\ny\n"),
        _blocked("d.e", "d.d", "d.a"),
        _blocked("d.f", "d.a"),
    ) == [
        Annotation(
            title=title, message="d.d: x\ny\nIt held up 1 action.", file="definitions/d.sqlx"
        ),
        Annotation(title=title, message="d.c: The API gives no reason.", file="definitions/c.sqlx"),
        Annotation(title=title, message="d.a: Division by zero\nIt held up 2 actions.", file=""),
    ]


def test_annotations_leave_room_for_the_outcome() -> None:
    """The runner keeps 10 errors of a step: one is the outcome's, and the ninth counts the rest."""
    actions = [
        *(_failed(f"d.a{n}") for n in range(5)),
        *(_failed(f"d.b{n}", file="b") for n in range(8)),
    ]
    places = _render(*actions)
    assert [place.file for place in places] == [*["b"] * 8, ""]
    assert places[-1].message.endswith("\nAnd 4 more errors: see the summary.")
    assert _render(*actions[4:])[-1].message == "d.a4: The API gives no reason."
    assert _render(*actions[3:])[-1].message.endswith("\nAnd 1 more error: see the summary.")


def test_a_long_reason_leaves_room_for_what_follows() -> None:
    """A message is cut at a word, before what it blocked and how many more there are."""
    actions = [_failed(f"{'n' * 5000}{n}", reason="word " * 2000) for n in range(12)]
    blocked = [_blocked(f"d.s{n}", *(action.name for action in actions)) for n in range(3)]
    for place in _render(*actions, *blocked):
        assert len(place.message) < MESSAGE_LIMIT - 300
        assert "word…\nIt held up 3 actions." in place.message


def test_an_outcome_without_failures_has_no_annotations() -> None:
    """The outcome's own error is not one of these."""
    assert _render(make_action("d.a")) == []
