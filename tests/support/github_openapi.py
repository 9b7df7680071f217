"""Compares requests and responses with GitHub's own description of its REST API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

_FILE = Path(__file__).parent / "github_openapi.json"


@cache
def document() -> Mapping[str, Any]:
    """Return the part of the description that ``scripts/github_openapi.py`` wrote."""
    return _translate(json.loads(_FILE.read_text("utf-8")))  # type: ignore[no-any-return]


def example(name: str) -> Any:  # noqa: ANN401
    """Return a response that GitHub's documentation shows."""
    return document()["examples"][name]


def check_request(method: str, path: str, query: str, body: bytes) -> list[str]:
    """Return what is wrong with a request."""
    operation, values = _find(method, path)
    known = {parameter["name"]: parameter for parameter in map(_resolve, operation["parameters"])}
    given = {name: text for name, (text,) in parse_qs(query, strict_parsing=bool(query)).items()}
    problems = [f"{name}: unknown" for name in {**given, **values} if name not in known]
    for name, parameter in known.items():
        text = {**values, **given}.get(name)
        if text is None:
            problems += [f"{name}: missing"] if parameter.get("required") else []
            continue
        is_number = parameter["schema"]["type"] == "integer" and text.isdigit()
        problems += _check(parameter["schema"], int(text) if is_number else text)
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        sent = json.loads(body)
        problems += _check(schema, sent)
        problems += [f"{name}: unknown" for name in set(sent) - set(schema["properties"])]
    elif body:
        problems.append("a body is not expected")
    return problems


def check_response(
    method: str, path: str, status: int, body: bytes, *, is_partial: bool = False
) -> list[str]:
    """Return what is wrong with a response. ``is_partial``: fields may be missing."""
    operation, _ = _find(method, path)
    response = operation["responses"].get(str(status))
    if response is None:
        return [f"HTTP {status}: not described"]
    content = _resolve(response).get("content")
    if content is None:
        return ["a body is not expected"] if body else []
    schema = content["application/json"]["schema"]
    problems = _check(schema, json.loads(body))
    return [text for text in problems if not (is_partial and "is a required property" in text)]


def _find(method: str, path: str) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return the operation of a request, and the values in its path."""
    for form, methods in document()["paths"].items():
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", form)
        match = re.fullmatch(pattern, path)
        if match and method.lower() in methods:
            return methods[method.lower()], match.groupdict()
    raise LookupError(f"The description has no {method} {path}")


def _check(schema: Mapping[str, Any], value: Any) -> list[str]:  # noqa: ANN401
    validator = Draft202012Validator({**schema, "components": document()["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def _resolve(value: Mapping[str, Any]) -> Mapping[str, Any]:
    found = value
    while "$ref" in found:
        reference, found = found["$ref"], document()
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
    return found


def _translate(value: Any) -> Any:  # noqa: ANN401
    """Return schemas of OpenAPI 3.0 as JSON Schema: there, null is one of the types."""
    if isinstance(value, list):
        return [_translate(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _translate(item) for key, item in value.items()}
    if found.get("nullable") is True:
        if isinstance(found.get("type"), str):
            found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found
