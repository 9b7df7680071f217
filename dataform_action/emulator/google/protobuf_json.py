"""Protocol buffers in JSON: parse messages as strictly as Google's APIs do, and render values.

The parsers accept names in camelCase and snake_case, and enum values by name and number. They treat
null as absent. Parsed messages have camelCase names, names for enum values, and no defaults.

https://protobuf.dev/programming-guides/json/
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from dataform_action.emulator.google.errors import ApiError, bad_request

PACKAGE = "google.cloud.dataform.v1"
_INT32 = re.compile(r"-?[0-9]{1,10}")
_LARGEST_INT32 = 2**31 - 1

Parser = Callable[[object, str], object]
"""Parses the value of the field at a path; raises ApiError."""


def snake_case(name: str) -> str:
    """Return the name of a field as it is in the protocol buffer definition."""
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def camel_case(name: str) -> str:
    """Return the name of a field as it is in JSON."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def is_default(value: object) -> bool:
    """Return whether JSON omits a value; an empty message is not omitted."""
    return value is None or value is False or value in ("", 0, [], ())


def present(**values: object) -> dict[str, object]:
    """Make a JSON object of the values that are not defaults."""
    return {name: value for name, value in values.items() if not is_default(value)}


def render_timestamp(seconds: float) -> str:
    """Render a time as RFC 3339 does, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


@dataclass(frozen=True, slots=True)
class Message:
    """A type of message: its fields by their camelCase names, and its oneofs."""

    name: str
    fields: Mapping[str, Parser]
    oneofs: Mapping[str, tuple[str, ...]]

    def __call__(self, value: object, path: str) -> dict[str, object]:
        """Parse a message."""
        if not isinstance(value, dict):
            raise _invalid(value, path, f"type.googleapis.com/{PACKAGE}.{self.name}")
        found: dict[str, object] = {}
        for given, entry in value.items():
            name = camel_case(given)
            if name not in self.fields or given not in (name, snake_case(name)):
                raise _unknown(given, path)
            if entry is None:
                continue
            if name in found:
                raise _refused_field(given, path, "Field is already set.")
            found[name] = self.fields[name](entry, join(path, snake_case(name)))
        self._check_oneofs(found, path)
        return {name: entry for name, entry in found.items() if not is_default(entry)}

    def _check_oneofs(self, found: Mapping[str, object], path: str) -> None:
        for oneof, names in self.oneofs.items():
            given = [name for name in names if name in found]
            if len(given) > 1:
                message = (
                    f"Invalid value at '{path}' (oneof), oneof field '{oneof}' is already set. "
                    f"Cannot set '{given[1]}'"
                )
                raise bad_request(message, path)


def message(
    name: str, /, oneofs: Mapping[str, tuple[str, ...]] | None = None, **fields: Parser
) -> Message:
    """Define a type of message."""
    return Message(name, fields, oneofs or {})


def enum(name: str, *values: str) -> Parser:
    """Define an enum whose values are numbered from 0."""
    return partial(_parse_enum, name, values)


def repeated(parser: Parser) -> Parser:
    """Define a list."""
    return partial(_parse_list, parser)


def text(value: object, path: str) -> object:
    """Parse a string."""
    if not isinstance(value, str):
        raise _invalid(value, path, "TYPE_STRING")
    return value


def boolean(value: object, path: str) -> object:
    """Parse a bool."""
    if not isinstance(value, bool):
        raise _invalid(value, path, "TYPE_BOOL")
    return value


def int32(value: object, path: str) -> object:
    """Parse an int32, which may be a string."""
    digits = str(value) if isinstance(value, (int, str)) else ""
    if _INT32.fullmatch(digits) is None or abs(int(digits)) > _LARGEST_INT32:
        raise _invalid(value, path, "TYPE_INT32")
    return int(digits)


def text_map(value: object, path: str) -> object:
    """Parse a map of strings to strings."""
    if not isinstance(value, dict):
        raise _invalid(value, path, "Map")
    return {name: text(entry, f"{path}[{name}].value") for name, entry in value.items()} or None


def ignored(value: object, path: str) -> object:
    """Accept an output-only field, which the service ignores."""
    return None


def join(path: str, name: str) -> str:
    """Return the path of a field inside the message at a path."""
    return f"{path}.{name}" if path else name


def _parse_enum(name: str, values: tuple[str, ...], value: object, path: str) -> object:
    number = value if isinstance(value, int) and not isinstance(value, bool) else -1
    if isinstance(value, str) and value in values:
        number = values.index(value)
    if not 0 <= number < len(values):
        raise _invalid(value, path, f"type.googleapis.com/{PACKAGE}.{name}")
    return values[number] if number else None


def _parse_list(parser: Parser, value: object, path: str) -> object:
    if not isinstance(value, list):
        raise _refused_field(path.rpartition(".")[2], path, "Proto field is repeated: send a list.")
    return [parser(entry, f"{path}[{index}]") for index, entry in enumerate(value)]


def _invalid(value: object, path: str, kind: str) -> ApiError:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return bad_request(f"Invalid value at '{path}' ({kind}), {shown}", path)


def _unknown(name: str, path: str) -> ApiError:
    return _refused_field(name, path, "Cannot find field.")


def _refused_field(name: str, path: str, reason: str) -> ApiError:
    where = f" at '{path}'" if path else ""
    message = f'Invalid JSON payload received. Unknown name "{name}"{where}: {reason}'
    return bad_request(message, path)
