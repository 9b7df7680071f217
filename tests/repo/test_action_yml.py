"""The action's metadata and image: what GitHub reads before any code of ours runs."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from dataform_action.action.input_specs import INPUTS

_ROOT = Path(__file__).resolve().parents[2]
_ACTION: dict[str, Any] = yaml.safe_load((_ROOT / "action.yml").read_text("utf-8"))
_RUNS: dict[str, str] = _ACTION["runs"]


def _instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions and their arguments, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", (_ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return [(name.upper(), arguments) for name, arguments in pairs]


def _arguments(instruction: str) -> list[str]:
    return [arguments for name, arguments in _instructions() if name == instruction]


def _copied() -> dict[str, Path]:
    """Return the files that the Dockerfile copies, by their paths in the image."""
    found = {}
    for arguments in _arguments("COPY"):
        *sources, target = arguments.split()
        for source in sources:
            folder = target if target.endswith("/") else str(PurePosixPath(target).parent)
            found[str(PurePosixPath(folder) / PurePosixPath(source).name)] = _ROOT / source
    return found


def test_inputs_are_those_of_the_table() -> None:
    """The metadata declares just what the code reads, in its order and with its words."""
    declared = [
        (name, fields["description"], fields.get("default", ""), fields.get("required", False))
        for name, fields in _ACTION["inputs"].items()
    ]
    assert declared == [(i.name, i.description, i.default, i.required) for i in INPUTS]


def test_inputs_have_descriptions_and_names_that_github_takes() -> None:
    """Every input is explained, and has an id of the documented form."""
    for name, fields in _ACTION["inputs"].items():
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert fields["description"].endswith(".")
        assert fields.keys() <= {"description", "default", "required"}


def test_outputs_are_those_of_the_contract() -> None:
    """Workflows read these names; an output with another key than description does not load."""
    assert list(_ACTION["outputs"]) == [
        "run-id",
        "run-log-url",
        "status",
        "duration",
        "compilation-result",
        "failed-actions",
        "failed-actions-count",
    ]
    assert all(fields.keys() == {"description"} for fields in _ACTION["outputs"].values())


def test_the_marketplace_takes_the_metadata() -> None:
    """The description is shorter than 125 characters, and there are a name, icon and colour."""
    assert 0 < len(_ACTION["description"]) < 125
    assert _ACTION["name"]
    assert _ACTION["author"]
    assert _ACTION["branding"] == {"icon": "play-circle", "color": "blue"}


def test_the_image_is_built_from_the_dockerfile() -> None:
    """Only these keys may stand under runs; one more and the action does not load."""
    assert _RUNS == {
        "using": "docker",
        "image": "Dockerfile",
        "entrypoint": "/action/entrypoint.py",
        "post-entrypoint": "/action/post_entrypoint.py",
        "post-if": "always()",
    }


@pytest.mark.parametrize("key", ["entrypoint", "post-entrypoint"])
def test_entrypoints_are_programs_in_the_image(key: str) -> None:
    """Each is copied there, executable as git keeps it, and isolated by its first line."""
    script = _copied()[_RUNS[key]]
    mode = script.stat().st_mode
    assert stat.S_ISREG(mode)
    assert mode & stat.S_IXUSR
    lines = script.read_bytes().split(b"\n")
    interpreter, _, flags = lines[0].decode("ascii").partition(" ")
    assert interpreter == f"#!{_entrypoint()[0]}"
    assert re.fullmatch(r"-[A-Za-z]+", flags)
    assert set(flags[1:]) == {"I", "S", "u"}


def _entrypoint() -> list[str]:
    [arguments] = _arguments("ENTRYPOINT")
    words = json.loads(arguments)
    assert isinstance(words, list)
    return words


def test_the_images_own_entrypoint_is_the_same_program() -> None:
    """Exec form, so that signals arrive; isolated, without site, unbuffered, by a full path."""
    assert _entrypoint() == ["/usr/local/bin/python3", "-I", "-S", "-u", _RUNS["entrypoint"]]


@pytest.mark.parametrize("instruction", ["USER", "WORKDIR", "CMD", "SHELL", "ARG", "ENV"])
def test_the_image_leaves_the_rest_to_github(instruction: str) -> None:
    """GitHub asks for root and its own working directory, and sets the environment itself."""
    assert not _arguments(instruction)


def test_the_image_has_the_whole_package() -> None:
    """The package lies beside the entry points, which look for it there."""
    assert _copied()["/action/dataform_action"] == _ROOT / "dataform_action"


def test_the_image_starts_from_a_base() -> None:
    """FROM comes first, once, and names a version."""
    instructions = _instructions()
    assert instructions[0][0] == "FROM"
    assert len(_arguments("FROM")) == 1
    assert re.fullmatch(r"[a-z./-]+:[0-9.]+-\S+", instructions[0][1])
