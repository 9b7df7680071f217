#!/usr/local/bin/python3 -Iu
"""Start the action. The image runs this; in a checkout, so does ``make demo``."""

import sys
from pathlib import Path

# An isolated interpreter does not look beside the script by itself, and looks at
# nothing in the working directory, which is a stranger's checkout.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from dataform_action.main import entry

if __name__ == "__main__":
    entry()
