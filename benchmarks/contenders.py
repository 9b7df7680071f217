"""The measured programs: the action on both services, its peers, and a bare interpreter."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from dataform_action.emulator import Course, Emulator, Request

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
PYTHON = (sys.executable, "-I", "-u")
SCHEDULE = "nightly"
_WITHOUT_WAITING = str(ROOT / "benchmarks" / "measure" / "without_waiting.py")
_WEB = {"PROJECT_ID": "1234", "ENVIRONMENT": "production", "SCHEDULE": SCHEDULE}
_GOOGLE = {
    "PROJECT_ID": "my-project",
    "LOCATION": "europe-west1",
    "REPOSITORY": "warehouse",
    "SCHEDULE": SCHEDULE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A program that creates a run and polls it to its end.

    ``root`` is the folder with the code of the action; other programs have none. ``in_image`` is
    the entrypoint and its arguments in the action's image, if the program can run there.
    """

    name: str
    command: tuple[str, ...]
    root: Path | None = None
    google: bool = False
    in_image: tuple[str, ...] = ()
    #: The required programs and modules, and how to install them.
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    source: str = ""

    @property
    def missing(self) -> str:
        """The reason why this program cannot be measured here, or an empty text."""
        missing = [name for name in self.programs if shutil.which(name) is None]
        missing += [name for name in self.modules if not _is_importable(name)]
        if not missing:
            return ""
        return f"{self.name} is not measured: {', '.join(missing)} missing ({self.source})."

    @property
    def without_waiting(self) -> tuple[str, ...]:
        """The command that skips its pauses; empty if the program is not in Python."""
        *flags, script = self.command
        return (*flags, _WITHOUT_WAITING, script) if script.endswith(".py") else ()

    @property
    def service(self) -> str:
        """The service that the program uses."""
        return "" if self is BARE else "Google Cloud" if self.google else "Dataform Web"


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _script(file: str) -> tuple[str, ...]:
    return (*PYTHON, str(PEERS / file))


def _script_in_image(file: str) -> tuple[str, ...]:
    return (*_PYTHON_IN_IMAGE, "-u", f"/peers/{file}")


def _step(root: Path) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-u", str(root / "entrypoint.py"))


_PYTHON_IN_IMAGE = ("/usr/local/bin/python3", "-I")
_BASH = shutil.which("bash") or "/bin/bash"

ACTION = Contender(
    name="this action", command=_step(ROOT), root=ROOT, in_image=("/action/entrypoint.py",)
)
ACTION_ON_GOOGLE = replace(ACTION, google=True)
SAMPLE = Contender(
    name="the API page's sample",
    command=_script("api_page_sample.py"),
    in_image=_script_in_image("api_page_sample.py"),
)
SESSION = Contender(
    name="`requests.Session` loop",
    command=_script("requests_session.py"),
    in_image=_script_in_image("requests_session.py"),
)
CURL = Contender(
    name="curl and jq loop",
    command=(_BASH, str(PEERS / "curl_loop.sh")),
    programs=("bash", "curl", "jq"),
    source="apt-get install curl jq",
)
CLIENT = Contender(
    name="google-cloud-dataform loop",
    command=_script("google_cloud_dataform.py"),
    google=True,
    modules=("google.cloud.dataform_v1",),
    source="make clients installs it",
)
#: The minimum for any program in Python; it sends nothing.
BARE = Contender(
    name="bare interpreter",
    command=(sys.executable, "-I", "-c", "pass"),
    in_image=(*_PYTHON_IN_IMAGE, "-c", "pass"),
)


def available(earlier: Path | None, commit: str) -> tuple[list[Contender], list[str]]:
    """Return the programs that can be measured here, and a line about each of the others."""
    old = []
    if earlier is not None:
        name, command = f"this action at {commit}", _step(earlier)
        old = [replace(ACTION, name=name, command=command, root=earlier, in_image=())]
    on_google = [replace(one, google=True) for one in old]
    every = [ACTION_ON_GOOGLE, *on_google, CLIENT, ACTION, *old, SAMPLE, SESSION, CURL, BARE]
    found = [one for one in every if not one.missing]
    return found, [one.missing for one in every if one.missing]


def extract(commit: str, folder: Path) -> None:
    """Write the package of an earlier commit into a folder."""
    archive = subprocess.run(
        ("git", "archive", commit, "dataform_action", "entrypoint.py"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def reference(contender: Contender) -> Contender:
    """Return the contender that another one is compared with: the action on the same service."""
    return ACTION_ON_GOOGLE if contender.google else ACTION


def environ_for(
    contender: Contender, emulator: Emulator, folder: Path, pause: float
) -> dict[str, str]:
    """Return the environment of a step: the inputs in the runner's and in the peers' variables."""
    place: Mapping[str, str] = _GOOGLE if contender.google else _WEB
    common = {**place, "TOKEN": emulator.token, "API_URL": emulator.url}
    files = {
        name: str(folder / name)
        for name in ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
    }
    for path in files.values():
        Path(path).touch()
    return {
        "PATH": os.environ["PATH"],
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder),
        "POLL_SECONDS": f"{pause:g}",
        "INPUT_POLL-INTERVAL": f"{max(1, int(pause))}",
        **common,
        **{f"INPUT_{name.replace('_', '-')}": value for name, value in common.items()},
        **files,
    }


def script_runs(emulator: Emulator, polls: int) -> None:
    """Let runs that are created from now on end at about this number of polls."""
    emulator.set_outcome(SCHEDULE, ["RUNNING"] * (polls - 1) + ["SUCCESSFUL"])
    # The actions of the sample repository form chains of five.
    course = Course(state="SUCCEEDED") if polls == 1 else Course(steps=-(-polls // 5))
    emulator.set_course(SCHEDULE, course)


def is_poll(request: Request) -> bool:
    """Return whether a request reads the state of a run."""
    return request.method == "GET" and (
        "/run/" in request.path
        or ("/workflowInvocations/" in request.path and not request.path.endswith(":query"))
    )
