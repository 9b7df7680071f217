"""The comment of a plan on its pull request: one, which is kept up to date.

Whatever happens here, the outcome of the plan stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import DataformError, Refused, Unusable
from dataform_action.github.api import GitHub, is_missing
from dataform_action.github.event import WorkflowRun
from dataform_action.github.marker import Marker, parse_marker, render_marker
from dataform_action.github.parse import Comment
from dataform_action.text import cut

T = TypeVar("T")

#: How long all requests together may take.
TIME_LIMIT = 30.0
_REQUEST_SECONDS = 10.0
_ATTEMPTS = 3
_PAUSE = 1.0
#: GitHub allows 2,500 comments on a pull request.
_MOST_PAGES = 30
_LONGEST_REASON = 500
#: The login of the token that GitHub gives to a job.
_JOB_LOGIN = "github-actions[bot]"


class CommentOutcome(NamedTuple):
    """The address of the comment, and why it does not show this plan.

    Both are empty if there are no changes, and there was no comment to update.
    """

    url: str = ""
    why_not: str = ""


def upsert_comment(
    github: GitHub,
    *,
    pull_request: int,
    job: str,
    key: str,
    head: str,
    run: WorkflowRun,
    render: Callable[[], str],
    has_changes: bool,
    redact: Callable[[str], str] = str,
    clock: Clock | None = None,
) -> CommentOutcome:
    """Write the comment about ``key`` into a pull request, or update it.

    ``render`` returns the Markdown, of at most ``COMMENT_LIMIT`` characters. ``redact`` hides
    secrets in it. Without changes, an existing comment is updated, and none is created. A comment
    on a commit that is no longer the last one of the pull request is not written, nor one that
    would replace the comment of a later run. If there are several comments with this key, the
    oldest is kept.
    """
    requests = _Requests(MonotonicClock() if clock is None else clock)
    try:
        marker = Marker(job, redact(key), head, (run.id, run.attempt))
        # A lone surrogate is not valid in a request.
        whole = redact(render()).encode("utf-8", "replace").decode()
        text = f"{render_marker(marker)}\n{whole}"
        writer = _Writer(github, requests, pull_request, marker, text)
        return writer.write(has_changes=has_changes)
    except DataformError as error:
        has_hint = error.has_remedy and error.hint != Refused.hint
        why_not = f"{error.message.rstrip('.')}. {error.hint if has_hint else ''}".rstrip()
    except Exception as error:
        why_not = f"Internal error: {type(error).__name__}: {error}"
    return CommentOutcome(why_not=cut(redact(why_not), _LONGEST_REASON))


class _Requests:
    """Requests with a few attempts, within the time limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._end = clock.now() + TIME_LIMIT

    def seconds(self) -> float:
        """Return how long the next request may take to connect, and as long again to respond.

        Raises:
            DataformError: the time is up.
        """
        left = self._end - self._clock.now()
        if left <= 0:
            raise DataformError(f"GitHub took longer than {TIME_LIMIT:g} seconds.")
        return min(_REQUEST_SECONDS, left / 2)

    def make(self, request: Callable[[], T], *, creates: bool = False) -> T:
        """Return the result of a request. If it fails, make it again if that may help."""
        for attempt in range(1, _ATTEMPTS):
            try:
                return request()
            except DataformError as error:
                pause = _pause_after(error, attempt, creates=creates)
                if pause is None or self._clock.now() + pause >= self._end:
                    raise
            self._clock.sleep(pause)
        return request()


def _pause_after(error: DataformError, attempt: int, *, creates: bool) -> float | None:
    """Return the seconds to wait before a request is made again; None if it must not be."""
    match error:
        case Refused(retry_after=float(seconds)):
            # GitHub's secondary rate limit.
            return max(_PAUSE, seconds)
        case Unusable(retryable=True) if error.unprocessed or not creates:
            return max(_PAUSE * attempt, error.retry_after or 0)
    return None


class _Writer:
    """Writes one comment. ``text`` is the whole comment, with its marker."""

    def __init__(
        self, github: GitHub, requests: _Requests, number: int, marker: Marker, text: str
    ) -> None:
        self._github = github.within(requests.seconds)
        self._make = requests.make
        self._number = number
        self._marker = marker
        self._text = text
        #: The login of the token's owner. Empty: GitHub does not say. None: not yet known.
        self._login: str | None = None
        #: The comment that was created, which needs no update.
        self._created: Comment | None = None

    def write(self, *, has_changes: bool) -> CommentOutcome:
        """Update the comment, or create it.

        Raises:
            DataformError: that is not possible.
        """
        comments = self._list()
        if not comments and not has_changes:
            return CommentOutcome()
        why_not = self._find_obstacle()
        if why_not:
            return CommentOutcome(why_not=why_not)
        outcome = self._update(comments)
        if outcome is None and has_changes:
            outcome = self._create()
        return outcome or CommentOutcome()

    def _list(self) -> list[Comment]:
        """Return the comments with this key, the oldest first."""
        # If a comment is on two pages, it must not be deleted as a second one.
        found = {comment.id: comment for comment in self._read_all() if self._marks(comment)}
        return sorted(comment for comment in found.values() if self._is_own(comment))

    def _read_all(self) -> Iterator[Comment]:
        for number in range(1, _MOST_PAGES + 1):
            page = self._make(partial(self._github.list_comments, self._number, number))
            yield from page.comments
            if not page.has_more:
                return
        raise DataformError(f"Pull request {self._number} has too many comments.")

    def _marks(self, comment: Comment) -> bool:
        marker = parse_marker(comment.body)
        return marker is not None and marker.is_of(self._marker)

    def _is_own(self, comment: Comment) -> bool:
        """Tell whether this token wrote a comment. Anyone can copy a marker."""
        if self._login is None:
            try:
                self._login = self._make(self._github.get_login)
            except DataformError:
                # The server may not offer the GraphQL API.
                self._login = ""
        if self._login:
            return comment.author == self._login
        return comment.is_bot and comment.author == _JOB_LOGIN

    def _find_obstacle(self) -> str:
        """Return why the pull request must not get this comment; empty if it may."""
        pull_request = self._make(partial(self._github.get_pull_request, self._number))
        if not pull_request.is_open:
            return f"Pull request {self._number} is closed."
        if pull_request.head != self._marker.head:
            planned, last = self._marker.head[:7], pull_request.head[:7]
            return f"This plan is of commit {planned}, but the last one is {last}."
        return ""

    def _update(self, comments: list[Comment]) -> CommentOutcome | None:
        """Write the text into the oldest comment, and delete the others. None: there is none."""
        for position, comment in enumerate(comments):
            outcome = self._replace(comment)
            if outcome is not None:
                for other in comments[position + 1 :]:
                    self._delete(other)
                return outcome
        return None

    def _replace(self, comment: Comment) -> CommentOutcome | None:
        """Write the text into a comment. None: it was deleted."""
        if self._created is not None and comment.id == self._created.id:
            return CommentOutcome(comment.url)
        marker = parse_marker(comment.body)
        if marker is not None and marker.is_later_than(self._marker):
            return CommentOutcome(comment.url, "A later run has already written the comment.")
        try:
            update = partial(self._github.update_comment, comment.id, self._text)
            return CommentOutcome(self._make(update).url)
        except Refused as error:
            if is_missing(error):
                return None
            raise

    def _create(self) -> CommentOutcome:
        """Create the comment. If another job does so at the same time, keep the older one."""
        create = partial(self._github.create_comment, self._number, self._text)
        try:
            self._created = self._make(create, creates=True)
        except Unusable as error:
            # The response may be lost, but not the comment.
            outcome = None if error.unprocessed else self._update(self._list())
            if outcome is None:
                raise
            return outcome
        self._login = self._created.author
        outcome = CommentOutcome(self._created.url)
        # If this fails, the next run deletes the other comment, if there is one.
        with suppress(DataformError):
            others = [comment for comment in self._list() if comment.id != self._created.id]
            why_not = self._find_obstacle() if others else ""
            if why_not:
                self._delete(self._created)
                return CommentOutcome(why_not=why_not)
            return self._update(sorted([*others, self._created])) or outcome
        return outcome

    def _delete(self, comment: Comment) -> None:
        # It may be deleted already. If this fails, the next run deletes it.
        with suppress(DataformError):
            self._make(partial(self._github.delete_comment, comment.id))
