"""A third service needs only a class and a registration."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import pytest

from dataform_action.action.main import main
from dataform_action.action.service_factory import SERVICES, ServiceContext, Services
from dataform_action.action.settings import Settings
from dataform_action.clock import Retry, once
from dataform_action.events import Fact
from dataform_action.model import Action, ActionState, Prepared, Run, RunRequest, State
from dataform_action.report.outcome import ExitCode
from dataform_action.services.base import Service
from dataform_action.services.specs import ServiceSpec
from tests.support.fakes import FakeClock
from tests.support.steps import Step, read_step, runner_environ

_PAGE = "https://warehouse.example/runs"


class Cron(Service):
    """A service that runs schedules in memory. Each run fails at the third poll."""

    name = "Cron"
    has_actions = True

    def __init__(self) -> None:
        self._polls = 0

    def prepare(self, request: RunRequest, retry: Retry = once) -> Prepared:
        return Prepared(request=request, body={"job": request.schedule})

    def start(self, prepared: Prepared) -> Run:
        return self.describe(f"{prepared.body['job']}-1")

    def describe(self, run_id: str) -> Run:
        return Run(id=run_id, state=State.RUNNING, status="", log_url=f"{_PAGE}/{run_id}")

    def get(self, run: Run) -> Run:
        self._polls += 1
        state, status = (State.RUNNING, "busy") if self._polls < 3 else (State.FAILURE, "broken")
        return Run(id=run.id, state=state, status=status, log_url=run.log_url)

    def actions(self, run: Run, retry: Retry = once) -> tuple[Action, ...]:
        return (Action(name="sales.orders", state=ActionState.FAILED, reason="no such column"),)


def _connect(settings: Settings, context: ServiceContext) -> Service:
    return Cron()


_CRON = ServiceSpec(
    name="Cron",
    api_url="https://warehouse.example",
    chosen_by=("repository",),
    own_inputs=frozenset({"repository"}),
    own_inputs_problem="is for Cron: remove it",
    required={"schedule": "say which job to run"},
    check=lambda values, request: [],
    place=lambda values: (Fact("Workspace", values["project-id"]),),
    has_actions=Cron.has_actions,
)
_WITH_CRON: Services = ((_CRON, _connect), SERVICES[-1])


def _run(folder: Path, clock: FakeClock, **inputs: str) -> Step:
    environ = runner_environ(folder, {"project-id": "night", "repository": "cron", **inputs})
    stream = io.StringIO()
    return read_step(folder, main(environ, stream, clock, _WITH_CRON), stream.getvalue())


def test_run_of_a_third_service(tmp_path: Path, clock: FakeClock) -> None:
    """Its run is started, followed and reported as usual, and its failure fails the step."""
    step = _run(tmp_path, clock, schedule="nightly")
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert "Cron: starting a run of schedule nightly (workspace night)" in step.log
    assert step.outputs["run-id"] == "nightly-1"
    assert step.outputs["failed-actions"] == '["sales.orders"]'
    assert step.state["run_id"] == "nightly-1"
    assert "**Service** Cron · **Workspace** <code>night</code>" in step.summary
    assert "no such column" in step.summary


def test_required_inputs_of_a_third_service(tmp_path: Path, clock: FakeClock) -> None:
    """The inputs are checked against its registration before anything is sent."""
    step = _run(tmp_path, clock)
    assert step.exit_code == ExitCode.BAD_INPUT
    assert "schedule is missing: say which job to run" in step.summary


def test_its_inputs_are_refused_elsewhere(tmp_path: Path, clock: FakeClock) -> None:
    """Another service refuses its inputs with the message of its registration."""
    elsewhere: Services = (SERVICES[-1], (_CRON, _connect))
    environ = runner_environ(tmp_path, {"project-id": "1", "token": "t0ken", "repository": "x"})
    stream = io.StringIO()
    assert main(environ, stream, clock, elsewhere) == ExitCode.BAD_INPUT
    assert "repository is for Cron: remove it" in stream.getvalue()


def test_signal_while_a_service_is_created(tmp_path: Path, clock: FakeClock) -> None:
    """The signal waits until the imports are done. The report already uses the inputs."""
    created = []

    def interrupted(settings: Settings, context: ServiceContext) -> Service:
        os.kill(os.getpid(), signal.SIGINT)
        created.append(Cron())
        return created[0]

    inputs = {"project-id": "night", "repository": "cron", "schedule": "x", "summary": "false"}
    environ = runner_environ(tmp_path, inputs)
    stream = io.StringIO()
    exit_code = main(environ, stream, clock, ((_CRON, interrupted), SERVICES[-1]))
    step = read_step(tmp_path, exit_code, stream.getvalue())
    assert step.exit_code == ExitCode.INTERRUPTED
    assert created
    assert step.summary == ""
    assert step.outputs["failed-actions"] == "[]"


@pytest.mark.parametrize("ability", ["can_find_runs", "can_promote"])
def test_default_abilities_of_a_service(ability: str) -> None:
    """A class declares only what its service can do. The default is false."""
    assert getattr(Cron(), ability) is False
