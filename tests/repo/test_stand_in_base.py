"""The stand-in for the official Python image: what it is made of, and that it is tested first."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from scripts.image import engine, stand_in_base

#: A docker client that writes down its words, and whose containers end with an exit code.
_CLIENT = """#!/bin/sh
echo "$1" >>"{folder}/calls"
case "$1" in
import) echo sha256:made ;;
run) exit {exit_code} ;;
esac
"""


def _calls(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, exit_code: int
) -> tuple[list[str], engine.EngineError | None]:
    """Import an archive, and return docker's commands with the error that was raised."""
    client = folder / "docker"
    client.write_text(_CLIENT.format(folder=folder, exit_code=exit_code), "utf-8")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    error = None
    try:
        stand_in_base.import_tested(folder / "base.tar", "stand-in:local", "digest")
    except engine.EngineError as raised:
        error = raised
    return (folder / "calls").read_text("utf-8").split(), error


def test_a_virtual_environment_stands_for_its_base(tmp_path: Path) -> None:
    """What is copied is of the interpreter below it, and no path leads out of its prefix."""
    venv.create(tmp_path / "venv")
    of_venv = stand_in_base.choose(str(tmp_path / "venv/bin/python"), "3.13")
    base = sys._base_executable  # type: ignore[attr-defined]
    assert of_venv == stand_in_base.choose(base, "3.13")
    assert of_venv.executable == Path(base).resolve()
    assert ".." not in of_venv.packages


def test_packages_outside_the_prefix_are_refused(tmp_path: Path) -> None:
    """An interpreter whose pip would be unpacked outside the image's files is none to copy."""
    (tmp_path / "lib/ensurepip/_bundled").mkdir(parents=True)
    (tmp_path / "lib/ensurepip/_bundled/pip-1-py3-none-any.whl").touch()
    python = tmp_path / "python"
    told = '{"version": [3, 13, 0], "executable": "/p", "library": "%s/lib", "packages": "%s"}'
    for packages, is_chosen in (("lib/site-packages", True), ("../site-packages", False)):
        python.write_text(f"#!/bin/sh\necho '{told % (tmp_path, packages)}'\n", "utf-8")
        python.chmod(0o755)
        assert (stand_in_base._probe(str(python)) is not None) is is_chosen


def test_an_image_has_its_name_once_it_was_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run takes what has the name without another test."""
    calls, error = _calls(tmp_path, monkeypatch, exit_code=0)
    assert [call for call in calls if call != "images"] == ["import", "run", "tag"]
    assert error is None


def test_an_image_that_fails_its_test_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is removed instead, so that nothing is built on it."""
    calls, error = _calls(tmp_path, monkeypatch, exit_code=1)
    assert calls == ["import", "run", "rmi"]
    assert "docker run" in str(error)
