"""Write README's workflows into a folder, each as the file that its reader would make of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(folder: str) -> None:
    """Write the workflows; what was there before is overwritten."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    readme = (ROOT / "README.md").read_text("utf-8")
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)):
        Path(folder, f"{number}.yml").write_text(text, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
