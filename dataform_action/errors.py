"""What can go wrong, as one tree of exceptions.

Every class carries a message (what happened, with names and values), a hint
(what to do about it), and whether trying the same again can help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class DataformError(Exception):
    """Be the base of everything that this package raises on purpose.

    ``message`` says what happened, ``hint`` what to do (it may be empty), and
    ``retryable`` whether the same call may succeed a moment later. ``has_remedy`` is false
    where the hint only points to the message.
    """

    hint = ""
    has_remedy = True
    retryable = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Let process pools carry the error whole: what to call, and the attributes."""
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[DataformError], args: tuple[object, ...]) -> DataformError:
    """Make an error anew without its constructor, whose arguments differ by class."""
    return kind.__new__(kind, *args)


class InputError(DataformError, ValueError):
    """Report bad values given by the caller, all of them at once.

    ``problems`` holds pairs of the value's name and what is wrong with it, and the
    message a line for each. Nothing has been sent when this is raised.
    """

    hint = "Nothing was sent."

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{name} {problem}" for name, problem in problems))
        self.problems = tuple(problems)


class Refused(DataformError):
    """Report a request that the API understood and declined (HTTP 4xx).

    ``status`` is the HTTP status and ``detail`` the API's own words, if it gave any. ``reason``
    and ``metadata`` are those of a google.rpc.ErrorInfo in the response; they may be empty.
    Sending the same again gives the same response.
    """

    hint = "The API's own words above say why; sending the same again will not help."

    def __init__(
        self,
        message: str,
        *,
        status: int,
        hint: str | None = None,
        detail: str = "",
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.detail = detail
        self.reason = reason
        self.metadata = dict(metadata or {})


class CredentialsRefused(Refused):
    """Report that no access token can be had: credentials are missing, broken or refused.

    Nothing was sent to Dataform, and trying again gives the same answer.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, status=401, hint=hint)

    hint = (
        "In a workflow, run google-github-actions/auth before this step (with permissions: "
        "id-token: write for workload identity federation); elsewhere, run gcloud auth "
        "application-default login; or give a token."
    )


class Unusable(DataformError):
    """Report that a request got no answer that means anything.

    ``unprocessed`` is true only when the service surely did not carry the request
    out; ``retry_after`` is the number of seconds that the service asks to wait, and
    ``http_status`` tells the status of the response, if there was one.
    """

    hint = "The service or the network between may be at fault: see the message above."
    has_remedy = False
    retryable = True
    unprocessed = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        hint: str | None = None,
        has_remedy: bool | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.http_status = http_status
        if hint is not None or has_remedy is not None:
            self.has_remedy = has_remedy is not False


class NotConnected(Unusable):
    """Report that no connection was completed, so that the request never left."""

    hint = "Check that the host can be reached from here: DNS, firewall, proxy."
    has_remedy = True
    unprocessed = True


class Misconfigured(NotConnected):
    """Report that this machine's own set-up forbids the connection, such as a proxy."""

    hint = (
        "For a private certificate authority, set REQUESTS_CA_BUNDLE to a file in the workspace; "
        "for a proxy, check HTTPS_PROXY and NO_PROXY."
    )
    retryable = False


class Throttled(Unusable):
    """Report HTTP 429: the service had too many requests and did not look at this one."""

    hint = "Too many requests were made: run fewer jobs at a time."
    unprocessed = True
    has_remedy = True


class NoResponse(Unusable):
    """Report an answer that was lost or never came, or an error that may pass (HTTP 5xx)."""


class InvalidResponse(Unusable):
    """Report an answer that makes no sense: HTML, cut JSON, a shape or status not known."""


class TooLarge(InvalidResponse):
    """Report a response that is longer than is read. A smaller page may fit."""


class NotDone(DataformError):
    """Report that what was requested is still being done: the request is made again later.

    It is no failure. A ``Retry`` that can wait makes the next request after a pause.
    """


class RunMayExist(DataformError):
    """Report that the answer to the request that creates a run was lost.

    The run may have been created, so creating it again could run it twice. ``url`` is
    the page on which to look for it.
    """

    def __init__(self, message: str, *, hint: str | None = None, url: str = "") -> None:
        super().__init__(message, hint=hint)
        self.url = url


class GaveUp(DataformError):
    """Report that the API gave no usable answer for the whole outage timeout.

    The run, if there is one, was left as it is.
    """


class WaitTimeout(DataformError):
    """Report that the run did not end within the timeout."""


class CancelUnsupported(DataformError):
    """Report that the service has no way to cancel a run."""
