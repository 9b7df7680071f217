"""The status page for runs of Dataform Web; ``google/test_api`` tests it for invocations."""

from __future__ import annotations

from dataform_action.emulator import Emulator
from dataform_action.emulator.status_page import Card, render_page
from tests.emulator.support import RUNS, Client, ManualClock


def test_page_shows_each_run_at_its_link(client: Client) -> None:
    """The page has a section for each run; the fragment of the run's link is its id."""
    assert "No run yet." in client.call("GET", "/", headers={}).text
    order = {
        "scheduleName": "failure",
        "environmentName": "staging",
        "runConfig": {"tags": ["daily", "eu"]},
    }
    run_id = client.call("POST", RUNS, order).data["id"]
    link = client.call("GET", f"{RUNS}/{run_id}").data["runLogUrl"]
    response = client.call("GET", "/", headers={})
    assert response.headers.get_content_type() == "text/html"
    assert f'<section id="{link.partition("#")[2]}">' in response.text
    assert '<span class="badge running">RUNNING</span>' in response.text
    assert "Schedule</dt><dd>failure" in response.text
    assert "Environment</dt><dd>staging" in response.text
    assert "Tags</dt><dd>daily, eu" in response.text
    assert "<p>1 run. " in response.text
    newest_id = client.create()
    page = client.call("GET", "/").text
    assert "<p>2 runs, newest first. " in page
    assert page.index(f"Run {newest_id}") < page.index(f"Run {run_id}")


def test_page_reloads_while_a_run_is_active(client: Client) -> None:
    """The page reloads itself while a run is active; loading it advances no run."""
    refresh = "<script>setTimeout(() => location.reload(), 2000)</script>"
    assert refresh not in client.call("GET", "/").text
    run_id = client.create("nightly")
    client.create("missing")
    assert all(refresh in client.call("GET", "/").text for _ in range(4))
    client.poll(run_id, 3)
    page = client.call("GET", "/").text
    assert refresh not in page
    assert '<span class="badge success">SUCCESSFUL</span>' in page
    assert '<span class="badge neutral">NOT_FOUND</span>' in page


def test_page_escapes_everything(emulator: Emulator, client: Client) -> None:
    """The page escapes all text from requests."""
    emulator.set_outcome("<b>\"'&", ("<i>",))
    tags = ["</dd><script>alert(1)</script>", "\ud800"]
    client.call("POST", RUNS, {"scheduleName": "<b>\"'&", "runConfig": {"tags": tags}})
    page = client.call("GET", "/").text
    assert "&lt;b&gt;&quot;&#x27;&amp;" in page
    assert "&lt;/dd&gt;&lt;script&gt;alert(1)&lt;/script&gt;, ?" in page
    assert '<span class="badge unknown">&lt;i&gt;</span>' in page
    assert page.count("<script") == 1
    assert "<i>" not in page
    hostile = Card('"><u>', "<s>", "<i>", "unknown", 0.0, {"<b>": "<b>"})
    section = render_page([hostile]).partition("<section")[2]
    assert section.startswith(' id="&quot;&gt;&lt;u&gt;">')
    assert not any(tag in section for tag in ("<u>", "<s>", "<i>", "<b>"))


def test_page_shows_when_a_run_started() -> None:
    """The page shows the start of a run in UTC."""
    with Emulator(clock=ManualClock()) as emulator:
        client = Client(emulator.url)
        client.create()
        assert "<dd>1970-01-12 13:46:40 UTC</dd>" in client.call("GET", "/").text
        client.close()
