"""Run the emulator: ``python -m dataform_action.emulator``."""

import sys

from dataform_action.emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
