"""Application Default Credentials: find what the environment offers, and make it usable.

google-auth knows the kinds of credentials, and is imported when one is made.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from dataform_action.auth.exchange import Exchanges
from dataform_action.auth.token_secrets import Secrets, secrets_in, texts_in
from dataform_action.errors import CredentialsRefused, NotConnected
from dataform_action.redaction import describe_secret
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
#: What gcloud's login is kept in.
_GCLOUD_NAME = "application_default_credentials.json"
#: Variables that google-auth reads by itself, and whose values are secrets.
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
#: The machine, not the file, is in the way: no free file, process or memory.
_MOMENTARY = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.EINTR)
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{1,5})?"
#: No answer of a metadata server within this time: there is none.
_PROBE_SECONDS = 3.0
#: What google-github-actions/auth calls its file. No other name is looked for in the
#: workspace, where a stranger's file could ask for anything.
_GENERATED_NAME = re.compile(r"gha-creds-[0-9a-f]{16}\.json")
_MISSING_FILE_HINT = (
    "google-github-actions/auth writes the file into the workspace, and actions/checkout deletes "
    "it: run checkout first. A file elsewhere on the runner is not visible to a container action."
)
_CONTENT_HINT = (
    "The variable must hold the path of a file, and not what is in the file. Let "
    "google-github-actions/auth write the file (its input credentials_json takes a key), or write "
    "it into the workspace yourself."
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

    No value of a variable is repeated in any text: it may be a key in the wrong place.

    Raises:
        CredentialsRefused: the file cannot be read, or holds no JSON object.
        NotConnected: the file cannot be read for the moment.
    """
    for name in (*FILE_VARIABLES, *_SECRET_VARIABLES):
        secrets.hide_in_words(environ.get(name, ""))
    variable = next((name for name in FILE_VARIABLES if environ.get(name, "").strip()), None)
    if variable is None:
        config = environ.get("CLOUDSDK_CONFIG")
        folder = Path(config or Path(environ.get("HOME", "/"), ".config/gcloud"))
        file = f"gcloud's file {_GCLOUD_NAME}"
        try:
            content = Path(folder, _GCLOUD_NAME).read_bytes()
        except (OSError, ValueError):
            return lambda: _MetadataServer(environ, secrets)
    else:
        file = f"The credentials file that {variable} names"
        content = _read(environ[variable].strip(), variable, environ.get("GITHUB_WORKSPACE", ""))
    info = parse_json(content)
    if not isinstance(info, dict):
        raise CredentialsRefused(f"{file} holds no JSON object.", hint=BAD_FILE_HINT)
    for secret in secrets_in(info):
        secrets.hide(secret)
    for text in texts_in(info):
        secrets.hide_in_words(text)
    return lambda: _credentials_of(info, file)


def find_quota_project(environ: Mapping[str, str], credentials: Credentials) -> str:
    """Return the project whose quota requests use; empty if neither names one that can be.

    The variable goes before the credentials, as in google-auth.
    """
    own = getattr(credentials, "quota_project_id", None)
    project = environ.get(_QUOTA_PROJECT_VARIABLE, "").strip() or own
    return project if isinstance(project, str) and is_project_id(project) else ""


def _read(value: str, variable: str, workspace: str) -> bytes:
    # In a job with container:, the path is one of that container, where the workspace is
    # /__w/…; this action's container has the same workspace at another place.
    path = Path(value)
    elsewhere = workspace and _GENERATED_NAME.fullmatch(path.name)
    file = f"The credentials file that {variable} names"
    for candidate in [path, Path(workspace, path.name)] if elsewhere else [path]:
        try:
            return candidate.read_bytes()
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            # Only what the operating system says: the rest of its text is the name.
            words = getattr(error, "strerror", None) or "it is no path"
            if isinstance(error, OSError) and error.errno in _MOMENTARY:
                raise NotConnected(f"{file} cannot be read: {words}.") from error
            problem = f"{file} cannot be read: {words}."
            hint = _UNREADABLE_FILE_HINT
            break
    else:
        problem, hint = f"{file} does not exist.", _MISSING_FILE_HINT
    described = describe_secret(value)
    if described:
        problem, hint = f"{problem} {described}", _CONTENT_HINT
    raise CredentialsRefused(problem, hint=hint)


def _credentials_of(info: Mapping[str, object], file: str) -> Credentials:
    """Make google-auth's credentials from a file's content.

    By type and not by ``google.auth.default()``, which asks a network for the project.
    """
    made: Credentials
    # Any: google-auth declares itself typed, but its functions carry no types.
    module: Any
    match info.get("type"):
        case "external_account":
            return _external_account(info, file)
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
        case "gdch_service_account" | "gce" | "oauth2" as kind:
            raise _bad_file(file, f"is of a type that is not supported: {kind}.")
        case None:
            raise _bad_file(file, "names no type of credentials.")
        case _:
            raise _bad_file(file, "is of a type that is not supported.")
    return made


def _external_account(info: Mapping[str, object], file: str) -> Credentials:
    module: Any
    match info.get("credential_source"):
        case {"executable": _}:
            raise _bad_file(file, "asks to run a program, which is not supported.")
        case {"environment_id": _}:
            from google.auth import aws as module
        case _:
            from google.auth import identity_pool as module
    made: Credentials = module.Credentials.from_info(info, scopes=[SCOPE])
    return made


def _bad_file(file: str, problem: str) -> CredentialsRefused:
    return CredentialsRefused(f"{file} {problem}", hint=BAD_FILE_HINT)


class _MetadataServer:
    """The credentials of a virtual machine or a pod: one request, and no look-up of names.

    https://cloud.google.com/compute/docs/metadata/querying-metadata
    """

    def __init__(self, environ: Mapping[str, str], secrets: Secrets) -> None:
        self._environ = environ
        host = environ.get("GCE_METADATA_HOST", "").strip()
        if host:
            if not re.fullmatch(_HOST, host):
                raise _no_credentials("GCE_METADATA_HOST holds no host, such as host:80.", environ)
            secrets.hide(host)
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        self._url = f"http://{host or '169.254.169.254'}{path}?scopes={SCOPE}"
        self.token: str | None = None
        self.expiry: datetime | None = None

    def refresh(self, request: Exchanges) -> None:
        found = json.loads(request.check(self._ask(request), self._url).body)
        lifetime = timedelta(seconds=found["expires_in"])
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + lifetime
        self.token = found["access_token"]

    def _ask(self, request: Exchanges) -> Response:
        if self._environ.get("NO_GCE_CHECK") == "true":
            raise _no_credentials("NO_GCE_CHECK forbids to ask it", self._environ)
        headers = {"Metadata-Flavor": "Google"}
        try:
            response = request.send(self._url, headers=headers, seconds=_PROBE_SECONDS, direct=True)
        except NotConnected as error:
            raise _no_credentials(error.message, self._environ) from error
        # Other clouds have servers of their own at the same address.
        if response.headers.get("Metadata-Flavor") != "Google":
            raise _no_credentials("The one that answers is not of Google Cloud", self._environ)
        return response


def _no_credentials(reason: str, environ: Mapping[str, str]) -> CredentialsRefused:
    gcloud = ""
    if environ.get("CLOUDSDK_CONFIG"):
        described = describe_secret(environ["CLOUDSDK_CONFIG"])
        gcloud = f" The folder that CLOUDSDK_CONFIG names holds no {_GCLOUD_NAME}. {described}"
    return CredentialsRefused(
        f"There are no Google Cloud credentials: none of {', '.join(FILE_VARIABLES)} is set, and "
        f"no metadata server answers. {reason}{gcloud.rstrip()}"
    )
