"""The metadata of each action, and the Dockerfile, which GitHub reads before the program runs."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from dataform_action.action.input_specs import INPUTS, Input
from dataform_action.action.plan.inputs import PLAN_INPUTS
from scripts.release.pin_image import read_actions

_ROOT = Path(__file__).resolve().parents[2]
_ACTIONS: dict[str, Any] = {
    path: yaml.safe_load(text) for path, text in read_actions(_ROOT).items()
}
#: The inputs of each action.
_TABLES: dict[str, tuple[Input, ...]] = {"action.yml": INPUTS, "plan/action.yml": PLAN_INPUTS}
_ACTION: dict[str, Any] = _ACTIONS["action.yml"]
_RUNS: dict[str, str] = _ACTION["runs"]
#: The actions that do another job than to run.
_OTHERS = sorted(_ACTIONS.keys() - {"action.yml"})


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


@pytest.mark.parametrize("path", _ACTIONS)
def test_inputs_match_the_table(path: str) -> None:
    """An action declares the inputs of the code, in the same order and with the same texts."""
    declared = [
        (name, fields["description"], fields.get("default", ""), fields.get("required", False))
        for name, fields in _ACTIONS[path]["inputs"].items()
    ]
    assert declared == [(i.name, i.description, i.default, i.required) for i in _TABLES[path]]


@pytest.mark.parametrize("path", _ACTIONS)
def test_inputs_have_valid_names_and_descriptions(path: str) -> None:
    """Every input has a description, and an id in the documented format."""
    for name, fields in _ACTIONS[path]["inputs"].items():
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert fields["description"].endswith(".")
        assert fields.keys() <= {"description", "default", "required"}


def test_outputs_match_the_contract() -> None:
    """Workflows use these names; GitHub accepts only the key description in an output."""
    assert list(_ACTION["outputs"]) == [
        "run-id",
        "run-log-url",
        "status",
        "duration",
        "attempts",
        "compilation-result",
        "failed-actions",
        "failed-actions-count",
        "bytes-billed",
        "slot-seconds",
    ]
    assert all(fields.keys() == {"description"} for fields in _ACTION["outputs"].values())


@pytest.mark.parametrize("path", _OTHERS)
def test_outputs_are_described(path: str) -> None:
    """GitHub accepts only the key description in an output."""
    outputs = _ACTIONS[path]["outputs"]
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in outputs)
    assert all(fields.keys() == {"description"} for fields in outputs.values())


@pytest.mark.parametrize("path", _ACTIONS)
def test_metadata_is_valid_for_the_marketplace(path: str) -> None:
    """There are a description below 125 characters, a name and an author."""
    assert 0 < len(_ACTIONS[path]["description"]) < 125
    assert _ACTIONS[path]["name"]
    assert _ACTIONS[path]["author"]


def test_icon() -> None:
    """The action at the top, which the Marketplace shows, has an icon and a colour."""
    assert _ACTION["branding"] == {"icon": "play-circle", "color": "blue"}


def test_the_image_is_built_from_the_dockerfile() -> None:
    """Only these keys are allowed in runs; with any other key, the action does not load."""
    assert _RUNS == {
        "using": "docker",
        "image": "Dockerfile",
        "entrypoint": "/action/entrypoint.py",
        "post-entrypoint": "/action/post_entrypoint.py",
        "post-if": "always()",
    }


@pytest.mark.parametrize("path", _OTHERS)
def test_other_jobs_use_the_same_image(path: str) -> None:
    """The name of the folder is the argument that tells the program which job it does."""
    assert _ACTIONS[path]["runs"] == {
        "using": "docker",
        "image": "../Dockerfile",
        "entrypoint": _RUNS["entrypoint"],
        "args": [Path(path).parent.name],
    }


@pytest.mark.parametrize("key", ["entrypoint", "post-entrypoint"])
def test_entrypoints_are_programs_in_the_image(key: str) -> None:
    """Each is copied there, is executable in git, and isolates Python in its first line."""
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


def test_the_image_has_the_same_entrypoint() -> None:
    """Exec form, so that signals arrive; isolated, without site, unbuffered, with a full path."""
    assert _entrypoint() == ["/usr/local/bin/python3", "-I", "-S", "-u", _RUNS["entrypoint"]]


@pytest.mark.parametrize("instruction", ["USER", "WORKDIR", "CMD", "SHELL", "ARG", "ENV"])
def test_the_image_sets_nothing_else(instruction: str) -> None:
    """GitHub requires root and its own working directory, and sets the environment."""
    assert not _arguments(instruction)


def test_the_image_has_the_whole_package() -> None:
    """The package is next to the entry points, which import it from there."""
    assert _copied()["/action/dataform_action"] == _ROOT / "dataform_action"


def test_the_image_starts_from_a_base() -> None:
    """FROM is the first instruction, occurs once, and names a version."""
    instructions = _instructions()
    assert instructions[0][0] == "FROM"
    assert len(_arguments("FROM")) == 1
    assert re.fullmatch(r"[a-z./-]+:[0-9.]+-\S+", instructions[0][1])
