#!/usr/local/bin/python3 -Iu
"""Start the action's post step, which the runner calls after the job, however it ended."""

import sys
from pathlib import Path

# As in entrypoint.py: this folder, and nothing of the working directory.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from dataform_action.post import entry

if __name__ == "__main__":
    entry()
