"""The workflows: their targets exist, their actions are pinned, and no failure is ignored."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.release.pin_image import read_actions
from scripts.release.publish import git

_ROOT = Path(__file__).resolve().parents[2]
_PATHS = sorted(Path(_ROOT, ".github/workflows").glob("*.yml"))
_WORKFLOWS: dict[str, dict[str, Any]] = {
    path.name: yaml.safe_load(path.read_text("utf-8")) for path in _PATHS
}
#: The actions by the words that use them in a workflow of this repository.
_ACTIONS: dict[str, Any] = {
    f"./{path.removesuffix('action.yml').rstrip('/')}": yaml.safe_load(text)
    for path, text in read_actions(_ROOT).items()
}
_CI: dict[str, Any] = _WORKFLOWS["ci.yml"]["jobs"]
_RELEASE: dict[str, Any] = _WORKFLOWS["release.yml"]["jobs"]
_JOBS = [
    pytest.param(job, id=f"{workflow}:{name}")
    for workflow, content in _WORKFLOWS.items()
    for name, job in content["jobs"].items()
]


def _steps(jobs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in jobs.values():
        yield from job.get("steps", ())


def _used_targets(jobs: dict[str, Any]) -> set[str]:
    """Return the make targets that jobs use, in a script or in a matrix."""
    found: set[str] = set()
    for job in jobs.values():
        found.update(job.get("strategy", {}).get("matrix", {}).get("target", ()))
        for step in job.get("steps", ()):
            found.update(re.findall(r"^\s*make ([a-z0-9-]+)", step.get("run", ""), re.MULTILINE))
    return found


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (_ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_the_gate_needs_every_job() -> None:
    """A job that the gate does not need could fail without blocking a merge."""
    assert sorted(_CI["gate"]["needs"]) == sorted(_CI.keys() - {"gate"})
    assert _CI["gate"]["if"] == "${{ always() }}"


def test_no_job_of_ci_is_skipped_or_ignored() -> None:
    """No condition skips a job or step, and no failure of a job or step is ignored."""
    for name, job in _CI.items():
        parts = [job, *job.get("steps", ())]
        assert not [part for part in parts if "continue-on-error" in part], name
        assert name == "gate" or not [part for part in parts if "if" in part], name


@pytest.mark.parametrize(
    ("results", "passes"),
    [
        ("success success", True),
        ("success failure", False),
        ("cancelled success", False),
        ("success skipped success", False),
    ],
)
def test_the_gate_accepts_only_success(results: str, *, passes: bool) -> None:
    """A cancelled or skipped job is not a success."""
    [step] = _CI["gate"]["steps"]
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", step["run"]], env={"RESULTS": results}, check=False
    )
    assert (done.returncode == 0) == passes


def test_used_targets_are_in_the_makefile() -> None:
    """Every make target in a workflow exists."""
    for workflow, content in _WORKFLOWS.items():
        assert _used_targets(content["jobs"]) <= _targets(), workflow


def test_ci_runs_the_targets_of_the_local_script() -> None:
    """CI runs all targets of .ci/run, except act, which it replaces, and the screenshots."""
    script = (_ROOT / ".ci/run").read_text("utf-8")
    scripted = set(re.findall(r"^\s*make ([a-z0-9-]+)", script, re.MULTILINE))
    assert scripted - {"act", "screenshots"} <= _used_targets(_CI)
    assert _CI["self-test"]["uses"] == "./.github/workflows/self-test.yml"


def test_ci_tests_every_supported_python() -> None:
    """The classifiers of pyproject.toml and the matrix name the same versions."""
    text = (_ROOT / "pyproject.toml").read_text("utf-8")
    supported = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    assert _CI["test"]["strategy"]["matrix"]["python"] == supported


def test_actions_are_pinned_by_commit_with_their_version() -> None:
    """Each external action is pinned to one commit everywhere, with its version in a comment."""
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
def test_workflows_have_no_default_permissions(name: str) -> None:
    """Each job declares its own permissions."""
    assert _WORKFLOWS[name]["permissions"] == {}
    assert all("permissions" in job for job in _WORKFLOWS[name]["jobs"].values())


@pytest.mark.parametrize("job", _JOBS)
def test_jobs_have_a_time_limit(job: dict[str, Any]) -> None:
    """Each job, or the workflow that it calls, has a limit far below GitHub's six hours."""
    assert "uses" in job or job["timeout-minutes"] <= 30


@pytest.mark.parametrize("job", _JOBS)
def test_checkouts_leave_no_credentials(job: dict[str, Any]) -> None:
    """Later steps find no token in the checkout."""
    for step in job.get("steps", ()):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("job", _JOBS)
def test_scripts_contain_no_expressions(job: dict[str, Any]) -> None:
    """Scripts read the environment: the value of an expression would become code."""
    for step in job.get("steps", ()):
        assert "${{" not in step.get("run", "")


def test_only_the_publishing_job_may_write_to_the_repository() -> None:
    """The only other job that writes anything pushes the image, and signs nothing."""
    writing = {
        (workflow, name): {what for what, level in job["permissions"].items() if level == "write"}
        for workflow, content in _WORKFLOWS.items()
        for name, job in content["jobs"].items()
    }
    assert {job: found for job, found in writing.items() if found} == {
        ("release.yml", "image"): {"packages"},
        ("release.yml", "publish"): {"attestations", "contents", "id-token", "packages"},
    }


def test_publishing_waits_for_everything_else() -> None:
    """It needs the environment's reviewers and all other jobs."""
    assert _RELEASE["publish"]["environment"] == "release"
    assert sorted(_RELEASE["publish"]["needs"]) == sorted(_RELEASE.keys() - {"publish"})


def test_only_githubs_own_actions_run_where_a_release_is_signed() -> None:
    """Other programs would have access to the signing identity and the publishing token."""
    used = [step["uses"] for step in _RELEASE["publish"]["steps"] if "uses" in step]
    assert used
    assert all(action.startswith("actions/") for action in used)


def test_a_published_version_keeps_its_image_tag() -> None:
    """The version is published first, and refuses a rebuilt image; then the image gets its tag."""
    scripts = [step.get("run", "") for step in _RELEASE["publish"]["steps"]]
    [tag] = [place for place, text in enumerate(scripts) if "imagetools create" in text]
    [version] = [place for place, text in enumerate(scripts) if "release/publish.py" in text]
    assert version < tag


def test_the_self_test_checks_every_allowed_failure() -> None:
    """After a step that may fail, the next step checks its outcome."""
    steps = _WORKFLOWS["self-test.yml"]["jobs"]["self-test"]["steps"]
    allowed = [place for place, step in enumerate(steps) if step.get("continue-on-error")]
    assert len(allowed) == 5
    for place in allowed:
        outcome = f"${{{{ steps.{steps[place]['id']}.outcome }}}}"
        assert outcome in steps[place + 1]["env"].values()
        assert "[[ $OUTCOME == failure ]]" in steps[place + 1]["run"]


def test_the_self_test_uses_existing_inputs_and_outputs() -> None:
    """The actions declare all inputs and outputs that the self-test uses."""
    jobs = _WORKFLOWS["self-test.yml"]["jobs"]
    used = {step["id"]: step for step in _steps(jobs) if step.get("uses", "").startswith("./")}
    actions = {name: _ACTIONS[step["uses"]] for name, step in used.items()}
    uses = [step["uses"] for step in used.values()]
    assert {action: uses.count(action) for action in _ACTIONS} == {"./": 5, "./plan": 2}
    for name, step in used.items():
        assert step["with"].keys() <= actions[name]["inputs"].keys()
    text = (_ROOT / ".github/workflows/self-test.yml").read_text("utf-8")
    for name, output in re.findall(r"steps\.([a-z-]+)\.outputs\.([a-z-]+)", text):
        assert name not in used or output in actions[name]["outputs"], output


def test_the_archive_that_a_runner_downloads_is_complete(tmp_path: Path) -> None:
    """The archive has every file that the image needs, and the metadata of the action."""
    dockerfile = (_ROOT / "Dockerfile").read_text("utf-8")
    copied = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY ")]
    built = {path for paths in copied for path in paths}
    assert "requirements.txt" in built
    modules = {str(path.relative_to(_ROOT)) for path in (_ROOT / "dataform_action").rglob("*.py")}
    needed = built - {"dataform_action"} | modules
    needed |= {*read_actions(_ROOT), "Dockerfile", ".dockerignore", "README.md"}
    for name in (*needed, "docs/images/picture.png"):
        Path(tmp_path, name).parent.mkdir(parents=True, exist_ok=True)
        Path(tmp_path, name).touch()
    shutil.copy(_ROOT / ".gitattributes", tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all", "--force")
    archive = tmp_path / "archive.tar"
    git(tmp_path, "archive", f"--output={archive}", git(tmp_path, "write-tree").strip())
    with tarfile.open(archive) as tar:
        assert {member.name for member in tar if member.isfile()} == needed | {".gitattributes"}


def test_dependabot_knows_every_lock_file() -> None:
    """Dependabot updates each folder with a package-lock.json, and pip, Docker and actions."""
    config = yaml.safe_load((_ROOT / ".github/dependabot.yml").read_text("utf-8"))
    watched = {(update["package-ecosystem"], update["directory"]) for update in config["updates"]}
    listed = (path.relative_to(_ROOT) for path in _ROOT.glob("[!.]*/**/package-lock.json"))
    npm = {
        ("npm", str(Path("/", path).parent)) for path in listed if "node_modules" not in path.parts
    }
    assert watched == npm | {("pip", "/"), ("docker", "/"), ("github-actions", "/")}
