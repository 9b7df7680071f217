"""Which commits a plan compares, and what is said if that is not known."""

from __future__ import annotations

import pytest

from dataform_action.action.plan.commits import find_commits, notes_on_branch
from dataform_action.errors import InputError
from dataform_action.github.event import EventKind, WorkflowEvent
from dataform_action.plan import PlanRequest, Remote

HEAD, BASE, MERGE_BASE = "a" * 40, "b" * 40, "c" * 40
REMOTE = Remote(url="https://github.com/OWNER/sql", github_repository="OWNER/sql", branch="main")
EVENT = WorkflowEvent(
    name="pull_request", kind=EventKind.PULL_REQUEST, head=HEAD, base=BASE, base_branch="main"
)
PUSH = WorkflowEvent(name="push", kind=EventKind.PUSH, head=HEAD)


def _find(
    event: WorkflowEvent = EVENT,
    *,
    head: str = "",
    base: str = "",
    remote: Remote = REMOTE,
    is_here: bool = True,
) -> tuple[str, str]:
    asked: list[WorkflowEvent] = []

    def find_base(event: WorkflowEvent) -> str:
        asked.append(event)
        return MERGE_BASE if event.kind is EventKind.PULL_REQUEST else event.base

    found = find_commits(
        PlanRequest(head=head, base=base), event, remote, is_here=is_here, find_base=find_base
    )
    assert len(asked) <= 1
    assert all(event.head == found[0] for event in asked)
    return found


def _problems(event: WorkflowEvent = EVENT, **changes: object) -> dict[str, str]:
    with pytest.raises(InputError) as caught:
        _find(event, **changes)  # type: ignore[arg-type]
    return dict(caught.value.problems)


def test_the_event_decides() -> None:
    """Without inputs, the head is that of the event, and the base is found for it."""
    assert _find() == (HEAD, MERGE_BASE)


@pytest.mark.parametrize("is_here", [True, False])
def test_inputs_override_the_event(*, is_here: bool) -> None:
    """Both inputs are enough, wherever the code is."""
    assert _find(head="feature", base="main", is_here=is_here) == ("feature", "main")


def test_a_single_input_is_completed() -> None:
    """A full commit as the head has a merge base; a base alone gets the head of the event."""
    assert _find(head="d" * 40) == ("d" * 40, MERGE_BASE)
    assert _find(base="main") == (HEAD, "main")


def test_a_branch_as_the_head_needs_a_base() -> None:
    """The merge base of a branch is not known."""
    text = "is missing: it is needed if head is not a full commit. Set it"
    assert _problems(head="feature") == {"base": text}


def test_code_elsewhere_needs_both() -> None:
    """The event is about another repository, so it says nothing."""
    text = (
        "is missing: the code is in https://github.com/OWNER/sql, not in the repository of this "
        "workflow. Set it to a commit, a branch or a tag of that repository"
    )
    assert _problems(is_here=False) == {"head": text, "base": text}


def test_a_new_branch_has_no_base() -> None:
    """Before the first push of a branch, there was no commit."""
    text = "is missing: the pushed branch is new, so there is no earlier commit. Set it"
    assert _problems(PUSH) == {"base": text}


@pytest.mark.parametrize(
    ("name", "which"),
    [("schedule", "the event schedule names none"), ("", "there is no event")],
)
def test_another_event_says_nothing(name: str, which: str) -> None:
    """Then both inputs are needed."""
    text = f"is missing: {which}. Set it to a commit, a branch or a tag"
    assert _problems(WorkflowEvent(name=name)) == {"head": text, "base": text}


def test_without_a_remote_there_is_no_plan() -> None:
    """Dataform must be able to fetch both commits."""
    [(name, text)] = _problems(remote=Remote(), head=HEAD, base=BASE).items()
    assert name == "repository"
    assert text.startswith("has no Git remote, and a plan compares two commits: connect")


def test_notes_on_the_branch() -> None:
    """The reader is told if the release configuration follows another branch than the base."""
    request = PlanRequest(head=HEAD, base=BASE, environment="production")
    other = REMOTE._replace(branch="release")
    assert notes_on_branch(request, EVENT, REMOTE) == ()
    assert notes_on_branch(request, EVENT, Remote(url="x")) == ()
    assert notes_on_branch(request, WorkflowEvent(), other) == ()
    assert notes_on_branch(request, EVENT, other) == (
        "The release configuration production follows release, but this change is for main.",
    )
