"""The whole step in this process, against the emulator, with a clock that only sleeps advance."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dataform_action.action.main import main
from dataform_action.emulator import (
    DEFAULT_TOKEN,
    Course,
    Emulator,
    Fault,
    Repository,
    WorkflowConfig,
    make_warehouse,
)
from dataform_action.github.commands import open_log
from dataform_action.report.outcome import ExitCode
from dataform_action.transport.exceptions import LOOPBACK_HINT
from tests.support.fakes import FakeClock
from tests.support.google_stand_ins import GoogleStandIns
from tests.support.runner import parse_file_commands
from tests.support.steps import ROOT, google_inputs_for, inputs_for, run_apart, run_here


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def test_successful_run(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A successful run writes this log, these outputs and this summary."""
    step = run_here(tmp_path, inputs_for(emulator), clock)
    run_id = emulator.runs[0].id
    link = f"{emulator.url}/#/1234/run/{run_id}"
    assert step.exit_code == ExitCode.SUCCESS
    assert step.log == [
        f"::add-mask::{emulator.token}",
        "Dataform Web: starting a run of schedule nightly in environment production (project 1234)",
        "::group::Settings",
        f"API: {emulator.url}",
        "Longest wait between two polls: 10s",
        "Timeout for the run: 6h",
        "Timeout for an outage of the API: 10m",
        "Cancel the run when the step is cancelled or times out: true",
        "::endgroup::",
        f"Run {run_id}: {link}",
        "Status RUNNING after 0s",
        "Status SUCCESSFUL after 2s",
        f"Run {run_id} succeeded after 2s.",
    ]
    assert step.outputs == {
        "run-id": run_id,
        "run-log-url": link,
        "status": "success",
        "duration": "2",
        "attempts": "1",
    }
    assert "## ✅ Dataform run succeeded" in step.summary
    assert f"Run <code>{run_id}</code> succeeded after" in step.summary
    assert f"[Open the run's log](<{link}>)" in step.summary


@pytest.mark.parametrize(
    ("schedule", "status", "words"),
    [
        ("failure", "failure", "failed after 2s."),
        ("cancelled", "cancelled", "was cancelled in Dataform after 2s."),
        ("timed-out", "timed_out", "timed out in Dataform after 2s."),
    ],
)
def test_unsuccessful_run(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, schedule: str, status: str, words: str
) -> None:
    """An unsuccessful run fails the step with one error that links to the run."""
    step = run_here(tmp_path, inputs_for(emulator, schedule=schedule), clock)
    run = emulator.runs[0]
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert step.outputs["status"] == status
    assert len(step.errors) == 1
    assert f"Run {run.id} {words}%0A{emulator.url}/#/1234/run" in step.errors[0]
    assert words in step.summary
    assert f"[Open the run's log](<{emulator.url}/#/1234/run/{run.id}>)" in step.summary


def test_unknown_status(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """An unknown status is an outage: the step gives up after the outage timeout."""
    step = run_here(tmp_path, inputs_for(emulator, schedule="unknown-status"), clock)
    assert step.exit_code == ExitCode.NO_ANSWER
    assert step.outputs["status"] == "running"
    assert "No usable response from the API for 10m." in step.errors[0]
    assert len(step.warnings) == 1
    assert len(emulator.requests) < 30


def test_missing_run(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """If the API still returns 404 after 30 seconds, the step fails."""
    step = run_here(tmp_path, inputs_for(emulator, schedule="missing"), clock)
    assert step.exit_code == ExitCode.REFUSED
    assert "HTTP 404" in step.errors[0]
    assert 1030 <= clock.now() <= 1100


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "not-the-token"}, "The API did not accept the token"),
        ({"project_id": "4321"}, "Check project-id, schedule and environment: one of them does"),
        ({"schedule": "weekly"}, "Check project-id, schedule and environment: one of them does"),
        ({"environment": "moon"}, "Check project-id, schedule and environment: one of them does"),
        ({"run_id": "1"}, "Check project-id and run-id: one of them does not exist"),
    ],
)
def test_refusal(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    """A refusal ends the step immediately. The error says what to check, and no run exists."""
    step = run_here(tmp_path, inputs_for(emulator, **changes), clock)
    assert step.exit_code == ExitCode.REFUSED
    assert words in step.errors[0]
    assert emulator.runs == []
    assert len(emulator.requests) == 1


def test_bad_inputs(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """One error names all invalid inputs, and nothing is sent."""
    changes = {
        "project_id": "a/b",
        "token": "",
        "poll_interval": "soon",
        "git_ref": "main",
    }
    step = run_here(tmp_path, inputs_for(emulator, **changes), clock)
    assert step.exit_code == ExitCode.BAD_INPUT
    assert len(step.errors) == 1
    for name in ("project-id", "token", "poll-interval", "git-ref"):
        assert f"{name} " in step.errors[0]
        assert f"{name} " in step.summary
    assert emulator.requests == []
    assert step.outputs == {"status": "failure"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"project_id": "my-project", "token": ""}, "location is missing: project-id is not a"),
        ({"project_id": "my-project", "api_url": ""}, "location is missing: project-id is not a"),
        ({"token": "ya29.a0AfH6SMB"}, "location is missing: the token is an OAuth access token"),
        ({"api_url": ""}, "api-url is missing: Google closed hosted Dataform Web on 26 February"),
    ],
)
def test_missing_place(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    """If the inputs fit no service, the step ends before anything is sent, with a remedy."""
    step = run_here(tmp_path, inputs_for(emulator, **changes), clock)
    assert step.exit_code == ExitCode.BAD_INPUT
    assert f"bad inputs::{words}" in step.errors[0]
    assert "token is missing" not in step.errors[0] + step.summary
    assert (clock.sleeps, emulator.requests) == ([], [])


def test_start_without_waiting(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """With wait: false, the step ends when the run exists, without a poll."""
    step = run_here(tmp_path, inputs_for(emulator, wait="false"), clock)
    assert step.exit_code == ExitCode.SUCCESS
    assert step.outputs["status"] == "running"
    assert step.outputs["run-id"] == emulator.runs[0].id
    assert [request.method for request in emulator.requests] == ["POST"]
    assert "## ▶️ Dataform run started" in step.summary


def test_watching_a_run(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """With run-id, the step watches an existing run and starts none."""
    run_here(tmp_path, inputs_for(emulator, wait="false", schedule="failure"), clock)
    run_id = emulator.runs[0].id
    step = run_here(tmp_path, inputs_for(emulator, run_id=run_id), clock)
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert len(emulator.runs) == 1
    assert f"Dataform Web: watching run {run_id} (project 1234). No run is started." in step.log


def test_a_run_that_ended_long_ago(clock: FakeClock, tmp_path: Path) -> None:
    """The duration of a run that ended before the step comes from the service."""
    with Emulator(advance="clock", clock=clock, run_seconds=125) as emulator:
        started = run_here(tmp_path, google_inputs_for(emulator, wait="false"), clock)
        clock.sleep(86_400)
        inputs = google_inputs_for(emulator, run_id=started.outputs["run-id"])
        step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.SUCCESS
    assert step.outputs["duration"] == "125"
    assert "Status SUCCEEDED after 2m 5s" in step.log
    assert "succeeded after 2m 5s." in step.log[-1]
    assert "succeeded after 2m 5s." in step.summary


def test_timeout(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """After the timeout, the step fails and says that Dataform Web cannot cancel the run."""
    step = run_here(tmp_path, inputs_for(emulator, schedule="endless", timeout="90s"), clock)
    assert step.exit_code == ExitCode.TIMEOUT
    assert step.outputs["status"] == "timed_out"
    assert step.outputs["duration"] == "90"
    assert "did not end within the timeout of 1m 30s. It may still be running." in step.errors[0]
    assert any("The API of Dataform Web cannot cancel runs" in line for line in step.log)
    assert "Still RUNNING after 1m" in step.log


class _LateEnd:
    """An emulator's clock with which a run ends just before the request to cancel it."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.emulator: Emulator | None = None

    def now(self) -> float:
        requests = [] if self.emulator is None else self.emulator.requests
        is_late = any(request.path.endswith(":cancel") for request in requests)
        return self._clock.now() + (60 if is_late else 0)


@pytest.mark.parametrize(
    ("schedule", "exit_code", "status", "failed"),
    [("nightly", 0, "success", []), ("failure", 1, "failure", ["my-project.marts.customers"])],
)
def test_a_run_that_ends_just_before_the_timeout(
    clock: FakeClock, tmp_path: Path, schedule: str, exit_code: int, status: str, failed: list[str]
) -> None:
    """The outcome is that of the run, with its actions, and the post step has nothing to do."""
    late = _LateEnd(clock)
    with Emulator(advance="clock", clock=late, run_seconds=100) as emulator:
        late.emulator = emulator
        inputs = google_inputs_for(emulator, schedule=schedule, timeout="90s")
        step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == exit_code
    assert step.outputs["status"] == status
    assert step.outputs["duration"] == "100"
    assert json.loads(step.outputs["failed-actions"]) == failed
    assert any("had already ended" in line for line in step.log)
    assert not any("timeout of" in line for line in step.log)
    assert "Of 11 actions, " in step.summary
    assert step.state["settled"] == "true"


def test_outage_is_one_warning(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """An outage of a few polls is one warning and one line at its end, and not a failure."""
    emulator.add_fault(Fault("status", on="get", times=5, status=503))
    step = run_here(tmp_path, inputs_for(emulator), clock)
    assert step.exit_code == ExitCode.SUCCESS
    assert len(step.warnings) == 1
    assert sum(line.startswith("The API responds again after") for line in step.log) == 1


def test_lost_create(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A create whose response is lost is not repeated. The error says where to look for the run."""
    emulator.add_fault(Fault("close", on="create", processed=True))
    step = run_here(tmp_path, inputs_for(emulator), clock)
    assert step.exit_code == ExitCode.NO_ANSWER
    assert f"Look for the run at {emulator.url}/#/1234 before you run this again." in step.errors[0]
    assert len(emulator.runs) == 1


def test_no_summary(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """With summary: false, no summary is written."""
    assert run_here(tmp_path, inputs_for(emulator, summary="false"), clock).summary == ""


def test_tags_are_sent(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """Tags are sent as runConfig.tags, and shown in the log and the summary."""
    step = run_here(tmp_path, inputs_for(emulator, tags="daily, finance"), clock)
    assert emulator.runs[0].tags == ("daily", "finance")
    assert "  Tags: daily, finance" in step.log
    assert "**Tags** <code>daily</code>, <code>finance</code>" in step.summary


def test_link_before_the_first_poll(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """The run's id and link are in the outputs and the log before the first poll."""
    emulator.add_fault(Fault("status", on="get", status=401))
    step = run_here(tmp_path, inputs_for(emulator), clock)
    run_id = emulator.runs[0].id
    assert step.outputs["run-id"] == run_id
    assert step.outputs["run-log-url"] == f"{emulator.url}/#/1234/run/{run_id}"
    assert f"Run {run_id}: {emulator.url}/#/1234/run/{run_id}" in step.log


def test_link_of_the_service_replaces_the_derived_one(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """When a response contains a link, the output has that link."""
    body = '{"status": "SUCCESSFUL", "runLogUrl": "https://elsewhere.example/run"}'
    emulator.add_fault(Fault("json", on="get", body=body))
    step = run_here(tmp_path, inputs_for(emulator), clock)
    assert step.outputs["run-log-url"] == "https://elsewhere.example/run"


def test_internal_error(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected exception is one error with a folded traceback, and exit code 70."""

    class Broken(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise ZeroDivisionError("::error::evil ##[group]")

    step = run_here(tmp_path, inputs_for(emulator), Broken())
    assert step.exit_code == ExitCode.INTERNAL_ERROR
    assert len(step.errors) == 1
    assert "ZeroDivisionError" in step.errors[0]
    assert "::group::Traceback" in step.log
    assert not any("##[" in line for line in step.log)
    assert emulator.runs[0].id in step.errors[0]


def test_log_is_utf8() -> None:
    """The log is UTF-8 with every locale, and a closed output is not an error."""
    raw = io.BytesIO()
    stream = open_log(io.TextIOWrapper(raw, "latin-1"))
    stream.write("毎日\ud800")
    stream.flush()
    assert raw.getvalue() == "毎日?".encode()
    assert open_log(None).write("lost") == 4
    assert open_log(text := io.StringIO()) is text


def test_step_without_a_runner(emulator: Emulator, clock: FakeClock) -> None:
    """The step works without the files of a runner."""
    environ = {f"INPUT_{name}": value for name, value in inputs_for(emulator).items()}
    upper = {name.upper(): value for name, value in environ.items()}
    assert main(upper, io.StringIO(), clock) == 0


_OUTPUTS = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["outputs"]
HOME = "projects/my-project/locations/europe-west1/repositories/warehouse"


def test_successful_run_on_google_cloud(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """A schedule is a workflow configuration, and the run's compilation is an output."""
    step = run_here(tmp_path, google_inputs_for(emulator), clock)
    [invocation] = emulator.invocations
    run_id = invocation.name.rpartition("/")[2]
    assert step.exit_code == ExitCode.SUCCESS
    assert step.log[1] == (
        "Google Cloud Dataform: starting a run of schedule nightly "
        "(project my-project, repository warehouse in europe-west1)"
    )
    assert step.outputs["run-id"] == run_id
    assert step.outputs["run-log-url"].startswith("https://console.cloud.google.com/bigquery/")
    assert step.outputs["status"] == "success"
    assert step.outputs["compilation-result"] == invocation.compilation_result
    assert step.outputs["failed-actions"] == "[]"
    assert step.state["run_id"] == run_id
    assert "**Repository** <code>warehouse</code> in <code>europe-west1</code>" in step.summary


def test_failed_actions_are_named(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A failed action is an error on its file, a section of the summary and part of an output."""
    step = run_here(tmp_path, google_inputs_for(emulator, schedule="failure"), clock)
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert json.loads(step.outputs["failed-actions"]) == ["my-project.marts.customers"]
    on_file, outcome = step.errors
    assert on_file.startswith(
        "::error file=definitions/marts/customers.sqlx,title=Dataform%3A action failed::"
        "my-project.marts.customers: Query error: Division by zero"
    )
    assert "Of 11 actions, 1 failed, 4 were skipped, " in outcome
    fold = step.log.index("::group::All actions: failed first, then by duration")
    place = step.log.index("What failed:")
    assert step.log.index(on_file) < fold < step.log.index("::endgroup::", fold) < place
    assert step.log[place + 1 : place + 3] == [
        "  my-project.marts.customers in definitions/marts/customers.sqlx",
        "    Query error: Division by zero: 0 / 0 at [3:12]; "
        "the BigQuery job's log has the statement",
    ]
    assert step.log[-1] == outcome
    assert "### 1 failed action\n\n#### <code>marts.customers</code>\n" in step.summary
    assert "<code>marts.export_revenue</code>" in step.summary
    assert set(step.outputs) == set(_OUTPUTS) - {"bytes-billed", "slot-seconds"}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault("status", on="query", status=403, times=None), "HTTP 403"),
        (Fault("status", on="query", status=503, times=None), "HTTP 503"),
        (Fault("reset", on="query", times=None), "Connection reset by peer"),
    ],
    ids=["refused", "no response", "reset"],
)
@pytest.mark.parametrize(
    ("schedule", "exit_code", "lost"),
    [("failure", 1, "cannot name the failed ones"), ("nightly", 0, "cannot list them")],
)
def test_actions_that_cannot_be_read(
    emulator: Emulator,
    clock: FakeClock,
    tmp_path: Path,
    fault: Fault,
    why: str,
    schedule: str,
    exit_code: int,
    lost: str,
) -> None:
    """The log and the summary give the reason, and no output says that nothing failed."""
    emulator.add_fault(fault)
    step = run_here(tmp_path, google_inputs_for(emulator, schedule=schedule), clock)
    assert step.exit_code == exit_code
    assert "failed-actions" not in step.outputs
    [warning] = step.warnings
    for shown in (warning, step.summary):
        assert f"The run's actions could not be read, so this report {lost}." in shown
        assert why in shown


@pytest.mark.parametrize("selected", [{"includedTags": ["dialy"]}, {}], ids=["a typo", "all"])
def test_a_run_without_actions(
    clock: FakeClock, tmp_path: Path, selected: dict[str, list[str]]
) -> None:
    """If a workflow configuration selects no actions, the step succeeds with a warning."""
    config = WorkflowConfig(name="nightly", release_config="production", invocation_config=selected)
    warehouse = replace(make_warehouse(), workflow_configs=(config,))
    with Emulator(advance="poll", repositories=[warehouse]) as emulator:
        step = run_here(tmp_path, google_inputs_for(emulator), clock)
    assert step.exit_code == ExitCode.SUCCESS
    assert step.outputs["failed-actions"] == "[]"
    words = "Nothing was built: the run had no actions."
    assert [words in warning for warning in step.warnings] == ([True] if selected else [])
    assert (words in step.summary) == bool(selected)


def test_details_that_cannot_be_read(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """Without the compilation, failed actions are named, and a warning says what is missing."""
    emulator.add_fault(Fault("status", on="query", status=403, times=None, after=1))
    step = run_here(tmp_path, google_inputs_for(emulator, schedule="failure"), clock)
    assert json.loads(step.outputs["failed-actions"]) == ["my-project.marts.customers"]
    [warning] = step.warnings
    assert "neither the files of the actions nor the actions that they blocked" in warning
    assert "neither the files of the actions nor the actions that they blocked" in step.summary


def test_progress_is_reported(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """During a long run, the log reports which actions ended and which are running."""
    step = run_here(tmp_path, google_inputs_for(emulator, schedule="endless", timeout="2m"), clock)
    assert step.exit_code == ExitCode.TIMEOUT
    assert "6 of 11 actions done after 15s; running: my-project.marts.customers" in step.log
    assert "  my-project.marts.legacy_report disabled" in step.log
    assert emulator.invocations[0].state == "CANCELING"
    assert any(line.startswith("Requested cancellation of run ") for line in step.log)
    assert step.state["settled"] == "true"


@pytest.mark.parametrize(
    "where", [{"GITHUB_REPOSITORY": "OWNER/other"}, {"GITHUB_SERVER_URL": "https://example.com"}]
)
def test_files_of_another_repository_are_not_annotated(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, where: dict[str, str]
) -> None:
    """The message names the file that GitHub could not show."""
    inputs = google_inputs_for(emulator, schedule="failure")
    step = run_here(tmp_path, inputs, clock, **where)
    failed, _ = step.errors
    assert failed.startswith(
        "::error title=Dataform%3A action failed::definitions/marts/customers.sqlx: "
        "my-project.marts.customers: Query error: Division by zero"
    )


def test_a_failed_assertion_names_its_table(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """Log and summary give the query for the rows, and the table whose rows these are."""
    name = "my-project.assertions.marts_revenue_assertions_uniqueKey_0"
    emulator.fail_action(name, "Assertion failed: query returned 3 rows.")
    step = run_here(tmp_path, google_inputs_for(emulator), clock)
    query = f"SELECT * FROM `{name}`"  # noqa: S608
    assert f"    Query for the rows: {query}" in step.log
    assert f"{name} (assertion on my-project.marts.revenue): Assertion failed" in step.errors[0]
    assert "assertion on <code>marts.revenue</code> failed after" in step.summary
    assert f"```sql\n{query}\n```" in step.summary


def test_compile_errors_stop_the_step(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """If the code does not compile, nothing is run. Each error is an annotation on its file."""
    inputs = google_inputs_for(emulator, schedule="", git_ref="broken")
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert emulator.invocations == []
    assert len(step.errors) == 3
    assert step.errors[0].startswith(
        "::error file=definitions/marts/margin.js,line=12,col=37,title=Dataform%3A compile error::"
    )
    assert step.outputs["compilation-result"].startswith(f"{HOME}/compilationResults/")
    assert step.outputs["status"] == "failure"
    assert "### 2 compile errors" in step.summary


def test_compile_only(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """With compile-only, the step ends after the compilation and runs nothing."""
    inputs = google_inputs_for(emulator, schedule="", git_ref="main", compile_only="true")
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.SUCCESS
    assert emulator.invocations == []
    assert step.outputs["compilation-result"].startswith(f"{HOME}/compilationResults/")
    assert step.outputs["status"] == "success"
    assert "run-id" not in step.outputs
    assert step.log[-1].endswith("has no errors. Nothing was run (compile-only: true).")
    assert "## ✅ Dataform compilation succeeded" in step.summary


def test_compile_only_shows_the_selection(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """The summary lists the selected actions, with their dependencies if they are included."""
    chosen = {"schedule": "", "git_ref": "main", "compile_only": "true", "actions": "customers"}
    alone = run_here(tmp_path, google_inputs_for(emulator, **chosen), clock)
    assert "1 of the project's " in alone.summary
    assert "| **Total** | **1** |" in alone.summary or "| **In all** | **1** |" in alone.summary
    assert "**Actions** <code>customers</code>" in alone.summary
    chosen |= {"include_dependencies": "true"}
    more = run_here(_folder(tmp_path, "more"), google_inputs_for(emulator, **chosen), clock)
    assert "<code>raw_shop.customers</code>" not in alone.summary
    assert more.summary.count("definitions/") > alone.summary.count("definitions/")


def test_names_without_the_suffix(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """With schema-suffix, actions may be given with and without the suffix."""
    chosen = {"schedule": "", "git_ref": "main", "schema_suffix": "pr_7"}
    for number, name in enumerate(("marts.customers", "marts_pr_7.customers")):
        inputs = google_inputs_for(emulator, **chosen, actions=name)
        step = run_here(_folder(tmp_path, str(number)), inputs, clock)
        assert step.exit_code == ExitCode.SUCCESS, step.log
        [target] = emulator.invocations[-1].invocation_config["includedTargets"]
        assert (target["schema"], target["name"]) == ("marts_pr_7", "customers")
        assert "  Schema suffix: pr_7" in step.log
        assert "**Schema suffix** <code>pr_7</code>" in step.summary


def test_overrides_of_an_environment(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """An environment is compiled with its own settings and the overrides."""
    chosen = {"schedule": "", "environment": "staging", "actions": "marts.customers"}
    overrides = "defaultDatabase=sandbox\ndefaultSchema=trial"
    inputs = google_inputs_for(emulator, **chosen, compile_overrides=overrides)
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.SUCCESS, step.log
    [target] = emulator.invocations[-1].invocation_config["includedTargets"]
    assert target == {"database": "sandbox", "schema": "trial_staging", "name": "customers"}
    assert "  Compilation overrides: defaultDatabase=sandbox, defaultSchema=trial" in step.log
    assert "<code>defaultSchema=trial</code>" in step.summary


def test_workspace(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """The files of a workspace are compiled and run; it has no commit."""
    step = run_here(tmp_path, google_inputs_for(emulator, schedule="", workspace="dev"), clock)
    assert step.exit_code == ExitCode.SUCCESS, step.log
    assert "**Workspace** <code>dev</code>" in step.summary
    assert "**Commit**" not in step.summary


def test_unknown_workspace(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A workspace that does not exist is refused, and the hint names the input."""
    step = run_here(tmp_path, google_inputs_for(emulator, schedule="", workspace="gone"), clock)
    assert step.exit_code == ExitCode.REFUSED
    assert "Check workspace" in step.errors[-1]


def _in_folder(folder: str) -> Repository:
    """Return the sample with its project in a folder of the Git repository."""
    return replace(make_warehouse(), project_folder=folder, release_configs=(), workflow_configs=())


def test_project_path(clock: FakeClock, tmp_path: Path) -> None:
    """A project in a folder of the repository is compiled, and its files have that folder."""
    with Emulator(repositories=[_in_folder("shop")]) as emulator:
        chosen = {"schedule": "", "git_ref": "main"}
        inputs = google_inputs_for(emulator, **chosen, project_path="shop/")
        step = run_here(_folder(tmp_path, "right"), inputs, clock)
        inputs = google_inputs_for(emulator, **chosen, project_path="other")
        wrong = run_here(_folder(tmp_path, "wrong"), inputs, clock)
    assert step.exit_code == ExitCode.SUCCESS, step.log
    assert "**Project path** <code>shop/</code>" in step.summary
    assert "shop/definitions/" in step.summary
    assert wrong.exit_code == ExitCode.REFUSED
    assert "Check project-path." in wrong.errors[-1]


def test_settings_of_the_execution(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """The run is executed as the inputs say, and log and summary show them."""
    chosen = {"schedule": "", "environment": "production", "query_priority": "batch"}
    inputs = google_inputs_for(emulator, **chosen, max_concurrent_actions="1", unit_tests="false")
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.SUCCESS, step.log
    assert emulator.invocations[-1].invocation_config == {
        "queryPriority": "BATCH",
        "concurrentActionsLimit": 1,
        "executionMode": "ALL_EXCEPT_UNIT_TESTS",
    }
    assert "  Concurrent actions at most: 1" in step.log
    assert "**Query priority** <code>batch</code>" in step.summary


def test_run_id_beside_other_inputs(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A step that watches a run names the inputs without effect, and does not show their values."""
    run_here(_folder(tmp_path, "first"), google_inputs_for(emulator), clock)
    run_id = emulator.invocations[0].name.rpartition("/")[2]
    inputs = google_inputs_for(emulator, schedule="nightly", tags="daily", run_id=run_id)
    step = run_here(tmp_path, inputs, clock)
    assert len(emulator.invocations) == 1
    unused = "run-id is given, so these inputs have no effect: schedule, tags"
    assert unused in step.log
    assert unused in step.summary
    assert "**Schedule**" not in step.summary


def test_promote(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """After a successful run, the release configuration uses its compilation."""
    inputs = google_inputs_for(emulator, schedule="", environment="production", promote="true")
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.SUCCESS
    patches = [request for request in emulator.requests if request.method == "PATCH"]
    assert [request.path for request in patches] == [f"/v1/{HOME}/releaseConfigs/production"]
    compiled = step.outputs["compilation-result"]
    assert json.loads(patches[0].body) == {"releaseCompilationResult": compiled}
    assert f"Release configuration now uses this compilation: {compiled}" in step.log


def test_promote_without_a_run(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """With ``compile-only``, the release configuration uses the compilation, and nothing runs."""
    chosen = {"schedule": "", "environment": "production", "compile_only": "true"}
    step = run_here(tmp_path, google_inputs_for(emulator, **chosen, promote="true"), clock)
    assert step.exit_code == ExitCode.SUCCESS
    patches = [request for request in emulator.requests if request.method == "PATCH"]
    assert [request.path for request in patches] == [f"/v1/{HOME}/releaseConfigs/production"]
    compiled = step.outputs["compilation-result"]
    assert json.loads(patches[0].body) == {"releaseCompilationResult": compiled}
    assert emulator.invocations == []
    text = "Release configuration production now uses this compilation."
    assert text in step.summary
    assert any(text in line for line in step.log)


def test_promotion_without_a_run_that_fails(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """If the promotion fails, the step fails."""
    emulator.add_fault(Fault("status", on="update", status=403, times=None))
    chosen = {"schedule": "", "environment": "production", "compile_only": "true"}
    step = run_here(tmp_path, google_inputs_for(emulator, **chosen, promote="true"), clock)
    assert step.exit_code == ExitCode.REFUSED
    assert "The compilation has no errors, but it was not promoted." in step.errors[-1]
    assert "now uses this compilation" not in step.summary


def test_an_emulator_on_the_host(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """If loopback refuses, the first warning and the error explain loopback in a container."""
    step = run_here(tmp_path, inputs_for(emulator, api_url="http://localhost:1"), clock)
    assert step.exit_code == ExitCode.NO_ANSWER
    for message in (step.warnings[0], step.errors[-1]):
        assert "Connection refused%0A" in message
        assert message.endswith(f"%0A{LOOPBACK_HINT}")


@pytest.mark.parametrize("source", [{"schedule": "nightly"}, {"schedule": "", "git_ref": "main"}])
def test_each_output_is_written_once(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, source: dict[str, str]
) -> None:
    """An output that is written early is not written again at the end."""
    step = run_here(tmp_path, google_inputs_for(emulator, **source), clock)
    written = parse_file_commands((tmp_path / "GITHUB_OUTPUT").read_text("utf-8"))
    assert [name for name, _ in written] == list(step.outputs)
    assert list(step.outputs).index("compilation-result") < list(step.outputs).index("status")


@pytest.mark.parametrize(
    ("status", "exit_code"), [(403, ExitCode.REFUSED), (503, ExitCode.NO_ANSWER)]
)
def test_promote_that_fails(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, status: int, exit_code: ExitCode
) -> None:
    """If the promotion fails, the step fails, but the status of the run is success."""
    emulator.add_fault(Fault("status", on="update", status=status, times=None))
    inputs = google_inputs_for(emulator, schedule="", environment="production", promote="true")
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == exit_code
    assert step.outputs["status"] == "success"
    assert emulator.invocations[0].state == "SUCCEEDED"


def test_timeout_after_the_end_of_the_run(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """If the timeout comes after the end of the run, the post step has nothing to cancel."""
    emulator.add_fault(Fault("status", on="update", times=None))
    promoted = {"schedule": "", "environment": "production", "promote": "true"}
    inputs = google_inputs_for(emulator, **promoted, timeout="2m", outage_timeout="1h")
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.TIMEOUT
    assert step.outputs["status"] == "success"
    assert step.state["settled"] == "true"


def test_lost_create_is_found(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """If the response to a create is lost, the run is found by its compilation."""
    emulator.add_fault(Fault("close", on="create", processed=True))
    inputs = google_inputs_for(emulator, schedule="", environment="production")
    step = run_here(tmp_path, inputs, clock)
    assert step.exit_code == ExitCode.SUCCESS
    [invocation] = emulator.invocations
    assert invocation.name.endswith(f"/{step.outputs['run-id']}")


def test_bad_run_id_on_google_cloud(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """The name of a run in another repository is an invalid input. Nothing is sent."""
    name = f"{HOME}x/workflowInvocations/1"
    step = run_here(tmp_path, google_inputs_for(emulator, run_id=name), clock)
    assert step.exit_code == ExitCode.BAD_INPUT
    assert emulator.requests == []


def test_minted_token_is_masked(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A minted token is masked before anything that may contain it is printed."""
    emulator.accept_tokens(lambda token: token is not None and token.startswith("machine-token-"))
    emulator.add_fault(Fault("status", on="create", status=400, body="bad machine-token-1"))
    with GoogleStandIns() as google:
        inputs = google_inputs_for(emulator, token="")
        step = run_here(tmp_path, inputs, clock, GCE_METADATA_HOST=google.host)
    assert step.exit_code == ExitCode.REFUSED
    assert [line for line in step.log if "machine-token" in line] == ["::add-mask::machine-token-1"]
    assert "machine-token" not in step.summary


def test_no_credentials(clock: FakeClock, tmp_path: Path, emulator: Emulator) -> None:
    """Without a token and usable credentials, nothing is sent."""
    file = tmp_path / "credentials.json"
    file.write_text("{}")
    inputs = google_inputs_for(emulator, token="")
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    step = run_here(tmp_path, inputs, clock, **environ)
    assert step.exit_code == ExitCode.REFUSED
    assert "title=Dataform%3A the credentials were refused::" in step.errors[0]
    assert emulator.requests == []


@pytest.mark.parametrize("inputs_of", [inputs_for, google_inputs_for])
def test_requests_in_debug_mode(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, inputs_of: Callable[..., dict[str, str]]
) -> None:
    """With RUNNER_DEBUG, each request has a debug line. Without it, there is none."""
    step = run_here(tmp_path, inputs_of(emulator), clock, RUNNER_DEBUG="1")
    lines = [line.partition(" ") for line in step.log if line.startswith("::debug::")]
    methods = [line.removeprefix("::debug::") for line, _, _ in lines]
    assert methods == [request.method for request in emulator.requests]
    assert all(line.startswith(f"{emulator.url}/v1/") and "HTTP 200" in line for *_, line in lines)
    quiet = run_here(tmp_path, inputs_of(emulator), clock, RUNNER_DEBUG="0")
    assert [line for line in quiet.log if "::debug" in line] == []


def test_debug_lines_hold_no_token(emulator: Emulator, clock: FakeClock, tmp_path: Path) -> None:
    """A token is hidden in debug lines, even if a service repeats it."""
    emulator.accept_tokens(lambda token: token is not None and token.startswith("machine-token"))
    echo = {"X-Request-Id": "machine-token-1"}
    emulator.add_fault(Fault("status", on="create", status=400, headers=echo))
    with GoogleStandIns() as google:
        inputs = google_inputs_for(emulator, token="")
        environ = {"GCE_METADATA_HOST": google.host, "RUNNER_DEBUG": "1"}
        step = run_here(tmp_path, inputs, clock, **environ)
        minted, created = (line for line in step.log if line.startswith("::debug::"))
    assert minted.startswith("::debug::GET http://***/computeMetadata/")
    assert created.startswith(f"::debug::POST {emulator.url}/v1/projects/my-project/")
    assert created.endswith(", X-Request-Id: ***")
    assert [line for line in step.log if "machine-token" in line] == ["::add-mask::machine-token-1"]


def test_secret_in_a_reason_that_is_cut(clock: FakeClock, tmp_path: Path) -> None:
    """If log or summary cut a reason inside the token, no part of the token is shown."""
    failing = "marts.customers"
    for length in (230, 480, 1980, 2980):
        course = Course(failures={failing: "x" * length + DEFAULT_TOKEN})
        config = WorkflowConfig(name="nightly", release_config="production", course=course)
        warehouse = replace(make_warehouse(), workflow_configs=(config,))
        with Emulator(
            advance="clock", clock=clock, run_seconds=120, repositories=[warehouse]
        ) as emulator:
            folder = tmp_path / str(length)
            folder.mkdir()
            step = run_here(folder, google_inputs_for(emulator), clock)
        assert any(f"{failing} failed after" in line for line in step.log)
        shown = "\n".join([*step.log[1:], step.summary])
        assert DEFAULT_TOKEN[:5] not in shown
        assert "xxx" in step.summary


@pytest.mark.parametrize("attempts", [(2, 3), (1,), (1, 2, 4)])
def test_no_free_thread(
    emulator: Emulator,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    attempts: tuple[int, ...],
) -> None:
    """If no thread can be started for some time, it is an outage, for creates and polls."""
    start, count = threading.Thread.start, 0

    def refuse(thread: threading.Thread) -> None:
        nonlocal count
        if thread.name == "dataform-request":
            count += 1
            if count in attempts:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    step = run_here(tmp_path, inputs_for(emulator), clock)
    assert step.exit_code == ExitCode.SUCCESS
    assert len(emulator.runs) == 1
    assert "Cannot start a thread for a request" in step.warnings[0]


@pytest.mark.parametrize(
    "variable", ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_GHA_CREDS_PATH", "CLOUDSDK_CONFIG"]
)
def test_key_in_the_wrong_variable(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, variable: str
) -> None:
    """If a variable contains a key instead of a path, no part of the key is shown anywhere."""
    key = json.dumps({"private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq//\\hkiG9w0"})
    inputs = google_inputs_for(emulator, token="")
    more = {variable: key, "GCE_METADATA_HOST": "127.0.0.1:1"}
    step = run_here(tmp_path, inputs, clock, RUNNER_DEBUG="1", **more)
    assert step.exit_code == ExitCode.REFUSED
    shown = "\n".join((*step.log, *step.outputs.values(), *step.state.values(), step.summary))
    assert variable in shown
    assert "The variable contains JSON." in shown
    assert not any(piece in shown for piece in ("MIIEvQIB", "ADANBgkq", "hkiG9w0", "BEGIN"))


@pytest.mark.parametrize("special", ["#", "?", "/", "\\", "#@"])
def test_password_of_an_invalid_proxy(emulator: Emulator, tmp_path: Path, special: str) -> None:
    """An invalid proxy address ends the step immediately, and its password is not shown."""
    proxy = f"http://qzuser:hunter2{special}zwor7ix8@proxy.invalid:3128"
    step = run_apart(tmp_path, inputs_for(emulator), HTTP_PROXY=proxy, RUNNER_DEBUG="1")
    assert step.exit_code == ExitCode.NO_ANSWER
    shown = "\n".join((*step.log, *step.outputs.values(), step.summary))
    assert "HTTP_PROXY is not the address of a proxy." in shown
    assert "Use the form http://host:port" in shown
    assert not any(piece in shown for piece in ("qzuser", "hunter", "zwor", "7ix8"))
    assert emulator.requests == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", on="get", status=401),
        Fault("status", on="compile", status=401),
        Fault("status", on="query", status=401),
    ],
    ids=lambda fault: str(fault.on),
)
def test_minted_token_that_is_not_accepted_once(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, fault: Fault
) -> None:
    """After a 401, the token is renewed: there is no outage and no refusal, and one run."""
    emulator.accept_tokens(lambda token: token is not None and token.startswith("machine-token"))
    emulator.add_fault(fault)
    with GoogleStandIns() as google:
        inputs = google_inputs_for(emulator, token="", environment="production", schedule="")
        step = run_here(tmp_path, inputs, clock, GCE_METADATA_HOST=google.host)
        assert len(google.paths) == 2
    assert step.exit_code == ExitCode.SUCCESS, step.log
    assert step.warnings == []
    assert len(emulator.invocations) == 1


def test_minted_token_that_is_never_accepted(
    emulator: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    """A second 401 with a new token is a refusal. For a create, the first one is."""
    emulator.accept_tokens(lambda token: token is not None and token.startswith("machine-token"))
    with GoogleStandIns() as google:
        inputs = google_inputs_for(emulator, token="", environment="production", schedule="")
        for fault, count in (
            (Fault("status", on="get", status=401, times=None), 2),
            (Fault("status", on="create", status=401, times=None), 1),
        ):
            emulator.clear_faults()
            emulator.add_fault(fault)
            google.requests.clear()
            step = run_here(tmp_path, inputs, clock, GCE_METADATA_HOST=google.host)
            assert step.exit_code == ExitCode.REFUSED
            assert len(google.paths) == count
