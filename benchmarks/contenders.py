"""The measured programs: the action on both services, its peers, and a bare interpreter."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dataform_action.emulator import Course, Emulator, Request

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
PYTHON = (sys.executable, "-I", "-u")
SCHEDULE = "nightly"
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

    ``without_waiting`` is the command that polls without pauses; it is empty if an environment
    variable removes the pauses. ``in_image`` is the entrypoint and its arguments in the action's
    image, if the program can run there.
    """

    name: str
    command: tuple[str, ...]
    without_waiting: tuple[str, ...] = ()
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
        return f"{self.name} is not measured: {', '.join(missing)} missing ({self.source})"


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _script(file: str) -> tuple[str, ...]:
    return (*PYTHON, str(PEERS / file))


def _script_in_image(file: str) -> tuple[str, ...]:
    return (*_PYTHON_IN_IMAGE, "-u", f"/peers/{file}")


_PYTHON_IN_IMAGE = ("/usr/local/bin/python3", "-I")
_STEP = (sys.executable, "-I", "-S", "-u", str(ROOT / "entrypoint.py"))
_STEP_WITHOUT_WAITING = (*PYTHON, str(ROOT / "benchmarks" / "measure" / "step_without_waiting.py"))
_BASH = shutil.which("bash") or "/bin/bash"

ACTION = Contender(
    name="this action",
    command=_STEP,
    without_waiting=_STEP_WITHOUT_WAITING,
    in_image=("/action/entrypoint.py",),
)
ACTION_ON_GOOGLE = Contender(
    name="this action",
    command=_STEP,
    without_waiting=_STEP_WITHOUT_WAITING,
    google=True,
    in_image=ACTION.in_image,
)
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
    name="google-cloud-dataform",
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

ALL = (ACTION, SAMPLE, SESSION, CURL, ACTION_ON_GOOGLE, CLIENT, BARE)
#: In the order of the table's columns.
PEER_NAMES = tuple(peer.name for peer in (SAMPLE, SESSION, CURL, CLIENT, BARE))


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
