"""The files of certificates in the process's environment: checked and explained.

requests and the TLS library read the environment themselves, so this module reads the same
variables. Messages name the variable and never repeat its value: it may be a key.
"""

import os
import ssl
import sys

from dataform_action.errors import Misconfigured
from dataform_action.redaction import describe_secret
from dataform_action.transport.files import UnsuitableFile, check_file

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_BUNDLE_HINT = (
    "Set the variable to a file of PEM certificates that this step can read. A container can read "
    "files in the workspace and in the image, but no other files of the runner. If you do not need "
    "a private certificate authority, unset the variable."
)
#: The bundle of a large company has less than 1 MB.
_BUNDLE_LIMIT = 64 * 1024 * 1024
_KEY_LOG_HINT = (
    "Unset SSLKEYLOGFILE for this step, or set it to a file in a folder that exists and is "
    "writable. In a container, the workspace is the only folder of the runner that exists."
)


def certificate_bundle() -> str | None:
    """Return the certificate file or folder that requests takes from the environment, or None."""
    return next((os.environ[name] for name in _BUNDLES if os.environ.get(name)), None)


def find_tls_problem() -> Misconfigured | None:
    """Return the error of a variable that makes every TLS connection fail, or None."""
    return _bundle_problem() or _key_log_problem()


def _bundle_problem() -> Misconfigured | None:
    variable = next((name for name in _BUNDLES if os.environ.get(name)), None)
    if variable is None:
        return None
    path = os.environ[variable]
    problem = "does not exist"
    try:
        if os.path.isdir(path):  # noqa: PTH112
            os.listdir(path)  # noqa: PTH208
        else:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        problem = "contains no PEM certificates"
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not a path'}"
    else:
        return None
    text = f"The certificate file set in {variable} {problem}. {describe_secret(path)}"
    return Misconfigured(text.strip(), hint=_BUNDLE_HINT)


def check_tls_files() -> None:
    """Refuse certificate and key log files that could block the TLS library or fill the memory.

    Raises:
        Misconfigured: one of them is not a regular file, or is too large.
    """
    bundle = next((name for name in _BUNDLES if os.environ.get(name)), "")
    checks = ((bundle, "certificate", _BUNDLE_HINT), ("SSLKEYLOGFILE", "key log", _KEY_LOG_HINT))
    for variable, kind, hint in checks:
        limit = _BUNDLE_LIMIT if variable == bundle else sys.maxsize
        try:
            check_file(os.path.expandvars(os.environ.get(variable, "")), limit)
        except UnsuitableFile as error:
            text = f"The {kind} file set in {variable} cannot be used: {error.strerror}."
            raise Misconfigured(text, hint=hint) from error
        except (OSError, ValueError):
            # The connection shows whether this matters.
            continue


def check_key_log() -> None:
    """Refuse a value of SSLKEYLOGFILE that is not a path: OpenSSL would create a file of that name.

    Raises:
        Misconfigured: SSLKEYLOGFILE does not hold a path.
    """
    problem = describe_secret(os.environ.get("SSLKEYLOGFILE", ""))
    if problem:
        text = f"The file set in SSLKEYLOGFILE cannot be written: it is not a path. {problem}"
        raise Misconfigured(text, hint=_KEY_LOG_HINT)


def _key_log_problem() -> Misconfigured | None:
    path = os.path.expandvars(os.environ.get("SSLKEYLOGFILE", ""))
    if not path:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
    else:
        return None
    text = f"The file set in SSLKEYLOGFILE cannot be written: {reason}."
    return Misconfigured(text, hint=_KEY_LOG_HINT)


def private_authority_hint() -> str | None:
    """Return a special hint for an untrusted certificate, or None."""
    if certificate_bundle() is None and os.environ.get("SSL_CERT_FILE"):
        return f"SSL_CERT_FILE has no effect here. {Misconfigured.hint}"
    return None
