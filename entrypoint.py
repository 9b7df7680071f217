#!/usr/local/bin/python3 -Iu
"""Start the action. The image runs this; in a checkout, so does ``make demo``."""

import os
import signal
import sys
from types import FrameType


def leave(number: int, _frame: FrameType | None) -> None:
    """Leave at once: until the action takes over the signals, nothing has been created."""
    os._exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    # An isolated interpreter does not look beside the script by itself, and looks at
    # nothing in the working directory, which is a stranger's checkout.
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
    from dataform_action.action.main import entry

    entry()
