"""Take pictures of job summaries as GitHub shows them: ``make screenshots``.

Plays steps against the emulator, renders what they leave with GitHub's Markdown rules, its
stylesheet and the real Mermaid, and writes a light and a dark picture of each to docs/images:
of the whole, and of what a failed run's summary says before its timeline.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
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
    ReleaseConfig,
    Repository,
    WorkflowConfig,
)
from tests.support.fakes import FakeClock
from tests.support.github_markdown import render_html
from tests.support.steps import run_here

BROWSER = ROOT / "tests" / "browser"
PROJECTS = ROOT / "tests" / "projects"
IMAGES = ROOT / "docs" / "images"
THEMES = ("light", "dark")
#: CSS pixels: the page of a run beside its list of jobs, on a screen of usual size.
WIDTH = 1012
#: Pixels to a CSS pixel: as many as the picture's size allows.
SCALES = (2.0, 1.5, 1.0)
SIZE_LIMIT = 250_000
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60.0

PROJECT = "example-shop-warehouse"
SHA = "3f2a9c1d0b8e7f6a5c4d3e2f1a0b9c8d7e6f5a4b"
BROKEN_SHA = "9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c"
#: A night in March, so that the pictures are the same whenever they are taken.
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
#: The inputs of each step, and what fails in its run.
SCENES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "success": ({"schedule": "nightly"}, {}),
    "failure": ({"schedule": "nightly"}, FAILURES),
    "compile-errors": ({"git-ref": "feature/vouchers"}, {}),
}
#: The scene whose top has a picture of its own, and the heading before which that ends.
TOP_SCENE, TOP_END = "failure", "\n### Timeline\n"


@dataclass(frozen=True, slots=True)
class Page:
    """What a picture shows, as HTML; ``is_whole`` unless the summary goes on below it."""

    body: str
    is_whole: bool = True


class Missing(Exception):
    """Tell what is missing, or what failed, in words for the one who takes the pictures."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the browser said of a page: its height in CSS pixels, and what is cut at the right."""

    height: int
    cut: str


def main() -> int:
    """Take the pictures and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=IMAGES, help="the folder of the pictures")
    parser.add_argument("--scene", choices=sorted(SCENES), help="one alone")
    options = parser.parse_args()
    try:
        chromium = find_chromium()
        options.to.mkdir(parents=True, exist_ok=True)
        flaws = []
        for scene in [options.scene] if options.scene else SCENES:
            for name, page in pages_of(scene, play(scene)).items():
                for theme in THEMES:
                    picture = options.to / f"summary-{name}-{theme}.png"
                    flaws += photograph(chromium, page, theme, picture)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    for flaw in flaws:
        print(flaw, file=sys.stderr)
    return 1 if flaws else 0


def find_chromium() -> str:
    """Return the browser's path.

    Raises:
        Missing: there is none, or no Node.js, or not what npm brings.
    """
    if not (BROWSER / "node_modules").is_dir():
        raise Missing(f"{BROWSER.relative_to(ROOT)}/node_modules is missing: say make screenshots")
    if shutil.which("node") is None:
        raise Missing("node is missing: install Node.js 18 or newer")
    for name in CHROMIUM:
        path = shutil.which(name)
        if path is not None:
            return path
    raise Missing(
        f"No browser is on the PATH (looked for {', '.join(CHROMIUM)}): "
        "on Debian, apt-get install chromium"
    )


def make_shop(failures: dict[str, str]) -> Repository:
    """Return a repository of 394 actions, whose nightly run has these failures."""
    graph = json.loads((PROJECTS / "shop.json").read_text("utf-8"))
    names = [f"{node['target']['schema']}.{node['target']['name']}" for node in graph["tables"]]
    # As uneven as tables are: most are quick, a few take minutes.
    lengths = {name: 2 + (crc32(name.encode()) % 100) ** 4 // 2_000_000 for name in names}
    course = Course(seconds=RUN_SECONDS, parallel=12, failures=failures, lengths=lengths)
    return Repository(
        graph=graph,
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


def play(scene: str) -> str:
    """Run a step to its end, in simulated minutes, and return its summary."""
    clock = FakeClock(NIGHT)
    wanted, failures = SCENES[scene]
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(advance="clock", clock=clock, repositories=[make_shop(failures)]) as emulator,
    ):
        inputs = {
            "project-id": PROJECT,
            "location": "europe-west1",
            "repository": "shop",
            "token": emulator.token,
            "api-url": emulator.url,
            **wanted,
        }
        step = run_here(Path(folder), inputs, clock)
    print(f"{scene}: exit code {step.exit_code}, a summary of {len(step.summary)} characters")
    return step.summary


def pages_of(scene: str, summary: str) -> dict[str, Page]:
    """Return what is shown of a summary, by the names of the pictures.

    Raises:
        Missing: the summary whose top is shown has no timeline.
    """
    pages = {scene: Page(render_html(summary))}
    if scene == TOP_SCENE:
        top, end, _ = summary.partition(TOP_END)
        if not end:
            raise Missing(f"The summary of {scene} has no heading {TOP_END.strip()}")
        pages[f"{scene}-top"] = Page(render_html(top), is_whole=False)
    return pages


def photograph(chromium: str, shown: Page, theme: str, picture: Path) -> list[str]:
    """Write the picture of a page; return what is wrong with it."""
    template = Template((BROWSER / "page.html").read_text("utf-8"))
    modules = (BROWSER / "node_modules").as_uri()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(
            template.substitute(
                modules=modules,
                theme=theme,
                job="nightly",
                body=shown.body,
                end="" if shown.is_whole else "open",
            ),
            "utf-8",
        )
        command = [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--disable-sync", "--allow-file-access-from-files", f"--user-data-dir={folder}/user"),
            *("--font-render-hinting=none", "--virtual-time-budget=20000"),
        ]
        layout = measure([*command, f"--window-size={WIDTH},1000", "--dump-dom", page.as_uri()])
        command += [f"--window-size={WIDTH},{layout.height}", f"--screenshot={picture}"]
        for scale in SCALES:
            browse([*command, f"--force-device-scale-factor={scale:g}", page.as_uri()])
            browse(["node", str(BROWSER / "shrink_png.mjs"), str(picture)])
            length = picture.stat().st_size
            if length <= SIZE_LIMIT:
                break
    size = f"{WIDTH} x {layout.height} at {scale:g}x, {length / 1000:.0f} kB"
    print(f"  {picture.name}: {size}")
    flaws = [f"{picture.name}: cut at the right: {layout.cut}"] if layout.cut else []
    if length > SIZE_LIMIT:
        flaws.append(f"{picture.name}: {size} is over {SIZE_LIMIT / 1000:.0f} kB")
    return flaws


def measure(command: list[str]) -> Layout:
    """Return how a page is laid out.

    Raises:
        Missing: the browser gave no page, or Mermaid refused a diagram.
    """
    root = re.search(r"<html[^>]*>", browse(command))
    found = dict(re.findall(r'data-([a-z]+)="([^"]*)"', root[0] if root else ""))
    if "error" in found or "height" not in found:
        raise Missing(f"The page could not be drawn: {found.get('error', 'no reason given')}")
    return Layout(int(found["height"]), found["cut"])


def browse(command: list[str]) -> str:
    """Run the browser and return what it writes.

    Raises:
        Missing: it failed, or took too long.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{command[0]} took more than {SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        raise Missing(f"{command[0]} failed: {error.stderr.strip()[-2000:]}") from error
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
