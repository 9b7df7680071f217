"""Google Cloud Dataform: the exact exchange of each way to trigger, watch and cancel a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import responses
from responses.registries import OrderedRegistry

from dataform_action.errors import (
    InputError,
    InvalidResponse,
    NoResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
)
from dataform_action.model import (
    Action,
    ActionState,
    Compilation,
    CompiledAction,
    CompileError,
    CompileFailed,
    Polling,
    Prepared,
    Run,
    RunRequest,
    State,
)
from dataform_action.runs.api import prepare, run
from dataform_action.services.google.client import EXPIRED_HINT
from dataform_action.services.google.service import GoogleDataform
from tests.support.fakes import FakeClock

TOKEN = "ya29.a0AfH6SMBx-T2w_Ux9cVb4LmN8sKfYhGdP3aEjR5oWtQ6iB0k"
API = "https://dataform.googleapis.com/v1"
REPOSITORY = "projects/my-project/locations/europe-west1/repositories/shop"
#: The same in an answer: projects may be named by number there.
NUMBERED = "projects/123456/locations/europe-west1/repositories/shop"
RUNS = f"{REPOSITORY}/workflowInvocations"
RUN = f"{RUNS}/1700-abc"
COMPILATIONS = f"{REPOSITORY}/compilationResults"
COMPILATION = f"{COMPILATIONS}/c0ffee"
RELEASE = f"{REPOSITORY}/releaseConfigs/production"
SCHEDULE = f"{REPOSITORY}/workflowConfigs/nightly"
COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
GIT = {"gitRemoteSettings": {"url": "https://github.com/OWNER/shop.git"}}
FILES = f"https://github.com/OWNER/shop/blob/{COMMIT}"
CONSOLE = (
    "https://console.cloud.google.com/bigquery/dataform/locations/europe-west1/repositories/shop"
)
LINK = f"{CONSOLE}/workflows/1700-abc?project=my-project"


@pytest.fixture
def google() -> GoogleDataform:
    return make_google()


def make_google(**kwargs: Any) -> GoogleDataform:  # noqa: ANN401
    given = {
        "project_id": "my-project",
        "location": "europe-west1",
        "repository": "shop",
        "token": TOKEN,
        **kwargs,
    }
    return GoogleDataform(**given)


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    """Answer each request in the order in which its answer was added, and all of them."""
    with responses.RequestsMock(registry=OrderedRegistry) as mock:
        yield mock


def expect(
    api: responses.RequestsMock,
    request: str,
    said: object = None,
    *,
    body: object = None,
    base: str = API,
    token: str = TOKEN,
    **answer: Any,  # noqa: ANN401
) -> None:
    """Expect exactly one request, ``METHOD path?query`` with that body, and answer it."""
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")

    def matches(sent: requests.PreparedRequest) -> tuple[bool, str]:
        got_body = None if sent.body is None else json.loads(sent.body)
        got = (urlsplit(str(sent.url)).query, got_body, sent.headers["Authorization"])
        wanted = (query, body, f"Bearer {token}")
        return got == wanted, f"{got} is not {wanted}"

    if "body_text" in answer:
        answer["body"] = answer.pop("body_text")
    else:
        answer["json"] = {} if said is None else said
    api.add(method, f"{base}/{path}", match=[matches], **answer)


def expect_error(
    api: responses.RequestsMock,
    request: str,
    status: int,
    words: str = "nope",
    *,
    body: object = None,
) -> None:
    error = {"error": {"code": status, "message": words, "status": "X"}}
    expect(api, request, error, body=body, status=status)


def make_run(run_id: str = "1700-abc", compilation_result: str = "") -> Run:
    return Run(
        id=run_id,
        state=State.RUNNING,
        status="",
        log_url=LINK,
        compilation_result=compilation_result,
    )


def make_prepared(compilation: str = COMPILATION, environment: str = "production") -> Prepared:
    return Prepared(
        request=RunRequest(environment=environment),
        body={"compilationResult": compilation},
        compilation=Compilation(name=compilation),
    )


def target(name: str, schema: str = "sales", database: str = "my-project") -> dict[str, str]:
    return {"database": database, "schema": schema, "name": name}


def timeouts(api: responses.RequestsMock) -> list[object]:
    """Return how long each request might take: to connect, and to answer."""
    return [call.request.req_kwargs["timeout"] for call in api.calls]  # type: ignore[attr-defined]


class TestNames:
    @pytest.mark.parametrize("name", ["", "a/b", "..", "a?x", "a b", "a\n", "é"])
    def test_every_name_is_checked_at_once(self, name: str) -> None:
        """Names that could change the path and a broken token are refused together."""
        with pytest.raises(InputError) as caught:
            make_google(project_id=name, location=name, repository=name, token="a b")
        assert caught.value.problems == (
            ("location", "may hold only letters, digits, - and _"),
            ("repository", "may hold only letters, digits, - and _"),
            ("project_id", "is no id of a Google Cloud project"),
            ("token", "holds a blank or a character that no token has"),
        )

    @pytest.mark.parametrize("project", ["my-project", "example.com:my-project", "123456", "p_1"])
    def test_project_ids_of_every_age(self, api: responses.RequestsMock, project: str) -> None:
        """Project ids with dots and colons, and project numbers, stand in paths as they are."""
        google = make_google(project_id=project)
        parent = f"projects/{project}/locations/europe-west1/repositories/shop"
        name = f"{parent}/workflowInvocations/1"
        expect(api, f"GET {name}", {"name": name, "state": "RUNNING"})
        assert google.get(google.describe("1")).status == "RUNNING"
        assert api.calls[0].request.url == f"{API}/{name}"

    def test_link_of_a_domain_project(self) -> None:
        """A project id with a colon is encoded in the console's address."""
        google = make_google(project_id="example.com:p")
        link = google.describe("1").log_url
        assert link == f"{CONSOLE}/workflows/1?project=example.com%3Ap"

    def test_regional_address(self, api: responses.RequestsMock) -> None:
        """Another API address gets the same paths, with or without a slash at its end."""
        base = "https://dataform.europe-west1.rep.googleapis.com"
        for url in (base, f"{base}/"):
            expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"}, base=f"{base}/v1")
            assert make_google(api_url=url).get(make_run()).state is State.RUNNING

    @pytest.mark.parametrize(
        "run_id",
        [
            "1700-abc",
            RUN,
            f"{NUMBERED}/workflowInvocations/1700-abc",
        ],
    )
    def test_run_id_in_each_form(self, google: GoogleDataform, run_id: str) -> None:
        """A run may be given by its id or its full name, with the project's id or number."""
        assert google.describe(run_id) == make_run()

    def test_project_that_is_given_by_number(self) -> None:
        """A project that is given by its number takes run names with its id."""
        assert make_google(project_id="123456").describe(RUN).id == "1700-abc"

    @pytest.mark.parametrize(
        "run_id",
        [
            RUN.replace("shop", "other"),
            RUN.replace("europe-west1", "us"),
            RUN.replace("my-project", "other-project"),
            f"{RUN}/x",
            f"{RUN}\n",
            f"{RUNS}/..",
            f"{API}/{RUN}",
            "a/b",
            "..",
            "a?b",
            "a:cancel",
            "",
        ],
    )
    def test_run_of_another_repository(self, google: GoogleDataform, run_id: str) -> None:
        """A run of another repository, or what is no name at all, is refused."""
        with pytest.raises(InputError) as caught:
            google.describe(run_id)
        assert caught.value.message == "run-id is neither an id nor a name in this repository"


class TestCombinations:
    @pytest.mark.parametrize(
        ("request_", "problems"),
        [
            (
                RunRequest(),
                ["schedule is missing, and so are environment and git-ref: give one of them"],
            ),
            (
                RunRequest(tags=("a",), compile_only=True),
                [
                    "schedule is missing, and so are environment and git-ref: give one of them",
                    "compile-only needs environment or git-ref: what to compile",
                ],
            ),
            (
                RunRequest(schedule="nightly", git_ref="main"),
                ["git-ref does not go with schedule: give environment instead"],
            ),
            (
                RunRequest(
                    environment="production",
                    vars=(("a", "1"),),
                    schema_suffix="x",
                    table_prefix="y",
                ),
                [
                    "vars needs git-ref, which is compiled with it",
                    "schema-suffix needs git-ref, which is compiled with it",
                    "table-prefix needs git-ref, which is compiled with it",
                ],
            ),
            (
                RunRequest(
                    schedule="nightly",
                    tags=("a",),
                    actions=("b",),
                    include_dependencies=True,
                    include_dependents=True,
                    full_refresh=True,
                    service_account="a@b",
                    compile_only=True,
                    promote=True,
                ),
                [
                    *(
                        f"{name} does not go with schedule alone, which owns its selection: "
                        "add environment"
                        for name in (
                            "tags",
                            "actions",
                            "include-dependencies",
                            "include-dependents",
                            "full-refresh",
                            "service-account",
                        )
                    ),
                    "compile-only needs environment or git-ref: what to compile",
                    "promote needs environment, without git-ref",
                    "promote comes after a run, which compile-only leaves out",
                ],
            ),
            (
                RunRequest(environment="production", git_ref="main", promote=True),
                ["promote needs environment, without git-ref"],
            ),
            (
                RunRequest(environment="production", compile_only=True, promote=True),
                ["promote comes after a run, which compile-only leaves out"],
            ),
            (
                RunRequest(schedule="../x", environment="a/b", git_ref="main"),
                [
                    "schedule may hold only letters, digits, - and _",
                    "environment may hold only letters, digits, - and _",
                    "git-ref does not go with schedule: give environment instead",
                ],
            ),
        ],
    )
    def test_all_problems_at_once(
        self, google: GoogleDataform, request_: RunRequest, problems: list[str]
    ) -> None:
        """What does not go together is told at once, by input, before anything is sent."""
        with pytest.raises(InputError) as caught:
            google.prepare(request_)
        assert caught.value.message.splitlines() == problems
        assert caught.value.hint == "Nothing was sent."

    @pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a:cancel"])
    def test_names_stay_in_their_segment(self, google: GoogleDataform, name: str) -> None:
        """No name of a configuration becomes more than one segment of a path."""
        for request_ in (RunRequest(schedule=name), RunRequest(environment=name)):
            with pytest.raises(InputError, match="may hold only letters"):
                google.prepare(request_)
        with pytest.raises(InputError, match="environment may hold only letters"):
            google.promote(make_prepared(environment=name))


class TestTriggers:
    def test_schedule(
        self, google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
    ) -> None:
        """A schedule alone is one POST that names its workflow configuration."""
        expect(api, f"POST {RUNS}", {"name": RUN}, body={"workflowConfig": SCHEDULE})
        for word in ("RUNNING", "SUCCEEDED"):
            said = {"name": RUN, "state": word, "resolvedCompilationResult": COMPILATION}
            expect(api, f"GET {RUN}", said)
        expect(api, f"GET {RUN}:query?pageSize=1000")
        expect(api, f"GET {COMPILATION}")
        expect(api, f"GET {COMPILATION}:query?pageSize=400")
        result = run(google, RunRequest(schedule="nightly"), clock=clock)
        assert result.run.state is State.SUCCESS
        assert result.run.log_url == LINK
        assert result.run.compilation_result == COMPILATION

    def test_environment(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """An environment is compiled now, and just its compilation result is invoked."""
        said = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
        expect(api, f"POST {COMPILATIONS}", said, body={"releaseConfig": RELEASE})
        expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
        prepared = google.prepare(RunRequest(environment="production"))
        assert prepared.compilation == Compilation(name=COMPILATION, commit=COMMIT)
        assert google.start(prepared) == make_run()

    @pytest.mark.parametrize("commit", [None, 7, ["x"], "main", f"{'0' * 40}\n"])
    def test_commit_that_is_none(
        self, google: GoogleDataform, api: responses.RequestsMock, commit: object
    ) -> None:
        """A commit that is not told, or is none, is left out."""
        said = {"name": COMPILATION, "resolvedGitCommitSha": commit}
        expect(api, f"POST {COMPILATIONS}", said, body={"gitCommitish": "main"})
        prepared = google.prepare(RunRequest(git_ref="main"))
        assert prepared.compilation == Compilation(name=COMPILATION)

    def test_names_of_a_numbered_project(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """Names with the project's number in answers are asked for with its id."""
        numbered = f"{NUMBERED}/compilationResults/c0ffee"
        expect(api, f"POST {COMPILATIONS}", {"name": numbered}, body={"releaseConfig": RELEASE})
        expect(
            api,
            f"POST {RUNS}",
            {"name": f"{NUMBERED}/workflowInvocations/1700-abc"},
            body={"compilationResult": COMPILATION},
        )
        assert google.start(google.prepare(RunRequest(environment="production"))) == make_run()

    @pytest.mark.parametrize("parent", [REPOSITORY, NUMBERED])
    def test_environment_and_schedule(
        self, google: GoogleDataform, api: responses.RequestsMock, parent: str
    ) -> None:
        """With a schedule beside, its own invocationConfig is merged with what is given."""
        own = {
            "includedTags": ["daily"],
            "serviceAccount": "old@p",
            "transitiveDependenciesIncluded": True,
            "queryPriority": "BATCH",
        }
        said = {"releaseConfig": f"{parent}/releaseConfigs/production", "invocationConfig": own}
        expect(api, f"GET {SCHEDULE}", said)
        said = {"name": COMPILATION}
        expect(api, f"POST {COMPILATIONS}", said, body={"releaseConfig": RELEASE})
        request_ = RunRequest(
            schedule="nightly",
            environment="production",
            tags=("hourly",),
            service_account="new@p",
        )
        assert google.prepare(request_).body == {
            "compilationResult": COMPILATION,
            "invocationConfig": {
                "includedTags": ["hourly"],
                "serviceAccount": "new@p",
                "transitiveDependenciesIncluded": True,
                "queryPriority": "BATCH",
            },
        }

    @pytest.mark.parametrize("config", [None, [], "x", 3])
    def test_schedule_without_a_configuration(
        self, google: GoogleDataform, api: responses.RequestsMock, config: object
    ) -> None:
        """A schedule that has no invocationConfig of its own adds nothing."""
        expect(api, f"GET {SCHEDULE}", {"releaseConfig": RELEASE, "invocationConfig": config})
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
        prepared = google.prepare(RunRequest(schedule="nightly", environment="production"))
        assert prepared.body == {"compilationResult": COMPILATION}

    @pytest.mark.parametrize(
        "release",
        [
            None,
            "",
            3,
            ["x"],
            RELEASE.replace("production", "staging"),
            RELEASE.replace("production", "pre-production"),
            RELEASE.replace("shop", "other"),
        ],
    )
    def test_schedule_of_another_release(
        self, google: GoogleDataform, api: responses.RequestsMock, release: object
    ) -> None:
        """A schedule of another release configuration is refused before anything is compiled."""
        expect(api, f"GET {SCHEDULE}", {"releaseConfig": release})
        with pytest.raises(InputError) as caught:
            google.prepare(RunRequest(schedule="nightly", environment="production"))
        assert caught.value.message == (
            "schedule nightly belongs to another release configuration than production: "
            "name that one, or leave environment out"
        )
        assert caught.value.hint == "Nothing was run."

    def test_git_ref(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """A commit-ish is compiled with just the overrides that are given."""
        body = {
            "gitCommitish": "refs/pull/7/head",
            "codeCompilationConfig": {
                "vars": {"env": "ci", "empty": ""},
                "schemaSuffix": "pr7",
                "tablePrefix": "t",
            },
        }
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        request_ = RunRequest(
            git_ref="refs/pull/7/head",
            vars=(("env", "ci"), ("empty", "")),
            schema_suffix="pr7",
            table_prefix="t",
        )
        assert google.prepare(request_).body == {"compilationResult": COMPILATION}

    def test_git_ref_alone(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """A commit-ish without overrides is compiled without a configuration."""
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "v1.2"})
        assert google.prepare(RunRequest(git_ref="v1.2")).compilation is not None

    def test_git_ref_and_environment(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """With an environment beside, its own configuration is merged with the overrides."""
        own = {
            "defaultDatabase": "prod",
            "schemaSuffix": "old",
            "vars": {"env": "prod", "keep": "1"},
        }
        expect(api, f"GET {RELEASE}", {"gitCommitish": "main", "codeCompilationConfig": own})
        body = {
            "gitCommitish": "topic",
            "codeCompilationConfig": {
                "defaultDatabase": "prod",
                "schemaSuffix": "new",
                "vars": {"env": "ci", "keep": "1"},
            },
        }
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        request_ = RunRequest(
            git_ref="topic", environment="production", vars=(("env", "ci"),), schema_suffix="new"
        )
        assert google.prepare(request_).compilation is not None

    @pytest.mark.parametrize(
        ("config", "merged"),
        [
            (None, {"vars": {"a": "1"}}),
            ("x", {"vars": {"a": "1"}}),
            ({"vars": None}, {"vars": {"a": "1"}}),
            ({"vars": ["x"]}, {"vars": {"a": "1"}}),
            ({"vars": "x", "tablePrefix": "t"}, {"vars": {"a": "1"}, "tablePrefix": "t"}),
        ],
    )
    def test_odd_configuration_of_an_environment(
        self, google: GoogleDataform, api: responses.RequestsMock, config: object, merged: object
    ) -> None:
        """What is no configuration, or holds no variables, is as if it were left out."""
        expect(api, f"GET {RELEASE}", {"codeCompilationConfig": config})
        body = {"gitCommitish": "topic", "codeCompilationConfig": merged}
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        google.prepare(RunRequest(git_ref="topic", environment="production", vars=(("a", "1"),)))

    def test_odd_configuration_without_variables(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """Without variables of the request, an environment's own are handed on untouched."""
        expect(api, f"GET {RELEASE}", {"codeCompilationConfig": {"vars": {"a": "1"}}})
        body = {"gitCommitish": "topic", "codeCompilationConfig": {"vars": {"a": "1"}}}
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        google.prepare(RunRequest(git_ref="topic", environment="production"))

    def test_selection(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """Names are completed from every page of the compilation; declarations are not run."""
        body = {"releaseConfig": RELEASE}
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        query = f"GET {COMPILATION}:query?pageSize=400"
        pages: list[list[dict[str, object]]] = [
            [{"target": target("orders"), "relation": {}}],
            [{"target": target("orders", "raw"), "declaration": {}}],
            [{"target": target("items", "raw", "example.com:p"), "operations": {}}],
        ]
        for number, page in enumerate(pages):
            said: dict[str, object] = {"compilationResultActions": page}
            if number < 2:
                said["nextPageToken"] = f"p/{number + 1}&x="
            token = f"&pageToken=p%2F{number}%26x%3D" if number else ""
            expect(api, f"{query}{token}", said)
        request_ = RunRequest(
            environment="production",
            actions=("orders", "example.com:p.raw.items"),
            tags=("daily", "hourly"),
            include_dependencies=True,
            include_dependents=True,
            full_refresh=True,
            service_account="run@my-project.iam.gserviceaccount.com",
        )
        assert google.prepare(request_).body["invocationConfig"] == {
            "includedTargets": [target("orders"), target("items", "raw", "example.com:p")],
            "includedTags": ["daily", "hourly"],
            "transitiveDependenciesIncluded": True,
            "transitiveDependentsIncluded": True,
            "fullyRefreshIncrementalTablesEnabled": True,
            "serviceAccount": "run@my-project.iam.gserviceaccount.com",
        }

    def test_target_without_a_project(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """A target that the API tells only in part is asked for by that part."""
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"gitCommitish": "x"})
        parts = {"schema": "sales", "name": "orders"}
        said = {"compilationResultActions": [{"target": parts, "relation": {}}]}
        expect(api, f"GET {COMPILATION}:query?pageSize=400", said)
        prepared = google.prepare(RunRequest(git_ref="x", actions=("orders",)))
        assert prepared.body["invocationConfig"] == {"includedTargets": [parts]}

    def test_unknown_actions(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """Actions that are not to be had are told at once, and nothing is run."""
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
        said = {"compilationResultActions": [{"target": target("orders"), "relation": {}}]}
        expect(api, f"GET {COMPILATION}:query?pageSize=400", said)
        with pytest.raises(InputError) as caught:
            google.prepare(RunRequest(environment="production", actions=("order", "zzz")))
        assert caught.value.problems == (
            (
                "actions",
                "name 'order', which the compilation does not hold: the nearest are orders",
            ),
            ("actions", "name 'zzz', which the compilation does not hold: none is like it"),
        )

    @pytest.mark.parametrize(("errors", "count"), [(1, "1 error"), (2, "2 errors")])
    def test_compile_errors(
        self, google: GoogleDataform, api: responses.RequestsMock, errors: int, count: str
    ) -> None:
        """A compilation with errors is never invoked, and every error is told."""
        error = {"message": "Missing\n dependency", "path": "definitions/a.sqlx"}
        said = {"name": COMPILATION, "compilationErrors": [error] * errors}
        expect(api, f"POST {COMPILATIONS}", said, body={"releaseConfig": RELEASE})
        with pytest.raises(CompileFailed) as caught:
            google.prepare(RunRequest(environment="production"))
        assert caught.value.message == (
            f"The compilation has {count}, so nothing was run. The first: Missing dependency"
        )
        assert caught.value.compilation_result == COMPILATION
        known = CompileError(message="Missing\n dependency", file="definitions/a.sqlx")
        assert caught.value.errors == (known,) * errors
        # Without a commit there is no address of its files to ask for.
        assert (caught.value.commit, caught.value.files_url) == ("", "")

    def test_commit_of_compile_errors(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """A compilation that failed names its commit, and where the files of it are shown."""
        said = {
            "name": COMPILATION,
            "compilationErrors": [{"message": "m"}],
            "resolvedGitCommitSha": COMMIT,
        }
        expect(api, f"POST {COMPILATIONS}", said, body={"releaseConfig": RELEASE})
        expect(api, f"GET {REPOSITORY}", GIT)
        with pytest.raises(CompileFailed) as caught:
            google.prepare(RunRequest(environment="production"))
        assert (caught.value.commit, caught.value.files_url) == (COMMIT, FILES)

    def test_compile_only(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """A compilation that is all that was asked for has its actions and files."""
        said = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
        expect(api, f"POST {COMPILATIONS}", said, body={"releaseConfig": RELEASE})
        query = f"GET {COMPILATION}:query?pageSize=400"
        entries = [{"target": target(name), "relation": {"tags": ["daily"]}} for name in "ab"]
        expect(api, query, {"compilationResultActions": entries[:1], "nextPageToken": "n"})
        expect(api, f"{query}&pageToken=n", {"compilationResultActions": entries[1:]})
        expect(api, f"GET {REPOSITORY}", GIT)
        request = RunRequest(environment="production", compile_only=True)
        actions = tuple(
            CompiledAction(name=f"my-project.sales.{name}", kind="relation", tags=("daily",))
            for name in "ab"
        )
        assert google.prepare(request).compilation == Compilation(
            name=COMPILATION, commit=COMMIT, files_url=FILES, actions=actions
        )

    @pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
    def test_compile_only_without_an_answer(
        self, google: GoogleDataform, api: responses.RequestsMock, status: int
    ) -> None:
        """Neither the actions nor the repository can spoil a clean compilation."""
        said = {"name": COMPILATION, "resolvedGitCommitSha": COMMIT}
        expect(api, f"POST {COMPILATIONS}", said, body={"gitCommitish": "main"})
        expect_error(api, f"GET {COMPILATION}:query?pageSize=400", status)
        expect_error(api, f"GET {REPOSITORY}", status)
        request = RunRequest(git_ref="main", compile_only=True)
        assert google.prepare(request).compilation == Compilation(name=COMPILATION, commit=COMMIT)

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"name": COMPILATION.replace("shop", "other")},
            {"name": f"{COMPILATIONS}/../../x"},
            {"name": RUN},
            {"name": COMPILATION, "compilationErrors": ["boom"]},
        ],
    )
    def test_odd_compilation(
        self, google: GoogleDataform, api: responses.RequestsMock, said: object
    ) -> None:
        """An answer that names no compilation result of ours, or odd errors, runs nothing."""
        expect(api, f"POST {COMPILATIONS}", said, body={"gitCommitish": "main"})
        with pytest.raises(InvalidResponse):
            google.prepare(RunRequest(git_ref="main"))

    def test_promote(
        self, google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
    ) -> None:
        """After success the environment gets just this compilation, by an update mask."""
        body = {"releaseConfig": RELEASE}
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
        expect(api, f"GET {RUN}", {"name": RUN, "state": "SUCCEEDED"})
        expect(api, f"GET {RUN}:query?pageSize=1000")
        expect(
            api,
            f"PATCH {RELEASE}?updateMask=releaseCompilationResult",
            body={"releaseCompilationResult": COMPILATION},
        )
        result = run(google, RunRequest(environment="production", promote=True), clock=clock)
        assert result.run.state is State.SUCCESS

    def test_run_that_failed_is_not_promoted(
        self, google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
    ) -> None:
        """After a failure the environment keeps what it had."""
        body = {"releaseConfig": RELEASE}
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
        expect(api, f"GET {RUN}", {"name": RUN, "state": "FAILED"})
        expect(api, f"GET {RUN}:query?pageSize=1000")
        result = run(google, RunRequest(environment="production", promote=True), clock=clock)
        assert result.run.state is State.FAILURE

    @pytest.mark.parametrize(
        "request_", [RunRequest(schedule="nightly"), RunRequest(git_ref="main")]
    )
    def test_nothing_to_promote(
        self, google: GoogleDataform, api: responses.RequestsMock, request_: RunRequest
    ) -> None:
        """Without a compilation or an environment, promoting sends nothing."""
        compilation = Compilation(name=COMPILATION) if request_.git_ref else None
        google.promote(Prepared(request=request_, body={}, compilation=compilation))
        assert len(api.calls) == 0


class TestLostCreates:
    @pytest.mark.parametrize(
        "answer",
        [
            {"status": 500},
            {"status": 408},
            {"body_text": "<!doctype html>"},
            {"body_text": '{"name": "pro'},
            {"said": {}},
            {"said": {"name": RUN.replace("shop", "other")}},
            {"said": {"name": f"{RUN}/x"}},
            {"body_text": ConnectionResetError("reset")},
        ],
    )
    def test_run_of_a_compilation_can_be_found(
        self, google: GoogleDataform, api: responses.RequestsMock, answer: dict[str, Any]
    ) -> None:
        """A create of a compilation without a clear answer is sent once, and can be looked for."""
        expect(api, f"POST {RUNS}", body={"compilationResult": COMPILATION}, **answer)
        with pytest.raises(RunMayExist) as caught:
            google.start(make_prepared())
        url = f"{CONSOLE}/details/workflows?project=my-project"
        assert caught.value.url == url
        assert caught.value.hint == f"Look for it at {url} before you run this again."
        assert caught.value.message.startswith(
            "The answer to the request that creates the run is lost or makes no sense, so the "
            "run may exist. "
        )

    def test_run_of_a_schedule_cannot_be_found(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """A lost run of a schedule cannot be told from the schedule's own, and no list is read."""
        expect(api, f"POST {RUNS}", body={"workflowConfig": SCHEDULE}, status=503)
        prepared = google.prepare(RunRequest(schedule="nightly"))
        with pytest.raises(RunMayExist) as caught:
            google.start(prepared)
        assert (
            "so the run may exist, and a run of a workflow configuration cannot be told from one "
            "that its own schedule started, so it is not created again. POST "
        ) in caught.value.message
        assert prepared.compilation is None

    def test_create_that_was_not_processed(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """A 429 and a connection that was never made pass through: they made no run."""
        body = {"compilationResult": COMPILATION}
        expect(api, f"POST {RUNS}", body=body, status=429, headers={"Retry-After": "25"})
        with pytest.raises(Throttled) as caught:
            google.start(make_prepared())
        assert caught.value.retry_after == 25
        api.stop(allow_assert=False)
        with pytest.raises(NotConnected):
            make_google(api_url="http://127.0.0.1:1").start(make_prepared())
        api.start()

    def test_create_that_was_refused(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """A refusal made no run, and carries the API's words and what to do."""
        words = "Service account must be set when strict act as checks are enabled"
        expect_error(api, f"POST {RUNS}", 400, words, body={"compilationResult": COMPILATION})
        with pytest.raises(Refused) as caught:
            google.start(make_prepared())
        assert caught.value.message.endswith(f"HTTP 400: {words}")
        assert caught.value.hint.startswith("Set service-account to the account")

    def test_find_reads_the_newest_by_page(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """The run is told by its compilation result, on whichever page, by project number too."""
        listed = [
            {"name": f"{RUNS}/1", "compilationResult": f"{COMPILATIONS}/other"},
            {"name": f"{RUNS}/2", "workflowConfig": SCHEDULE},
            {"name": f"{RUNS}/3", "compilationResult": f"{COMPILATION}2"},
        ]
        query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
        expect(api, query, {"workflowInvocations": listed, "nextPageToken": "next"})
        entry = {
            "name": f"{NUMBERED}/workflowInvocations/1700-abc",
            "compilationResult": f"{NUMBERED}/compilationResults/c0ffee",
        }
        expect(api, f"{query}&pageToken=next", {"workflowInvocations": [entry]})
        assert google.find(COMPILATION) == make_run()

    def test_find_ends(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """A list that never ends is read for a few pages, and without the run there is none."""
        query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
        for number in range(5):
            token = "&pageToken=again" if number else ""
            expect(api, f"{query}{token}", {"nextPageToken": "again"})
        assert google.find(COMPILATION) is None

    def test_found_run_without_a_usable_name(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """A run that cannot be named is odd, so that it is looked for again."""
        entry = {"name": "../..", "compilationResult": COMPILATION}
        query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
        expect(api, query, {"workflowInvocations": [entry]})
        with pytest.raises(InvalidResponse):
            google.find(COMPILATION)

    def test_found_run_is_watched(
        self, google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
    ) -> None:
        """A lost run is adopted when the list shows it, and never created again."""
        body = {"releaseConfig": RELEASE}
        expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body=body)
        expect(api, f"POST {RUNS}", body={"compilationResult": COMPILATION}, status=502)
        query = f"GET {RUNS}?pageSize=1000&orderBy=name+desc"
        expect(api, query)
        entry = {"name": RUN, "compilationResult": COMPILATION}
        expect(api, query, {"workflowInvocations": [entry]})
        expect(api, f"GET {RUN}", {"name": RUN, "state": "SUCCEEDED"})
        expect(api, f"GET {RUN}:query?pageSize=1000")
        result = run(google, RunRequest(environment="production"), clock=clock)
        assert result.run.id == "1700-abc"


class TestGet:
    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("RUNNING", State.RUNNING),
            ("CANCELING", State.RUNNING),
            ("SUCCEEDED", State.SUCCESS),
            ("FAILED", State.FAILURE),
            ("CANCELLED", State.CANCELLED),
        ],
    )
    def test_states(
        self, google: GoogleDataform, api: responses.RequestsMock, word: str, state: State
    ) -> None:
        """Each word has its state; a run that is being cancelled goes on."""
        numbered = f"{NUMBERED}/compilationResults/c0ffee"
        said = {"name": RUN, "state": word, "resolvedCompilationResult": numbered}
        expect(api, f"GET {RUN}", said)
        got = google.get(make_run())
        assert (got.state, got.status, got.log_url) == (state, word, LINK)
        assert got.compilation_result == COMPILATION

    @pytest.mark.parametrize("word", [None, "", "STATE_UNSPECIFIED", "running", 1, ["FAILED"]])
    def test_unknown_state(
        self, google: GoogleDataform, api: responses.RequestsMock, word: object
    ) -> None:
        """A state that is missing or not known is neither an end nor a sign of running."""
        expect(api, f"GET {RUN}", {"name": RUN, "state": word})
        with pytest.raises(InvalidResponse, match="Unknown state of the workflow invocation"):
            google.get(make_run())

    @pytest.mark.parametrize("name", [f"{RUN}2", None, COMPILATION, RUN.replace("shop", "x")])
    def test_answer_about_another_run(
        self, google: GoogleDataform, api: responses.RequestsMock, name: object
    ) -> None:
        """An answer that is about another run says nothing about this one."""
        expect(api, f"GET {RUN}", {"name": name, "state": "SUCCEEDED"})
        with pytest.raises(InvalidResponse):
            google.get(make_run())

    @pytest.mark.parametrize(
        "result", [None, 7, "", "x", f"{COMPILATION}/..", COMPILATION.replace("shop", "other")]
    )
    def test_compilation_that_is_none(
        self, google: GoogleDataform, api: responses.RequestsMock, result: object
    ) -> None:
        """A compilation result that is not of this repository leaves what was known."""
        for _ in range(2):
            said = {"name": RUN, "state": "RUNNING", "resolvedCompilationResult": result}
            expect(api, f"GET {RUN}", said)
        assert google.get(make_run()).compilation_result == ""
        known = google.get(make_run(compilation_result=COMPILATION))
        assert known.compilation_result == COMPILATION

    def test_expired_token(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """A token that was given and expires is told as such, one that we mint is not."""
        for _ in range(2):
            expect_error(api, f"GET {RUN}", 401)
        hints = []
        for service in (google, make_google(token=lambda: TOKEN)):
            with pytest.raises(Refused) as caught:
                service.get(make_run())
            hints.append(caught.value.hint)
        assert hints[0] == EXPIRED_HINT
        assert hints[1].startswith("The API did not accept the credentials")

    def test_refusal_that_is_not_known(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """A refusal for which nothing better is known keeps its own hint."""
        expect_error(api, f"GET {RUN}", 418)
        with pytest.raises(Refused) as caught:
            google.get(make_run())
        assert caught.value.hint == Refused.hint

    def test_token_is_asked_for_at_each_request(self, api: responses.RequestsMock) -> None:
        """A token may be a function, which is asked before every request."""
        tokens = iter(["first-token", "second-token"])
        google = make_google(token=lambda: next(tokens))
        for token in ("first-token", "second-token"):
            expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"}, token=token)
            google.get(make_run())


class TestCancel:
    def test_cancel(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """Cancelling is one POST of an empty object."""
        expect(api, f"POST {RUN}:cancel", body={})
        assert google.cancel(make_run()) == make_run()

    @pytest.mark.parametrize("status", [400, 404, 409])
    def test_run_that_is_over(
        self, google: GoogleDataform, api: responses.RequestsMock, status: int
    ) -> None:
        """A cancel that is declined since the run is over is as good as one that is taken."""
        expect_error(api, f"POST {RUN}:cancel", status, body={})
        expect(api, f"GET {RUN}", {"name": RUN, "state": "SUCCEEDED"})
        assert google.cancel(make_run()).state is State.SUCCESS

    @pytest.mark.parametrize("word", ["RUNNING", "CANCELING"])
    def test_run_that_goes_on(
        self, google: GoogleDataform, api: responses.RequestsMock, word: str
    ) -> None:
        """A cancel that is declined while the run goes on is a refusal."""
        expect_error(api, f"POST {RUN}:cancel", 403, "no permission", body={})
        expect(api, f"GET {RUN}", {"name": RUN, "state": word})
        with pytest.raises(Refused, match="HTTP 403: no permission") as caught:
            google.cancel(make_run())
        assert "roles/dataform.editor" in caught.value.hint

    def test_cancel_that_is_lost(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """A cancel without a clear answer is not followed by a look: there is no time for it."""
        expect(api, f"POST {RUN}:cancel", body={}, status=503)
        with pytest.raises(NoResponse):
            google.cancel(make_run())


class TestActions:
    def test_every_page(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """Actions are read from every page, with state, reason, time and job."""
        query = f"GET {RUN}:query?pageSize=1000"
        failed = {
            "target": target("a"),
            "state": "FAILED",
            "failureReason": "Not found: Table x",
            "invocationTiming": {
                "startTime": "2026-11-22T00:00:00.123456789Z",
                "endTime": "2026-11-22T00:01:00.623456789Z",
            },
            "bigqueryAction": {"jobId": "job_1"},
        }
        said = {"workflowInvocationActions": [failed], "nextPageToken": "x y"}
        expect(api, query, said)
        said = {"workflowInvocationActions": [{"target": target("b")}], "nextPageToken": "z"}
        expect(api, f"{query}&pageToken=x+y", said)
        said = {"workflowInvocationActions": [{"target": target("c"), "state": "QUEUED"}]}
        expect(api, f"{query}&pageToken=z", said)
        assert google.actions(make_run()) == (
            Action(
                name="my-project.sales.a",
                state=ActionState.FAILED,
                reason="Not found: Table x",
                started=datetime(2026, 11, 22, 0, 0, 0, 123456, UTC),
                finished=datetime(2026, 11, 22, 0, 1, 0, 623456, UTC),
                job_id="job_1",
            ),
            Action(name="my-project.sales.b", state=ActionState.PENDING),
            Action(name="my-project.sales.c", state=ActionState.PENDING),
        )

    def test_details(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """Kind, file and dependencies come from the compilation, which is returned as well."""
        config = {"pipelineConfig": {"path": "warehouse"}, "defaultLocation": "EU"}
        said = {"codeCompilationConfig": config, "resolvedGitCommitSha": COMMIT}
        expect(api, f"GET {COMPILATION}", said)
        compiled = {
            "target": target("a"),
            "filePath": "definitions/a.sqlx",
            "relation": {"relationType": "VIEW", "dependencyTargets": [target("raw"), {}]},
        }
        query = f"GET {COMPILATION}:query?pageSize=400"
        expect(api, query, {"compilationResultActions": [compiled], "nextPageToken": "n"})
        other = {"target": target("raw"), "declaration": {}}
        expect(api, f"{query}&pageToken=n", {"compilationResultActions": [other]})
        expect(api, f"GET {REPOSITORY}", GIT)
        a = Action(name="my-project.sales.a", state=ActionState.FAILED, job_id="job_1")
        b = Action(name="other.sales.b", state=ActionState.FAILED, job_id="job_2")
        c = Action(name="my-project.sales.c", state=ActionState.SKIPPED)
        run = make_run(compilation_result=COMPILATION)
        detailed, compilation = google.details(run, (a, b, c))
        assert [action.name for action in detailed] == [a.name, b.name, c.name]
        assert (detailed[0].kind, detailed[0].file) == ("view", "warehouse/definitions/a.sqlx")
        assert detailed[0].dependencies == ("my-project.sales.raw",)
        assert detailed[0].job_url == (
            "https://console.cloud.google.com/bigquery?project=my-project"
            "&ws=!1m5!1m4!1m3!1smy-project!2sjob_1!3sEU"
        )
        # Neither of these has a job of which project and location are known.
        assert detailed[1:] == (b, c)
        assert compilation == Compilation(name=COMPILATION, commit=COMMIT, files_url=FILES)

    def test_details_of_no_compilation(
        self, google: GoogleDataform, api: responses.RequestsMock
    ) -> None:
        """Without a compilation result the actions stay as they are, and nothing is sent."""
        actions = (Action(name="p.s.a", state=ActionState.FAILED),)
        assert google.details(make_run(), actions) == (actions, None)
        assert len(api.calls) == 0

    @pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
    def test_details_without_the_repository(self, api: responses.RequestsMock, status: int) -> None:
        """A repository that may not be read leaves out the files, after 10 s at most."""
        expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
        expect(api, f"GET {COMPILATION}:query?pageSize=400")
        expect_error(api, f"GET {REPOSITORY}", status)
        run = make_run(compilation_result=COMPILATION)
        _, compilation = make_google(read_seconds=20.0).details(run, ())
        assert compilation == Compilation(name=COMPILATION, commit=COMMIT)
        assert timeouts(api)[-1] == (5.0, 5.0)

    @pytest.mark.parametrize("said", [{}, {"gitRemoteSettings": 7}, {"gitRemoteSettings": {}}])
    def test_details_of_a_repository_without_a_remote(
        self, google: GoogleDataform, api: responses.RequestsMock, said: object
    ) -> None:
        """A repository that Dataform hosts itself has no files on GitHub."""
        expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
        expect(api, f"GET {COMPILATION}:query?pageSize=400")
        expect(api, f"GET {REPOSITORY}", said)
        _, compilation = google.details(make_run(compilation_result=COMPILATION), ())
        assert compilation == Compilation(name=COMPILATION, commit=COMMIT)

    def test_details_from_a_github_server(self, api: responses.RequestsMock) -> None:
        """Files are shown by the GitHub server that was named, if the repository is there."""
        expect(api, f"GET {COMPILATION}", {"resolvedGitCommitSha": COMMIT})
        expect(api, f"GET {COMPILATION}:query?pageSize=400")
        url = "git@github.example.com:OWNER/shop.git"
        expect(api, f"GET {REPOSITORY}", {"gitRemoteSettings": {"url": url}})
        google = make_google(github_url="https://github.example.com")
        _, compilation = google.details(make_run(compilation_result=COMPILATION), ())
        assert compilation is not None
        assert compilation.files_url == f"https://github.example.com/OWNER/shop/blob/{COMMIT}"

    def test_pages_without_end(self, google: GoogleDataform, api: responses.RequestsMock) -> None:
        """A service that pages for ever is left after 200 pages."""
        for number in range(200):
            token = f"&pageToken={number}" if number else ""
            said = {"nextPageToken": str(number + 1)}
            expect(api, f"GET {RUN}:query?pageSize=1000{token}", said)
        assert google.actions(make_run()) == ()


def test_how_long_each_answer_is_waited_for(api: responses.RequestsMock) -> None:
    """A compilation and a create may take long; a cancel and its look fit the runner's budget."""
    google = make_google(read_seconds=20.0)
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    expect(api, f"POST {RUNS}", {"name": RUN}, body={"compilationResult": COMPILATION})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "RUNNING"})
    expect_error(api, f"POST {RUN}:cancel", 400, body={})
    expect(api, f"GET {RUN}", {"name": RUN, "state": "FAILED"})
    made = google.start(google.prepare(RunRequest(environment="production")))
    google.cancel(google.get(made))
    compiled, created, looked, *cancelled = timeouts(api)
    assert (compiled, created, looked) == ((10.0, 120.0), (10.0, 40.0), (10.0, 20.0))
    # To connect and to answer, in both requests, all within 6 s.
    assert cancelled == [(2.0, 2.0), (1.0, 1.0)]


def test_selection_replaces_the_schedules_own(
    google: GoogleDataform, api: responses.RequestsMock
) -> None:
    """Asked for some actions, a run does not also run all that its schedule selects."""
    own = {"includedTags": ["daily"], "serviceAccount": "a@b"}
    expect(api, f"GET {SCHEDULE}", {"releaseConfig": RELEASE, "invocationConfig": own})
    made = {"name": COMPILATION}
    expect(api, f"POST {COMPILATIONS}", made, body={"releaseConfig": RELEASE})
    request = RunRequest(schedule="nightly", environment="production", tags=("hourly",))
    body = google.prepare(request).body
    assert body["invocationConfig"] == {"includedTags": ["hourly"], "serviceAccount": "a@b"}


def test_only_the_request_that_failed_is_made_again(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """A failure after the compilation does not compile again."""
    request = RunRequest(environment="production", actions=("orders",))
    page = {"compilationResultActions": [{"target": target("orders"), "relation": {}}]}
    expect(api, f"POST {COMPILATIONS}", {"name": COMPILATION}, body={"releaseConfig": RELEASE})
    expect_error(api, f"GET {COMPILATION}:query?pageSize=400", 503)
    expect(api, f"GET {COMPILATION}:query?pageSize=400", page)
    prepared = prepare(google, request, clock=clock)
    assert prepared.compilation == Compilation(name=COMPILATION)


def test_a_good_response_ends_an_outage_of_a_preparation(
    google: GoogleDataform, api: responses.RequestsMock, clock: FakeClock
) -> None:
    """A preparation goes on as long as no single outage is too long, however many there are."""
    request = RunRequest(schedule="nightly", environment="production", actions=("orders",))
    config = {"releaseConfig": RELEASE}
    page = {"compilationResultActions": [{"target": target("orders"), "relation": {}}]}
    exchanges: tuple[tuple[str, dict[str, Any] | None, dict[str, Any]], ...] = (
        (f"GET {SCHEDULE}", None, config),
        (f"POST {COMPILATIONS}", config, {"name": COMPILATION}),
        (f"GET {COMPILATION}:query?pageSize=400", None, page),
    )
    for request_line, body, said in exchanges:
        for _ in range(4):
            expect_error(api, request_line, 503, body=body)
        expect(api, request_line, said, body=body)
    started = clock.now()
    polling = Polling(interval=1, outage_timeout=60)
    assert prepare(google, request, polling, clock=clock).compilation is not None
    assert clock.now() - started > polling.outage_timeout


def test_token_is_there_before_a_schedule_is_started() -> None:
    """A token that is slow or refused is met in the preparation, before the create."""
    asked: list[str] = []

    def token() -> str:
        asked.append("token")
        return "an-access-token"

    make_google(token=token).prepare(RunRequest(schedule="nightly"))
    assert asked == ["token"]
