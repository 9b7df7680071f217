"""Replace the Dockerfile in action.yml with a prebuilt image.

Usage: ``pin_image.py NAME@sha256:DIGEST`` rewrites the action.yml of the checkout.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_IMAGE = re.compile(r"[a-z0-9.:-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
_LINE = re.compile(r"^  image: Dockerfile$", re.MULTILINE)


def check_image(image: str) -> str:
    """Return an image that is named by digest; raise ValueError for another."""
    if _IMAGE.fullmatch(image) is None:
        raise ValueError(f"{image!r} is not an image by digest: use NAME@sha256:DIGEST")
    return image


def rewrite(action: str, image: str) -> str:
    """Return the text of action.yml with the image instead of the Dockerfile.

    Raises:
        ValueError: the image is not named by digest, or the text does not name the Dockerfile.
    """
    text, count = _LINE.subn(f"  image: docker://{check_image(image)}", action)
    if count != 1:
        raise ValueError(
            f"action.yml has {count} lines '  image: Dockerfile' instead of one: "
            "only the action.yml of main can be rewritten"
        )
    return text


def main() -> int:
    """Rewrite action.yml and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    image = parser.parse_args().image
    path = ROOT / "action.yml"
    try:
        text = rewrite(path.read_text("utf-8"), image)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
