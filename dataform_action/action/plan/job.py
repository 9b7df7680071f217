"""The plan job: find the commits, make the plan, comment on the pull request, and report.

It creates nothing but the comment, so a step that is stopped leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TextIO

from dataform_action.action.inputs import raw_value, read_inputs
from dataform_action.action.observers import LogObserver
from dataform_action.action.plan.comment import CommentOutcome, upsert_comment
from dataform_action.action.plan.commits import find_commits, notes_on_branch
from dataform_action.action.plan.inputs import PLAN_INPUTS
from dataform_action.action.plan.settings import PlanSettings, parse_plan_settings
from dataform_action.action.process import CheckedClock, run_and_exit
from dataform_action.action.service_factory import ServiceContext
from dataform_action.bigquery.warehouse import BigQueryWarehouse
from dataform_action.clock import Clock, MonotonicClock
from dataform_action.errors import DataformError, InputError
from dataform_action.github.api import GitHub, connect_github
from dataform_action.github.commands import Console
from dataform_action.github.event import (
    EventKind,
    UnsafeEvent,
    WorkflowEvent,
    read_event,
    read_run,
)
from dataform_action.github.files import FileCommands
from dataform_action.github.marker import make_key
from dataform_action.github.merge_base import find_merge_base
from dataform_action.github.signals import Interrupted, Signals
from dataform_action.plan import Plan, PlanRequest, PlanStatus, Remote
from dataform_action.plans.api import make_plan
from dataform_action.redaction import redacted
from dataform_action.report.plan.comment import render_comment
from dataform_action.report.plan.publish import PlanReport, publish_plan
from dataform_action.runs.backoff import Backoff
from dataform_action.services.google.enrich import GITHUB_URL
from dataform_action.services.google.plan_source import GooglePlanSource
from dataform_action.services.google.service import GoogleDataform

_NOT_MADE = "The plan was not made."


def entry() -> None:
    """Make a plan in this process and exit with its exit code."""
    run_and_exit(main)


def main(environ: Mapping[str, str], stream: TextIO, clock: Clock | None = None) -> int:
    """Make a plan and return the exit code. It takes over SIGINT and SIGTERM."""
    console = Console(stream)

    def read_settings() -> PlanSettings:
        for name in ("token", "github-token"):
            console.mask(raw_value(environ, name))
        return parse_plan_settings(read_inputs(environ, PLAN_INPUTS))

    files = FileCommands(environ, console)
    return run_plan(read_settings, environ, console, files, runner=environ, clock=clock)


def run_plan(
    read_settings: Callable[[], PlanSettings],
    environ: Mapping[str, str],
    console: Console,
    files: FileCommands,
    *,
    runner: Mapping[str, str],
    clock: Clock | None = None,
) -> int:
    """Make the plan in the settings, report it, and return the exit code.

    ``environ`` has the credentials, and ``runner`` what GitHub's runner sets: the event of the
    workflow, the workspace and the address of GitHub. It is empty at a terminal.
    """
    signals = Signals()
    job = _PlanJob(environ, console, runner, CheckedClock(clock or MonotonicClock(), signals))
    report = job.run(read_settings, signals)
    return int(publish_plan(report, console, files, runner))


class _PlanJob:
    """The way from settings to a plan and its comment."""

    def __init__(
        self, environ: Mapping[str, str], console: Console, runner: Mapping[str, str], clock: Clock
    ) -> None:
        self._environ = environ
        self._console = console
        self._runner = runner
        self._clock = clock
        self._on_exchange = console.debug if runner.get("RUNNER_DEBUG") == "1" else None
        self._context = ServiceContext(environ, console.mask, self._on_exchange)
        self._event = WorkflowEvent()
        self._settings: PlanSettings | None = None
        self._plan: Plan | None = None
        self._comment = CommentOutcome()
        #: Whether the code is in the repository of the workflow.
        self._is_here = False

    def run(self, read_settings: Callable[[], PlanSettings], signals: Signals) -> PlanReport:
        """Do the work and return its outcome. After that, no signal interrupts."""
        error: BaseException | None = None
        try:
            try:
                # Inside the try, because a signal would be a traceback otherwise.
                signals.install()
                self._work(read_settings())
            except Exception as failure:
                # Other code may have replaced the exception of a signal.
                signals.check()
                error = failure
            finally:
                signals.finish()
        except Interrupted as signal:
            error = signal
            if self._plan is not None:
                self._comment = CommentOutcome(why_not=f"The step was stopped by {signal.name}.")
        settings = self._settings
        return PlanReport(
            plan=self._plan,
            error=error,
            comment_url=self._comment.url,
            no_comment=self._comment.why_not,
            is_here=self._is_here,
            summary=settings is None or settings.summary,
            plan_file="" if settings is None else settings.plan_file,
            run_url=read_run(self._runner).url,
        )

    def _work(self, settings: PlanSettings) -> None:
        self._settings = settings
        self._event = self._read_event(settings.request)
        source = GooglePlanSource(
            GoogleDataform(
                project_id=settings.project_id,
                location=settings.location,
                repository=settings.repository,
                token=settings.token or self._context.credentials(),
                api_url=settings.api_url,
                github_url=self._runner.get("GITHUB_SERVER_URL") or GITHUB_URL,
                on_exchange=self._on_exchange,
                clock=self._clock,
            )
        )
        request, notes = self._find_commits(settings, source)
        self._console.line(_describe(settings, request))
        warehouse = self._connect_warehouse(settings) if request.validate else None
        plan = make_plan(
            source,
            warehouse,
            request,
            polling=settings.polling,
            on_update=LogObserver(self._console),
            clock=self._clock,
        )
        # Links to another repository than the workflow's would not help a reviewer.
        files_url = plan.files_url if self._is_here or not self._runner else ""
        plan = replace(plan, notes=(*notes, *plan.notes), files_url=files_url)
        # Redact before anything is cut: no search finds half a secret.
        self._plan = redacted(plan, self._console.redact)
        self._comment = self._write_comment(settings, self._plan)

    def _read_event(self, request: PlanRequest) -> WorkflowEvent:
        """Return the event. If the inputs name both commits, it may be any safe event."""
        try:
            return read_event(self._runner)
        except UnsafeEvent:
            raise
        except InputError:
            if request.head and request.base:
                return WorkflowEvent()
            raise

    def _find_commits(
        self, settings: PlanSettings, source: GooglePlanSource
    ) -> tuple[PlanRequest, tuple[str, ...]]:
        """Return the request with both commits, and notes on them."""
        request, event = settings.request, self._event
        observer = LogObserver(self._console)
        retry = Backoff(settings.polling, observer, self._clock).retrying(_NOT_MADE)
        remote: Remote = source.remote(request, retry)
        here = self._runner.get("GITHUB_REPOSITORY", "")
        self._is_here = bool(here) and remote.github_repository.lower() == here.lower()

        def base_of(event: WorkflowEvent) -> str:
            if event.kind is not EventKind.PULL_REQUEST:
                return event.base
            return find_merge_base(self._connect_github(settings), event, retry)

        head, base = find_commits(
            request, event, remote, is_here=self._is_here or not here, find_base=base_of
        )
        request = replace(request, head=head, base=base)
        return request, notes_on_branch(request, event, remote)

    def _connect_github(self, settings: PlanSettings) -> GitHub:
        if not settings.github_token:
            text = "is missing: it is needed for the merge base. Set it to ${{ github.token }}"
            raise InputError([("github-token", text)])
        return connect_github(self._runner, settings.github_token, self._on_exchange)

    def _connect_warehouse(self, settings: PlanSettings) -> BigQueryWarehouse:
        return BigQueryWarehouse(
            project_id=settings.project_id,
            token=settings.token or self._context.credentials(),
            api_url=settings.bigquery_url,
            on_exchange=self._on_exchange,
        )

    def _write_comment(self, settings: PlanSettings, plan: Plan) -> CommentOutcome:
        """Write the comment, if there is a pull request and the inputs allow it."""
        event, request = self._event, plan.request
        if not settings.comment or event.pull_request is None:
            return CommentOutcome()
        if self._is_here and request.head != event.head:
            return CommentOutcome(why_not="The head is not that of the pull request.")
        if not settings.github_token:
            return CommentOutcome(why_not="There is no github-token.")
        run = read_run(self._runner)
        place = (settings.project_id, settings.location, settings.repository)
        with suppress(DataformError):
            github = self._connect_github(settings)
            return upsert_comment(
                github,
                pull_request=event.pull_request,
                job="plan",
                key=make_key(*place, request.environment or "", request.project_path or ""),
                head=event.head,
                run=run,
                render=partial(render_comment, plan, run_url=run.url),
                has_changes=plan.status is not PlanStatus.NO_CHANGES,
                redact=self._console.redact,
                clock=self._clock,
            )
        return CommentOutcome(why_not="The address of GitHub's API is not valid.")


def _describe(settings: PlanSettings, request: PlanRequest) -> str:
    """Return the line that says what is about to happen."""
    place = (
        f"project {settings.project_id}, repository {settings.repository} in {settings.location}"
    )
    environment = f" with the settings of {request.environment}" if request.environment else ""
    return (
        f"Google Cloud Dataform: planning {request.head}, compared with {request.base}"
        f"{environment} ({place})"
    )
