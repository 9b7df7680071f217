"""Take screenshots of summaries and a comment as GitHub shows them: ``make screenshots``.

The program runs steps against the emulator, and renders their summaries with GitHub's Markdown
rules, its stylesheet and the real Mermaid. It writes a light and a dark screenshot of each to
docs/images, and for a failed run another one of the part before the timeline. The scene ``plan`` is
the comment of a sample plan.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from zlib import crc32

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import (
    Commit,
    Course,
    Emulator,
    PastInvocation,
    ReleaseConfig,
    Repository,
    WorkflowConfig,
)
from dataform_action.report.plan.comment import render_comment
from tests.support import plans
from tests.support.fakes import FakeClock
from tests.support.github_markdown import render_html
from tests.support.steps import run_here

BROWSER = ROOT / "tests" / "browser"
PROJECTS = ROOT / "tests" / "projects"
IMAGES = ROOT / "docs" / "images"
THEMES = ("light", "dark")
#: CSS pixels: the width of a run's page next to its list of jobs, on a common screen.
WIDTH = 1012
#: Pixels for each CSS pixel; the first value that keeps within SIZE_LIMIT is used.
SCALES = (2.0, 1.5, 1.0)
SIZE_LIMIT = 250_000
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60.0

PROJECT = "example-shop-warehouse"
SHA = "3f2a9c1d0b8e7f6a5c4d3e2f1a0b9c8d7e6f5a4b"
BROKEN_SHA = "9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c"
#: A fixed time, so that the screenshots do not depend on the date.
NIGHT = datetime(2026, 3, 3, 2, 0, 4, tzinfo=UTC).timestamp()
RUN_SECONDS = 14 * 60.0
FAILURES = {
    "core.fct_order_lines": (
        "Query error: Column quantity in table example-shop-warehouse.intermediate.int_order_lines "
        "has type STRING, but SUM needs a number at [14:7]"
    ),
    "mart_marketing.search_terms": (
        "Resources exceeded during query execution: The query could not be executed in the "
        "allotted memory. Peak usage: 128% of limit.\n"
        "Top memory consumer(s):\n  ORDER BY operations: 99%\n  other/unattributed: 1%"
    ),
}
#: The inputs of each step, and the failures of its run. A run that repeats them has none.
SCENES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "success": ({"schedule": "nightly"}, {}),
    "failure": ({"schedule": "nightly"}, FAILURES),
    "compile-errors": ({"git-ref": "feature/vouchers"}, {}),
    "retry": ({"schedule": "nightly", "retry-failed": "1"}, FAILURES),
    "slower": ({"schedule": "nightly", "costs": "true"}, {}),
}
#: The scene with earlier runs, and how long each of them took, in seconds.
SLOWER_SCENE, PAST_SECONDS = "slower", (560.0, 575.0, 548.0, 590.0, 566.0)
#: The scenes with a screenshot of their top, and the heading before which the top ends.
TOP_SCENES, TOP_END = ("failure", "retry"), "\n### Timeline\n"
#: The scene of which only the top is new.
ONLY_TOP = "retry"
#: The scene with the comment of a plan.
PLAN_SCENE, PLAN_TITLE = "plan", "github-actions (bot) commented"


@dataclass(frozen=True, slots=True)
class Page:
    """The HTML of a screenshot, and the title that GitHub's page shows above it.

    ``is_whole`` is false if the summary continues below it.
    """

    body: str
    is_whole: bool = True
    title: str = "nightly summary"


class ScreenshotError(Exception):
    """The program cannot take the screenshots; the message says what is missing or failed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a page: its height in CSS pixels, and the elements that overflow it."""

    height: int
    overflow: str


def main() -> int:
    """Take the screenshots and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=IMAGES, help="the folder for the screenshots")
    parser.add_argument("--scene", choices=sorted((*SCENES, PLAN_SCENE)), help="take only this one")
    options = parser.parse_args()
    try:
        chromium = find_chromium()
        options.to.mkdir(parents=True, exist_ok=True)
        problems = []
        for scene in [options.scene] if options.scene else [*SCENES, PLAN_SCENE]:
            for name, page in make_pages(scene).items():
                for theme in THEMES:
                    file = options.to / f"{name}-{theme}.png"
                    problems += take_screenshot(chromium, page, theme, file)
    except ScreenshotError as error:
        print(error, file=sys.stderr)
        return 1
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def find_chromium() -> str:
    """Return the browser's path.

    Raises:
        ScreenshotError: the browser, Node.js or the npm packages are missing.
    """
    if not (BROWSER / "node_modules").is_dir():
        raise ScreenshotError(
            f"{BROWSER.relative_to(ROOT)}/node_modules is missing: run make screenshots"
        )
    if shutil.which("node") is None:
        raise ScreenshotError("node is missing: install Node.js 18 or newer")
    for name in CHROMIUM:
        path = shutil.which(name)
        if path is not None:
            return path
    raise ScreenshotError(
        f"There is no browser on PATH (searched for {', '.join(CHROMIUM)}): "
        "on Debian, apt-get install chromium"
    )


def make_shop(failures: dict[str, str], past_seconds: Sequence[float] = ()) -> Repository:
    """Return a repository of 394 actions; its nightly run has these failures.

    There was a run in each of the nights before, which took these seconds.
    """
    graph = json.loads((PROJECTS / "shop.json").read_text("utf-8"))
    names = [f"{node['target']['schema']}.{node['target']['name']}" for node in graph["tables"]]
    # Like real tables: most are fast, a few take minutes.
    lengths = {name: 2 + (crc32(name.encode()) % 100) ** 4 // 2_000_000 for name in names}
    course = Course(seconds=RUN_SECONDS, parallel=12, failures=failures, lengths=lengths)
    past = tuple(
        PastInvocation(
            started=NIGHT - day * 86_400, seconds=seconds, workflow_config="nightly", course=course
        )
        for day, seconds in enumerate(past_seconds, 1)
    )
    return Repository(
        graph=graph,
        past_invocations=past,
        name="shop",
        project=PROJECT,
        git_url="https://github.com/OWNER/shop-warehouse.git",
        refs={
            "main": Commit(sha=SHA),
            "feature/vouchers": Commit(sha=BROKEN_SHA, graph=PROJECTS / "shop-broken.json"),
        },
        release_configs=(ReleaseConfig(name="production"),),
        workflow_configs=(
            WorkflowConfig(name="nightly", release_config="production", course=course),
        ),
    )


def run_scene(scene: str) -> str:
    """Run a step to its end in simulated time; return its summary."""
    clock = FakeClock(NIGHT)
    chosen, failures = SCENES[scene]
    shop = make_shop(failures, PAST_SECONDS if scene == SLOWER_SCENE else ())
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(advance="clock", clock=clock, repositories=[shop]) as emulator,
    ):
        emulator.set_course(None, Course(seconds=90.0, parallel=12))
        inputs = {
            "project-id": PROJECT,
            "location": "europe-west1",
            "repository": "shop",
            "token": emulator.token,
            "api-url": emulator.url,
            **({"bigquery-url": emulator.url} if "costs" in chosen else {}),
            **chosen,
        }
        step = run_here(Path(folder), inputs, clock)
    print(f"{scene}: exit code {step.exit_code}, a summary of {len(step.summary)} characters")
    return step.summary


def make_pages(scene: str) -> dict[str, Page]:
    """Return the pages of a scene by the names of their screenshots."""
    if scene == PLAN_SCENE:
        comment = render_comment(plans.breaking(), run_url=plans.RUN_URL)
        return {scene: Page(render_html(comment, is_comment=True), title=PLAN_TITLE)}
    return pages_of(scene, run_scene(scene))


def pages_of(scene: str, summary: str) -> dict[str, Page]:
    """Return the pages of a summary by the names of their screenshots.

    Raises:
        ScreenshotError: the summary has no timeline, but needs one.
    """
    pages = {} if scene == ONLY_TOP else {f"summary-{scene}": Page(render_html(summary))}
    if scene in TOP_SCENES:
        top, end, _ = summary.partition(TOP_END)
        if not end:
            raise ScreenshotError(f"The summary of {scene} has no heading {TOP_END.strip()}")
        pages[f"summary-{scene}-top"] = Page(render_html(top), is_whole=False)
    return pages


def take_screenshot(chromium: str, page: Page, theme: str, file: Path) -> list[str]:
    """Write the screenshot of a page; return its problems."""
    template = Template((BROWSER / "page.html").read_text("utf-8"))
    modules = (BROWSER / "node_modules").as_uri()
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder, "page.html")
        html.write_text(
            template.substitute(
                modules=modules,
                theme=theme,
                title=page.title,
                body=page.body,
                end="" if page.is_whole else "open",
            ),
            "utf-8",
        )
        command = [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--disable-sync", "--allow-file-access-from-files", f"--user-data-dir={folder}/user"),
            *("--font-render-hinting=none", "--virtual-time-budget=20000"),
        ]
        layout = measure([*command, f"--window-size={WIDTH},1000", "--dump-dom", html.as_uri()])
        command += [f"--window-size={WIDTH},{layout.height}", f"--screenshot={file}"]
        for scale in SCALES:
            run_command([*command, f"--force-device-scale-factor={scale:g}", html.as_uri()])
            run_command(["node", str(BROWSER / "shrink_png.mjs"), str(file)])
            length = file.stat().st_size
            if length <= SIZE_LIMIT:
                break
    size = f"{WIDTH} x {layout.height} at {scale:g}x, {length / 1000:.0f} kB"
    print(f"  {file.name}: {size}")
    problems = [f"{file.name}: too wide: {layout.overflow}"] if layout.overflow else []
    if length > SIZE_LIMIT:
        problems.append(f"{file.name}: {size} exceeds {SIZE_LIMIT / 1000:.0f} kB")
    return problems


def measure(command: list[str]) -> Layout:
    """Return the layout of a page.

    Raises:
        ScreenshotError: the browser returned no page, or Mermaid refused a diagram.
    """
    root = re.search(r"<html[^>]*>", run_command(command))
    found = dict(re.findall(r'data-([a-z]+)="([^"]*)"', root[0] if root else ""))
    if "error" in found or "height" not in found:
        raise ScreenshotError(f"The page was not rendered: {found.get('error', 'no reason')}")
    return Layout(int(found["height"]), found["overflow"])


def run_command(command: list[str]) -> str:
    """Run the browser or Node.js, and return its output.

    Raises:
        ScreenshotError: the command failed, or took too long.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        raise ScreenshotError(f"{command[0]} took more than {SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        raise ScreenshotError(f"{command[0]} failed: {error.stderr.strip()[-2000:]}") from error
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
