"""The workflows in README and docs/: schema, inputs, permissions and identities."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from dataform_action.action.input_specs import INPUTS, Input
from dataform_action.action.inputs import read_inputs
from dataform_action.action.plan.inputs import PLAN_INPUTS
from dataform_action.action.plan.settings import parse_plan_settings
from dataform_action.action.service_factory import SERVICES
from dataform_action.action.settings import parse_settings
from scripts.workflows.snippets import ROOT, Snippet, main, read_snippets

_SNIPPETS = [pytest.param(snippet, id=snippet.name) for snippet in read_snippets()]
_SCHEMA = json.loads(
    files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json").read_text()
)
_SPECS = [spec for spec, _ in SERVICES]
#: The inputs of each action, and the function that checks them, by the folder of the action.
_JOBS: dict[str | None, tuple[tuple[Input, ...], Callable[[Mapping[str, str]], Any]]] = {
    None: (INPUTS, lambda values: parse_settings(values, _SPECS)),
    "plan": (PLAN_INPUTS, parse_plan_settings),
}
#: The identity pools of the pages, each with its service account.
_PULL_REQUESTS, _MAIN = ("github-pull-requests", "dataform-check"), ("github-main", "dataform-ci")
_ONLY_PUSH = "github.event_name == 'push'"
#: What follows the owner in ``uses:``, with the folder of the action.
_USED = re.compile(r"[^/]+/dataform-action(?:/(?P<folder>[a-z]+))?@")


def test_there_are_snippets() -> None:
    """README has one workflow and one recipe, and other pages have more."""
    of_readme = [snippet for snippet in read_snippets() if snippet.name.startswith("README-")]
    assert [snippet.is_workflow for snippet in of_readme] == [True, False]
    assert len(_SNIPPETS) > 10


@pytest.mark.parametrize("snippet", _SNIPPETS)
def test_workflows(snippet: Snippet) -> None:
    """Each workflow is valid, has no default permissions, and uses existing inputs."""
    workflow = yaml.safe_load(snippet.workflow)
    # YAML 1.1 parses the key "on" as true; GitHub does not.
    triggers = workflow.pop(True)
    Draft7Validator(_SCHEMA).validate({**workflow, "on": triggers})
    assert workflow["permissions"] == {}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    ours = [(step, used) for step in steps if (used := _USED.match(step.get("uses", "")))]
    assert ours
    for step, used in ours:
        environ = {f"INPUT_{name.upper()}": _filled(given) for name, given in step["with"].items()}
        inputs, parse = _JOBS[used["folder"]]
        assert set(step["with"]) <= {declared.name for declared in inputs}
        assert parse(read_inputs(environ, inputs)).project_id


def _filled(value: object) -> str:
    """Return a value as the runner passes it, with expressions replaced."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"\$\{\{.*?\}\}", "something", text)


@pytest.mark.parametrize("snippet", _SNIPPETS)
def test_workflows_use_the_right_identity(snippet: Snippet) -> None:
    """Jobs for pull requests use their identity; all others use that of main."""
    workflow = yaml.safe_load(snippet.workflow)
    events = set(workflow[True] or ())
    found = 0
    for job in workflow["jobs"].values():
        text = yaml.safe_dump(job, width=1000)
        is_of_pull_requests = "pull_request" in events and job.get("if") != _ONLY_PUSH
        pool, account = _PULL_REQUESTS if is_of_pull_requests else _MAIN
        pools = re.findall(r"workloadIdentityPools/(\S+)/providers/github\n", text)
        accounts = re.findall(r"service_account: (\S+)@", text)
        assert set(zip(pools, accounts, strict=True)) <= {(pool, account)}
        found += len(pools)
    assert snippet.text.count("google-github-actions/auth@") == found


@pytest.mark.parametrize("snippet", _SNIPPETS)
def test_pinned_actions(snippet: Snippet) -> None:
    """External actions are pinned to a commit, with the version in a comment, as in our CI."""
    used = re.findall(r"uses: (\S+)(.*)", snippet.text)
    own = "".join(path.read_text("utf-8") for path in (ROOT / ".github/workflows").glob("*.yml"))
    for action, comment in used:
        if action.startswith("OWNER/"):
            continue
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)
        if f"{action.split('@')[0]}@" in own:
            assert f"{action}{comment}" in own


def test_old_files_are_removed(tmp_path: Path) -> None:
    """The folder contains only the current snippets of the pages."""
    (tmp_path / "old.yml").touch()
    main(str(tmp_path))
    names = {path.stem for path in tmp_path.iterdir()}
    assert names == {snippet.name for snippet in read_snippets()}
