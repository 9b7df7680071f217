"""Convert the values of inputs by their kinds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from dataform_action.action.input_specs import BOOLEANS, INPUTS, Input
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
#: The inputs whose values are secrets.
_SECRETS = ("token", "github-token")
_FIELDS = tuple(field.name for field in fields(RunRequest))
#: The units of a number of bytes: decimal, and binary with an i.
_UNIT_BYTES: dict[str, int] = {
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGTP", 1)},
    **{f"{letter}IB": 1024**power for power, letter in enumerate("KMGTP", 1)},
}


class InputValues:
    """Converts inputs one by one, and collects their problems.

    A method that finds a problem records it and returns some valid value, so that all inputs are
    checked before any is refused.
    """

    def __init__(self, given: Mapping[str, str], inputs: Sequence[Input] = INPUTS) -> None:
        self._inputs = {declared.name: declared for declared in inputs}
        #: The values of all inputs, stripped, with defaults.
        self.values = {
            declared.name: given.get(declared.name, "").strip() or declared.fallback
            for declared in inputs
        }
        self.problems: list[Problem] = []
        for name, value in self.values.items():
            if name not in _SECRETS and looks_like_a_key(value):
                # Removed here, so that no other check repeats any of it.
                self.values[name] = ""
                text = "seems to contain a key: remove it, and replace the key if a log shows it"
                self.problems.append((name, text))

    def request(self) -> RunRequest:
        """Return what to run."""
        # Any: a test checks that the kind of each input matches the type of its field.
        values: dict[str, Any] = {name: self.value(name.replace("_", "-")) for name in _FIELDS}
        return RunRequest(**values)

    def value(self, name: str) -> object:
        """Return an input converted by its kind."""
        match self._inputs[name].kind:
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
        """Return how to wait."""
        return Polling(
            interval=self.seconds("poll-interval"),
            timeout=self.seconds("timeout"),
            outage_timeout=self.seconds("outage-timeout"),
            cancel=self.boolean("cancel-run"),
            parallel=self.number("parallel-runs") or 1,
        )

    def refuse_others(self, chosen: ServiceSpec, specs: Sequence[ServiceSpec]) -> None:
        """Report the inputs that only another service uses."""
        for spec in specs:
            foreign = spec.own_inputs - chosen.own_inputs
            # Other problems of these inputs do not matter.
            self.problems = [problem for problem in self.problems if problem[0] not in foreign]
            for name in foreign:
                value, declared = self.values[name], self._inputs[name]
                is_false = declared.is_boolean and BOOLEANS.get(value) is False
                if value and value != declared.default and not is_false:
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
        """Return one line of text; None if there is none."""
        value = self.values[name]
        if not value.isprintable():
            self.problems.append((name, "must be one line of printable text: check its quotes"))
            return None
        return value or None

    def token(self, name: str = "token") -> str:
        """Return a token; empty if there is none."""
        value = self.values[name]
        if value and not is_token(value):
            # The value itself is a secret.
            self.problems.append((name, f"{TOKEN_PROBLEM}: store it again without that"))
        return value

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the names and values that are on a line each."""
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
        """Return the names between commas or line breaks, each once."""
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
        """Return a boolean."""
        value = self.values[name]
        if value not in BOOLEANS:
            self.problems.append((name, f"{shown(value)} is not a boolean: use true or false"))
        return BOOLEANS.get(value, True)

    def number(self, name: str) -> int | None:
        """Return a positive number; None if there is none."""
        value = self.values[name]
        if value and re.fullmatch("0*[1-9][0-9]{0,8}", value, re.ASCII) is None:
            text = f"{shown(value)} is not a number from 1 to 999999999"
            self.problems.append((name, text))
            return None
        return int(value) if value else None

    def retries(self, name: str) -> int:
        """Return a number of retries."""
        value = self.values[name]
        if re.fullmatch(f"[0-{MOST_RETRIES}]", value, re.ASCII) is None:
            text = f"{shown(value)} is not a number from 0 to {MOST_RETRIES}"
            self.problems.append((name, text))
            return 0
        return int(value)

    def seconds(self, name: str) -> float:
        """Return a duration in seconds."""
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
        """Return the address of an API, without a slash at the end; empty if there is none."""
        value = self.values[name]
        problem = api_url_problem(value) if value else ""
        if problem:
            self.problems.append((name, problem))
        return value.rstrip("/")

    def byte_count(self, name: str) -> int | None:
        """Return a number of bytes; None if there is none."""
        value = self.values[name]
        match = re.fullmatch(r"([0-9]{1,15})(?:\.([0-9]{1,9}))? ?([A-Za-z]{0,3})", value, re.ASCII)
        unit = _UNIT_BYTES.get(match[3].upper() or "B") if match else None
        if value and (match is None or unit is None):
            text = f"{shown(value)} is not a number of bytes: use a form like 500 GB or 500 GiB"
            self.problems.append((name, text))
        if match is None or unit is None:
            return None
        fraction = match[2] or ""
        count: int = int(match[1] + fraction) * unit // 10 ** len(fraction)
        return count

    def price(self, name: str) -> float | None:
        """Return a price; None if there is none."""
        value = self.values[name]
        if value and re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value, re.ASCII) is None:
            text = f"{shown(value)} is not a price: write it like 6.25, without a currency"
            self.problems.append((name, text))
            return None
        return float(value) if value else None
