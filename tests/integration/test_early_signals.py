"""SIGINT in the first milliseconds of a program, when Python itself would still be surprised."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.steps import PYTHON, ROOT, start_step

#: A step that goes on until it is stopped: nobody listens there.
_ENDLESS = {
    "project-id": "1234",
    "schedule": "nightly",
    "token": "t0ken",
    "api-url": "http://127.0.0.1:1",
}
_MOMENTS = 48
#: What the interpreter says of a signal between the moment when it takes over SIGINT and the
#: first line of ours. Nobody can prevent that; the flags of the image make it a millisecond.
_BEFORE_OUR_FIRST_LINE = re.compile(
    r"init_sys_streams: can't initialize"
    r"|Failed checking if argv\[0\] is an import path entry"
    r'|entrypoint\.py", line 0, in <module>'
)


def _stop(folder: Path, entry: str, after: float) -> tuple[int, str]:
    """Send SIGINT to a program so long after its start; return its exit code and what it said."""
    folder.mkdir()
    process = start_step(folder, _ENDLESS, entry)
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    try:
        log, _ = process.communicate(timeout=7)
    except subprocess.TimeoutExpired:
        process.kill()
        log, _ = process.communicate()
    return process.returncode, log


def _seconds_until_our_log(folder: Path) -> float:
    folder.mkdir()
    started = time.monotonic()
    process = start_step(folder, _ENDLESS)
    assert process.stdout is not None
    process.stdout.readline()
    seconds = time.monotonic() - started
    process.kill()
    process.communicate()
    return seconds


@pytest.mark.parametrize(
    ("entry", "exit_code"), [("entrypoint.py", 130), ("post_entrypoint.py", 0)]
)
def test_whenever_a_signal_comes(tmp_path: Path, entry: str, exit_code: int) -> None:
    """From the start to the log's first lines, SIGINT ends the program at once and quietly."""
    whole = 1.2 * _seconds_until_our_log(tmp_path / "whole")
    with ThreadPoolExecutor(2) as pool:
        ends = list(
            pool.map(
                lambda number: _stop(tmp_path / str(number), entry, whole * number / _MOMENTS),
                range(_MOMENTS),
            )
        )
    surprised = [log for _, log in ends if _BEFORE_OUR_FIRST_LINE.search(log)]
    others = [(code, log) for code, log in ends if log not in surprised]
    # A millisecond of Python's own start, which a busy machine stretches.
    assert len(surprised) <= _MOMENTS / 4, surprised
    assert [log for _, log in others if "Traceback" in log] == []
    # Before Python takes it over, SIGINT ends a process by itself: shells say 130 as well.
    assert {code for code, _ in others} <= {exit_code, -signal.SIGINT}
    assert sum(code == exit_code for code, _ in others) > _MOMENTS / 4


#: Run a program, and print which modules were there when it took over its first signal.
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
        # As the installed command does.
        ("tests/support/command.py", ["dataform_action", "dataform_action.__main__"]),
    ],
)
def test_signals_are_taken_over_first(file: str, loaded: list[str]) -> None:
    """Nothing that takes time is imported before: not signal, os or site, and nothing of ours."""
    program = _WITNESS.format(file=str(ROOT / file), folder=str(ROOT))
    # What comes afterwards fails, for there is no site-packages.
    done = subprocess.run([*PYTHON, "-c", program], capture_output=True, text=True, check=False)
    first = done.stdout.partition("\n")[0]
    assert set(re.findall(r"'([^']+)'", first)) - {"posix"} == set(loaded), done.stderr
    assert first.startswith("["), done.stderr
