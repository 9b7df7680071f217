"""Compares requests and responses with Google's own description of an API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

_FORMATS = {
    "google-datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z",
    "google-fieldmask": r"[a-zA-Z.]+(,[a-zA-Z.]+)*",
    "int64": r"-?\d+",
    "byte": r"[A-Za-z0-9+/]*=*",
}
_TYPES: Mapping[str, type] = {
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True, slots=True)
class Discovery:
    """A discovery document. Every check returns a list of problems."""

    document: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Discovery:
        """Read a document."""
        return cls(json.loads(path.read_text("utf-8")))

    def find_method(self, http_method: str, path: str) -> Mapping[str, Any]:
        """Return the method that a request calls. Raise LookupError if there is none."""
        for method in _methods(self.document["resources"]):
            whole = self.document["servicePath"] + method["flatPath"]
            form = re.sub(r"\\{[^}]*\\}", "[^/:]+", re.escape(whole))
            if method["httpMethod"] == http_method and re.fullmatch(form, path.lstrip("/")):
                return method
        raise LookupError(f"The document has no {http_method} {path}")

    def check_request(self, http_method: str, path: str, query: str, body: bytes) -> list[str]:
        """Check the parameters of a request, and the fields that a client may send in its body."""
        method = self.find_method(http_method, path)
        known = {**self.document["parameters"], **method.get("parameters", {})}
        problems = []
        for name, (value, *others) in parse_qs(query, keep_blank_values=True).items():
            if name not in known and not name.startswith("$"):
                problems.append(f"?{name}: unknown")
            elif known.get(name, {}).get("type") == "string":
                problems += self._check(known[name], value, f"?{name}", sent=True)
            problems += [f"?{name}: repeated" for _ in others]
            if name == "fields":
                problems += self.check_fields(method["response"], value)
        if "request" in method:
            problems += self._check(method["request"], json.loads(body or b"{}"), "", sent=True)
        elif body:
            problems.append("body: none is expected")
        return problems

    def check_fields(self, schema: Mapping[str, Any], fields: str) -> list[str]:
        """Check that the response has the fields in a request's mask: ``a,b/c,d(e,f)``."""
        problems = []
        for name, inner in _split(fields):
            found = self._resolved(schema).get("properties", {}).get(name)
            if found is None:
                problems.append(f"?fields={name}: unknown")
            elif inner:
                problems += self.check_fields(found.get("items", found), inner)
        return problems

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = schema
        if "$ref" in schema:
            found = self.document["schemas"][schema["$ref"]]
        return found

    def check_response(self, http_method: str, path: str, body: bytes) -> list[str]:
        """Check the body of a successful response."""
        schema = self.find_method(http_method, path)["response"]
        return list(self._check(schema, json.loads(body), "", sent=False))

    def _check(self, schema: Mapping[str, Any], value: object, path: str, sent: bool) -> list[str]:
        if "$ref" in schema:
            return self._check(self.document["schemas"][schema["$ref"]], value, path, sent)
        kind = schema["type"]
        if kind == "any":
            return []
        if kind == "integer":
            is_right = isinstance(value, int) and not isinstance(value, bool)
        else:
            is_right = isinstance(value, _TYPES[kind])
        if not is_right:
            return [f"{path}: {value!r} is not of type {kind}"]
        if isinstance(value, list):
            return [
                problem
                for index, entry in enumerate(value)
                for problem in self._check(schema["items"], entry, f"{path}[{index}]", sent)
            ]
        if isinstance(value, dict):
            return list(self._check_object(schema, value, path, sent))
        return list(_check_text(schema, value, path)) if isinstance(value, str) else []

    def _check_object(
        self, schema: Mapping[str, Any], value: Mapping[str, object], path: str, sent: bool
    ) -> Iterator[str]:
        properties = schema.get("properties", {})
        for name, entry in value.items():
            inner = properties.get(name, schema.get("additionalProperties"))
            if inner is None:
                yield f"{path}.{name}: unknown"
            elif sent and inner.get("readOnly"):
                yield f"{path}.{name}: output only"
            else:
                yield from self._check(inner, entry, f"{path}.{name}", sent)


def _split(fields: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a field mask with the mask of its own fields."""
    for part in re.findall(r"[^,()]+(?:\((?:[^()]|\([^()]*\))*\))?", fields):
        name, separator, inner = re.match(r"([^/(]*)([/(]?)(.*)", part).groups()  # type: ignore[union-attr]
        yield name, inner[:-1] if separator == "(" else inner


def _check_text(schema: Mapping[str, Any], value: str, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {', '.join(schema['enum'])}"
    form = _FORMATS.get(schema.get("format", ""))
    if form is not None and re.fullmatch(form, value) is None:
        yield f"{path}: {value!r} does not have the format {schema['format']}"


def _methods(resources: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for resource in resources.values():
        yield from resource.get("methods", {}).values()
        yield from _methods(resource.get("resources", {}))
