"""Fixtures of the end-to-end tests: the image, jobs, and an emulator for containers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from dataform_action.emulator import Emulator
from scripts.image import engine
from tests.e2e.job import Job

#: ``make e2e`` builds it.
IMAGE = os.environ.get("E2E_IMAGE", "dataform-action:local")


def pytest_sessionstart() -> None:
    """Stop at once if docker or the image is missing."""
    try:
        engine.check()
        if not engine.has_image(IMAGE):
            raise engine.EngineError(f"There is no image {IMAGE}: make e2e builds it")
    except engine.EngineError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator on the host, at an address that containers on the bridge can reach."""
    with Emulator(host=engine.gateway(), advance="poll") as emulator:
        yield emulator


@pytest.fixture
def make_job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """Return a function that makes jobs; their containers are removed after the test."""
    with ExitStack() as stack:

        def make(**options: str) -> Job:
            job = Job(tmp_path / f"work{len(list(tmp_path.iterdir()))}", IMAGE, **options)
            stack.callback(job.end)
            return job

        yield make


@pytest.fixture
def job(make_job: Callable[..., Job]) -> Job:
    return make_job()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the rows and lines that tests recorded with ``record_property``."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    properties = [entry for report in reports for entry in report.user_properties]
    recorded = cast("list[dict[str, str]]", [value for name, value in properties if name == "row"])
    rows = sorted(recorded, key=lambda row: row["order"])
    lines = sorted(str(value) for name, value in properties if name == "memory")
    if lines:
        terminalreporter.section("Memory")
        terminalreporter.write_line("\n".join(lines))
    if rows:
        terminalreporter.section("Effects of a signal at each stage")
        columns = [name for name in rows[0] if name != "order"]
        terminalreporter.write_line(f"| {' | '.join(columns)} |")
        terminalreporter.write_line("|---" * len(columns) + "|")
        for row in rows:
            terminalreporter.write_line(f"| {' | '.join(row[name] for name in columns)} |")
