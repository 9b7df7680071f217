"""Build the action's image from its Dockerfile, on the official base or on a stand-in for it.

The runner builds with no argument but the Dockerfile, and so does this: where no registry is
reachable, the stand-in takes the place of the FROM line in the text that docker reads.
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
#: A registry that has said nothing by then is taken for unreachable.
_REGISTRY_SECONDS = 5.0
_FROM = re.compile(r"^FROM (?P<image>python:(?P<version>\d+\.\d+)\S*)", re.MULTILINE)


def official_base() -> tuple[str, str]:
    """Return the base that the Dockerfile names, and its Python's minor version."""
    match = _FROM.search(Path(ROOT, "Dockerfile").read_text("utf-8"))
    if match is None:
        raise engine.EngineError("The Dockerfile has no line FROM python:<version>")
    return match["image"], match["version"]


def choose_base() -> str:
    """Return the official base if it is there or can be pulled, else a stand-in.

    Raises:
        EngineError: there is neither.
    """
    image, version = official_base()
    if engine.has_image(image) or _pull(image):
        return image
    return stand_in_base.make(wanted=version)


def _pull(image: str) -> bool:
    """Pull an image, giving up early on a registry that does not answer."""
    process = subprocess.Popen(
        [engine.client(), "pull", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    timer = threading.Timer(_REGISTRY_SECONDS, process.kill)
    timer.start()
    with process:
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        # The first line comes with the registry's first answer; the rest may take its time.
        answered = process.stdout.readline() != ""
        timer.cancel()
        process.stdout.read()
        reason = process.stderr.read().strip()
    if answered and process.returncode == 0:
        return True
    reason = reason or f"no answer within {_REGISTRY_SECONDS:g} s"
    print(f"{image} cannot be pulled, so a stand-in takes its place: {reason}", flush=True)
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
    parser.add_argument("--no-cache", action="store_true", help="build every layer anew")
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
