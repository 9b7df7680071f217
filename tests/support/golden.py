"""One step outcome of each kind, and the job summary of each: ``tests/golden/*.md``.

``plans`` has those of the job plan. ``python -m tests.support.golden`` writes all of them. Review
them in the diff.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dataform_action.costs import ActionCost, Costs, JobCost
from dataform_action.errors import GaveUp, InputError, NoResponse, Refused, RunMayExist, WaitTimeout
from dataform_action.events import CancelRequested, Fact, RunOutcome, Subject
from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.github.signals import Interrupted
from dataform_action.history import History, PastRun
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    CompiledAction,
    CompileError,
    CompileFailed,
    Job,
    Polling,
    Prepared,
    Result,
    Run,
    RunRequest,
    State,
)
from dataform_action.report.analysis import analyse
from dataform_action.report.causes import find_causes
from dataform_action.report.comparison.words import Comparison, SlowAction
from dataform_action.report.outcome import ExitCode, StepOutcome, outcome_of, with_costs
from dataform_action.report.summary.document import render_summary
from dataform_action.report.words import Mention, Words
from dataform_action.runs.attempts import merge
from tests.support import plans

FOLDER = Path(__file__).resolve().parents[1] / "golden"
WEB, CLOUD = "Dataform Web", "Google Cloud Dataform"
#: The data of a summary: the outcome, and the inputs of the step.
Case = tuple[StepOutcome, Subject | None]

COMMIT = "3f2a9c1d0b8e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
LAST_COMMIT = "77aa9c1d0b8e4f5a6b7c8d9e0f1a2b3c4d5e6f70"
REPOSITORY_URL = "https://github.com/example/warehouse"
FILES_URL = f"{REPOSITORY_URL}/blob/{COMMIT}"
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
        repository_url=REPOSITORY_URL,
    )


def make_job(job_id: str, kind: str = "BigQuery job") -> Job:
    url = f"{_CONSOLE}?project=my-project&j=bq:EU:{job_id}"
    return Job(kind=kind, id=job_id, url=url)


def ran(
    name: str,
    start: float,
    seconds: float,
    state: ActionState = ActionState.SUCCEEDED,
    *,
    kind: str = "table",
    after: str = "",
    checks: str = "",
    reason: str = "",
    jobs: tuple[Job, ...] | None = None,
) -> Action:
    """Return an action that ran for ``seconds``, ``start`` seconds after the start of the run."""
    started = _START + timedelta(seconds=start)
    return Action(
        name=f"my-project.{name}",
        state=state,
        reason=reason,
        started=started,
        finished=started + timedelta(seconds=seconds),
        jobs=(make_job(f"job_{name.replace('.', '_')}"),) if jobs is None else jobs,
        kind=kind,
        file=f"definitions/{name.replace('.', '/')}.sqlx",
        dependencies=tuple(f"my-project.{other}" for other in after.split()),
        checked_action=f"my-project.{checks}" if checks else "",
    )


def skipped(
    name: str, after: str, state: ActionState = ActionState.SKIPPED, kind: str = "view"
) -> Action:
    return Action(
        name=f"my-project.{name}",
        state=state,
        kind=kind,
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
            checks="staging.countries",
            reason="Assertion failed: query returned 3 rows.",
        ),
        ran("staging.no_reason", 4, 2, failed, kind="operation"),
        ran("marts.revenue", 65, 188, after="staging.orders"),
        skipped("marts.customers", "staging.customers staging.countries"),
        skipped("marts.report", "marts.customers marts.revenue staging.countries_unique"),
        *(skipped(f"marts.export_{n}", "marts.customers") for n in range(1, 8)),
        skipped("marts.legacy_report", "", ActionState.DISABLED),
    )


def failing_for_few_reasons() -> tuple[Action, ...]:
    """Return the actions of a run in which many fail for one reason, with names of real length."""
    failed = ActionState.FAILED
    lake = "example-lake:raw_events.orders"
    tables = [
        ran(
            f"marts_country_performance.agg_orders_by_country_and_device_{n:02}",
            n,
            3,
            failed,
            reason=f"Access Denied: Table {lake}: User does not have permission to query table "
            f"{lake}, or perhaps it does not exist. at [{n + 4}:8]",
        )
        for n in range(8)
    ]
    names = " ".join(action.name.removeprefix("my-project.") for action in tables)
    assertions = [
        ran(
            f"dataform_assertions.marts_country_performance_dim_{table}_assertions_uniqueKey_0",
            30,
            2,
            failed,
            kind="assertion",
            after=f"marts.dim_{table}",
            checks=f"marts.dim_{table}",
            reason="Assertion failed: query returned 3 rows.",
        )
        for table in ("countries", "devices")
    ]
    return (
        *tables,
        *assertions,
        skipped("marts.orders_by_country", names, kind="assertion"),
        *(skipped(f"marts.report_{n}", names) for n in range(9)),
        ran(
            *("notebooks.forecast", 20, 90, failed),
            kind="notebook",
            reason="The notebook execution failed.",
            jobs=(
                Job(
                    kind="notebook execution",
                    id="5871203",
                    url="https://console.cloud.google.com/vertex-ai/colab/execution-jobs"
                    "?project=my-project",
                    has_own_page=False,
                ),
            ),
        ),
        ran(
            *("tests.net_revenue", 20, 4, failed),
            kind="unit test",
            reason="The actual results differ from the expected results.",
            jobs=(
                make_job("job_actual", "BigQuery job (actual results)"),
                make_job("job_expected", "BigQuery job (expected results)"),
            ),
        ),
        ran(
            *("exports.ledger", 21, 1, failed),
            kind="operation",
            jobs=(Job(kind="BigQuery job", id="job_of_another_project"),),
        ),
        ran("staging.orders", 0, 64),
    )


def costs_of(actions: tuple[Action, ...]) -> Costs:
    """Return costs in which one job is not known, and one ran under a reservation."""
    jobs = {
        "staging.orders": JobCost("job_staging_orders", 1_250_000_000_000, 310_400_000, False),
        "staging.customers": JobCost("job_staging_customers"),
        "staging.countries": JobCost("job_staging_countries", 0, 180, False),
        "staging.countries_unique": JobCost("job_unique", 10_485_760, 95, False),
        "staging.no_reason": JobCost("job_no_reason", 10_485_760, 61, True),
        "marts.revenue": JobCost("job_marts_revenue", 402_653_184_000, 51_000_000, False),
    }
    names = [action.name.removeprefix("my-project.") for action in actions if action.jobs]
    known = tuple(ActionCost(f"my-project.{name}", (jobs[name],)) for name in names)
    return Costs(actions=known, error=NoResponse("GET https://bigquery.googleapis.com: HTTP 503"))


def past_run(
    days: int, seconds: float, state: State = State.SUCCESS, commit: str = "", **more: object
) -> PastRun:
    """Return a run that started some days before the present one."""
    started = _START - timedelta(days=days)
    run = Run(
        id=str(1652 - days),
        state=state,
        status=state.value,
        log_url=_CLOUD_URL.replace("1652", str(1652 - days)),
        started=started,
        finished=started + timedelta(seconds=seconds),
    )
    return PastRun(replace(run, **more), commit)  # type: ignore[arg-type]


def usual_history() -> History:
    """Return the history of runs that took about four minutes, and the actions of one of them."""
    usual = (
        ran("staging.orders", 0, 60),
        ran("staging.customers", 0, 12),
        ran("marts.revenue", 65, 140),
    )
    runs = tuple(past_run(days, 180 + 5 * days) for days in range(1, 9))
    return History("schedule nightly", runs, usual_actions=usual, has_all_actions=True)


def failing_history() -> History:
    """Return the history of a run that has failed for three days."""
    failures = tuple(past_run(days, 20 + days, State.FAILURE) for days in range(1, 4))
    successes = (past_run(4, 201, commit=LAST_COMMIT), past_run(5, 206), past_run(6, 211))
    return History("schedule nightly", (*failures, *successes))


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


def compile_errors_of_few_causes() -> tuple[CompileError, ...]:
    """Return the errors of a project with a mistake in an include, and a table that is missing."""
    definitions = "definitions/output/reports/country_performance"
    return (
        CompileError(message="nothing is not defined", file="includes/constants.js", line=3),
        *(
            CompileError(message="constants is not defined", file=f"{definitions}_{n:02}.js")
            for n in range(7)
        ),
        *(CompileError(message='Could not resolve "stg_orders"') for _ in range(2)),
        *(
            CompileError(
                message=f'Missing dependency detected: Action "{name}" depends on '
                '"{"name":"stg_orders"}" which does not exist',
                file=f"definitions/marts/{name.rpartition('.')[2]}.sqlx",
                action=name,
            )
            for name in ("my-project.marts.orders", "my-project.marts.revenue")
        ),
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


_COMPILATION = Compilation(
    name=f"{_HOME}/compilationResults/81", commit=COMMIT, files_url=FILES_URL
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
    state: State,
    status: str,
    seconds: float,
    actions: tuple[Action, ...] | None = None,
    history: History | None = None,
) -> StepOutcome:
    google = actions is not None
    run = _run(state, status, google=google)
    result = Result(
        run=run,
        duration=seconds,
        actions=actions or (),
        compilation=_COMPILATION if google else None,
    )
    return outcome_of(RunOutcome(run=run, result=result, history=history))


def _retried(*, fixed: bool) -> StepOutcome:
    """Return the outcome of a run whose failed actions were run again."""
    first = Result(
        run=_run(State.FAILURE, "FAILED"),
        duration=253.0,
        actions=failing(),
        compilation=_COMPILATION,
    )
    state = State.SUCCESS if fixed else State.FAILURE
    run = replace(
        _run(state, "SUCCEEDED" if fixed else "FAILED"),
        id="1653",
        log_url=_CLOUD_URL.replace("1652", "1653"),
    )
    second = Result(
        run=run,
        duration=65.0,
        actions=tuple(_again(action, fixed=fixed) for action in first.unfinished_actions),
        compilation=_COMPILATION,
    )
    results = (first, second)
    outcome = RunOutcome(run=run, result=merge(results), attempts=results)
    if fixed:
        return outcome_of(outcome)
    text = "POST /v1/workflowInvocations: HTTP 403: Permission denied"
    return outcome_of(outcome._replace(not_retried=text))


def _again(action: Action, *, fixed: bool) -> Action:
    """Return an action in the second attempt, five minutes after the first."""
    if not fixed and (action.state is ActionState.SKIPPED or action.name.endswith("customers")):
        return action
    name = action.name.removeprefix("my-project.")
    return replace(ran(name, 300, 9, kind=action.kind), dependencies=action.dependencies)


def _error(
    error: BaseException,
    run: Run | None = None,
    elapsed: float | None = None,
    cancellation: CancelRequested | None = None,
) -> StepOutcome:
    return outcome_of(RunOutcome(run=run, elapsed=elapsed, cancellation=cancellation, error=error))


_NIGHTLY = RunRequest(schedule="nightly", environment="production")
_RETRY = RunRequest(resume="1651", retry_failed=2)
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
    errors, many_errors = (
        CompileFailed(
            f"The compilation has {len(errors)} errors.",
            errors=errors,
            compilation_result=compilation.name,
            commit=COMMIT,
            files_url=FILES_URL,
        )
        for errors in (compile_errors(), compile_errors_of_few_causes())
    )
    of_request = Prepared(request=compile_only.request, body={}, compilation=compilation)
    started = RunOutcome(run=_run(State.RUNNING, "RUNNING", google=False), waits=False)
    failed = _result(State.FAILURE, "FAILED", 253.0, failing())
    for_few_reasons = _result(State.FAILURE, "FAILED", 253.0, failing_for_few_reasons())
    lasts = _result(State.FAILURE, "FAILED", 253.0, failing(), failing_history())
    slower = _result(State.SUCCESS, "SUCCEEDED", 253.0, succeeding(), usual_history())
    around = _result(State.FAILURE, "FAILED", 253.0, succeeding())
    cancelled = _result(State.CANCELLED, "CANCELLED", 70.0, succeeding()[:2])
    return {
        "web-success": (_result(State.SUCCESS, "SUCCESSFUL", 125.0), web),
        "web-failure": (_result(State.FAILURE, "FAILED", 125.0), web),
        "web-wait-false": (outcome_of(started), web),
        "google-success": (_result(State.SUCCESS, "SUCCEEDED", 253.0, succeeding()), cloud),
        "google-failure": (failed, make_subject(_REF)),
        "google-failure-for-few-reasons": (for_few_reasons, cloud),
        "google-failure-lasts": (lasts, cloud),
        "google-slower": (slower, cloud),
        "google-failure-around-actions": (around, cloud),
        "google-costs": (with_costs(failed, costs_of(failing())), cloud),
        "google-cancelled": (cancelled, cloud),
        "google-success-after-retry": (_retried(fixed=True), make_subject(_RETRY)),
        "google-failure-after-retry": (_retried(fixed=False), make_subject(_RETRY)),
        "compile-errors": (_error(errors), make_subject(_REF)),
        "compile-errors-of-few-causes": (_error(many_errors), make_subject(_REF)),
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
        "No usable response from the API for 10m. GET /v1/project/1234/run/77: HTTP 503.",
        hint="The run is left alone, since it may be healthy.",
    )
    may_exist = RunMayExist(
        "The answer to the creation of the run was lost: read timed out.",
        hint="Look for the run at https://app.dataform.co/#/1234 before you run this again.",
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


def hostile_comparison(text: str, *, is_slow: bool) -> Comparison:
    """Return a comparison with this text in every field of a service."""
    run = past_run(1, 5.0, State.FAILURE, commit=text, id=text, status=text, log_url=text)
    good = past_run(2, 60.0, commit=text, log_url=text)
    return Comparison(
        history=History(text, (run, good, good, good)),
        has_failed=not is_slow,
        is_slow=is_slow,
        duration=120.0,
        slow_actions=(SlowAction(text, 100.0, None),) if is_slow else (),
    )


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
            jobs=(Job(kind=text, id=text),),
            kind=text,
            file=text,
            checked_action=text,
        ),
        Action(
            name=f"{text}2",
            state=failed,
            reason=f"a\n{text}\nb",
            jobs=(Job(kind=text, id=text, url=text),),
            file=text,
        ),
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
        attempts=(Result(run=run, duration=65.0, actions=actions),) * 2,
        comparison=hostile_comparison(text, is_slow=False),
    )
    costs = Costs(
        actions=tuple(ActionCost(f"{text}{n}", (JobCost(text, 2**30, n),)) for n in range(9)),
        error=Refused(text, status=403, hint=text),
    )
    outcome = with_costs(outcome, costs)
    request = RunRequest(schedule=text, environment=text, git_ref=text, tags=(text,))
    return outcome, make_subject(request)


def render(outcome: StepOutcome, subject: Subject | None, limit: int = SUMMARY_LIMIT) -> str:
    """Return the job summary of a case."""
    analysis = analyse(outcome.actions)
    causes = find_causes(outcome.compile_errors, analysis)
    return render_summary(outcome, analysis, causes, subject, limit)


def main() -> None:
    """Write all files, and delete those without an outcome."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, case in outcomes().items():
        (FOLDER / f"{name}.md").write_bytes(render(*case).encode("utf-8", "replace"))
    plans.write()


if __name__ == "__main__":
    main()
