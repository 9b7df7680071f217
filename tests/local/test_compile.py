"""The emulator returns what the real Dataform CLI compiles."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import googleapiclient
import pytest

from dataform_action.emulator.local.project.repository import make_repository
from tests.emulator.google.support import FAILED, HOME, Warehouse, serve
from tests.emulator.local.support import commit, git
from tests.local.graph_in_api_shape import by_target, in_api_shape
from tests.support.discovery import Discovery

_DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
DISCOVERY = Discovery.load(_DOCUMENTS / "dataform.v1.json")
COMMITS = 10
SECONDS = 120.0
REAL_PROJECTS = os.environ.get("DATAFORM_PROJECTS", "").split(os.pathsep)
"""Checkouts of other projects, which are compiled at their last commits."""


def compile_with_cli(
    cli: Path, modules: Path, checkout: Path, ref: str, folder: Path, *flags: str
) -> Mapping[str, Any]:
    """Compile a commit with the CLI alone; return the graph."""
    archive = folder.with_suffix(".tar")
    git(checkout, "archive", f"--output={archive}", ref)
    shutil.unpack_archive(archive, folder)
    settings = folder / "workflow_settings.yaml"
    if not (folder / "package.json").exists():
        lines = settings.read_text().splitlines(keepends=True)
        settings.write_text("".join(line for line in lines if "CoreVersion" not in line))
        (folder / "package.json").write_text("{}")
    shutil.copytree(modules, folder / "node_modules", dirs_exist_ok=True)
    command = [str(cli), "compile", "--json", *flags, str(folder)]
    output = subprocess.run(command, check=False, capture_output=True).stdout.decode()
    graph: Mapping[str, Any] = json.JSONDecoder().raw_decode(output)[0]
    return graph


def query(client: Warehouse, result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Read all pages of the actions, and check each with the discovery document."""
    path, found, token = f"{result['name'].removeprefix(HOME)}:query", [], ""
    while True:
        response = client.request("GET", f"{path}?pageSize=100&pageToken={token}")
        full = f"/v1/{HOME}{path}"
        assert DISCOVERY.check_response("GET", urlsplit(full).path, response.body) == []
        found += response.data.get("compilationResultActions", [])
        token = response.data.get("nextPageToken", "")
        if not token:
            return by_target(found)


def compile_(client: Warehouse, ref: str, **config: object) -> Mapping[str, Any]:
    """Compile a commit in the emulator, and check the response with the discovery document."""
    body = {"gitCommitish": ref, "codeCompilationConfig": config}
    response = client.request("POST", "/compilationResults", body)
    assert response.status == 200, response.text
    path = f"/v1/{HOME}/compilationResults"
    assert DISCOVERY.check_response("POST", path, response.body) == []
    result: Mapping[str, Any] = response.data
    return result


@contextmanager
def serving(project: Path, cli: Path, modules: Path | None) -> Iterator[Warehouse]:
    """Serve a checkout."""
    with serve(make_repository(project, str(cli), modules, SECONDS)) as emulator:
        client = Warehouse(emulator.url)
        client.connection.timeout = SECONDS
        yield client
        client.close()


@pytest.fixture(scope="module")
def client(cli: Path, modules: Path, project: Path) -> Iterator[Warehouse]:
    with serving(project, cli, modules) as client:
        yield client


@pytest.mark.parametrize(
    ("config", "flags"),
    [
        ({}, ()),
        (
            {"schemaSuffix": "pr_7", "tablePrefix": "x", "vars": {"currency": "USD"}},
            ("--schema-suffix=pr_7", "--table-prefix=x", "--vars=currency=USD"),
        ),
        (
            {"defaultDatabase": "other", "defaultSchema": "d", "assertionSchema": "a"},
            ("--default-database=other", "--default-schema=d", "--assertion-schema=a"),
        ),
        ({"databaseSuffix": "dev"}, ("--database-suffix=dev",)),
    ],
)
def test_query_equals_the_graph_of_the_cli(
    client: Warehouse,
    cli: Path,
    modules: Path,
    project: Path,
    tmp_path: Path,
    config: Mapping[str, object],
    flags: tuple[str, ...],
) -> None:
    """With each setting, every field of every action is what the CLI prints."""
    graph = compile_with_cli(cli, modules, project, "main", tmp_path / "alone", *flags)
    result = compile_(client, "main", **config)
    assert query(client, result) == in_api_shape(graph)
    assert result["dataformCoreVersion"] == graph["dataformCoreVersion"]
    assert "compilationErrors" not in result


def test_settings_without_a_flag_of_the_cli(client: Warehouse) -> None:
    """A suffix that is a number, and the prefix of assertions, are applied as well."""
    result = compile_(client, "main", schemaSuffix="7", builtinAssertionNamePrefix="check")
    names = query(client, result)
    assert "my-project.marts_7.customer_revenue" in names
    assert any(".assertions_7.check_" in name for name in names), list(names)


def test_compile_errors_are_those_of_the_cli(
    client: Warehouse, cli: Path, modules: Path, project: Path, tmp_path: Path
) -> None:
    """Errors have the message and the file, and no temporary folder is in their stacks."""
    git(project, "checkout", "--quiet", "-b", "broken")
    files = {
        "definitions/marts/one.sqlx": 'config { type: "table" } SELECT * FROM ${ref("nope")}',
        "definitions/marts/two.js": "const x = ;",
    }
    commit(project, files)
    git(project, "checkout", "--quiet", "main")
    graph = compile_with_cli(cli, modules, project, "broken", tmp_path / "alone")
    result = compile_(client, "broken")
    expected = [
        (error["fileName"], error["message"], error.get("actionTarget"))
        for error in graph["graphErrors"]["compilationErrors"]
    ]
    errors = result["compilationErrors"]
    assert [
        (error["path"], error["message"], error.get("actionTarget")) for error in errors
    ] == expected
    assert {"definitions/marts/one.sqlx", "definitions/marts/two.js"} <= {
        error["path"] for error in errors
    }
    assert all("/project/" not in error["stack"] for error in errors)


def test_settings_file_that_is_wrong_is_a_compile_error(client: Warehouse, project: Path) -> None:
    """A settings file that the CLI refuses is a compile error."""
    git(project, "checkout", "--quiet", "-b", "settings")
    commit(project, {"workflow_settings.yaml": "a: : b\ndataformCoreVersion: 3.0.62\n"})
    git(project, "checkout", "--quiet", "main")
    (error,) = compile_(client, "settings")["compilationErrors"]
    assert error["message"].startswith("workflow_settings.yaml is not a valid YAML file: ")


def test_packages_that_npm_does_not_have(cli: Path, project: Path, tmp_path: Path) -> None:
    """A version of Dataform core that cannot be installed is an error with npm's reason."""
    copy = tmp_path / "copy"
    git(project, "clone", "--quiet", str(project), str(copy))
    with serving(copy, cli, None) as client:
        commit(copy, {"workflow_settings.yaml": "dataformCoreVersion: 3.999.0\n"})
        body = {"gitCommitish": "main"}
        status, message = client.error("POST", "/compilationResults", body)
    assert status == FAILED
    assert "npm cannot install the project's packages: npm error" in message


@pytest.mark.parametrize("path", [path for path in REAL_PROJECTS if path])
def test_real_projects(path: str, cli: Path, modules: Path, tmp_path: Path) -> None:
    """Other people's projects compile to the same actions at each of their last commits."""
    checkout = Path(path)
    log = git(checkout, "log", "--first-parent", f"-{COMMITS}", "--format=%H", "--", "definitions")
    with serving(checkout, cli, modules) as client:
        for ref in log.split():
            graph = compile_with_cli(cli, modules, checkout, ref, tmp_path / ref)
            result = compile_(client, ref)
            actions = query(client, result)
            assert actions == in_api_shape(graph)
            errors = graph["graphErrors"].get("compilationErrors", [])
            assert len(result.get("compilationErrors", [])) == len(errors)
            print(f"{checkout.name} {ref[:7]}: {len(actions)} actions, {len(errors)} errors")
