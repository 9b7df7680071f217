"""Build pages of the public interface from its docstrings into build/docs: ``make docs``.

The command fails if a name is missing from the pages, or if a docstring is malformed.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

import pdoc

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import dataform_action

_MODULES = ("dataform_action", "dataform_action.emulator")


def main() -> int:
    """Build the pages and return the exit code."""
    warnings.simplefilter("error")
    # Names are imported on first use, and pdoc sees only imported names.
    names = [name for name in dataform_action.__all__ if getattr(dataform_action, name)]
    folder = ROOT / "build" / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    pdoc.render.configure(docformat="google", show_source=False, search=False)
    pdoc.pdoc(*_MODULES, output_directory=folder)
    page = (folder / "dataform_action.html").read_text("utf-8")
    missing = [name for name in names if f'id="{name}"' not in page]
    if missing:
        print(f"Missing from the page: {', '.join(missing)}")
        return 1
    print(f"{folder / 'dataform_action.html'}: {len(names)} names")
    return 0


if __name__ == "__main__":
    sys.exit(main())
