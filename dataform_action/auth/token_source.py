"""Application Default Credentials as a token source: a function that returns an access token."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from dataform_action.auth.credentials import (
    BAD_FILE_HINT,
    Credentials,
    find_credentials,
    find_quota_project,
)
from dataform_action.auth.exchange import Exchanges
from dataform_action.auth.token_secrets import Secrets
from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import CredentialsRefused, DataformError, NotConnected, Unusable
from dataform_action.transport.deadline import Late, in_time

#: How long one token may take to mint, whatever the resolver or a server may do.
_REFRESH_SECONDS = 30.0
#: A token is renewed when it has less than this left. Those of a workload identity pool
#: live for 5 minutes; a metadata server gives the same one until its last 5 minutes.
_MARGIN = 120.0
#: A token with less than this left is not sent any more: the API might get it too late.
_SPARE = 30.0
#: The time to wait for a new token while the old one can be sent: a cancel has 4 seconds.
_PATIENCE = 2.0
#: A token is never trusted for longer, so that a wrong clock on this machine does no harm.
_LONGEST_LIFETIME = 3600.0
_MISSING_LIBRARY_HINT = "Install google-auth, or give an access token."


@dataclass(frozen=True, slots=True)
class _Minted:
    token: str = field(repr=False)
    #: A moment of the source's clock.
    expires: float


class ApplicationDefaultCredentials:
    """Access tokens from what the environment offers, renewed before they expire.

    That is, in this order: the file that ``GOOGLE_APPLICATION_CREDENTIALS`` or a variable of
    google-github-actions/auth names, gcloud's own file, a metadata server. ``environ`` is
    looked at when the first token is asked for. ``on_token`` gets every token, those of the
    steps in between too, before a call returns one: mask it there. ``on_exchange`` is told of
    each request that is made for a token, in a line without secrets.

    A call may come from any thread, and a signal handler may raise in the middle of it: the
    work is done on a thread of its own, which shares nothing but the finished token.

    Raises (when called):
        CredentialsRefused: there are no credentials, or the first use of them was refused.
        Misconfigured: this machine's set-up forbids the connection.
        NotConnected: the first token could not be had for now, or a later one could not.
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
        #: The project whose quota is used, if the credentials name one; known with the first token.
        self.quota_project = ""

    def __call__(self) -> str:
        """Return a token that has some time left, a new one if need be."""
        known = self._minted
        left = 0.0 if known is None else known.expires - self._clock.now()
        if known is None or left <= _MARGIN:
            known = self._renewed(known if left > _SPARE else None)
        self._secrets.announce(self._on_token)
        return known.token

    def invalidate(self, token: str) -> None:
        """Take note that a token was not accepted, so that the next call returns a new one."""
        known = self._minted
        if known is not None and known.token == token:
            # Not forgotten: credentials that were good once may be good again.
            self._minted = replace(known, expires=-math.inf)

    def _renewed(self, usable: _Minted | None) -> _Minted:
        """Return a new token, or the old one if it is usable and a new one does not come.

        A thread that is too slow goes on, and a later call finds its token.
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
            text = f"No access token could be had within {seconds:g} seconds"
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False) from error

    def _mint(self, deadline: float) -> _Minted:
        with Exchanges(deadline, self._secrets, self._on_exchange) as exchanges:
            try:
                minted = self._refresh(exchanges)
            except CredentialsRefused as error:
                if self._minted is None:
                    raise
                # They were good before, so they may be good again.
                raise NotConnected(error.message, hint=error.hint) from error
        self._minted = minted
        return minted

    def _refresh(self, exchanges: Exchanges) -> _Minted:
        try:
            if self._make is None:
                self._make = find_credentials(self._environ, self._secrets)
            # New ones each time: they are not safe to share between threads.
            credentials = self._make()
            credentials.refresh(exchanges)
            if not isinstance(credentials.token, str) or not credentials.token:
                raise TypeError("no token")
            self._secrets.learn(credentials.token)
            self.quota_project = find_quota_project(self._environ, credentials)
            return _Minted(credentials.token, self._clock.now() + _lifetime(credentials.expiry))
        except DataformError:
            raise
        except Exception as error:
            # Only its text, and that only if nothing was sent: it may hold a whole answer.
            words = str(error) or type(error).__name__
            hint = _MISSING_LIBRARY_HINT if isinstance(error, ImportError) else BAD_FILE_HINT
        if exchanges.answered:
            text = f"No access token: {exchanges.answered}: the answer holds no usable token"
            raise NotConnected(text, hint=Unusable.hint, has_remedy=False)
        text = f"The Google Cloud credentials cannot be used: {self._secrets.redact_words(words)}"
        raise CredentialsRefused(text, hint=hint)


def _lifetime(expiry: datetime | None) -> float:
    """Return for how many seconds a token is good; not at all if nobody says so."""
    if expiry is None:
        return 0.0
    left = expiry - datetime.now(UTC).replace(tzinfo=None)
    return min(left.total_seconds(), _LONGEST_LIFETIME)
