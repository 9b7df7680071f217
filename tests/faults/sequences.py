"""Random sequences of faults for the whole step, on both services.

A seed determines a run and its outcome, the faults of its requests, and the limits for the wait.
The step runs in this process, in simulated time. Its result is compared with the emulator's state.
"""

from __future__ import annotations

import io
import random
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from json import dumps
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dataform_action.action.main import main
from dataform_action.action.service_factory import SERVICES, ServiceContext, Services
from dataform_action.action.settings import Settings
from dataform_action.emulator import DEFAULT_TOKEN, Course, Emulator, Fault
from dataform_action.services.base import Service
from dataform_action.services.dataform_web import DataformWeb
from dataform_action.services.google.service import GoogleDataform
from dataform_action.services.specs import GOOGLE_CLOUD
from tests.support.fakes import FakeClock
from tests.support.leaks import Leaks, written
from tests.support.steps import Step, google_inputs_for, inputs_for, read_step, runner_environ

#: How long a step waits for a response if some never come, in seconds.
SHORT_READ_SECONDS = 0.5
#: How long it waits otherwise, which allows for a busy machine.
READ_SECONDS = 20.0
#: The time limit of a sequence by the wall clock, in seconds.
REAL_SECONDS = 60.0

#: Statuses of a definite refusal, for any request.
REFUSALS = (400, 401, 403)
#: Statuses that do not say whether a request was processed.
VAGUE = (408, 409, 425, 499, 500, 502, 503, 504)
#: The message with which a 400 means the same.
_CLOSED = "The remote server unexpectedly closed the connection during remote operation"
_BROKEN = ("reset", "close", "short", "cut-json", "html", "json", "redirect", "status")
#: Bodies of responses that are not valid objects.
_NONSENSE = ("[]", "null", "{}", '{"status": 7}', '{"state": []}', '{"id": "../1"}', '"x"', "1e999")
_ENDS = ("SUCCESSFUL", "FAILED", "CANCELLED", "TIMED_OUT")
_RUNNING = frozenset({"RUNNING", "CANCELING", "QUEUED"})
_GOOD = frozenset({"SUCCESSFUL", "SUCCEEDED"})
_LEAKS = Leaks({"the token": DEFAULT_TOKEN})


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A sequence of faults; without ``statuses``, it is for Google Cloud."""

    name: str
    inputs: dict[str, str]
    faults: tuple[Fault, ...]
    #: On Dataform Web: the statuses of the run, which keeps the last one.
    statuses: tuple[str, ...] = ()
    #: On Google Cloud: the course of the run.
    course: Course = field(default_factory=Course)
    #: The courses of the next runs, which repeat what failed.
    next_courses: tuple[Course, ...] = ()
    #: How often the service throttles the create request.
    throttled: int = 0
    #: The fault of the create request after that; None: it gets a response.
    create: Fault | None = None

    @property
    def on_google(self) -> bool:
        return not self.statuses

    @property
    def has_own_compilation(self) -> bool:
        """Whether the run has a compilation that no other run has."""
        return self.on_google and ("git-ref" in self.inputs or bool(self.inputs["environment"]))

    @property
    def hangs(self) -> bool:
        return any(fault.kind in ("hang", "drip") for fault in self.faults)

    @property
    def seconds(self) -> dict[str, int]:
        return {name: int(self.inputs[name]) for name in ("timeout", "outage-timeout")}

    def has_fault(self, *operations: str) -> bool:
        return any(fault.on in operations for fault in self.faults)

    def may_be_refused(self, *operations: str) -> bool:
        """Return whether a request of these kinds may get a definite refusal."""
        return any(fault.on in operations and _is_refusal(fault) for fault in self.faults)


def make_sequence(service: str, seed: int) -> Sequence:
    """Return the sequence of a seed for ``web`` or ``google``."""
    choose = random.Random(f"{service} {seed}")  # noqa: S311
    timeout = choose.choice((21_600, 600, 90))
    inputs = {
        "timeout": str(timeout),
        "outage-timeout": str(choose.choice((600, 60))),
        "poll-interval": str(choose.choice((1, 10, 30))),
        "cancel-run": choose.choice(("true", "true", "false")),
        "wait": choose.choice(("true",) * 9 + ("false",)),
    }
    throttled = choose.choice((0, 0, 0, 1, 2))
    broken = _make_fault(choose, "create", after=throttled) if choose.random() < 0.3 else None
    faults = [_make_fault(choose, "get") for _ in range(choose.randint(0, 5))]
    if service == "google":
        operations = ("compile", "other", "query", "list", "cancel")
        faults += [_make_fault(choose, choose.choice(operations)) for _ in range(3)]
    if throttled:
        faults.append(Fault("status", on="create", status=429, times=throttled))
    if broken is not None:
        faults.append(broken)
    sequence = Sequence(
        name=f"{service} {seed}",
        inputs=inputs,
        faults=tuple(faults),
        throttled=throttled,
        create=broken,
    )
    if service == "web":
        return replace(sequence, statuses=_make_statuses(choose, is_long=timeout > 600))
    inputs_of_run, course = _make_google_run(choose, is_long=timeout > 600)
    return replace(sequence, inputs={**inputs, **inputs_of_run}, course=course)


def _make_fault(choose: random.Random, on: Any, after: int | None = None) -> Fault:  # noqa: ANN401
    """Return a fault; ``after`` is set for the create request, whose fault occurs once."""
    kind: Any = choose.choice(("hang", "drip") if choose.random() < 0.004 else _BROKEN)
    options: dict[str, Any] = {
        "after": choose.randint(0, 12) if after is None else after,
        "times": choose.choice((1, 1, 2, 5, None)) if after is None else 1,
        "processed": choose.random() < 0.4,
    }
    if kind == "status":
        refusals = (*REFUSALS, 404) if choose.random() < 0.15 else ()
        # A throttled create request is sent again; ``throttled`` counts these faults.
        options["status"] = choose.choice(refusals or (*VAGUE, *((429,) if after is None else ())))
        # A service does not process a request that it refuses.
        options["processed"] = options["processed"] and options["status"] in VAGUE
        if choose.random() < 0.3:
            options["headers"] = {"Retry-After": str(choose.choice((0, 5, 90, 10**6)))}
        if options["status"] not in REFUSALS and choose.random() < 0.1:
            options |= {"status": 400, "body": dumps({"error": {"message": _CLOSED}})}
        elif choose.random() < 0.3:
            options["body"] = choose.choice(_echoes())
    elif kind == "json":
        options["body"] = choose.choice((*_NONSENSE, *_echoes()))
    elif kind == "redirect":
        options["headers"] = {"Location": f"http://127.0.0.1:1/?token={quote(DEFAULT_TOKEN)}"}
    elif kind in ("hang", "drip"):
        options["seconds"] = 600
    return Fault(kind, on=on, **options)


def _echoes() -> tuple[str, ...]:
    """Return responses that repeat the token in several spellings."""
    text = dumps({"error": {"message": f"Bearer {DEFAULT_TOKEN} is odd"}})
    return (text, text.replace("/", "\\/"), dumps({"id": quote(DEFAULT_TOKEN, safe="")}))


def _make_statuses(choose: random.Random, *, is_long: bool) -> tuple[str, ...]:
    running = (choose.choice(("RUNNING", "RUNNING", "QUEUED")) for _ in range(choose.randint(0, 8)))
    if not is_long and choose.random() < 0.2:
        return (*running, "RUNNING")
    return (*running, choose.choice(_ENDS))


def _make_google_run(choose: random.Random, *, is_long: bool) -> tuple[dict[str, str], Course]:
    inputs = choose.choice(
        (
            {"environment": "production", "schedule": ""},
            {"environment": "production", "schedule": "nightly"},
            {"environment": "", "schedule": "nightly"},
            {"environment": "", "schedule": "", "git-ref": "main"},
            {"environment": "", "schedule": "", "git-ref": "main", "tags": "daily"},
            {"environment": "staging", "schedule": "", "git-ref": "main"},
        )
    )
    course = choose.choice(
        (
            Course(),
            Course(steps=3),
            Course(failures={"orders_cleaned": "Out of memory"}),
            Course(ending="CANCELLED"),
            Course() if is_long else Course(endless=("orders_cleaned",)),
        )
    )
    return inputs, course


class BoundedClock(FakeClock):
    """A clock that fails if a wait does not end."""

    def __init__(self, most_seconds: float) -> None:
        super().__init__()
        self._end = self.time + most_seconds

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        assert self.time <= self._end, f"still waiting after {self.time - 1000:.0f} seconds"


@dataclass(frozen=True)
class Ended:
    """The result of a sequence: of the step, and of the service."""

    step: Step
    #: Everything that the step wrote.
    text: str
    #: The states of the runs that the service created.
    runs: tuple[str, ...]
    #: The bodies of the requests to compile.
    compiled: tuple[str, ...]
    creates: int
    seconds: float


def run(sequence: Sequence) -> Ended:
    """Run the whole step with a sequence of faults."""
    limits = sequence.seconds
    clock = BoundedClock(3 * limits["timeout"] + 2 * limits["outage-timeout"] + 60)
    # The step adds a random part to its waits.
    random.seed(sequence.name)
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emulator.set_outcome("nightly", sequence.statuses)
        set_courses(emulator, sequence.inputs, (sequence.course, *sequence.next_courses))
        for fault in sequence.faults:
            emulator.add_fault(fault)
        inputs = google_inputs_for(emulator) if sequence.on_google else inputs_for(emulator)
        environ = runner_environ(folder, {**inputs, **sequence.inputs})
        stream = io.StringIO()
        services = services_with(SHORT_READ_SECONDS if sequence.hangs else READ_SECONDS)
        exit_code = main(environ, stream, clock, services)
        creates = sum(
            request.method == "POST"
            and re.search(r"/(run|workflowInvocations)$", request.path) is not None
            for request in emulator.requests
        )
        states = (*(run.status for run in emulator.runs), *(i.state for i in emulator.invocations))
        compiled = tuple(
            request.body.decode()
            for request in emulator.requests
            if request.path.endswith("/compilationResults")
        )
        log = stream.getvalue()
        step = read_step(folder, exit_code, log)
        text = written(folder, log)
        return Ended(step, text, states, compiled, creates, clock.now() - 1000)


def set_courses(emulator: Emulator, inputs: Mapping[str, str], courses: tuple[Course, ...]) -> None:
    """Set the courses of a run and of those that repeat its failures.

    The latter always are runs of a compilation result. The first one may be that of a schedule.
    """
    first, *others = courses
    is_of_schedule = bool(inputs.get("schedule", "nightly")) and not inputs.get("environment")
    emulator.set_course("nightly", first)
    emulator.set_course(None, *(others if others and is_of_schedule else courses))


def services_with(read_seconds: float) -> Services:
    """Return the services, which wait at most this long for a response."""

    def connect(settings: Settings, context: ServiceContext) -> Service:
        common: dict[str, Any] = {
            "project_id": settings.project_id,
            "token": settings.token,
            "api_url": settings.api_url,
            "read_seconds": read_seconds,
            "on_exchange": context.on_exchange,
        }
        if settings.service is not GOOGLE_CLOUD:
            return DataformWeb(**common)
        return GoogleDataform(location=settings.location, repository=settings.repository, **common)

    return tuple((spec, connect) for spec, _ in SERVICES)


def check(sequence: Sequence) -> str:
    """Run a sequence; return the kind of its outcome.

    Raises:
        AssertionError: a run was created twice, the reported outcome is wrong, a wait did not end,
            or a secret was written.
    """
    started = time.monotonic()
    ended = run(sequence)
    problems = [
        *_count_problems(sequence, ended),
        *_report_problems(sequence, ended),
        *_LEAKS.find(ended.text),
    ]
    if time.monotonic() - started > REAL_SECONDS:
        problems.append(f"took {time.monotonic() - started:.0f} s")
    if problems:
        log = "\n".join(ended.step.log)
        raise AssertionError(f"{sequence}\n{log}\n{ended.runs}\n{'; '.join(problems)}")
    match ended.step.exit_code:
        case 0 | 1:
            return "correct outcome"
        case 3:
            return "refused"
        case 4 if "may exist" in ended.step.errors[0]:
            return "may exist"
        case 4:
            return "gave up"
        case _:
            return "timeout"


def _count_problems(sequence: Sequence, ended: Ended) -> list[str]:
    """Return the problems with the numbers of runs and create requests."""
    if len(ended.runs) > 1:
        return [f"{len(ended.runs)} runs"]
    most = sequence.throttled + 1
    problems = [f"{ended.creates} requests to create"] if ended.creates > most else []
    # If nothing fails before, the create request is sent until it is not throttled.
    before = sequence.throttled or (sequence.on_google and sequence.has_fault("compile", "other"))
    if not before and not sequence.hangs and ended.creates != most:
        problems.append(f"{ended.creates} requests to create instead of {most}")
    was_made = bool(ended.runs)
    should_be = ended.creates == most and (sequence.create is None or sequence.create.processed)
    if was_made != should_be and not sequence.hangs:
        problems.append(f"{len(ended.runs)} runs after {ended.creates} create requests")
    return problems


def _report_problems(sequence: Sequence, ended: Ended) -> list[str]:
    """Return the problems with the report of the step."""
    step, state = ended.step, next(iter(ended.runs), None)
    knows_run = "run-id" in step.outputs
    problems = {
        # Failed actions have their own annotations.
        "not exactly one error": step.exit_code not in (0, 1) and len(step.errors) != 1,
        "an existing run is denied": state is not None
        and re.search("[Nn]o run was created|Nothing was run", ended.text) is not None,
        "a run that does not exist is reported": knows_run and state is None,
        "the run's link is missing": knows_run
        and ended.text.count(step.outputs["run-log-url"]) < 2,
        "compiled for another environment": sequence.inputs.get("environment") == "staging"
        and not all('"schemaSuffix"' in body and '"staging"' in body for body in ended.compiled),
        f"wrong exit code {step.exit_code}: {state}": not _is_correct(sequence, ended),
    }
    return [problem for problem, is_so in problems.items() if is_so]


def _is_correct(sequence: Sequence, ended: Ended) -> bool:
    """Return whether the exit code matches the run, or the reason why the wait ended."""
    step, state = ended.step, next(iter(ended.runs), None)
    knows_run = "run-id" in step.outputs
    reports_run = knows_run or any("No run was created" in error for error in step.errors)
    match step.exit_code:
        case 0 if sequence.inputs["wait"] == "false":
            return knows_run
        case 0:
            return state in _GOOD and step.outputs["status"] == "success"
        case 1:
            bad = ("failure", "cancelled", "timed_out")
            return state not in {None, *_GOOD, *_RUNNING} and step.outputs["status"] in bad
        case 3:
            return sequence.may_be_refused("get", "create", "compile", "other")
        case 4 if not knows_run and "may exist" in step.errors[0]:
            return _may_not_know(sequence, state)
        case 4:
            return reports_run and ended.seconds >= sequence.seconds["outage-timeout"]
        case 5:
            return reports_run and ended.seconds >= sequence.seconds["timeout"]
    return False


def _may_not_know(sequence: Sequence, state: str | None) -> bool:
    """Return whether the step cannot know if the run exists."""
    if sequence.hangs:
        return True
    is_vague = sequence.create is not None and not _is_refusal(sequence.create)
    is_findable = sequence.has_own_compilation and not sequence.has_fault("list")
    return is_vague and not (state is not None and is_findable)


def _is_refusal(fault: Fault) -> bool:
    was_closed = fault.body is not None and _CLOSED in fault.body
    return fault.kind == "status" and fault.status in (*REFUSALS, 404) and not was_closed
