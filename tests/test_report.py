"""What a step leaves behind: outputs and the job summary."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given

from dataform_action.endings import Ending, ExitCode
from dataform_action.inputs import Inputs
from dataform_action.model import Polling, Run, RunRequest, State
from dataform_action.report import escape_markdown, render_outputs, render_summary
from tests.runner import BOUNDED, hostile_texts

_HARMLESS = re.compile(r"(?:[A-Za-z0-9 ]|(?<!^)[%',./;?-]|[^\x00-\x7f]|&#[0-9]+;)*")


@BOUNDED
@given(hostile_texts())
@example("".join(map(chr, range(256))))
def test_escaped_text_means_nothing_to_markdown(text: str) -> None:
    """What is left is letters, digits, blanks, entities, and marks that mean nothing there."""
    escaped = escape_markdown(text)
    assert _HARMLESS.fullmatch(escaped)
    assert re.search(r"^[0-9]+\.( |$)|w\.|^-", escaped) is None
    assert len(escaped.splitlines()) <= 1
    assert _visible(html.unescape(escaped)) == _visible(text)


def _visible(text: str) -> list[str]:
    return [character for character in text if "!" <= character <= "~"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("nightly 2", "nightly 2"),
        ("é ✅", "é ✅"),
        (" a\r\n\tb\u202ec ", "a b c"),
        ("a|b", "a&#124;b"),
        ("<b>", "&#60;b&#62;"),
        ("&lt;", "&#38;lt;"),
        ("@octocat #1", "&#64;\u2060octocat &#35;\u20601"),
        ("a_b-c.d", "a&#95;b-c.d"),
        ("1. one", "1&#46; one"),
        ("- one - two", "&#45; one - two"),
        ("www.example.com", "www&#46;example.com"),
        ("https://a/", "https&#58;//a/"),
        ("x" * 2001, f"{'x' * 1999}…"),
    ],
)
def test_escaped_text_shows_as_it_is(text: str, escaped: str) -> None:
    """A reader sees the text on one line; mentions and references are broken."""
    assert escape_markdown(text) == escaped


def _ending(exit_code: ExitCode, status: State, **changes: object) -> Ending:
    values: dict[str, object] = {
        "title": "Title",
        "message": "It *failed*.\nSo it did.",
        "hint": "Do <this>.",
        "run": Run(id="7_7", state=status, status="A|B", log_url="https://a/77"),
        "duration": 65.9,
        **changes,
    }
    return Ending(exit_code=exit_code, status=status, **values)  # type: ignore[arg-type]


def _inputs(request: RunRequest) -> Inputs:
    return Inputs(
        project_id="12-34",
        token="s3cret",
        request=request,
        polling=Polling(),
        wait=True,
        run_id=None,
        api_url=None,
        summary=True,
    )


@pytest.mark.parametrize(
    ("duration", "outputs"),
    [
        (65.9, {"status": "timed_out", "duration": "65"}),
        (0.0, {"status": "timed_out", "duration": "0"}),
        (None, {"status": "timed_out"}),
    ],
)
def test_outputs_tell_the_status_and_whole_seconds(
    duration: float | None, outputs: dict[str, str]
) -> None:
    """A duration that is not known is no output; one of zero is."""
    ending = _ending(ExitCode.TIMEOUT, State.TIMED_OUT, duration=duration)
    assert render_outputs(ending) == outputs


def test_a_full_summary() -> None:
    """A failure shows every fact, escaped, and then what happened and what to do."""
    inputs = _inputs(RunRequest(schedule="a`b", environment="c|d", tags=("e", "f_g")))
    assert render_summary(
        _ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE), inputs, "Web", str
    ) == (
        "## ❌ Title\n"
        "\n"
        "| | |\n"
        "|---|---|\n"
        "| Run | 7&#95;7 |\n"
        "| Log | [https&#58;//a/77](<https://a/77>) |\n"
        "| Status | A&#124;B |\n"
        "| Duration | 1m 5s |\n"
        "| Service | Web |\n"
        "| Project | 12-34 |\n"
        "| Environment | c&#124;d |\n"
        "| Schedule | a&#96;b |\n"
        "| Tags | e, f&#95;g |\n"
        "\n"
        "It &#42;failed&#42;.\n"
        "\n"
        "So it did.\n"
        "\n"
        "Do &#60;this&#62;.\n"
    )


def test_a_secret_is_hidden_before_escapes_break_it_up() -> None:
    """A secret in any text of the summary is replaced as a whole."""
    ending = _ending(ExitCode.DEFECT, State.FAILURE, message="a s-3_t", hint="s-3_t", run=None)
    inputs = _inputs(RunRequest(schedule="x s-3_t"))
    text = render_summary(ending, inputs, "Web", lambda text: text.replace("s-3_t", "***"))
    assert html.unescape(text).count("***") == 3
    assert "s-3" not in html.unescape(text)


def test_a_short_summary() -> None:
    """What is not known has no row, and a success needs no more words."""
    ending = _ending(ExitCode.SUCCESS, State.SUCCESS, run=None, duration=None)
    assert render_summary(ending, _inputs(RunRequest()), "Web", str) == (
        "## ✅ Title\n\n| | |\n|---|---|\n| Service | Web |\n| Project | 12-34 |\n"
    )


def test_a_summary_of_bad_inputs_has_no_table() -> None:
    """Without inputs only what is wrong is told, a paragraph a problem."""
    ending = _ending(ExitCode.BAD_INPUT, State.FAILURE, run=None, message="a\nb", hint="")
    assert render_summary(ending, None, "Web", str) == "## ❌ Title\n\na\n\nb\n"


@pytest.mark.parametrize(
    ("exit_code", "status", "icon"),
    [
        (ExitCode.SUCCESS, State.SUCCESS, "✅"),
        (ExitCode.SUCCESS, State.RUNNING, "▶️"),
        (ExitCode.NO_ANSWER, State.RUNNING, "❌"),
        (ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, "❌"),
    ],
)
def test_a_summary_shows_the_ending_at_a_glance(
    exit_code: ExitCode, status: State, icon: str
) -> None:
    """A run that was started, one that succeeded and everything else have an icon each."""
    text = render_summary(_ending(exit_code, status), None, "Web", str)
    assert text.startswith(f"## {icon} Title\n")
