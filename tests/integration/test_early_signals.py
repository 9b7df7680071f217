"""SIGINT in the first milliseconds of a program, while Python itself starts."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.steps import PYTHON, ROOT, start_step

#: A step that does not end by itself, because nothing listens at this address.
_ENDLESS = {
    "project-id": "1234",
    "schedule": "nightly",
    "token": "t0ken",
    "api-url": "http://127.0.0.1:1",
}
_MOMENTS = 48
#: Messages about a signal between the start of the interpreter and our first handler. They cannot
#: be prevented. With the flags of the image, this time is about a millisecond.
_BEFORE_OUR_FIRST_LINE = re.compile(
    r"init_sys_streams: can't initialize"
    r"|failed to set __main__\.__loader__"
    r"|Failed checking if argv\[0\] is an import path entry"
    r'|entrypoint\.py", line 0, in <module>'
    r'|entrypoint\.py", line [0-9]+, in <module>\n +'
    r"(?:import (?:_signal|posix)|def leave|if __name__|_signal\.signal\(_signal\.SIGINT)"
)


def _start(folder: Path, entry: str) -> subprocess.Popen[str]:
    """Start a program without coverage, which would make its start longer."""
    folder.mkdir()
    return start_step(folder, _ENDLESS, entry, is_covered=False)


def _cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return how long a process that was not waited for has used a CPU."""
    # The id of another process's clock: see clock_getcpuclockid(3).
    return time.clock_gettime((~process.pid << 3) | 2)


def _stop(folder: Path, entry: str, after: float) -> tuple[int, str]:
    """Send SIGINT to a program that has used a CPU for so long. Return its exit code and its log.

    This time does not depend on what else the machine does.
    """
    process = _start(folder, entry)
    while process.poll() is None and _cpu_seconds(process) < after:
        time.sleep(0.0005)
    process.send_signal(signal.SIGINT)
    try:
        log, _ = process.communicate(timeout=7)
    except subprocess.TimeoutExpired:
        process.kill()
        log, _ = process.communicate()
    return process.returncode, log


def _cpu_seconds_until_our_log(folder: Path) -> float:
    process = _start(folder, "entrypoint.py")
    assert process.stdout is not None
    process.stdout.readline()
    seconds = _cpu_seconds(process)
    process.kill()
    process.communicate()
    return seconds


@pytest.mark.skipif(sys.platform != "linux", reason="reads the clocks of other processes")
@pytest.mark.parametrize(
    ("entry", "exit_code"), [("entrypoint.py", 130), ("post_entrypoint.py", 0)]
)
def test_signal_at_any_time(tmp_path: Path, entry: str, exit_code: int) -> None:
    """After our first line, SIGINT ends the program without a traceback."""
    whole = 1.2 * _cpu_seconds_until_our_log(tmp_path / "whole")
    with ThreadPoolExecutor(2) as pool:
        ends = list(
            pool.map(
                lambda number: _stop(tmp_path / str(number), entry, whole * number / _MOMENTS),
                range(_MOMENTS),
            )
        )
    surprised = [log for _, log in ends if _BEFORE_OUR_FIRST_LINE.search(log)]
    others = [(code, log) for code, log in ends if log not in surprised]
    assert len(surprised) <= _MOMENTS / 4, surprised
    assert [log for _, log in others if "Traceback" in log] == []
    # Before Python installs its handler, SIGINT ends the process. Shells report 130 for that too.
    assert {code for code, _ in others} <= {exit_code, -signal.SIGINT}
    assert sum(code == exit_code for code, _ in others) > _MOMENTS / 4


#: Run a program, and print the modules that it loaded before it installed its first handler.
_WITNESS = """
import sys, _signal
sys.modules["site"] = None
sys.argv = ["x", "--version"]
known, install = set(sys.modules), _signal.signal
def witness(number, handler):
    print(sorted(set(sys.modules) - known), flush=True)
    return install(number, handler)
_signal.signal = witness
sys.path.insert(0, {folder!r})
source = open({file!r}).read()
exec(compile(source, {file!r}, "exec"), dict(__name__="__main__", __file__={file!r}))
"""


@pytest.mark.parametrize(
    ("file", "loaded"),
    [
        ("entrypoint.py", []),
        ("post_entrypoint.py", []),
        ("dataform_action/__main__.py", []),
        # The installed command imports these modules.
        ("tests/support/command.py", ["dataform_action", "dataform_action.__main__"]),
    ],
)
def test_signal_handlers_are_installed_first(file: str, loaded: list[str]) -> None:
    """No slow module is loaded before: not signal, os or site, and none of the package."""
    program = _WITNESS.format(file=str(ROOT / file), folder=str(ROOT))
    # The rest of the program fails, because there is no site-packages.
    done = subprocess.run([*PYTHON, "-c", program], capture_output=True, text=True, check=False)
    first = done.stdout.partition("\n")[0]
    assert set(re.findall(r"'([^']+)'", first)) - {"posix"} == set(loaded), done.stderr
    assert first.startswith("["), done.stderr
