"""Google Cloud Dataform: no response breaks the parsers, or leads out of the repository."""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import example, given, strategies as st

from dataform_action.errors import InvalidResponse
from dataform_action.model import Result, State
from dataform_action.plans.comparison import compare as compare_actions
from dataform_action.report.comparison.words import compare, render_for_log
from dataform_action.services.google.client import GoogleApi
from dataform_action.services.google.compilation import parse_compile_errors
from dataform_action.services.google.graph_parser import parse_graph_actions
from dataform_action.services.google.history.runs import read_past_runs
from dataform_action.services.google.parse import (
    parse_actions,
    parse_compilation_name,
    parse_compiled_actions,
    parse_default_location,
    parse_invocation_name,
    parse_names,
    parse_project_path,
    parse_state,
    parse_target,
)
from dataform_action.validation import is_segment
from tests.support.fakes import FakeClock
from tests.support.runner import hostile_texts
from tests.unit.services.google.support import PARENT, make_run

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
PATHS = st.lists(
    st.sampled_from(("..", ".", "/", "//", "a", "b.js", "\\", "..a", "~", "\n", "C:", "é")),
    max_size=8,
).map("/".join)
TIMES = (
    st.datetimes(timezones=st.timezones()).map(str)
    | st.datetimes().map(str)
    | st.sampled_from(("2026-11-22T00:00:00.123456789Z", "0001-01-01T00:00:00+23:59", "9999"))
)


def objects(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Return objects in which each of these fields is missing, valid or invalid."""
    return st.fixed_dictionaries(
        {}, optional={"": JSON, **{name: value | JSON for name, value in fields.items()}}
    )


TARGETS = objects(database=st.just("p"), schema=st.just("s"), name=st.just("n"))
NAMES = st.sampled_from(("workflowInvocations", "compilationResults", "x")).flatmap(
    lambda kind: hostile_texts().map(lambda text: f"{PARENT}/{kind}/{text}")
)
CONFIGS = objects(
    pipelineConfig=objects(path=PATHS), defaultLocation=st.sampled_from(("EU", "us-west4"))
)
COMPILED = objects(
    target=TARGETS,
    filePath=PATHS,
    relation=objects(
        relationType=st.just("VIEW"),
        tags=st.lists(st.text()),
        dependencyTargets=st.lists(TARGETS | JSON, max_size=3),
    ),
    declaration=objects(),
)
ACTIONS = objects(
    target=TARGETS,
    state=st.sampled_from(("RUNNING", "FAILED", "QUEUED")),
    failureReason=hostile_texts(),
    invocationTiming=objects(startTime=TIMES, endTime=TIMES),
    bigqueryAction=objects(jobId=hostile_texts()),
)
ERRORS = objects(message=hostile_texts(), stack=PATHS.map(lambda path: f"{path}:1:2"), path=PATHS)
RESPONSES = objects(
    name=NAMES,
    state=st.sampled_from(("RUNNING", "CANCELING")),
    nextPageToken=hostile_texts(),
    codeCompilationConfig=CONFIGS,
    compilationErrors=st.lists(ERRORS, max_size=3),
    compilationResultActions=st.lists(COMPILED | JSON, max_size=3),
    workflowInvocationActions=st.lists(ACTIONS | JSON, max_size=3),
    workflowInvocations=st.lists(objects(name=NAMES) | JSON, max_size=3),
)
#: An own run, and others that may be before it.
LISTED = objects(
    name=st.sampled_from(("own", "a", "b", "c")).map(f"{PARENT}/workflowInvocations/{{}}".format),
    state=st.sampled_from(("RUNNING", "SUCCEEDED", "FAILED")),
    workflowConfig=st.just("x/nightly"),
    compilationResult=st.just(f"{PARENT}/compilationResults/a"),
    resolvedCompilationResult=st.just(f"{PARENT}/compilationResults/a"),
    invocationTiming=objects(startTime=TIMES, endTime=TIMES),
    invocationConfig=objects(includedTargets=st.lists(TARGETS), includedTags=st.lists(st.text())),
)
RESULTS = objects(
    name=st.just(f"{PARENT}/compilationResults/a"),
    releaseConfig=st.just("x/production"),
    gitCommitish=hostile_texts(),
    workspace=hostile_texts(),
    resolvedGitCommitSha=hostile_texts(),
    codeCompilationConfig=CONFIGS,
)
LISTS = objects(
    nextPageToken=st.sampled_from(("", "x")),
    workflowInvocations=st.lists(LISTED | JSON, max_size=5),
    compilationResults=st.lists(RESULTS | JSON, max_size=3),
)


class FixedTransport:
    """A transport that returns the same response to every request."""

    def __init__(self, response: dict[str, Any]) -> None:
        self._response = response

    def send(self, *_: object, **__: object) -> dict[str, Any]:
        return self._response


def _api(response: dict[str, Any]) -> GoogleApi:
    return GoogleApi(
        *("p", "l", "r"),
        transport=FixedTransport(response),  # type: ignore[arg-type]
        read_seconds=1,
        given_token=True,
        clock=FakeClock(),
        seen=set(),
        refused_fields=set(),
    )


def is_inside(path: str) -> bool:
    """Return whether a path is printable and inside the repository."""
    inside = posixpath.normpath(posixpath.join("/repository", path))
    return path == "" or (
        inside.startswith("/repository/") and path.isprintable() and not path.startswith("/")
    )


@given(RESPONSES)
@example({"compilationResultActions": [{"": 5}]})
@example({"compilationErrors": 0})
@example({"compilationResultActions": [None]})
@example({"workflowInvocationActions": [{"invocationTiming": {"startTime": "1", "endTime": 1}}]})
def test_any_object_is_parsed_or_invalid(response: dict[str, object]) -> None:
    """Any object is parsed or raises InvalidResponse with a short message."""
    raising = (
        lambda: parse_state(response),
        lambda: parse_compile_errors(response),
        lambda: parse_invocation_name(response, PARENT),
        lambda: parse_compilation_name(response, PARENT),
    )
    for parse in raising:
        try:
            parse()
        except InvalidResponse as error:
            assert len(error.message) < 500
    assert all(action.name for action in parse_actions(response))
    assert all(is_inside(action.file) for action in parse_compiled_actions(response, "sub"))
    try:
        graph = parse_graph_actions(response, "sub")
    except InvalidResponse:
        # An action that cannot be read would seem to be removed.
        graph = []
    assert all(is_inside(action.file) for action in graph)
    actions = [action for action in graph if not action.is_declaration]
    assert len(compare_actions([], graph).actions) == len(actions)
    assert compare_actions(graph, graph).actions == ()
    assert len(list(parse_names(response, "workflowInvocations", "compilationResult"))) <= 3


def _entry(name: str, started: str, **more: object) -> dict[str, object]:
    names = {"name": f"{PARENT}/workflowInvocations/{name}", "workflowConfig": "x/nightly"}
    return {**names, "state": "FAILED", "invocationTiming": {"startTime": started}, **more}


@given(LISTS)
@example(
    {
        "workflowInvocations": [
            _entry("own", "9999-12-31T23:59:59-23:59"),
            _entry("a", "0001-01-01T00:00:00+23:59"),
        ]
    }
)
@example({"workflowInvocations": [_entry("own", "2026-11-22"), _entry("a", "0001-01-01")]})
def test_any_list_of_earlier_runs(response: dict[str, object]) -> None:
    """Any lists result in a history that can be shown, in none, or in InvalidResponse."""
    try:
        history = read_past_runs(_api(response), make_run("own"), make_run)
    except InvalidResponse:
        return
    for ended in ("FAILED", "SUCCESSFUL"):
        run = replace(make_run("own"), state=State.FAILURE if ended == "FAILED" else State.SUCCESS)
        compared = compare(history, Result(run=run, duration=9e9), is_whole=True)
        for line in () if compared is None else render_for_log(compared):
            assert line.isprintable()
            assert len(line) < 1000


@given(JSON)
def test_any_value_as_a_configuration(config: object) -> None:
    """Any value as a configuration or target raises no error."""
    assert is_inside(parse_project_path(config))
    assert isinstance(parse_target(config), str)
    assert re.fullmatch(r"[A-Za-z0-9-]{0,50}", parse_default_location(config))


@given(PATHS | hostile_texts(), PATHS | hostile_texts())
def test_paths_never_leave_the_repository(path: str, folder: str) -> None:
    """Neither a file nor the project's folder leads out of the repository."""
    config = {"pipelineConfig": {"path": folder}}
    prefix = parse_project_path(config)
    assert is_inside(prefix)
    error = {"message": "m", "path": path, "stack": f"{path}:3:4"}
    response = {"codeCompilationConfig": config, "compilationErrors": [error]}
    (known,) = parse_compile_errors(response)
    assert is_inside(known.file)
    assert known.file or known.line is None
    (action,) = parse_compiled_actions({"compilationResultActions": [{"filePath": path}]}, prefix)
    assert action.file == known.file


@given(JSON | NAMES)
@example(f"{PARENT}/compilationResults/a")
@example(f"{PARENT}/workflowInvocations/a")
def test_names_never_leave_their_segment(name: object) -> None:
    """A parsed name is one path segment in this repository."""
    with suppress(InvalidResponse):
        assert is_segment(parse_invocation_name({"name": name}, PARENT))
    try:
        full = parse_compilation_name({"name": name}, PARENT)
    except InvalidResponse:
        return
    parent, _, own_id = full.rpartition("/")
    assert parent == f"{PARENT}/compilationResults"
    assert is_segment(own_id)
