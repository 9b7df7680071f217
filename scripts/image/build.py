"""Build the action's image from its Dockerfile, on the official base or on a stand-in for it.

Like the runner, the program gives docker only the Dockerfile and no build arguments. If no registry
is reachable, it replaces the base in the FROM line of the text that docker reads.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.image import engine, stand_in_base

TAG = "dataform-action:local"
#: A registry that does not respond within this time counts as unreachable.
_REGISTRY_SECONDS = 5.0
_FROM = re.compile(r"^FROM (?P<image>python:(?P<version>\d+\.\d+)\S*)", re.MULTILINE)


def official_base() -> tuple[str, str]:
    """Return the base in the Dockerfile, and the minor version of its Python."""
    match = _FROM.search(Path(ROOT, "Dockerfile").read_text("utf-8"))
    if match is None:
        raise engine.EngineError("The Dockerfile has no line FROM python:<version>")
    return match["image"], match["version"]


def choose_base() -> str:
    """Return the official base if it is present or can be pulled, otherwise a stand-in.

    Raises:
        EngineError: neither is available.
    """
    image, version = official_base()
    if engine.has_image(image) or _pull(image):
        return image
    return stand_in_base.make(wanted=version)


def _pull(image: str) -> bool:
    """Pull an image; stop early if the registry does not respond."""
    process = subprocess.Popen(
        [engine.client(), "pull", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    timer = threading.Timer(_REGISTRY_SECONDS, process.kill)
    timer.start()
    with process:
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        # The first line follows the registry's first response; the download itself has no limit.
        responded = process.stdout.readline() != ""
        timer.cancel()
        process.stdout.read()
        reason = process.stderr.read().strip()
    if responded and process.returncode == 0:
        return True
    reason = reason or f"no response within {_REGISTRY_SECONDS:g} s"
    print(f"{image} cannot be pulled, so a stand-in replaces it: {reason}", flush=True)
    return False


def dockerfile_on(base: str) -> str:
    """Return the Dockerfile's text with another base."""
    text = Path(ROOT, "Dockerfile").read_text("utf-8")
    return _FROM.sub(lambda _: f"FROM {base}", text, count=1)


def build_image(tag: str, dockerfile: str, context: Path = ROOT, *, no_cache: bool = False) -> None:
    """Build an image from a Dockerfile's text; raise EngineError with the build's log."""
    options = ["--no-cache"] if no_cache else []
    with engine.replacing(tag):
        engine.docker(
            "build", "--force-rm", *options, "-t", tag, "-f", "-", str(context), stdin=dockerfile
        )


def main() -> int:
    """Build the image and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default=TAG)
    parser.add_argument("--no-cache", action="store_true", help="rebuild all layers")
    options = parser.parse_args()
    try:
        engine.check()
        base = choose_base()
        print(f"Building {options.tag} on {base}", flush=True)
        build_image(options.tag, dockerfile_on(base), no_cache=options.no_cache)
    except engine.EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
