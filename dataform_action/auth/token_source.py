"""Application Default Credentials as a function that returns an access token."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from dataform_action.auth.credentials import Credentials, find_credentials, find_quota_project
from dataform_action.auth.credentials_file import BAD_FILE_HINT
from dataform_action.auth.exchange import TokenRequests
from dataform_action.auth.token_secrets import Secrets
from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import CredentialsRefused, DataformError, NotConnected, Unusable
from dataform_action.transport.deadline import Late, in_time

#: The limit for all requests for one token.
_REFRESH_SECONDS = 30.0
#: A token is renewed if it expires within this time. Tokens of a workload identity pool last for
#: 5 minutes. A metadata server returns the same token until 5 minutes before it expires.
_MARGIN = 120.0
#: A token that expires within this time is not sent: it might arrive too late.
_SPARE = 30.0
#: The time to wait for a new token while the old one is still valid: a cancel has 4 seconds.
_PATIENCE = 2.0
#: The time to wait for the token that another thread is requesting.
_TURN_SECONDS = 1.0
#: The longest lifetime that is assumed for a token, in case the clock of this machine is wrong.
_LONGEST_LIFETIME = 3600.0
#: google-auth does not check the fields of a file before it uses them.
_BAD_FIELD = "a field of the credentials file is missing or has the wrong type"
_MISSING_LIBRARY_HINT = "Install google-auth, or provide an access token."


@dataclass(frozen=True, slots=True)
class _Minted:
    token: str = field(repr=False)
    #: In the time of the source's clock.
    expires: float


class ApplicationDefaultCredentials:
    """Access tokens from the credentials in the environment, renewed before they expire.

    The first of these that exists is used: the file set in ``GOOGLE_APPLICATION_CREDENTIALS`` or in
    a variable of google-github-actions/auth, gcloud's own file, a metadata server. The first call
    reads ``environ``. ``on_token`` receives every token before a call returns one, including the
    tokens of intermediate steps: mask it there. ``on_exchange`` receives one line without secrets
    for each request for a token.

    Any thread may call it, and a signal handler may raise during a call: a separate thread does the
    work, and shares only the finished token.

    Raises (when called):
        CredentialsRefused: there are no credentials, or their first use was refused.
        Misconfigured: the configuration of this machine prevents the connection.
        NotConnected: no token is available now. Another attempt may succeed.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        on_token: Callable[[str], object] = lambda _token: None,
        on_exchange: Callable[[str], object] | None = None,
        clock: Clock | None = None,
        refresh_seconds: float = _REFRESH_SECONDS,
    ) -> None:
        self._environ = environ
        self._on_token = on_token
        self._on_exchange = on_exchange
        self._clock = clock or MonotonicClock()
        self._refresh_seconds = refresh_seconds
        self._secrets = Secrets()
        self._minted: _Minted | None = None
        self._make: Callable[[], Credentials] | None = None
        #: Held by the thread that renews the token.
        self._renewal = threading.Lock()
        #: The project whose quota is used, or empty. It is known after the first call.
        self.quota_project = ""

    def __call__(self) -> str:
        """Return a token that does not expire soon. Renew it if necessary."""
        known = self._minted
        if known is None or self._left(known) <= _MARGIN:
            known = self._renewed_once()
        self._secrets.announce(self._on_token)
        return known.token

    def _left(self, minted: _Minted) -> float:
        """Return the seconds until a token expires."""
        return minted.expires - self._clock.now()

    def _renewed_once(self) -> _Minted:
        """Return a new token, which is shared with the threads that need one at the same time.

        If another thread's renewal takes long, this one does not wait for it: it may be hanging.
        """
        is_alone = self._renewal.acquire(timeout=_TURN_SECONDS)
        try:
            known = self._minted
            left = 0.0 if known is None else self._left(known)
            if known is not None and left > _MARGIN:
                return known
            return self._renewed(known if left > _SPARE else None)
        finally:
            if is_alone:
                self._renewal.release()

    def invalidate(self, token: str) -> None:
        """Record that a token was not accepted, so that the next call returns a new one."""
        known = self._minted
        if known is not None and known.token == token:
            # Keep the token: it shows that the credentials were accepted before.
            self._minted = replace(known, expires=-math.inf)

    def _renewed(self, usable: _Minted | None) -> _Minted:
        """Return a new token, or the old one if it is usable and there is no new one.

        A thread that is too slow continues, and a later call uses its token.
        """
        deadline = time.monotonic() + self._refresh_seconds
        seconds = self._refresh_seconds if usable is None else _PATIENCE
        try:
            return in_time(seconds, lambda: self._mint(deadline), name="dataform-token")
        except (Late, NotConnected) as error:
            if usable is not None:
                return usable
            if isinstance(error, NotConnected):
                raise
            text = f"No access token was obtained within {seconds:g} seconds"
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False) from error

    def _mint(self, deadline: float) -> _Minted:
        with TokenRequests(deadline, self._secrets, self._on_exchange) as requests:
            try:
                minted = self._refresh(requests)
            except CredentialsRefused as error:
                if self._minted is None:
                    raise
                # They were accepted before, so they may be accepted again.
                raise NotConnected(error.message, hint=error.hint) from error
        self._minted = minted
        return minted

    def _refresh(self, requests: TokenRequests) -> _Minted:
        try:
            if self._make is None:
                self._make = find_credentials(self._environ, self._secrets)
            # Created each time, because threads cannot share them safely.
            credentials = self._make()
            credentials.refresh(requests)
            if not isinstance(credentials.token, str) or not credentials.token:
                raise TypeError("no token")
            self._secrets.learn(credentials.token)
            self.quota_project = find_quota_project(self._environ, credentials)
            return _Minted(credentials.token, self._clock.now() + _lifetime(credentials.expiry))
        except DataformError:
            raise
        except Exception as error:
            # The text is used only if no request succeeded: it may contain a whole response.
            is_of_python = isinstance(error, TypeError | AttributeError | LookupError)
            reason = _BAD_FIELD if is_of_python else str(error) or type(error).__name__
            hint = _MISSING_LIBRARY_HINT if isinstance(error, ImportError) else BAD_FILE_HINT
        if requests.last_success:
            text = f"No access token: {requests.last_success}: the response has no usable token"
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False)
        text = f"The Google Cloud credentials cannot be used: {self._secrets.redact_words(reason)}"
        raise CredentialsRefused(text, hint=hint)


def _lifetime(expiry: datetime | None) -> float:
    """Return the lifetime of a token in seconds, or 0 if it is unknown."""
    if expiry is None:
        return 0.0
    left = expiry - datetime.now(UTC).replace(tzinfo=None)
    return min(left.total_seconds(), _LONGEST_LIFETIME)
