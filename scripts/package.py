"""Build the distributions into dist, install the wheel and use it: ``make package``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
#: A program of a user who installed the wheel; mypy sees the types only through py.typed.
_CONSUMER = """\
from dataform_action import DataformWeb, Polling, Result, RunRequest, run
from dataform_action.emulator import Emulator

with Emulator(advance="clock", run_seconds=0) as emulator:
    service = DataformWeb(project_id="1234", token=emulator.token, api_url=emulator.url)
    result: Result = run(service, RunRequest(schedule="nightly"), Polling(), on_update=print)
result.raise_for_state()
"""
#: How Airflow finds the provider; it also works where Airflow is not installed.
_PROVIDER = """\
from importlib.metadata import entry_points

[entry] = entry_points(group="apache_airflow_provider")
assert entry.load()()["package-name"] == entry.dist.name
"""


def main() -> int:
    """Build, install and use the package; any failure ends the command."""
    shutil.rmtree(DIST, ignore_errors=True)
    _call(sys.executable, "-m", "hatchling", "build", "-d", str(DIST))
    [wheel], [source] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _compare(wheel, _build_from(source, folder))
        _use(wheel, folder)
    print(f"{wheel.name} and {source.name} are in {DIST}")
    return 0


def _build_from(source: Path, folder: Path) -> Path:
    """Build a wheel from the source distribution alone, and return its path."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    [tree] = folder.glob("dataform_action-*")
    _call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", cwd=tree)
    [wheel] = (tree / "dist").glob("*.whl")
    return wheel


def _compare(wheel: Path, other: Path) -> None:
    contents = [_contents(path) for path in (wheel, other)]
    if contents[0] != contents[1]:
        sys.exit("The wheel from the source distribution differs from the wheel from the checkout")
    needed = {
        "dataform_action/py.typed",
        "dataform_action/emulator/__main__.py",
        "dataform_action/integrations/airflow/__init__.py",
        "dataform_action/integrations/luigi.py",
    }
    unexpected = {name for name in contents[0] if not name.startswith("dataform_action")}
    if unexpected or not needed <= contents[0].keys():
        sys.exit(f"The wheel lacks {needed - contents[0].keys()} or has unexpected {unexpected}")


def _contents(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def _use(wheel: Path, folder: Path) -> None:
    """Install the wheel into a new virtual environment, and use it from an empty folder."""
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    install = (python, "-m", "pip", "install", "-qq", "--disable-pip-version-check")
    # The image leaves out some requirements of the extra, but this file does not.
    locked = str(ROOT / "requirements" / "release.txt")
    _call(*install, "--require-hashes", "--no-deps", "-r", locked)
    # The requirements of the extra are installed by now, or this fails.
    _call(*install, "--no-index", f"{wheel}[google]")
    empty = folder / "empty"
    empty.mkdir()
    consumer = empty / "consumer.py"
    consumer.write_text(_CONSUMER, "utf-8")
    _call(python, "-W", "error", "-c", "from dataform_action import *", cwd=empty)
    _call(python, "-W", "error", str(consumer), cwd=empty)
    _call(python, "-W", "error", "-c", _PROVIDER, cwd=empty)
    _call(str(environment / "bin" / "dataform-action"), "--version", cwd=empty)
    _call(python, "-m", "dataform_action", "run", "--help", cwd=empty)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--no-incremental")
    _call(*mypy, "--python-executable", python, str(consumer), cwd=empty)


def _call(*command: str, cwd: Path = ROOT) -> None:
    """Run a command; if it fails, print its output and exit."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
