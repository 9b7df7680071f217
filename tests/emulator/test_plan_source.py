"""What a plan requests from Google Cloud Dataform, compared with Google's description of the API.

Development does not need these packages: without them, these tests are skipped.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import pytest

from dataform_action.emulator import Emulator, Rules
from dataform_action.plan import PlanRequest, PlanStatus
from dataform_action.plans.api import make_plan
from dataform_action.services.google.graph_parser import parse_graph_actions
from dataform_action.services.google.plan_source import GooglePlanSource
from dataform_action.transport import client as transport
from tests.support.discovery import Discovery
from tests.support.fakes import FakeClock
from tests.unit.services.google.test_fields import connect, sizes, warehouse

_WHY = "needs google-api-python-client: make clients"
googleapiclient = pytest.importorskip("googleapiclient.discovery", reason=_WHY)

_DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
DISCOVERY = Discovery.load(_DOCUMENTS / "dataform.v1.json")
_PREFIX = "dataform.projects.locations."
REQUEST = PlanRequest(
    head="main",
    base="broken",
    environment="staging",
    vars=(("currency", "USD"),),
    schema_suffix="pr_7",
    compile_overrides=(("defaultLocation", "EU"),),
)

MAIN = PlanRequest(head="main", base="main")


def called(emulator: Emulator) -> list[str]:
    """Check all requests; return the methods that were called."""
    methods = []
    for request in emulator.requests:
        given = (request.method, request.path, request.query, request.body)
        assert DISCOVERY.check_request(*given) == [], given
        method = DISCOVERY.find_method(request.method, request.path)
        methods.append(method["id"].removeprefix(_PREFIX).removeprefix("repositories."))
    return methods


def test_a_plan_sends_described_requests() -> None:
    """A plan sends described fields, and writes nothing but compilation results."""
    with Emulator() as emulator:
        source = GooglePlanSource(connect(emulator, clock=FakeClock()))
        source.remote(REQUEST)
        plan = make_plan(source, None, REQUEST, clock=FakeClock())
        assert plan.status is PlanStatus.NOT_COMPARABLE
        methods = called(emulator)
    assert set(methods) - {"operations.get"} == {
        "get",
        "releaseConfigs.get",
        "compilationResults.createLongRunning",
        "compilationResults.query",
    }
    assert methods.count("compilationResults.createLongRunning") == 2


@pytest.mark.parametrize("fields", ["honoured", "ignored", "refused"])
def test_much_sql(
    fields: Literal["honoured", "ignored", "refused"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All SQL is read, also if it exceeds one response: a page is halved until it fits."""
    monkeypatch.setattr(transport, "_BODY_LIMIT", 200_000)
    repository = warehouse(100, "x" * 20_000)
    with Emulator(repositories=[repository], rules=Rules(fields=fields)) as emulator:
        graph = GooglePlanSource(connect(emulator)).compile("main", MAIN)
        assert min(sizes(emulator, "compilationResults")) == 6
    assert {len(action.query) for action in graph.actions} == {20_000}
    assert len(graph.actions) == 100


def test_large_pages() -> None:
    """A page with much SQL is halved although it is smaller than a compiled graph may be."""
    with Emulator(repositories=[warehouse(100, "x" * 80_000)]) as emulator:
        graph = GooglePlanSource(connect(emulator)).compile("main", MAIN)
        assert min(sizes(emulator, "compilationResults")) == 25
    assert len(graph.actions) == 100


def test_equal_actions_are_one_object() -> None:
    """What the base and the head have in common is in memory once."""
    with Emulator() as emulator:
        source = GooglePlanSource(connect(emulator))
        base = source.compile("main", MAIN).actions
        head = source.compile("feature", MAIN).actions
    known = {action: action for action in base}
    same = [action for action in head if action in known]
    assert 0 < len(same) < len(head)
    assert all(known[action] is action for action in same)


def test_several_threads() -> None:
    """Threads that share a source do not disturb each other."""
    together = threading.Barrier(4, timeout=60)
    with Emulator() as emulator:
        source = GooglePlanSource(connect(emulator))

        def compile_() -> object:
            together.wait()
            return source.compile("main", MAIN).actions

        with ThreadPoolExecutor(4) as pool:
            found = [pool.submit(compile_) for _ in range(4)]
        first, *others = (future.result() for future in found)
    assert first
    assert all(other == first for other in others)


_OBJECTS = {
    "relation": "Relation",
    "operations": "Operations",
    "assertion": "Assertion",
    "declaration": "Declaration",
    "notebook": "Notebook",
    "dataPreparation": "DataPreparation",
    "bigqueryUnitTest": "BigQueryUnitTest",
}


def samples(schema: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return two different values of a schema."""
    if "$ref" in schema:
        name, field = next(
            iter(DISCOVERY.document["schemas"][schema["$ref"]]["properties"].items())
        )
        return tuple({name: value} for value in samples(field))  # type: ignore[return-value]
    if "enum" in schema:
        return schema["enum"][1], schema["enum"][2 % len(schema["enum"])]
    match schema["type"]:
        case "array":
            one, other = samples(schema["items"])
            return [one], [other]
        case "object":
            return {"key": "a"}, {"key": "b"}
        case "boolean":
            return True, False
        case "integer":
            return 1, 2
    return "a", "b"


def fields() -> Iterator[tuple[str, ...]]:
    """Yield the path of each field of a compiled action."""
    schemas = DISCOVERY.document["schemas"]
    for kind, name in _OBJECTS.items():
        for field, schema in schemas[name]["properties"].items():
            if schema.get("$ref") in ("IncrementalTableConfig", "RelationDescriptor"):
                yield from ((kind, field, own) for own in schemas[schema["$ref"]]["properties"])
            else:
                yield (kind, field)


def schema_of(path: tuple[str, ...]) -> Mapping[str, Any]:
    schema = {"$ref": "CompilationResultAction"}
    for name in path:
        schema = DISCOVERY.document["schemas"][schema["$ref"]]["properties"][name]
    return schema


@pytest.mark.parametrize("path", [*fields()], ids=".".join)
def test_no_field_is_lost(path: tuple[str, ...]) -> None:
    """Each field of each kind of action decides something in the result of the parser."""
    schema = schema_of(path)
    if len(schema.get("enum", ())) == 2:
        pytest.skip("There is only one value.")
    parsed = []
    for value in samples(schema):
        entry = value
        for name in reversed(path):
            entry = {name: entry}
        parsed += parse_graph_actions({"compilationResultActions": [entry]}, "")
    assert parsed[0] != parsed[1]


def test_no_kind_is_lost() -> None:
    """The kinds of this test are those of the API."""
    properties = DISCOVERY.document["schemas"]["CompilationResultAction"]["properties"]
    others = {"target", "canonicalTarget", "filePath", "internalMetadata"}
    assert set(_OBJECTS) == set(properties) - others
