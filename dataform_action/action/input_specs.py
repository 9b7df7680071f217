"""The table of the run job's inputs; ``action.yml``, README and the flags follow it."""

from typing import Literal, NamedTuple

BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
#: How a value is written: one line, names between commas or line breaks, a name=value a line,
#: true or false, the same or nothing, a positive number, a number of retries, a price, a number of
#: bytes, a duration.
Kind = Literal[
    "text",
    "list",
    "pairs",
    "boolean",
    "flag",
    "number",
    "retries",
    "price",
    "bytes",
    "duration",
]


class Input(NamedTuple):
    """One input as ``action.yml`` declares it.

    An input with the name of a field of ``RunRequest`` is read into that field, in the way that
    its ``kind`` says. Which service reads which input is in ``services.specs``.
    """

    name: str
    description: str
    default: str = ""
    required: bool = False
    kind: Kind = "text"

    @property
    def fallback(self) -> str:
        """Return the value of a missing input. The runner alone evaluates an expression."""
        return "" if "${{" in self.default else self.default

    @property
    def is_boolean(self) -> bool:
        """Tell whether the input is either true or false."""
        return self.kind in ("boolean", "flag")

    @property
    def several(self) -> bool:
        """Tell whether the input may hold more than one value, separated by line breaks."""
        return self.kind in ("list", "pairs")


#: Every input, in the order of ``action.yml`` and of README's table; a test compares them.
INPUTS = (
    Input(
        "project-id",
        "The Google Cloud project, or the number of the Dataform Web project.",
        required=True,
    ),
    Input("schedule", "The workflow configuration to run, or on Dataform Web the schedule."),
    Input(
        "environment",
        "The release configuration to compile and run, or on Dataform Web the environment.",
    ),
    Input(
        "token",
        "An API token of Dataform Web, or an OAuth access token; "
        "without it, Application Default Credentials.",
    ),
    Input(
        "poll-interval",
        "The longest wait between two polls, such as 30, 30s, 2m or 1h.",
        default="10",
        kind="duration",
    ),
    Input(
        "parallel-runs",
        "How many steps wait for runs of a project and region at the same time; "
        "they share Google's quota.",
        default="${{ strategy.max-parallel }}",
        kind="number",
    ),
    Input("timeout", "How long to wait for the run to end.", default="6h", kind="duration"),
    Input(
        "outage-timeout",
        "How long the API may give no usable response before the step gives up.",
        default="10m",
        kind="duration",
    ),
    Input(
        "wait",
        "Whether to wait for the end of the run, or only start it.",
        default="true",
        kind="boolean",
    ),
    Input(
        "cancel-run",
        "Whether to cancel the run at the timeout, or if the wait is cancelled.",
        default="true",
        kind="boolean",
    ),
    Input("run-id", "Follow this run instead of starting one."),
    Input("resume", "Run again what did not succeed in this run, from the same compilation."),
    Input(
        "retry-failed",
        "How many times to run again what did not succeed, after a failed run; from 0 to 3.",
        default="0",
        kind="retries",
    ),
    Input(
        "location",
        "The region of the Google Cloud Dataform repository; requires repository.",
    ),
    Input("repository", "The Google Cloud Dataform repository; requires location."),
    Input("git-ref", "A branch, tag or commit to compile and run."),
    Input("workspace", "A development workspace of Dataform to compile and run."),
    Input(
        "project-path",
        "The folder of the project in the Git repository; requires git-ref or workspace.",
    ),
    Input(
        "compile-only", "Whether to stop after the compilation.", default="false", kind="boolean"
    ),
    Input(
        "promote",
        "Whether to promote the compilation to the environment after the run succeeds, "
        "or with compile-only after it compiles.",
        default="false",
        kind="boolean",
    ),
    Input("vars", "Compilation variables, one name=value per line.", kind="pairs"),
    Input("schema-suffix", "A suffix for all datasets."),
    Input("table-prefix", "A prefix for all tables."),
    Input(
        "compile-overrides",
        "Other compilation settings by their API names, one name=value per line, "
        "such as defaultDatabase=my-project.",
        kind="pairs",
    ),
    Input(
        "tags",
        "Run only the actions with one of these tags, separated by commas or line breaks.",
        kind="list",
    ),
    Input(
        "actions",
        "Run only these actions, separated by commas or line breaks.",
        kind="list",
    ),
    Input(
        "include-dependencies",
        "Whether to also run the dependencies of the selected actions; "
        "by default as in the schedule, or false.",
        kind="flag",
    ),
    Input(
        "include-dependents",
        "Whether to also run the dependents of the selected actions; "
        "by default as in the schedule, or false.",
        kind="flag",
    ),
    Input(
        "full-refresh",
        "Whether to rebuild incremental tables from scratch; "
        "by default as in the schedule, or false.",
        kind="flag",
    ),
    Input("service-account", "The service account that the run uses."),
    Input(
        "query-priority",
        "The priority of the queries in BigQuery, interactive or batch; "
        "by default as in the schedule.",
    ),
    Input(
        "max-concurrent-actions",
        "How many actions run at the same time at most; by default as in the schedule.",
        kind="number",
    ),
    Input(
        "unit-tests",
        "Either only, to run nothing but unit tests, or false; by default as in the schedule.",
    ),
    Input(
        "api-url",
        "The address of the API, for Dataform Web or a regional endpoint of Google Cloud.",
    ),
    Input("summary", "Whether to write the job summary.", default="true", kind="boolean"),
    Input(
        "costs",
        "Whether to report what the run scanned and used in BigQuery.",
        default="false",
        kind="boolean",
    ),
    Input(
        "price-per-tib",
        "With costs, the price of a TiB that BigQuery bills; "
        "by default 6.25, the US list price in dollars.",
        kind="price",
    ),
    Input("bigquery-url", "With costs, the address of BigQuery's API."),
    Input(
        "history",
        "Whether to compare the run with earlier ones, on Google Cloud.",
        default="true",
        kind="boolean",
    ),
)
