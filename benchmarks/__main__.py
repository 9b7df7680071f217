"""Measure this action and what people use instead, and print a table for each question.

--quick measures each figure once, to check that everything works. --write updates
docs/benchmarks.md. --against also measures the package of an earlier commit.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from benchmarks import page
from benchmarks.contenders import available, extract
from benchmarks.questions import (
    downloading,
    noticing,
    options,
    planning,
    side_by_side,
    starting,
    waiting,
)
from benchmarks.setup import Setup
from scripts.image import build, engine

_ROUNDS = 5


def main() -> None:
    """Measure everything that this machine can measure, and print it."""
    started = time.monotonic()
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as path:
        earlier = Path(path) if arguments.against else None
        if earlier is not None:
            extract(arguments.against, earlier)
        contenders, notes = available(earlier, arguments.against)
        image, problem = ("", "--no-image") if arguments.no_image else find_image(arguments.image)
        if not image:
            notes.append(f"`docker run` is not measured: {' '.join(problem.split())}")
        setup = Setup(
            contenders=contenders,
            rounds=1 if arguments.quick else arguments.rounds,
            image=image,
            quick=arguments.quick,
            notes=notes,
        )
        if not setup.has_hyperfine:
            setup.notes.append("Whole steps and plans are not measured: apt-get install hyperfine.")
        answers = measure(setup)
    minutes = (time.monotonic() - started) / 60
    answers = {"machine": f"{describe()} It took {minutes:.1f} minutes.", **answers}
    answers["machine"] += "".join(f"\n* {note}" for note in setup.notes)
    print("\n\n".join(f"## {name}\n\n{answer}" for name, answer in answers.items()))
    if arguments.write:
        page.write(answers)


def measure(setup: Setup) -> dict[str, str]:
    """Return the answer to each question.

    The real runs wait in another thread while bytes are counted, which takes no exact times.
    """
    with ThreadPoolExecutor(1) as thread:
        real = thread.submit(noticing.real_runs, setup)
        downloaded = take("downloading", downloading.answer, setup)
        noticed = noticing.answer(setup, real.result())
    return {
        "noticing": noticed,
        "waiting": take("waiting", waiting.answer, setup),
        "downloading": downloaded,
        "side by side": take("side by side", side_by_side.answer, setup),
        "starting": take("starting", starting.answer, setup),
        "planning": take("planning", planning.answer, setup),
        "options": take("options", options.answer, setup),
    }


def take(name: str, answer: Callable[[Setup], str], setup: Setup) -> str:
    """Return an answer, and print how long it took."""
    started = time.monotonic()
    text = answer(setup)
    print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return text


def parse_arguments() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="rounds of each measurement")
    parser.add_argument("--against", default="", metavar="COMMIT", help="an earlier commit")
    parser.add_argument("--image", default="", help="measure this image instead of building one")
    parser.add_argument("--no-image", action="store_true", help="do not use docker")
    parser.add_argument("--quick", action="store_true", help="measure once, in a minute")
    parser.add_argument("--write", action="store_true", help="update docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.write and (arguments.quick or arguments.against):
        parser.error("--write goes with neither --quick nor --against")
    return arguments


def find_image(name: str) -> tuple[str, str]:
    """Return the image to measure, and the reason if there is none.

    Without a name, the image is built from the checkout.
    """
    try:
        engine.check()
        if not name:
            name = build.TAG
            build.build_image(name, build.dockerfile_on(build.choose_base()))
    except engine.EngineError as error:
        return "", str(error)
    return name, ""


def describe() -> str:
    """Return a description of the machine and the run."""
    return (
        f"All figures are of one run on one machine: Python {platform.python_version()}, requests "
        f"{version('requests')}, {platform.system()} {platform.machine()}, {os.cpu_count()} "
        "processors."
    )


if __name__ == "__main__":
    main()
