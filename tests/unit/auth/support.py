"""Helpers for the tests of access tokens: a setting with credentials, and expected errors."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dataform_action.auth.token_source import ApplicationDefaultCredentials
from dataform_action.errors import CredentialsRefused, Misconfigured, NotConnected
from tests.support.fakes import FakeClock
from tests.support.google_stand_ins import (
    EXCHANGE,
    IDENTITY,
    IMPERSONATION,
    OAUTH,
    SERVICE_ACCOUNT,
    GoogleStandIns,
)

FEDERATION = [IDENTITY, EXCHANGE, IMPERSONATION]
GENERATED = "gha-creds-0123456789abcdef.json"
DENIED = {
    "error": {
        "code": 403,
        "message": "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may "
        "not exist).",
        "status": "PERMISSION_DENIED",
    }
}


@dataclass
class Setting:
    """The surroundings of a token source: its credentials file, its clock, and its reports."""

    folder: Path
    google: GoogleStandIns
    clock: FakeClock = field(default_factory=FakeClock)
    masked: list[str] = field(default_factory=list)
    #: The reports on requests.
    lines: list[str] = field(default_factory=list)
    on_mask: Callable[[int], object] = lambda _count: None

    def source(self, info: object, *, refresh_seconds: float = 30) -> ApplicationDefaultCredentials:
        path = self.folder / "credentials.json"
        path.write_bytes(info if isinstance(info, bytes) else json.dumps(info).encode())
        environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
        return self.source_of(environ, refresh_seconds=refresh_seconds)

    def source_of(
        self, environ: dict[str, str], *, refresh_seconds: float = 30
    ) -> ApplicationDefaultCredentials:
        return ApplicationDefaultCredentials(
            environ,
            on_token=self.mask,
            on_exchange=self.lines.append,
            clock=self.clock,
            refresh_seconds=refresh_seconds,
        )

    def federation(self, *, refresh_seconds: float = 30) -> ApplicationDefaultCredentials:
        return self.source(self.google.external_account(), refresh_seconds=refresh_seconds)

    def mask(self, token: str) -> None:
        self.masked.append(token)
        self.on_mask(len(self.masked))


@cache
def private_key() -> str:
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def service_account_key(google: GoogleStandIns) -> dict[str, str]:
    return {
        "type": "service_account",
        "client_email": SERVICE_ACCOUNT,
        "private_key_id": "1",
        "private_key": private_key(),
        "token_uri": google.url + OAUTH,
    }


def serve_as(google: GoogleStandIns, host: str, bundle: Path) -> None:
    """Let the stand-ins respond as ``host`` over TLS, behind their proxy."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(bundle))
    google.certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(google.certificate)


def refusal(source: ApplicationDefaultCredentials) -> CredentialsRefused:
    with pytest.raises(CredentialsRefused) as caught:
        source()
    assert not caught.value.retryable
    return caught.value


def misconfiguration(source: ApplicationDefaultCredentials) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        source()
    assert caught.value.hint
    return caught.value


def failure(source: ApplicationDefaultCredentials) -> NotConnected:
    with pytest.raises(NotConnected) as caught:
        source()
    assert caught.value.retryable
    return caught.value


def join_workers() -> None:
    for thread in threading.enumerate():
        if thread.name == "dataform-token":
            thread.join(60)


class Stop(Exception):
    """Raised by a signal handler."""
