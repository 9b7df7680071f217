"""Build the distributions into dist, install the wheel by itself, and use it: ``make package``."""

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
#: What somebody who installed the wheel may write; mypy sees the types only by py.typed.
_CONSUMER = """\
from dataform_action import DataformWeb, Polling, Result, RunRequest, run
from dataform_action.emulator import Emulator

with Emulator(advance="clock", run_seconds=0) as emulator:
    service = DataformWeb(project_id="1234", token=emulator.token, api_url=emulator.url)
    result: Result = run(service, RunRequest(schedule="nightly"), Polling(), on_update=print)
result.raise_for_state()
"""


def main() -> int:
    """Build, install and use the package; whatever fails ends the command."""
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
    """Return a wheel that is built from nothing but the source distribution."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    [tree] = folder.glob("dataform_action-*")
    _call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", cwd=tree)
    [wheel] = (tree / "dist").glob("*.whl")
    return wheel


def _compare(wheel: Path, other: Path) -> None:
    contents = [_contents(path) for path in (wheel, other)]
    if contents[0] != contents[1]:
        sys.exit("The wheel that the source distribution makes is another one")
    needed = {"dataform_action/py.typed", "dataform_action/emulator/__main__.py"}
    strange = {name for name in contents[0] if not name.startswith("dataform_action")}
    if strange or not needed <= contents[0].keys():
        sys.exit(f"The wheel lacks {needed - contents[0].keys()} or has {strange}")


def _contents(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def _use(wheel: Path, folder: Path) -> None:
    """Install the wheel into an environment of its own, and use it from an empty folder."""
    made = folder / "venv"
    venv.create(made, with_pip=True)
    python = str(made / "bin" / "python")
    install = (python, "-m", "pip", "install", "-qq", "--disable-pip-version-check")
    locked = str(ROOT / "requirements.txt")
    _call(*install, "--require-hashes", "--no-deps", "-r", locked)
    # What the extra asks for is there by now, or this fails.
    _call(*install, "--no-index", f"{wheel}[google]")
    empty = folder / "empty"
    empty.mkdir()
    consumer = empty / "consumer.py"
    consumer.write_text(_CONSUMER, "utf-8")
    _call(python, "-W", "error", "-c", "from dataform_action import *", cwd=empty)
    _call(python, "-W", "error", str(consumer), cwd=empty)
    _call(str(made / "bin" / "dataform-action"), "--version", cwd=empty)
    _call(python, "-m", "dataform_action", "run", "--help", cwd=empty)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--no-incremental")
    _call(*mypy, "--python-executable", python, str(consumer), cwd=empty)


def _call(*command: str, cwd: Path = ROOT) -> None:
    """Run a command; show what it said, and end with its exit code, if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
