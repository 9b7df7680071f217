"""The secrets behind a token: found in what is exchanged, hidden, and announced to the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from dataform_action.redaction import Redactor

#: In lower case: what holds a secret in a file, a header, a form or an answer.
_SECRET_NAMES = frozenset(
    {
        *("access_token", "accesstoken", "assertion", "authorization", "client_secret"),
        *("id_token", "private_key", "refresh_token", "subject_token", "token"),
    }
)


class Secrets:
    """What must not be printed, and what of it the caller does not know yet."""

    def __init__(self) -> None:
        #: Replaces the secrets, in whatever form they stand in a text.
        self.redact = Redactor()
        self._redact_words = Redactor()
        self._known: set[str] = set()
        self._unannounced: list[str] = []

    def hide(self, secret: str) -> None:
        """Redact a secret from now on."""
        self._known.add(secret)
        self.redact.add(secret)

    def hide_in_words(self, text: str) -> None:
        """Redact a text that may be a secret from now on, in what other libraries say."""
        self._redact_words.add(text)

    def redact_words(self, text: str) -> str:
        """Return the text of another library without secrets, and what may be one."""
        return self._redact_words(self.redact(text))

    def learn(self, token: str) -> None:
        """Hide a token, and announce it if it is a new one."""
        if token not in self._known:
            self.hide(token)
            self._unannounced.append(token)

    def announce(self, on_token: Callable[[str], object]) -> None:
        """Tell the tokens that were learnt since the last time."""
        for token in list(self._unannounced):
            on_token(token)
            # Only now, since a signal may have come before; another thread may be faster.
            with suppress(ValueError):
                self._unannounced.remove(token)


def secrets_in(value: object, name: str = "") -> Iterator[str]:
    """Return what stands under the names of secrets in JSON, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from secrets_in(item, str(key).lower())
    elif isinstance(value, str) and name in _SECRET_NAMES:
        # The value of an Authorization header is a scheme and the secret.
        secret = value.split(" ", 1)[-1] if name == "authorization" else value
        if secret:
            yield secret


def texts_in(value: object) -> Iterator[str]:
    """Return every text in JSON, at any depth."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value
