"""Compare docs/dependencies.md with the packages that the image has; ``--write`` renews it.

What is imported is measured: by a step on Google Cloud with a token, and by its credentials.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import Emulator

PAGE = ROOT / "docs/dependencies.md"
PURPOSES = {
    "certifi": "The certificate authorities that TLS is checked against, for requests",
    "cffi": "How cryptography calls its C parts",
    "charset-normalizer": "Guesses the encoding of text, for requests; our answers are UTF-8",
    "cryptography": "Signs with a service account's key, for google-auth",
    "google-auth": "Application Default Credentials, when there is no token",
    "idna": "Host names beyond ASCII, for requests",
    "pyasn1": "Reads keys without cryptography, for google-auth",
    "pyasn1-modules": "The same",
    "pycparser": "What cffi needs to be built",
    "requests": "HTTP",
    "urllib3": "Connections, for requests",
}
#: Names that packages use in place of SPDX's, as their licence files show.
_SPDX = {"Apache 2.0": "Apache-2.0", "BSD": "BSD-2-Clause"}
_ALLOWED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "MPL-2.0"}
_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)", re.MULTILINE)
_CREDENTIALS = """
import google.auth.external_account_authorized_user, google.auth.identity_pool
import google.auth.impersonated_credentials, google.auth.transport.requests, google.auth.aws
import google.oauth2.credentials, google.oauth2.service_account, json, sys
print(json.dumps(sorted(sys.modules)))
"""
_HEAD = """\
# Dependencies

Every package in the image beside Python itself. `requirements.txt` pins each by version and hash,
pip installs wheels only, and `make dependencies` compares this page with what is pinned, installed
and imported.

| Package | Version | What for | Licence | Imported |
|---|---|---|---|---|
"""
_FOOT = """
*Imported*: **always**; **without a token**, when Application Default Credentials are used; or
**never** by this action: such a package comes along because another one names it.

All of these licences allow the use, also commercial, and the passing on. MPL-2.0 (certifi) asks
that changes to its own files are published: there are none. The licence texts lie in the image, in
each package's `.dist-info` folder.

The image's base, `python:3.13-alpine`, adds Python (PSF-2.0) and Alpine's packages; the SBOM of
[each release](releasing.md#verify-a-release) lists them all. The development tools in
`requirements/dev.txt` are in no image.
"""


class ReviewError(Exception):
    """Tell what must be reviewed before a dependency is taken."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A package of the image; ``imported`` is always, without a token, or never."""

    name: str
    version: str
    licence: str
    imported: str


def read_pins(requirements: str) -> dict[str, str]:
    """Return the versions that a requirements file pins, by package."""
    return {match["name"]: match["version"] for match in _PIN.finditer(requirements)}


def licence_of(name: str, metadata: Mapping[str, str]) -> str:
    """Return a package's licence as SPDX writes it; raise ReviewError for one not reviewed."""
    declared = metadata.get("License-Expression") or metadata.get("License") or "none"
    licence = _SPDX.get(declared, declared)
    if not set(licence.split(" OR ")) & _ALLOWED:
        raise ReviewError(
            f"{name} declares the licence {declared!r}: review it, then allow it here"
        )
    return licence


def imported_by_a_run() -> set[str]:
    """Return the modules that a step with a token imports, from its start to its summary."""
    with tempfile.TemporaryDirectory() as folder, Emulator(advance="poll") as emulator:
        inputs = {
            "INPUT_PROJECT-ID": "my-project",
            "INPUT_LOCATION": "europe-west1",
            "INPUT_REPOSITORY": "warehouse",
            "INPUT_GIT-REF": "main",
            "INPUT_COMPILE-ONLY": "true",
            "INPUT_TOKEN": emulator.token,
            "INPUT_API-URL": emulator.url,
            "GITHUB_STEP_SUMMARY": str(Path(folder, "summary")),
        }
        command = [sys.executable, "-I", "-X", "importtime", str(ROOT / "entrypoint.py")]
        done = subprocess.run(
            command, env={**os.environ, **inputs}, capture_output=True, text=True, check=True
        )
    return set(re.findall(r"^import time: .*\| +(\S+)$", done.stderr, re.MULTILINE))


def imported_by_credentials() -> set[str]:
    """Return the modules that all kinds of credentials import together."""
    command = [sys.executable, "-I", "-c", _CREDENTIALS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def packages_of(modules: Iterable[str]) -> set[str]:
    """Return the packages that modules belong to."""
    names = set(modules)
    return {
        distribution.metadata["Name"].lower().replace("_", "-")
        for distribution in importlib.metadata.distributions()
        if names & set(_modules(distribution))
    }


def _modules(distribution: importlib.metadata.Distribution) -> Iterable[str]:
    """Yield the modules in a distribution: google/auth/aws.py is google.auth.aws."""
    for file in distribution.files or ():
        if file.suffix in (".py", ".so"):
            parts = [*file.parts[:-1], file.name.partition(".")[0]]
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def review(
    pins: Mapping[str, str],
    metadata: Callable[[str], Mapping[str, str]],
    always: set[str],
    with_credentials: set[str],
) -> list[Dependency]:
    """Return every pinned package; raise ReviewError for one that nobody has explained."""
    if pins.keys() != PURPOSES.keys():
        raise ReviewError(
            f"requirements.txt and PURPOSES differ in {sorted(pins.keys() ^ PURPOSES.keys())}: "
            "say what a new one is for, and forget one that is gone"
        )
    found = []
    for name, version in pins.items():
        imported = "without a token" if name in with_credentials else "never"
        licence = licence_of(name, metadata(name))
        found.append(Dependency(name, version, licence, "always" if name in always else imported))
    return found


def render(dependencies: Iterable[Dependency]) -> str:
    """Return the page."""
    rows = [
        f"| {one.name} | {one.version} | {PURPOSES[one.name]} | {one.licence} | {one.imported} |\n"
        for one in dependencies
    ]
    return _HEAD + "".join(rows) + _FOOT


def _metadata(name: str) -> Mapping[str, str]:
    found = importlib.metadata.metadata(name)
    return {key: found[key] for key in ("License-Expression", "License") if key in found}


def render_here() -> str:
    """Return the page as it must be; raise ReviewError for a dependency not reviewed."""
    pins = read_pins((ROOT / "requirements.txt").read_text("utf-8"))
    always = packages_of(imported_by_a_run())
    return render(review(pins, _metadata, always, packages_of(imported_by_credentials())))


def main() -> int:
    """Compare or write, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the page")
    options = parser.parse_args()
    try:
        page = render_here()
    except ReviewError as error:
        print(error, file=sys.stderr)
        return 1
    if options.write:
        PAGE.write_text(page, "utf-8")
    elif PAGE.read_text("utf-8") != page:
        print("docs/dependencies.md is not up to date: make dependencies ARGS=--write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
