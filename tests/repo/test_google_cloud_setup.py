"""The commands of the set-up page: a pull request can compile, but not act as production."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = (
    Path(__file__).resolve().parents[2].joinpath("docs/google-cloud-setup.md").read_text("utf-8")
)
_BLOCKS = "".join(re.findall(r"```sh\n(.*?)```", _PAGE, re.DOTALL))
_COMMANDS = re.sub(r"\\\n\s*", "", _BLOCKS).splitlines()


def _commands(*words: str) -> list[str]:
    """Return the commands of the set-up that contain all of these words."""
    return [line for line in _COMMANDS if all(word in line for word in words)]


def test_a_pull_request_cannot_act_as_production() -> None:
    """Each pool admits either the main branch or pull requests, only of this repository."""
    conditions = {}
    for line in _commands("providers create-oidc"):
        pool = re.findall(r"--workload-identity-pool=(\S+)", line)[0]
        conditions[pool] = re.findall(r'--attribute-condition="([^"]*)"', line)[0].split(" && ")
    repository = "assertion.repository_id == '$REPOSITORY_ID'"
    assert conditions == {
        "github-main": [
            repository,
            "assertion.ref == 'refs/heads/main'",
            "assertion.event_name in ['push', 'schedule', 'workflow_dispatch']",
        ],
        "github-pull-requests": [repository, "assertion.event_name == 'pull_request'"],
    }
    for account, pool in (("ci", "github-main"), ("check", "github-pull-requests")):
        [line] = _commands("iam.workloadIdentityUser", f"dataform-{account}@")
        assert f"/workloadIdentityPools/{pool}/attribute.repository_id/$REPOSITORY_ID" in line


def test_the_identity_of_pull_requests_only_compiles_and_reads() -> None:
    """It can compile, and for a plan make dry runs, and has no service account to act as."""
    granted = _commands("--role=", "--member=serviceAccount:dataform-check@")
    assert [re.findall(r"--role=(\S+)", line) for line in granted] == [
        ["projects/$PROJECT/roles/dataformCompiler"],
        ["roles/bigquery.jobUser"],
        ["roles/bigquery.dataViewer"],
    ]
    [role] = _commands("iam roles create dataformCompiler")
    permissions = re.findall(r"--permissions=(\S+)", role)[0].split(",")
    assert [name for name in permissions if not name.endswith((".get", ".query"))] == [
        "dataform.compilationResults.create"
    ]


def test_what_is_granted_is_in_the_table() -> None:
    """Each predefined role that a command grants is in the table of the accounts."""
    table = _PAGE.split("## The four service accounts", 1)[1].split("\n## ", 1)[0]
    roles = set(re.findall(r"roles/(?:dataform|bigquery|iam)\.\w+", _BLOCKS))
    assert len(roles) > 4
    assert {role for role in roles if f"`{role}`" not in table} == {
        "roles/iam.workloadIdentityUser"
    }
