"""The settings of a job: the inputs, checked and converted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from dataform_action.action.input_specs import BOOLEANS, INPUTS
from dataform_action.errors import InputError
from dataform_action.events import Fact
from dataform_action.model import Polling, RunRequest
from dataform_action.redaction import looks_like_a_key
from dataform_action.services.google_forms import MOST_RETRIES
from dataform_action.services.specs import TOKEN_PROBLEM, Problem, ServiceSpec
from dataform_action.text import shown
from dataform_action.validation import api_url_problem, is_token

_DURATION = re.compile(r"([0-9]{1,9})([smh]?)", re.ASCII)
#: Control characters without the tab, and separators of lines.
_CONTROL = "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]"
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
#: GitHub ends a workflow run after 35 days, so a longer wait is not possible.
_LONGEST_SECONDS = 35 * 86400
_FIELDS = tuple(field.name for field in fields(RunRequest))
_KINDS = {declared.name: declared.kind for declared in INPUTS}
_DEFAULTS = {declared.name: declared.default for declared in INPUTS}
_POSITIONS = {declared.name: position for position, declared in enumerate(INPUTS)}


class CostSettings(NamedTuple):
    """How to report what a run scanned and used: the price of a TiB, and BigQuery's address.

    ``price_per_tib`` is None for the list price, and ``api_url`` empty for the default address.
    """

    price_per_tib: float | None = None
    api_url: str = ""


class Settings(NamedTuple):
    """What to run, on which service, and how to wait for it.

    ``location`` and ``repository`` are empty for a service without them. ``token`` is empty if the
    service uses other credentials. ``costs`` is None if they are not reported.
    """

    service: ServiceSpec
    place: tuple[Fact, ...]
    project_id: str
    location: str
    repository: str
    token: str
    api_url: str
    request: RunRequest
    polling: Polling
    wait: bool
    run_id: str | None
    summary: bool
    costs: CostSettings | None = None
    history: bool = True


def parse_settings(
    given: Mapping[str, str],
    specs: Sequence[ServiceSpec],
    *,
    remedies: Mapping[str, str] | None = None,
) -> Settings:
    """Check the inputs, and return the settings; a blank input is not set.

    The first of ``specs`` that the inputs select is the service. ``remedies`` overrides the
    service's texts on what to do about a missing input.

    Raises:
        InputError: with the problems of all inputs, in the order of the table of inputs. Those of
            the service's address come first.
    """
    reader = _Reader(given)
    values = reader.values
    spec = next(spec for spec in specs if spec.is_chosen(values))
    request, polling = reader.request(), reader.polling()
    settings = Settings(
        service=spec,
        place=spec.place(values),
        project_id=values["project-id"],
        location=values["location"],
        repository=values["repository"],
        token=reader.token(),
        api_url=reader.address("api-url") or spec.api_url,
        request=request,
        polling=polling,
        wait=reader.boolean("wait"),
        run_id=values["run-id"] or None,
        summary=reader.boolean("summary"),
        costs=reader.costs(),
        history=reader.boolean("history"),
    )
    remedies = {**spec.required, **(remedies or {}), **spec.guess(values)}
    first = reader.require(remedies, spec)
    reader.problems += [*spec.check(values, request), *_combinations(settings)]
    reader.refuse_others(spec, specs)
    if reader.problems:
        raise InputError(
            sorted(reader.problems, key=lambda found: (found[0] not in first, _POSITIONS[found[0]]))
        )
    return settings


def _combinations(settings: Settings) -> list[Problem]:
    """Return which settings cannot be combined, for any service."""
    request, watches = settings.request, settings.run_id is not None
    problems: list[Problem] = []
    if watches and not settings.wait:
        text = "cannot be combined with wait: false, as it waits for a run: remove one of them"
        problems.append(("run-id", text))
    if watches:
        flags = {
            "compile-only": request.compile_only,
            "promote": request.promote,
            "resume": request.resume,
            "retry-failed": request.retry_failed,
        }
        problems += [
            (name, "cannot be combined with run-id, which starts no run: remove one of them")
            for name, is_set in flags.items()
            if is_set
        ]
    if request.retry_failed and not settings.wait:
        text = "cannot be combined with wait: false, as it waits for a failure"
        problems.append(("retry-failed", text))
    if request.retry_failed and request.compile_only:
        problems.append(
            ("retry-failed", "cannot be combined with compile-only, which runs nothing")
        )
    if request.promote and not (settings.wait or request.compile_only):
        problems.append(("promote", "cannot be combined with wait: false, as it waits for success"))
    if settings.costs is not None and (request.compile_only or not settings.wait):
        other = "compile-only" if request.compile_only else "wait: false"
        text = f"cannot be combined with {other}, as it measures a run that has ended"
        problems.append(("costs", text))
    return problems


class _Reader:
    """Read inputs one by one, and collect their problems.

    A method that finds a problem records it and returns some valid value, so that all inputs are
    checked before any is refused.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        #: The values of all inputs, stripped, with defaults.
        self.values = {
            declared.name: given.get(declared.name, "").strip() or declared.default
            for declared in INPUTS
        }
        self.problems: list[Problem] = []
        for name, value in self.values.items():
            if name != "token" and looks_like_a_key(value):
                # Removed here, so that no other check repeats any of it.
                self.values[name] = ""
                text = "seems to contain a key: remove it, and replace the key if a log shows it"
                self.problems.append((name, text))

    def request(self) -> RunRequest:
        # Any: a test checks that the kind of each input matches the type of its field.
        values: dict[str, Any] = {name: self.value(name.replace("_", "-")) for name in _FIELDS}
        return RunRequest(**values)

    def value(self, name: str) -> object:
        """Return an input converted by its kind."""
        match _KINDS[name]:
            case "text":
                return self.text(name)
            case "list":
                return self.items(name)
            case "pairs":
                return self.pairs(name)
            case "flag":
                return self.boolean(name) if self.values[name] else None
            case "number":
                return self.number(name)
            case "retries":
                return self.retries(name)
            case _:
                return self.boolean(name)

    def polling(self) -> Polling:
        return Polling(
            interval=self.seconds("poll-interval"),
            timeout=self.seconds("timeout"),
            outage_timeout=self.seconds("outage-timeout"),
            cancel=self.boolean("cancel-run"),
        )

    def refuse_others(self, chosen: ServiceSpec, specs: Sequence[ServiceSpec]) -> None:
        """Report the inputs that only another service uses."""
        for spec in specs:
            foreign = spec.own_inputs - chosen.own_inputs
            # Other problems of these inputs do not matter.
            self.problems = [problem for problem in self.problems if problem[0] not in foreign]
            for name in foreign:
                value = self.values[name]
                is_false = _KINDS[name] in ("boolean", "flag") and BOOLEANS.get(value) is False
                if value and value != _DEFAULTS[name] and not is_false:
                    self.problems.append((name, spec.own_inputs_problem))

    def require(self, remedies: Mapping[str, str], spec: ServiceSpec) -> set[str]:
        """Report the missing required inputs; return those that are reported first."""
        missing = {name for name in spec.required if not self.values[name]}
        first = missing & set(spec.address_inputs)
        if first:
            # Without an address, it is not known which token is needed.
            missing.discard("token")
        self.problems += [(name, f"is missing: {remedies[name]}") for name in missing]
        return first

    def text(self, name: str) -> str | None:
        value = self.values[name]
        if not value.isprintable():
            self.problems.append((name, "must be one line of printable text: check its quotes"))
            return None
        return value or None

    def token(self) -> str:
        value = self.values["token"]
        if value and not is_token(value):
            # The value itself is a secret.
            self.problems.append(("token", f"{TOKEN_PROBLEM}: store it again without that"))
        return value

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        # Not splitlines: a branch name may contain other characters that end a line for Python.
        lines = [line.strip() for line in self.values[name].split("\n") if line.strip()]
        pairs = [tuple(part.strip() for part in line.partition("=")[::2]) for line in lines]
        names = [key for key, _ in pairs]
        if any(re.search(_CONTROL, line) for line in lines):
            text = (
                "contains a control character or a Unicode line separator: remove it. Only line "
                "breaks separate the names"
            )
            self.problems.append((name, text))
        elif any(not key or "=" not in line for key, line in zip(names, lines, strict=True)):
            self.problems.append((name, "must have one name=value per line"))
        elif len(set(names)) < len(names):
            self.problems.append((name, "has the same name twice: remove one of the lines"))
        return tuple((key, value) for key, value in pairs)

    def items(self, name: str) -> tuple[str, ...]:
        parts = re.split(r"[,\n]", self.values[name])
        items = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
        if self.values[name] and not items:
            text = "has only separators, which would select all actions: set names, or remove it"
            self.problems.append((name, text))
        if not all(item.isprintable() for item in items):
            text = "must be printable text, separated by commas or line breaks"
            self.problems.append((name, text))
        return items

    def boolean(self, name: str) -> bool:
        value = self.values[name]
        if value not in BOOLEANS:
            self.problems.append((name, f"{shown(value)} is not a boolean: use true or false"))
        return BOOLEANS.get(value, True)

    def number(self, name: str) -> int | None:
        value = self.values[name]
        if value and re.fullmatch("0*[1-9][0-9]{0,8}", value, re.ASCII) is None:
            text = f"{shown(value)} is not a number from 1 to 999999999"
            self.problems.append((name, text))
            return None
        return int(value) if value else None

    def retries(self, name: str) -> int:
        value = self.values[name]
        if re.fullmatch(f"[0-{MOST_RETRIES}]", value, re.ASCII) is None:
            text = f"{shown(value)} is not a number from 0 to {MOST_RETRIES}"
            self.problems.append((name, text))
            return 0
        return int(value)

    def seconds(self, name: str) -> float:
        value = self.values[name]
        match = _DURATION.fullmatch(value)
        seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
        if not 1 <= seconds <= _LONGEST_SECONDS:
            text = (
                f"{shown(value)} is not a duration between 1 second and 35 days: "
                "use a form like 30, 30s, 2m or 1h"
            )
            self.problems.append((name, text))
            return 1.0
        return float(seconds)

    def address(self, name: str) -> str:
        value = self.values[name]
        problem = api_url_problem(value) if value else ""
        if problem:
            self.problems.append((name, problem))
        return value.rstrip("/")

    def costs(self) -> CostSettings | None:
        if self.boolean("costs"):
            return CostSettings(self.price("price-per-tib"), self.address("bigquery-url"))
        self.problems += [
            (name, "has no effect without costs: true: set it as well")
            for name in ("price-per-tib", "bigquery-url")
            if self.values[name]
        ]
        return None

    def price(self, name: str) -> float | None:
        value = self.values[name]
        if value and re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value, re.ASCII) is None:
            text = f"{shown(value)} is not a price: use a form like 6.25, without a currency"
            self.problems.append((name, text))
            return None
        return float(value) if value else None
