"""The secrets of token requests: finds them, hides them, and reports new tokens to the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from dataform_action.redaction import Redactor

#: The names of secrets in files, headers, forms and responses, in lower case.
_SECRET_NAMES = frozenset(
    {
        *("access_token", "accesstoken", "assertion", "authorization", "client_secret"),
        *("id_token", "private_key", "refresh_token", "subject_token", "token"),
        *("secretaccesskey", "x-amz-security-token", "x-aws-ec2-metadata-token"),
    }
)
#: The names of texts in a credentials file and in headers that are not secret.
_PUBLIC_NAMES = frozenset(
    {
        *("account", "audience", "auth_provider_x509_cert_url", "auth_uri", "client_email"),
        *("client_id", "client_x509_cert_url", "delegates", "environment_id", "file"),
        *("imdsv2_session_token_url", "project_id", "quota_project_id", "region_url"),
        *("regional_cred_verification_url", "revoke_url", "scopes", "subject_token_field_name"),
        *("service_account_impersonation_url", "subject_token_type", "token_info_url"),
        *("token_uri", "token_url", "type", "universe_domain", "url"),
        *("workforce_pool_user_project", "certificate_config_location", "trust_chain_path"),
        *("accept", "content-type", "host", "metadata", "metadata-flavor", "user-agent"),
        *("x-amz-date", "x-aws-ec2-metadata-token-ttl-seconds", "x-goog-api-client"),
        *("x-goog-user-project", "x-goog-cloud-target-resource", "x-allowed-locations"),
    }
)
#: The words of an Authorization header before its secret.
_SCHEMES = ("basic", "bearer", "token")


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


def secrets_in(value: object) -> Iterator[str]:
    """Return the values in JSON that have the name of a secret, at any depth."""
    return (_secret_of(text) for name, text in _named_texts(value) if name in _SECRET_NAMES)


def possible_secrets_in(value: object) -> Iterator[str]:
    """Return the values in JSON that do not have the name of a public text, at any depth."""
    return (_secret_of(text) for name, text in _named_texts(value) if name not in _PUBLIC_NAMES)


def texts_in(value: object) -> Iterator[str]:
    """Return all values in JSON that are texts, at any depth."""
    return (text for _, text in _named_texts(value))


def secret_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Return the values of the variables that contain credentials of Amazon Web Services."""
    for name, value in environ.items():
        if name.startswith("AWS_") and any(word in name for word in ("KEY", "SECRET", "TOKEN")):
            yield value


def _secret_of(text: str) -> str:
    scheme, _, rest = text.partition(" ")
    return rest if scheme.lower() in _SCHEMES and rest else text


def _named_texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Return all texts in JSON with their names. Those in a list have the name of the list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _named_texts(item, str(key).lower())
    elif isinstance(value, list):
        for item in value:
            yield from _named_texts(item, name)
    elif isinstance(value, bytes):
        # google-auth passes the session token of Amazon's metadata server as bytes.
        yield name, value.decode("latin-1")
    elif isinstance(value, str) and value:
        yield name, value
