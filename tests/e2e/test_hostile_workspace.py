"""A hostile checkout and home: the step imports, runs and uses nothing in them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator
from scripts.image import engine
from tests.e2e.job import Job
from tests.support.steps import google_inputs_for, inputs_for

#: Modules that our code, the libraries or the interpreter import.
_MODULES = (
    *("dataform_action", "requests", "urllib3", "certifi", "google", "cryptography", "idna"),
    *("json", "os", "re", "signal", "socket", "ssl", "encodings", "codecs", "io", "simplejson"),
    *("sitecustomize", "usercustomize", "site", "_distutils_hack", "entrypoint", "chardet"),
)
_NETRC = "machine {host} login stranger password stolen\ndefault login stranger password stolen\n"
_STARTUP = (
    *("PYTHONSTARTUP", "PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX"),
    *("PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHONPLATLIBDIR", "PYTHONCASEOK"),
)
_WORKSPACE = "/github/workspace"


@pytest.fixture
def hostile(job: Job, emulator: Emulator) -> Job:
    """Put modules, programs and settings into the workspace and the home; they write a file."""
    marks = f"import os\nopen('{_WORKSPACE}/marks', 'a').write(__file__ + '\\n')\n"
    host = emulator.url.removeprefix("http://").partition(":")[0]
    user_site = job.home / ".local/lib/python3.13/site-packages"
    user_site.mkdir(parents=True)
    for folder in (job.workspace, user_site):
        for name in _MODULES:
            _write(folder / f"{name}.py", marks)
        _write(folder / "dataform_action/__init__.py", marks)
        _write(folder / "dataform_action/main.py", marks)
        _write(folder / "requests/__init__.py", marks)
        _write(folder / "stranger.pth", f"import os; open('{_WORKSPACE}/marks', 'a')\n")
    for folder in (job.workspace, job.home):
        _write(folder / ".netrc", _NETRC.format(host=host))
        _write(folder / "pip.conf", "[global]\nindex-url = http://192.0.2.1/simple\n")
        _write(folder / ".config/pip/pip.conf", "[global]\nindex-url = http://192.0.2.1/simple\n")
        _write(folder / "pyvenv.cfg", f"home = {_WORKSPACE}\n")
        for program in ("python", "python3", "sh", "env"):
            path = folder / program
            _write(path, f"#!/bin/sh\necho {program} >>{_WORKSPACE}/marks\n")
            path.chmod(0o755)
    return job


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _environ(job: Job) -> dict[str, str]:
    """Return variables that ``env:`` of the workflow or an earlier program may have set."""
    return {
        **dict.fromkeys(_STARTUP, str(job.workspace)),
        "PYTHONSTARTUP": f"{job.workspace}/json.py",
        "PYTHONWARNINGS": "error",
        "PATH": f"{_WORKSPACE}:/usr/local/bin:/usr/bin:/bin",
        "NETRC": f"{job.workspace}/.netrc",
        "PIP_CONFIG_FILE": f"{job.workspace}/pip.conf",
        "VIRTUAL_ENV": str(job.workspace),
        "BASH_ENV": f"{job.workspace}/sh",
        "ENV": f"{job.workspace}/sh",
    }


def test_nothing_is_imported_or_used(hostile: Job, emulator: Emulator) -> None:
    """The step and its post step send our token, and run no foreign code."""
    inputs = inputs_for(emulator, poll_interval="1")
    environ = _environ(hostile)
    step = hostile.run(inputs, **environ)
    assert (step.exit_code, step.outputs["status"]) == (0, "success"), step.log
    state = {name: value for name, value in step.state.items() if name != "settled"}
    post = hostile.post(inputs, state, **environ)
    assert "has ended. Nothing to clean up" in post.log[-1]
    sent = {request.headers["Authorization"] for request in emulator.requests}
    assert sent == {f"Bearer {emulator.token}"}
    assert not Path(hostile.workspace, "marks").exists()


def test_google_cloud(hostile: Job, emulator: Emulator) -> None:
    """The same for Google Cloud, whose libraries are imported later."""
    step = hostile.run(google_inputs_for(emulator, poll_interval="1"), **_environ(hostile))
    assert (step.exit_code, step.outputs["status"]) == (0, "success"), step.log
    sent = {request.headers["Authorization"] for request in emulator.requests}
    assert sent == {f"Bearer {emulator.token}"}
    assert not Path(hostile.workspace, "marks").exists()


@pytest.mark.parametrize(
    "program",
    [
        ("/usr/local/bin/python3", "-c", "import requests"),
        ("/usr/local/bin/python3", "-m", "dataform_action"),
        ("python3", "--version"),
    ],
    ids=["import", "package", "program"],
)
def test_the_traps_work(hostile: Job, program: tuple[str, ...]) -> None:
    """An interpreter that is not isolated, or that comes from PATH, does run foreign code."""
    command = [engine.client(), "run", "--rm", "--workdir", _WORKSPACE]
    command += ["-v", f"{hostile.workspace}:{_WORKSPACE}", "-e", f"PATH={_WORKSPACE}:/usr/bin:/bin"]
    command += ["--entrypoint", program[0], hostile.image, *program[1:]]
    subprocess.run(command, capture_output=True, check=False)
    assert Path(hostile.workspace, "marks").exists()


def test_the_netrc_works(hostile: Job, emulator: Emulator) -> None:
    """In a plain script, the password in .netrc does replace the token."""
    script = (
        "import requests; requests.get("
        f"'{emulator.url}/v1/project/1234/run/1', headers={{'Authorization': 'Bearer ours'}})"
    )
    command = ["run", "--rm", "-v", f"{hostile.home}:/github/home", "-e", "HOME=/github/home"]
    command += ["--entrypoint", "/usr/local/bin/python3", hostile.image, "-I", "-c", script]
    engine.docker(*command)
    assert emulator.requests[0].headers["Authorization"].startswith("Basic ")
