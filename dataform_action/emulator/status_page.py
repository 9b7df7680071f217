"""The status page at ``/``: all runs, or the one run that the URL's fragment names."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Literal

from dataform_action.emulator.http.endpoint import Endpoint
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import Response

Tone = Literal["running", "success", "failure", "neutral", "unknown"]
"""The meaning of a status, which selects the colour of the badge."""

_ACTIVE: tuple[Tone, ...] = ("running", "unknown")
# A script: without a URL, <meta http-equiv="refresh"> does not reload a page with a fragment.
_RELOAD = "setTimeout(() => location.reload(), 2000)"
_RELOAD_HASH = b64encode(sha256(_RELOAD.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_RELOAD_HASH}'"
_STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1c2128; --soft: #5b6573;
  --line: #d9dee5; --running: #0b5cad; --success: #1a7037; --failure: #b3261e; --neutral: #5b6573;
  --unknown: #8a5300; --badge-ink: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --card: #1b2129; --ink: #e4e8ee;
  --soft: #9aa5b3; --line: #313a46; --running: #6cb2ff; --success: #5fd38a; --failure: #ff8a80;
  --neutral: #aab4c0; --unknown: #f2b55f; --badge-ink: #10141a; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
p { color: var(--soft); }
a { color: var(--running); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem 1.2rem; margin: 1rem 0; overflow-wrap: anywhere; }
h2 { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: space-between;
  align-items: center; font-size: 1rem; margin: 0 0 .6rem; }
h2 a { color: inherit; text-decoration: none; }
h2 a:hover { text-decoration: underline; }
.badge { background: var(--neutral); color: var(--badge-ink); border-radius: 1rem;
  padding: 0 .7rem; font-size: .8rem; line-height: 1.6; }
.running { background: var(--running); }
.success { background: var(--success); }
.failure { background: var(--failure); }
.unknown { background: var(--unknown); }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: .2rem .8rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; }
.all { display: none; }
section:target { border-color: var(--running); }
main:has(section:target) section:not(:target) { display: none; }
main:has(section:target) .all { display: inline; }
"""


@dataclass(frozen=True, slots=True)
class Card:
    """A run on the page; ``anchor`` is the fragment of its link."""

    anchor: str
    title: str
    status: str
    tone: Tone
    started: float
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StatusPage:
    """Serves ``GET /``."""

    cards: Callable[[], Sequence[Card]]

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        if (request.method, request.path) != ("GET", "/"):
            return None
        return Endpoint(None, self._respond)

    def _respond(self) -> Response:
        body = render_page(self.cards()).encode("utf-8", "replace")
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return Response(200, body, "text/html; charset=utf-8", headers)


def render_page(cards: Sequence[Card]) -> str:
    """Render the page, which reloads itself while a run is active."""
    active = any(card.tone in _ACTIVE for card in cards)
    reload = f"<script>{_RELOAD}</script>" if active else ""
    sections = "\n".join(map(_render_card, reversed(cards)))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{reload}
<title>Dataform emulator</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Dataform emulator</h1>
<p>{_render_count(len(cards))} <a class="all" href="#">Show all runs</a></p>
{sections}
</main>
</body>
</html>
"""


def _render_count(count: int) -> str:
    if count == 0:
        return "No run yet."
    return "1 run." if count == 1 else f"{count} runs, newest first."


def _render_card(card: Card) -> str:
    started = datetime.fromtimestamp(card.started, UTC)
    details = {**card.details, "Started": f"{started:%Y-%m-%d %H:%M:%S} UTC"}
    rows = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in details.items()
    )
    return f"""<section id="{escape(card.anchor)}">
<h2><a href="#{escape(card.anchor)}">{escape(card.title)}</a>
<span class="badge {card.tone}">{escape(card.status)}</span></h2>
<dl>
{rows}
</dl>
</section>"""
