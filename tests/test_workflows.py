"""The workflows: what they run exists, what they use is pinned, and nothing is let through."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

_ROOT = Path(__file__).resolve().parent.parent
_PATHS = sorted(Path(_ROOT, ".github/workflows").glob("*.yml"))
_WORKFLOWS: dict[str, dict[str, Any]] = {
    path.name: yaml.safe_load(path.read_text("utf-8")) for path in _PATHS
}
_ACTION: dict[str, Any] = yaml.safe_load((_ROOT / "action.yml").read_text("utf-8"))
_CI: dict[str, Any] = _WORKFLOWS["ci.yml"]["jobs"]
_JOBS = [
    pytest.param(job, id=f"{workflow}:{name}")
    for workflow, content in _WORKFLOWS.items()
    for name, job in content["jobs"].items()
]


def _steps(jobs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in jobs.values():
        yield from job.get("steps", ())


def _made(jobs: dict[str, Any]) -> set[str]:
    """Return the make targets that jobs name, in a script or in a matrix."""
    found: set[str] = set()
    for job in jobs.values():
        found.update(job.get("strategy", {}).get("matrix", {}).get("target", ()))
        for step in job.get("steps", ()):
            found.update(re.findall(r"^\s*make ([a-z0-9-]+)", step.get("run", ""), re.MULTILINE))
    return found


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (_ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_the_gate_needs_every_job() -> None:
    """A job that the gate forgets could fail without holding anything up."""
    assert sorted(_CI["gate"]["needs"]) == sorted(_CI.keys() - {"gate"})
    assert _CI["gate"]["if"] == "${{ always() }}"


@pytest.mark.parametrize(
    ("results", "passes"),
    [
        ("success success", True),
        ("success failure", False),
        ("cancelled success", False),
        ("success skipped success", False),
    ],
)
def test_the_gate_takes_nothing_but_success(results: str, *, passes: bool) -> None:
    """A cancelled or skipped job is no success."""
    [step] = _CI["gate"]["steps"]
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", step["run"]], env={"RESULTS": results}, check=False
    )
    assert (done.returncode == 0) == passes


def test_what_is_made_is_in_the_makefile() -> None:
    """Every make target that a workflow names exists."""
    for workflow, content in _WORKFLOWS.items():
        assert _made(content["jobs"]) <= _targets(), workflow


def test_ci_does_what_the_script_for_a_fresh_machine_does() -> None:
    """CI leaves out none of its targets but act, which it replaces, and the pictures."""
    script = (_ROOT / ".ci/run").read_text("utf-8")
    scripted = set(re.findall(r"^\s*make ([a-z0-9-]+)", script, re.MULTILINE))
    assert scripted - {"act", "screenshots"} <= _made(_CI)
    assert _CI["self-test"]["uses"] == "./.github/workflows/self-test.yml"


def test_ci_tests_every_python_that_is_promised() -> None:
    """The classifiers of pyproject.toml and the matrix name the same versions."""
    text = (_ROOT / "pyproject.toml").read_text("utf-8")
    promised = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    assert _CI["test"]["strategy"]["matrix"]["python"] == promised


def test_actions_are_pinned_by_commit_with_their_version() -> None:
    """Each action of others is used at one commit everywhere, and its version stands beside it."""
    pins: dict[str, set[tuple[str, str]]] = {}
    for path in _PATHS:
        for line in path.read_text("utf-8").splitlines():
            used = re.match(r"\s*(?:- )?uses: (?P<what>\S+)(?P<comment>.*)", line)
            if used is None or used["what"].startswith("./"):
                continue
            action, _, commit = used["what"].partition("@")
            version = re.fullmatch(r" # (v\d+\.\d+\.\d+)", used["comment"])
            assert re.fullmatch(r"[0-9a-f]{40}", commit), line
            assert version, line
            pins.setdefault(action, set()).add((commit, version[1]))
    assert pins
    assert {action: len(found) for action, found in pins.items()} == dict.fromkeys(pins, 1)


@pytest.mark.parametrize("name", _WORKFLOWS)
def test_workflows_give_no_permissions(name: str) -> None:
    """Each job names what it needs itself."""
    assert _WORKFLOWS[name]["permissions"] == {}
    assert all("permissions" in job for job in _WORKFLOWS[name]["jobs"].values())


@pytest.mark.parametrize("job", _JOBS)
def test_jobs_end(job: dict[str, Any]) -> None:
    """Each has a limit far below GitHub's six hours, itself or in the workflow that it calls."""
    assert "uses" in job or job["timeout-minutes"] <= 30


@pytest.mark.parametrize("job", _JOBS)
def test_checkouts_leave_no_credentials(job: dict[str, Any]) -> None:
    """A later step finds no token in the checkout."""
    for step in job.get("steps", ()):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("job", _JOBS)
def test_scripts_read_the_environment(job: dict[str, Any]) -> None:
    """No expression is pasted into a script, where its value would be code."""
    for step in job.get("steps", ()):
        assert "${{" not in step.get("run", "")


def test_only_the_publishing_job_may_write_to_the_repository() -> None:
    """It waits for the environment's reviewers, and all tests of the image come before it."""
    writing = [
        (workflow, name)
        for workflow, content in _WORKFLOWS.items()
        for name, job in content["jobs"].items()
        if job["permissions"].get("contents") == "write"
    ]
    assert writing == [("release.yml", "publish")]
    jobs = _WORKFLOWS["release.yml"]["jobs"]
    assert jobs["publish"]["environment"] == "release"
    assert sorted(jobs["publish"]["needs"]) == sorted(jobs.keys() - {"publish"})


def test_the_self_test_uses_what_the_action_has() -> None:
    """Its inputs and the outputs that it reads are those of action.yml."""
    jobs = _WORKFLOWS["self-test.yml"]["jobs"]
    used = [step for step in _steps(jobs) if step.get("uses") == "./"]
    assert len(used) == 5
    for step in used:
        assert step["with"].keys() <= _ACTION["inputs"].keys()
    text = (_ROOT / ".github/workflows/self-test.yml").read_text("utf-8")
    ids = {step["id"] for step in used}
    for name, output in re.findall(r"steps\.([a-z-]+)\.outputs\.([a-z-]+)", text):
        assert output in _ACTION["outputs"] or name not in ids, output


def test_dependabot_knows_every_lock_file() -> None:
    """Each folder with a package-lock.json is looked after, and so are pip, Docker and actions."""
    config = yaml.safe_load((_ROOT / ".github/dependabot.yml").read_text("utf-8"))
    watched = {(update["package-ecosystem"], update["directory"]) for update in config["updates"]}
    listed = (path.relative_to(_ROOT) for path in _ROOT.glob("[!.]*/**/package-lock.json"))
    npm = {
        ("npm", str(Path("/", path).parent)) for path in listed if "node_modules" not in path.parts
    }
    assert watched == npm | {("pip", "/"), ("docker", "/"), ("github-actions", "/")}
