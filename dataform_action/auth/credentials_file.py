"""The file of credentials that the environment names: found, read and explained."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from pathlib import Path

from dataform_action.errors import CredentialsRefused, NotConnected
from dataform_action.redaction import describe_secret
from dataform_action.transport.files import UnsuitableFile, read_file

FILE_VARIABLES = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "GOOGLE_GHA_CREDS_PATH",
)
BAD_FILE_HINT = (
    "Use the file that google-github-actions/auth or gcloud creates, or the JSON key of a service "
    "account."
)
#: A credentials file has less than 10 kB.
FILE_LIMIT = 1024 * 1024
#: Errors that are temporary: the machine has no free file, process or memory.
_TEMPORARY = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.EINTR)
#: The name of the file that google-github-actions/auth writes. No other file of the workspace is
#: used, because the workspace may contain untrusted files.
_GENERATED_NAME = re.compile(r"gha-creds-[0-9a-f]{16}\.json")
_MISSING_FILE_HINT = (
    "google-github-actions/auth writes the file into the workspace, and actions/checkout deletes "
    "it: run actions/checkout first. A container action cannot read other files of the runner."
)
_CONTENT_HINT = (
    "Set the variable to the path of a file, not to its contents. google-github-actions/auth can "
    "write the file (input credentials_json), or you can write it into the workspace."
)
_UNREADABLE_FILE_HINT = (
    "google-github-actions/auth writes a file that only its owner and group can read: run this "
    "step as the same user, or as root."
)


def read_named_file(variable: str, environ: Mapping[str, str]) -> bytes:
    """Return the contents of the credentials file that a variable names.

    Raises:
        CredentialsRefused: the file cannot be read.
        NotConnected: the file cannot be read now, but maybe later.
    """
    value, workspace = environ[variable].strip(), environ.get("GITHUB_WORKSPACE", "")
    # In a job with container:, the path is valid in that container, where the workspace is
    # /__w/…. In this action's container, the same workspace has another path.
    path = Path(value)
    is_generated = workspace and _GENERATED_NAME.fullmatch(path.name)
    file = f"The credentials file set in {variable}"
    for candidate in [path, Path(workspace, path.name)] if is_generated else [path]:
        try:
            return read_file(candidate, FILE_LIMIT)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            # The full text of the error contains the path.
            reason = getattr(error, "strerror", None) or "it is not a path"
            if isinstance(error, OSError) and error.errno in _TEMPORARY:
                raise NotConnected(f"{file} cannot be read: {reason}.") from error
            problem = f"{file} cannot be read: {reason}."
            unsuitable = isinstance(error, UnsuitableFile)
            hint = BAD_FILE_HINT if unsuitable else _UNREADABLE_FILE_HINT
            break
    else:
        problem, hint = f"{file} does not exist.", _MISSING_FILE_HINT
    described = describe_secret(value)
    if described:
        problem, hint = f"{problem} {described}", _CONTENT_HINT
    raise CredentialsRefused(problem, hint=hint)
