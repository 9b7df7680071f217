"""A job of GitHub's runner, as far as a container action sees it.

Written from ``ContainerActionHandler.cs``, ``DockerCommandManager.cs``, ``ContainerInfo.cs`` and
``ProcessInvoker.cs`` of https://github.com/actions/runner, and from nothing of ours but the
action's own ``action.yml``.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scripts.image import engine
from tests.support.runner import parse_file_commands
from tests.support.steps import ROOT, Step

#: The runner cancels with SIGINT, then SIGTERM, then SIGKILL, this many seconds apart.
SIGTERM_AFTER = 7.5
SIGKILL_AFTER = 2.5
_LABEL = "dataform-action-e2e"
_FILES = {
    "GITHUB_OUTPUT": "set_output",
    "GITHUB_STATE": "save_state",
    "GITHUB_STEP_SUMMARY": "step_summary",
    "GITHUB_ENV": "set_env",
    "GITHUB_PATH": "add_path",
}
_METADATA: dict[str, Any] = yaml.safe_load(Path(ROOT, "action.yml").read_text("utf-8"))


class Job:
    """The folders of a job on the host, and the containers of its action.

    ``network`` is what the runner passes in a job with ``container:`` or ``services:``.
    """

    def __init__(self, work: Path, image: str, network: str | None = None) -> None:
        self.image = image
        self.network = network
        self.temp = work / "_temp"
        self.home = self.temp / "_github_home"
        self.workflow = self.temp / "_github_workflow"
        self.file_commands = self.temp / "_runner_file_commands"
        self.workspace = work / "warehouse" / "warehouse"
        for folder in (self.home, self.workflow, self.file_commands, self.workspace):
            folder.mkdir(parents=True)
        Path(self.workflow, "event.json").write_text("{}", "utf-8")
        # In the order in which they are mounted; the last one is the first to be translated.
        self._mounts = {
            self.temp: "/github/runner_temp",
            self.home: "/github/home",
            self.workflow: "/github/workflow",
            self.file_commands: "/github/file_commands",
            self.workspace: "/github/workspace",
        }
        self._containers: list[str] = []

    def start(self, inputs: Mapping[str, str], **environ: str) -> Container:
        """Start the action; ``environ`` is the workflow's ``env:``."""
        return self._start("entrypoint", inputs, environ)

    def run(self, inputs: Mapping[str, str], **environ: str) -> Step:
        """Run the action to its end."""
        return self.start(inputs, **environ).wait()

    def post(self, inputs: Mapping[str, str], state: Mapping[str, str], **environ: str) -> Step:
        """Run the action's post step, with the state that the action left."""
        saved = {f"STATE_{name}": value for name, value in state.items()}
        return self._start("post-entrypoint", inputs, {**environ, **saved}).wait()

    def end(self) -> None:
        """Remove the containers that are still there."""
        for name in self._containers:
            with contextlib.suppress(engine.EngineError):
                engine.docker("rm", "--force", name)

    def _start(
        self, entry: str, inputs: Mapping[str, str], environ: Mapping[str, str]
    ) -> Container:
        files = {
            name: self.file_commands / f"{word}_{uuid.uuid4()}" for name, word in _FILES.items()
        }
        for path in files.values():
            path.touch()
        variables = {**environ, **_inputs_given(inputs), **self._contexts(), "HOME": str(self.home)}
        variables |= {name: str(path) for name, path in files.items()}
        variables = {name: self._translate(value) for name, value in variables.items()}
        name = f"{re.sub('[^A-Za-z0-9_]', '', self.image)}_{uuid.uuid4().hex[:6]}"
        self._containers.append(name)
        command = self._docker_run(name, _METADATA["runs"][entry], variables)
        process = subprocess.Popen(
            command,
            env={**engine.client_environ(), **variables},
            cwd=self.workspace,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        return Container(name, process, files)

    def _docker_run(self, name: str, entrypoint: str, variables: Mapping[str, str]) -> list[str]:
        """Return the runner's command, word by word."""
        words = [engine.client(), "run", "--name", name, "--label", _LABEL]
        words += ["--workdir", "/github/workspace", "--rm"]
        for variable in variables:
            words += ["-e", variable]
        words += ["-e", "GITHUB_ACTIONS=true"]
        if "CI" not in variables:
            words += ["-e", "CI=true"]
        words += ["--entrypoint", entrypoint]
        if self.network is not None:
            words += ["--network", self.network]
        for source, target in {Path("/var/run/docker.sock"): "", **self._mounts}.items():
            words += ["-v", f"{source}:{target or source}"]
        return [*words, self.image]

    def _translate(self, value: str) -> str:
        """Rewrite a value that is, or lies below, a folder of the host that is mounted."""
        for source, target in reversed(self._mounts.items()):
            if value == str(source) or value.startswith(f"{source}/"):
                return target + value[len(str(source)) :]
        return value

    def _contexts(self) -> dict[str, str]:
        """Return the variables of the contexts ``github`` and ``runner``, and of the runtime."""
        return {
            "GITHUB_ACTION": "dataform",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_API_URL": "https://api.github.com",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": f"{self.workflow}/event.json",
            "GITHUB_JOB": "run",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": "octocat/warehouse",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": "a" * 40,
            "GITHUB_WORKFLOW": "Dataform",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "RUNNER_NAME": "GitHub Actions 1",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
            "RUNNER_WORKSPACE": str(self.workspace.parent),
            "ACTIONS_RUNTIME_URL": "https://pipelines.actions.githubusercontent.com/x/",
            "ACTIONS_RUNTIME_TOKEN": "runtime-token",
        }


@dataclass
class Container:
    """A container of the action, and the docker client that the runner watches."""

    name: str
    client: subprocess.Popen[str]
    files: Mapping[str, Path]
    log: list[str] = field(default_factory=list)

    def read_until(self, words: str) -> None:
        """Read the log to the line that holds these words."""
        assert self.client.stdout is not None
        for line in self.client.stdout:
            self.log.append(line)
            if words in line:
                return
        raise AssertionError(f"the step ended without saying {words!r}: {''.join(self.log)}")

    def wait_until_started(self) -> None:
        """Return when the engine says that the container runs, or that it is over."""
        watch = ["events", "--since", "1", "--filter", f"container={self.name}"]
        watch += ["--filter", "event=start", "--filter", "event=die", "--format", "{{.Action}}"]
        with subprocess.Popen(
            [engine.client(), *watch], stdout=subprocess.PIPE, text=True
        ) as events:
            assert events.stdout is not None
            events.stdout.readline()
            events.terminate()

    def send(self, number: signal.Signals) -> None:
        """Send a signal as the runner does, to the docker client."""
        self.client.send_signal(number)

    def strike(self, number: signal.Signals) -> None:
        """Send a signal to the container's first process, past the docker client."""
        with contextlib.suppress(engine.EngineError):
            engine.docker("kill", "--signal", number.name, self.name)

    def ends_within(self, seconds: float) -> bool:
        """Tell whether the docker client ends in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.client.wait(seconds)
        return self.client.returncode is not None

    def cancel(self) -> float:
        """Cancel the step as the runner does; return after how many seconds the client was gone."""
        began = time.monotonic()
        self.send(signal.SIGINT)
        if not self.ends_within(SIGTERM_AFTER):
            self.send(signal.SIGTERM)
            if not self.ends_within(SIGKILL_AFTER):
                # The docker client dies of it; nothing tells the container.
                self.send(signal.SIGKILL)
                self.client.wait()
        return time.monotonic() - began

    def wait(self, seconds: float = 60) -> Step:
        """Wait for the end, and read what the step left as the runner does."""
        rest, _ = self.client.communicate(timeout=seconds)
        texts = {name: path.read_bytes().decode() for name, path in self.files.items()}
        return Step(
            exit_code=self.client.returncode,
            log=("".join(self.log) + rest).splitlines(),
            outputs=dict(parse_file_commands(texts["GITHUB_OUTPUT"])),
            state=dict(parse_file_commands(texts["GITHUB_STATE"])),
            summary=texts["GITHUB_STEP_SUMMARY"],
        )

    def wait_until_gone(self) -> None:
        """Return when the engine has no such container any more."""
        with contextlib.suppress(engine.EngineError):
            engine.docker("wait", self.name)

    @property
    def is_running(self) -> bool:
        return engine.docker("ps", "--quiet", "--filter", f"name={self.name}").strip() != ""


def _inputs_given(inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of all inputs: what is not given is there, and empty."""
    unknown = set(inputs) - set(_METADATA["inputs"])
    assert not unknown, f"action.yml has no {unknown}"
    defaults = {name: entry.get("default", "") for name, entry in _METADATA["inputs"].items()}
    return {f"INPUT_{name.upper()}": value for name, value in {**defaults, **inputs}.items()}
