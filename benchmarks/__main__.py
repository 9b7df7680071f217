"""Compare the action with its peers, and print a table: ``make bench``.

All figures are measured in rounds that alternate between the contenders. --quick measures each
figure once, to check that everything works. --write updates docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from functools import partial
from importlib.metadata import version

from benchmarks import table
from benchmarks.contenders import ALL, BARE, ROOT, Contender
from benchmarks.measure import options as measure_options
from benchmarks.measure.real_runs import measure_real_runs
from benchmarks.measure.simulated_polls import PAUSE
from benchmarks.measure.steps import Wait, poll, start
from benchmarks.round_statistics import alternate
from scripts.image import build, engine

DOCS = ROOT / "docs" / "benchmarks.md"
MARK = "<!-- measured -->\n"
OPTIONS_MARK = "<!-- options -->\n"


def main() -> None:
    """Measure everything that this machine can measure, and print it."""
    options = parse_options()
    contenders = [one for one in ALL if not one.missing]
    notes = [one.missing for one in ALL if one.missing]
    collected = table.Collected()

    report_progress("Starts")
    starts = {one: partial(start, one) for one in contenders}
    collected.starts = alternate(options.rounds, starts, warm_up=not options.quick)
    image, problem = ("", "--no-image") if options.no_image else find_image(options.image)
    if image:
        report_progress(f"Starts in {image}")
        in_image = {one: partial(start, one, image) for one in contenders if one.in_image}
        collected.image_starts = alternate(
            options.image_rounds, in_image, warm_up=not options.quick
        )
    else:
        notes.append(f"`docker run` is not measured: {' '.join(problem.split())}")
    report_progress("Polls")
    waits = {one: partial(few_and_many, one, options.polls) for one in contenders}
    collected.waits = alternate(options.poll_rounds, waits, warm_up=False)
    report_progress(f"Real runs of {', '.join(f'{length:g}' for length in options.lengths)} s")
    senders = [one for one in contenders if one is not BARE]
    collected.real_runs = measure_real_runs(senders, options.lengths, options.pause)

    text = "\n".join(
        (describe(options, image), table.render(collected), *map("* {}".format, notes))
    )
    report_progress("Options")
    more = measure_options.render(options.poll_rounds)
    print(f"{text}\n{more}")
    if options.write:
        write(MARK, text)
        write(OPTIONS_MARK, more)


def write(mark: str, text: str) -> None:
    """Replace the text between two marks in docs/benchmarks.md."""
    parts = DOCS.read_text("utf-8").split(mark)
    parts[1] = text.rstrip("\n") + "\n"
    DOCS.write_text(mark.join(parts), "utf-8")


def parse_options() -> argparse.Namespace:
    """Return the options, with the values for --quick or for a full run."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="rounds of starts")
    parser.add_argument("--image-rounds", type=int, default=31, help="rounds in the image")
    parser.add_argument("--poll-rounds", type=int, default=7, help="rounds of waits")
    parser.add_argument("--polls", type=int, default=300, help="polls in a wait (at most 2,000)")
    parser.add_argument("--image", default="", help="measure this image instead of building one")
    parser.add_argument("--no-image", action="store_true", help="do not use docker")
    parser.add_argument("--quick", action="store_true", help="measure once, in 20 seconds")
    parser.add_argument("--write", action="store_true", help="update docs/benchmarks.md")
    options = parser.parse_args()
    # A run reaches its default timeout after about 2,000 polls.
    if not 20 <= options.polls <= 2000:
        parser.error("--polls must be from 20 to 2,000")
    options.pause, options.lengths = PAUSE, (3.5, 22.5, 65.5)
    if options.quick:
        if options.write:
            parser.error("--quick measures too little for --write")
        options.rounds = options.image_rounds = options.poll_rounds = 1
        options.polls, options.pause, options.lengths = 20, 2.0, (1.5,)
    return options


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


def few_and_many(contender: Contender, polls: int) -> tuple[Wait, Wait]:
    """Measure a wait with one poll, and one with many."""
    return poll(contender, 1), poll(contender, polls)


def describe(options: argparse.Namespace, image: str) -> str:
    """Return a description of the machine and the rounds."""
    where = f"the image is `{image}`" if image else "no image"
    return (
        f"Python {platform.python_version()}, requests {version('requests')}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors; {where}. "
        f"Rounds: {options.rounds} of starts, {options.image_rounds} in the image, "
        f"{options.poll_rounds} of waits with about {options.polls} polls.\n"
    )


def report_progress(line: str) -> None:
    """Print a line to the standard error."""
    print(f"{line} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
