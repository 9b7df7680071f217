"""Find a CPython on this machine that can be copied into an image."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.image.engine import EngineError

OLDEST = (3, 11)
NEEDED = (
    "The stand-in needs a CPython 3.11 or newer on this machine, from pyenv, uv or a hosted "
    "runner's tool cache, or the system's with its pip wheel (on Debian and Ubuntu, apt-get "
    "install python3-venv). --python names one."
)
_PLACES = (
    "~/.pyenv/versions/3.*/bin/python3",
    "~/.local/share/uv/python/cpython-3.*/bin/python3",
    "/opt/hostedtoolcache/Python/3.*/*/bin/python3",
    "/usr/local/bin/python3",
    "/usr/bin/python3",
)
#: A virtual environment describes its base interpreter.
_PROBE = """
import json, os, site, sys, sysconfig
print(json.dumps({
    "version": sys.version_info[:3],
    "executable": os.path.realpath(sys._base_executable),
    "library": os.path.realpath(sysconfig.get_path("stdlib")),
    "packages": os.path.relpath(site.getsitepackages([sys.base_prefix])[-1], sys.base_prefix),
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython of this machine; ``packages`` is its folder for modules, relative to its prefix."""

    version: tuple[int, ...]
    executable: Path
    library: Path
    packages: str
    pip_wheel: Path

    @property
    def name(self) -> str:
        """The name with the minor version, such as python3.13."""
        return f"python{self.version[0]}.{self.version[1]}"


def choose(python: str | None, wanted: str) -> Interpreter:
    """Return the named interpreter; by default one of the wanted version, else the newest.

    Raises:
        EngineError: no interpreter is suitable.
    """
    candidates = [python] if python is not None else list(_candidates())
    found = [entry for entry in map(probe, candidates) if entry is not None]
    if not found:
        searched = ", ".join(candidates) or "no place"
        raise EngineError(
            f"No stand-in for the official Python image can be built. Searched: {searched}. "
            f"{NEEDED}"
        )
    return max(found, key=lambda entry: (entry.name == f"python{wanted}", entry.version))


def _candidates() -> Iterator[str]:
    for place in _PLACES:
        path = Path(place).expanduser()
        yield from map(str, Path("/").glob(str(path.relative_to("/"))))
    yield sys.executable


def probe(python: str) -> Interpreter | None:
    """Let an interpreter describe itself.

    Return None if it does not work, is too old, lacks pip, or has its packages outside its prefix.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", _PROBE], capture_output=True, text=True, check=True, timeout=20
        )
        reported: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    library = Path(reported["library"])
    wheels = sorted(
        [
            *library.glob("ensurepip/_bundled/pip-*.whl"),
            *Path("/usr/share/python-wheels").glob("pip-*.whl"),
        ]
    )
    is_outside = Path(reported["packages"]).parts[0] == ".."
    if tuple(reported["version"]) < OLDEST or not wheels or is_outside:
        return None
    return Interpreter(
        version=tuple(reported["version"]),
        executable=Path(reported["executable"]),
        library=library,
        packages=reported["packages"],
        pip_wheel=wheels[0],
    )
