"""The life of a plan's comment on its pull request, against an emulated GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from dataform_action.action.plan.comment import TIME_LIMIT, CommentOutcome, upsert_comment
from dataform_action.emulator import (
    Emulator,
    Fault,
    GitHubApi,
    GitHubRepository,
    PullRequest,
    PullRequestComment,
    TokenAccess,
)
from dataform_action.emulator.github.api import JOB_LOGIN
from dataform_action.github.api import GitHub
from dataform_action.github.event import WorkflowRun
from dataform_action.github.marker import COMMENT_LIMIT, Marker, make_key, render_marker
from dataform_action.github.parse import Comment, CommentPage
from dataform_action.plan import Plan
from dataform_action.redaction import Redactor
from dataform_action.report.plan.comment import render_comment
from tests.support.fakes import FakeClock
from tests.support.plans import hostile, huge

#: The commits of a pull request, one for each push.
HEADS = tuple(digit * 40 for digit in "0123456789")
HEAD = HEADS[1]
KEY = make_key("my-project", "europe-west1", "warehouse", "production", "")
READ_ONLY = "ghs_read-only"
PLAN = "### Dataform plan: 2 changed"


class HookedGitHub(GitHub):
    """The API, with something that happens before and after a comment is written."""

    before: Callable[[], object] = staticmethod(lambda: None)
    after: Callable[[], object] = staticmethod(lambda: None)
    before_update: Callable[[], object] = staticmethod(lambda: None)

    def update_comment(self, comment_id: int, body: str) -> Comment:
        self.before_update()
        return super().update_comment(comment_id, body)

    def create_comment(self, number: int, body: str) -> Comment:
        self.before()
        comment = super().create_comment(number, body)
        self.after()
        return comment


class Server:
    """An emulated GitHub with one pull request, and jobs that write its comment."""

    def __init__(self, emulator: Emulator, repository: GitHubRepository) -> None:
        self.emulator = emulator
        self.repository = repository
        self.clock = FakeClock()
        self.push(HEAD)

    def push(self, head: str, **more: Any) -> None:  # noqa: ANN401
        self.repository.set_pull_request(PullRequest(7, head, **more))

    def connect(self, token: str = "") -> HookedGitHub:
        return HookedGitHub(
            repository="octo/shop",
            token=token or self.emulator.token,
            api_url=self.emulator.github_url,
            graphql_url=self.emulator.graphql_url,
        )

    def write(
        self,
        body: str = PLAN,
        *,
        head: str = HEAD,
        run: tuple[int, int] = (812, 1),
        key: str = KEY,
        has_changes: bool = True,
        github: GitHub | None = None,
        **more: Any,  # noqa: ANN401
    ) -> CommentOutcome:
        """Write the comment as a job does at the end of its plan."""
        return upsert_comment(
            self.connect() if github is None else github,
            pull_request=7,
            job="plan",
            key=key,
            head=head,
            run=WorkflowRun(*run),
            has_changes=has_changes,
            clock=self.clock,
            **{"render": lambda: body, **more},
        )

    def add(
        self,
        author: str = JOB_LOGIN,
        *,
        body: str = "old",
        **marker: Any,  # noqa: ANN401
    ) -> PullRequestComment:
        """Add a comment with a marker, as an earlier job or somebody else."""
        found = Marker("plan", KEY, HEADS[0], (811, 1))._replace(**marker)
        return self.repository.add_comment(7, author, f"{render_marker(found)}\n{body}")

    @property
    def comments(self) -> list[PullRequestComment]:
        return self.repository.comments_of(7)

    @property
    def bodies(self) -> list[str]:
        """The comments as people see them."""
        return [comment.body.partition("\n")[2] for comment in self.comments]

    @property
    def sent(self) -> list[str]:
        requests = (f"{request.method} {request.path}" for request in self.emulator.requests)
        return [text.replace("/api/v3/repos/octo/shop/", "") for text in requests]


@pytest.fixture
def server() -> Iterator[Server]:
    repository = GitHubRepository("octo/shop")
    api = GitHubApi(repository)
    api.accept_token(READ_ONLY, TokenAccess(can_write=False))
    with Emulator(github=api) as emulator:
        yield Server(emulator, repository)


def test_first_comment(server: Server) -> None:
    """The first plan with changes creates a comment, after it checked the pull request."""
    outcome = server.write()
    assert server.bodies == [PLAN]
    assert outcome.why_not == ""
    assert outcome.url.endswith(f"/octo/shop/pull/7#issuecomment-{server.comments[0].id}")
    assert server.sent == [
        "GET issues/7/comments",
        "GET pulls/7",
        "POST issues/7/comments",
        "GET issues/7/comments",
    ]
    assert server.comments[0].body.startswith('<!-- dataform-action {"v": 1, "job": "plan", ')


def test_nothing_to_say(server: Server) -> None:
    """Without changes and without a comment, one request is enough, and nothing is missing."""
    server.push(HEADS[2])
    assert server.write("No changes", has_changes=False) == CommentOutcome()
    assert server.sent == ["GET issues/7/comments"]


def test_updated_comment(server: Server) -> None:
    """A later plan updates the comment in place. Its owner is asked from GitHub."""
    url = server.write().url
    server.push(HEADS[2])
    assert server.write("new", head=HEADS[2], run=(813, 1)) == CommentOutcome(url)
    assert server.bodies == ["new"]
    assert server.sent[4:] == [
        "GET issues/7/comments",
        "POST /api/graphql",
        "GET pulls/7",
        f"PATCH issues/comments/{server.comments[0].id}",
    ]


def test_eight_pushes(server: Server) -> None:
    """Over the life of a pull request, there is one comment, and it shows the last commit."""
    write, push = server.write, server.push
    # 1: nothing changes, so there is no comment.
    assert write("No changes", has_changes=False) == CommentOutcome()
    assert server.comments == []
    # 2: created. 3: updated.
    push(HEADS[2])
    url = write("2", head=HEADS[2], run=(2, 1)).url
    push(HEADS[3])
    assert write("3", head=HEADS[3], run=(3, 1)) == CommentOutcome(url)
    # 4: no longer a change, which the comment says.
    push(HEADS[4])
    assert write("No changes", head=HEADS[4], run=(4, 1), has_changes=False).url == url
    assert server.bodies == ["No changes"]
    # 5: the run of the third push is run again.
    push(HEADS[5])
    assert write("5", head=HEADS[5], run=(5, 1)).url == url
    outcome = write("3 again", head=HEADS[3], run=(3, 2))
    assert outcome.why_not == "This plan is of commit 3333333, but the last one is 5555555."
    # 6: as long as a comment can be. 7: the run is slow, and the next push is faster.
    push(HEADS[6])
    assert write("x" * COMMENT_LIMIT, head=HEADS[6], run=(6, 1)).url == url
    push(HEADS[8])
    assert write("8", head=HEADS[8], run=(8, 1)).url == url
    assert write("7", head=HEADS[7], run=(7, 1)).why_not != ""
    assert server.bodies == ["8"]
    # The pull request is merged while a plan is made.
    push(HEADS[8], state="closed")
    assert write("9", head=HEADS[8], run=(9, 1)).why_not == "Pull request 7 is closed."
    assert server.bodies == ["8"]


def test_rerun_of_the_last_commit(server: Server) -> None:
    """A re-run updates the comment of the run before, and not that of a later run."""
    server.write("first", run=(812, 1))
    assert server.write("second", run=(812, 2)).why_not == ""
    assert server.write("third", run=(813, 1)).why_not == ""
    url = f"#issuecomment-{server.comments[0].id}"
    outcome = server.write("first again", run=(812, 3))
    assert outcome.why_not == "A later run has already written the comment."
    assert outcome.url.endswith(url)
    assert server.bodies == ["third"]


def test_return_to_an_older_commit(server: Server) -> None:
    """After a force push to an older commit, its re-run replaces the comment on a later one."""
    server.push(HEADS[2])
    server.write("2", head=HEADS[2], run=(813, 1))
    server.push(HEAD)
    assert server.write("1", run=(812, 2)).why_not == ""
    assert server.bodies == ["1"]


def test_other_keys(server: Server) -> None:
    """Each environment, repository and project path has a comment of its own."""
    server.write("production")
    server.write("staging", key=make_key("my-project", "europe-west1", "warehouse", "staging", ""))
    server.add(job="preview", body="preview")
    server.write("production again")
    assert server.bodies == ["production again", "staging", "preview"]


@pytest.mark.parametrize("has_graphql", [True, False])
def test_foreign_markers(server: Server, has_graphql: bool) -> None:
    """A comment of somebody else with the same marker is neither changed nor trusted."""
    server.emulator.github.has_graphql = has_graphql
    for author in ("stranger", "github-actions", "other[bot]", "GitHub-Actions[bot]"):
        server.add(author, body="fake", head=HEAD, run=(10**17, 1))
    server.repository.add_comment(7, JOB_LOGIN, "another text of a workflow")
    before = server.comments
    assert server.write().why_not == ""
    assert server.comments[:-1] == before
    assert server.write("new").why_not == ""
    assert server.comments[:-1] == before
    assert server.bodies[-1] == "new"


@pytest.mark.parametrize(
    "text",
    ["", "<!-- dataform-action {", "<!-- dataform-action {} -->\nx", "x" * 65_000, "\u0000\ud83d"],
)
def test_own_comments_that_are_no_plans(server: Server, text: str) -> None:
    """Other comments of the same user are left alone, whatever they contain."""
    before = server.repository.add_comment(7, JOB_LOGIN, text)
    assert server.write().why_not == ""
    assert server.comments[0] == before
    assert server.bodies[1:] == [PLAN]


def test_another_token(server: Server) -> None:
    """A token of a user or an app finds its own comment, and not that of a job."""
    server.emulator.github.accept_token("app", TokenAccess("planner[bot]"))
    job = server.add()
    github = server.connect("app")
    url = server.write("1", github=github).url
    assert server.write("2", github=github) == CommentOutcome(url)
    assert server.bodies == ["old", "2"]
    assert server.comments[0] == job


def test_another_token_without_graphql(server: Server) -> None:
    """Without GraphQL, the token's owner is known after a comment was created: one stays."""
    server.emulator.github.has_graphql = False
    server.emulator.github.accept_token("app", TokenAccess("planner[bot]"))
    github = server.connect("app")
    url = server.write("1", github=github).url
    assert server.write("2", github=github) == CommentOutcome(url)
    assert server.bodies == ["2"]


def test_many_comments(server: Server) -> None:
    """The comment is found on the last page, and the others are read page by page."""
    for _ in range(250):
        server.repository.add_comment(7, "stranger", "Hi")
    server.add()
    for _ in range(30):
        server.repository.add_comment(7, "stranger", "Hi")
    assert server.write("new").why_not == ""
    assert len(server.comments) == 281
    assert server.bodies[250] == "new"
    assert server.sent.count("GET issues/7/comments") == 3


def test_endless_comments(server: Server) -> None:
    """A list without an end is not read forever."""
    link = {"Link": '<https://x.example.com>; rel="next"'}
    server.emulator.add_fault(
        Fault("json", on="comments", times=None, body="[]", headers=link),
    )
    assert server.write().why_not == "Pull request 7 has too many comments."
    assert len(server.sent) == 30


def test_several_comments(server: Server) -> None:
    """Of several comments with the same key, the oldest is updated, and the others are deleted."""
    oldest = server.add()
    server.add()
    server.add(head=HEADS[2])
    assert server.write("new").url.endswith(str(oldest.id))
    assert server.bodies == ["new"]


def test_a_comment_on_two_pages(server: Server) -> None:
    """A comment that a list has twice is one comment, and is not deleted."""

    class Shifted(HookedGitHub):
        def list_comments(self, number: int, page: int = 1) -> CommentPage:
            return super().list_comments(number, 1)._replace(has_more=page == 1)

    server.add()
    github = Shifted(
        repository="octo/shop",
        token=server.emulator.token,
        api_url=server.emulator.github_url,
        graphql_url=server.emulator.graphql_url,
    )
    assert server.write("new", github=github).why_not == ""
    assert server.bodies == ["new"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_two_jobs_at_once(server: Server, moment: str) -> None:
    """If two jobs create the comment at the same time, the older comment stays, up to date."""
    github = server.connect()
    other: list[CommentOutcome] = []

    def write_other() -> None:
        other.append(server.write("later run", run=(813, 1)))

    setattr(github, moment, write_other)
    outcome = server.write("earlier run", run=(812, 1), github=github)
    assert server.bodies == ["later run"]
    url = f"#issuecomment-{server.comments[0].id}"
    assert outcome.url.endswith(url)
    assert other[0].url.endswith(url)
    assert other[0].why_not == ""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_two_jobs_in_the_other_order(server: Server, moment: str) -> None:
    """The text of the later run stays, also if the earlier one is faster."""
    github = server.connect()
    setattr(github, moment, partial(server.write, "earlier run", run=(811, 1)))
    assert server.write("later run", run=(812, 1), github=github).why_not == ""
    assert server.bodies == ["later run"]


def test_push_while_the_comment_is_created(server: Server) -> None:
    """A job whose commit became old in between deletes its comment, and keeps the new one."""
    github = server.connect()

    def push_and_write() -> None:
        server.push(HEADS[2])
        server.write("new", head=HEADS[2], run=(813, 1))

    github.before = push_and_write
    outcome = server.write("old", github=github)
    assert outcome == CommentOutcome(
        why_not="This plan is of commit 1111111, but the last one is 2222222."
    )
    assert server.bodies == ["new"]


def test_comment_that_is_deleted_meanwhile(server: Server) -> None:
    """If the comment is deleted before it is updated, a new one is created."""
    first = server.add()
    github = server.connect()
    github.before_update = server.repository.comments.clear
    assert server.write("new", github=github).why_not == ""
    assert server.bodies == ["new"]
    assert server.comments[0].id > first.id


def test_no_changes_and_a_deleted_comment(server: Server) -> None:
    """Without changes, a comment that was deleted is not created again."""
    server.add()
    github = server.connect()
    github.before_update = server.repository.comments.clear
    assert server.write("No changes", github=github, has_changes=False) == CommentOutcome()
    assert server.comments == []


@pytest.mark.parametrize("has_comment", [True, False])
def test_read_only_token(server: Server, has_comment: bool) -> None:
    """With the token of a fork or of Dependabot, one line says why there is no comment."""
    if has_comment:
        server.add()
    outcome = server.write(github=server.connect(READ_ONLY))
    assert outcome.url == ""
    assert "HTTP 403: Resource not accessible by integration. The job needs the permission " in (
        outcome.why_not
    )
    assert "pull-requests: write. Tokens of pull requests from forks" in outcome.why_not
    assert "\n" not in outcome.why_not
    assert server.bodies == ["old"] * has_comment


def test_invalid_token(server: Server) -> None:
    """A token that GitHub does not accept is named by its input."""
    outcome = server.write(github=server.connect("wrong"))
    assert "check the input github-token" in outcome.why_not


def test_missing_pull_request(server: Server) -> None:
    """A pull request that the token cannot see is a missing permission."""
    server.repository.pull_requests.clear()
    assert "pull-requests: write" in server.write().why_not


@pytest.mark.parametrize(("name", "plan"), {"huge": huge(400), "hostile": hostile()}.items())
def test_comments_of_plans(server: Server, name: str, plan: Plan) -> None:
    """A comment that was cut at the limit, and one with hostile texts, are updated in place."""
    body = render_comment(plan, run_url="https://github.com/octo/shop/actions/runs/812")
    url = server.write(body).url
    assert server.write(body, run=(813, 1)) == CommentOutcome(url)
    assert server.bodies == [body]
    assert ("Omitted to stay within" in body or "are not shown" in body) is (name == "huge")


def test_text_that_is_not_unicode(server: Server) -> None:
    """A lone surrogate, which GitHub does not accept, is replaced."""
    assert server.write("a\ud800b").why_not == ""
    assert server.bodies == ["a?b"]


def test_comment_that_is_too_long(server: Server) -> None:
    """If GitHub refuses a text, its message says why."""
    outcome = server.write("x" * 66_000)
    assert outcome.why_not.endswith("Body is too long (maximum is 65536 characters).")
    assert server.comments == []


@pytest.mark.parametrize("on", ["comments", "pull", "viewer", "comment"])
@pytest.mark.parametrize("kind", ["status", "reset", "html"])
def test_short_outages(server: Server, on: Any, kind: Any) -> None:  # noqa: ANN401
    """Each request but a create is made again after an outage."""
    server.add()
    server.emulator.add_fault(Fault(kind, on=on))
    assert server.write("new").why_not == ""
    assert server.bodies == ["new"]
    assert server.clock.sleeps == [1.0]


def test_secondary_rate_limit(server: Server) -> None:
    """A refusal that says when to try again is obeyed, also for a create."""
    limit = Fault("status", on="comment", status=403, headers={"Retry-After": "7"})
    server.emulator.add_fault(limit)
    server.emulator.add_fault(replace(limit, status=429, headers={"Retry-After": "0"}))
    assert server.write().why_not == ""
    assert server.bodies == [PLAN]
    assert server.clock.sleeps == [7.0, 2.0]


def test_long_rate_limit(server: Server) -> None:
    """There is no comment if GitHub wants the action to wait for longer than the limit."""
    headers = {"Retry-After": "60"}
    server.emulator.add_fault(Fault("status", on="comment", status=403, headers=headers))
    assert server.write().why_not.endswith(
        "GitHub limits the requests of this token: try again later."
    )
    assert server.clock.sleeps == []


@pytest.mark.parametrize("kind", ["reset", "cut-json"])
def test_lost_response_to_a_create(server: Server, kind: Any) -> None:  # noqa: ANN401
    """If the response to a create is lost, the comment is looked for, not created again."""
    server.emulator.add_fault(Fault(kind, on="comment", processed=True))
    outcome = server.write()
    assert server.bodies == [PLAN]
    assert outcome.url.endswith(f"#issuecomment-{server.comments[0].id}")
    assert outcome.why_not == ""


def test_create_that_did_not_happen(server: Server) -> None:
    """If there is no comment after a lost response, the line says what happened."""
    server.emulator.add_fault(Fault("reset", on="comment"))
    outcome = server.write()
    assert outcome.why_not.startswith("POST http://127.0.0.1:")
    assert "See the message above" not in outcome.why_not
    assert server.sent.count("POST issues/7/comments") == 1


def test_failed_look_after_a_create(server: Server) -> None:
    """If nothing can be read after a create, the comment counts."""
    server.emulator.add_fault(Fault("status", on="comments", after=1, times=None))
    assert server.write().url != ""


def test_failed_delete(server: Server) -> None:
    """If the second comment cannot be deleted, the first one still counts."""
    server.add()
    server.add()
    server.emulator.add_fault(Fault("status", on="comment", after=1, status=403, times=None))
    assert server.write("new").why_not == ""
    assert server.bodies == ["new", "old"]


def test_time_limit(server: Server) -> None:
    """All requests together have a time limit."""
    github = server.connect()

    def wait() -> None:
        server.clock.sleep(TIME_LIMIT)

    github.before = wait
    server.emulator.add_fault(Fault("status", on="comments", times=None))
    outcome = server.write()
    assert "HTTP 503" in outcome.why_not
    server.emulator.clear_faults()
    assert server.write(github=github).why_not == "GitHub took longer than 30 seconds."


def test_secrets(server: Server) -> None:
    """A secret is hidden in the text, in the key, and in what is said of a failure."""
    redact = Redactor("hunter22")
    key = make_key("hunter22", "x")
    assert server.write("a hunter22 b", key=key, redact=redact).why_not == ""
    assert server.write("c hunter22 d", key=key, redact=redact).why_not == ""
    assert server.bodies == ["c *** d"]
    assert "hunter22" not in server.comments[0].body
    body = '{"message": "no hunter22"}'
    fault = Fault("json", status=403, body=body, times=None)
    server.emulator.add_fault(fault)
    assert "no ***" in server.write(redact=redact).why_not


def test_error_of_the_renderer(server: Server) -> None:
    """If the text cannot be rendered, there is no comment, and the step goes on."""

    def fail() -> str:
        raise KeyError("x")

    outcome = server.write(render=fail)
    assert outcome.why_not == "Internal error: KeyError: 'x'"
    assert server.sent == []


def test_internal_error(server: Server) -> None:
    """An error of this package does not break the step."""

    def fail() -> None:
        raise RuntimeError("odd")

    github = server.connect()
    github.before = fail
    assert server.write(github=github).why_not == "Internal error: RuntimeError: odd"
