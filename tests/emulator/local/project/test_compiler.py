"""The emulator with a Git checkout, and a program that prints graphs as the Dataform CLI does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator.local.processes import MissingProgramError
from dataform_action.emulator.local.project import compiler, dataform_cli
from dataform_action.emulator.local.project.repository import make_repository
from tests.emulator.google.support import FAILED, HOME, INVALID, MISSING, Warehouse, serve
from tests.emulator.local.support import (
    FAKE_CLI,
    FILES,
    commit,
    git,
    make_project,
    write_files,
    write_program,
)

DEV = {"workspace": f"{HOME}/workspaces/dev"}


@pytest.fixture
def cli(tmp_path: Path) -> Path:
    """The fake Dataform CLI."""
    return write_program(tmp_path / "tools" / "dataform", FAKE_CLI)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """Packages for every commit."""
    write_files(tmp_path / "modules", {"@dataform/core/bundle.js": ""})
    return tmp_path / "modules"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one commit."""
    return make_project(tmp_path / "shop")


@contextmanager
def serving(project: Path, cli: Path, modules: Path) -> Iterator[Warehouse]:
    """Serve a project."""
    with serve(make_repository(project, str(cli), modules)) as emulator:
        client = Warehouse(emulator.url)
        yield client
        client.close()


@pytest.fixture
def client(project: Path, cli: Path, modules: Path) -> Iterator[Warehouse]:
    """A client of the served project."""
    with serving(project, cli, modules) as client:
        yield client


def compile_(client: Warehouse, source: Mapping[str, str], **config: object) -> Any:  # noqa: ANN401
    body = {**source, "codeCompilationConfig": config}
    return client.data("POST", "/compilationResults", body)


def query(client: Warehouse, result: Mapping[str, str]) -> list[Any]:
    path = f"{result['name'].removeprefix(HOME)}:query"
    actions: list[Any] = client.data("GET", path).get("compilationResultActions", [])
    return actions


def calls(cli: Path) -> list[str]:
    return (cli.parent / "calls").read_text().splitlines()


def test_commit_is_compiled(client: Warehouse, project: Path) -> None:
    """A branch is compiled as committed, with its SHA and the version of Dataform core."""
    sha = git(project, "rev-parse", "HEAD")
    write_files(project, {"definitions/orders.sqlx": "changed"})
    result = compile_(client, {"gitCommitish": "main"})
    assert result["resolvedGitCommitSha"] == sha
    assert result["dataformCoreVersion"] == "3.0.62"
    assert query(client, result) == [
        {
            "target": {"database": "shop", "schema": "marts", "name": "orders"},
            "canonicalTarget": {"database": "shop", "schema": "marts", "name": "orders"},
            "filePath": "definitions/orders.sqlx",
            "relation": {"relationType": "TABLE", "selectQuery": "select 1 as id -- in here"},
        }
    ]


def test_settings_reach_the_compiler(client: Warehouse, cli: Path) -> None:
    """The settings of a request are those of the compilation, and each setting is applied once."""
    config = {"schemaSuffix": "pr", "vars": {"since": "2024"}, "tablePrefix": "7"}
    result = compile_(client, {"gitCommitish": "main"}, **config)
    assert calls(cli)[-1] == "--schema-suffix=pr --vars=since=2024"
    assert result["codeCompilationConfig"].items() >= config.items()
    (action,) = query(client, result)
    assert action["target"]["schema"] == "marts_pr"
    assert action["canonicalTarget"]["schema"] == "marts"


def test_compiled_texts_are_not_changed(client: Warehouse, project: Path) -> None:
    """A text that looks like a variable was not one for the compiler, and stays."""
    text = "select '${dataform.projectConfig.vars.a}', `shop.marts.orders`"
    commit(project, {"definitions/orders.sqlx": text})
    result = compile_(client, {"gitCommitish": "main"}, vars={"a": "b"}, schemaSuffix="s")
    assert query(client, result)[0]["relation"]["selectQuery"] == f"{text} -- in here"


def test_commit_and_settings_are_compiled_once(client: Warehouse, cli: Path, project: Path) -> None:
    """A second request for the same commit and settings makes a new result of the same graph."""
    before = len(calls(cli))
    first, second = (compile_(client, {"gitCommitish": "main"}, tablePrefix="a") for _ in "12")
    git(project, "tag", "v1")
    third = compile_(client, {"gitCommitish": "v1"}, tablePrefix="a")
    assert len({result["name"] for result in (first, second, third)}) == 3
    assert len(calls(cli)) == before + 1
    compile_(client, {"gitCommitish": "v1"}, tablePrefix="b")
    assert len(calls(cli)) == before + 2


def test_workspace_is_the_working_tree(client: Warehouse, project: Path) -> None:
    """The workspace has the files as they are now, without a commit."""
    write_files(project, {"definitions/orders.sqlx": "one", "definitions/new.sqlx": "two"})
    result = compile_(client, DEV)
    assert "resolvedGitCommitSha" not in result
    assert [action["relation"]["selectQuery"][:3] for action in query(client, result)] == [
        "two",
        "one",
    ]
    write_files(project, {"definitions/orders.sqlx": "three"})
    assert query(client, compile_(client, DEV))[1]["relation"]["selectQuery"].startswith("three")


def test_release_and_workflow_configurations(client: Warehouse) -> None:
    """``production`` is released at the start, and ``nightly`` runs it."""
    path = client.invoke("nightly")
    assert client.finish(path) == "SUCCEEDED"
    result = compile_(client, {"releaseConfig": f"{HOME}/releaseConfigs/staging"})
    assert query(client, result)[0]["target"]["schema"] == "marts_staging"


def test_long_running_compilation(client: Warehouse) -> None:
    """An operation has the result, or the error."""
    path = "/compilationResults:createLongRunning"
    assert client.data("POST", path, {"gitCommitish": "main"})["response"]["gitCommitish"]
    error = client.data("POST", path, {"gitCommitish": "nope"})["error"]
    assert "'nope' does not exist" in error["message"]


def test_project_in_a_folder(tmp_path: Path, cli: Path, modules: Path) -> None:
    """A project in a folder is compiled by its path, and its files are named with the path."""
    root = make_project(tmp_path / "mono", {f"dw/shop/{name}": FILES[name] for name in FILES})
    with serving(root / "dw" / "shop", cli, modules) as client:
        given = {"path": "/dw/shop/"}
        result = compile_(client, {"gitCommitish": "main"}, pipelineConfig=given)
        assert query(client, result)[0]["filePath"] == "dw/shop/definitions/orders.sqlx"
        assert client.finish(client.invoke("nightly")) == "SUCCEEDED"
        body = {"gitCommitish": "main"}
        assert client.error("POST", "/compilationResults", body) == (
            MISSING,
            "Can't find package.json",
        )


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("nowhere", MISSING, "Can't find package.json"),
        ("definitions", MISSING, "Can't find package.json"),
        ("../other", INVALID, "pipeline_config.path is not in the repository: ../other"),
    ],
)
def test_path_without_a_project(
    client: Warehouse, path: str, status: tuple[int, str], message: str
) -> None:
    """A path that is no project, or not in the repository, is refused."""
    config = {"pipelineConfig": {"path": path}}
    for source in ({"gitCommitish": "main"}, DEV):
        body = {**source, "codeCompilationConfig": config}
        assert client.error("POST", "/compilationResults", body) == (status, message)


def test_unknown_commit(client: Warehouse) -> None:
    """A commit that is not in the checkout is refused."""
    error = client.error("POST", "/compilationResults", {"gitCommitish": "0" * 40})
    assert error == (INVALID, f"Git commitish '{'0' * 40}' does not exist in the repository")


def test_project_that_the_cli_refuses(client: Warehouse, project: Path) -> None:
    """An error of the whole project is a compile error, without the temporary folder."""
    commit(project, {"definitions/orders.sqlx": "refuse"})
    result = compile_(client, {"gitCommitish": "main"})
    (error,) = result["compilationErrors"]
    assert error["message"] == "no such setting"
    assert query(client, result) == []


def test_cli_that_prints_something_else(client: Warehouse, project: Path) -> None:
    """A CLI without a graph is an error with what it printed."""
    commit(project, {"definitions/orders.sqlx": "junk"})
    status, message = client.error("POST", "/compilationResults", {"gitCommitish": "main"})
    assert status == FAILED
    assert message == (
        "The Dataform CLI ended with exit code 1 and without a compiled graph. It printed: "
        "compiled\nthis is not a graph"
    )


def test_cli_that_hangs(project: Path, cli: Path, modules: Path) -> None:
    """A compilation that takes too long is stopped, and the emulator goes on."""
    commit(project, {"definitions/orders.sqlx": "hang"})
    repository = make_repository(project, str(cli), modules, seconds=0.3)
    patient = replace(repository, release_configs=(), workflow_configs=())
    with serve(patient) as emulator:
        client = Warehouse(emulator.url)
        error = client.error("POST", "/compilationResults", {"gitCommitish": "main"})
        assert error == (FAILED, f"{cli} did not end within 0.3 s")
        assert client.data("GET", "/compilationResults") == {}
        client.close()


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"tablePrefix": "a", "vars": {"b": "c"}}, "did not use tablePrefix, vars.b"),
        ({"vars": {"a": "b,c"}}, "cannot set the variable a: it contains a comma"),
    ],
)
def test_setting_that_has_no_effect_is_an_error(
    client: Warehouse, project: Path, config: object, problem: str
) -> None:
    """A setting that the CLI does not apply is an error, not a result for other names."""
    commit(project, {"definitions/orders.sqlx": "ignore"})
    body = {"gitCommitish": "main", "codeCompilationConfig": config}
    status, message = client.error("POST", "/compilationResults", body)
    assert status == FAILED
    assert problem in message


def test_limits_of_the_service(
    client: Warehouse, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project above a limit of Google's is refused."""
    monkeypatch.setattr(compiler, "ACTION_LIMIT", 0)
    body = {"gitCommitish": "main", "codeCompilationConfig": {"tablePrefix": "a"}}
    assert client.error("POST", "/compilationResults", body) == (
        FAILED,
        "The project has 1 actions; the limit is 0",
    )
    monkeypatch.setattr(compiler, "ACTION_LIMIT", 1)
    monkeypatch.setattr(compiler, "DEPENDENCY_LIMIT", -1)
    _, message = client.error("POST", "/compilationResults", body)
    assert message == "shop.marts.orders has 0 dependencies; the limit is -1"
    monkeypatch.setattr(dataform_cli, "GRAPH_LIMIT", 10)
    _, message = client.error("POST", "/compilationResults", body)
    assert message.startswith("The compiled graph is too large: it has ")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dataform_cli": "no-such-cli"}, r"no-such-cli\) is not installed. Install Node.js"),
        ({"project": "."}, "is not in a Git repository"),
        ({"project": "nowhere"}, "nowhere is not a folder"),
        ({"node_modules": "nowhere"}, "nowhere is not a folder"),
    ],
)
def test_checkout_that_cannot_be_served(
    tmp_path: Path, project: Path, change: Mapping[str, str], problem: str
) -> None:
    """What is wrong at the start is reported then."""
    arguments: dict[str, Any] = {"project": project}
    for name, value in change.items():
        arguments[name] = value if name == "dataform_cli" else tmp_path / value
    with pytest.raises(ValueError, match=problem):
        make_repository(**arguments)


def test_checkout_without_a_commit(tmp_path: Path, cli: Path) -> None:
    """A repository without a commit cannot be served."""
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ValueError, match="has no commit yet: commit the project first"):
        make_repository(tmp_path, str(cli))


def test_missing_git(project: Path, cli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Git, the message names it."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match="git is not installed"):
        make_repository(project, str(cli))


def test_cli_is_found(project: Path, cli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI in the project's packages comes first, then the one on PATH."""
    monkeypatch.setenv("PATH", str(cli.parent), prepend=":")
    assert dataform_cli.find_cli(project, None) == str(cli)
    own = write_program(project / "node_modules/.bin/dataform", "")
    assert dataform_cli.find_cli(project, None) == str(own)
    monkeypatch.setenv("PATH", "/nowhere")
    own.unlink()
    with pytest.raises(MissingProgramError, match="npm install --global @dataform"):
        dataform_cli.find_cli(project, None)


def test_cli_that_disappears(client: Warehouse, cli: Path) -> None:
    """A CLI that is removed while the emulator runs is reported with how to install it."""
    cli.unlink()
    body = {"gitCommitish": "main", "codeCompilationConfig": {"tablePrefix": "a"}}
    status, message = client.error("POST", "/compilationResults", body)
    assert status == FAILED
    assert message.endswith("and then the CLI with: npm install --global @dataform/cli")


def test_output_that_is_almost_a_graph(client: Warehouse, project: Path) -> None:
    """A graph that is cut off, or another object, is no graph."""
    commit(project, {"definitions/orders.sqlx": "cut"})
    status, message = client.error("POST", "/compilationResults", {"gitCommitish": "main"})
    assert status == FAILED
    assert message.startswith("The Dataform CLI ended with exit code 0 and without a compiled")
