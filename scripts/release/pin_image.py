"""Replace the Dockerfile in every action.yml with a prebuilt image.

The repository has one action at the top, and others in folders such as plan/.

Usage: ``pin_image.py NAME@sha256:DIGEST`` rewrites the files of the checkout.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_IMAGE = re.compile(r"[a-z0-9.:-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
_ACTION = re.compile(r"([a-z0-9-]+/)?action\.yml")
_LINE = re.compile(r"^  image: (.*)$", re.MULTILINE)


def is_action(path: str) -> bool:
    """Return whether a path in the repository is that of an action."""
    return _ACTION.fullmatch(path) is not None


def read_actions(root: Path) -> dict[str, str]:
    """Return the text of each action in a checkout, by its path."""
    found = [*root.glob("action.yml"), *root.glob("*/action.yml")]
    paths = filter(is_action, sorted(str(path.relative_to(root)) for path in found))
    return {path: Path(root, path).read_text("utf-8") for path in paths}


def check_image(image: str) -> str:
    """Return an image that is named by digest; raise ValueError for another."""
    if _IMAGE.fullmatch(image) is None:
        raise ValueError(f"{image!r} is not an image by digest: use NAME@sha256:DIGEST")
    return image


def rewrite(actions: Mapping[str, str], image: str) -> dict[str, str]:
    """Return the text of each action with the image instead of the Dockerfile.

    Raises:
        ValueError: the image is not named by digest, there is no action at the top, or an action
            does not name the Dockerfile at the top.
    """
    check_image(image)
    if "action.yml" not in actions:
        raise ValueError("There is no action.yml at the top of the repository")
    return {path: _rewrite_one(path, text, image) for path, text in actions.items()}


def _rewrite_one(path: str, text: str, image: str) -> str:
    dockerfile = "../" * path.count("/") + "Dockerfile"
    if images_of(text) != [dockerfile]:
        raise ValueError(
            f"{path} does not have exactly one line '  image:', with {dockerfile}: "
            "only the actions of main can be rewritten"
        )
    return _LINE.sub(f"  image: docker://{image}", text)


def images_of(text: str) -> list[str]:
    """Return the images that the text of an action names."""
    return _LINE.findall(text)


def main() -> int:
    """Rewrite the actions and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    image = parser.parse_args().image
    try:
        actions = rewrite(read_actions(ROOT), image)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in actions.items():
        Path(ROOT, path).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
