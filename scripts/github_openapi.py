"""Take from GitHub's description of its REST API the part that the tests need.

``npm pack @octokit/openapi``, unpack it, and pass the path of ``package``. The description is
MIT-licensed, and comes from https://github.com/github/rest-api-description.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "tests" / "support" / "github_openapi.json"
_OPERATIONS = {
    "/repos/{owner}/{repo}/compare/{basehead}": ("get",),
    "/repos/{owner}/{repo}/pulls/{pull_number}": ("get",),
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ("get", "post"),
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ("patch", "delete"),
}
_EXAMPLES = ("commit-comparison", "pull-request", "issue-comment", "issue-comment-items")
_OMITTED = {"description", "externalDocs", "example", "examples", "summary", "tags", "title"}


def main(package: Path) -> None:
    """Write the part of the description in an unpacked package."""
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    whole = json.loads((package / "generated" / "api.github.com.json").read_text("utf-8"))
    paths = {
        path: {method: _strip(whole["paths"][path][method]) for method in methods}
        for path, methods in _OPERATIONS.items()
    }
    part: dict[str, Any] = {"source": f"npm: @octokit/openapi {version} (MIT)", "paths": paths}
    pending = list(_references(paths))
    while pending:
        source, target = whole, part
        *names, last = pending.pop().removeprefix("#/").split("/")
        for name in names:
            source, target = source[name], target.setdefault(name, {})
        if last not in target:
            target[last] = _strip(source[last])
            pending += _references(target[last])
    examples = whole["components"]["examples"]
    part["examples"] = {name: examples[name]["value"] for name in _EXAMPLES}
    TARGET.write_text(json.dumps(part, indent=1, sort_keys=True) + "\n", "utf-8")


def _strip(value: Any, *, are_names: bool = False) -> Any:  # noqa: ANN401
    """Return a part without its texts. ``are_names``: its keys are names of properties."""
    if isinstance(value, list):
        return [_strip(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _strip(item, are_names=key == "properties")
        for key, item in value.items()
        if are_names or (key not in _OMITTED and not key.startswith("x-"))
    }


def _references(value: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
