"""Where an outcome goes, even when a part of the report has a defect."""

from __future__ import annotations

import html
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataform_action.events import Subject
from dataform_action.github.commands import Console
from dataform_action.github.files import FileCommands
from dataform_action.model import ActionState
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.publish import publish
from tests.support.fakes import make_action
from tests.support.golden import hostile_outcome, outcomes
from tests.support.runner import Command, parse_file_commands, parse_log


def _publish(
    folder: Path,
    outcome: StepOutcome,
    secret: str = "s3cr3t-that-is-long",
    subject: Subject | None = None,
) -> tuple[list[Command | str], list[tuple[str, str]], str]:
    """Return what the runner finds in the log, the outputs, and the job summary."""
    stream = io.StringIO()
    console = Console(stream)
    console.mask(secret)
    output, summary = folder / "output", folder / "summary"
    output.touch()
    summary.touch()
    environ = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    _, usual = outcomes()["google-failure"]
    publish(outcome, subject or usual, console, FileCommands(environ, console))
    outputs = parse_file_commands(output.read_text("utf-8"))
    return parse_log(stream.getvalue()), outputs, summary.read_text("utf-8")


def _named(log: list[Command | str], name: str) -> list[Command]:
    return [line for line in log if isinstance(line, Command) and line.name == name]


def test_every_place_has_its_part(tmp_path: Path) -> None:
    """Outputs, summary and log are all there, and the outcome's own error comes last."""
    outcome = outcomes()["google-failure"][0]
    log, outputs, summary = _publish(tmp_path, outcome)
    assert [name for name, _ in outputs][:2] == ["status", "duration"]
    assert summary.startswith("## ❌ Dataform run failed")
    assert log[-1] == _named(log, "error")[-1]
    assert _named(log, "warning") == []


def test_failed_actions_are_annotations_on_the_files_of_this_repository(tmp_path: Path) -> None:
    """The subject says which repository that is; without it there is no file."""
    outcome, subject = outcomes()["google-failure"]
    assert subject is not None
    log, _, _ = _publish(tmp_path, outcome, subject=subject)
    files = [command.properties.get("file") for command in _named(log, "error")]
    assert files == [
        "definitions/staging/customers.sqlx",
        "definitions/staging/countries_unique.sqlx",
        "definitions/staging/no_reason.sqlx",
        None,
    ]
    log, _, _ = _publish(tmp_path, outcome, subject=subject._replace(repository_url=""))
    assert not any("file" in command.properties for command in _named(log, "error"))


def test_a_list_that_was_shortened_is_told(tmp_path: Path) -> None:
    """Log and summary say how many names the output has, and how many there are."""
    outcome = outcomes()["google-failure"][0]
    actions = [make_action(f"p.d.{n:0200}", ActionState.FAILED) for n in range(400)]
    log, outputs, summary = _publish(tmp_path, replace(outcome, actions=tuple(actions)))
    listed = len(json.loads(dict(outputs)["failed-actions"]))
    assert 200 < listed < 400
    assert dict(outputs)["failed-actions-count"] == "400"
    [warning] = _named(log, "warning")
    for text in (warning.message, summary):
        assert f"The output failed-actions has {listed} of 400 names" in text


def test_nobody_is_told_of_an_output_that_nobody_reads() -> None:
    """At a terminal there are no outputs."""
    stream = io.StringIO()
    console = Console(stream)
    outcome, subject = outcomes()["google-failure"]
    actions = [make_action(f"p.d.{n:0200}", ActionState.FAILED) for n in range(400)]
    publish(replace(outcome, actions=tuple(actions)), subject, console, FileCommands({}, console))
    assert "failed-actions" not in stream.getvalue()


@pytest.mark.parametrize("exit_code", [ExitCode.SUCCESS, ExitCode.RUN_UNSUCCESSFUL])
@pytest.mark.parametrize(
    ("broken", "lost"),
    [
        ({"duration": float("nan")}, ["outputs", "job summary"]),
        ({"commit": 7}, ["job summary"]),
        ({"files_url": None}, ["job summary", "end of the log"]),
        ({"compile_errors": (None,)}, ["list of what failed"]),
        ({"actions": (None,)}, ["analysis of the actions"]),
    ],
)
def test_a_defect_in_a_part_takes_no_other(
    tmp_path: Path, exit_code: ExitCode, broken: dict[str, Any], lost: list[str]
) -> None:
    """What cannot be made is a warning with its traceback folded; the rest is as it would be."""
    outcome = replace(outcomes()["google-failure"][0], exit_code=exit_code, **broken)
    log, outputs, summary = _publish(tmp_path, outcome)
    warnings = [command.message for command in _named(log, "warning")]
    assert [text.partition(" could not be written: ")[0] for text in warnings] == [
        f"The {part}" for part in lost
    ]
    assert [group.message for group in _named(log, "group")].count("Traceback") == len(lost)
    assert bool(outputs) is ("outputs" not in lost)
    assert bool(summary) is ("job summary" not in lost)
    assert ("What failed:" in log) is (lost in (["outputs", "job summary"], ["job summary"]))
    assert ("### 3 failed actions" in summary) is (lost == ["outputs"])
    last = log[-1].message if isinstance(log[-1], Command) else log[-1]
    assert last.startswith(outcome.message)


def test_without_an_analysis_no_list_says_that_nothing_failed(tmp_path: Path) -> None:
    """A list that could not be written is omitted: an empty one would be wrong."""
    nothing: Any = None
    outcome = replace(outcomes()["google-failure"][0], actions=(nothing,))
    _, outputs, summary = _publish(tmp_path, outcome)
    assert [name for name, _ in outputs] == ["status", "duration", "compilation-result"]
    assert summary.startswith("## ❌ Dataform run failed")


def test_failed_actions_are_always_a_list(tmp_path: Path) -> None:
    """A step that knows no actions still hands on a list, which a workflow can read."""
    _, outputs, _ = _publish(tmp_path, outcomes()["gave-up"][0])
    assert dict(outputs)["failed-actions"] == "[]"


@pytest.mark.parametrize("length", [290, 490, 1990, 2990])
def test_a_secret_is_hidden_before_the_log_cuts_it(tmp_path: Path, length: int) -> None:
    """No part of a masked secret is left where an annotation or a line of the log is cut."""
    outcome = outcomes()["compile-errors"][0]
    error = replace(outcome.compile_errors[0], message="x" * length + "s3cr3t-that-is-long")
    log, _, summary = _publish(tmp_path, replace(outcome, compile_errors=(error,)))
    assert "s3cr3t" not in f"{log[1:]}{summary}"


def test_a_secret_is_hidden_before_escapes_and_cuts_break_it_up(tmp_path: Path) -> None:
    """A secret in any text is replaced as a whole, wherever it would have been cut."""
    secret = "s-3_t#k|n"
    for length in range(280, 300):
        outcome, subject = hostile_outcome("x" * length + secret)
        _, _, summary = _publish(tmp_path, outcome, secret, subject)
        (tmp_path / "summary").unlink()
        assert "xxx" in summary
        assert "s-3" not in html.unescape(summary)
