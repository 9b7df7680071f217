"""Test the emulator with Google's clients, and its responses with Google's discovery document.

Development does not need these clients: without them, these tests are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dataform_action.emulator import Course, Emulator, Fault, Repository, Rules, make_warehouse
from dataform_action.emulator.google import request_bodies
from dataform_action.emulator.google.protobuf_json import Message, ignored
from dataform_action.report.outcome import ExitCode
from tests.emulator.google.mixed_graph import MIXED_GRAPH
from tests.emulator.google.support import serve
from tests.support.discovery import Discovery
from tests.support.fakes import FakeClock
from tests.support.past import OLD_COMMIT, make_past, with_past
from tests.support.steps import google_inputs_for, run_here

_WHY = "needs google-cloud-dataform and google-api-python-client: make clients"
googleapiclient = pytest.importorskip("googleapiclient.discovery", reason=_WHY)
httplib2 = pytest.importorskip("httplib2", reason=_WHY)
dataform = pytest.importorskip("google.cloud.dataform_v1", reason=_WHY)
credentials = pytest.importorskip("google.auth.credentials", reason=_WHY)
errors = pytest.importorskip("google.api_core.exceptions", reason=_WHY)
http_errors = pytest.importorskip("googleapiclient.errors", reason=_WHY)

HOME = "projects/my-project/locations/europe-west1/repositories/warehouse"
RELEASE = f"{HOME}/releaseConfigs/production"
_DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
DISCOVERY = Discovery.load(_DOCUMENTS / "dataform.v1.json")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that accepts requests without a token."""
    with Emulator(access_tokens=lambda token: True) as emulator:
        yield emulator


def check(method: str, url: str, status: int, body: bytes) -> None:
    """Compare a successful response with the discovery document."""
    if status == 200:
        assert DISCOVERY.check_response(method, urlsplit(url).path, body) == []


@contextmanager
def generated_client(emulator: Emulator) -> Iterator[Any]:
    """The client of generated classes, over REST."""
    options = {"api_endpoint": emulator.url}
    anonymous = credentials.AnonymousCredentials()
    client = dataform.DataformClient(
        credentials=anonymous, transport="rest", client_options=options
    )

    def compare(response: Any, **_: object) -> None:  # noqa: ANN401
        request = response.request
        check(request.method, request.url, response.status_code, response.content)

    session = client.transport._session
    session.hooks["response"].append(compare)
    yield client
    session.close()


@contextmanager
def described_client(emulator: Emulator) -> Iterator[Any]:
    """The client that makes its methods from the discovery document."""
    http = httplib2.Http()
    send = http.request

    def request(uri: str, method: str = "GET", *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        response, content = send(uri, method, *arguments, **named)
        check(method, uri, response.status, content)
        return response, content

    http.request = request
    service = googleapiclient.build(
        "dataform",
        "v1",
        http=http,
        client_options={"api_endpoint": emulator.url},
        static_discovery=True,
    )
    yield service.projects().locations().repositories()
    http.close()


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Any]:
    with generated_client(emulator) as client:
        yield client


@pytest.fixture
def repositories(emulator: Emulator) -> Iterator[Any]:
    with described_client(emulator) as repositories:
        yield repositories


# The client of generated classes


def test_generated_client_compiles_and_runs(client: Any) -> None:  # noqa: ANN401
    """A compilation of a commit is run by tag, and each action has its job."""
    result = client.create_compilation_result(
        parent=HOME,
        compilation_result={
            "git_commitish": "main",
            "code_compilation_config": {"schema_suffix": "dev", "vars": {"currency": "USD"}},
        },
    )
    assert not result.compilation_errors
    compiled = list(client.query_compilation_result_actions(request={"name": result.name}))
    assert {action.target.schema for action in compiled if action.relation.select_query} == {
        "marts_dev",
        "staging_dev",
    }
    invocation = client.create_workflow_invocation(
        parent=HOME,
        workflow_invocation={
            "compilation_result": result.name,
            "invocation_config": {
                "included_tags": ["daily"],
                "included_targets": [compiled[0].target],
                "query_priority": dataform.InvocationConfig.QueryPriority.BATCH,
            },
        },
    )
    states = [invocation.state.name]
    while states[-1] == "RUNNING" and len(states) < 20:
        states.append(client.get_workflow_invocation(name=invocation.name).state.name)
    assert states[-1] == "SUCCEEDED"
    actions = list(client.query_workflow_invocation_actions(request={"name": invocation.name}))
    assert {action.state.name for action in actions} == {"SUCCEEDED", "DISABLED"}
    assert all(action.bigquery_action.job_id for action in actions if action.state.value == 4)
    listed = client.list_workflow_invocations(request={"parent": HOME, "order_by": "name desc"})
    assert [entry.name for entry in listed] == [invocation.name]
    client.delete_workflow_invocation(name=invocation.name)
    with pytest.raises(errors.NotFound, match="does not exist"):
        client.get_workflow_invocation(name=invocation.name)


def test_generated_client_cancels(client: Any) -> None:  # noqa: ANN401
    """An invocation of a workflow configuration is cancelled; a second cancel is refused."""
    invocation = client.create_workflow_invocation(
        parent=HOME, workflow_invocation={"workflow_config": f"{HOME}/workflowConfigs/endless"}
    )
    client.cancel_workflow_invocation(request={"name": invocation.name})
    states = [client.get_workflow_invocation(name=invocation.name).state.name for _ in range(2)]
    assert states == ["CANCELING", "CANCELLED"]
    with pytest.raises(errors.BadRequest, match="is not running"):
        client.cancel_workflow_invocation(request={"name": invocation.name})


def test_generated_client_reads_and_promotes(client: Any) -> None:  # noqa: ANN401
    """Repository and configurations can be read, and a result of a release can be promoted."""
    assert client.get_repository(name=HOME).service_account
    assert len(list(client.list_release_configs(parent=HOME))) == 2
    assert len(list(client.list_workflow_configs(parent=HOME))) == 4
    workflow = client.get_workflow_config(name=f"{HOME}/workflowConfigs/nightly")
    assert workflow.release_config == RELEASE
    result = client.create_compilation_result(
        parent=HOME, compilation_result={"release_config": RELEASE}
    )
    changed = client.update_release_config(
        request={
            "release_config": {"name": RELEASE, "release_compilation_result": result.name},
            "update_mask": "releaseCompilationResult",
        }
    )
    assert changed == client.get_release_config(name=RELEASE)
    assert (changed.release_compilation_result, changed.git_commitish) == (result.name, "main")
    assert client.get_compilation_result(name=result.name) == result
    assert len(list(client.list_compilation_results(parent=HOME))) == 2


def test_generated_client_reads_compilation_errors(client: Any) -> None:  # noqa: ANN401
    """A commit that does not compile has a result with errors, which cannot be run."""
    result = client.create_compilation_result(
        parent=HOME, compilation_result={"git_commitish": "broken"}
    )
    first, second = result.compilation_errors
    assert (first.path, second.path) == ("definitions/marts/margin.js", "")
    assert "definitions/marts/margin.js:12:37" in first.stack
    with pytest.raises(errors.BadRequest) as raised:
        client.create_workflow_invocation(
            parent=HOME, workflow_invocation={"compilation_result": result.name}
        )
    assert raised.value.code == 400


def test_generated_client_reads_the_details_of_a_refusal(client: Any) -> None:  # noqa: ANN401
    """The client parses a refusal, including the field that it refers to."""
    with pytest.raises(errors.BadRequest, match="The page size must not be negative") as raised:
        client.list_release_configs(request={"parent": HOME, "page_size": -1})
    assert raised.value.details[0]["fieldViolations"][0]["field"] == "page_size"


# The client that is made from the discovery document


def test_described_client_drives_every_method(emulator: Emulator, repositories: Any) -> None:  # noqa: ANN401
    """Each method is at its described path, and has the newest fields."""
    results, invocations = repositories.compilationResults(), repositories.workflowInvocations()
    assert repositories.get(name=HOME).execute()["name"] == HOME
    result = results.create(parent=HOME, body={"gitCommitish": "main"}).execute()
    assert results.get(name=result["name"]).execute() == result
    assert len(results.list(parent=HOME).execute()["compilationResults"]) == 2
    emulator.set_course(None, Course(failures={"marts.customers": "no luck"}))
    order = {
        "compilationResult": result["name"],
        "invocationConfig": {"concurrentActionsLimit": 1, "executionMode": "DEFAULT"},
    }
    name = invocations.create(parent=HOME, body=order).execute()["name"]
    seen = set()
    while invocations.get(name=name).execute()["state"] == "RUNNING":
        actions = invocations.query(name=name).execute()["workflowInvocationActions"]
        seen |= {action.get("state") for action in actions}
    assert seen >= {None, "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "SKIPPED", "DISABLED"}
    assert invocations.get(name=name).execute()["state"] == "FAILED"
    assert len(invocations.list(parent=HOME).execute()["workflowInvocations"]) == 1
    with pytest.raises(http_errors.HttpError) as raised:
        invocations.cancel(name=name).execute()
    assert raised.value.status_code == 400
    assert invocations.delete(name=name).execute() == {}
    for collection in (repositories.releaseConfigs(), repositories.workflowConfigs()):
        (configs,) = collection.list(parent=HOME).execute().values()
        assert [collection.get(name=config["name"]).execute() for config in configs] == configs
    patch = repositories.releaseConfigs().patch(
        name=RELEASE, body={"disabled": True}, updateMask="disabled"
    )
    assert patch.execute()["disabled"] is True


def test_described_client_reads_the_reason_of_a_refusal(
    emulator: Emulator,
    repositories: Any,  # noqa: ANN401
) -> None:
    """The client parses the refusal of a token, with its reason."""
    emulator.accept_tokens(())
    with pytest.raises(http_errors.HttpError, match="missing required authentication") as raised:
        repositories.get(name=HOME).execute()
    assert raised.value.status_code == 401
    assert raised.value.error_details[0]["reason"] == "CREDENTIALS_MISSING"


def test_described_client_reads_all_pages(repositories: Any) -> None:  # noqa: ANN401
    """All pages of a list together contain each action once."""
    (result,) = repositories.compilationResults().list(parent=HOME).execute()["compilationResults"]
    query = repositories.compilationResults().query
    request = query(name=result["name"], pageSize=5)
    found, pages = [], 0
    while request is not None and pages < 9:
        response = request.execute()
        found += [str(action["target"]) for action in response["compilationResultActions"]]
        request = repositories.compilationResults().query_next(request, response)
        pages += 1
    assert (pages, len(found), len(set(found))) == (3, 13, 13)
    path = 'file_path = "definitions/marts/revenue.sqlx"'
    response = query(name=result["name"], filter=path).execute()
    assert len(response["compilationResultActions"]) == 2


@pytest.fixture
def emulator_of_mixed_kinds() -> Iterator[Emulator]:
    """An emulator of a repository with a notebook, data preparations and unit tests."""
    with serve(Repository(graph=MIXED_GRAPH), access_tokens=lambda token: True) as emulator:
        yield emulator


@pytest.mark.parametrize("mode", ["DEFAULT", "UNIT_TESTS_ONLY"])
def test_described_client_runs_other_kinds(emulator_of_mixed_kinds: Emulator, mode: str) -> None:
    """Notebooks, data preparations and unit tests have the described fields, before and after."""
    with described_client(emulator_of_mixed_kinds) as repositories:
        results, invocations = repositories.compilationResults(), repositories.workflowInvocations()
        result = results.create(parent=HOME, body={"gitCommitish": "main"}).execute()
        compiled = results.query(name=result["name"]).execute()["compilationResultActions"]
        order = {"compilationResult": result["name"], "invocationConfig": {"executionMode": mode}}
        name = invocations.create(parent=HOME, body=order).execute()["name"]
        while invocations.get(name=name).execute()["state"] == "RUNNING":
            actions = invocations.query(name=name).execute()["workflowInvocationActions"]
    kinds = {"relation", "notebook", "dataPreparation", "bigqueryUnitTest"}
    assert {kind for action in compiled for kind in kinds & set(action)} == kinds
    ran = {"bigqueryAction", "notebookAction", "dataPreparationAction"}
    expected = {"bigqueryUnitTestAction"} if mode == "UNIT_TESTS_ONLY" else ran
    every = ran | {"bigqueryUnitTestAction"}
    assert {kind for action in actions for kind in every & set(action)} == expected


def test_generated_client_reads_other_kinds(emulator_of_mixed_kinds: Emulator) -> None:
    """The client of generated classes reads notebooks and data preparations with their jobs."""
    with generated_client(emulator_of_mixed_kinds) as client:
        result = client.create_compilation_result(
            parent=HOME, compilation_result={"git_commitish": "main"}
        )
        assert result.code_compilation_config.default_location == "EU"
        compiled = client.query_compilation_result_actions(request={"name": result.name})
        assert len([action for action in compiled if action.notebook.contents]) == 1
        invocation = client.create_workflow_invocation(
            parent=HOME, workflow_invocation={"compilation_result": result.name}
        )
        while client.get_workflow_invocation(name=invocation.name).state.name == "RUNNING":
            actions = list(
                client.query_workflow_invocation_actions(request={"name": invocation.name})
            )
    assert len([action for action in actions if action.notebook_action.job_id]) == 1
    assert len([action for action in actions if action.data_preparation_action.job_id]) == 2


# What the action itself sends

_PREFIX = "dataform.projects.locations.repositories."
_COMPILE, _GET_OPERATION = (
    "compilationResults.createLongRunning",
    "dataform.projects.locations.operations.get",
)
_GET_RUN, _GET_WORKFLOW = "workflowInvocations.get", "workflowConfigs.get"
#: The list has the earlier runs.
_LIST_RUNS, _LIST_RESULTS = "workflowInvocations.list", "compilationResults.list"
_RUN = {"workflowInvocations.create", _GET_RUN, "workflowInvocations.query", _LIST_RUNS}
#: At the end, the action reads the compiled actions, and the remote of the repository.
_GET_REPOSITORY = "get"
_LIST = "workflowInvocations.list"
_REPORTED = _RUN | {"compilationResults.get", "compilationResults.query", _GET_REPOSITORY}
_COMPILED = _REPORTED | {_COMPILE}
_LOST = Fault("close", on="create", processed=True)


def warehouse() -> Repository:
    """The sample, with settings in its configurations that the action has to keep."""
    sample = make_warehouse()
    invocation = {
        "includedTags": ["daily"],
        "queryPriority": "BATCH",
        "concurrentActionsLimit": 2,
        "transitiveDependenciesIncluded": True,
    }
    compilation = {"vars": {"currency": "EUR"}, "schemaSuffix": "x", "defaultLocation": "EU"}
    return replace(
        sample,
        release_configs=[
            replace(config, code_compilation_config=compilation)
            for config in sample.release_configs
        ],
        workflow_configs=[
            replace(config, invocation_config=invocation) if config.name == "nightly" else config
            for config in sample.workflow_configs
        ],
    )


@dataclass(frozen=True)
class Scenario:
    """A way to start a run, and the methods that the action calls."""

    inputs: dict[str, str]
    methods: set[str]
    exit_code: ExitCode = ExitCode.SUCCESS
    faults: tuple[Fault, ...] = ()


_SCENARIOS = {
    "schedule": Scenario({}, _REPORTED),
    "environment": Scenario({"schedule": "", "environment": "production"}, _COMPILED),
    "environment-and-schedule": Scenario(
        {"environment": "production"}, _COMPILED | {_GET_WORKFLOW}
    ),
    "git-ref": Scenario(
        {
            "schedule": "",
            "git_ref": "main",
            "vars": "currency=USD\nday=2026-01-31",
            "schema_suffix": "pr_7",
            "table_prefix": "pr",
            "compile_overrides": "defaultDatabase=other\ndefaultSchema=s\ndefaultLocation=US\n"
            "assertionSchema=a\ndatabaseSuffix=x\nbuiltinAssertionNamePrefix=b",
        },
        _COMPILED,
    ),
    "environment-with-overrides": Scenario(
        {"schedule": "", "environment": "staging", "compile_overrides": "defaultDatabase=other"},
        _COMPILED | {"releaseConfigs.get"},
    ),
    "git-ref-and-environment": Scenario(
        {
            "schedule": "",
            "git_ref": "main",
            "environment": "staging",
            "vars": "currency=USD",
            "schema_suffix": "pr_7",
        },
        _COMPILED | {"releaseConfigs.get"},
    ),
    "project-path": Scenario(
        {"schedule": "", "git_ref": "main", "project_path": "shop"},
        {_COMPILE},
        ExitCode.REFUSED,
    ),
    "workspace": Scenario(
        {
            "schedule": "",
            "workspace": "dev",
            "vars": "currency=USD",
            "schema_suffix": "me",
            "compile_overrides": "defaultDatabase=other",
            "query_priority": "batch",
        },
        _COMPILED - {_GET_REPOSITORY},
    ),
    "compile-only": Scenario(
        {"schedule": "", "git_ref": "main", "compile_only": "true"},
        {_COMPILE, "compilationResults.query", _GET_REPOSITORY},
    ),
    "broken": Scenario(
        {"schedule": "", "git_ref": "broken"},
        {_COMPILE, _GET_REPOSITORY},
        ExitCode.RUN_UNSUCCESSFUL,
    ),
    "promote": Scenario(
        {"schedule": "", "environment": "production", "promote": "true"},
        _COMPILED | {"releaseConfigs.patch"},
    ),
    "promote-without-a-run": Scenario(
        {"schedule": "", "environment": "production", "compile_only": "true", "promote": "true"},
        {_COMPILE, "compilationResults.query", _GET_REPOSITORY, "releaseConfigs.patch"},
    ),
    "selection": Scenario(
        {
            "schedule": "",
            "environment": "production",
            "actions": "customers, marts_x.revenue",
            "tags": "daily",
            "include_dependencies": "true",
            "include_dependents": "true",
            "full_refresh": "true",
            "service_account": "other@my-project.iam.gserviceaccount.com",
        },
        _COMPILED,
    ),
    "execution": Scenario(
        {
            "environment": "production",
            "query_priority": "interactive",
            "max_concurrent_actions": "5",
            "unit_tests": "false",
        },
        _COMPILED | {_GET_WORKFLOW},
    ),
    "no-wait": Scenario({"wait": "false"}, {"workflowInvocations.create"}),
    "without-history": Scenario({"history": "false"}, _REPORTED - {_LIST_RUNS}),
    "failure": Scenario({"schedule": "failure"}, _REPORTED, ExitCode.RUN_UNSUCCESSFUL),
    "timeout": Scenario(
        {"schedule": "endless", "timeout": "2m"},
        _RUN | {"workflowInvocations.cancel"},
        ExitCode.TIMEOUT,
    ),
    "lost-create": Scenario(
        {"schedule": "", "environment": "production"},
        _COMPILED,
        faults=(_LOST,),
    ),
}


def called(emulator: Emulator) -> set[str]:
    """Check all requests; return the methods that were called."""
    for request in emulator.requests:
        given = (request.method, request.path, request.query, request.body)
        assert DISCOVERY.check_request(*given) == [], given
    methods = [DISCOVERY.find_method(it.method, it.path) for it in emulator.requests]
    return {method["id"].removeprefix(_PREFIX) for method in methods}


@pytest.mark.parametrize("scenario", _SCENARIOS.values(), ids=_SCENARIOS)
def test_the_action_sends_described_requests(
    scenario: Scenario, clock: FakeClock, tmp_path: Path
) -> None:
    """Each scenario sends described fields, and only to the methods that it needs."""
    with Emulator(repositories=[warehouse()]) as emulator:
        # Long enough for the action to read the actions while they run.
        emulator.set_course(None, Course(steps=5))
        for fault in scenario.faults:
            emulator.add_fault(fault)
        step = run_here(tmp_path, google_inputs_for(emulator, **scenario.inputs), clock)
        assert (step.exit_code, called(emulator)) == (scenario.exit_code, scenario.methods), (
            step.log
        )


@pytest.mark.parametrize(
    ("inputs", "more"),
    [
        ({"environment": "production", "schedule": ""}, _COMPILED),
        ({"schedule": "nightly"}, _REPORTED),
    ],
)
def test_a_retry_is_as_described(
    inputs: dict[str, str], more: set[str], clock: FakeClock, tmp_path: Path
) -> None:
    """A second run is created from the compilation of the first, with described fields."""
    failing = Course(failures={"orders_cleaned": "no luck"}, steps=5)
    with Emulator(repositories=[warehouse()]) as emulator:
        emulator.set_course("nightly", failing)
        emulator.set_course(None, *([failing] if inputs["schedule"] == "" else []), Course())
        given = google_inputs_for(emulator, **inputs, retry_failed="1")
        step = run_here(tmp_path, given, clock)
        assert (step.exit_code, called(emulator)) == (0, more | {_LIST}), step.log
        assert len(emulator.invocations) == 2


def test_a_run_of_another_client_is_resumed(
    emulator: Emulator,
    client: Any,  # noqa: ANN401
    clock: FakeClock,
    tmp_path: Path,
) -> None:
    """Google's client creates a run that fails, and reads the run that resumes it."""
    emulator.set_course(None, Course(failures={"orders_cleaned": "no luck"}), Course())
    result = client.create_compilation_result(
        parent=HOME, compilation_result={"git_commitish": "main"}
    )
    account = "runner@my-project.iam.gserviceaccount.com"
    config = {
        "included_tags": ["daily"],
        "transitive_dependencies_included": True,
        "fully_refresh_incremental_tables_enabled": True,
        "service_account": account,
    }
    invocation = {"compilation_result": result.name, "invocation_config": config}
    first = client.create_workflow_invocation(parent=HOME, workflow_invocation=invocation)
    while client.get_workflow_invocation(name=first.name).state.name == "RUNNING":
        pass
    resume = first.name.rpartition("/")[2]
    step = run_here(tmp_path, google_inputs_for(emulator, schedule="", resume=resume), clock)
    assert step.exit_code == ExitCode.SUCCESS, step.log
    again = client.get_workflow_invocation(
        name=f"{HOME}/workflowInvocations/{step.outputs['run-id']}"
    )
    assert again.compilation_result == result.name
    repeated = again.invocation_config
    assert repeated.service_account == account
    assert repeated.fully_refresh_incremental_tables_enabled
    assert not repeated.included_tags
    assert not repeated.transitive_dependencies_included
    actions = client.query_workflow_invocation_actions(request={"name": first.name})
    unfinished = [it.target for it in actions if it.state.name in ("FAILED", "SKIPPED")]
    assert list(repeated.included_targets) == unfinished


@pytest.mark.parametrize("polls", [0, 3])
@pytest.mark.parametrize("fields", ["honoured", "ignored"])
def test_the_action_waits_for_an_operation_as_described(
    clock: FakeClock,
    tmp_path: Path,
    polls: int,
    fields: Any,  # noqa: ANN401
) -> None:
    """The action reads an operation as described, and its response is as described."""
    rules = Rules(compilation_polls=polls, fields=fields)
    with Emulator(repositories=[warehouse()], rules=rules) as emulator:
        inputs = google_inputs_for(emulator, schedule="", environment="production")
        assert run_here(tmp_path, inputs, clock).exit_code == ExitCode.SUCCESS
        assert called(emulator) == _COMPILED | ({_GET_OPERATION} if polls else set())


def test_the_action_compiles_without_operations_as_described(
    clock: FakeClock, tmp_path: Path
) -> None:
    """An API without operations compiles in one request."""
    with Emulator(repositories=[warehouse()], rules=Rules(has_operations=False)) as emulator:
        inputs = google_inputs_for(emulator, schedule="", environment="production")
        assert run_here(tmp_path, inputs, clock).exit_code == ExitCode.SUCCESS
        assert called(emulator) == _COMPILED | {"compilationResults.create"}


def test_described_client_compiles_in_an_operation(emulator: Emulator, repositories: Any) -> None:  # noqa: ANN401
    """An operation of the emulator is as described, with its result or its error."""
    results = repositories.compilationResults()
    made = results.createLongRunning(parent=HOME, body={"gitCommitish": "main"}).execute()
    assert made["done"] is True
    name = made["response"]["name"]
    assert results.get(name=name).execute()["name"] == name
    failed = results.createLongRunning(parent=HOME, body={"gitCommitish": "gone"}).execute()
    assert failed["error"]["code"] == 3


def test_the_action_waits_for_an_existing_run_as_described(
    emulator: Emulator,
    repositories: Any,  # noqa: ANN401
    clock: FakeClock,
    tmp_path: Path,
) -> None:
    """The action waits for a run of another client, and creates nothing."""
    order = {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}
    invocation = repositories.workflowInvocations().create(parent=HOME, body=order).execute()
    inputs = google_inputs_for(emulator, schedule="", run_id=invocation["name"])
    step = run_here(tmp_path, inputs, clock)
    assert (step.exit_code, step.outputs["status"]) == (ExitCode.SUCCESS, "success")
    assert called(emulator) == _REPORTED
    creates = [request for request in emulator.requests if request.method == "POST"]
    assert len(creates) == 1


def test_the_action_reads_pages_as_described(clock: FakeClock, tmp_path: Path) -> None:
    """The requests for all pages of a list have described parameters."""
    rules = Rules(default_page_size=5, largest_page_size=5)
    with Emulator(rules=rules) as emulator:
        inputs = google_inputs_for(emulator, schedule="", environment="production")
        assert run_here(tmp_path, inputs, clock).exit_code == ExitCode.SUCCESS
        assert called(emulator) == _COMPILED
        queries = [parse_qs(request.query) for request in emulator.requests]
    assert [1 for query in queries if "pageToken" in query]


@pytest.mark.parametrize("schedule", ["nightly", ""])
def test_clients_list_past_invocations(schedule: str) -> None:
    """Both clients list the same past invocations and compilation results."""
    source = {"workflow_config": schedule} if schedule else {"release_config": "production"}
    past = [make_past(hours, 600, now=time(), **source) for hours in (2, 1, 3)]
    repository = with_past(past)
    with Emulator(repositories=[repository], access_tokens=lambda _: True) as emulator:
        with generated_client(emulator) as client:
            request = {"parent": HOME, "order_by": "name desc"}
            listed = list(client.list_workflow_invocations(request=request))
            request = {"parent": HOME, "order_by": "create_time desc"}
            results = list(client.list_compilation_results(request=request))
        with described_client(emulator) as repositories:
            invocations = repositories.workflowInvocations()
            described = invocations.list(parent=HOME, orderBy="name desc").execute()
            names = [entry["name"] for entry in described["workflowInvocations"]]
    assert [entry.name for entry in listed] == names
    starts = [entry.invocation_timing.start_time.ToSeconds() for entry in listed]
    assert starts == sorted(starts, reverse=True)
    assert {entry.state.name for entry in listed} == {"SUCCEEDED"}
    assert {entry.workflow_config.rpartition("/")[2] for entry in listed} == {schedule}
    # One more is the released one.
    assert [entry.resolved_git_commit_sha for entry in results[1:]] == [OLD_COMMIT] * 3
    assert {entry.resolved_compilation_result for entry in listed} <= {it.name for it in results}


@pytest.mark.parametrize(
    ("changes", "methods"),
    [
        ({"release_config": "production"}, _COMPILED | {_LIST_RESULTS}),
        ({"workflow_config": "failure"}, _REPORTED),
    ],
)
def test_the_action_reads_past_runs_as_described(
    changes: dict[str, str], methods: set[str], clock: FakeClock, tmp_path: Path
) -> None:
    """The requests for the earlier runs have described parameters and fields."""
    past = [make_past(hours, 600, now=time(), **changes) for hours in (2, 1, 3)]
    with Emulator(repositories=[with_past(past)]) as emulator:
        emulator.fail_action("marts.customers", "no luck")
        environment = changes.get("release_config", "")
        schedule = changes.get("workflow_config", "")
        inputs = google_inputs_for(emulator, schedule=schedule, environment=environment)
        step = run_here(tmp_path, inputs, clock)
        assert (step.exit_code, called(emulator)) == (ExitCode.RUN_UNSUCCESSFUL, methods)
    assert "The failure is new" in step.summary


# The discovery document


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (request_bodies.COMPILATION_RESULT, "CompilationResult"),
        (request_bodies.WORKFLOW_INVOCATION, "WorkflowInvocation"),
        (request_bodies.RELEASE_CONFIG, "ReleaseConfig"),
        (request_bodies.CODE_COMPILATION_CONFIG, "CodeCompilationConfig"),
        (request_bodies.INVOCATION_CONFIG, "InvocationConfig"),
        (request_bodies.TARGET, "Target"),
        (request_bodies.CANCEL, "CancelWorkflowInvocationRequest"),
    ],
)
def test_the_fields_of_requests_are_the_described_ones(kind: Message, name: str) -> None:
    """The emulator parses the described fields, and ignores those that are output only."""
    described: Mapping[str, Any] = DISCOVERY.document["schemas"][name].get("properties", {})
    assert set(kind.fields) == set(described)
    for field, reader in kind.fields.items():
        assert (reader is ignored) == described[field].get("readOnly", False), field


Check = Callable[[Discovery], list[str]]


@pytest.mark.parametrize(
    ("find", "problems"),
    [
        (
            lambda it: it.check_response("GET", f"/v1/{RELEASE}", b'{"gitCommitish": 1, "x": 2}'),
            [".gitCommitish: 1 is not of type string", ".x: unknown"],
        ),
        (
            lambda it: it.check_response(
                "GET",
                f"/v1/{HOME}/workflowInvocations/1",
                b'{"state": "PAUSED", "invocationTiming": {"startTime": "now"},'
                b' "invocationConfig": {"concurrentActionsLimit": true, "includedTags": [1]}}',
            ),
            [
                ".state: 'PAUSED' is none of STATE_UNSPECIFIED, RUNNING, SUCCEEDED, CANCELLED, "
                "FAILED, CANCELING",
                ".invocationTiming.startTime: 'now' does not have the format google-datetime",
                ".invocationConfig.concurrentActionsLimit: True is not of type integer",
                ".invocationConfig.includedTags[0]: 1 is not of type string",
            ],
        ),
        (
            lambda it: it.check_request(
                "PATCH",
                f"/v1/{RELEASE}",
                "updateMask=*&updateMask=a&x=1&%24alt=json&prettyPrint=false",
                b'{"codeCompilationConfig": {"vars": {"a": 1}}, "internalMetadata": ""}',
            ),
            [
                "?updateMask: '*' does not have the format google-fieldmask",
                "?updateMask: repeated",
                "?x: unknown",
                ".codeCompilationConfig.vars.a: 1 is not of type string",
                ".internalMetadata: output only",
            ],
        ),
        (
            lambda it: it.check_request("GET", f"/v1/{RELEASE}", "", b"{}"),
            ["body: none is expected"],
        ),
        (lambda it: it.check_request("POST", f"/v1/{HOME}/compilationResults", "", b"{}"), []),
        (lambda it: it.check_request("GET", f"/v1/{HOME}/compilationResults", "", b""), []),
    ],
)
def test_the_comparison_finds_problems(find: Check, problems: list[str]) -> None:
    """The comparison finds wrong types, formats, enum values and unknown names."""
    assert find(DISCOVERY) == problems


def test_the_comparison_knows_no_other_methods() -> None:
    """A request to no known method is an error."""
    with pytest.raises(LookupError, match="The document has no PUT /v1/x"):
        DISCOVERY.check_request("PUT", "/v1/x", "", b"")
