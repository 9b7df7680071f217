"""The repository, its release configurations and its workflow configurations."""

from __future__ import annotations

import pytest

from tests.emulator.google.support import FAILED, HOME, INVALID, RUNNER, Warehouse


def test_repository_and_configurations_are_read(client: Warehouse) -> None:
    """Responses about the repository and its configurations omit defaults."""
    repository = client.data("GET", "")
    assert (repository["name"], repository["serviceAccount"]) == (HOME, RUNNER)
    (release, staging) = client.data("GET", "/releaseConfigs")["releaseConfigs"]
    assert release.pop("releaseCompilationResult").startswith(f"{HOME}/compilationResults/")
    assert release == {
        "name": f"{HOME}/releaseConfigs/production",
        "gitCommitish": "main",
        "codeCompilationConfig": {},
        "cronSchedule": "0 1 * * *",
        "timeZone": "Europe/Vienna",
    }
    assert staging == client.data("GET", "/releaseConfigs/staging")
    assert "releaseCompilationResult" not in staging
    workflows = client.data("GET", "/workflowConfigs")["workflowConfigs"]
    assert [config["name"].rpartition("/")[2] for config in workflows] == [
        *("nightly", "failure", "slow", "endless")
    ]
    assert workflows[0] == client.data("GET", "/workflowConfigs/nightly")
    assert workflows[0]["releaseConfig"] == f"{HOME}/releaseConfigs/production"


def test_a_release_changes_what_workflows_run(client: Warehouse) -> None:
    """A result of a release configuration can be released; then its workflows run it."""
    release = "/releaseConfigs/production"
    body = {"releaseConfig": HOME + release, "codeCompilationConfig": {"schemaSuffix": "new"}}
    name = client.data("POST", "/compilationResults", body)["name"]
    old = client.actions(client.invoke("nightly"))["revenue"]["target"]
    mask = "?updateMask=releaseCompilationResult"
    change = {"release_compilation_result": name, "name": "ignored"}
    changed = client.data("PATCH", release + mask, change)
    assert changed["releaseCompilationResult"] == name
    assert changed["cronSchedule"] == "0 1 * * *"
    new = client.actions(client.invoke("nightly"))["revenue"]["target"]
    assert (old["schema"], new["schema"]) == ("marts", "marts_new")


def test_an_update_without_a_mask_changes_everything(client: Warehouse) -> None:
    """Without a mask, fields that are not in the body are removed, except required ones."""
    path = "/releaseConfigs/production"
    missing = (INVALID, "git_commitish is required")
    assert client.error("PATCH", path, {"disabled": True}) == missing
    assert client.error("PATCH", f"{path}?updateMask=gitCommitish", {}) == missing
    changed = client.data("PATCH", path, {"gitCommitish": "broken"})
    assert changed == {"name": HOME + path, "gitCommitish": "broken"}
    body = {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}
    message = f"release_compilation_result is not set in {HOME}{path}"
    assert client.error("POST", "/workflowInvocations", body) == (FAILED, message)
    mask = "?update_mask=disabled,%20time_zone"
    changed = client.data("PATCH", path + mask, {"timeZone": "UTC", "gitCommitish": "x"})
    assert changed == {"name": HOME + path, "gitCommitish": "broken", "timeZone": "UTC"}


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("*", "Invalid update_mask path '*'. Known fields: gitCommitish, codeCompilationConfig, "),
        ("name", "Invalid update_mask path 'name'. "),
        ("disabled,,timeZone", "Invalid update_mask path ''. "),
    ],
)
def test_bad_masks_are_refused(client: Warehouse, mask: str, message: str) -> None:
    """A mask can only name modifiable fields, and no wildcard."""
    path = f"/releaseConfigs/production?updateMask={mask}"
    code, text = client.error("PATCH", path, {"gitCommitish": "main"})
    assert code == INVALID
    assert text.startswith(message)


def test_only_results_of_the_release_are_released(client: Warehouse) -> None:
    """A result of a Git commit cannot be released, even if it has the same code."""
    path = "/releaseConfigs/production?updateMask=releaseCompilationResult"
    name = client.compile()
    message = f"{name} was not created using release config {HOME}/releaseConfigs/production"
    response = client.error("PATCH", path, {"releaseCompilationResult": name})
    assert response == (INVALID, message)
