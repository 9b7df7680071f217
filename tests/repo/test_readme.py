"""README's tables say what the code does, and its workflows use inputs that exist."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.inputs import read_inputs
from dataform_action.action.service_factory import SERVICES
from dataform_action.action.settings import parse_settings
from dataform_action.report.outcome import ExitCode

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
CODE = "".join(path.read_text("utf-8") for path in (ROOT / "dataform_action").rglob("*.py"))


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_inputs() -> None:
    """The table of inputs has every input, in order, with its default."""
    rows = [(cells[0].strip("`"), cells[1].strip("`")) for cells in table("Inputs")]
    assert rows == [
        (declared.name, "required" if declared.required else declared.default)
        for declared in INPUTS
    ]


def test_outputs() -> None:
    """The table of outputs has every output of action.yml, in order."""
    assert [cells[0].strip("`") for cells in table("Outputs")] == list(ACTION["outputs"])


def test_exit_codes() -> None:
    """The table of exit codes has every code that the step can end with."""
    assert [int(cells[0]) for cells in table("Exit codes")] == [int(code) for code in ExitCode]


#: Words of the system and of the network library, which no module of ours holds.
FOREIGN = {
    "HTTP 401",
    "HTTP 403",
    "HTTP 404",
    "Name or service not known",
    "Connection refused",
    "The API gave no usable answer for 10m",
}


@pytest.mark.parametrize("cells", table("Troubleshooting"), ids=lambda cells: str(cells[0]))
def test_troubleshooting_quotes_the_code(cells: list[str]) -> None:
    """Each error that is explained is one that the code, or the system, words like that."""
    said = " ".join(re.sub(r'"\s*f?"', "", CODE).split())
    for quoted in re.findall(r"`([^`]+)`", cells[0]):
        words = re.sub(r"^(project-id|token|api-url) ", "", quoted)
        assert words in FOREIGN or words in said


WORKFLOWS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
NAMES = [f"{number}-{yaml.safe_load(text)['name']}" for number, text in enumerate(WORKFLOWS)]
SCHEMA = json.loads(
    files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json").read_text()
)


@pytest.mark.parametrize("text", WORKFLOWS, ids=NAMES)
def test_workflows(text: str) -> None:
    """Each workflow fits the schema, has no permissions by default, and uses inputs that exist."""
    workflow = yaml.safe_load(text)
    # YAML 1.1 takes the word for true; GitHub does not.
    triggers = workflow.pop(True)
    Draft7Validator(SCHEMA).validate({**workflow, "on": triggers})
    assert workflow["permissions"] == {}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    ours = [step for step in steps if "dataform-action@" in step.get("uses", "")]
    assert ours
    for step in ours:
        assert set(step["with"]) <= set(ACTION["inputs"])
        environ = {
            f"INPUT_{name.upper()}": _filled(str(step["with"][name])) for name in step["with"]
        }
        specs = [spec for spec, _ in SERVICES]
        assert parse_settings(read_inputs(environ), specs).project_id


def _filled(value: str) -> str:
    """Return a value with something in the place of expressions."""
    return re.sub(r"\$\{\{.*?\}\}", "something", value)


SET_UP = README.split("\n## Google Cloud set-up\n", 1)[1].split("\n## ", 1)[0]
_COMMANDS = re.sub(r"\\\n\s*", "", SET_UP.split("```sh\n", 1)[1].split("```", 1)[0]).splitlines()


def _commands(*words: str) -> list[str]:
    """Return the commands of the set-up that hold all of these words."""
    return [line for line in _COMMANDS if all(word in line for word in words)]


def test_a_pull_request_cannot_act_as_production() -> None:
    """Each pool admits either the main branch or pull requests, of this repository alone."""
    conditions = {}
    for line in _commands("providers create-oidc"):
        pool = re.findall(r"--workload-identity-pool=(\S+)", line)[0]
        conditions[pool] = re.findall(r'--attribute-condition="([^"]*)"', line)[0].split(" && ")
    repository = "assertion.repository == '$REPOSITORY'"
    assert conditions == {
        "github-main": [
            repository,
            "assertion.ref == 'refs/heads/main'",
            "assertion.event_name != 'pull_request_target'",
        ],
        "github-pull-requests": [repository, "assertion.event_name == 'pull_request'"],
    }
    for account, pool in (("ci", "github-main"), ("check", "github-pull-requests")):
        [line] = _commands("iam.workloadIdentityUser", f"dataform-{account}@")
        assert f"/workloadIdentityPools/{pool}/attribute.repository/$REPOSITORY" in line


def test_the_identity_of_pull_requests_only_compiles() -> None:
    """It has one role, with the permissions that a compilation needs, and acts as nobody."""
    granted = _commands("--role=", "--member=serviceAccount:dataform-check@")
    assert [re.findall(r"--role=(\S+)", line) for line in granted] == [
        ["projects/$PROJECT/roles/dataformCompiler"]
    ]
    [role] = _commands("iam roles create dataformCompiler")
    permissions = re.findall(r"--permissions=(\S+)", role)[0].split(",")
    assert [name for name in permissions if not name.endswith((".get", ".query"))] == [
        "dataform.compilationResults.create"
    ]


@pytest.mark.parametrize("text", WORKFLOWS, ids=NAMES)
def test_workflows_sign_in_as_what_they_are(text: str) -> None:
    """A workflow for pull requests has their identity, and every other one that of main."""
    of_pull_requests = "pull_request" in (yaml.safe_load(text)[True] or {})
    pools = re.findall(r"workloadIdentityPools/(\S+)/providers/github\n", text)
    accounts = re.findall(r"service_account: (\S+)@", text)
    expected = (
        ("github-pull-requests", "dataform-check")
        if of_pull_requests
        else ("github-main", "dataform-ci")
    )
    assert set(zip(pools, accounts, strict=True)) <= {expected}
    assert text.count("google-github-actions/auth@") == len(pools) == len(accounts)


@pytest.mark.parametrize("text", WORKFLOWS, ids=NAMES)
def test_pinned_actions(text: str) -> None:
    """Actions of others are pinned to a commit, with its version beside it, as in our own CI."""
    used = re.findall(r"uses: (\S+)(.*)", text)
    own = "".join(path.read_text("utf-8") for path in (ROOT / ".github/workflows").glob("*.yml"))
    for action, comment in used:
        if action.startswith("OWNER/"):
            continue
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)
        if f"{action.split('@')[0]}@" in own:
            assert f"{action}{comment}" in own


def test_commands_exist() -> None:
    """Each make command that README names is one of the Makefile's."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", README, re.MULTILINE))
    assert len(targets) >= 6
    for target in {first or second for first, second in targets}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
