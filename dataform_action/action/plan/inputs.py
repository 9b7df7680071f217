"""The table of the plan job's inputs; ``plan/action.yml``, README and the flags follow it."""

from __future__ import annotations

from dataform_action.action.input_specs import INPUTS, Input

_RUN_INPUTS = {declared.name: declared for declared in INPUTS}


def _as_in_run(name: str, description: str = "", default: str = "") -> Input:
    """Return an input of the run job, with another description or default if one is given."""
    declared = _RUN_INPUTS[name]
    return declared._replace(
        description=description or declared.description, default=default or declared.default
    )


#: Every input, in the order of ``plan/action.yml`` and of the table in docs/plan.md.
PLAN_INPUTS = (
    _as_in_run("project-id", "The Google Cloud project of the Dataform repository."),
    Input("location", "The region of the Dataform repository.", required=True),
    Input("repository", "The Dataform repository.", required=True),
    Input(
        "environment",
        "The release configuration whose settings both commits are compiled with.",
    ),
    _as_in_run(
        "token", "An OAuth access token; without it, Application Default Credentials are used."
    ),
    Input("head", "The commit to plan; by default that of the event."),
    Input("base", "The commit to compare with; by default the merge base of the pull request."),
    Input(
        "validate",
        "Whether BigQuery checks the SQL with dry runs, which read no data and cost nothing.",
        default="true",
        kind="boolean",
    ),
    Input(
        "max-bytes",
        "The most that the added, changed and affected actions may scan, such as 500 GB.",
        kind="bytes",
    ),
    Input(
        "comment",
        "Whether to keep one comment on the pull request up to date.",
        default="true",
        kind="boolean",
    ),
    Input(
        "github-token",
        "The token for GitHub's API: for the merge base (contents: read) and the comment "
        "(pull-requests: write).",
        default="${{ github.token }}",
    ),
    Input("plan-file", "A path in the workspace for the whole plan as JSON."),
    _as_in_run("project-path", "The folder of the project in the Git repository."),
    _as_in_run("vars"),
    _as_in_run("schema-suffix"),
    _as_in_run("table-prefix"),
    _as_in_run("compile-overrides"),
    _as_in_run("timeout", "How long the plan may take.", default="30m"),
    _as_in_run("outage-timeout"),
    _as_in_run("summary"),
    _as_in_run("api-url", "The address of Dataform's API, such as a regional endpoint."),
    _as_in_run("bigquery-url", "The address of BigQuery's API, such as a regional endpoint."),
)
