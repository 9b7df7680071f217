#!/usr/local/bin/python3 -Iu
"""Start the action's post step, which the runner calls after the job, however it ended."""

import os
import signal
import sys
from types import FrameType


def leave(_number: int, _frame: FrameType | None) -> None:
    """Leave at once, without failing the job: what is not cleaned up by now stays."""
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    # As in entrypoint.py: this folder, and nothing of the working directory.
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
    from dataform_action.action.post import entry

    entry()
