"""The stand-in for the official Python image: its interpreter, and the test before it is used."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from scripts.image import engine, stand_in_base
from scripts.image.host_python import choose, probe

#: A docker client that logs its commands; its containers end with the given exit code.
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
    """Import an archive; return docker's commands and the raised error."""
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


def test_a_virtual_environment_leads_to_its_base(tmp_path: Path) -> None:
    """The base interpreter of a virtual environment is copied, with paths below its prefix."""
    venv.create(tmp_path / "venv")
    chosen = choose(str(tmp_path / "venv/bin/python"), "3.13")
    base = sys._base_executable  # type: ignore[attr-defined]
    assert chosen == choose(base, "3.13")
    assert chosen.executable == Path(base).resolve()
    assert ".." not in chosen.packages


def test_packages_outside_the_prefix_are_refused(tmp_path: Path) -> None:
    """An interpreter is refused if its pip would be unpacked outside the image's files."""
    (tmp_path / "lib/ensurepip/_bundled").mkdir(parents=True)
    (tmp_path / "lib/ensurepip/_bundled/pip-1-py3-none-any.whl").touch()
    python = tmp_path / "python"
    output = '{"version": [3, 13, 0], "executable": "/p", "library": "%s/lib", "packages": "%s"}'
    for packages, is_chosen in (("lib/site-packages", True), ("../site-packages", False)):
        python.write_text(f"#!/bin/sh\necho '{output % (tmp_path, packages)}'\n", "utf-8")
        python.chmod(0o755)
        assert (probe(str(python)) is not None) is is_chosen


def test_an_image_gets_its_name_after_its_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test comes before the name, because the next build uses a named image untested."""
    calls, error = _calls(tmp_path, monkeypatch, exit_code=0)
    assert [call for call in calls if call != "images"] == ["import", "run", "tag"]
    assert error is None


def test_an_image_that_fails_its_test_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is removed, so that no build uses it."""
    calls, error = _calls(tmp_path, monkeypatch, exit_code=1)
    assert calls == ["import", "run", "rmi"]
    assert "docker run" in str(error)
