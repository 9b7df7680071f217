"""Events of workflows: which commits they are about, and what a broken payload leads to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dataform_action.errors import InputError
from dataform_action.github.event import (
    EventKind,
    UnsafeEvent,
    WorkflowEvent,
    WorkflowRun,
    read_event,
    read_run,
)

HEAD, BASE, NONE = "a" * 40, "b" * 40, "0" * 40
REMEDY = "Set the inputs head and base to the commits to compare."
HERE = {"full_name": "octo/shop"}


def _pull_request(**more: object) -> dict[str, Any]:
    head = {"sha": HEAD, "ref": "change", "repo": {"full_name": "Octo/shop"}}
    base = {"sha": BASE, "ref": "release/1.0", "repo": {"full_name": "octo/shop"}}
    return {"pull_request": {"number": 7, "head": head, "base": base, **more}}


def _environ(path: Path, name: str, payload: object) -> dict[str, str]:
    file = path / "event.json"
    file.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    return {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_REPOSITORY": "octo/shop",
    }


def _problem(environ: dict[str, str]) -> str:
    with pytest.raises(InputError) as caught:
        read_event(environ)
    return caught.value.message


def test_pull_request(tmp_path: Path) -> None:
    """The event of a pull request has its head, its base, its branch and its number."""
    event = read_event(_environ(tmp_path, "pull_request", _pull_request()))
    assert event == WorkflowEvent(
        name="pull_request",
        kind=EventKind.PULL_REQUEST,
        head=HEAD,
        base=BASE,
        base_branch="release/1.0",
        pull_request=7,
    )


def test_no_fork(tmp_path: Path) -> None:
    """The case of a repository's name does not matter."""
    payload = _pull_request(head={"sha": HEAD, "repo": {"full_name": "octo/SHOP"}})
    assert read_event(_environ(tmp_path, "pull_request", payload)).head == HEAD


@pytest.mark.parametrize(
    "head",
    [
        {"sha": HEAD, "repo": {"full_name": "stranger/shop"}},
        {"sha": HEAD, "repo": {}},
        {"sha": HEAD, "repo": None},
        {"sha": HEAD},
        None,
    ],
)
@pytest.mark.parametrize(
    "name", ["pull_request", "pull_request_review", "pull_request_review_comment"]
)
def test_fork(tmp_path: Path, name: str, head: object) -> None:
    """A pull request is refused before anything else is read, unless its code is known as ours.

    If the fork was deleted, its repository is missing.
    """
    with pytest.raises(UnsafeEvent) as caught:
        read_event(_environ(tmp_path, name, _pull_request(head=head, number="?")))
    message = caught.value.message
    assert message.startswith("GITHUB_EVENT_PATH names a pull request from a fork, which is not")
    assert message.endswith("Do not use pull_request_target.")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("workflow_run", {"workflow_run": {"head_repository": {"full_name": "stranger/shop"}}}),
        ("workflow_run", {"workflow_run": {"head_repository": None}}),
        ("workflow_run", {"workflow_run": {}}),
        ("workflow_run", {}),
        ("deployment", {"workflow_run": {"head_repository": {"full_name": "stranger/shop"}}}),
        ("new_event", {"pull_request": {"head": {"repo": {"full_name": "stranger/shop"}}}}),
    ],
)
def test_other_events_of_forks(tmp_path: Path, name: str, payload: dict[str, Any]) -> None:
    """Every event whose payload names the repository of the code is refused if it is a fork."""
    with pytest.raises(UnsafeEvent, match="a pull request from a fork"):
        read_event(_environ(tmp_path, name, payload))


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("pull_request_review", _pull_request()),
        ("workflow_run", {"workflow_run": {"head_repository": HERE}}),
        ("deployment", {"workflow_run": None}),
        ("deployment", {"workflow_run": {"id": 1}}),
        ("workflow_dispatch", {"inputs": None}),
    ],
)
def test_other_events_of_this_repository(
    tmp_path: Path, name: str, payload: dict[str, Any]
) -> None:
    """Other events whose code is not in a fork name no commits."""
    assert read_event(_environ(tmp_path, name, payload)) == WorkflowEvent(name=name)


def test_merge_group(tmp_path: Path) -> None:
    """The event of a merge group has its head and its base, and no pull request."""
    group = {"head_sha": HEAD, "base_sha": BASE, "base_ref": "refs/heads/main"}
    assert read_event(_environ(tmp_path, "merge_group", {"merge_group": group})) == WorkflowEvent(
        name="merge_group",
        kind=EventKind.MERGE_GROUP,
        head=HEAD,
        base=BASE,
        base_branch="main",
    )


@pytest.mark.parametrize(
    ("before", "ref", "base", "branch"),
    [
        (BASE, "refs/heads/main", BASE, "main"),
        (NONE, "refs/heads/new", "", "new"),
        (BASE, "refs/tags/v1", BASE, ""),
        (BASE, None, BASE, ""),
    ],
)
def test_push(tmp_path: Path, before: str, ref: object, base: str, branch: str) -> None:
    """A push has the commit before it, unless the branch is new."""
    event = read_event(
        _environ(tmp_path, "push", {"after": HEAD, "before": before, "ref": ref}),
    )
    assert (event.kind, event.head, event.base) == (EventKind.PUSH, HEAD, base)
    assert (event.base_branch, event.pull_request) == (branch, None)


def test_push_that_deletes(tmp_path: Path) -> None:
    """A push that deletes a branch has no commit to plan."""
    payload = {"after": NONE, "before": BASE, "ref": "refs/heads/main"}
    assert "was deleted" in _problem(_environ(tmp_path, "push", payload))


@pytest.mark.parametrize("name", ["workflow_dispatch", "schedule", ""])
def test_other_events(name: str) -> None:
    """Other events, and a start outside of GitHub, need no payload and name no commits."""
    assert read_event({"GITHUB_EVENT_NAME": name}) == WorkflowEvent(name=name)
    assert read_event({}) == WorkflowEvent()


def test_pull_request_target() -> None:
    """A workflow with secrets does not plan the SQL of a stranger."""
    with pytest.raises(UnsafeEvent) as caught:
        read_event({"GITHUB_EVENT_NAME": "pull_request_target"})
    message = caught.value.message
    assert message.startswith("GITHUB_EVENT_NAME is pull_request_target, which is not supported")
    assert message.endswith("Use pull_request.")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"number": "7"}, "pull_request.number is not a number"),
        ({"number": True}, "pull_request.number is not a number"),
        ({"number": 0}, "pull_request.number is not a number"),
        ({"head": {"repo": HERE}}, "pull_request.head.sha is not a commit"),
        ({"head": {"sha": "../../x", "repo": HERE}}, "pull_request.head.sha is not a commit"),
        ({"head": {"sha": HEAD[:39], "repo": HERE}}, "pull_request.head.sha is not a commit"),
        ({"base": {"sha": BASE, "ref": "a..b"}}, "pull_request.base.ref is not the name"),
        ({"base": {"sha": BASE}}, "pull_request.base.ref is not the name"),
    ],
)
def test_broken_payload(tmp_path: Path, change: dict[str, Any], path: str) -> None:
    """An error names what is missing or invalid, and what to do. It does not repeat the value."""
    message = _problem(_environ(tmp_path, "pull_request", _pull_request(**change)))
    assert message.startswith(f"GITHUB_EVENT_PATH names a payload in which {path}")
    assert message.endswith(REMEDY)
    assert "../x" not in message


def test_commit_ids(tmp_path: Path) -> None:
    """A commit has 40 or 64 digits. They become lower case."""
    payload = _pull_request(head={"sha": "A1" * 32, "repo": HERE})
    assert read_event(_environ(tmp_path, "pull_request", payload)).head == "a1" * 32


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"a":' * 200, "[" * 5_000_000])
def test_payload_that_is_no_object(tmp_path: Path, text: str) -> None:
    """A payload that is not JSON, no object, too deep or too large is refused."""
    message = _problem(_environ(tmp_path, "merge_group", text))
    assert message.startswith("GITHUB_EVENT_PATH names a file that does not contain a JSON object")


def test_payload_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing, special or very large file is refused, and so is a missing variable."""
    pipe, large = tmp_path / "pipe", tmp_path / "large"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(26 * 1024 * 1024)
    environ = {"GITHUB_EVENT_NAME": "push"}
    cases = {
        "": "is not set",
        str(tmp_path / "none"): "No such file",
        str(tmp_path): "Is a directory",
        str(pipe): "not a regular file",
        str(large): "larger than",
        "a\0b": "it is not a path",
    }
    for path, words in cases.items():
        message = _problem({**environ, "GITHUB_EVENT_PATH": path})
        assert words in message
        assert message.endswith(REMEDY)


def test_missing_repository(tmp_path: Path) -> None:
    """Without the name of this repository, it is not known whether another one is a fork."""
    environ = _environ(tmp_path, "pull_request", _pull_request())
    with pytest.raises(UnsafeEvent, match="GITHUB_REPOSITORY is not"):
        read_event({**environ, "GITHUB_REPOSITORY": "shop"})


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([HEAD, NONE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["number", "head", "base", "sha", "ref", "repo"]), inner)
    ),
)


@given(value=_VALUES, name=st.sampled_from(["pull_request", "merge_group", "push"]))
def test_hostile_payloads(tmp_path: Path, value: object, name: str) -> None:
    """Whatever a payload contains, there is an event or an error of the input."""
    for payload in ({name: value}, {"after": value, "before": HEAD, "ref": value}):
        try:
            event = read_event(_environ(tmp_path, name, payload))
        except InputError:
            continue
        assert len(event.head) in (40, 64)


RUN = {
    "GITHUB_SERVER_URL": "https://ghe.example.com",
    "GITHUB_REPOSITORY": "octo/shop",
    "GITHUB_RUN_ID": "812",
    "GITHUB_RUN_ATTEMPT": "2",
}


def test_run() -> None:
    """A run has its id, its attempt and a page."""
    url = "https://ghe.example.com/octo/shop/actions/runs/812/attempts/2"
    assert read_run(RUN) == WorkflowRun(812, 2, url)
    without = {name: text for name, text in RUN.items() if "SERVER" not in name}
    assert read_run(without | {"GITHUB_RUN_ATTEMPT": ""}).url == (
        "https://github.com/octo/shop/actions/runs/812"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"GITHUB_RUN_ID": "x"},
        {"GITHUB_RUN_ID": "9" * 30},
        {"GITHUB_REPOSITORY": "octo/../.."},
        {"GITHUB_SERVER_URL": "javascript:alert(1)"},
    ],
)
def test_run_without_a_page(change: dict[str, str]) -> None:
    """Values that are not those of the runner do not become a link."""
    assert read_run(RUN | change).url == ""
    assert read_run({}) == WorkflowRun()
