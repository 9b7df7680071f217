"""The exceptions of this package.

Every exception has a message (what happened, with names and values), a hint (what to do), and says
whether the same call may succeed later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class DataformError(Exception):
    """Base class of all errors of this package.

    ``message`` says what happened, and ``hint`` what to do; the hint may be empty. ``retryable``
    tells whether the same call may succeed later. ``has_remedy`` is false if the hint only refers
    to the message.
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
        """Support pickling, so that process pools can transfer the error with its attributes."""
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[DataformError], args: tuple[object, ...]) -> DataformError:
    """Create an error without its constructor, whose arguments differ between the classes."""
    return kind.__new__(kind, *args)


class InputError(DataformError, ValueError):
    """The caller gave invalid values. The error reports all of them.

    ``problems`` contains pairs: the name of a value, and what is wrong with it. The message has one
    line for each pair. Nothing was sent.
    """

    hint = "Nothing was sent."

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{name} {problem}" for name, problem in problems))
        self.problems = tuple(problems)


class Refused(DataformError):
    """The API refused a request (HTTP 4xx). The same request would be refused again.

    ``status`` is the HTTP status, and ``detail`` is the API's message, if there is one. ``reason``
    and ``metadata`` come from the google.rpc.ErrorInfo in the response, or ``reason`` from the
    older format of Google's errors. They may be empty. ``retry_after`` is the number of seconds
    that the service asks clients to wait: GitHub refuses requests above its secondary rate limits
    with HTTP 403.
    """

    hint = "See the API's message above. The same request will be refused again."

    def __init__(
        self,
        message: str,
        *,
        status: int,
        hint: str | None = None,
        detail: str = "",
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.status = status
        self.detail = detail
        self.reason = reason
        self.metadata = dict(metadata or {})


class CredentialsRefused(Refused):
    """No access token is available: the credentials are missing, invalid or refused.

    Nothing was sent to Dataform. Another attempt would have the same result.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, status=401, hint=hint)

    hint = (
        "In a workflow, run google-github-actions/auth before this step (workload identity "
        "federation needs permissions: id-token: write). Elsewhere, run gcloud auth "
        "application-default login. Or provide a token."
    )


class Unusable(DataformError):
    """A request got no usable response.

    ``unprocessed`` is true only if the service certainly did not process the request.
    ``retry_after`` is the number of seconds that the service asks clients to wait. ``http_status``
    is the status of the response, if there was one.
    """

    hint = "The cause may be the service or the network. See the message above."
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
    """No connection was completed, so nothing was sent."""

    hint = "Check that this machine can reach the host: DNS, firewall, proxy."
    has_remedy = True
    unprocessed = True


class Misconfigured(NotConnected):
    """The configuration of this machine prevents the connection, for example its proxy."""

    hint = (
        "For a private certificate authority, set REQUESTS_CA_BUNDLE to a file in the workspace. "
        "For a proxy, check HTTPS_PROXY and NO_PROXY."
    )
    retryable = False


class Throttled(Unusable):
    """HTTP 429: the service received too many requests, and did not process this one."""

    hint = "The service received too many requests: run fewer jobs at the same time."
    unprocessed = True
    has_remedy = True


class NoResponse(Unusable):
    """The response was lost or never arrived, or the error is temporary (HTTP 5xx)."""


class InvalidResponse(Unusable):
    """The response is not understood: HTML, incomplete JSON, an unknown format or status."""


class TooLarge(InvalidResponse):
    """The response is longer than the limit. A smaller page may fit."""


class NotDone(DataformError):
    """The service is still working on the request, so the request is made again later.

    This is not a failure. A ``Retry`` that can wait makes the next request after a pause.
    """


class RunMayExist(DataformError):
    """The response to the request that creates a run was lost.

    The run may exist, so a second request could run the same thing twice. ``url`` is the page on
    which to look for the run.
    """

    def __init__(self, message: str, *, hint: str | None = None, url: str = "") -> None:
        super().__init__(message, hint=hint)
        self.url = url


class GaveUp(DataformError):
    """The API gave no usable response for the whole outage timeout.

    If there is a run, it was not changed.
    """


class WaitTimeout(DataformError):
    """The run did not end within the timeout."""


class CancelUnsupported(DataformError):
    """The service cannot cancel runs."""
