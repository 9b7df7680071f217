"""Read the action's inputs from the environment, and check them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dataform_action.action.input_specs import BOOLEANS, INPUTS
from dataform_action.errors import InputError
from dataform_action.model import Polling, RunRequest
from dataform_action.services.google.request_rules import problems_of
from dataform_action.text import shown
from dataform_action.validation import api_url_problem, is_project_id, is_segment, is_token

_DURATION = re.compile(r"([0-9]{1,9})([smh]?)", re.ASCII)
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
#: GitHub ends a workflow run after 35 days; nothing can be waited for any longer.
_LONGEST_SECONDS = 35 * 86400


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
                self.problem("project-id", f"{shown(value)} is no Google Cloud project's id")
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
                self.problem(name, f"{shown(value)} may hold only letters, digits, - and _")
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
            absent = BOOLEANS.get(given) is False if declared.default else not given
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
                name, f"{shown(value)} may hold only letters, digits, - and _: give {meaning}"
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
        if value not in BOOLEANS:
            self.problem(name, f"{shown(value)} is neither true nor false: write one of them")
        return BOOLEANS.get(value, True)

    def seconds(self, name: str) -> float:
        value = self._given(name)
        match = _DURATION.fullmatch(value)
        seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
        if not 1 <= seconds <= _LONGEST_SECONDS:
            self.problem(
                name,
                f"{shown(value)} is not a duration between 1 second and 35 days: "
                "write it like 30, 30s, 2m or 1h",
            )
            return 1.0
        return float(seconds)

    def api_url(self) -> str | None:
        value = self._given("api-url")
        if not value:
            return None
        problem = api_url_problem(value)
        if problem:
            self.problem("api-url", problem)
        return value.rstrip("/")

    def _given(self, name: str) -> str:
        return raw_value(self._environ, name).strip() or self._declared[name].default
