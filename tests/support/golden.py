"""One step outcome of each kind, and the job summary of each: ``tests/golden/*.md``.

``python -m tests.support.golden`` writes the summaries. Review them in the diff.
"""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dataform_action.errors import GaveUp, InputError, Refused, RunMayExist, WaitTimeout
from dataform_action.events import CancelRequested, Fact, RunOutcome, Subject
from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.github.signals import Interrupted
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    CompiledAction,
    CompileError,
    CompileFailed,
    Polling,
    Prepared,
    Result,
    Run,
    RunRequest,
    State,
)
from dataform_action.report.analysis import analyse
from dataform_action.report.outcome import ExitCode, StepOutcome, outcome_of
from dataform_action.report.summary import render_summary
from dataform_action.report.words import Mention, Words

FOLDER = Path(__file__).resolve().parents[1] / "golden"
WEB, CLOUD = "Dataform Web", "Google Cloud Dataform"
#: The data of a summary: the outcome, and the inputs of the step.
Case = tuple[StepOutcome, Subject | None]

COMMIT = "3f2a9c1d0b8e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
FILES_URL = f"https://github.com/example/warehouse/blob/{COMMIT}"
_START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
_HOME = "projects/my-project/locations/europe-west1/repositories/warehouse"
_CONSOLE = "https://console.cloud.google.com/bigquery"
_CLOUD_URL = (
    f"{_CONSOLE}/dataform/locations/europe-west1/repositories/warehouse/workflows/1652"
    "?project=my-project"
)
_HOSTILE = (
    "x|y ``` ~~~ @everyone #12 GH-7 :tada: $a$ \u202ertl\u202c שלום 🎉 <b>b</b> </details> <!-- "
    "::error::e %%{init: {}}%% section s; click t1 --- { \" ' } [l](http://a.example) "
    "https://b.example www.c.example d@e.example 3f2a9c1d0b8e4f5a \ud800 \u200b end"
)


def make_subject(request: RunRequest, *, google: bool = True) -> Subject:
    project_id = "my-project" if google else "1234"
    repository = (Fact("Repository", "warehouse", within="europe-west1"),) if google else ()
    return Subject(
        service_name=CLOUD if google else WEB,
        place=(Fact("Project", project_id), *repository),
        project_id=project_id,
        request=request,
        polling=Polling(),
        run_id=None,
        api_url="https://dataform.googleapis.com" if google else "https://api.dataform.co",
        has_actions=google,
        summary=True,
    )


def ran(
    name: str, start: float, seconds: float, state: ActionState = ActionState.SUCCEEDED, **more: str
) -> Action:
    """Return an action that ran for ``seconds``, ``start`` seconds after the start of the run."""
    started = _START + timedelta(seconds=start)
    return Action(
        name=f"my-project.{name}",
        state=state,
        started=started,
        finished=started + timedelta(seconds=seconds),
        job_id=f"job_{name.replace('.', '_')}",
        job_url=f"{_CONSOLE}?project=my-project&j=bq:EU:job_{name.replace('.', '_')}",
        kind=more.pop("kind", "table"),
        file=f"definitions/{name.replace('.', '/')}.sqlx",
        dependencies=tuple(f"my-project.{other}" for other in more.pop("after", "").split()),
        **more,
    )


def skipped(name: str, after: str, state: ActionState = ActionState.SKIPPED) -> Action:
    return Action(
        name=f"my-project.{name}",
        state=state,
        kind="view",
        file=f"definitions/{name.replace('.', '/')}.sqlx",
        dependencies=tuple(f"my-project.{other}" for other in after.split()),
    )


def succeeding() -> tuple[Action, ...]:
    return (
        ran("staging.orders", 0, 64, kind="incremental table"),
        ran("staging.customers", 0.2, 12.5),
        ran("staging.countries", 0.2, 3, kind="view"),
        ran("staging.countries_unique", 4, 2, kind="assertion", after="staging.countries"),
        ran("marts.revenue", 65, 188, after="staging.orders staging.customers"),
        ran("marts.customers", 13, 31, after="staging.customers staging.countries"),
        skipped("marts.legacy_report", "", ActionState.DISABLED),
    )


def failing() -> tuple[Action, ...]:
    failed = ActionState.FAILED
    return (
        ran("staging.orders", 0, 64, kind="incremental table"),
        ran(
            "staging.customers",
            0.2,
            12.5,
            failed,
            reason="Query error: Unrecognized name: custommer_id; Did you mean customer_id?\n"
            "at [8:5] in the query:\n    SELECT custommer_id, ```name``` FROM raw",
        ),
        ran("staging.countries", 0.2, 3, kind="view"),
        ran(
            *("staging.countries_unique", 4, 2, failed),
            kind="assertion",
            after="staging.countries",
            reason="Assertion failed: query returned 3 rows.",
        ),
        ran("staging.no_reason", 4, 2, failed, kind="operation"),
        ran("marts.revenue", 65, 188, after="staging.orders"),
        skipped("marts.customers", "staging.customers staging.countries"),
        skipped("marts.report", "marts.customers marts.revenue staging.countries_unique"),
        *(skipped(f"marts.export_{n}", "marts.customers") for n in range(1, 8)),
        skipped("marts.legacy_report", "", ActionState.DISABLED),
    )


def compile_errors() -> tuple[CompileError, ...]:
    return (
        CompileError(
            message="Error: Unexpected token '}' in definitions/marts/margin.js:12:37",
            file="definitions/marts/margin.js",
            line=12,
            column=37,
            action="my-project.marts.margin",
        ),
        CompileError(message="Missing dependency: staging.nothing", file="definitions/a b#c.sqlx"),
        CompileError(message="Circular dependency:\n  a -> b\n  b -> a"),
    )


def compiled() -> tuple[CompiledAction, ...]:
    relation = [
        CompiledAction(
            name=f"my-project.staging.{name}",
            kind=kind,
            file=f"definitions/staging/{name}.sqlx",
            tags=tags,
        )
        for name, kind, tags in (
            ("orders", "incremental table", ("daily", "finance")),
            ("customers", "table", ("daily",)),
            ("countries", "table", ()),
            ("countries_unique", "assertion", ("daily",)),
        )
    ]
    return (
        *relation,
        CompiledAction(name="my-project.marts.legacy_report", kind="view", disabled=True),
        CompiledAction(name="my-project.raw.orders", kind="declaration"),
    )


def _run(state: State, status: str, *, google: bool = True) -> Run:
    if not google:
        url = "https://app.dataform.co/#/1234/run/77"
        return Run(id="77", state=state, status=status, log_url=url)
    compilation = f"{_HOME}/compilationResults/81"
    return Run(
        id="1652", state=state, status=status, log_url=_CLOUD_URL, compilation_result=compilation
    )


def _result(
    state: State, status: str, seconds: float, actions: tuple[Action, ...] | None = None
) -> StepOutcome:
    google = actions is not None
    run = _run(state, status, google=google)
    compilation = Compilation(name=run.compilation_result, commit=COMMIT, files_url=FILES_URL)
    result = Result(
        run=run,
        duration=seconds,
        actions=actions or (),
        compilation=compilation if google else None,
    )
    return outcome_of(RunOutcome(run=run, result=result))


def _error(
    error: BaseException,
    run: Run | None = None,
    elapsed: float | None = None,
    cancellation: CancelRequested | None = None,
) -> StepOutcome:
    return outcome_of(RunOutcome(run=run, elapsed=elapsed, cancellation=cancellation, error=error))


_NIGHTLY = RunRequest(schedule="nightly", environment="production")
_REF = RunRequest(git_ref="feature/margin", environment="staging", tags=("daily", "finance"))


def outcomes() -> dict[str, Case]:
    """Return an outcome of each kind, by the name of its file."""
    return {**_results(), **_errors()}


def _results() -> dict[str, Case]:
    web, cloud = make_subject(_NIGHTLY, google=False), make_subject(_NIGHTLY)
    compile_only = make_subject(RunRequest(git_ref="main", compile_only=True))
    compilation = Compilation(
        name=f"{_HOME}/compilationResults/81",
        commit=COMMIT,
        files_url=FILES_URL,
        actions=compiled(),
    )
    errors = CompileFailed(
        "The compilation has 3 errors.",
        errors=compile_errors(),
        compilation_result=compilation.name,
        commit=COMMIT,
        files_url=FILES_URL,
    )
    of_request = Prepared(request=compile_only.request, body={}, compilation=compilation)
    started = RunOutcome(run=_run(State.RUNNING, "RUNNING", google=False), waits=False)
    failed = _result(State.FAILURE, "FAILED", 253.0, failing())
    around = _result(State.FAILURE, "FAILED", 253.0, succeeding())
    cancelled = _result(State.CANCELLED, "CANCELLED", 70.0, succeeding()[:2])
    return {
        "web-success": (_result(State.SUCCESS, "SUCCESSFUL", 125.0), web),
        "web-failure": (_result(State.FAILURE, "FAILED", 125.0), web),
        "web-wait-false": (outcome_of(started), web),
        "google-success": (_result(State.SUCCESS, "SUCCEEDED", 253.0, succeeding()), cloud),
        "google-failure": (failed, make_subject(_REF)),
        "google-failure-around-actions": (around, cloud),
        "google-cancelled": (cancelled, cloud),
        "compile-errors": (_error(errors), make_subject(_REF)),
        "compile-only": (outcome_of(RunOutcome(prepared=of_request)), compile_only),
        "hostile": hostile_outcome(_HOSTILE),
    }


def _errors() -> dict[str, Case]:
    web, cloud = make_subject(_NIGHTLY, google=False), make_subject(_NIGHTLY)
    run, web_run = _run(State.RUNNING, "RUNNING"), _run(State.RUNNING, "RUNNING", google=False)
    bad = InputError(
        [("project-id", "'a/b' is not a project's id"), ("token", "is needed for Dataform Web")]
    )
    refused = Refused(
        "POST https://dataform.googleapis.com/v1beta: HTTP 403: Permission denied", status=403
    )
    timeout = WaitTimeout(
        "Run 1652 did not end within the timeout of 6h.", hint=f"The run: {run.log_url}"
    )
    gave_up = GaveUp(
        "The API gave no usable answer for 10m. GET /v1/project/1234/run/77: HTTP 503.",
        hint="The run is left alone, since it may be healthy.",
    )
    may_exist = RunMayExist(
        "The answer to the creation of the run was lost: read timed out.",
        hint="Look for it at https://app.dataform.co/#/1234 before you run this again.",
        url="https://app.dataform.co/#/1234",
    )
    stopped = Interrupted(signal.SIGINT)
    return {
        "bad-inputs": (_error(bad), None),
        "refused": (_error(refused), cloud),
        "timeout": (_error(timeout, run, 21600.0), cloud),
        "signal": (_error(stopped, run, 33.0, CancelRequested(run)), cloud),
        "signal-before-the-run": (_error(stopped), cloud),
        "gave-up": (_error(gave_up, web_run, 901.0), web),
        "run-may-exist": (_error(may_exist), web),
        "defect": (_error(ZeroDivisionError("division by zero"), run, 4.0), cloud),
    }


def hostile_outcome(text: str) -> tuple[StepOutcome, Subject]:
    """Return an outcome and a subject with this text in every field of a service."""
    failed, start = ActionState.FAILED, _START
    end = start + timedelta(seconds=5)
    actions = (
        Action(
            name=text,
            state=failed,
            reason=text,
            started=start,
            finished=end,
            job_id=text,
            kind=text,
            file=text,
        ),
        Action(name=f"{text}2", state=failed, reason=f"a\n{text}\nb", job_url=text, file=text),
        Action(name=f"{text}3", state=ActionState.SKIPPED, dependencies=(text, f"{text}2")),
        Action(name=f"a{text}", state=ActionState.SUCCEEDED, started=end, finished=end, kind=text),
        Action(
            name=f"b{text}",
            state=ActionState.SUCCEEDED,
            started=start,
            finished=end,
            dependencies=(f"a{text}",),
        ),
    )
    run = Run(id=text, state=State.FAILURE, status=text, log_url=text, compilation_result=text)
    outcome = StepOutcome(
        exit_code=ExitCode.RUN_UNSUCCESSFUL,
        status=State.FAILURE,
        title="Dataform run failed",
        words=Words(message=(f"{text} a {text}",), hint=(text,), mentions=frozenset({Mention.RUN})),
        run=run,
        duration=65.0,
        actions=actions,
        compile_errors=(CompileError(message=text, file=text, line=3, action=text),),
        compilation_result=text,
        commit=text,
        files_url=text,
        compiled=(CompiledAction(name=text, kind=text, file=text, tags=(text,)),),
    )
    request = RunRequest(schedule=text, environment=text, git_ref=text, tags=(text,))
    return outcome, make_subject(request)


def render(outcome: StepOutcome, subject: Subject | None, limit: int = SUMMARY_LIMIT) -> str:
    """Return the job summary of a case."""
    return render_summary(outcome, analyse(outcome.actions), subject, limit)


def main() -> None:
    """Write all files, and delete those without an outcome."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, case in outcomes().items():
        (FOLDER / f"{name}.md").write_bytes(render(*case).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
