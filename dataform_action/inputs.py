"""The action's inputs: the table of them, and reading them from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dataform_action.errors import InputError
from dataform_action.google_request import problems_of
from dataform_action.model import Polling, RunRequest, is_project_id, is_segment, is_token


@dataclass(frozen=True, slots=True)
class Input:
    """One input as ``action.yml`` declares it; ``google`` ones need Google Cloud Dataform.

    ``several`` ones hold more than one value, separated by line breaks.
    """

    name: str
    description: str
    default: str = ""
    required: bool = False
    google: bool = False
    several: bool = False

    @property
    def is_boolean(self) -> bool:
        """Tell whether the input is either true or false."""
        return self.default in _BOOLEANS


#: Every input, in the order of ``action.yml`` and of README's table; a test compares them.
INPUTS = (
    Input(
        "project-id",
        "The Google Cloud project, or on Dataform Web the project's number.",
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
        "poll-interval", "The longest wait between two polls, like 30, 30s, 2m or 1h.", default="10"
    ),
    Input("timeout", "How long to wait for the run to end.", default="6h"),
    Input(
        "outage-timeout",
        "How long the API may give no usable answer in a row before the step gives up.",
        default="10m",
    ),
    Input(
        "wait",
        "Whether to wait for the run's end; with false the step ends once it has started.",
        default="true",
    ),
    Input(
        "cancel-run",
        "Whether to cancel the run when the step is cancelled or reaches its timeout.",
        default="true",
    ),
    Input("run-id", "Watch this run instead of starting one."),
    Input(
        "location",
        "The region of the Google Cloud Dataform repository, with repository.",
        google=True,
    ),
    Input("repository", "The Google Cloud Dataform repository, with location.", google=True),
    Input("git-ref", "A branch, tag or commit to compile and run.", google=True),
    Input("compile-only", "Whether to stop after the compilation.", default="false", google=True),
    Input(
        "promote",
        "Whether to make the compilation the environment's own after the run succeeded.",
        default="false",
        google=True,
    ),
    Input(
        "vars", "Compilation variables for git-ref, a name=value a line.", google=True, several=True
    ),
    Input("schema-suffix", "A suffix for every dataset, for git-ref.", google=True),
    Input("table-prefix", "A prefix for every table, for git-ref.", google=True),
    Input(
        "tags",
        "Run only the actions with one of these tags, separated by commas or line breaks.",
        several=True,
    ),
    Input(
        "actions",
        "Run only these actions, separated by commas or line breaks.",
        google=True,
        several=True,
    ),
    Input(
        "include-dependencies",
        "Whether to run what the selected actions depend on as well.",
        default="false",
        google=True,
    ),
    Input(
        "include-dependents",
        "Whether to run what depends on the selected actions as well.",
        default="false",
        google=True,
    ),
    Input(
        "full-refresh",
        "Whether to rebuild incremental tables from scratch.",
        default="false",
        google=True,
    ),
    Input("service-account", "The service account that the run acts as.", google=True),
    Input("api-url", "The address of the API, if it is not the service's own."),
    Input("summary", "Whether to write the job summary.", default="true"),
)

_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DURATION = re.compile(r"([0-9]{1,9})([smh]?)", re.ASCII)
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
#: GitHub ends a workflow run after 35 days; nothing can be waited for any longer.
_LONGEST_SECONDS = 35 * 86400
_API_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
#: Without the numbers, each of which is some machine's IPv4 address.
_UNDOTTED_NAME = re.compile(r"(?!(?:[0-9]+|0[xX][0-9A-Fa-f]*)\Z)[A-Za-z0-9_-]+", re.ASCII)
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs of a step, checked.

    ``location`` and ``repository`` are given for Google Cloud Dataform, and empty for
    Dataform Web. ``token`` may be empty on Google Cloud. ``api_url`` is ``None`` for the
    service's own.
    """

    project_id: str
    location: str
    repository: str
    token: str
    request: RunRequest
    polling: Polling
    wait: bool
    run_id: str | None
    api_url: str | None
    summary: bool


def variable_names(name: str) -> tuple[str, str]:
    """Return the environment variables of an input; the second is for shells.

    The runner keeps hyphens (``INPUT_PROJECT-ID``), which shells cannot set.
    """
    upper = name.upper()
    return f"INPUT_{upper}", f"INPUT_{upper.replace('-', '_')}"


def raw_value(environ: Mapping[str, str], name: str) -> str:
    """Return an input as it was given; blank means that it was not."""
    values = (environ.get(variable, "") for variable in variable_names(name))
    return next((value for value in values if value.strip()), "")


def parse(environ: Mapping[str, str]) -> Inputs:
    """Read every input.

    Raises:
        InputError: with the problems of all inputs, by name, with what to do.
    """
    reader = _Reader(environ)
    location = reader.segment("location", "a region such as europe-west1")
    repository = reader.segment("repository", "the repository's id")
    google = reader.given("location") or reader.given("repository")
    request = reader.request()
    wait = reader.boolean("wait")
    run_id = reader.run_id(google)
    if google:
        reader.check_google(request, run_id, wait)
    else:
        reader.refuse_google()
    if run_id is not None and not wait:
        reader.problem("run-id", "watches a run, which wait: false forbids: remove one of them")
    inputs = Inputs(
        project_id=reader.project_id(google),
        location=location or "",
        repository=repository or "",
        token=reader.token(google),
        request=request,
        polling=Polling(
            interval=reader.seconds("poll-interval"),
            timeout=reader.seconds("timeout"),
            outage_timeout=reader.seconds("outage-timeout"),
            cancel=reader.boolean("cancel-run"),
        ),
        wait=wait,
        run_id=run_id,
        api_url=reader.api_url(),
        summary=reader.boolean("summary"),
    )
    if reader.problems:
        raise InputError(reader.problems)
    return inputs


class _Reader:
    """Read inputs one by one, and collect what is wrong with them.

    A method that finds a problem notes it and returns some valid value, so that all
    inputs are looked at before anything is refused.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._declared = {declared.name: declared for declared in INPUTS}
        self.problems: list[tuple[str, str]] = []

    def problem(self, name: str, text: str) -> None:
        self.problems.append((name, text))

    def required(self, name: str, value: str | None, remedy: str) -> str:
        if value is None:
            if name not in dict(self.problems):
                self.problem(name, f"is missing: {remedy}")
            return ""
        return value

    def given(self, name: str) -> bool:
        return bool(self._given(name))

    def request(self) -> RunRequest:
        return RunRequest(
            schedule=self.text("schedule"),
            environment=self.text("environment"),
            tags=self.items("tags"),
            git_ref=self.text("git-ref"),
            vars=self.pairs("vars"),
            schema_suffix=self.text("schema-suffix"),
            table_prefix=self.text("table-prefix"),
            actions=self.items("actions"),
            include_dependencies=self.boolean("include-dependencies"),
            include_dependents=self.boolean("include-dependents"),
            full_refresh=self.boolean("full-refresh"),
            service_account=self.text("service-account"),
            compile_only=self.boolean("compile-only"),
            promote=self.boolean("promote"),
        )

    def project_id(self, google: bool) -> str:
        if google:
            value = self._given("project-id")
            if value and not is_project_id(value):
                self.problem("project-id", f"{_shown(value)} is no Google Cloud project's id")
            return self.required("project-id", value or None, "set it to your project's id")
        return self.required(
            "project-id",
            self.segment("project-id", "the number in https://app.dataform.co/#/<number>/"),
            "set it to the number in the address of your project, "
            "https://app.dataform.co/#/<number>/",
        )

    def run_id(self, google: bool) -> str | None:
        value = self._given("run-id")
        if google and "/" in value and value.isprintable():
            return value
        return self.segment("run-id", "the id of a run, as in the address of its page")

    def check_google(self, request: RunRequest, run_id: str | None, wait: bool) -> None:
        for name, other in (("location", "repository"), ("repository", "location")):
            if not self._given(name):
                self.problem(name, f"is missing: {other} is given, and Google Cloud needs both")
        if run_id is None:
            for name, problem in problems_of(request):
                self.problem(name, problem)
        for name in ("schedule", "environment"):
            value = self._given(name)
            if value and value.isprintable() and not is_segment(value):
                self.problem(name, f"{_shown(value)} may hold only letters, digits, - and _")
        if run_id is not None and (request.compile_only or request.promote):
            self.problem("run-id", "watches a run: remove compile-only and promote")
        if request.promote and not wait:
            self.problem("promote", "waits for success, which wait: false forbids")

    def refuse_google(self) -> None:
        # What else is wrong with them matters only where they are used.
        google = {declared.name for declared in INPUTS if declared.google}
        self.problems = [problem for problem in self.problems if problem[0] not in google]
        for declared in INPUTS:
            given = self._given(declared.name)
            # The default of a boolean may be spelled in several ways.
            absent = _BOOLEANS.get(given) is False if declared.default else not given
            if declared.google and not absent:
                self.problem(
                    declared.name,
                    "is for Google Cloud Dataform: give location and repository, or remove it",
                )

    def text(self, name: str) -> str | None:
        value = self._given(name)
        if not value.isprintable():
            self.problem(name, "must be one line of printable text: check how it is quoted")
            return None
        return value or None

    def segment(self, name: str, meaning: str) -> str | None:
        value = self._given(name)
        if value and not is_segment(value):
            self.problem(
                name, f"{_shown(value)} may hold only letters, digits, - and _: give {meaning}"
            )
            return None
        return value or None

    def token(self, google: bool) -> str:
        value = self._given("token")
        if value and not is_token(value):
            # The value itself is a secret, broken or not.
            self.problem(
                "token",
                "holds a blank, a line break or a character that no token has: "
                "store it again, without them",
            )
        if google:
            return value
        return self.required(
            "token",
            value or None,
            "set it to ${{ secrets.DATAFORM_TOKEN }}, a secret that holds an API token",
        )

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        lines = [line.strip() for line in self._given(name).splitlines() if line.strip()]
        pairs = [tuple(part.strip() for part in line.partition("=")[::2]) for line in lines]
        names = [key for key, _ in pairs]
        if any(not key or "=" not in line for key, line in zip(names, lines, strict=True)):
            self.problem(name, "must hold a name=value a line")
        elif len(set(names)) < len(names):
            self.problem(name, "gives a name twice: remove one of its lines")
        return tuple((key, value) for key, value in pairs)

    def items(self, name: str) -> tuple[str, ...]:
        parts = re.split(r"[,\n]", self._given(name))
        items = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
        if not all(item.isprintable() for item in items):
            self.problem(name, "must be printable text, separated by commas or line breaks")
        return items

    def boolean(self, name: str) -> bool:
        value = self._given(name)
        if value not in _BOOLEANS:
            self.problem(name, f"{_shown(value)} is neither true nor false: write one of them")
        return _BOOLEANS.get(value, True)

    def seconds(self, name: str) -> float:
        value = self._given(name)
        match = _DURATION.fullmatch(value)
        seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
        if not 1 <= seconds <= _LONGEST_SECONDS:
            self.problem(
                name,
                f"{_shown(value)} is not a duration between 1 second and 35 days: "
                "write it like 30, 30s, 2m or 1h",
            )
            return 1.0
        return float(seconds)

    def api_url(self) -> str | None:
        value = self._given("api-url")
        if not value:
            return None
        match = _API_URL.fullmatch(value)
        if match is None or int(match["port"] or 443) > 65535:
            # The value is not repeated: it may hold a user's password.
            self.problem(
                "api-url",
                "is not an API address: write it like https://host or https://host/path, "
                "without user, query or fragment",
            )
        elif match["scheme"] == "http" and not _is_local(match["host"]):
            self.problem(
                "api-url",
                f"{_shown(value)} would send the token in the clear: use https (http is for "
                "loopback, private addresses and names without a dot)",
            )
        elif match["path"].endswith(("/v1", "/v1beta1")):
            self.problem("api-url", f"{_shown(value)} must not end in the API's version: remove it")
        return value.rstrip("/")

    def _given(self, name: str) -> str:
        return raw_value(self._environ, name).strip() or self._declared[name].default


def _shown(value: str) -> str:
    """Return a value as a message repeats it: whole or not at all.

    It may be a secret that was given to the wrong input, and the runner masks no part of one.
    """
    return repr(value) if len(value) <= _LONGEST_SHOWN else f"({len(value)} characters)"


def _is_local(host: str) -> bool:
    """Tell whether a host is this machine, a private address or a name without a dot."""
    # Only for the rare http address, so that a usual start does not pay for the import.
    import ipaddress

    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _UNDOTTED_NAME.fullmatch(host) is not None
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_private
