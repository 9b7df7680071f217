"""A job of GitHub's runner, as far as a container action sees it.

Based only on ``action.yml``, and on ``ContainerActionHandler.cs``, ``DockerCommandManager.cs``,
``ContainerInfo.cs`` and ``ProcessInvoker.cs`` of https://github.com/actions/runner.
"""

from __future__ import annotations

import contextlib
import json
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

#: The times between SIGINT, SIGTERM and SIGKILL when the runner cancels, in seconds.
SIGTERM_AFTER = 7.5
SIGKILL_AFTER = 2.5
JOB_TOKEN = "ghs_0123456789"
#: The expressions in the defaults of inputs, and their values in a job without a matrix.
_EXPRESSIONS = {"${{ github.token }}": JOB_TOKEN, "${{ strategy.max-parallel }}": "1"}
_LABEL = "dataform-action-e2e"
#: How the line with the memory starts.
PEAK = "Peak memory in KiB: "
#: Runs a program, and prints the largest memory that it had.
_MEASURE = f"""
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print("{PEAK}", usage.ru_maxrss, sep="")
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
"""
_FILES = {
    "GITHUB_OUTPUT": "set_output",
    "GITHUB_STATE": "save_state",
    "GITHUB_STEP_SUMMARY": "step_summary",
    "GITHUB_ENV": "set_env",
    "GITHUB_PATH": "add_path",
}


class Job:
    """The folders of a job on the host, and the containers of its action.

    ``network`` is the network of a job with ``container:`` or ``services:``, ``action`` the folder
    of the action, and ``memory`` a limit of its container, such as ``128m``. With a limit, the log
    ends with the memory that the action used.
    """

    def __init__(
        self,
        work: Path,
        image: str,
        network: str | None = None,
        action: str = "",
        memory: str = "",
    ) -> None:
        self.image = image
        self.network = network
        self.memory = memory
        self._metadata: dict[str, Any] = yaml.safe_load(
            Path(ROOT, action, "action.yml").read_text("utf-8")
        )
        self.temp = work / "_temp"
        self.home = self.temp / "_github_home"
        self.workflow = self.temp / "_github_workflow"
        self.file_commands = self.temp / "_runner_file_commands"
        self.workspace = work / "warehouse" / "warehouse"
        for folder in (self.home, self.workflow, self.file_commands, self.workspace):
            folder.mkdir(parents=True)
        self._event: dict[str, str] = {}
        self.set_event("push", {})
        # In the order of the mounts. Paths are translated in reverse order.
        self._mounts = {
            self.temp: "/github/runner_temp",
            self.home: "/github/home",
            self.workflow: "/github/workflow",
            self.file_commands: "/github/file_commands",
            self.workspace: "/github/workspace",
        }
        self._containers: list[str] = []

    def set_event(self, name: str, payload: Mapping[str, Any], **more: str) -> None:
        """Set the event of the workflow, with ``more`` variables of the context ``github``."""
        Path(self.workflow, "event.json").write_text(json.dumps(payload), "utf-8")
        self._event = {"GITHUB_EVENT_NAME": name, **more}

    def start(self, inputs: Mapping[str, str], **environ: str) -> Container:
        """Start the action; ``environ`` is the workflow's ``env:``."""
        return self._start("entrypoint", inputs, environ)

    def run(self, inputs: Mapping[str, str], **environ: str) -> Step:
        """Run the action to its end."""
        return self.start(inputs, **environ).wait()

    def post(self, inputs: Mapping[str, str], state: Mapping[str, str], **environ: str) -> Step:
        """Run the action's post step with the saved state."""
        saved = {f"STATE_{name}": value for name, value in state.items()}
        return self._start("post-entrypoint", inputs, {**environ, **saved}).wait()

    def end(self) -> None:
        """Remove the remaining containers."""
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
        variables = {
            **environ,
            **self._input_variables(inputs),
            **self._contexts(),
            "HOME": str(self.home),
        }
        variables |= {name: str(path) for name, path in files.items()}
        variables = {name: self._translate(value) for name, value in variables.items()}
        name = f"{re.sub('[^A-Za-z0-9_]', '', self.image)}_{uuid.uuid4().hex[:6]}"
        self._containers.append(name)
        command = self._docker_run(name, self._metadata["runs"][entry], variables)
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
        """Return the words of the runner's command."""
        words = [engine.client(), "run", "--name", name, "--label", _LABEL]
        words += ["--workdir", "/github/workspace", "--rm"]
        for variable in variables:
            words += ["-e", variable]
        words += ["-e", "GITHUB_ACTIONS=true"]
        if "CI" not in variables:
            words += ["-e", "CI=true"]
        arguments = self._metadata["runs"].get("args", ())
        if self.memory:
            arguments = ["-ISc", _MEASURE, entrypoint, *arguments]
            entrypoint = "/usr/local/bin/python3"
        words += ["--entrypoint", entrypoint]
        if self.network is not None:
            words += ["--network", self.network]
        if self.memory:
            # The same limit for memory and swap: no swap is used.
            words += ["--memory", self.memory, "--memory-swap", self.memory]
        for source, target in {Path("/var/run/docker.sock"): "", **self._mounts}.items():
            words += ["-v", f"{source}:{target or source}"]
        return [*words, self.image, *arguments]

    def _translate(self, value: str) -> str:
        """Translate a value that is a mounted folder of the host, or a path in one."""
        for source, target in reversed(self._mounts.items()):
            if value == str(source) or value.startswith(f"{source}/"):
                return target + value[len(str(source)) :]
        return value

    def _contexts(self) -> dict[str, str]:
        """Return the variables for the contexts ``github`` and ``runner``, and for the runtime."""
        return {
            "GITHUB_ACTION": "dataform",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_API_URL": "https://api.github.com",
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
            **self._event,
        }

    def _input_variables(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of all inputs; those of absent inputs are empty."""
        declared = self._metadata["inputs"]
        unknown = set(inputs) - set(declared)
        assert not unknown, f"action.yml has no {unknown}"
        defaults = {name: entry.get("default", "") for name, entry in declared.items()}
        values = {**defaults, **inputs}
        return {
            f"INPUT_{name.upper()}": _EXPRESSIONS.get(value, value)
            for name, value in values.items()
        }


@dataclass
class Container:
    """A container of the action, and the docker client that the runner watches."""

    name: str
    client: subprocess.Popen[str]
    files: Mapping[str, Path]
    log: list[str] = field(default_factory=list)

    def read_until(self, words: str) -> None:
        """Read the log up to a line that contains these words."""
        assert self.client.stdout is not None
        for line in self.client.stdout:
            self.log.append(line)
            if words in line:
                return
        raise AssertionError(f"the step ended without logging {words!r}: {''.join(self.log)}")

    def wait_until_started(self) -> None:
        """Return when the container has started or ended."""
        watch = ["events", "--since", "1", "--filter", f"container={self.name}"]
        watch += ["--filter", "event=start", "--filter", "event=die", "--format", "{{.Action}}"]
        with subprocess.Popen(
            [engine.client(), *watch], stdout=subprocess.PIPE, text=True
        ) as events:
            assert events.stdout is not None
            events.stdout.readline()
            events.terminate()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the docker client, like the runner."""
        self.client.send_signal(number)

    def send_to_container(self, number: signal.Signals) -> None:
        """Send a signal directly to the first process of the container."""
        with contextlib.suppress(engine.EngineError):
            engine.docker("kill", "--signal", number.name, self.name)

    def ends_within(self, seconds: float) -> bool:
        """Return whether the docker client ends in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.client.wait(seconds)
        return self.client.returncode is not None

    def cancel(self) -> float:
        """Cancel the step like the runner; return the seconds until the docker client ended."""
        started = time.monotonic()
        self.send(signal.SIGINT)
        if not self.ends_within(SIGTERM_AFTER):
            self.send(signal.SIGTERM)
            if not self.ends_within(SIGKILL_AFTER):
                # Only the docker client ends: it cannot forward SIGKILL to the container.
                self.send(signal.SIGKILL)
                self.client.wait()
        return time.monotonic() - started

    def wait(self, seconds: float = 60) -> Step:
        """Wait for the end, and read the files of the step like the runner."""
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
        """Return when the container has been removed."""
        with contextlib.suppress(engine.EngineError):
            engine.docker("wait", self.name)

    @property
    def is_running(self) -> bool:
        return engine.docker("ps", "--quiet", "--filter", f"name={self.name}").strip() != ""
