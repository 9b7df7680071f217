"""Make a page of a job summary that looks as GitHub shows it."""

from __future__ import annotations

from pathlib import Path
from string import Template

from tests.support.github_markdown import render_html

ROOT = Path(__file__).resolve().parent.parent
_TEMPLATE = ROOT / "scripts" / "demo_page.html"
#: Where ``make mermaid`` and ``make screenshots`` install Mermaid, which draws the timeline.
_MERMAID = ROOT / "tests" / "browser" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"


def write_page(markdown: str, folder: Path) -> Path:
    """Write the page of a summary into a folder, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder.resolve() / "summary.html"
    body = render_html(markdown) if markdown else "<p>The step wrote no job summary.</p>"
    template = Template(_TEMPLATE.read_text("utf-8"))
    page.write_text(template.substitute(mermaid=_MERMAID.as_uri(), body=body), "utf-8")
    return page
