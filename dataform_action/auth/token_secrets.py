"""The secrets of token requests: finds them, hides them, and reports new tokens to the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from dataform_action.redaction import Redactor

#: The names of secrets in files, headers, forms and responses, in lower case.
_SECRET_NAMES = frozenset(
    {
        *("access_token", "accesstoken", "assertion", "authorization", "client_secret"),
        *("id_token", "private_key", "refresh_token", "subject_token", "token"),
    }
)


class Secrets:
    """The texts that must not be printed, and the tokens that the caller does not know yet."""

    def __init__(self) -> None:
        #: Replaces the secrets in a text, in every encoding.
        self.redact = Redactor()
        self._redact_words = Redactor()
        self._known: set[str] = set()
        self._unannounced: list[str] = []

    def hide(self, secret: str) -> None:
        """Redact a secret from now on."""
        self._known.add(secret)
        self.redact.add(secret)

    def hide_in_words(self, text: str) -> None:
        """Redact a text that may be a secret from now on, in messages of other libraries."""
        self._redact_words.add(text)

    def redact_words(self, text: str) -> str:
        """Return a message of another library without secrets and texts that may be secrets."""
        return self._redact_words(self.redact(text))

    def learn(self, token: str) -> None:
        """Hide a token, and keep it for ``announce`` if it is new."""
        if token not in self._known:
            self.hide(token)
            self._unannounced.append(token)

    def announce(self, on_token: Callable[[str], object]) -> None:
        """Pass the tokens that are new since the last call to ``on_token``."""
        for token in list(self._unannounced):
            on_token(token)
            # Only now: a signal may interrupt ``on_token``. Another thread may be faster.
            with suppress(ValueError):
                self._unannounced.remove(token)


def secrets_in(value: object, name: str = "") -> Iterator[str]:
    """Return the values in JSON that have the name of a secret, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from secrets_in(item, str(key).lower())
    elif isinstance(value, str) and name in _SECRET_NAMES:
        # An Authorization header contains a scheme and the secret.
        secret = value.split(" ", 1)[-1] if name == "authorization" else value
        if secret:
            yield secret


def texts_in(value: object) -> Iterator[str]:
    """Return all strings in JSON, at any depth."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value
