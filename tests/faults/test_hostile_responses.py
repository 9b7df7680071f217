"""No response causes a traceback, a workflow command or a visible token.

``make fuzz`` tests the same properties with many more examples.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings, strategies as st

from dataform_action.action.main import main
from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import DataformError, InvalidResponse
from dataform_action.redaction import Redactor
from dataform_action.services.dataform_web import parse_created, parse_run
from dataform_action.transport.response import Response, read_response
from dataform_action.validation import is_link, is_segment
from tests.support.fakes import FakeClock, make_run
from tests.support.runner import Command, hostile_texts, parse_log
from tests.support.steps import google_inputs_for, inputs_for, run_here

TOKEN = "4711|aB+c/D=|1"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_texts() | st.just(TOKEN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
RUNS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.just("77"),
        "status": JSON | st.sampled_from(("RUNNING", "SUCCESSFUL", "FAILED")),
        "runLogUrl": JSON | hostile_texts().map(lambda text: f"https://a.example/{text}"),
        "error": JSON,
        "message": JSON,
    },
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(json.dumps).map(str.encode)
    | RUNS.map(json.dumps).map(str.encode)
)
HEADERS = st.dictionaries(st.sampled_from(("Retry-After", "Location")), hostile_texts())


@given(st.integers(100, 599), HEADERS, BODIES)
@example(200, {}, b"[" * 100_000)
@example(200, {}, b"1" * 5_000)
@example(429, {"Retry-After": "Mon, 99999 99 99999999999 99:99:99"}, b"")
def test_any_response_is_parsed(status: int, headers: dict[str, str], body: bytes) -> None:
    """Any status, headers and body result in an object or a DataformError, without the token."""
    response = Response(status, headers, body)
    try:
        value = read_response(response, "GET", "GET https://api.example/", Redactor(TOKEN))
    except DataformError as error:
        assert TOKEN not in error.message
    else:
        assert TOKEN not in json.dumps(value, ensure_ascii=False)


@given(RUNS)
def test_any_object_is_parsed_or_refused(response: dict[str, object]) -> None:
    """An object results in an id and a run that are safe to use, or in an error."""
    try:
        assert is_segment(parse_created(response))
    except InvalidResponse as error:
        assert len(error.message) < 300
    try:
        run = parse_run(response, make_run())
    except InvalidResponse as error:
        assert len(error.message) < 300
    else:
        assert run.id == "77"
        assert is_link(run.log_url)


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    with Emulator(advance="poll", token=TOKEN) as emulator:
        yield emulator


# Each example is a whole step. ``make fuzz`` plays many, and the suite always the same.
@settings(max_examples=30 if settings().derandomize else settings().max_examples)
@given(st.sampled_from(("get", "create")), st.integers(200, 599), st.text() | RUNS.map(json.dumps))
def test_no_response_is_logged_unescaped(
    service: Emulator, target: str, status: int, body: str
) -> None:
    """For any response, the log has only our commands, no token and no traceback."""
    service.clear_faults()
    text = body.encode("utf-8", "replace").decode()
    service.add_fault(Fault("json", on=target, status=status, body=text))  # type: ignore[arg-type]
    environ = {f"INPUT_{name.upper()}": value for name, value in inputs_for(service).items()}
    stream = io.StringIO()
    exit_code = main(environ, stream, FakeClock())
    assert exit_code in (0, 1, 3, 4)
    first, *rest = stream.getvalue().splitlines()
    assert first == f"::add-mask::{TOKEN}"
    assert TOKEN not in "".join(rest)
    commands = [part for part in parse_log("\n".join(rest)) if isinstance(part, Command)]
    assert [command.name for command in commands if command.name not in ("warning", "error")] == [
        *("group", "endgroup")
    ]
    assert sum(command.name == "error" for command in commands) == (exit_code != 0)


@pytest.mark.parametrize("body", ["{}", '{"a": 1}', '{"name": 7}'])
@pytest.mark.parametrize(
    "changes",
    [
        {"environment": "staging", "git_ref": "main", "schedule": ""},
        {"environment": "production", "schedule": "nightly"},
    ],
)
def test_malformed_configuration(
    emulator: Emulator, clock: FakeClock, tmp_path: Path, changes: dict[str, str], body: str
) -> None:
    """A malformed configuration is requested again: nothing is compiled without it."""
    emulator.add_fault(Fault("json", on="other", body=body))
    step = run_here(tmp_path, google_inputs_for(emulator, **changes), clock)
    assert step.exit_code == 0
    assert len(step.warnings) == 1
    compiled = [json.loads(request.body) for request in emulator.requests if request.body]
    if "git_ref" in changes:
        assert compiled[0]["codeCompilationConfig"] == {"schemaSuffix": "staging"}
