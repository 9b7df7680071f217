"""A step with ``costs: true``: the outcome stays, and nothing is read that was not requested."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dataform_action.action.main import main
from dataform_action.emulator import Course, Emulator, Fault, Repository
from dataform_action.report.outcome import ExitCode
from tests.support.fakes import FakeClock
from tests.support.google_stand_ins import METADATA, GoogleStandIns
from tests.support.steps import (
    Step,
    google_inputs_for,
    read_step,
    run_here,
    run_program,
    runner_environ,
)

ROLE = "roles/bigquery.resourceViewer"
_MIB = 2**20


def play(emulator: Emulator, folder: Path, **inputs: str) -> Step:
    given = {"costs": "true", "bigquery_url": emulator.url, **inputs}
    return run_here(folder, google_inputs_for(emulator, **given), FakeClock())


def serve(*jobs: Mapping[str, Any], count: int = 0) -> Emulator:
    """Make an emulator of tables with these jobs, or of ``count`` tables with the first one."""
    definitions = [jobs[0]] * count if count else jobs
    tables = [
        {
            "type": "table",
            "target": {
                "database": job.get("project", "my-project"),
                "schema": "marts",
                "name": f"table_{number}",
            },
            "query": "SELECT 1",
            "emulatedJob": {"bytes_billed": 10 * _MIB, "slot_ms": 1000, "children": 0, **job},
        }
        for number, job in enumerate(definitions)
    ]
    repository = Repository(graph={"tables": tables})
    return Emulator(repositories=[repository], advance="clock", run_seconds=0)


def run_tables(emulator: Emulator, folder: Path, **inputs: str) -> Step:
    return play(emulator, folder, schedule="", git_ref="main", **inputs)


def requests_of(emulator: Emulator) -> list[str]:
    """Return the paths of the requests to BigQuery."""
    paths = [request.path for request in emulator.requests]
    return [path for path in paths if path.startswith("/bigquery/")]


def costs_line(step: Step) -> str:
    [line] = [line for line in step.log if line.startswith("Costs: ")]
    return line


def note(step: Step) -> str:
    """Return the only warning, which the summary has as well, on one line."""
    [warning] = step.warnings
    text = warning.removeprefix("::warning title=Dataform%3A the costs are incomplete::")
    assert text != warning
    assert "%0A" not in text
    assert step.summary.count("⚠️") == 1
    return text


@pytest.mark.parametrize(("schedule", "exit_code"), [("nightly", 0), ("failure", 1)])
def test_costs_of_a_run(emulator: Emulator, tmp_path: Path, schedule: str, exit_code: int) -> None:
    """A run that succeeded and one that failed have costs in the log, summary and outputs."""
    step = play(emulator, tmp_path, schedule=schedule)
    assert step.exit_code == exit_code
    assert re.fullmatch(
        r"Costs: bytes billed [0-9.]+ GiB, slot time \d+s, "
        r"estimated price \$0\.0\d at \$6\.25 per TiB, the US list price",
        costs_line(step),
    )
    assert int(step.outputs["bytes-billed"]) > 2**31
    assert int(step.outputs["slot-seconds"]) > 10
    assert "### Costs" in step.summary
    assert "| Action | Bytes billed | Slot time | Share of bytes |" in step.summary
    assert "<code>marts.revenue</code>" in step.summary
    assert step.warnings == []
    assert set(requests_of(emulator)) == {"/bigquery/v2/projects/my-project/jobs"}


def test_own_price(emulator: Emulator, tmp_path: Path) -> None:
    """A price has no currency, and is named as that of the input."""
    step = play(emulator, tmp_path, price_per_tib="1000")
    assert re.search(
        r"estimated price 2\.\d\d at 1,000 per TiB, the input price-per-tib$", costs_line(step)
    )


def test_existing_run(emulator: Emulator, tmp_path: Path) -> None:
    """The costs of a run that another step started can be read later."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = run_here(tmp_path / "a", google_inputs_for(emulator), FakeClock())
    run_id = first.outputs["run-id"]
    step = play(emulator, tmp_path / "b", schedule="", run_id=run_id)
    assert step.exit_code == ExitCode.SUCCESS
    assert int(step.outputs["bytes-billed"]) > 0


def test_cancelled_run(emulator: Emulator, tmp_path: Path) -> None:
    """A run that was cancelled in Dataform has costs."""
    emulator.set_course("nightly", Course(ending="CANCELLED"))
    step = play(emulator, tmp_path)
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert step.outputs["status"] == "cancelled"
    assert int(step.outputs["bytes-billed"]) > 0


def test_timeout(emulator: Emulator, tmp_path: Path) -> None:
    """If the run is not known to have ended, its costs are not final, so they are not read."""
    step = play(emulator, tmp_path, schedule="endless", timeout="1m")
    assert step.exit_code == ExitCode.TIMEOUT
    assert requests_of(emulator) == []
    assert "bytes-billed" not in step.outputs


@pytest.mark.parametrize(
    ("count", "children", "requests"), [(400, 0, 1), (400, 2, 6), (5000, 2, 10)]
)
def test_few_requests(tmp_path: Path, count: int, children: int, requests: int) -> None:
    """A page of the list has 1,000 jobs. The reservations of scripts need five more requests."""
    with serve({"children": children}, count=count) as emulator:
        step = run_tables(emulator, tmp_path)
        assert step.outputs["bytes-billed"] == str(count * 10 * _MIB)
        assert step.outputs["slot-seconds"] == str(count)
        assert len(requests_of(emulator)) == requests
    assert f"The 10 most expensive of {count:,} actions" in step.summary
    assert len(step.summary.encode()) < 1_000_000


def test_scripts_count_once(tmp_path: Path) -> None:
    """The bytes of the child jobs are part of those of the script."""
    with serve({"children": 3}, {"children": 2}, {}) as emulator:
        step = run_tables(emulator, tmp_path)
        assert step.outputs["bytes-billed"] == str(30 * _MIB)
        assert "estimated price less than $0.01" in costs_line(step)
        assert len(requests_of(emulator)) == 3


def test_other_projects_and_locations(tmp_path: Path) -> None:
    """Jobs in the project of an action, and outside of the multi-regions, are found."""
    with serve({"project": "other"}, {"location": "EU"}, {"location": "europe-west3"}) as emulator:
        step = run_tables(emulator, tmp_path)
        assert step.outputs["bytes-billed"] == str(30 * _MIB)
        assert requests_of(emulator) == [
            "/bigquery/v2/projects/my-project/jobs",
            "/bigquery/v2/projects/other/jobs",
        ]


def test_reservations(tmp_path: Path) -> None:
    """Bytes under a reservation are shown, but have no price. Then the slot time ranks actions."""
    reserved = {"reservation": "admin:EU.etl", "children": 2}
    with serve(reserved, {**reserved, "slot_ms": 9000}) as emulator:
        step = run_tables(emulator, tmp_path)
    assert costs_line(step) == "Costs: bytes billed 20 MiB, slot time 10s"
    assert "2 of 2 jobs ran under a reservation, so their bytes have no price." in step.log
    assert "| <code>marts.table_1</code> | 10 MiB | 9s | 90 % |" in step.summary
    assert "| Action | Bytes billed | Slot time | Share of slot time |" in step.summary


def test_without_permission(emulator: Emulator, tmp_path: Path) -> None:
    """One line names the role. The outcome stays, and there are no numbers."""
    emulator.deny_jobs("my-project")
    step = play(emulator, tmp_path)
    assert step.exit_code == ExitCode.SUCCESS
    text = note(step)
    assert text.startswith("The costs of the run could not be read. GET http")
    assert "HTTP 403: Access Denied" in text
    assert text.endswith(f"Grant the caller {ROLE} on project my-project.")
    assert not {"bytes-billed", "slot-seconds"} & set(step.outputs)
    assert "### Costs" not in step.summary
    assert len(requests_of(emulator)) == 1


def test_hidden_jobs(tmp_path: Path) -> None:
    """Jobs without numbers are not counted as 0, and a line says what is needed to see them."""
    with serve({}, {"hidden": True}) as emulator:
        step = run_tables(emulator, tmp_path)
    assert note(step) == (
        "The costs of 1 of 2 jobs are not known, so the sums are lower bounds. BigQuery shows jobs "
        f"of other accounts only to a caller with {ROLE} on the project of the jobs."
    )
    assert costs_line(step).startswith("Costs: bytes billed at least 10 MiB, slot time at least 1s")
    assert not {"bytes-billed", "slot-seconds"} & set(step.outputs)


def test_list_that_ends_in_an_error(tmp_path: Path) -> None:
    """What was read before the error is shown as a lower bound."""
    with serve({}, count=1200) as emulator:
        emulator.add_fault(Fault("status", on="jobs", status=503, times=None, after=1))
        step = run_tables(emulator, tmp_path)
        assert len(requests_of(emulator)) == 4
    assert step.exit_code == ExitCode.SUCCESS
    assert "The costs of 200 of 1,200 jobs are not known" in note(step)
    assert "HTTP 503" in note(step)
    assert "at least" in costs_line(step)
    assert "bytes-billed" not in step.outputs


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", on="jobs", times=None),
        Fault("html", on="jobs", times=None),
        Fault("cut-json", on="jobs", times=None),
        Fault("redirect", on="jobs", times=None, headers={"Location": "https://example.com"}),
        Fault("status", on="jobs", status=429, times=None),
        Fault("status", on="jobs", status=401, times=None),
        Fault("json", on="jobs", body='{"jobs": [[1], {"statistics": 7}]}', times=None),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status or ''}",
)
@pytest.mark.parametrize(("schedule", "exit_code"), [("nightly", 0), ("failure", 1)])
def test_no_fault_changes_the_outcome(
    emulator: Emulator, tmp_path: Path, fault: Fault, schedule: str, exit_code: int
) -> None:
    """The exit code is that of the run, and one line says that the costs are not known."""
    emulator.add_fault(fault)
    step = play(emulator, tmp_path, schedule=schedule)
    assert step.exit_code == exit_code
    assert note(step).startswith("The costs of the run could not be read. ")
    assert len(requests_of(emulator)) <= 20


def test_token_in_an_error_of_bigquery(emulator: Emulator, tmp_path: Path) -> None:
    """A response that repeats the token, commands and markup shows none of them."""
    hostile = f"{emulator.token} @everyone\n::error::x <b>b</b> [l](http://a.example)"
    body = json.dumps({"error": {"code": 403, "message": hostile}})
    emulator.add_fault(Fault("status", on="jobs", status=403, body=body, times=None))
    step = play(emulator, tmp_path)
    everything = "\n".join((*step.log, step.summary))
    # The first line masks the token.
    assert emulator.token not in everything.partition("\n")[2]
    assert "::error::x" not in everything
    assert "<b>" not in step.summary
    assert "@everyone" not in step.summary
    assert "***" in note(step)


@pytest.mark.parametrize("costs", ["", "false"])
def test_nothing_is_sent_unless_requested(emulator: Emulator, tmp_path: Path, costs: str) -> None:
    """Without the input, there is no request to BigQuery, and the report has no costs."""
    step = play(emulator, tmp_path, costs=costs, bigquery_url="")
    assert step.exit_code == ExitCode.SUCCESS
    assert requests_of(emulator) == []
    assert "Costs" not in step.summary
    assert not {"bytes-billed", "slot-seconds"} & set(step.outputs)


@pytest.mark.parametrize(("costs", "imported"), [("false", False), ("true", True)])
def test_imports(emulator: Emulator, tmp_path: Path, costs: str, imported: bool) -> None:
    """Nothing for BigQuery is imported unless the input asks for it, not even for the report."""
    inputs = google_inputs_for(emulator, costs=costs)
    if imported:
        inputs["bigquery-url"] = emulator.url
    environ = runner_environ(tmp_path, inputs)
    program = (
        "import io, sys\n"
        "from dataform_action.action.main import main\n"
        "from tests.support.fakes import FakeClock\n"
        f"assert main({environ!r}, io.StringIO(), FakeClock()) == 0\n"
        "print(*sys.modules)"
    )
    modules = run_program(program).split()
    for name in ("dataform_action.bigquery", "dataform_action.action.costs"):
        assert (name in modules) == imported


def test_one_source_of_tokens(emulator: Emulator, tmp_path: Path) -> None:
    """BigQuery gets the token that Dataform got: it is minted once."""
    with GoogleStandIns() as google:
        emulator.accept_tokens(lambda token: token is not None)
        inputs = google_inputs_for(emulator, token="", costs="true", bigquery_url=emulator.url)
        step = run_here(tmp_path, inputs, FakeClock(), GCE_METADATA_HOST=google.host)
        assert google.paths == [METADATA]
    assert step.exit_code == ExitCode.SUCCESS
    assert len({request.headers["Authorization"] for request in emulator.requests}) == 1
    assert int(step.outputs["bytes-billed"]) > 0


def test_signal_while_costs_are_read(emulator: Emulator, tmp_path: Path) -> None:
    """A signal ends the reading at once. The run has ended, so its outcome is reported."""
    emulator.add_fault(Fault("status", on="jobs", status=503, times=None))

    class Stopping(FakeClock):
        def sleep(self, seconds: float) -> None:
            if requests_of(emulator):
                os.kill(os.getpid(), signal.SIGINT)
            super().sleep(seconds)

    given = google_inputs_for(emulator, costs="true", bigquery_url=emulator.url)
    stream = io.StringIO()
    exit_code = main(runner_environ(tmp_path, given), stream, Stopping())
    step = read_step(tmp_path, exit_code, stream.getvalue())
    assert step.exit_code == ExitCode.SUCCESS
    assert step.outputs["status"] == "success"
    assert note(step) == (
        "The costs of the run could not be read. "
        "The step was stopped by SIGINT before they were read."
    )
    assert len(requests_of(emulator)) == 1


def test_internal_error(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in this package does not change the outcome either."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("dataform_action.action.costs.read_costs", broken)
    step = play(emulator, tmp_path)
    assert step.exit_code == ExitCode.SUCCESS
    assert note(step).endswith("Internal error: ZeroDivisionError: division by zero")


def test_run_without_jobs(tmp_path: Path) -> None:
    """If nothing ran, nothing is requested, and the costs are 0."""
    graph = {
        "tables": [
            {"type": "table", "target": {"schema": "s", "name": "a"}, "query": "", "disabled": True}
        ]
    }
    with Emulator(repositories=[Repository(graph=graph)]) as emulator:
        step = run_tables(emulator, tmp_path)
        assert requests_of(emulator) == []
    assert costs_line(step) == "Costs: the run had no BigQuery jobs."
    assert (step.outputs["bytes-billed"], step.outputs["slot-seconds"]) == ("0", "0")
    assert "### Costs" not in step.summary


def test_unread_actions(emulator: Emulator, tmp_path: Path) -> None:
    """If the actions could not be read, their jobs are not known."""
    emulator.add_fault(Fault("status", on="query", status=403, times=None))
    step = play(emulator, tmp_path)
    assert requests_of(emulator) == []
    assert "bytes-billed" not in step.outputs
    assert "The costs of the run could not be read." in "\n".join(step.warnings)


def test_all_attempts_are_counted(tmp_path: Path) -> None:
    """An action that failed and was run again costs twice. Its second job is another one."""
    with serve({}, {}) as emulator:
        emulator.fail_action("marts.table_1", "out of memory")
        step = run_tables(emulator, tmp_path, retry_failed="1")
        assert len(emulator.invocations) == 2
    assert step.exit_code == ExitCode.RUN_UNSUCCESSFUL
    assert step.outputs["bytes-billed"] == str(30 * _MIB)
    assert "| <code>marts.table_1</code> | 20 MiB | 2s | 67 % |" in step.summary


def test_signal_before_costs_are_read(emulator: Emulator, tmp_path: Path) -> None:
    """A signal after the end of the run changes no outcome, and the costs are not forgotten."""
    given = google_inputs_for(emulator, costs="true", bigquery_url=emulator.url)
    emulator.add_fault(Fault("status", on="query", status=503, times=None))

    class Stopping(FakeClock):
        def sleep(self, seconds: float) -> None:
            if any(":query" in request.path for request in emulator.requests):
                os.kill(os.getpid(), signal.SIGINT)
            super().sleep(seconds)

    stream = io.StringIO()
    exit_code = main(runner_environ(tmp_path, given), stream, Stopping())
    step = read_step(tmp_path, exit_code, stream.getvalue())
    assert step.exit_code == ExitCode.SUCCESS
    assert requests_of(emulator) == []
    assert any(
        "The costs of the run could not be read. The step ended before they were read." in warning
        for warning in step.warnings
    )


def test_error_before_costs_are_read(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the code that is loaded for costs does not end the step without a report."""

    def broken(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("dataform_action.action.costs.measure", broken)
    step = play(emulator, tmp_path)
    assert step.exit_code == ExitCode.SUCCESS
    assert note(step).endswith("The step ended before they were read.")
