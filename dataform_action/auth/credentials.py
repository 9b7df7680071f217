"""Application Default Credentials: finds them in the environment, and creates them.

google-auth implements the types of credentials. It is imported when one is created.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from dataform_action.auth.credentials_file import (
    BAD_FILE_HINT,
    FILE_LIMIT,
    FILE_VARIABLES,
    read_named_file,
)
from dataform_action.auth.exchange import TokenRequest, TokenRequests
from dataform_action.auth.token_secrets import (
    Secrets,
    possible_secrets_in,
    secret_variables,
    texts_in,
)
from dataform_action.errors import CredentialsRefused, NotConnected
from dataform_action.redaction import describe_secret
from dataform_action.transport.files import read_file
from dataform_action.transport.json_values import parse_json
from dataform_action.transport.response import Response
from dataform_action.validation import is_project_id

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_QUOTA_PROJECT_VARIABLE = "GOOGLE_CLOUD_QUOTA_PROJECT"
#: The file of gcloud's login.
_GCLOUD_NAME = "application_default_credentials.json"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{1,5})?"
#: If a metadata server does not respond within this time, there is none.
_PROBE_SECONDS = 3.0


class Credentials(Protocol):
    """The members of google-auth's classes that are used here. google-auth has no types."""

    token: str | None
    #: In UTC, without a time zone.
    expiry: datetime | None

    def refresh(self, request: TokenRequests) -> None:
        """Get a new token."""


def find_credentials(environ: Mapping[str, str], secrets: Secrets) -> Callable[[], Credentials]:
    """Return a function that creates the credentials in the environment. Hide their secrets.

    No message repeats the value of a variable: it may be a key in the wrong variable.

    Raises:
        CredentialsRefused: the file cannot be read, or does not contain a JSON object.
        NotConnected: the file cannot be read now, but maybe later.
    """
    for secret in secret_variables(environ):
        secrets.hide(secret)
    for name in FILE_VARIABLES:
        secrets.hide_in_words(environ.get(name, ""))
    variable = next((name for name in FILE_VARIABLES if environ.get(name, "").strip()), None)
    if variable is None:
        config = environ.get("CLOUDSDK_CONFIG")
        folder = Path(config or Path(environ.get("HOME", "/"), ".config/gcloud"))
        file = f"gcloud's file {_GCLOUD_NAME}"
        try:
            content = read_file(Path(folder, _GCLOUD_NAME), FILE_LIMIT)
        except (OSError, ValueError):
            return lambda: _MetadataServer(environ, secrets)
    else:
        file = f"The credentials file set in {variable}"
        content = read_named_file(variable, environ)
    info = parse_json(content)
    if not isinstance(info, dict):
        raise CredentialsRefused(f"{file} does not contain a JSON object.", hint=BAD_FILE_HINT)
    for secret in possible_secrets_in(info):
        secrets.hide(secret)
    for text in texts_in(info):
        secrets.hide_in_words(text)
    return lambda: _credentials_of(info, file)


def find_quota_project(environ: Mapping[str, str], credentials: Credentials) -> str:
    """Return the project whose quota requests use, or an empty string if no valid one is set.

    The variable overrides the credentials, as in google-auth.
    """
    own = getattr(credentials, "quota_project_id", None)
    project = environ.get(_QUOTA_PROJECT_VARIABLE, "").strip() or own
    return project if isinstance(project, str) and is_project_id(project) else ""


def _credentials_of(info: Mapping[str, object], file: str) -> Credentials:
    """Create google-auth's credentials from the contents of a file.

    ``google.auth.default()`` is not used, because it makes a request for the project.
    """
    created: Credentials
    # Any: google-auth declares that it is typed, but its functions have no types.
    module: Any
    match info.get("type"):
        case "external_account":
            return _external_account(info, file)
        case "service_account":
            from google.oauth2 import service_account as module

            created = module.Credentials.from_service_account_info(info, scopes=[SCOPE])
        case "impersonated_service_account":
            from google.auth import impersonated_credentials as module

            created = module.Credentials.from_impersonated_service_account_info(
                info, scopes=[SCOPE]
            )
        case "authorized_user":
            from google.oauth2 import credentials as module

            # They keep the scopes of the login.
            created = module.Credentials.from_authorized_user_info(info)
        case "external_account_authorized_user":
            from google.auth import external_account_authorized_user as module

            created = module.Credentials.from_info(info)
        case "gdch_service_account" | "gce" | "oauth2" as kind:
            raise _bad_file(file, f"has an unsupported type: {kind}.")
        case None:
            raise _bad_file(file, "does not name a type of credentials.")
        case _:
            raise _bad_file(file, "has an unsupported type.")
    return created


def _external_account(info: Mapping[str, object], file: str) -> Credentials:
    module: Any
    match info.get("credential_source"):
        case {"executable": _}:
            raise _bad_file(file, "requires an external program, which is not supported.")
        case {"environment_id": _}:
            from google.auth import aws as module
        case _:
            from google.auth import identity_pool as module
    created: Credentials = module.Credentials.from_info(info, scopes=[SCOPE])
    return created


def _bad_file(file: str, problem: str) -> CredentialsRefused:
    return CredentialsRefused(f"{file} {problem}", hint=BAD_FILE_HINT)


class _MetadataServer:
    """The credentials of a virtual machine or a pod: one request, without a name lookup.

    https://cloud.google.com/compute/docs/metadata/querying-metadata
    """

    def __init__(self, environ: Mapping[str, str], secrets: Secrets) -> None:
        self._environ = environ
        host = environ.get("GCE_METADATA_HOST", "").strip()
        if host:
            if not re.fullmatch(_HOST, host):
                raise _no_credentials("GCE_METADATA_HOST is not a host, such as host:80.", environ)
            secrets.hide(host)
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        self._url = f"http://{host or '169.254.169.254'}{path}?scopes={SCOPE}"
        self.token: str | None = None
        self.expiry: datetime | None = None

    def refresh(self, request: TokenRequests) -> None:
        found = json.loads(self._fetch(request).body)
        lifetime = timedelta(seconds=found["expires_in"])
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + lifetime
        self.token = found["access_token"]

    def _fetch(self, requests: TokenRequests) -> Response:
        if self._environ.get("NO_GCE_CHECK") == "true":
            raise _no_credentials("NO_GCE_CHECK forbids the request", self._environ)
        request = TokenRequest(
            self._url,
            headers={"Metadata-Flavor": "Google"},
            seconds=_PROBE_SECONDS,
            direct=True,
        )
        try:
            response = requests.send(request)
        except NotConnected as error:
            raise _no_credentials(error.message, self._environ) from error
        # Other clouds have their own servers at the same address.
        if response.headers.get("Metadata-Flavor") != "Google":
            raise _no_credentials("The server at its address is not of Google Cloud", self._environ)
        return requests.check(request, response)


def _no_credentials(reason: str, environ: Mapping[str, str]) -> CredentialsRefused:
    gcloud = ""
    if environ.get("CLOUDSDK_CONFIG"):
        described = describe_secret(environ["CLOUDSDK_CONFIG"])
        gcloud = f" The folder set in CLOUDSDK_CONFIG contains no {_GCLOUD_NAME}. {described}"
    return CredentialsRefused(
        f"No Google Cloud credentials were found: none of {', '.join(FILE_VARIABLES)} is set, and "
        f"no metadata server of Google Cloud responds. {reason}{gcloud.rstrip()}"
    )
