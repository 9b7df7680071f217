"""Random sequences of faults for the whole step, on either service, each made from a seed.

A sequence is a run with an end of its own, the faults of the requests about it, and the inputs
that say how long to wait. The step runs in this process, in time that only sleeps move. What the
emulator stored is the truth that the step's verdict is compared with.
"""

from __future__ import annotations

import io
import random
import re
import tempfile
import time
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

#: What a response may take where one never comes, in seconds.
HASTE = 0.5
#: What it may take otherwise: a busy machine is no fault.
PATIENCE = 20.0
#: What a sequence may take by the wall clock, in seconds.
REAL_SECONDS = 60.0

#: A status that says that the request is wrong or forbidden, whatever was asked for.
REFUSALS = (400, 401, 403)
#: A status that says nothing of what became of a request.
VAGUE = (408, 409, 425, 499, 500, 502, 503, 504)
#: The words that make the same of a 400.
_CLOSED = "The remote server unexpectedly closed the connection during remote operation"
_BROKEN = ("reset", "close", "short", "cut-json", "html", "json", "redirect", "status")
#: What may stand in a response in the place of an object that makes sense.
_NONSENSE = ("[]", "null", "{}", '{"status": 7}', '{"state": []}', '{"id": "../1"}', '"x"', "1e999")
_ENDS = ("SUCCESSFUL", "FAILED", "CANCELLED", "TIMED_OUT")
_RUNNING = frozenset({"RUNNING", "CANCELING", "QUEUED"})
_GOOD = frozenset({"SUCCESSFUL", "SUCCEEDED"})
_LEAKS = Leaks({"the token": DEFAULT_TOKEN})


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """What is played. Without ``statuses`` it is played on Google Cloud."""

    name: str
    inputs: dict[str, str]
    faults: tuple[Fault, ...]
    #: On Dataform Web: the statuses of the run, the last of which stays.
    statuses: tuple[str, ...] = ()
    #: On Google Cloud: the course of the run.
    course: Course = field(default_factory=Course)
    #: How often the service says that it has too many requests to look at the create.
    throttled: int = 0
    #: What happens to the create that it looks at; None: it is answered.
    create: Fault | None = None

    @property
    def on_google(self) -> bool:
        return not self.statuses

    @property
    def has_own_compilation(self) -> bool:
        """Tell whether the run is made of a compilation that no other run has."""
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
        """Tell whether some request of these kinds may get a definite refusal."""
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
    place, course = _make_google_run(choose, is_long=timeout > 600)
    return replace(sequence, inputs={**inputs, **place}, course=course)


def _make_fault(choose: random.Random, on: Any, after: int | None = None) -> Fault:  # noqa: ANN401
    """Return a fault; ``after`` is given for the one of the create, which comes once."""
    kind: Any = choose.choice(("hang", "drip") if choose.random() < 0.004 else _BROKEN)
    options: dict[str, Any] = {
        "after": choose.randint(0, 12) if after is None else after,
        "times": choose.choice((1, 1, 2, 5, None)) if after is None else 1,
        "processed": choose.random() < 0.4,
    }
    if kind == "status":
        refusals = (*REFUSALS, 404) if choose.random() < 0.15 else ()
        # A create that is throttled is made again; those are counted by themselves.
        options["status"] = choose.choice(refusals or (*VAGUE, *((429,) if after is None else ())))
        # No service does what it refuses.
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
    """Return responses that repeat the token, in spellings of their own."""
    said = dumps({"error": {"message": f"Bearer {DEFAULT_TOKEN} is odd"}})
    return (said, said.replace("/", "\\/"), dumps({"id": quote(DEFAULT_TOKEN, safe="")}))


def _make_statuses(choose: random.Random, *, is_long: bool) -> tuple[str, ...]:
    running = (choose.choice(("RUNNING", "RUNNING", "QUEUED")) for _ in range(choose.randint(0, 8)))
    if not is_long and choose.random() < 0.2:
        return (*running, "RUNNING")
    return (*running, choose.choice(_ENDS))


def _make_google_run(choose: random.Random, *, is_long: bool) -> tuple[dict[str, str], Course]:
    place = choose.choice(
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
    return place, course


class BoundedClock(FakeClock):
    """Time that fails a wait which does not end."""

    def __init__(self, most_seconds: float) -> None:
        super().__init__()
        self._end = self.time + most_seconds

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        assert self.time <= self._end, f"still waiting after {self.time - 1000:.0f} seconds"


@dataclass(frozen=True)
class Played:
    """What came of a sequence: what the step left, and what the service knows."""

    step: Step
    #: Everything that the step wrote.
    text: str
    #: The states of the runs that the service made.
    runs: tuple[str, ...]
    #: What was asked to be compiled.
    compiled: tuple[str, ...]
    creates: int
    seconds: float


def play(sequence: Sequence) -> Played:
    """Play a sequence by the whole step."""
    limits = sequence.seconds
    clock = BoundedClock(3 * limits["timeout"] + 2 * limits["outage-timeout"] + 60)
    # The waits are longer by chance, so that jobs do not meet.
    random.seed(sequence.name)
    with Emulator(advance="poll") as emulator, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emulator.set_outcome("nightly", sequence.statuses)
        for schedule in (None, "nightly"):
            emulator.set_course(schedule, sequence.course)
        for fault in sequence.faults:
            emulator.add_fault(fault)
        inputs = google_inputs_for(emulator) if sequence.on_google else inputs_for(emulator)
        environ = runner_environ(folder, {**inputs, **sequence.inputs})
        stream = io.StringIO()
        services = services_with(HASTE if sequence.hangs else PATIENCE)
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
        return Played(step, text, states, compiled, creates, clock.now() - 1000)


def services_with(read_seconds: float) -> Services:
    """Return the services, which wait no longer than this for a response."""

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
    """Play a sequence, and return the kind of its end; raise if that was not honest.

    Raises:
        AssertionError: a run was created twice, a verdict is not true, a wait did not end, or a
            secret was written.
    """
    started = time.monotonic()
    played = play(sequence)
    problems = [
        *_count_problems(sequence, played),
        *_verdict_problems(sequence, played),
        *_LEAKS.find(played.text),
    ]
    if time.monotonic() - started > REAL_SECONDS:
        problems.append(f"took {time.monotonic() - started:.0f} s")
    if problems:
        log = "\n".join(played.step.log)
        raise AssertionError(f"{sequence}\n{log}\n{played.runs}\n{'; '.join(problems)}")
    match played.step.exit_code:
        case 0 | 1:
            return "true outcome"
        case 3:
            return "refused"
        case 4 if "may exist" in played.step.errors[0]:
            return "may exist"
        case 4:
            return "gave up"
        case _:
            return "timeout"


def _count_problems(sequence: Sequence, played: Played) -> list[str]:
    """Return what is wrong with how often the run was created."""
    if len(played.runs) > 1:
        return [f"{len(played.runs)} runs"]
    most = sequence.throttled + 1
    problems = [f"{played.creates} requests to create"] if played.creates > most else []
    # What comes before the create may fail; after that, it is made until it is looked at.
    before = sequence.throttled or (sequence.on_google and sequence.has_fault("compile", "other"))
    if not before and not sequence.hangs and played.creates != most:
        problems.append(f"{played.creates} requests to create instead of {most}")
    was_made = bool(played.runs)
    should_be = played.creates == most and (sequence.create is None or sequence.create.processed)
    if was_made != should_be and not sequence.hangs:
        problems.append(f"{len(played.runs)} runs of {played.creates} creates")
    return problems


def _verdict_problems(sequence: Sequence, played: Played) -> list[str]:
    """Return what is not true in what the step says."""
    step, state = played.step, next(iter(played.runs), None)
    knows_run = "run-id" in step.outputs
    problems = {
        # Failed actions have annotations of their own.
        "not one error": step.exit_code not in (0, 1) and len(step.errors) != 1,
        "a run is denied": state is not None
        and re.search("[Nn]o run was created|Nothing was run", played.text) is not None,
        "a run is invented": knows_run and state is None,
        "the run's link is missing": knows_run
        and played.text.count(step.outputs["run-log-url"]) < 2,
        "compiled for another environment": sequence.inputs.get("environment") == "staging"
        and not all('"schemaSuffix"' in body and '"staging"' in body for body in played.compiled),
        f"exit code {step.exit_code} is not true: {state}": not _is_true(sequence, played),
    }
    return [problem for problem, is_so in problems.items() if is_so]


def _is_true(sequence: Sequence, played: Played) -> bool:
    """Tell whether the exit code is that of what happened, or of an honest end of the wait."""
    step, state = played.step, next(iter(played.runs), None)
    knows_run = "run-id" in step.outputs
    says_what_is = knows_run or any("No run was created" in error for error in step.errors)
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
            return says_what_is and played.seconds >= sequence.seconds["outage-timeout"]
        case 5:
            return says_what_is and played.seconds >= sequence.seconds["timeout"]
    return False


def _may_not_know(sequence: Sequence, state: str | None) -> bool:
    """Tell whether it is honest to say that a run may exist."""
    if sequence.hangs:
        return True
    vague = sequence.create is not None and not _is_refusal(sequence.create)
    findable = sequence.has_own_compilation and not sequence.has_fault("list")
    return vague and not (state is not None and findable)


def _is_refusal(fault: Fault) -> bool:
    was_closed = fault.body is not None and _CLOSED in fault.body
    return fault.kind == "status" and fault.status in (*REFUSALS, 404) and not was_closed
