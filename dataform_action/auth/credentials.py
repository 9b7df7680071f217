"""Application Default Credentials: find what the environment offers, and make it usable.

google-auth knows the kinds of credentials, and is imported when one is made.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from dataform_action.auth.exchange import Exchanges
from dataform_action.auth.token_secrets import Secrets, secrets_in
from dataform_action.errors import CredentialsRefused, NotConnected
from dataform_action.transport.response import Response, parse_json
from dataform_action.validation import is_project_id

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
FILE_VARIABLES = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "GOOGLE_GHA_CREDS_PATH",
)
BAD_FILE_HINT = (
    "Give the file that google-github-actions/auth or gcloud made, or the JSON key of a service "
    "account."
)
_QUOTA_PROJECT_VARIABLE = "GOOGLE_CLOUD_QUOTA_PROJECT"
#: No answer of a metadata server within this time: there is none.
_PROBE_SECONDS = 3.0
#: What google-github-actions/auth calls its file. No other name is looked for in the
#: workspace, where a stranger's file could ask for anything.
_GENERATED_NAME = re.compile(r"gha-creds-[0-9a-f]{16}\.json")
_MISSING_FILE_HINT = (
    "google-github-actions/auth writes the file into the workspace, and actions/checkout deletes "
    "it: run checkout first. A file elsewhere on the runner is not visible to a container action."
)
_UNREADABLE_FILE_HINT = (
    "Only its owner and group may read the file that google-github-actions/auth writes: run this "
    "step as the same user, or as root."
)


class Credentials(Protocol):
    """What is used of google-auth's classes, which carry no types."""

    token: str | None
    #: In UTC, and without a time zone.
    expiry: datetime | None

    def refresh(self, request: Exchanges) -> None:
        """Get a new token."""


def find_credentials(environ: Mapping[str, str], secrets: Secrets) -> Callable[[], Credentials]:
    """Return what makes the credentials that the environment offers; hide their secrets.

    Raises:
        CredentialsRefused: the file cannot be read, or holds no JSON object.
    """
    variable = next((name for name in FILE_VARIABLES if environ.get(name, "").strip()), None)
    if variable is None:
        config = environ.get("CLOUDSDK_CONFIG") or Path(environ.get("HOME", "/"), ".config/gcloud")
        path = Path(config, "application_default_credentials.json")
        try:
            content = path.read_bytes()
        except OSError:
            return lambda: _MetadataServer(environ)
    else:
        path = Path(environ[variable].strip())
        content = _read(path, variable, environ.get("GITHUB_WORKSPACE", ""))
    info = parse_json(content)
    if not isinstance(info, dict):
        raise _bad_file(path, "holds no JSON object.")
    for secret in secrets_in(info):
        secrets.hide(secret)
    return lambda: _credentials_of(info, path)


def find_quota_project(environ: Mapping[str, str], credentials: Credentials) -> str:
    """Return the project whose quota requests use; empty if neither names one that can be.

    The variable goes before the credentials, as in google-auth.
    """
    own = getattr(credentials, "quota_project_id", None)
    project = environ.get(_QUOTA_PROJECT_VARIABLE, "").strip() or own
    return project if isinstance(project, str) and is_project_id(project) else ""


def _read(path: Path, variable: str, workspace: str) -> bytes:
    # In a job with container:, the path is one of that container, where the workspace is
    # /__w/…; this action's container has the same workspace at another place.
    elsewhere = workspace and _GENERATED_NAME.fullmatch(path.name)
    for candidate in [path, Path(workspace, path.name)] if elsewhere else [path]:
        try:
            return candidate.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CredentialsRefused(
                f"The credentials file {candidate}, which {variable} names, cannot be read: "
                f"{error.strerror}.",
                hint=_UNREADABLE_FILE_HINT,
            ) from error
    raise CredentialsRefused(
        f"The credentials file {path}, which {variable} names, does not exist.",
        hint=_MISSING_FILE_HINT,
    )


def _credentials_of(info: Mapping[str, object], path: Path) -> Credentials:
    """Make google-auth's credentials from a file's content.

    By type and not by ``google.auth.default()``, which asks a network for the project.
    """
    made: Credentials
    # Any: google-auth declares itself typed, but its functions carry no types.
    module: Any
    match info.get("type"):
        case "external_account":
            return _external_account(info, path)
        case "service_account":
            from google.oauth2 import service_account as module

            made = module.Credentials.from_service_account_info(info, scopes=[SCOPE])
        case "impersonated_service_account":
            from google.auth import impersonated_credentials as module

            made = module.Credentials.from_impersonated_service_account_info(info, scopes=[SCOPE])
        case "authorized_user":
            from google.oauth2 import credentials as module

            # Its scopes are those of the login.
            made = module.Credentials.from_authorized_user_info(info)
        case "external_account_authorized_user":
            from google.auth import external_account_authorized_user as module

            made = module.Credentials.from_info(info)
        case kind:
            raise _bad_file(path, f"is of a type that is not supported: {kind!r:.100}")
    return made


def _external_account(info: Mapping[str, object], path: Path) -> Credentials:
    module: Any
    match info.get("credential_source"):
        case {"executable": _}:
            raise _bad_file(path, "asks to run a program, which is not supported.")
        case {"environment_id": _}:
            from google.auth import aws as module
        case _:
            from google.auth import identity_pool as module
    made: Credentials = module.Credentials.from_info(info, scopes=[SCOPE])
    return made


def _bad_file(path: Path, problem: str) -> CredentialsRefused:
    return CredentialsRefused(f"The credentials file {path} {problem}", hint=BAD_FILE_HINT)


class _MetadataServer:
    """The credentials of a virtual machine or a pod: one request, and no look-up of names.

    https://cloud.google.com/compute/docs/metadata/querying-metadata
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._skip = environ.get("NO_GCE_CHECK") == "true"
        host = environ.get("GCE_METADATA_HOST") or "169.254.169.254"
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        self._url = f"http://{host}{path}?scopes={SCOPE}"
        self.token: str | None = None
        self.expiry: datetime | None = None

    def refresh(self, request: Exchanges) -> None:
        found = json.loads(request.check(self._ask(request), self._url).body)
        lifetime = timedelta(seconds=found["expires_in"])
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + lifetime
        self.token = found["access_token"]

    def _ask(self, request: Exchanges) -> Response:
        if self._skip:
            raise _no_credentials("NO_GCE_CHECK forbids to ask it")
        headers = {"Metadata-Flavor": "Google"}
        try:
            response = request.send(self._url, headers=headers, seconds=_PROBE_SECONDS, direct=True)
        except NotConnected as error:
            raise _no_credentials(error.message) from error
        # Other clouds have servers of their own at the same address.
        if response.headers.get("Metadata-Flavor") != "Google":
            raise _no_credentials(f"The one at {self._url} is not of Google Cloud")
        return response


def _no_credentials(reason: str) -> CredentialsRefused:
    return CredentialsRefused(
        f"There are no Google Cloud credentials: none of {', '.join(FILE_VARIABLES)} is set, and "
        f"no metadata server answers. {reason}"
    )
